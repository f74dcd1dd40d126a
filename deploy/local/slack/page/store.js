// What the page knows: the workspace in one person's eyes, messages, modals, homes. A live socket tells what changes.

import { ask, toast } from "./dom.js";
import { clock } from "./dates.js";
import { reader } from "./mrkdwn.js";

export const store = {
  me: null,
  team: null,
  people: new Map(),
  channels: new Map(),
  apps: [],
  groups: [],
  messages: new Map(),
  more: new Map(),
  threads: new Map(),
  ephemerals: new Map(),
  stack: [],
  homes: new Map(),
  desk: { guide: null, buttons: [], weather: "fair" },
  version: 0,
  opened: 0,
  page: "",
  silent: false,
};
const PAGE = 60;
const listeners = new Set();
let socket = null;
let soon = 0;
let lost = false;
let tries = 0; // to reach the workspace since it was lost: soon at first, then once a second
const PAUSE = { first: 50, most: 1000 }; // milliseconds
export const isLost = () => lost;

export const onChange = (listener) => listeners.add(listener);
const tell = (what) => listeners.forEach((listener) => listener(what));

// The workspace was started again with newer files of this page.
export class Outdated extends Error {}

export async function load(person) {
  hangUp(); // or what the last person is told lands among what this one sees
  const found = await ask("workspace", { as: person });
  if (store.page && store.page !== found.page) throw new Outdated();
  store.page = found.page;
  take(found);
  store.opened = Math.min(store.opened || found.now, found.now); // the clock of another workspace may be behind
  store.version = found.version;
  store.messages.clear();
  store.threads.clear();
  store.homes.clear();
  store.ephemerals = new Map();
  const [mine, view] = await Promise.all([ask("ephemerals", { as: person }), ask("view", { as: person })]);
  // A message only one person sees is gone after a reload, as in Slack: keep those since this page was opened.
  for (const one of mine.messages) if (Number(one.ts) >= store.opened) store.ephemerals.set(one.ts, one);
  store.stack = view.stack;
  listen();
}

function take(found) {
  store.me = found.me;
  store.team = found.team;
  store.people = new Map(found.people.map((one) => [one.id, one]));
  store.channels = new Map(found.channels.map((one) => [one.id, one]));
  store.apps = found.apps;
  store.desk = found.desk;
  store.groups = found.groups;
  const known = JSON.stringify([
    found.people,
    found.channels.filter((one) => one.kind !== "im").map((one) => [one.id, one.name]),
    found.groups,
    found.me.id,
    found.apps.map((one) => one.shortcuts),
    found.team.domain,
    found.ahead,
  ]);
  if (known !== reader.known) reader.version += 1;
  clock.ahead = found.ahead;
  Object.assign(reader, {
    known,
    domain: found.team.domain,
    people: store.people,
    channels: store.channels,
    groups: new Map(found.groups.map((one) => [one.id, one])),
    apps: new Map(found.apps.map((one) => [one.id, one])),
    me: found.me,
  });
}

export async function refresh() {
  take(await ask("workspace", { as: store.me.id }));
  tell("workspace");
}

function hangUp() {
  if (!socket) return;
  for (const deaf of ["onopen", "onmessage", "onclose"]) socket[deaf] = null;
  socket.close();
}

function listen() {
  hangUp();
  socket = new WebSocket(`ws://${location.host}/control/live?as=${store.me.id}&since=${store.version}`);
  socket.onmessage = (event) => {
    const news = JSON.parse(event.data);
    if (news.anew) return tell("again"); // more happened than is kept
    store.version = news.version;
    for (const change of news.changes) apply(change);
  };
  socket.onopen = () => {
    if (!lost) return;
    lost = false;
    tries = 0;
    tell("again");
  };
  socket.onclose = () => {
    const first = !lost;
    lost = true;
    if (first) tell("lost");
    setTimeout(listen, Math.min(PAUSE.most, PAUSE.first * 2 ** tries));
    tries += 1;
  };
}

// What an answer of the server holds, with what changed since it was given: the socket may be faster than the answer.
const reading = new Set();
async function read(verb, body, keep) {
  const meanwhile = [];
  reading.add(meanwhile);
  try {
    const found = await ask(verb, { as: store.me.id, ...body });
    keep(found);
    meanwhile.forEach(hold);
    return found;
  } finally {
    reading.delete(meanwhile);
  }
}

// Puts a message where it is shown, or takes it away.
function hold(change) {
  if (change.kind === "message") {
    const { message } = change;
    const there = store.messages.get(message.channel);
    const older = !change.new && !there?.has(message.ts); // than what was read: it would stand behind a silent gap
    if (!older && (!message.parent_user_id || message.subtype === "thread_broadcast")) there?.set(message.ts, message);
    store.threads.get(message.thread_ts ?? message.ts)?.set(message.ts, message);
  } else {
    store.messages.get(change.channel)?.delete(change.key);
    for (const thread of store.threads.values()) thread.delete(change.key);
  }
}

function apply(change) {
  if (change.kind === "message" || change.kind === "message_deleted") {
    for (const meanwhile of reading) meanwhile.push(change);
    hold(change);
  }
  if (change.kind === "message") {
    tell({ message: change.message, fresh: change.new });
  } else if (change.kind === "message_deleted") {
    tell({ gone: change.key, channel: change.channel });
  } else if (change.kind === "ephemeral") {
    const fresh = !store.ephemerals.has(change.key);
    store.ephemerals.set(change.key, change.message);
    if (fresh && !store.silent && change.message.user === "USLACKBOT")
      toast(change.message.text.replaceAll("`", ""), "slackbot");
    tell({ message: change.message, fresh });
  } else if (change.kind === "ephemeral_deleted") {
    store.ephemerals.delete(change.key);
    tell({ gone: change.key, channel: change.channel });
  } else if (change.kind === "view") {
    store.stack = change.stack;
    tell("view");
  } else if (change.kind === "home") {
    for (const [app, view] of Object.entries(change.views)) store.homes.set(app, view);
    tell("home");
  } else if (change.kind === "desk") {
    readDesk();
  } else {
    clearTimeout(soon);
    soon = setTimeout(refresh, 50);
  }
}

export async function readDesk() {
  store.desk = await ask("desk", {});
  tell("desk");
}

export async function readChannel(id) {
  await read("messages", { channel: id, limit: PAGE }, (found) => {
    store.messages.set(id, new Map(found.messages.map((one) => [one.ts, one])));
    store.more.set(id, found.more);
  });
}

// Older messages before those that are there, at least as far back as `until`.
export async function readOlder(id, until = "") {
  const known = store.messages.get(id);
  const found = await ask("messages", {
    as: store.me.id,
    channel: id,
    limit: PAGE * 2,
    before: known.keys().next().value,
    until,
  });
  store.messages.set(id, new Map([...found.messages.map((one) => [one.ts, one]), ...known]));
  store.more.set(id, found.more);
}

export async function readThread(channel, ts) {
  const found = await read("thread", { channel, ts }, ({ messages }) =>
    store.threads.set(messages[0].ts, new Map(messages.map((one) => [one.ts, one]))),
  );
  return found.messages[0].ts;
}

export async function readHome(app) {
  const found = await ask("home", { as: store.me.id, app });
  if (!store.homes.get(app)) store.homes.set(app, found.view);
}

export const appOf = (channel) => store.apps.find((app) => app.im === channel || app.id === channel);
export const author = (message) =>
  store.people.get(message.user) ?? {
    id: message.user,
    name: message.user,
    display_name: message.user,
    real_name: message.user,
    role: "",
  };
