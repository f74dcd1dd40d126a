// The parts of one message: its content, its reactions, and the tools beside it.

import { ask, h, icon, menuButton, test, toast } from "./dom.js";
import { attachments, blocks } from "./blocks.js";
import { emoji, QUICK } from "./emoji.js";
import { files } from "./files.js";
import { mrkdwn } from "./mrkdwn.js";
import { store } from "./store.js";

const warn = (problem) => toast(problem.message, "warn");

export function badges(who) {
  if (who.is_app) return [h("span", { class: "badge" }, "APP")];
  if (["guest", "single-channel guest", "other organisation", "deactivated"].includes(who.role))
    return [h("span", { class: "badge role" }, who.role)];
  return [];
}

export function contents(message, surface, host) {
  const parts = [];
  const own = (message.blocks ?? []).filter((block) => block.block_id !== "typed");
  if (own.length) parts.push(...blocks(own, surface, host));
  else if (message.text)
    parts.push(h("div", { class: "text", ...test("message-text") }, mrkdwn(message.text), edited(message)));
  if (message.attachments) parts.push(...attachments(message.attachments, surface));
  if (message.files) parts.push(...files(message.files, store.me.id, host));
  return parts;
}

const edited = (message) => (message.edited && !message.app_id ? h("span", { class: "edited" }, " (edited)") : "");

export function reactions(message) {
  if (!message.reactions) return null;
  return h(
    "div",
    { class: "reactions" },
    message.reactions.map((one) => {
      const mine = one.users.includes(store.me.id);
      const names = one.users.map((id) => store.people.get(id)?.display_name ?? id).join(", ");
      return h(
        "button",
        {
          class: `reaction${mine ? " mine" : ""}`,
          type: "button",
          title: names,
          "aria-pressed": String(mine),
          "data-name": one.name,
          "data-key": `reaction-${message.ts}-${one.name}`,
          ...test("reaction"),
          onclick: () =>
            ask("react", {
              as: store.me.id,
              channel: message.channel,
              ts: message.ts,
              name: one.name,
              remove: mine,
            }).catch(warn),
        },
        emoji(one.name),
        h("span", {}, String(one.count)),
      );
    }),
  );
}

export function tools(message, list) {
  const where = { as: store.me.id, channel: message.channel, ts: message.ts };
  const tool = (name, label, more = {}) =>
    h("button", { class: "tool", type: "button", "aria-label": label, title: label, ...more }, icon(name));
  const inspect = tool("inspect", "Inspect what went over the wire", {
    onclick: () => list.inspect(message),
    ...test("inspect"),
  });
  if (message.ephemeral) return h("div", { class: "tools" }, inspect);
  const react = menuButton(
    tool("smile", "React"),
    QUICK.map((name) => ({
      label: emoji(name),
      name: name.replaceAll("_", " "),
      value: name,
      run: () => ask("react", { ...where, name }).catch(warn),
    })),
  );
  const shortcuts = store.apps.flatMap((app) =>
    app.shortcuts
      .filter((one) => one.type === "message")
      .map((one) => ({
        label: one.name,
        value: one.callback_id,
        note: app.name,
        run: () =>
          ask("shortcut", { ...where, callback_id: one.callback_id }).then(
            (outcome) => outcome.text && toast(outcome.text, "warn"),
            warn,
          ),
      })),
  );
  return h(
    "div",
    { class: "tools", role: "group", "aria-label": "Tools of this message" },
    react,
    list.open ? tool("thread", "Reply in thread", { onclick: () => list.open(message.ts), ...test("reply") }) : null,
    inspect,
    shortcuts.length ? menuButton(tool("more", "Message shortcuts", test("message-shortcuts")), shortcuts) : null,
  );
}
