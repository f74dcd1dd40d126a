// Slack's mrkdwn, and a little Markdown for markdown blocks, as DOM nodes: never as HTML text.

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { formatDate } from "./dates.js";
import { leads } from "./places.js";
import { signs } from "./signs.js";

// The reader's workspace: its address, names behind ids, and the zone dates are shown in.
export const reader = {
  domain: "",
  people: new Map(),
  channels: new Map(),
  groups: new Map(),
  apps: new Map(),
  me: null,
  known: "",
  version: 0,
};

const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
const MARKS = [
  ["*", "strong"],
  ["_", "em"],
  ["~", "s"],
];

export function mrkdwn(text, options = {}) {
  const parts = text.split(/```([\s\S]*?)```/);
  return parts.flatMap((part, index) =>
    index % 2
      ? [h("pre", { class: "code" }, unescape(part.replace(/^\n|\n$/g, "")))]
      : quotes(part, options, index > 0, index < parts.length - 1),
  );
}

function quotes(text, options, trimStart, trimEnd) {
  let body = trimStart ? text.replace(/^\n/, "") : text;
  if (trimEnd) body = body.replace(/\n$/, "");
  const nodes = [];
  let quoted = null;
  body.split("\n").forEach((line, index, all) => {
    const match = line.match(/^(?:&gt;|>)\s?(.*)$/);
    if (match) {
      if (!quoted) nodes.push((quoted = h("blockquote")));
      else quoted.append(h("br"));
      quoted.append(...inline(match[1], options));
      return;
    }
    const afterQuote = quoted !== null;
    quoted = null;
    if (index > 0 && !afterQuote) nodes.push(h("br"));
    nodes.push(...inline(line, options));
    if (index === all.length - 1) return;
  });
  return nodes;
}

export function inline(text, options = {}) {
  const found = /`([^`\n]+)`|<([^<>\n]+)>/.exec(text);
  if (!found) return marks(text, options);
  const before = text.slice(0, found.index);
  const after = text.slice(found.index + found[0].length);
  const wrap = splitMark(before, after);
  if (wrap) return wrapped(text, wrap, options);
  const middle = found[1] !== undefined ? h("code", {}, unescape(found[1])) : token(found[2], options);
  return [...marks(before, options), middle, ...inline(after, options)];
}

// A mark that opens before a token and closes after it: *<https://…|label>*
function splitMark(before, after) {
  for (const [sign] of MARKS) {
    const opens = before.lastIndexOf(sign);
    if (opens < 0 || (opens > 0 && /\w/.test(before[opens - 1]))) continue;
    const odd = (before.split(sign).length - 1) % 2 === 1;
    if (odd && after.includes(sign)) return { sign, opens };
  }
  return null;
}

function wrapped(text, { sign, opens }, options) {
  const tag = MARKS.find(([mark]) => mark === sign)[1];
  let close = -1;
  let depth = 0;
  for (let at = opens + 1; at < text.length; at++) {
    if (text[at] === "<") depth++;
    else if (text[at] === ">") depth--;
    else if (text[at] === sign && depth === 0) {
      close = at;
      break;
    }
  }
  if (close < 0) return marks(text, options);
  return [
    ...marks(text.slice(0, opens), options),
    h(tag, {}, inline(text.slice(opens + 1, close), options)),
    ...inline(text.slice(close + 1), options),
  ];
}

function marks(text, options) {
  if (!text) return [];
  for (const [sign, tag] of MARKS) {
    const mark = sign === "*" ? "\\*" : sign;
    const match = text.match(new RegExp(`(^|[^\\w${mark}])${mark}(\\S(?:[^${mark}\\n]*\\S)?)${mark}(?!\\w)`));
    if (match) {
      const start = match.index + match[1].length;
      return [
        ...marks(text.slice(0, start), options),
        h(tag, {}, marks(match[2], options)),
        ...marks(text.slice(start + match[2].length + 2), options),
      ];
    }
  }
  return emojis(unescape(text));
}

export function emojis(text) {
  return text
    .split(/:((?!\d+:)[a-z0-9_+-]+(?:::skin-tone-\d)?):/)
    .flatMap((part, index) => (index % 2 ? emoji(part) : signs(part)))
    .filter(Boolean);
}

function token(body, options) {
  const [target, label] = split(body, "|");
  if (target.startsWith("@")) return mention(target.slice(1), label);
  if (target.startsWith("#")) return channelMention(target.slice(1), label);
  if (target.startsWith("!date^")) return dateToken(target, label);
  if (target.startsWith("!subteam^"))
    return h(
      "span",
      { class: "mention" },
      `@${reader.groups.get(target.slice(9))?.handle ?? (label ?? "group").replace(/^@/, "")}`,
    );
  if (target.startsWith("!")) return h("span", { class: "mention strong" }, `@${label ?? target.slice(1)}`);
  return link(target, label ? marks(label, options) : [unescape(target.replace(/^mailto:/, ""))]);
}

function split(text, sign) {
  const at = text.indexOf(sign);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

export function mention(id, label) {
  const person = reader.people.get(id);
  const mine = reader.me?.id === id;
  return h(
    "span",
    { class: `mention${mine ? " mine" : ""}`, title: person?.real_name ?? "" },
    `@${person?.display_name || person?.name || label || id}`,
  );
}

// Leads there, where this person sees the channel (main.js hears the click).
export function channelMention(id, label) {
  const there = reader.channels.get(id);
  return there
    ? h("a", { class: "mention", href: `/?as=${reader.me?.name}&channel=${id}`, dataset: { go: id } }, `#${there.name}`)
    : h("span", { class: "mention" }, `#${label ?? "private-channel"}`);
}

export function link(target, label) {
  const safe = /^(https?:|mailto:|tel:)/i.test(target) ? unescape(target) : null;
  return h("a", safe ? leads(safe) : {}, label);
}

function dateToken(target, label) {
  const [, stamp, format, url] = target.split("^");
  const words = formatDate(Number(stamp), format, reader.me?.tz) ?? label ?? "";
  const node = h(
    "time",
    {
      dateTime: new Date(Number(stamp) * 1000).toISOString(),
      title: formatDate(Number(stamp), "{date_long} {time_secs}", reader.me?.tz),
    },
    words,
  );
  return url ? link(url, [node]) : node;
}

// --- Markdown -------------------------------------------------------------------------------------------------------

export function markdown(text) {
  const nodes = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length;) {
    const line = lines[at];
    if (/^```/.test(line)) {
      const end = lines.findIndex((one, index) => index > at && /^```/.test(one));
      const stop = end < 0 ? lines.length : end;
      nodes.push(h("pre", { class: "code" }, lines.slice(at + 1, stop).join("\n")));
      at = stop + 1;
      continue;
    }
    const [node, used] = blockAt(lines, at);
    if (node) nodes.push(node);
    at += used;
  }
  return nodes;
}

function blockAt(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, 1];
  const heading = line.match(/^(#{1,6})\s+(.*)$/);
  if (heading) return [h(`h${Math.min(heading[1].length + 2, 6)}`, {}, spans(heading[2])), 1];
  if (/^(-{3,}|\*{3,})$/.test(line.trim())) return [h("hr"), 1];
  if (/^\s*\|/.test(line) && /^\s*\|?[\s:|-]+\|?\s*$/.test(lines[at + 1] ?? "")) return table(lines, at);
  const item = /^\s*([-*+]|\d+[.)])\s+(.*)$/;
  if (item.test(line)) {
    const used = run(lines, at, (one) => item.test(one));
    const rows = lines.slice(at, at + used).map((one) => h("li", {}, spans(one.match(item)[2])));
    return [h(/^\s*\d/.test(line) ? "ol" : "ul", {}, rows), used];
  }
  if (/^>\s?/.test(line)) {
    const used = run(lines, at, (one) => /^>\s?/.test(one));
    return [
      h(
        "blockquote",
        {},
        markdown(
          lines
            .slice(at, at + used)
            .map((one) => one.replace(/^>\s?/, ""))
            .join("\n"),
        ),
      ),
      used,
    ];
  }
  const used = run(lines, at, (one) => one.trim() && !/^(#{1,6}\s|```|>|\s*([-*+]|\d+[.)])\s)/.test(one)) || 1;
  return [
    h(
      "p",
      {},
      lines.slice(at, at + used).flatMap((one, index) => (index ? [h("br"), ...spans(one)] : spans(one))),
    ),
    used,
  ];
}

function run(lines, at, test) {
  let used = 0;
  while (at + used < lines.length && test(lines[at + used])) used++;
  return used;
}

function table(lines, at) {
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((cell) => cell.trim());
  const used = 2 + run(lines, at + 2, (one) => /^\s*\|/.test(one));
  const head = h(
    "tr",
    {},
    cells(lines[at]).map((cell) => h("th", {}, spans(cell))),
  );
  const rows = lines.slice(at + 2, at + used).map((line) =>
    h(
      "tr",
      {},
      cells(line).map((cell) => h("td", {}, spans(cell))),
    ),
  );
  return [h("div", { class: "table-scroll" }, h("table", {}, h("thead", {}, head), h("tbody", {}, rows))), used];
}

function spans(text) {
  const rules = [
    [/`([^`]+)`/, (m) => h("code", {}, m[1])],
    [/\[([^\]]+)\]\((\S+?)\)/, (m) => link(m[2], spans(m[1]))],
    [/<(@|#|!|https?:|mailto:)([^<>]+)>/, (m) => token(m[1] + m[2], {})],
    [/\*\*(.+?)\*\*/, (m) => h("strong", {}, spans(m[1]))],
    [/~~(.+?)~~/, (m) => h("s", {}, spans(m[1]))],
    [/(?<![\w*])[*_]([^*_]+)[*_](?![\w*])/, (m) => h("em", {}, spans(m[1]))],
  ];
  const hits = rules.map(([rule, make]) => [rule.exec(text), make]).filter(([match]) => match);
  if (!hits.length) return emojis(text);
  const [match, make] = hits.reduce((best, one) => (one[0].index < best[0].index ? one : best));
  return [...emojis(text.slice(0, match.index)), make(match), ...spans(text.slice(match.index + match[0].length))];
}
