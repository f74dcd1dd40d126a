// The inspector: what went over the wire for a message, a modal or a home, or of late, with timings, limits, payloads.

import { ask, copyButton, h, icon, redraw, test } from "./dom.js";
import { formatDate } from "./dates.js";
import { store } from "./store.js";

const BUILDER = "https://app.slack.com/block-kit-builder/#";
const KINDS = { api: "API call", delivery: "sent to the app", ack: "late ack", response_url: "response_url" };
const TABS = [
  ["wire", "On the wire"],
  ["limits", "Limits"],
  ["json", "Block Kit JSON"],
];
const BEFORE =
  "Slack carries no link from a command to a later post. These came from here in the ten seconds before.";
// What is looked at: what to ask for, what it is called, and how its entries belong to it.
const SUBJECTS = {
  all: { title: "All traffic", note: () => "the newest first", ask: () => ({ limit: 120 }) },
  message: {
    title: "Inspector",
    note: () => clock(Number(about.ts)),
    ask: () => ({ as: store.me.id, channel: about.channel, ts: about.ts }),
    parts: { before: "Shortly before, in this channel", itself: "This message", thread: "Its thread" },
  },
  view: {
    title: "Inspector",
    note: (found) => (found.view ? (found.view.title?.text ?? "") : "a modal that is closed"),
    ask: () => ({ as: store.me.id, view: about.view }),
    parts: { opened: "What opened it", itself: "This modal" },
  },
  home: {
    title: "Inspector",
    note: () => "Home",
    ask: () => ({ as: store.me.id, home: about.home }),
    parts: { itself: "This home" },
  },
};
const open = new Set();
let about = null;
let tab = "wire";
let watching = 0;
let shown = null; // where it is drawn: there is one inspector at a time

const subject = () => SUBJECTS[["ts", "view", "home"].find((key) => about[key])?.replace("ts", "message") ?? "all"];

// `what` is a message, {view: id}, {home: app's id}, or null: all traffic. `same` keeps the tab that is open.
export function inspect(host, what, { same = false } = {}) {
  if (shown && shown !== host) shut(shown);
  about = what ?? {};
  if (!same) tab = "wire";
  open.clear();
  shown = host;
  host.hidden = false;
  draw(host).then(() => same || host.querySelector(".inspect-close")?.focus());
  watch(host);
}

export function shut(host) {
  if (host.hidden) return false;
  host.hidden = true;
  shown = null;
  watching += 1;
  host.replaceChildren();
  return true;
}

async function draw(host) {
  const asked = about;
  const { title, note, ask: wanted, parts } = subject();
  const found = await ask("trace", wanted()).catch((problem) => ({
    entries: [],
    rates: [],
    problem: problem.message,
  }));
  if (host.hidden || asked !== about) return;
  const tabs = parts ? TABS : TABS.slice(0, 2);
  if (!tabs.some(([name]) => name === tab)) tab = "wire";
  const body = { wire: wire, limits: limits, json: json }[tab];
  redraw(
    host,
    h(
      "header",
      { class: "pane-head" },
      h(
        "div",
        { class: "pane-title" },
        h("h2", {}, title),
        h("span", { class: "quiet" }, note(found)),
      ),
      h(
        "button",
        {
          class: "icon-button inspect-close",
          type: "button",
          "aria-label": "Close the inspector",
          "data-key": "inspect-close",
          onclick: () => shut(host),
          ...test("inspect-close"),
        },
        icon("close"),
      ),
    ),
    h(
      "div",
      { class: "tabs inspect-tabs", role: "tablist", "aria-label": "Views of the traffic" },
      tabs.map(([name, label]) =>
        h(
          "button",
          {
            class: `tab${tab === name ? " here" : ""}`,
            type: "button",
            role: "tab",
            "aria-selected": String(tab === name),
            "data-key": `inspect-${name}`,
            onclick: () => {
              tab = name;
              draw(host);
            },
            ...test(`inspect-${name}`),
          },
          label,
        ),
      ),
    ),
    found.problem
      ? h("p", { class: "inspect-note" }, found.problem)
      : h(
          "div",
          {
            class: "inspect-body",
            role: "tabpanel",
            tabIndex: 0,
            "aria-label": tabs.find(([name]) => name === tab)[1],
            "data-key": "inspect-body",
          },
          body(found),
        ),
  );
}

// --- what went over the wire ---------------------------------------------------------------------------------------

function wire(found) {
  const { parts } = subject();
  if (!found.entries.length)
    return h(
      "p",
      { class: "inspect-note" },
      parts ? "Nothing of it is in the log, or not any more." : "Nothing went over the wire yet.",
    );
  if (!parts) return h("div", {}, [...found.entries].reverse().map(entry));
  return Object.keys(parts).map((why) => {
    const mine = found.entries.filter((one) => one.why === why);
    return mine.length
      ? h(
          "section",
          { class: "inspect-part" },
          h("h3", {}, parts[why]),
          why === "before" ? h("p", { class: "inspect-note" }, BEFORE) : null,
          mine.map(entry),
        )
      : null;
  });
}

function entry(one) {
  const good = ["ok", "acked"].includes(one.result);
  const row = h(
    "details",
    { class: "wire-row", open: open.has(one.number), "data-kind": one.kind, ...test("wire-row") },
    h(
      "summary",
      { "data-key": `wire-${one.number}` },
      h("span", {
        class: `wire-arrow ${one.kind === "delivery" ? "out" : "in"}`,
        role: "img",
        "aria-label": one.kind === "delivery" ? "to the app" : "from the app",
      }),
      h("span", { class: "wire-name" }, one.name),
      h(
        "span",
        { class: "quiet" },
        KINDS[one.kind] +
          (one.transport ? `, ${one.transport}` : "") +
          (one.attempt ? `, attempt ${one.attempt + 1}` : ""),
      ),
      h("span", { class: `wire-result${good ? "" : " bad"}` }, one.result || "…"),
      h("span", { class: "wire-took" }, `${(one.elapsed * 1000).toFixed(one.elapsed < 0.1 ? 1 : 0)} ms`),
      h("span", { class: "wire-at quiet" }, clock(one.at)),
    ),
  );
  const fill = () => {
    if (!row.open || row.children.length > 1) return;
    if (one.request === null)
      return row.append(h("p", { class: "inspect-note" }, "What was sent and answered is no longer kept."));
    row.append(
      part("Sent", one.request),
      part(one.kind === "delivery" ? "The app answered" : "Slack answered", one.answer),
    );
  };
  row.addEventListener("toggle", () => {
    fill();
    open[row.open ? "add" : "delete"](one.number);
  });
  fill();
  return row;
}

const part = (label, value) =>
  value === null || value === "" || (typeof value === "object" && !Object.keys(value).length)
    ? h("p", { class: "inspect-note" }, `${label}: nothing`)
    : h(
        "div",
        {},
        h("div", { class: "wire-label" }, label, copyButton("link-button", () => pretty(value))),
        h("pre", { class: "code", tabIndex: 0, "aria-label": label }, pretty(value)),
      );
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

// --- limits --------------------------------------------------------------------------------------------------------

function limits(found) {
  return [
    found.uses
      ? h(
          "section",
          { class: "inspect-part" },
          h("h3", {}, subject().parts.itself),
          found.uses.length
            ? bars(
                found.uses
                  .filter((one) => !/_id$/.test(one.at))
                  .slice(0, 30)
                  .map((one) => [one.at, one.used, one.most, one.unit]),
              )
            : h("p", { class: "inspect-note" }, "It has no blocks."),
        )
      : null,
    h(
      "section",
      { class: "inspect-part" },
      h("h3", {}, "Calls that would pass now"),
      found.rates.length
        ? bars(
            [...found.rates]
              .sort((a, b) => a.left / a.most - b.left / b.most)
              .map((one) => [method(one.method), one.most - one.left, one.most, "used"]),
          )
        : h("p", { class: "inspect-note" }, "No call was counted yet, or the limits are off."),
    ),
  ];
}

const method = (words) => words.replace(/ (\S+)$/, (whole, id) => ` in #${store.channels.get(id)?.name || id}`);

function bars(rows) {
  return h(
    "div",
    { class: "bars" },
    rows.map(([what, used, most, unit]) =>
      h(
        "div",
        { class: "bar-row" },
        h("span", { class: "bar-what" }, what),
        h("span", { class: "bar-number" }, `${used} of ${most} ${unit}`),
        h("meter", { min: 0, max: most, high: most * 0.9, optimum: 0, value: used, "aria-label": what }),
      ),
    ),
  );
}

// --- the blocks ----------------------------------------------------------------------------------------------------

// What the builder takes of a view: what the app sent, without what only the app reads.
const VIEW = ["type", "title", "submit", "close", "callback_id", "blocks"];
const payload = ({ message, view }) =>
  view
    ? Object.fromEntries(VIEW.filter((key) => view[key]).map((key) => [key, view[key]]))
    : { blocks: message?.blocks ?? [] };

function json(found) {
  const whole = found.message ?? found.view;
  if (!whole) return h("p", { class: "inspect-note" }, "There is none now: it is closed, or was never published.");
  const sent = payload(found);
  return h(
    "section",
    { class: "inspect-part" },
    h(
      "div",
      { class: "block-actions" },
      copyButton("button", () => pretty(sent), test("copy-blocks")),
      h(
        "a",
        {
          class: "button",
          href: BUILDER + encodeURIComponent(JSON.stringify(sent)),
          target: "_blank",
          rel: "noopener noreferrer",
          ...test("builder"),
        },
        "Open in Block Kit Builder",
      ),
    ),
    h("p", { class: "inspect-note" }, "The link leads to slack.com: the blocks leave this machine, in your browser."),
    h("pre", { class: "code", tabIndex: 0, "aria-label": "The blocks", ...test("block-json") }, pretty(sent)),
    h(
      "details",
      {},
      h("summary", { "data-key": "inspect-whole" }, found.message ? "The whole message" : "The whole view"),
      h("pre", { class: "code", tabIndex: 0, "aria-label": "All of it" }, pretty(whole)),
    ),
  );
}

function clock(seconds) {
  const thousandths = String(Math.floor((seconds % 1) * 1000)).padStart(3, "0");
  return formatDate(seconds, "{time_secs}", store.me?.tz).replace(/( [AP]M)?$/, `.${thousandths}$1`);
}

// New entries show while the drawer is open: the change feed says when.
async function watch(host) {
  const mine = ++watching;
  let version = store.version;
  while (mine === watching) {
    const answer = await fetch(`/control/changes?since=${version}&timeout=20`)
      .then((one) => one.json())
      .catch(() => null);
    if (mine !== watching) return;
    if (!answer) {
      await new Promise((resolve) => setTimeout(resolve, 1000)); // the workspace is away: its page says so
      continue;
    }
    version = answer.version;
    if (answer.changes.some((one) => one.kind === "log" || [about.ts, about.view].includes(one.key))) {
      await draw(host);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
