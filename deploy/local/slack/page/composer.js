// Where a person types: messages, and slash commands with the manifest's own hints.

import { ask, h, icon, menuButton, test, toast } from "./dom.js";
import { store } from "./store.js";

// What is typed and not sent, by person and place: it outlives a look elsewhere, and a page that loads itself anew.
const drafts = {
  get: (place) => sessionStorage.getItem(`draft/${place}`) ?? "",
  set: (place, words) =>
    words ? sessionStorage.setItem(`draft/${place}`, words) : sessionStorage.removeItem(`draft/${place}`),
};

export function composer({ channel, thread = "", placeholder }) {
  const input = h("textarea", {
    class: "composer-input",
    rows: 1,
    placeholder,
    "aria-label": placeholder,
    "data-key": `composer-${thread || channel}`,
    ...test(thread ? "thread-composer" : "composer"),
  });
  const hint = h("div", { class: "composer-hint", ...test("hint") });
  const send = h(
    "button",
    { class: "send", type: "submit", "aria-label": "Send", disabled: true, ...test(thread ? "thread-send" : "send") },
    icon("send"),
  );
  const list = h("div", {
    class: "suggestions",
    role: "listbox",
    "aria-label": "Commands",
    id: `commands-${thread || channel}`,
    hidden: true,
    ...test("commands"),
  });
  const bolt = shortcutsButton();
  const form = h(
    "form",
    { class: "composer" },
    list,
    h("div", { class: "composer-box" }, input, h("div", { class: "composer-row" }, bolt, hint, send)),
  );
  const draft = `${store.me.id}/${channel}/${thread}`;
  let found = [];
  let active = 0;

  const grow = () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 200)}px`;
    send.disabled = !input.value.trim();
    drafts.set(draft, input.value);
  };
  const look = () => {
    const word = input.value.match(/^(\/\S*)$/)?.[1];
    found = word && !thread ? commands().filter((one) => one.command.startsWith(word)) : [];
    active = 0;
    draw();
    const running = commands().find((one) => input.value.startsWith(`${one.command} `));
    hint.textContent = running && !thread ? `${running.command} ${running.usage}` : "";
  };
  const draw = () => {
    list.hidden = !found.length;
    list.replaceChildren(
      ...found.map((one, index) =>
        h(
          "div",
          {
            class: `suggestion${index === active ? " active" : ""}`,
            role: "option",
            id: `${list.id}-${index}`,
            "aria-selected": String(index === active),
            "data-command": one.command,
            ...test("command"),
            onpointerdown: (event) => {
              event.preventDefault();
              take(one);
            },
          },
          h("strong", {}, one.command),
          h("span", { class: "usage" }, one.usage),
          h("span", { class: "quiet" }, one.description, ` · ${one.app}`),
        ),
      ),
    );
    if (found.length) input.setAttribute("aria-activedescendant", `${list.id}-${active}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const take = (one) => {
    input.value = `${one.command} `;
    look();
    grow();
    input.focus();
  };
  const submit = async () => {
    const words = input.value.trim();
    if (!words) return;
    input.value = "";
    look();
    grow();
    dispatchEvent(new CustomEvent("said", { detail: thread }));
    try {
      if (words.startsWith("/")) await ask("command", { as: store.me.id, channel, line: words, thread_ts: thread });
      else await ask("post", { as: store.me.id, channel, text: escaped(words), thread_ts: thread });
    } catch (problem) {
      toast(problem.message, "warn");
      input.value = words;
      grow();
    }
  };

  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-autocomplete", "list");
  input.addEventListener("input", () => {
    look();
    grow();
  });
  input.addEventListener("blur", () => {
    found = [];
    draw();
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (found.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      active = (active + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length;
      draw();
    } else if (
      found.length &&
      (event.key === "Tab" || (event.key === "Enter" && found[active].command !== input.value))
    ) {
      event.preventDefault();
      take(found[active]);
    } else if (event.key === "Escape" && found.length) {
      event.preventDefault();
      found = [];
      draw();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  input.value = drafts.get(draft) ?? "";
  send.disabled = !input.value;
  return form;
}

const commands = () => store.apps.flatMap((app) => app.commands.map((one) => ({ ...one, app: app.name })));

// People write @name and #channel; messages carry ids.
function escaped(words) {
  const safe = words
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/(?!^)>/gm, "&gt;");
  return safe
    .replace(/(^|\s)@([\w.-]+)/g, (whole, space, name) => {
      const person = [...store.people.values()].find((one) => one.name === name);
      const group = store.groups.find((one) => one.handle === name);
      return person ? `${space}<@${person.id}>` : group ? `${space}<!subteam^${group.id}|@${group.handle}>` : whole;
    })
    .replace(/(^|\s)#([\w-]+)/g, (whole, space, name) => {
      const channel = [...store.channels.values()].find((one) => one.name === name);
      return channel ? `${space}<#${channel.id}|${channel.name}>` : whole;
    });
}

function shortcutsButton() {
  const list = store.apps.flatMap((app) =>
    app.shortcuts
      .filter((one) => one.type === "global")
      .map((one) => ({
        label: one.name,
        value: one.callback_id,
        note: one.description || app.name,
        run: () =>
          ask("shortcut", { as: store.me.id, callback_id: one.callback_id }).then(
            (outcome) => outcome.text && toast(outcome.text, "warn"),
            (problem) => toast(problem.message, "warn"),
          ),
      })),
  );
  if (!list.length) return null;
  return menuButton(
    h(
      "button",
      { class: "tool", type: "button", "aria-label": "Shortcuts", title: "Shortcuts", ...test("shortcuts") },
      icon("bolt"),
    ),
    [{ heading: "Shortcuts" }, ...list],
  );
}
