// Above and below a channel's messages: its name and what there is to know, and where one types.

import { h, icon, inspectButton, test } from "./dom.js";
import { composer } from "./composer.js";
import { inspect } from "./inspect.js";
import { mrkdwn } from "./mrkdwn.js";
import { joinChannel } from "./side.js";
import { appOf, store } from "./store.js";

// `here` is the tab that an app's page shows; `go(channel, thread, tab)` leads elsewhere.
export function heading(channel, app, here, go) {
  const title = app ? app.name : channel.name;
  const mark = app
    ? h("img", { src: `/avatar/${app.bot_user}-24.svg`, alt: "", width: 24, height: 24 })
    : channel.kind === "channel"
      ? h("span", { class: "hash", "aria-hidden": "true" }, "#")
      : icon("lock");
  const tab = (name, words, unread = 0) =>
    h(
      "button",
      {
        class: `tab${here === name ? " here" : ""}`,
        type: "button",
        role: "tab",
        "aria-selected": String(here === name),
        "data-key": `tab-${name}`,
        onclick: () => go(channel.id, "", name),
        ...test(`tab-${name}`),
      },
      words,
      unread ? h("span", { class: "count", "aria-label": `${unread} unread` }, String(unread)) : null,
    );
  return h(
    "header",
    { class: "pane-head" },
    h(
      "div",
      { class: "pane-title" },
      mark,
      h("h1", { ...test("channel-title") }, title),
      app ? h("span", { class: "badge" }, "APP") : null,
    ),
    app
      ? [
          h(
            "div",
            { class: "tabs", role: "tablist" },
            app.home ? tab("home", "Home") : null,
            tab("messages", "Messages", here === "messages" ? 0 : channel.unread),
          ),
          here === "home"
            ? inspectButton(() => inspect(document.getElementById("inspector"), { home: app.id }), "home-inspect")
            : null,
        ]
      : h(
          "div",
          { class: "pane-note" },
          channel.topic ? h("span", { class: "topic" }, mrkdwn(channel.topic)) : null,
          h("span", { class: "quiet members" }, `${channel.members} ${channel.members === 1 ? "member" : "members"}`),
          channel.external ? h("span", { class: "badge role" }, "shared with another organisation") : null,
        ),
  );
}

export function foot(channel) {
  if (channel.archived)
    return h("div", { class: "composer closed" }, "This channel is archived: it can be read, nothing more.");
  if (!channel.member) {
    return h(
      "div",
      { class: "composer closed" },
      `You are looking at #${channel.name}.`,
      h(
        "button",
        { class: "button primary", type: "button", onclick: () => joinChannel(channel.id), ...test("join") },
        "Join channel",
      ),
    );
  }
  if (store.me.deactivated)
    return h(
      "div",
      { class: "composer closed" },
      `${store.me.real_name} is deactivated: they can see nothing new and do nothing.`,
    );
  const mark = ["im", "mpim"].includes(channel.kind) ? "" : "#";
  return composer({
    channel: channel.id,
    placeholder: `Message ${appOf(channel.id)?.name ?? mark + channel.name}`,
  });
}
