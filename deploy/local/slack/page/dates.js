// Dates as Slack writes them, in the reader's zone.

export const clock = { ahead: 0 }; // seconds by which the workspace's was moved
const present = () => Date.now() / 1000 + clock.ahead;

const formatters = new Map();

function formatter(zone, options) {
  const key = `${zone} ${JSON.stringify(options)}`;
  if (!formatters.has(key)) formatters.set(key, made(zone, options));
  return formatters.get(key);
}

function made(zone, options) {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: zone || "UTC", ...options });
  } catch {
    return new Intl.DateTimeFormat("en-US", { timeZone: "UTC", ...options });
  }
}

const format = (seconds, zone, options) => formatter(zone, options).format(seconds * 1000);

const day = (seconds, zone) => format(seconds, zone, { year: "numeric", month: "2-digit", day: "2-digit" });

function pretty(seconds, zone, words) {
  const now = present();
  for (const [name, shift] of [
    ["today", 0],
    ["yesterday", -86400],
    ["tomorrow", 86400],
  ]) {
    if (day(seconds, zone) === day(now + shift, zone)) return name;
  }
  return words;
}

export function formatDate(seconds, pattern, zone) {
  if (!Number.isFinite(seconds)) return null;
  const short = format(seconds, zone, { month: "short", day: "numeric", year: "numeric" });
  const plain = format(seconds, zone, { month: "long", day: "numeric", year: "numeric" });
  const long = format(seconds, zone, { weekday: "long", month: "long", day: "numeric", year: "numeric" });
  const known = {
    date_num: format(seconds, "UTC", { year: "numeric" }) && isoDay(seconds, zone),
    date: plain,
    date_short: short,
    date_long: long,
    date_pretty: pretty(seconds, zone, plain),
    date_short_pretty: pretty(seconds, zone, short),
    date_long_pretty: pretty(seconds, zone, long),
    time: time(seconds, zone),
    time_secs: format(seconds, zone, { hour: "numeric", minute: "2-digit", second: "2-digit" }),
    ago: ago(seconds),
  };
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => known[name] ?? whole);
}

function isoDay(seconds, zone) {
  const [month, date, year] = day(seconds, zone).split("/");
  return `${year}-${month}-${date}`;
}

function ago(seconds) {
  const past = Math.round(present() - seconds);
  const [size, word] = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ].find(([one]) => Math.abs(past) >= one) ?? [1, "second"];
  const count = Math.round(Math.abs(past) / size);
  const words = `${count} ${word}${count === 1 ? "" : "s"}`;
  return past >= 0 ? `${words} ago` : `in ${words}`;
}

export const time = (seconds, zone) => format(seconds, zone, { hour: "numeric", minute: "2-digit" });

export function dayLabel(seconds, zone) {
  const words = pretty(seconds, zone, format(seconds, zone, { weekday: "long", month: "long", day: "numeric" }));
  return words[0].toUpperCase() + words.slice(1);
}

export const dayKey = (seconds, zone) => day(seconds, zone);

const CLOCK = {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
};

// Unix seconds as an input of type datetime-local shows them, in a zone.
export function wallClock(seconds, zone) {
  if (!seconds) return "";
  const part = Object.fromEntries(
    formatter(zone, CLOCK)
      .formatToParts(seconds * 1000)
      .map((one) => [one.type, one.value]),
  );
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

// And back. Twice, since the zone's offset may differ between the guess and the answer.
export function moment(words, zone) {
  const wanted = Date.parse(`${words}Z`) / 1000;
  let found = wanted;
  for (let turn = 0; turn < 2; turn++) found += wanted - Date.parse(`${wallClock(found, zone)}Z`) / 1000;
  return found;
}
