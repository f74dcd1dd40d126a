// The page: who one is, where one is, and what is drawn there.

import { ask, h, icon, redraw, test, toast } from "./dom.js";
import { blocks } from "./blocks.js";
import { composer } from "./composer.js";
import { MessageList } from "./messages.js";
import { show as showModal, viewSurface, watchModals } from "./modal.js";
import { mrkdwn } from "./mrkdwn.js";
import { joinChannel, personSwitch, sidebar } from "./side.js";
import { appOf, load, onChange, readChannel, readHome, readThread, store } from "./store.js";

const $ = (id) => document.getElementById(id);
const here = { channel: "", thread: "", tab: "messages" };
let list = null;
let threadList = null;

async function start() {
  const query = new URLSearchParams(location.search);
  theme(localStorage.getItem("local-slack-theme"));
  const person = query.get("as") || localStorage.getItem("local-slack-person") || "";
  await become(person, query.get("channel") ?? "", query.get("thread") ?? "", query.get("tab") ?? "");
}

async function become(person, channel, thread = "", tab = "") {
  const name = person || (await first());
  try {
    await load(name);
  } catch (problem) {
    if (!person) throw problem;
    toast(problem.message, "warn");
    return become("", channel);
  }
  localStorage.setItem("local-slack-person", store.me.name);
  $("team").textContent = store.team.name;
  personSwitch($("who"), (next) => become(next, nameOf(here.channel), "", here.tab));
  showModal();
  await go(find(channel), thread, tab);
}

// Nobody was named: ask the workspace who is there.
async function first() {
  const answer = await fetch("/control/first", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  return (await answer.json()).person;
}

function find(name) {
  const wanted = name.replace(/^#/, "");
  const all = [...store.channels.values()];
  const app = store.apps.find((one) => `@${one.handle}` === name || one.im === name);
  const found = all.find((one) => one.id === name || (one.kind !== "im" && one.name === wanted)) ?? store.channels.get(app?.im);
  return (found ?? all.find((one) => one.member && one.kind !== "im" && !one.archived) ?? all[0])?.id ?? "";
}

function nameOf(id) {
  const channel = store.channels.get(id);
  return channel?.kind === "im" ? `@${appOf(id)?.handle}` : channel?.name ?? "";
}

async function go(channel, thread = "", tab = "") {
  here.channel = channel;
  here.thread = thread;
  const app = appOf(channel);
  here.tab = app ? tab || (app.home ? "home" : "messages") : "messages";
  closeSide();
  if (!channel) return nothing();
  await readChannel(channel);
  if (app?.home && here.tab === "home") await readHome(app.id);
  draw();
  await openThread(thread);
  seen();
  if (app) ask("open_home", { as: store.me.id, app: app.id, tab: here.tab }).catch((problem) => toast(problem.message, "warn"));
}

function nothing() {
  $("main").replaceChildren(h("div", { class: "empty" }, h("h1", {}, "Nothing to see yet"), h("p", {}, `${store.me.real_name} is in no channel.`)));
  sidebar($("side"), "", go);
}

function address() {
  const query = new URLSearchParams({ as: store.me.name, channel: nameOf(here.channel) });
  if (here.thread) query.set("thread", here.thread);
  if (here.tab === "home") query.set("tab", "home");
  history.replaceState(null, "", `/?${query}`);
  document.title = `${nameOf(here.channel)} · ${store.team.name}`;
}

function draw() {
  address();
  sidebar($("side"), here.channel, go);
  const channel = store.channels.get(here.channel);
  const app = appOf(here.channel);
  const main = $("main");
  main.replaceChildren(heading(channel, app));
  list = null;
  if (app && here.tab === "home") return drawHome();
  list = new MessageList(main, { open: (ts) => openThread(ts), label: `Messages in ${nameOf(here.channel)}` });
  list.show(inChannel());
  list.bottom();
  main.append(foot(channel));
  return undefined;
}

function heading(channel, app) {
  const title = app ? app.name : channel.name;
  const mark = app ? h("img", { src: `/avatar/${app.bot_user}-24.svg`, alt: "", width: 24, height: 24 }) : channel.kind === "channel" ? h("span", { class: "hash", "aria-hidden": "true" }, "#") : icon("lock");
  const tab = (name, words) => h("button", {
    class: `tab${here.tab === name ? " here" : ""}`, type: "button", role: "tab", "aria-selected": String(here.tab === name), onclick: () => go(here.channel, "", name), ...test(`tab-${name}`),
  }, words);
  return h("header", { class: "pane-head" },
    h("div", { class: "pane-title" }, mark, h("h1", { ...test("channel-title") }, title), app ? h("span", { class: "badge" }, "APP") : null),
    app ? h("div", { class: "tabs", role: "tablist" }, app.home ? tab("home", "Home") : null, tab("messages", "Messages"))
      : h("div", { class: "pane-note" }, channel.topic ? h("span", { class: "topic" }, mrkdwn(channel.topic)) : null,
        h("span", { class: "quiet members" }, `${channel.members} ${channel.members === 1 ? "member" : "members"}`), channel.external ? h("span", { class: "badge role" }, "shared with another organisation") : null));
}

function foot(channel) {
  if (channel.archived) return h("div", { class: "composer closed" }, "This channel is archived: it can be read, nothing more.");
  if (!channel.member) {
    return h("div", { class: "composer closed" }, `You are looking at #${channel.name}.`,
      h("button", { class: "button primary", type: "button", onclick: () => joinChannel(channel.id), ...test("join") }, "Join channel"));
  }
  if (store.me.deactivated) return h("div", { class: "composer closed" }, `${store.me.real_name} is deactivated: they can see nothing new and do nothing.`);
  return composer({ channel: channel.id, placeholder: channel.kind === "im" ? `Message ${appOf(channel.id)?.name}` : `Message #${channel.name}` });
}

function drawHome() {
  const app = appOf(here.channel);
  const view = store.homes.get(app.id);
  let body = $("main").querySelector(".home");
  if (!body) $("main").append((body = h("div", { class: "home", ...test("home") })));
  if (!view) return redraw(body, h("div", { class: "empty" }, h("p", {}, `${app.name} has not put anything here yet.`)));
  return redraw(body, h("div", { class: "home-inner" }, blocks(view.blocks, viewSurface(view, { redraw: drawHome }))));
}

function inChannel() {
  const private_ = [...store.ephemerals.values()].filter((one) => one.channel === here.channel && !one.thread_ts);
  return [...(store.messages.get(here.channel)?.values() ?? []), ...private_];
}

async function openThread(ts) {
  const pane = $("thread");
  here.thread = "";
  threadList = null;
  if (ts) here.thread = await readThread(here.channel, ts).catch(() => "");
  $("shell").classList.toggle("with-thread", Boolean(here.thread));
  pane.hidden = !here.thread;
  address();
  if (!here.thread) return pane.replaceChildren();
  pane.replaceChildren(h("header", { class: "pane-head" },
    h("div", { class: "pane-title" }, h("h2", {}, "Thread"), h("span", { class: "quiet" }, nameOf(here.channel).replace(/^(?!@)/, "#"))),
    h("button", { class: "icon-button", type: "button", "aria-label": "Close thread", onclick: () => openThread(""), ...test("close-thread") }, icon("close"))));
  threadList = new MessageList(pane, { label: "Thread" });
  threadList.show(inThread());
  threadList.bottom();
  const channel = store.channels.get(here.channel);
  if (channel.member && !channel.archived) pane.append(composer({ channel: here.channel, thread: here.thread, placeholder: "Reply…" }));
  return undefined;
}

function inThread() {
  const private_ = [...store.ephemerals.values()].filter((one) => one.channel === here.channel && one.thread_ts === here.thread);
  return [...(store.threads.get(here.thread)?.values() ?? []), ...private_];
}

function seen() {
  const channel = store.channels.get(here.channel);
  if (!channel || !document.hasFocus()) return;
  channel.unread = 0;
  ask("read", { as: store.me.id, channel: here.channel }).catch(() => {});
}

function news(what) {
  if (what === "view") return;
  if (what === "home") {
    if (here.tab === "home" && appOf(here.channel)) drawHome();
    return;
  }
  if (what === "workspace") {
    sidebar($("side"), here.channel, go);
    const channel = store.channels.get(here.channel);
    if (!channel) return void go(find(""));
    const old = $("main").querySelector(".pane-head");
    old?.replaceWith(heading(channel, appOf(here.channel)));
    const bottom = $("main").querySelector(".composer");
    if (bottom?.classList.contains("closed") || channel.archived) bottom?.replaceWith(foot(channel));
    return;
  }
  const channel = what.message?.channel ?? what.channel;
  if (channel === here.channel) {
    list?.show(inChannel());
    threadList?.show(inThread());
    if (what.fresh) seen();
  } else if (what.fresh && what.message.user !== store.me.id && !what.message.parent_user_id) {
    const there = store.channels.get(channel);
    if (there) there.unread += 1;
    sidebar($("side"), here.channel, go);
  }
}

function closeSide() {
  $("shell").classList.remove("with-side");
  $("menu").setAttribute("aria-expanded", "false");
}

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
}

$("menu").addEventListener("click", () => {
  const open = $("shell").classList.toggle("with-side");
  $("menu").setAttribute("aria-expanded", String(open));
});
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
  theme(dark ? "light" : "dark");
  localStorage.setItem("local-slack-theme", dark ? "light" : "dark");
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if ($("shell").classList.contains("with-side")) closeSide();
  else if (here.thread) openThread("");
});
addEventListener("focus", seen);
onChange(news);
watchModals();
start().catch((problem) => toast(problem.message, "warn"));
