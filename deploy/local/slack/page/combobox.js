// A select one can type in: known options, or options an app offers for what was typed. One or many may be chosen.

import { h, icon, place, test } from "./dom.js";

const PAUSE = 250;

export function combobox({ ids, placeholder, multiple, chosen, least, asks, find, change }) {
  const listId = `list-${Math.random().toString(36).slice(2)}`;
  const input = h("input", {
    class: "combo-input",
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: false,
    "aria-expanded": "false",
    "aria-controls": listId,
    "aria-autocomplete": "list",
    "data-key": ids["data-key"],
    ...test("combobox"),
  });
  const chips = h("span", { class: "chips" });
  const box = h(
    "div",
    { class: "combo field", "data-testid": ids["data-testid"], "data-action": ids["data-action"] },
    chips,
    input,
    h("span", { class: "combo-arrow" }, icon("chevron")),
  );
  let items = [...chosen];
  let list = null;
  let options = [];
  let active = -1;
  let turn = 0;
  let pause = 0;

  const shown = () => {
    chips.replaceChildren(
      ...(multiple
        ? items.map((one) =>
            h(
              "span",
              { class: "chip" },
              one.label,
              h("button", { type: "button", "aria-label": `Remove ${one.label}`, onclick: () => drop(one) }, "×"),
            ),
          )
        : []),
    );
    input.placeholder = items.length ? (multiple ? "" : items[0].label) : placeholder;
    input.classList.toggle("has-choice", !multiple && items.length > 0);
    if (!multiple && document.activeElement !== input) input.value = items[0]?.label ?? "";
  };
  const drop = (one) => {
    items = items.filter((each) => each.id !== one.id);
    shown();
    change(items);
  };
  const pick = (one) => {
    items = multiple ? [...items.filter((each) => each.id !== one.id), one] : [one];
    input.value = multiple ? "" : one.label;
    close();
    shown();
    change(items);
  };
  const close = () => {
    list?.remove();
    list = null;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const fill = (groups, words) => {
    if (!list) {
      list = h("div", { class: "menu combo-list", role: "listbox", id: listId, ...test("combo-list") });
      list.addEventListener("pointerdown", (event) => event.preventDefault());
      (box.closest("dialog") ?? document.body).append(list);
    }
    options = groups
      .flatMap((group) => group.items)
      .filter((one) => !multiple || !items.some((each) => each.id === one.id));
    const rows = groups
      .flatMap((group) => [
        group.label ? h("div", { class: "menu-heading" }, group.label) : null,
        ...group.items
          .filter((one) => options.includes(one))
          .map((one) =>
            h(
              "div",
              {
                class: "menu-item",
                role: "option",
                id: `${listId}-${options.indexOf(one)}`,
                "data-value": one.id,
                onclick: () => pick(one),
              },
              one.label,
              one.note ? h("span", { class: "menu-note" }, one.note) : null,
            ),
          ),
      ])
      .filter(Boolean);
    list.replaceChildren(...(options.length ? rows : [h("div", { class: "menu-empty" }, words)]));
    list.style.minWidth = `${box.getBoundingClientRect().width}px`;
    place(list, box);
    input.setAttribute("aria-expanded", "true");
    move(options.length ? 0 : -1);
  };
  const move = (to) => {
    active = to;
    list.querySelectorAll("[role=option]").forEach((row, index) => {
      row.classList.toggle("active", index === active);
      row.setAttribute("aria-selected", index === active ? "true" : "false");
      if (index === active) {
        input.setAttribute("aria-activedescendant", row.id);
        row.scrollIntoView({ block: "nearest" });
      }
    });
  };
  const look = async (query) => {
    if (query.length < least) return fill([], `Type at least ${least} character${least === 1 ? "" : "s"}`);
    const mine = ++turn;
    if (asks) fill([], "Searching…");
    try {
      const groups = await find(query);
      if (mine === turn && document.activeElement === input) fill(groups, "No results");
    } catch (problem) {
      if (mine === turn) fill([], problem.message);
    }
  };
  const opened = () => {
    input.value = "";
    look("");
  };

  input.addEventListener("focus", () => {
    if (!input.refound) opened(); // nobody came here anew: what was chosen just now is no question again
  });
  input.addEventListener("click", () => {
    if (!list) opened();
  });
  input.addEventListener("blur", () => {
    clearTimeout(pause);
    turn++;
    close();
    shown();
  });
  input.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => look(input.value), asks ? PAUSE : 0);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && list) {
      event.stopPropagation();
      event.preventDefault();
      close();
    } else if (event.key === "Backspace" && !input.value && items.length) drop(items[items.length - 1]);
    else if (event.key === "Enter") {
      event.preventDefault();
      if (list && options[active]) pick(options[active]);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!list) opened();
      else if (options.length) move((active + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length);
    }
  });
  box.addEventListener("click", (event) => {
    if (!event.target.closest("button")) input.focus();
  });
  shown();
  return box;
}
