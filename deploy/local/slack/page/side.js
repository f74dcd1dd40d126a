// The sidebar and the bar above: where a person can go, and which person one is.

import { ask, h, icon, menuButton, redraw, test } from "./dom.js";
import { store } from "./store.js";

// `reads`: whether the messages of where one is are on the screen, and not an app's home.
export function sidebar(host, current, reads, go) {
  const talk = (one) => ["im", "mpim"].includes(one.kind);
  const channels = [...store.channels.values()].filter((one) => !talk(one) && !one.archived);
  const direct = [...store.channels.values()].filter((one) => talk(one) && !one.app);
  const archived = [...store.channels.values()].filter((one) => one.archived);
  redraw(
    host,
    section(
      "Channels",
      channels.sort(byName).map((one) => row(one, current, go)),
    ),
    direct.length
      ? section(
          "Direct messages",
          direct.sort(byName).map((one) => row(one, current, go)),
        )
      : "",
    section(
      "Apps",
      store.apps.map((app) => appRow(app, current, reads, go)),
    ),
    archived.length
      ? section(
          "Archived",
          archived.map((one) => row(one, current, go)),
        )
      : "",
    h(
      "p",
      { class: "side-note" },
      "Everyone here is pretend. Switch person at the top to see what they see and do what they may do.",
    ),
  );
}

const byName = (a, b) => a.name.localeCompare(b.name);

function section(title, rows) {
  return h(
    "section",
    { class: "side-section" },
    h("h2", {}, title),
    rows.length ? rows : h("p", { class: "side-empty" }, "None yet"),
  );
}

function row(channel, current, go) {
  const here = channel.id === current;
  return h(
    "button",
    {
      class: ["side-row", here && "here", channel.unread && !here && "unread", !channel.member && "outside"]
        .filter(Boolean)
        .join(" "),
      type: "button",
      "aria-current": here ? "page" : undefined,
      "data-channel": channel.name,
      "data-key": `side-${channel.id}`,
      ...test("channel"),
      onclick: () => go(channel.id),
    },
    channel.kind === "channel" ? h("span", { class: "hash", "aria-hidden": "true" }, "#") : icon("lock"),
    h("span", { class: "side-name" }, channel.name),
    channel.external ? h("span", { class: "side-mark", title: "Shared with another organisation" }, "shared") : null,
    channel.unread && !here
      ? h("span", { class: "count", "aria-label": `${channel.unread} unread` }, String(channel.unread))
      : null,
  );
}

function appRow(app, current, reads, go) {
  const im = store.channels.get(app.im);
  const here = app.im && app.im === current;
  const unread = im?.unread && !(here && reads);
  return h(
    "button",
    {
      class: `side-row${here ? " here" : ""}${unread ? " unread" : ""}`,
      type: "button",
      "data-app": app.name,
      "data-key": `side-${app.id}`,
      "aria-current": here ? "page" : undefined,
      disabled: !app.im,
      ...test("app"),
      onclick: () => go(app.im),
    },
    h("img", { src: `/avatar/${app.bot_user}-24.svg`, alt: "", width: 20, height: 20 }),
    h("span", { class: "side-name" }, app.name),
    app.socket_mode && !app.sockets
      ? h("span", { class: "side-mark off", title: "Its Socket Mode connection is not open" }, "offline")
      : null,
    unread ? h("span", { class: "count", "aria-label": `${im.unread} unread` }, String(im.unread)) : null,
  );
}

export function personSwitch(host, switchTo) {
  const me = store.me;
  const button = h(
    "button",
    {
      class: "who-button",
      type: "button",
      "aria-label": `You act as ${me.real_name}, ${me.role}. Switch person`,
      ...test("person-switch"),
    },
    h("img", { src: `/avatar/${me.id}-32.svg`, alt: "", width: 26, height: 26 }),
    h(
      "span",
      { class: "who-name" },
      h("strong", {}, me.real_name),
      h("span", { class: "who-role" }, me.title ? `${me.title} · ${me.role}` : me.role),
    ),
    icon("chevron"),
  );
  menuButton(button, () => [
    { heading: "Act as" },
    ...[...store.people.values()]
      .filter((one) => !one.is_app)
      .map((one) => ({
        label: h(
          "span",
          { class: "person-row" },
          h("img", { src: `/avatar/${one.id}-32.svg`, alt: "", width: 26, height: 26 }),
          h(
            "span",
            {},
            h("strong", {}, one.real_name),
            h("span", { class: "menu-note" }, one.title ? `${one.title} · ${one.role}` : one.role),
          ),
        ),
        value: one.name,
        chosen: one.id === me.id,
        run: () => switchTo(one.name),
      })),
  ]);
  host.replaceChildren(button);
}

export const joinChannel = (channel) => ask("join", { as: store.me.id, channel });
