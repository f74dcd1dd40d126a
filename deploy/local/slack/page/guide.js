// The guide through the first minute: a strip below the bar that says what to do next, and does it for whoever asks.

import { ask, h, icon, redraw, test, toast } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";

const SKIPPED = "local-slack-guide-skipped";
export const skipped = () => localStorage.getItem(SKIPPED) === "1";

// `act` is {is(person), nameOf(person), become(person), type(line, channel), again()}: what the page can do for a step.
export function guide(host, desk, act) {
  const { guide: plan } = desk;
  host.hidden = !plan || skipped();
  if (host.hidden) return host.replaceChildren();
  const over = plan.at >= plan.steps.length;
  const step = over ? { title: "That was it", says: plan.end } : plan.steps[plan.at];
  return redraw(
    host,
    h(
      "div",
      { class: "guide-head" },
      h("strong", { class: "guide-title", ...test("guide-title") }, step.title),
      h(
        "ol",
        {
          class: "guide-dots",
          "aria-label": `Step ${Math.min(plan.at + 1, plan.steps.length)} of ${plan.steps.length}`,
        },
        plan.steps.map((one, index) =>
          h("li", { class: index < plan.at ? "done" : index === plan.at ? "now" : "", title: one.title }),
        ),
      ),
      h(
        "button",
        {
          class: "icon-button",
          type: "button",
          "aria-label": over ? "Close the guide" : "Skip the guide",
          title: over ? "Close" : "Skip",
          "data-key": "guide-skip",
          onclick: () => {
            skip(true);
            act.again();
          },
          ...test("guide-skip"),
        },
        icon("close"),
      ),
    ),
    h("div", { class: "guide-body", role: "status", ...test("guide-says") }, mrkdwn(step.says)),
    h("div", { class: "guide-acts" }, over ? again(plan, act) : helps(step, desk, act)),
  );
}

export function skip(yes) {
  localStorage.setItem(SKIPPED, yes ? "1" : "0");
}

function again(plan, act) {
  return h(
    "button",
    {
      class: "button",
      type: "button",
      onclick: () =>
        ask("guide", { at: plan.again })
          .catch((problem) => toast(problem.message, "warn"))
          .then(act.again),
      ...test("guide-again"),
    },
    "From the beginning",
  );
}

function helps(step, desk, act) {
  const button = desk.buttons.find((one) => one.name === step.button);
  return [
    step.who && !act.is(step.who)
      ? h(
          "button",
          {
            class: "button primary",
            type: "button",
            "data-key": "guide-who",
            onclick: () => act.become(step.who),
            ...test("guide-who"),
          },
          `Become ${act.nameOf(step.who)}`,
        )
      : null,
    step.line && (!step.who || act.is(step.who))
      ? h(
          "button",
          {
            class: "button primary",
            type: "button",
            "data-key": "guide-type",
            onclick: () => act.type(step.line, step.channel),
            ...test("guide-type"),
          },
          "Type it for me",
        )
      : null,
    button
      ? h(
          "button",
          {
            class: "button danger",
            type: "button",
            title: button.hint,
            "data-key": "guide-button",
            onclick: () => press(button),
            ...test("guide-button"),
          },
          button.label,
        )
      : null,
    h(
      "button",
      {
        class: "link-button",
        type: "button",
        "data-key": "guide-next",
        onclick: () => ask("guide", { at: desk.guide.at + 1 }).catch((problem) => toast(problem.message, "warn")),
        ...test("guide-next"),
      },
      "Next",
    ),
  ];
}

export async function press(button) {
  try {
    toast((await ask("press", { button: button.name })).text || button.label);
  } catch (problem) {
    toast(problem.message, "warn");
  }
}
