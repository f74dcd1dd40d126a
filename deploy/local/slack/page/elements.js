// Interactive elements. A surface is {key, values, errors, act(block, element, value), suggest(block, element, query), state(block, element)}.
// `values[block_id][action_id]` holds what the person has put in so far, in the form Slack sends it.

import { ask, h, icon, menuButton, test, toast } from "./dom.js";
import { combobox } from "./combobox.js";
import { moment, wallClock } from "./dates.js";
import { emojis, reader } from "./mrkdwn.js";
import { image, text } from "./blocks.js";

const FIELD = {
  plain_text_input: "value", email_text_input: "value", url_text_input: "value", number_input: "value", rich_text_input: "rich_text_value",
  static_select: "selected_option", external_select: "selected_option", radio_buttons: "selected_option",
  multi_static_select: "selected_options", multi_external_select: "selected_options", checkboxes: "selected_options",
  users_select: "selected_user", multi_users_select: "selected_users", channels_select: "selected_channel", multi_channels_select: "selected_channels",
  conversations_select: "selected_conversation", multi_conversations_select: "selected_conversations",
  datepicker: "selected_date", timepicker: "selected_time", datetimepicker: "selected_date_time", file_input: "files",
};

export function element(one, block, surface) {
  const draw = DRAW[one.type];
  return draw ? draw(one, block, surface) : h("span", { class: "unknown-label boxed" }, `${one.type} element`);
}

const keyOf = (one, block) => `${block.block_id}/${one.action_id}`;
const ids = (one, block) => ({ "data-key": keyOf(one, block), "data-action": one.action_id, "data-block": block.block_id, ...test(`el-${one.type}`) });

function held(one, block, surface) {
  const found = surface.values?.[block.block_id]?.[one.action_id] ?? surface.state?.(block, one);
  return found ? found[FIELD[one.type]] ?? null : one[FIELD[one.type].replace("selected_", "initial_").replace(/^value$|^rich_text_value$/, "initial_value")] ?? null;
}

// Remember a value; tell the app when this element does so by itself.
async function put(one, block, surface, value, { send = true } = {}) {
  const dispatches = block.type !== "input" || block.dispatch_action;
  const set = { type: one.type, [FIELD[one.type]]: value };
  if (send && dispatches && one.confirm && !(await confirmed(one.confirm))) return surface.redraw?.(block);
  surface.values[block.block_id] = { ...surface.values[block.block_id], [one.action_id]: set };
  surface.typed?.();
  if (send && dispatches) await surface.act(block, one, set);
}

// --- confirm dialogs ------------------------------------------------------------------------------------------------

export function confirmed(confirm) {
  return new Promise((resolve) => {
    const box = h("dialog", { class: "confirm", "aria-label": confirm.title.text, ...test("confirm") });
    const done = (answer) => { box.close(); box.remove(); resolve(answer); };
    box.addEventListener("cancel", (event) => { event.preventDefault(); done(false); });
    box.append(
      h("h2", {}, text(confirm.title)),
      h("div", { class: "text" }, text(confirm.text)),
      h("div", { class: "dialog-buttons" },
        h("button", { type: "button", class: "button", onclick: () => done(false), ...test("confirm-deny") }, text(confirm.deny)),
        h("button", { type: "button", class: `button ${confirm.style ?? "primary"}`, onclick: () => done(true), ...test("confirm-accept") }, text(confirm.confirm))));
    document.body.append(box);
    box.showModal();
  });
}

// --- elements that press --------------------------------------------------------------------------------------------

function button(one, block, surface) {
  const node = h(one.url ? "a" : "button", {
    class: `button ${one.style ?? ""}`, type: one.url ? undefined : "button", href: one.url, target: one.url ? "_blank" : undefined, rel: one.url ? "noopener noreferrer" : undefined,
    "aria-label": one.accessibility_label, "data-value": one.value, ...ids(one, block),
  }, text(one.text));
  node.addEventListener("click", async (event) => {
    if (one.confirm) {
      event.preventDefault();
      if (!(await confirmed(one.confirm))) return;
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
  const node = h("button", { class: "button overflow", type: "button", "aria-label": "More choices", ...ids(one, block) }, icon("more"));
  return menuButton(node, one.options.map((option) => ({
    label: option.text.text,
    value: option.value,
    note: option.description?.text,
    run: async () => {
      if (one.confirm && !(await confirmed(one.confirm))) return;
      if (option.url) window.open(option.url, "_blank", "noopener");
      await surface.act(block, one, option.value);
    },
  })));
}

// --- elements that are typed in -------------------------------------------------------------------------------------

const KIND = { email_text_input: "email", url_text_input: "url", number_input: "text", plain_text_input: "text" };

function typed(one, block, surface) {
  const long = one.multiline || one.type === "rich_text_input";
  const rich = one.type === "rich_text_input";
  const value = held(one, block, surface);
  const node = h(long ? "textarea" : "input", {
    class: "field", type: long ? undefined : KIND[one.type], rows: long ? 4 : undefined, value: rich ? richText(value) : value ?? "",
    placeholder: one.placeholder?.text ?? "", maxLength: one.max_length ?? undefined, autofocus: one.focus_on_load, inputMode: one.type === "number_input" ? "decimal" : undefined, autocomplete: "off",
    ...ids(one, block),
  });
  const value_ = () => (rich ? richValue(node.value) : node.value === "" ? null : node.value);
  const when = one.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  node.addEventListener("input", () => put(one, block, surface, value_(), { send: when.includes("on_character_entered") }));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || long || event.isComposing) return;
    event.preventDefault();
    if (block.dispatch_action && when.includes("on_enter_pressed")) put(one, block, surface, value_());
    else surface.enter?.();
  });
  return node;
}

const richValue = (words) => (words ? { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text: words }] }] } : null);
const richText = (value) => (value?.elements ?? []).flatMap((part) => part.elements ?? []).map((part) => part.text ?? "").join("");

function picker(kind) {
  return (one, block, surface) => {
    const value = held(one, block, surface);
    const zone = reader.me?.tz;
    const node = h("input", {
      class: "field picker", type: kind, value: kind === "datetime-local" ? wallClock(value, zone) : value ?? "", autofocus: one.focus_on_load,
      "aria-label": one.placeholder?.text ?? NAMES[kind], ...ids(one, block),
    });
    node.addEventListener("change", () => {
      const set = node.value === "" ? null : kind === "datetime-local" ? moment(node.value, zone) : node.value.slice(0, kind === "time" ? 5 : 10);
      put(one, block, surface, set);
    });
    if (kind === "date") return node;
    return h("span", { class: "picker-zone" }, node, h("span", { class: "quiet" }, one.timezone ?? zone ?? ""));
  };
}

const NAMES = { date: "Date", time: "Time", "datetime-local": "Date and time" };

function fileInput(one, block, surface) {
  const most = one.max_files ?? 10;
  const names = h("span", { class: "chips" });
  const node = h("input", {
    class: "field file-field", type: "file", multiple: most > 1, accept: (one.filetypes ?? []).map((kind) => `.${kind}`).join(","), "aria-label": "Choose files", ...ids(one, block),
  });
  const show = (list) => names.replaceChildren(...list.map((file) => h("span", { class: "chip" }, file.name)));
  node.addEventListener("change", async () => {
    const chosen = [...node.files].slice(0, most);
    const found = await Promise.all(chosen.map(async (file) => (await ask("upload", { as: reader.me.id, name: file.name, content: await base64(file) })).file)).catch((problem) => {
      toast(problem.message, "warn");
      return [];
    });
    show(found);
    put(one, block, surface, found);
  });
  show(held(one, block, surface) ?? []);
  return h("div", { class: "file-choice" }, node, names);
}

const base64 = (file) => new Promise((resolve, reject) => {
  const reads = new FileReader();
  reads.addEventListener("load", () => resolve(reads.result.split(",")[1] ?? ""));
  reads.addEventListener("error", () => reject(new Error(`${file.name} cannot be read`)));
  reads.readAsDataURL(file);
});

function choices(kind) {
  return (one, block, surface) => {
    const value = held(one, block, surface);
    const chosen = new Set((kind === "checkbox" ? value ?? [] : value ? [value] : []).map((option) => option.value));
    const name = `${surface.key}/${keyOf(one, block)}`;
    return h("div", { class: "choices", role: kind === "radio" ? "radiogroup" : "group", ...test(`el-${one.type}`), "data-action": one.action_id }, one.options.map((option) => {
      const box = h("input", { type: kind, name, value: option.value, checked: chosen.has(option.value), "data-key": `${keyOf(one, block)}/${option.value}` });
      box.addEventListener("change", () => {
        if (kind === "radio") return put(one, block, surface, option);
        if (box.checked) chosen.add(option.value);
        else chosen.delete(option.value);
        return put(one, block, surface, one.options.filter((each) => chosen.has(each.value)));
      });
      return h("label", { class: "choice" }, box, h("span", {}, text(option.text), option.description ? h("span", { class: "quiet" }, text(option.description)) : null));
    }));
  };
}

// --- selects --------------------------------------------------------------------------------------------------------

function select(one, block, surface) {
  const multiple = one.type.startsWith("multi_");
  const kind = one.type.replace("multi_", "");
  const value = held(one, block, surface);
  const chosen = (multiple ? value ?? [] : value ? [value] : []).map((each) => (typeof each === "string" ? entity(kind, each) : item(each)));
  const node = combobox({
    ids: ids(one, block),
    placeholder: one.placeholder?.text ?? (kind === "external_select" ? "Type to search" : "Choose an option"),
    multiple,
    chosen,
    least: kind === "external_select" ? one.min_query_length ?? 3 : 0,
    asks: kind === "external_select",
    find: (query) => (kind === "external_select" ? surface.suggest(block, one, query) : Promise.resolve(filtered(known(kind, one), query))),
    change: (items) => {
      const plain = items.map((each) => each.option ?? each.id);
      put(one, block, surface, multiple ? plain : plain[0] ?? null);
    },
  });
  return node;
}

const item = (option) => ({ id: option.value, label: option.text.text, note: option.description?.text, option });

export function grouped(answer) {
  if (answer.option_groups?.length) return answer.option_groups.map((group) => ({ label: group.label.text, items: group.options.map(item) }));
  return [{ label: "", items: (answer.options ?? []).map(item) }];
}

function entity(kind, id) {
  if (kind === "users_select") return { id, label: reader.people.get(id)?.display_name ?? id };
  return { id, label: `#${reader.channels.get(id)?.name ?? id}` };
}

function known(kind, one) {
  if (kind === "static_select") return grouped(one);
  if (kind === "users_select") {
    const people = [...reader.people.values()].filter((person) => !person.deactivated && !person.is_app);
    return [{ label: "", items: people.map((person) => ({ id: person.id, label: person.display_name || person.name, note: person.real_name })) }];
  }
  const wanted = kind === "channels_select" ? ["public"] : one.filter?.include;
  const sort = { channel: "public", group: "private", im: "im", mpim: "mpim" };
  const there = [...reader.channels.values()].filter((channel) => channel.kind !== "im" && !channel.archived
    && (!wanted || wanted.includes(sort[channel.kind])) && !(one.filter?.exclude_external_shared_channels && channel.external));
  return [{ label: "", items: there.map((channel) => ({ id: channel.id, label: `#${channel.name}` })) }];
}

function filtered(groups, query) {
  const wanted = query.trim().toLowerCase();
  return groups
    .map((group) => ({ ...group, items: group.items.filter((each) => !wanted || `${each.label} ${each.note ?? ""}`.toLowerCase().includes(wanted)) }))
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
  feedback_buttons: (one, block, surface) => h("span", { class: "block-actions" }, [one.positive_button, one.negative_button].filter(Boolean).map((each) => button({ ...each, action_id: one.action_id }, block, surface))),
  icon_button: (one, block, surface) => button({ ...one, text: one.text ?? { type: "plain_text", text: one.icon ?? "Press" } }, block, surface),
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
  const control = field.matches("input,textarea,button") ? field : field.querySelector("[role=combobox], input[type=time], input[type=datetime-local], input[type=file]") ?? field;
  control.setAttribute("aria-labelledby", `${name}-label`);
  if (error) {
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", `${name}-error`);
  }
  return h("div", { class: error ? "wrong" : "" },
    h("label", { class: "input-label", id: `${name}-label`, onclick: () => control.focus() }, emojis(block.label.text), block.optional ? h("span", { class: "optional" }, " (optional)") : null),
    field,
    error ? h("div", { class: "input-error", id: `${name}-error`, role: "alert", ...test("input-error") }, icon("warn"), h("span", {}, error)) : null,
    block.hint ? h("div", { class: "input-hint" }, text(block.hint)) : null);
}
