// Where an address leads: to a message of this workspace, in place, or elsewhere, in a tab of its own.

import { reader } from "./mrkdwn.js";

const PATH = /^\/archives\/([A-Z][A-Z0-9]+)(?:\/p(\d{10})(\d{6}))?\/?$/;

// {channel, ts, thread} as chat.getPermalink writes it: `ts` and `thread` may be "". null: not of this workspace.
function placeOf(address) {
  const url = URL.canParse(address) ? new URL(address) : null;
  const found = url?.origin === `https://${reader.domain}.slack.com` && PATH.exec(url.pathname);
  if (!found) return null;
  return { channel: found[1], ts: found[2] ? `${found[2]}.${found[3]}` : "", thread: url.searchParams.get("thread_ts") ?? "" };
}

// The page itself, opened there.
const opened = ({ channel, ts, thread }) =>
  `/?${new URLSearchParams({ as: reader.me?.name ?? "", channel, message: ts, thread })}`;

// What a link needs to lead there: main.js hears the click.
export function leads(address) {
  const place = placeOf(address);
  if (!place) return { href: address, target: "_blank", rel: "noopener noreferrer" };
  return { href: opened(place), dataset: { go: place.channel, at: place.ts, thread: place.thread } };
}

// Go there without a link: main.js hears it.
export function follow(address) {
  const place = placeOf(address);
  if (place) dispatchEvent(new CustomEvent("follow", { detail: place }));
  else window.open(address, "_blank", "noopener");
}
