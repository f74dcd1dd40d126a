// The modal on top of a person's stack: drawn in place when the app updates it, what was typed kept.

import { ask, h, icon, inspectButton, redraw, test, toast } from "./dom.js";
import { blocks, forget } from "./blocks.js";
import { inspect, shut as shutInspector } from "./inspect.js";
import { act, suggested } from "./messages.js";
import { emojis } from "./mrkdwn.js";
import { onChange, store } from "./store.js";

const typed = new Map();
const DRAFT = "local-slack-typed"; // in the tab's storage: what is typed in an open modal outlives a reload
const draft = (view) => `${DRAFT}/${store.me.id}/${view}`;
let dialog = null;
let shown = ""; // the view's id
let leaf = ""; // what makes it another one to a person's eyes
// The inspector beside the open modal: in the dialog, since all else is out of reach while that is open.
let inspector = null;

let watched = false;
export function watchModals() {
  if (watched) return;
  watched = true;
  onChange((what) => {
    if (what === "view" || what === "person") show();
  });
}

// Values of the elements the view still has.
export function kept(view, values) {
  const blocksThere = new Map(view.blocks.map((block) => [block.block_id, JSON.stringify(block)]));
  return Object.fromEntries(
    Object.entries(values)
      .filter(([block]) => blocksThere.has(block))
      .map(([block, actions]) => [
        block,
        Object.fromEntries(
          Object.entries(actions).filter(([action]) =>
            blocksThere.get(block).includes(`"action_id":${JSON.stringify(action)}`),
          ),
        ),
      ]),
  );
}

// The view as it is now: nodes of blocks that did not change outlive an update of it.
const latest = (view) =>
  store.stack.find((one) => one.id === view.id) ?? [...store.homes.values()].find((one) => one?.id === view.id) ?? view;

export function viewSurface(view, more = {}) {
  if (!typed.has(view.id)) typed.set(view.id, JSON.parse(sessionStorage.getItem(draft(view.id)) ?? "{}"));
  const values = typed.get(view.id);
  const where = { as: store.me.id, view: view.id };
  return {
    key: view.id,
    values,
    errors: view.errors ?? {},
    state: (block, one) => view.state.values?.[block.block_id]?.[one.action_id],
    act: (block, one, value) =>
      act({ ...where, block_id: block.block_id, target: one.action_id, value, values: kept(latest(view), values) }),
    suggest: async (block, one, query) =>
      suggested(
        await ask("suggest", {
          ...where,
          block_id: block.block_id,
          target: one.action_id,
          query,
          values: kept(latest(view), values),
        }),
      ),
    ...more,
  };
}

// Forget what was typed in this person's modals that are no more.
function tidy() {
  const open = new Set(store.stack.map((view) => draft(view.id)));
  for (const key of Object.keys(sessionStorage))
    if (key.startsWith(draft("")) && !open.has(key)) {
      sessionStorage.removeItem(key);
      typed.delete(key.slice(draft("").length));
    }
}

export function show() {
  tidy();
  const view = store.stack.at(-1);
  if (!view) return shut();
  const fresh = !dialog;
  if (fresh) {
    dialog = h("dialog", { class: "modal", "aria-labelledby": "modal-title", ...test("modal") });
    inspector = h("section", {
      class: "pane inspector",
      "aria-label": "Inspector",
      hidden: true,
      ...test("modal-inspector"),
    });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (!shutInspector(inspector)) cancel(false);
    });
    document.getElementById("modal").append(dialog);
  }
  dialog.dataset.view = view.id;
  dialog.dataset.callback = view.callback_id;
  const surface = viewSurface(view, {
    enter: () => submit(latest(view)),
    redraw: (block) => {
      forget(dialog, block);
      show();
    },
    typed: () => {
      sessionStorage.setItem(draft(view.id), JSON.stringify(surface.values));
      clearError(latest(view));
    },
  });
  const turned = leaf !== `${view.id}/${view.callback_id}/${view.title?.text}`;
  leaf = `${view.id}/${view.callback_id}/${view.title?.text}`;
  const scrolled = dialog.querySelector(".modal-body")?.scrollTop ?? 0;
  const focused = dialog.contains(document.activeElement);
  redraw(dialog, ...parts(view, surface), inspector);
  dialog.querySelector(".modal-body").scrollTop = turned ? 0 : scrolled;
  if (fresh) dialog.showModal();
  if (shown !== view.id && !inspector.hidden) inspect(inspector, { view: view.id }, { same: true });
  shown = view.id;
  // Where only a part went, with the focus in it, one goes on looking at the rest.
  if (turned || (focused && !dialog.contains(document.activeElement))) focusFirst(view, { preventScroll: !turned });
}

function focusFirst(view, how) {
  const wanted = view.blocks.find((block) => block.element?.focus_on_load);
  const key = wanted ? `${wanted.block_id}/${wanted.element.action_id}` : "";
  const first =
    (key && dialog.querySelector(`[data-key="${CSS.escape(key)}"]`)) ||
    dialog.querySelector(
      ".modal-body textarea, .modal-body input:not([type=radio]):not([type=checkbox]):not([role=combobox])",
    );
  (first ?? dialog.querySelector(".submit, .modal-close"))?.focus(how);
}

function parts(view, surface) {
  const stacked = store.stack.length > 1;
  return [
    h(
      "header",
      { class: "modal-head" },
      stacked
        ? h(
            "button",
            {
              class: "icon-button",
              type: "button",
              "aria-label": "Back",
              onclick: () => cancel(false),
              ...test("modal-back"),
            },
            icon("back"),
          )
        : null,
      h("img", { src: `/avatar/${appUser(view)}-24.svg`, alt: "", width: 24, height: 24 }),
      h("h2", { id: "modal-title", ...test("modal-title") }, emojis(view.title?.text ?? "")),
      inspectButton(() => shutInspector(inspector) || inspect(inspector, { view: view.id }), "modal-inspect"),
      h(
        "button",
        {
          class: "icon-button modal-close",
          type: "button",
          "aria-label": "Close",
          onclick: () => cancel(true),
          ...test("modal-close"),
        },
        icon("close"),
      ),
    ),
    bodyOf(view, surface),
    view.notice
      ? h(
          "div",
          { class: "modal-notice", role: "alert", ...test("modal-notice") },
          icon("warn"),
          h("span", {}, view.notice),
        )
      : null,
    h(
      "footer",
      { class: "modal-foot" },
      h(
        "button",
        {
          class: "button",
          type: "button",
          onclick: () => cancel(false),
          "data-key": "modal-cancel",
          ...test("modal-cancel"),
        },
        view.close?.text ?? (view.submit ? "Cancel" : "Close"),
      ),
      view.submit
        ? h(
            "button",
            {
              class: "button primary submit",
              type: "button",
              disabled: view.busy || view.submit_disabled,
              "aria-busy": String(view.busy),
              onclick: () => submit(view),
              "data-key": "modal-submit",
              ...test("modal-submit"),
            },
            emojis(view.submit.text),
          )
        : null,
    ),
  ];
}

function bodyOf(view, surface) {
  const body = dialog.querySelector(".modal-body") ?? h("div", { class: "modal-body" });
  redraw(body, blocks(view.blocks, surface, body));
  return body;
}

const appUser = (view) => store.apps.find((app) => app.id === view.app_id)?.bot_user ?? "";

function clearError(view) {
  view.notice = "";
  dialog?.querySelector(".modal-notice")?.remove();
}

async function submit(view) {
  try {
    await ask("submit", { as: store.me.id, view: view.id, values: kept(view, typed.get(view.id) ?? {}) });
    dialog?.querySelector(".input-error")?.scrollIntoView({ block: "center" });
  } catch (problem) {
    toast(problem.message, "warn");
  }
}

async function cancel(everything) {
  const view = store.stack.at(-1);
  if (!view) return;
  await ask("close", { as: store.me.id, view: view.id, everything }).catch((problem) => toast(problem.message, "warn"));
}

// What closed the modal is to be seen too: an open inspector goes on beside the channel.
function shut() {
  if (inspector && !inspector.hidden)
    inspect(document.getElementById("inspector"), { view: shown }, { same: true });
  dialog?.close();
  dialog?.remove();
  dialog = null;
  shown = leaf = "";
}
