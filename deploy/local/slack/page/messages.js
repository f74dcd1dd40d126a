// A list of messages, each drawn once and replaced only when it changed.

import { ask, h, icon, menuButton, redraw, test, toast } from "./dom.js";
import { attachments, blocks, files } from "./blocks.js";
import { grouped } from "./elements.js";
import { dayKey, dayLabel, formatDate, time } from "./dates.js";
import { emoji, QUICK } from "./emoji.js";
import { mrkdwn } from "./mrkdwn.js";
import { author, store } from "./store.js";

const typed = new Map();
const GAP = 300;

export function surfaceOf(message) {
  const key = `${store.me.id}/${message.channel}/${message.ts}`;
  if (!typed.has(key)) typed.set(key, {});
  const where = { as: store.me.id, channel: message.channel, ts: message.ts };
  return {
    key,
    values: typed.get(key),
    async act(block, one, value) {
      const outcome = await act({ ...where, block_id: block.block_id, target: one.action_id, value, values: this.values });
      if (!outcome.ok) document.querySelector(`[data-ts="${message.ts}"] [data-block="${CSS.escape(block.block_id)}"]`)?.classList.add("failed");
    },
    suggest: async (block, one, query) => suggested(await ask("suggest", { ...where, block_id: block.block_id, target: one.action_id, query })),
  };
}

export async function act(body) {
  try {
    const outcome = await ask("click", body);
    if (!outcome.ok && outcome.text) toast(outcome.text, "warn");
    return outcome;
  } catch (problem) {
    toast(problem.message, "warn");
    return { ok: false };
  }
}

export function suggested(outcome) {
  if (!outcome.ok) throw new Error(outcome.text || "No results");
  return grouped(outcome);
}

export class MessageList {
  // `open` opens a thread; null where messages are a thread already.
  constructor(host, { open = null, label }) {
    this.open = open;
    this.box = h("div", { class: "messages", role: "log", "aria-label": label, tabIndex: 0, ...test(open ? "messages" : "thread-messages") });
    this.nodes = new Map();
    host.append(this.box);
    // Stay at the newest message when the list gets narrower, or a message grows.
    this.stuck = true;
    let top = 0;
    this.box.addEventListener("scroll", () => {
      if (this.atEnd()) this.stuck = true;
      else if (this.box.scrollTop < top) this.stuck = false;
      top = this.box.scrollTop;
    });
    new ResizeObserver(() => { if (this.stuck) this.bottom(); }).observe(this.box);
  }

  show(list) {
    const stay = this.stuck;
    const sorted = [...list].sort((a, b) => (a.ts < b.ts ? -1 : 1));
    const wanted = new Set(sorted.map((one) => one.ts));
    for (const [ts, entry] of this.nodes) {
      if (!wanted.has(ts)) { entry.node.remove(); this.nodes.delete(ts); }
    }
    let before = null;
    let at = null;
    for (const one of sorted) {
      const entry = this.draw(one);
      const next = at ? at.nextSibling : this.box.firstChild;
      if (next !== entry.node) this.box.insertBefore(entry.node, next);
      at = entry.node;
      this.frame(entry.node, one, before);
      before = one;
    }
    if (stay) this.bottom();
  }

  atEnd() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 80;
  }

  bottom() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  draw(message) {
    const signature = JSON.stringify(message) + store.people.size;
    const known = this.nodes.get(message.ts);
    if (known?.signature === signature) return known;
    const body = h("div", { class: "message-body" });
    const node = known?.node ?? h("article", { class: "message", dataset: { ts: message.ts }, ...test("message") });
    node.classList.toggle("ephemeral", message.ephemeral);
    node.classList.toggle("system", SYSTEM.has(message.subtype));
    redraw(node, ...this.parts(message, body));
    const entry = { node, signature };
    this.nodes.set(message.ts, entry);
    return entry;
  }

  parts(message, body) {
    const who = author(message);
    const clock = time(Number(message.ts), store.me.tz);
    const full = formatDate(Number(message.ts), "{date_long} {time_secs}", store.me.tz);
    body.append(
      message.ephemeral ? h("div", { class: "only-you" }, icon("eye"), "Only visible to you") : "",
      h("div", { class: "byline" },
        h("span", { class: "author", ...test("author") }, message.username || who.display_name || who.name),
        ...badges(who),
        h("time", { class: "clock", title: full }, clock)),
      h("div", { class: "content" }, ...content(message, surfaceOf(message))),
      message.reactions ? reactions(message) : "",
      this.open && message.reply_count ? this.thread(message) : "");
    return [
      h("div", { class: "gutter" }, h("img", { class: "avatar", src: `/avatar/${message.user}-48.svg`, alt: "", width: 36, height: 36 }), h("time", { class: "hover-clock", title: full }, clock.replace(/ [AP]M/, ""))),
      body,
      message.ephemeral || SYSTEM.has(message.subtype) ? null : this.tools(message),
    ];
  }

  frame(node, message, before) {
    const firstReply = this.open === null && before && !before.parent_user_id && Boolean(message.parent_user_id);
    node.classList.toggle("first-reply", firstReply);
    const close = before && !firstReply && before.user === message.user && !before.ephemeral === !message.ephemeral && !SYSTEM.has(before.subtype)
      && Number(message.ts) - Number(before.ts) < GAP && !SYSTEM.has(message.subtype);
    node.classList.toggle("compact", Boolean(close));
    const zone = store.me.tz;
    const fresh = this.open !== null && (!before || dayKey(Number(before.ts), zone) !== dayKey(Number(message.ts), zone));
    const label = fresh ? dayLabel(Number(message.ts), zone) : "";
    if (label) node.dataset.day = label;
    else delete node.dataset.day;
    let line = node.querySelector(":scope > .day");
    if (!label) line?.remove();
    else if (!line) node.prepend(h("div", { class: "day" }, h("span", {}, label)));
    if (label) node.classList.remove("compact");
  }

  thread(message) {
    const faces = (message.reply_users ?? []).slice(0, 3).map((id) => h("img", { class: "face", src: `/avatar/${id}-24.svg`, alt: "", width: 22, height: 22 }));
    return h("button", { class: "thread-link", type: "button", onclick: () => this.open(message.ts), ...test("open-thread") },
      faces, h("strong", {}, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`),
      h("span", { class: "quiet" }, `Last at ${time(Number(message.latest_reply), store.me.tz)}`));
  }

  tools(message) {
    const react = menuButton(h("button", { class: "tool", type: "button", "aria-label": "React", title: "React" }, icon("smile")),
      QUICK.map((name) => ({ label: emoji(name), value: name, run: () => ask("react", { as: store.me.id, channel: message.channel, ts: message.ts, name }).catch((problem) => toast(problem.message, "warn")) })));
    const shortcuts = store.apps.flatMap((app) => app.shortcuts.filter((one) => one.type === "message").map((one) => ({
      label: one.name, value: one.callback_id, note: app.name,
      run: () => ask("shortcut", { as: store.me.id, callback_id: one.callback_id, channel: message.channel, ts: message.ts }).then((outcome) => outcome.text && toast(outcome.text, "warn"), (problem) => toast(problem.message, "warn")),
    })));
    return h("div", { class: "tools" }, react,
      this.open ? h("button", { class: "tool", type: "button", "aria-label": "Reply in thread", title: "Reply in thread", onclick: () => this.open(message.ts), ...test("reply") }, icon("thread")) : null,
      shortcuts.length ? menuButton(h("button", { class: "tool", type: "button", "aria-label": "Message shortcuts", title: "Message shortcuts", ...test("message-shortcuts") }, icon("more")), shortcuts) : null);
  }
}

const SYSTEM = new Set(["channel_join", "group_join", "tombstone"]);

function badges(who) {
  if (who.is_app) return [h("span", { class: "badge" }, "APP")];
  if (["guest", "single-channel guest", "other organisation", "deactivated"].includes(who.role)) return [h("span", { class: "badge role" }, who.role)];
  return [];
}

function content(message, surface) {
  const parts = [];
  const own = (message.blocks ?? []).filter((block) => block.block_id !== "typed");
  if (own.length) parts.push(...blocks(own, surface));
  else if (message.text) parts.push(h("div", { class: "text", ...test("message-text") }, mrkdwn(message.text), edited(message)));
  if (message.attachments) parts.push(...attachments(message.attachments, surface));
  if (message.files) parts.push(...files(message.files, store.me.id));
  return parts;
}

const edited = (message) => (message.edited && !message.app_id ? h("span", { class: "edited" }, " (edited)") : "");

function reactions(message) {
  return h("div", { class: "reactions" }, message.reactions.map((one) => {
    const mine = one.users.includes(store.me.id);
    const names = one.users.map((id) => store.people.get(id)?.display_name ?? id).join(", ");
    return h("button", {
      class: `reaction${mine ? " mine" : ""}`, type: "button", title: names, "aria-pressed": String(mine), "data-name": one.name, ...test("reaction"),
      onclick: () => ask("react", { as: store.me.id, channel: message.channel, ts: message.ts, name: one.name, remove: mine }).catch((problem) => toast(problem.message, "warn")),
    }, emoji(one.name), h("span", {}, String(one.count)));
  }));
}
