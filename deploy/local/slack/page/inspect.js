// The inspector: what went over the wire for one message, or of late, with timings, limits used, and payloads.

import { ask, h, icon, redraw, test, toast } from "./dom.js";
import { formatDate } from "./dates.js";
import { store } from "./store.js";

const BUILDER = "https://app.slack.com/block-kit-builder/#";
const KINDS = { api: "API call", delivery: "sent to the app", ack: "late ack", response_url: "response_url" };
const WHY = { before: "Shortly before, in this channel", itself: "This message", thread: "Its thread" };
const open = new Set();
let about = null;
let tab = "wire";
let watching = 0;

export function inspect(host, message) {
  about = message ?? {};
  tab = "wire";
  open.clear();
  host.hidden = false;
  draw(host).then(() => host.querySelector(".inspect-close")?.focus());
  watch(host);
}

export function shut(host) {
  if (host.hidden) return false;
  host.hidden = true;
  watching += 1;
  host.replaceChildren();
  return true;
}

async function draw(host) {
  const found = await ask(
    "trace",
    about.ts ? { as: store.me.id, channel: about.channel, ts: about.ts } : { limit: 120 },
  ).catch((problem) => ({ entries: [], rates: [], problem: problem.message }));
  if (host.hidden) return;
  const tabs = about.ts
    ? [
        ["wire", "On the wire"],
        ["limits", "Limits"],
        ["json", "Block Kit JSON"],
      ]
    : [
        ["wire", "On the wire"],
        ["limits", "Limits"],
      ];
  const body = { wire: wire, limits: limits, json: json }[tab];
  redraw(
    host,
    h(
      "header",
      { class: "pane-head" },
      h(
        "div",
        { class: "pane-title" },
        h("h2", {}, about.ts ? "Inspector" : "All traffic"),
        h("span", { class: "quiet" }, about.ts ? clock(Number(about.ts)) : "the newest first"),
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
      { class: "tabs inspect-tabs", role: "tablist", "aria-label": "What to look at" },
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
  if (!found.entries.length)
    return h(
      "p",
      { class: "inspect-note" },
      about.ts ? "Nothing of this message is in the log any more." : "Nothing went over the wire yet.",
    );
  if (!about.ts) return h("div", {}, [...found.entries].reverse().map(entry));
  return Object.keys(WHY).map((why) => {
    const mine = found.entries.filter((one) => one.why === why);
    return mine.length
      ? h(
          "section",
          { class: "inspect-part" },
          h("h3", {}, WHY[why]),
          why === "before"
            ? h(
                "p",
                { class: "inspect-note" },
                "Slack carries no link from a command to a later post. These came from here in the ten seconds before.",
              )
            : null,
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
        h("div", { class: "wire-label" }, label, copy(value)),
        h("pre", { class: "code", tabIndex: 0, "aria-label": label }, pretty(value)),
      );
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function copy(value) {
  return h(
    "button",
    {
      class: "link-button",
      type: "button",
      onclick: () =>
        navigator.clipboard.writeText(pretty(value)).then(
          () => toast("Copied."),
          () => toast("The browser did not allow it.", "warn"),
        ),
    },
    "Copy",
  );
}

// --- limits --------------------------------------------------------------------------------------------------------

function limits(found) {
  return [
    found.uses
      ? h(
          "section",
          { class: "inspect-part" },
          h("h3", {}, "Of this message"),
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

function json({ message }) {
  const blocks = { blocks: message?.blocks ?? [] };
  return h(
    "section",
    { class: "inspect-part" },
    h(
      "div",
      { class: "block-actions" },
      h(
        "button",
        {
          class: "button",
          type: "button",
          onclick: () =>
            navigator.clipboard.writeText(pretty(blocks)).then(
              () => toast("Copied."),
              () => toast("The browser did not allow it.", "warn"),
            ),
          ...test("copy-blocks"),
        },
        icon("copy"),
        "Copy",
      ),
      h(
        "a",
        {
          class: "button",
          href: BUILDER + encodeURIComponent(JSON.stringify(blocks)),
          target: "_blank",
          rel: "noopener noreferrer",
          ...test("builder"),
        },
        "Open in Block Kit Builder",
      ),
    ),
    h("p", { class: "inspect-note" }, "The link leads to slack.com: the blocks leave this machine, in your browser."),
    h("pre", { class: "code", tabIndex: 0, "aria-label": "The blocks", ...test("block-json") }, pretty(blocks)),
    h(
      "details",
      {},
      h("summary", { "data-key": "inspect-whole" }, "The whole message"),
      h("pre", { class: "code", tabIndex: 0, "aria-label": "The whole message" }, pretty(message)),
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
    if (mine !== watching || !answer) return;
    version = answer.version;
    if (answer.changes.some((one) => one.kind === "log" || one.key === about.ts)) {
      await draw(host);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
