// What an element holds: its value so far, and how that changes.
//
// A surface is {key, values, errors, act(block, element, value), suggest(block, element, query), state(block, element),
// redraw(block)}. `values[block_id][action_id]` holds what the person has put in so far, in the form Slack sends it.

import { h, test } from "./dom.js";
import { text } from "./blocks.js";

const FIELD = {
  plain_text_input: "value",
  email_text_input: "value",
  url_text_input: "value",
  number_input: "value",
  rich_text_input: "rich_text_value",
  static_select: "selected_option",
  external_select: "selected_option",
  radio_buttons: "selected_option",
  multi_static_select: "selected_options",
  multi_external_select: "selected_options",
  checkboxes: "selected_options",
  users_select: "selected_user",
  multi_users_select: "selected_users",
  channels_select: "selected_channel",
  multi_channels_select: "selected_channels",
  conversations_select: "selected_conversation",
  multi_conversations_select: "selected_conversations",
  datepicker: "selected_date",
  timepicker: "selected_time",
  datetimepicker: "selected_date_time",
  file_input: "files",
};

export const keyOf = (one, block) => `${block.block_id}/${one.action_id}`;
export const ids = (one, block) => ({
  "data-key": keyOf(one, block),
  "data-action": one.action_id,
  "data-block": block.block_id,
  ...test(`el-${one.type}`),
});

export function held(one, block, surface) {
  const found = surface.values?.[block.block_id]?.[one.action_id] ?? surface.state?.(block, one);
  return found
    ? (found[FIELD[one.type]] ?? null)
    : (one[FIELD[one.type].replace("selected_", "initial_").replace(/^value$|^rich_text_value$/, "initial_value")] ??
        null);
}

const turns = new Map();

// While one change of an element is on its way, only the newest of those that follow is told: so none overtakes another.
async function inTurn(key, tell) {
  const turn = turns.get(key);
  if (turn) return void (turn.next = tell);
  const mine = { next: tell };
  turns.set(key, mine);
  while (mine.next) {
    const now = mine.next;
    mine.next = null;
    await now();
  }
  return void turns.delete(key);
}

// Remember a value; tell the app when this element does so by itself. `typing`: more may follow at once.
export async function put(one, block, surface, value, { send = true, typing = false } = {}) {
  const dispatches = block.type !== "input" || block.dispatch_action;
  const set = { type: one.type, [FIELD[one.type]]: value };
  if (send && dispatches && one.confirm && !(await confirmed(one.confirm))) return void surface.redraw?.(block);
  surface.values[block.block_id] = { ...surface.values[block.block_id], [one.action_id]: set };
  surface.typed?.();
  if (!send || !dispatches) return;
  const tell = () => surface.act(block, one, set);
  await (typing ? inTurn(`${surface.key}/${keyOf(one, block)}`, tell) : tell());
}

// --- confirm dialogs ------------------------------------------------------------------------------------------------

export function confirmed(confirm) {
  return new Promise((resolve) => {
    const box = h("dialog", { class: "confirm", "aria-label": confirm.title.text, ...test("confirm") });
    const done = (answer) => {
      box.close();
      box.remove();
      resolve(answer);
    };
    box.addEventListener("cancel", (event) => {
      event.preventDefault();
      done(false);
    });
    box.append(
      h("h2", {}, text(confirm.title)),
      h("div", { class: "text" }, text(confirm.text)),
      h(
        "div",
        { class: "dialog-buttons" },
        h(
          "button",
          { type: "button", class: "button", onclick: () => done(false), ...test("confirm-deny") },
          text(confirm.deny),
        ),
        h(
          "button",
          {
            type: "button",
            class: `button ${confirm.style ?? "primary"}`,
            onclick: () => done(true),
            ...test("confirm-accept"),
          },
          text(confirm.confirm),
        ),
      ),
    );
    document.body.append(box);
    box.showModal();
  });
}
