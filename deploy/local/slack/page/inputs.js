// Elements that are typed in or ticked: texts, pickers of days and times, files, boxes.

import { ask, h, test, toast } from "./dom.js";
import { moment, wallClock } from "./dates.js";
import { held, ids, keyOf, put } from "./holds.js";
import { reader } from "./mrkdwn.js";
import { isPlain, richWords } from "./rich.js";
import { text } from "./blocks.js";

const KIND = { email_text_input: "email", url_text_input: "url", number_input: "text", plain_text_input: "text" };

export function typed(one, block, surface) {
  const long = one.multiline || one.type === "rich_text_input";
  const rich = one.type === "rich_text_input";
  const value = held(one, block, surface);
  const formatted = rich && [value, one.initial_value].find((each) => !isPlain(each));
  const node = h(long ? "textarea" : "input", {
    class: "field",
    type: long ? undefined : KIND[one.type],
    rows: long ? 3 : undefined,
    value: rich ? richWords(value) : (value ?? ""),
    placeholder: one.placeholder?.text ?? "",
    maxLength: one.max_length ?? undefined,
    autofocus: one.focus_on_load,
    inputMode: one.type === "number_input" ? "decimal" : undefined,
    autocomplete: "off",
    ...ids(one, block),
  });
  const value_ = () => (rich ? richValue(node.value, formatted) : node.value === "" ? null : node.value);
  const when = one.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  node.addEventListener("input", () =>
    put(one, block, surface, value_(), { send: when.includes("on_character_entered"), typing: true }),
  );
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || long || event.isComposing) return;
    event.preventDefault();
    if (block.dispatch_action && when.includes("on_enter_pressed")) put(one, block, surface, value_());
    else surface.enter?.();
  });
  return formatted ? withNote(node, richWords(formatted)) : node;
}

// Only what is changed loses its lists, links and styles, and that is said beforehand.
function withNote(node, shown) {
  const note = h("div", { class: "input-hint", id: `${node.dataset.key}-note`, role: "status", ...test("rich-note") });
  const say = () => {
    note.textContent =
      node.value === shown
        ? "This text has formatting. If you change it here, it becomes plain text."
        : "Plain text now: the formatting is gone.";
  };
  node.setAttribute("aria-describedby", note.id);
  node.addEventListener("input", say);
  say();
  return h("div", {}, node, note);
}

function richValue(words, formatted) {
  if (formatted && words === richWords(formatted)) return formatted;
  const section = { type: "rich_text_section", elements: [{ type: "text", text: words }] };
  return words ? { type: "rich_text", elements: [section] } : null;
}

export function picker(kind) {
  return (one, block, surface) => {
    const value = held(one, block, surface);
    const zone = reader.me?.tz;
    const node = h("input", {
      class: "field picker",
      type: kind,
      value: kind === "datetime-local" ? wallClock(value, zone) : (value ?? ""),
      autofocus: one.focus_on_load,
      "aria-label": one.placeholder?.text ?? NAMES[kind],
      ...ids(one, block),
    });
    node.addEventListener("change", () => {
      const set =
        node.value === ""
          ? null
          : kind === "datetime-local"
            ? moment(node.value, zone)
            : node.value.slice(0, kind === "time" ? 5 : 10);
      put(one, block, surface, set);
    });
    if (kind === "date") return node;
    return h("span", { class: "picker-zone" }, node, h("span", { class: "quiet" }, one.timezone ?? zone ?? ""));
  };
}

const NAMES = { date: "Date", time: "Time", "datetime-local": "Date and time" };

export function fileInput(one, block, surface) {
  const most = one.max_files ?? 10;
  const names = h("span", { class: "chips" });
  const node = h("input", {
    class: "field file-field",
    type: "file",
    multiple: most > 1,
    accept: (one.filetypes ?? []).map((kind) => `.${kind}`).join(","),
    "aria-label": "Choose files",
    ...ids(one, block),
  });
  const show = (list) => names.replaceChildren(...list.map((file) => h("span", { class: "chip" }, file.name)));
  node.addEventListener("change", async () => {
    const chosen = [...node.files].slice(0, most);
    const found = await Promise.all(
      chosen.map(
        async (file) => (await ask("upload", { as: reader.me.id, name: file.name, content: await base64(file) })).file,
      ),
    ).catch((problem) => {
      toast(problem.message, "warn");
      return [];
    });
    show(found);
    put(one, block, surface, found);
  });
  show(held(one, block, surface) ?? []);
  return h("div", { class: "file-choice" }, node, names);
}

const base64 = (file) =>
  new Promise((resolve, reject) => {
    const reads = new FileReader();
    reads.addEventListener("load", () => resolve(reads.result.split(",")[1] ?? ""));
    reads.addEventListener("error", () => reject(new Error(`${file.name} cannot be read`)));
    reads.readAsDataURL(file);
  });

export function choices(kind) {
  return (one, block, surface) => {
    const value = held(one, block, surface);
    const chosen = new Set((kind === "checkbox" ? (value ?? []) : value ? [value] : []).map((option) => option.value));
    const name = `${surface.key}/${keyOf(one, block)}`;
    return h(
      "div",
      {
        class: "choices",
        role: kind === "radio" ? "radiogroup" : "group",
        ...test(`el-${one.type}`),
        "data-action": one.action_id,
      },
      one.options.map((option) => {
        const box = h("input", {
          type: kind,
          name,
          value: option.value,
          checked: chosen.has(option.value),
          "data-key": `${keyOf(one, block)}/${option.value}`,
        });
        box.addEventListener("change", () => {
          if (kind === "radio") return put(one, block, surface, option);
          if (box.checked) chosen.add(option.value);
          else chosen.delete(option.value);
          return put(
            one,
            block,
            surface,
            one.options.filter((each) => chosen.has(each.value)),
          );
        });
        return h(
          "label",
          { class: "choice" },
          box,
          h(
            "span",
            {},
            text(option.text),
            option.description ? h("span", { class: "quiet" }, text(option.description)) : null,
          ),
        );
      }),
    );
  };
}
