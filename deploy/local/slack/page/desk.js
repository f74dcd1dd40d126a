// What stands beside the workspace: the guide, the ways to break things, the traffic, two people side by side.

import { ask, h, icon, menuButton, redraw, test, toast } from "./dom.js";
import { besideButton } from "./beside.js";
import { guide, press, skip, skipped } from "./guide.js";
import { isLost, store } from "./store.js";

const WEATHER = {
  fair: ["Slack as usual", "Every call is answered at once"],
  slow: ["Slack is slow", "Every call of an app takes two seconds longer"],
  down: ["Slack is down", "No call of an app gets through, and no app hears of anything"],
};

const warn = (problem) => toast(problem.message, "warn");

async function turn(weather) {
  await ask("weather", { weather }).catch(warn);
}

async function cut() {
  const done = await ask("sockets", {}).catch(warn);
  if (done)
    toast(
      done.count
        ? `${done.count} ${done.count === 1 ? "socket was" : "sockets were"} cut. The app has to come back by itself.`
        : "The app has no socket open: it takes its deliveries over HTTP.",
    );
}

function chaos() {
  return [
    { heading: "Break things" },
    ...Object.entries(WEATHER).map(([name, [label, note]]) => ({
      label,
      note,
      value: `weather-${name}`,
      chosen: store.desk.weather === name,
      run: () => turn(name),
    })),
    { label: "Cut the sockets", note: "Of Socket Mode, without a word", value: "cut", run: cut },
    ...store.desk.buttons.map((one) => ({
      label: one.label,
      note: one.hint,
      value: `press-${one.name}`,
      run: () => press(one),
    })),
  ];
}

// `act` as the guide has it, and traffic(), beside(), sided.
export function desk(act) {
  const host = document.getElementById("desk");
  const plan = store.desk.guide;
  const showGuide = () => {
    skip(false);
    act.again();
  };
  const storm = menuButton(
    h(
      "button",
      {
        class: "icon-button labelled",
        type: "button",
        "aria-label": "Break things, and more",
        title: "Break things",
        "data-key": "chaos",
        ...test("chaos"),
      },
      icon("storm"),
      h("span", {}, "Break"),
    ),
    () => [
      ...chaos(),
      ...(innerWidth > 720
        ? []
        : [
            { heading: "Look" },
            { label: "All traffic", value: "traffic", run: act.traffic },
            ...(plan && skipped() ? [{ label: "The guide", value: "guide", run: showGuide }] : []),
          ]),
    ],
  );
  redraw(
    host,
    ...[
      plan && skipped()
        ? h(
            "button",
            {
              class: "icon-button labelled wide-only",
              type: "button",
              "aria-label": "Guide: show the first steps",
              title: "Show the first steps",
              onclick: showGuide,
              "data-key": "show-guide",
              ...test("show-guide"),
            },
            icon("guide"),
            h("span", {}, "Guide"),
          )
        : null,
      besideButton(act.sided, act.beside),
      h(
        "button",
        {
          class: "icon-button labelled wide-only",
          type: "button",
          "aria-label": "Traffic: all that goes over the wire",
          title: "All that goes over the wire",
          onclick: act.traffic,
          "data-key": "traffic",
          ...test("traffic"),
        },
        icon("inspect"),
        h("span", {}, "Traffic"),
      ),
      storm,
    ].filter(Boolean),
  );
  guide(document.getElementById("guide"), store.desk, act);
  weather();
}

function weather() {
  const host = document.getElementById("weather");
  const now = store.desk.weather;
  host.hidden = now === "fair" && !isLost();
  if (host.hidden) return host.replaceChildren();
  if (isLost())
    return host.replaceChildren(
      icon("warn"),
      h("span", {}, h("strong", {}, "This workspace is not running. "), "The page goes on when it is started again."),
    );
  const [label, note] = WEATHER[now];
  return host.replaceChildren(
    icon("storm"),
    h("span", {}, h("strong", {}, `${label}. `), `${note}.`),
    h("button", { class: "button", type: "button", onclick: () => turn("fair"), ...test("weather-end") }, "End it"),
  );
}
