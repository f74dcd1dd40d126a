// Two people's views next to each other in one window: each is the whole page, in a frame of its own.

import { h, icon, test } from "./dom.js";

// `people` are two handles; `said` is told who is in which frame.
export function beside(host, people, channel, said) {
  const now = [...people];
  const frames = now.map((person, index) => {
    const query = new URLSearchParams({ as: person, channel, frame: String(index) });
    return h("iframe", {
      class: "beside-frame",
      src: `/?${query}`,
      title: `The page of ${person}`,
      ...test(`frame-${index}`),
    });
  });
  addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.data?.kind !== "is") return;
    const index = frames.findIndex((frame) => frame.contentWindow === event.source);
    if (index < 0) return;
    now[index] = event.data.person;
    frames[index].title = `The page of ${event.data.real_name}`;
    said([...now]);
  });
  host.replaceChildren(h("div", { class: "beside", ...test("beside") }, frames));
  return {
    people: () => [...now],
    tell: (index, what) => frames[index].contentWindow.postMessage(what, location.origin),
  };
}

export const besideButton = (on, turn) =>
  h(
    "button",
    {
      class: "icon-button labelled",
      type: "button",
      "aria-pressed": String(on),
      "aria-label": "Side by side: two people in one window",
      title: on ? "One person again" : "Two people in one window",
      onclick: turn,
      "data-key": "beside",
      ...test("beside-button"),
    },
    icon("beside"),
    h("span", {}, "Side by side"),
  );
