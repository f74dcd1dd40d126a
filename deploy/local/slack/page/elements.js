// Interactive elements, by their type.

import { h, icon, menuButton, test } from "./dom.js";
import { combobox } from "./combobox.js";
import { confirmed, held, ids, put } from "./holds.js";
import { choices, fileInput, picker, typed } from "./inputs.js";
import { emojis, reader } from "./mrkdwn.js";
import { image, text } from "./blocks.js";
import { follow, leads } from "./places.js";

export function element(one, block, surface) {
  const draw = DRAW[one.type];
  return draw ? draw(one, block, surface) : h("span", { class: "unknown-label boxed" }, `${one.type} element`);
}

// --- elements that press --------------------------------------------------------------------------------------------

function button(one, block, surface) {
  const node = h(
    one.url ? "a" : "button",
    {
      class: `button ${one.style ?? ""}`,
      type: one.url ? undefined : "button",
      ...(one.url ? leads(one.url) : {}),
      "aria-label": one.accessibility_label,
      "data-value": one.value,
      ...ids(one, block),
    },
    text(one.text),
  );
  node.addEventListener("click", async (event) => {
    if (one.confirm) {
      event.preventDefault();
      if (!(await confirmed(one.confirm))) return;
      if (one.url) follow(one.url);
    }
    node.classList.add("waiting");
    node.setAttribute("aria-busy", "true");
    try {
      await surface.act(block, one, undefined);
    } finally {
      node.classList.remove("waiting");
      node.removeAttribute("aria-busy");
    }
  });
  return node;
}

function overflow(one, block, surface) {
  const node = h(
    "button",
    { class: "button overflow", type: "button", "aria-label": "More choices", ...ids(one, block) },
    icon("more"),
  );
  return menuButton(
    node,
    one.options.map((option) => ({
      label: option.text.text,
      value: option.value,
      note: option.description?.text,
      run: async () => {
        if (one.confirm && !(await confirmed(one.confirm))) return;
        if (option.url) follow(option.url);
        await surface.act(block, one, option.value);
      },
    })),
  );
}

// --- selects --------------------------------------------------------------------------------------------------------

function select(one, block, surface) {
  const multiple = one.type.startsWith("multi_");
  const kind = one.type.replace("multi_", "");
  const value = held(one, block, surface);
  const chosen = (multiple ? (value ?? []) : value ? [value] : []).map((each) =>
    typeof each === "string" ? entity(kind, each) : item(each),
  );
  const node = combobox({
    ids: ids(one, block),
    placeholder: one.placeholder?.text ?? (kind === "external_select" ? "Type to search" : "Choose an option"),
    multiple,
    chosen,
    least: kind === "external_select" ? (one.min_query_length ?? 3) : 0,
    asks: kind === "external_select",
    find: (query) =>
      kind === "external_select"
        ? surface.suggest(block, one, query)
        : Promise.resolve(filtered(known(kind, one), query)),
    change: (items) => {
      const plain = items.map((each) => each.option ?? each.id);
      put(one, block, surface, multiple ? plain : (plain[0] ?? null));
    },
  });
  return node;
}

const item = (option) => ({ id: option.value, label: option.text.text, note: option.description?.text, option });

export function grouped(answer) {
  if (answer.option_groups?.length)
    return answer.option_groups.map((group) => ({ label: group.label.text, items: group.options.map(item) }));
  return [{ label: "", items: (answer.options ?? []).map(item) }];
}

function entity(kind, id) {
  if (kind === "users_select") return { id, label: reader.people.get(id)?.display_name ?? id };
  return { id, label: placeName(reader.channels.get(id) ?? { name: id }) };
}

const placeName = (channel) =>
  channel.app ? (reader.apps.get(channel.app)?.name ?? "") : `${/^m?p?im$/.test(channel.kind) ? "" : "#"}${channel.name}`;

function known(kind, one) {
  if (kind === "static_select") return grouped(one);
  if (kind === "users_select") {
    const people = [...reader.people.values()].filter((person) => !person.deactivated && !person.is_app);
    return [
      {
        label: "",
        items: people.map((person) => ({
          id: person.id,
          label: person.display_name || person.name,
          note: person.real_name,
        })),
      },
    ];
  }
  const wanted = kind === "channels_select" ? ["public"] : one.filter?.include;
  const sort = { channel: "public", group: "private", im: "im", mpim: "mpim" };
  const there = [...reader.channels.values()].filter(
    (channel) =>
      !channel.archived &&
      (!wanted || wanted.includes(sort[channel.kind])) &&
      !(one.filter?.exclude_external_shared_channels && channel.external) &&
      !(one.filter?.exclude_bot_users && channel.app),
  );
  return [{ label: "", items: there.map((channel) => ({ id: channel.id, label: placeName(channel) })) }];
}

function filtered(groups, query) {
  const wanted = query.trim().toLowerCase();
  return groups
    .map((group) => ({
      ...group,
      items: group.items.filter((each) => !wanted || `${each.label} ${each.note ?? ""}`.toLowerCase().includes(wanted)),
    }))
    .filter((group) => group.items.length);
}

const DRAW = {
  button,
  overflow,
  workflow_button: button,
  image: (one) => image(one, "accessory-image"),
  plain_text_input: typed,
  email_text_input: typed,
  url_text_input: typed,
  number_input: typed,
  rich_text_input: typed,
  datepicker: picker("date"),
  timepicker: picker("time"),
  datetimepicker: picker("datetime-local"),
  checkboxes: choices("checkbox"),
  radio_buttons: choices("radio"),
  feedback_buttons: (one, block, surface) =>
    h(
      "span",
      { class: "block-actions" },
      [one.positive_button, one.negative_button]
        .filter(Boolean)
        .map((each) => button({ ...each, action_id: one.action_id }, block, surface)),
    ),
  icon_button: (one, block, surface) =>
    button({ ...one, text: one.text ?? { type: "plain_text", text: one.icon ?? "Press" } }, block, surface),
  file_input: fileInput,
};
for (const kind of ["static", "external", "users", "channels", "conversations"]) {
  DRAW[`${kind}_select`] = select;
  DRAW[`multi_${kind}_select`] = select;
}

// --- input blocks ---------------------------------------------------------------------------------------------------

export function inputBlock(block, surface) {
  const error = surface.errors?.[block.block_id];
  const field = element(block.element, block, surface);
  const name = `${surface.key}-${block.block_id}`.replace(/[^\w-]/g, "_");
  const control = field.matches("input,textarea,button")
    ? field
    : (field.querySelector("textarea, [role=combobox], input[type=time], input[type=datetime-local], input[type=file]") ?? field);
  control.setAttribute("aria-labelledby", `${name}-label`);
  if (error) {
    control.setAttribute("aria-invalid", "true");
    control.setAttribute(
      "aria-describedby",
      [`${name}-error`, control.getAttribute("aria-describedby")].filter(Boolean).join(" "),
    );
  }
  return h(
    "div",
    { class: error ? "wrong" : "" },
    h(
      "label",
      { class: "input-label", id: `${name}-label`, onclick: () => control.focus() },
      emojis(block.label.text),
      block.optional ? h("span", { class: "optional" }, " (optional)") : null,
    ),
    field,
    error
      ? h(
          "div",
          { class: "input-error", id: `${name}-error`, role: "alert", ...test("input-error") },
          icon("warn"),
          h("span", {}, error),
        )
      : null,
    block.hint ? h("div", { class: "input-hint" }, text(block.hint)) : null,
  );
}
