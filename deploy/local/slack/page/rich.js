// Rich text as DOM, and as plain words.

import { h } from "./dom.js";
import { channelMention, link, mention, mrkdwn, reader } from "./mrkdwn.js";
import { emoji } from "./emoji.js";
import { formatDate } from "./dates.js";
import { signs } from "./signs.js";

export function richPart(part) {
  switch (part.type) {
    case "rich_text_section":
      return h("div", {}, part.elements.map(richInline));
    case "rich_text_preformatted":
      return h(
        "pre",
        { class: "code" },
        part.elements.map((one) => one.text ?? one.url ?? ""),
      );
    case "rich_text_quote":
      return h("blockquote", {}, part.elements.map(richInline));
    case "rich_text_list":
      return h(
        part.style === "ordered" ? "ol" : "ul",
        { class: `indent-${part.indent ?? 0}`, start: part.offset ? part.offset + 1 : undefined },
        part.elements.map((one) => h("li", {}, one.elements.map(richInline))),
      );
    default:
      return h("div", { class: "unknown-label boxed" }, part.type);
  }
}

function richInline(one) {
  const body = richBody(one);
  const style = one.style ?? {};
  let node = body;
  for (const [name, tag] of [
    ["code", "code"],
    ["bold", "strong"],
    ["italic", "em"],
    ["strike", "s"],
    ["underline", "u"],
  ]) {
    if (style[name]) node = h(tag, {}, node);
  }
  return node;
}

function richBody(one) {
  switch (one.type) {
    case "text":
      return one.typed
        ? mrkdwn(one.text)
        : one.text.split("\n").flatMap((line, index) => (index ? [h("br"), ...signs(line)] : signs(line)));
    case "link":
      return link(one.url, [one.text ?? one.url]);
    case "user":
      return mention(one.user_id);
    case "channel":
      return channelMention(one.channel_id);
    case "usergroup":
      return h("span", { class: "mention" }, `@${reader.groups.get(one.usergroup_id)?.handle ?? one.usergroup_id}`);
    case "broadcast":
      return h("span", { class: "mention strong" }, `@${one.range}`);
    case "emoji":
      return emoji(one.name);
    case "date":
      return h("time", {}, formatDate(one.timestamp, one.format, reader.me?.tz) ?? one.fallback ?? "");
    case "color":
      return h("code", {}, one.value);
    default:
      return h("span", { class: "unknown-label boxed" }, `${one.type} in rich text`);
  }
}

// Whether plain words say all that it says.
export const isPlain = (value) =>
  (value?.elements ?? []).every(
    (part) =>
      part.type === "rich_text_section" &&
      part.elements.every((one) => one.type === "text" && !Object.values(one.style ?? {}).some(Boolean)),
  );

export const richWords = (value) => (value?.elements ?? []).map(partWords).join("\n");

function partWords(part) {
  if (part.type === "rich_text_list")
    return part.elements
      .map((one, index) => {
        const mark = part.style === "ordered" ? `${(part.offset ?? 0) + index + 1}.` : "•";
        return `${"  ".repeat(part.indent ?? 0)}${mark} ${one.elements.map(inlineWords).join("")}`;
      })
      .join("\n");
  const words = (part.elements ?? []).map(inlineWords).join("").replace(/\n$/, "");
  return part.type === "rich_text_quote" ? words.replace(/^/gm, "> ") : words;
}

function inlineWords(one) {
  if (one.type === "link") return one.text ? `${one.text} (${one.url})` : one.url;
  return one.type === "text" ? one.text : one.type === "emoji" ? `:${one.name}:` : richBody(one).textContent;
}
