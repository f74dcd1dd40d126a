// The page: who one is, where one is, and what is drawn there.

import { ask, h, icon, redraw, test, toast } from "./dom.js";
import { closeSide, theme } from "./bar.js";
import { beside as besides } from "./beside.js";
import { blocks, forget } from "./blocks.js";
import { composer } from "./composer.js";
import { desk } from "./desk.js";
import { inspect, shut as shutInspector } from "./inspect.js";
import { MessageList } from "./messages.js";
import { show as showModal, viewSurface, watchModals } from "./modal.js";
import { foot, heading } from "./pane.js";
import { personSwitch, sidebar } from "./side.js";
import { Outdated, appOf, isLost, load, onChange, readChannel, readHome, readOlder, readThread, store } from "./store.js";

const $ = (id) => document.getElementById(id);
const here = { channel: "", thread: "", tab: "messages", frame: "" };
let list = null;
let threadList = null;
let sides = null;

async function start() {
  const query = new URLSearchParams(location.search);
  const at = (name) => query.get(name) ?? "";
  theme(localStorage.getItem("local-slack-theme"));
  here.frame = at("frame");
  document.body.classList.toggle("framed", Boolean(here.frame));
  const person = at("as") || localStorage.getItem("local-slack-person") || "";
  if (at("beside")) return sideBySide(person, at("beside"), at("channel"));
  await become(person, at("channel"), at("thread"), at("tab"));
  if (at("message")) await visit({ channel: at("channel"), ts: at("message"), thread: at("thread") });
}

async function become(person, channel, thread = "", tab = "") {
  watchModals();
  const name = person || (await first());
  try {
    await load(name);
  } catch (problem) {
    if (!person || !problem.refused) throw problem;
    toast(problem.message, "warn");
    return become("", channel);
  }
  if (here.frame)
    parent.postMessage({ kind: "is", person: store.me.name, real_name: store.me.real_name }, location.origin);
  else localStorage.setItem("local-slack-person", store.me.name);
  $("team").textContent = store.team.name;
  personSwitch($("who"), (next) => become(next, nameOf(here.channel), "", here.tab));
  showModal();
  shutInspector($("inspector"));
  beside();
  await go(find(channel), thread, tab);
}

// --- two people ----------------------------------------------------------------------------------------------------

async function sideBySide(person, other, channel) {
  store.silent = true;
  await load(person || (await first()));
  document.body.classList.add("sided");
  $("team").textContent = store.team.name;
  const note = (people) =>
    history.replaceState(null, "", `/?${new URLSearchParams({ as: people[0], beside: people[1], channel })}`);
  sides = besides($("main"), [store.me.name, other], channel, (people) => {
    note(people);
    beside();
  });
  document.title = `Side by side · ${store.team.name}`;
  beside();
}

function turnSides() {
  const channel = sides ? new URLSearchParams(location.search).get("channel") : nameOf(here.channel);
  const other = [...store.people.values()].find(
    (one) => !one.is_app && one.role !== "deactivated" && one.id !== store.me.id,
  )?.name;
  const wanted = sides ? { as: sides.people()[0], channel } : { as: store.me.name, beside: other, channel };
  location.assign(`/?${new URLSearchParams(wanted)}`);
}

const acts = {
  get sided() {
    return Boolean(sides);
  },
  is: (person) => (sides ? sides.people().includes(person) : store.me.name === person),
  nameOf: (person) => [...store.people.values()].find((one) => one.name === person)?.real_name ?? person,
  become: (person) =>
    sides ? sides.tell(1, { kind: "become", person }) : become(person, nameOf(here.channel), here.thread, here.tab),
  async type(line, channel) {
    if (sides)
      return sides.tell(Math.max(0, sides.people().indexOf(store.desk.guide?.steps[store.desk.guide.at]?.who)), {
        kind: "type",
        line,
        channel,
      });
    if (channel && nameOf(here.channel) !== channel) await go(find(channel));
    const input = $("main").querySelector("[data-testid=composer]");
    if (!input) return undefined;
    input.value = line;
    input.dispatchEvent(new Event("input"));
    return input.focus();
  },
  traffic: () => inspect($("inspector"), null),
  beside: turnSides,
  again: () => beside(),
};

const beside = () => {
  if (!here.frame) desk(acts);
};

addEventListener("message", (event) => {
  if (!here.frame || event.origin !== location.origin || event.source !== parent) return;
  if (event.data.kind === "become") become(event.data.person, nameOf(here.channel), here.thread, here.tab);
  if (event.data.kind === "type") acts.type(event.data.line, event.data.channel);
});

// Nobody was named: ask the workspace who is there.
const first = async () => (await ask("first", {})).person;

function find(name) {
  const wanted = name.replace(/^#/, "");
  const all = [...store.channels.values()];
  const app = store.apps.find((one) => `@${one.handle}` === name || one.im === name);
  const found =
    all.find((one) => one.id === name || (one.kind !== "im" && one.name === wanted)) ?? store.channels.get(app?.im);
  return (found ?? all.find((one) => one.member && one.kind !== "im" && !one.archived) ?? all[0])?.id ?? "";
}

function nameOf(id) {
  const channel = store.channels.get(id);
  return appOf(id) ? `@${appOf(id).handle}` : (channel?.name ?? "");
}

async function go(channel, thread = "", tab = "") {
  here.channel = channel;
  here.thread = thread;
  const app = appOf(channel);
  here.tab = app?.home ? tab || (store.channels.get(channel).unread ? "messages" : "home") : "messages";
  closeSide();
  if (!channel) return nothing();
  await readChannel(channel);
  if (app?.home && here.tab === "home") await readHome(app.id);
  draw();
  seen();
  requestAnimationFrame(() => performance.mark("drawn"));
  await openThread(thread);
  if (app)
    ask("open_home", { as: store.me.id, app: app.id, tab: here.tab }).catch((problem) =>
      toast(problem.message, "warn"),
    );
}

// To a message: it is in view, with its thread, and in the thread too where it is a reply.
async function visit({ channel, ts = "", thread = "" }) {
  const root = thread || ts;
  if (!store.channels.has(channel))
    return toast(`${store.me.real_name} does not see the conversation that this leads to.`, "warn");
  if (!root) return go(channel);
  const replies = await readThread(channel, root).then((found) => store.threads.get(found).size - 1, () => -1);
  if (replies < 0) return toast("The message that this leads to is not there any more.", "warn");
  await go(channel, replies ? root : "", "messages");
  if (!inChannel().some((one) => one.ts === root)) await readOlder(channel, root);
  list.show(inChannel());
  list.reveal(root);
  if (thread && ts) threadList?.reveal(ts);
  return undefined;
}

function nothing() {
  $("main").replaceChildren(
    h(
      "div",
      { class: "empty" },
      h("h1", {}, "Nothing to see yet"),
      h("p", {}, `${store.me.real_name} is in no channel.`),
    ),
  );
  drawSide();
}

const drawSide = () => sidebar($("side"), here.channel, here.tab === "messages", go);

function drawHeading() {
  const old = $("main").querySelector(".pane-head");
  const fresh = heading(store.channels.get(here.channel), appOf(here.channel), here.tab, go);
  if (old && !old.isEqualNode(fresh))
    redraw(
      $("main"),
      [...$("main").childNodes].map((one) => (one === old ? fresh : one)),
    );
}

function address() {
  const query = new URLSearchParams({ as: store.me.name, channel: nameOf(here.channel) });
  if (here.thread) query.set("thread", here.thread);
  if (appOf(here.channel)) query.set("tab", here.tab);
  if (here.frame) query.set("frame", here.frame);
  history.replaceState(null, "", `/?${query}`);
  titled();
}

// Beside an app's home its messages are not seen.
const reads = (channel) => channel === here.channel && here.tab === "messages";

// With how many messages elsewhere are unread.
function titled() {
  const unread = [...store.channels.values()].reduce((sum, one) => sum + (reads(one.id) ? 0 : one.unread), 0);
  document.title = `${unread ? `(${unread}) ` : ""}${nameOf(here.channel)} · ${store.team.name}`;
}

function draw() {
  address();
  drawSide();
  const channel = store.channels.get(here.channel);
  const app = appOf(here.channel);
  const main = $("main");
  main.replaceChildren(heading(channel, app, here.tab, go));
  list = null;
  if (app && here.tab === "home") return drawHome();
  list = new MessageList(main, {
    open: (ts) => openThread(ts),
    inspect: (message) => inspect($("inspector"), message),
    older,
    label: `Messages in ${nameOf(here.channel)}`,
    read: channel.unread ? channel.read : "",
  });
  list.show(inChannel());
  list.bottom();
  main.append(foot(channel));
  if (innerWidth > 720 && !document.querySelector("dialog[open]"))
    main.querySelector(".composer-input")?.focus({ preventScroll: true });
  return undefined;
}

function drawHome() {
  const app = appOf(here.channel);
  const view = store.homes.get(app.id);
  let body = $("main").querySelector(".home");
  if (!body) $("main").append((body = h("div", { class: "home", ...test("home") })));
  if (!view)
    return redraw(body, h("div", { class: "empty" }, h("p", {}, `${app.name} has not put anything here yet.`)));
  let inner = body.querySelector(".home-inner");
  if (!inner) redraw(body, (inner = h("div", { class: "home-inner" })));
  const surface = viewSurface(view, {
    redraw: (block) => {
      forget(inner, block);
      drawHome();
    },
  });
  return redraw(inner, blocks(view.blocks, surface, inner));
}

// Whether anything older came.
async function older() {
  const channel = here.channel;
  if (!store.more.get(channel)) return false;
  await readOlder(channel);
  if (channel === here.channel) list.show(inChannel());
  return channel === here.channel;
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
  pane.replaceChildren(
    h(
      "header",
      { class: "pane-head" },
      h(
        "div",
        { class: "pane-title" },
        h("h2", {}, "Thread"),
        h("span", { class: "quiet" }, nameOf(here.channel).replace(/^(?!@)/, "#")),
      ),
      h(
        "button",
        {
          class: "icon-button",
          type: "button",
          "aria-label": "Close thread",
          onclick: () => openThread(""),
          ...test("close-thread"),
        },
        icon("close"),
      ),
    ),
  );
  threadList = new MessageList(pane, { label: "Thread", inspect: (message) => inspect($("inspector"), message) });
  threadList.show(inThread());
  threadList.bottom();
  const channel = store.channels.get(here.channel);
  if (channel.member && !channel.archived)
    pane.append(composer({ channel: here.channel, thread: here.thread, placeholder: "Reply…" }));
  return undefined;
}

function inThread() {
  const private_ = [...store.ephemerals.values()].filter(
    (one) => one.channel === here.channel && one.thread_ts === here.thread,
  );
  return [...(store.threads.get(here.thread)?.values() ?? []), ...private_];
}

function seen() {
  const channel = store.channels.get(here.channel);
  if (!channel || !reads(channel.id) || !document.hasFocus()) return;
  channel.unread = 0;
  ask("read", { as: store.me.id, channel: here.channel }).then(
    ({ read }) => (channel.read = read),
    () => {},
  );
}

function news(what) {
  if (what === "desk" || what === "lost") return beside();
  if (what === "again") return again();
  if (what === "view" || sides) return;
  if (what === "home") {
    if (here.tab === "home" && appOf(here.channel)) drawHome();
    return;
  }
  if (what === "workspace") {
    drawSide();
    const channel = store.channels.get(here.channel);
    if (!channel) return void go(find(""));
    if (appOf(here.channel) && here.tab === "home") drawHome();
    list?.show(inChannel()); // names and times in it may be others now
    threadList?.show(inThread());
    drawHeading();
    const bottom = $("main").querySelector(".composer");
    if (bottom?.classList.contains("closed") || channel.archived) bottom?.replaceWith(foot(channel));
    return;
  }
  const channel = what.message?.channel ?? what.channel;
  if (reads(channel)) {
    list?.show(inChannel());
    threadList?.show(inThread());
    if (what.fresh) seen();
  } else if (what.fresh && what.message.user !== store.me.id && !what.message.parent_user_id) {
    const there = store.channels.get(channel);
    if (there) there.unread += 1;
    titled();
    drawSide();
    if (channel === here.channel) drawHeading();
  }
}

// The workspace is back, and may be another one than before: everything is read anew, until that has worked.
async function again() {
  try {
    if (sides) await load(store.me.name).catch(async (problem) => load(problem.refused ? await first() : store.me.name));
    else await become(store.me.name, nameOf(here.channel), here.thread, here.tab);
    beside();
  } catch (problem) {
    if (problem instanceof Outdated) location.reload();
    else setTimeout(() => isLost() || again(), 1000); // lost again: the socket tells when it is back
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if ($("shell").classList.contains("with-side")) closeSide();
  else if (shutInspector($("inspector"))) return;
  else if (here.thread) openThread("");
});
document.addEventListener("click", (event) => {
  const wanted = event.target.closest?.("a[data-go]");
  if (!wanted || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { go: channel, at: ts, thread } = wanted.dataset;
  if (wanted.closest("dialog")) window.open(wanted.href, "_blank", "noopener"); // what lies under a modal is out of reach
  else visit({ channel, ts, thread }).catch((problem) => toast(problem.message, "warn"));
});
addEventListener("follow", (event) => visit(event.detail).catch((problem) => toast(problem.message, "warn")));
addEventListener("focus", () => seen());
// Whoever says something wants to see what comes of it.
addEventListener("said", (event) => (event.detail ? threadList : list)?.bottom());
onChange(news);
start().catch((problem) => toast(problem.message, "warn"));
