// A list of messages. Of thousands only those near the screen are drawn; of one that changes, only what changed.

import { ask, h, icon, redraw, test, toast } from "./dom.js";
import { forget } from "./blocks.js";
import { grouped } from "./elements.js";
import { dayKey, dayLabel, formatDate, time } from "./dates.js";
import { badges, contents, reactions, tools } from "./message.js";
import { reader } from "./mrkdwn.js";
import { author, store } from "./store.js";

const typed = new Map();
const GAP = 300;
const FIRST = 40; // messages drawn at once when a list opens
const STEP = 16; // messages drawn more, when one comes near the end of those
const NEAR = 1200; // pixels to the end of what is drawn at which more is drawn
const FAR = 3600; // pixels beyond which it is taken away again
export const SYSTEM = new Set(["channel_join", "channel_leave", "group_join", "group_leave", "tombstone"]);

export function surfaceOf(message) {
  const key = `${store.me.id}/${message.channel}/${message.ts}`;
  if (!typed.has(key)) typed.set(key, {});
  const where = { as: store.me.id, channel: message.channel, ts: message.ts };
  const shown = (block) =>
    document.querySelectorAll(`[data-ts="${message.ts}"] [data-block="${CSS.escape(block.block_id)}"]`);
  return {
    key,
    values: typed.get(key),
    async act(block, one, value) {
      shown(block).forEach((node) => node.classList.remove("failed"));
      const outcome = await act({
        ...where,
        block_id: block.block_id,
        target: one.action_id,
        value,
        values: this.values,
      });
      if (!outcome.ok) shown(block).forEach((node) => node.classList.add("failed"));
    },
    suggest: async (block, one, query) =>
      suggested(await ask("suggest", { ...where, block_id: block.block_id, target: one.action_id, query })),
    redraw(block) {
      document.querySelectorAll(`[data-ts="${message.ts}"]`).forEach((node) => {
        forget(node, block);
        node.again?.();
      });
    },
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
  // `open` opens a thread (null where messages are a thread already), `inspect` a message's wire, `older` reads more.
  constructor(host, { open = null, inspect, older = null, label, read = "" }) {
    Object.assign(this, {
      open,
      inspect,
      older,
      read,
      nodes: new Map(),
      list: [],
      from: 0,
      to: 0,
      stuck: true,
      reading: false,
    });
    this.box = h("div", {
      class: "messages",
      role: "log",
      "aria-label": label,
      tabIndex: 0,
      ...test(open ? "messages" : "thread-messages"),
    });
    this.what = h("span", { role: "status" }, "Newest");
    this.jump = h(
      "button",
      { class: "to-newest", type: "button", hidden: true, onclick: () => this.bottom(), ...test("to-newest") },
      icon("down"),
      this.what,
    );
    host.append(h("div", { class: "messages-frame" }, this.box, this.jump));
    this.box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.top = 0;
    // Stay at the newest message when a picture or a file's lines come late, and when the list gets narrower.
    for (const late of ["load", "grown"])
      this.box.addEventListener(late, () => this.stuck && this.bottom(), true);
    new ResizeObserver(() => {
      if (this.stuck) this.bottom();
    }).observe(this.box);
  }

  // Every message there is.
  show(list) {
    const first = this.list[this.from]?.ts ?? "";
    const last = this.list[this.to - 1]?.ts ?? "";
    const whole = this.to === this.list.length;
    const known = this.list.at(-1)?.ts ?? "";
    this.list = [...list].sort((a, b) => (a.ts < b.ts ? -1 : 1));
    const at = (ts) => {
      const found = this.list.findIndex((one) => one.ts >= ts);
      return found < 0 ? this.list.length : found;
    };
    this.to = whole ? this.list.length : this.list.findLastIndex((one) => one.ts <= last) + 1;
    this.from = first ? Math.min(at(first), this.to) : Math.max(0, this.to - FIRST);
    if (this.stuck) {
      this.render();
      this.bottom();
      requestAnimationFrame(() => this.scrolled());
    } else this.anchored(() => this.render());
    // Whoever pressed a button further up is answered down here.
    const newest = this.list.at(-1);
    if (!this.stuck && newest?.ephemeral && newest.ts > known) this.told("An answer to you");
  }

  told(words) {
    this.what.textContent = words;
    this.jump.classList.toggle("answer", words !== "Newest");
  }

  // The nodes of the messages from `from` to `to`.
  render() {
    const wanted = new Set();
    let before = this.list[this.from - 1] ?? null;
    let next = this.box.firstChild;
    for (const one of this.list.slice(this.from, this.to)) {
      wanted.add(one.ts);
      const entry = this.draw(one);
      if (next === entry.node) next = next.nextSibling;
      else this.box.insertBefore(entry.node, next);
      if (entry.after !== (before?.ts ?? "")) this.frame(entry, one, before);
      before = one;
    }
    for (const [ts, entry] of this.nodes) {
      if (!wanted.has(ts)) {
        entry.node.remove();
        this.nodes.delete(ts);
      }
    }
  }

  // Change what is drawn while what one looks at stays where it is.
  anchored(change) {
    const edge = this.box.getBoundingClientRect().top;
    const anchor = [...this.box.children].find((one) => one.getBoundingClientRect().bottom > edge);
    const at = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected) this.box.scrollTop += anchor.getBoundingClientRect().top - at;
    this.top = this.box.scrollTop;
  }

  scrolled() {
    const { scrollTop } = this.box;
    if (this.atEnd()) this.stuck = true;
    else if (scrollTop < this.top) this.stuck = false;
    this.top = scrollTop;
    this.jump.hidden = this.stuck;
    if (this.stuck) this.told("Newest");
    this.box.ariaLive = this.stuck ? "polite" : "off"; // old messages that come by are no news
    if (scrollTop < NEAR) this.up();
    else if (this.gap() < NEAR && this.to < this.list.length) this.down();
  }

  up() {
    if (this.from > 0) {
      this.anchored(() => {
        this.from = Math.max(0, this.from - STEP);
        this.to -= this.stuck ? 0 : this.beyond([...this.box.children].reverse(), (one, box) => one.top - box.bottom);
        this.render();
      });
      if (this.gap() <= 0 && this.box.scrollTop === 0) requestAnimationFrame(() => this.up());
    } else if (this.older && !this.reading) this.more();
  }

  down() {
    this.anchored(() => {
      this.to = Math.min(this.list.length, this.to + STEP);
      this.from += this.beyond([...this.box.children], (one, box) => box.top - one.bottom);
      this.render();
    });
  }

  // How many of these nodes, from the outermost, are too far away to be kept.
  beyond(nodes, distance) {
    const box = this.box.getBoundingClientRect();
    const kept = nodes.findIndex(
      (one) => distance(one.getBoundingClientRect(), box) < FAR || one.contains(document.activeElement),
    );
    return Math.max(0, kept);
  }

  async more() {
    this.reading = true;
    try {
      if (await this.older()) this.up();
    } finally {
      this.reading = false;
    }
  }

  gap() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
  }

  atEnd() {
    return this.to === this.list.length && this.gap() < 80;
  }

  bottom() {
    this.stuck = true;
    if (this.to < this.list.length) {
      this.to = this.list.length;
      this.from = Math.max(0, this.to - FIRST);
      this.render();
    }
    this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
    this.jump.hidden = true;
  }

  // Brings a message into view, marked for a moment.
  reveal(ts) {
    const at = this.list.findIndex((one) => one.ts === ts);
    if (at < 0) return;
    this.stuck = false;
    this.from = Math.max(0, at - FIRST / 2);
    this.to = Math.min(this.list.length, at + FIRST / 2);
    this.render();
    const { node } = this.nodes.get(ts);
    node.classList.add("sought");
    node.addEventListener("animationend", () => node.classList.remove("sought"), { once: true });
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    this.scrolled();
  }

  draw(message) {
    const known = this.nodes.get(message.ts);
    if (known?.message === message && known.version === reader.version) return known;
    const entry = known?.version === reader.version ? known : this.frameOf(message, known);
    entry.message = message;
    entry.node.again = () => redraw(entry.content, ...contents(message, surfaceOf(message), entry.content));
    entry.node.again();
    redraw(
      entry.body,
      entry.only,
      entry.byline,
      entry.content,
      reactions(message),
      this.open && message.reply_count ? this.thread(message) : null,
    );
    return entry;
  }

  // What of a message never changes.
  frameOf(message, known) {
    const who = author(message);
    const clock = time(Number(message.ts), store.me.tz);
    const full = formatDate(Number(message.ts), "{date_long} {time_secs}", store.me.tz);
    const name = message.username || who.display_name || who.name;
    const node =
      known?.node ??
      h("article", {
        class: "message",
        dataset: { ts: message.ts },
        tabIndex: -1,
        "aria-label": `${name}, ${clock}`,
        ...test("message"),
      });
    node.classList.toggle("ephemeral", message.ephemeral);
    node.classList.toggle("system", SYSTEM.has(message.subtype));
    const entry = {
      node,
      version: reader.version,
      content: known?.content ?? h("div", { class: "content" }),
      body: known?.body ?? h("div", { class: "message-body" }),
      only: message.ephemeral ? h("div", { class: "only-you" }, icon("eye"), "Only visible to you") : null,
      byline: h(
        "div",
        { class: "byline" },
        h("span", { class: "author", ...test("author") }, name),
        ...badges(who),
        h("time", { class: "clock", title: full }, clock),
      ),
    };
    redraw(
      node,
      [...node.querySelectorAll(":scope > .day, :scope > .new-line")],
      h(
        "div",
        { class: "gutter" },
        h("img", {
          class: "avatar",
          src: `/avatar/${message.user}-48.svg`,
          alt: "",
          width: 36,
          height: 36,
          decoding: "sync",
        }),
        h("time", { class: "hover-clock", title: full }, clock.replace(/ [AP]M/, "")),
      ),
      entry.body,
    );
    if (!SYSTEM.has(message.subtype)) this.withTools(node, message);
    this.nodes.set(message.ts, entry);
    return entry;
  }

  // Made when somebody first comes near: thousands of messages need no thousands of menus.
  withTools(node, message) {
    const make = () => {
      node.removeEventListener("pointerenter", make);
      node.removeEventListener("focusin", make);
      if (!node.querySelector(":scope > .tools")) node.append(tools(message, this));
    };
    node.addEventListener("pointerenter", make);
    node.addEventListener("focusin", make);
  }

  frame(entry, message, before) {
    const { node } = entry;
    entry.after = before?.ts ?? "";
    const firstReply = this.open === null && before && !before.parent_user_id && Boolean(message.parent_user_id);
    const zone = store.me.tz;
    const fresh =
      this.open !== null && (!before || dayKey(Number(before.ts), zone) !== dayKey(Number(message.ts), zone));
    const unread = Boolean(this.read && message.ts > this.read && (!before || before.ts <= this.read));
    const close =
      before &&
      !firstReply &&
      !fresh &&
      !unread &&
      before.user === message.user &&
      !before.ephemeral === !message.ephemeral &&
      !SYSTEM.has(before.subtype) &&
      Number(message.ts) - Number(before.ts) < GAP &&
      !SYSTEM.has(message.subtype);
    node.classList.toggle("first-reply", Boolean(firstReply));
    node.classList.toggle("compact", Boolean(close));
    node.querySelectorAll(":scope > .day, :scope > .new-line").forEach((one) => one.remove());
    if (unread) node.prepend(h("div", { class: "new-line", ...test("new-line") }, h("span", {}, "New")));
    if (fresh) node.prepend(h("div", { class: "day" }, h("span", {}, dayLabel(Number(message.ts), zone))));
  }

  thread(message) {
    const faces = (message.reply_users ?? [])
      .slice(0, 3)
      .map((id) => h("img", { class: "face", src: `/avatar/${id}-24.svg`, alt: "", width: 22, height: 22 }));
    return h(
      "button",
      {
        class: "thread-link",
        type: "button",
        "data-key": `thread-${message.ts}`,
        onclick: () => this.open(message.ts),
        ...test("open-thread"),
      },
      faces,
      h("strong", {}, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`),
      h("span", { class: "quiet" }, `Last at ${time(Number(message.latest_reply), store.me.tz)}`),
    );
  }

  // Arrow keys go from message to message, Tab goes into one.
  key(event) {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    const here = event.target;
    if (here !== this.box && !here.classList.contains("message")) return;
    event.preventDefault();
    const to =
      here === this.box
        ? this.box.lastElementChild
        : event.key === "ArrowUp"
          ? here.previousElementSibling
          : here.nextElementSibling;
    to?.focus({ preventScroll: true });
    to?.scrollIntoView({ block: "nearest" });
  }
}
