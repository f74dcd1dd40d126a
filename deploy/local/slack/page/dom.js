// Small means to build the page: elements, icons, requests to the control API, toasts.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(node.dataset, value);
    else if (key in node && key !== "list" && key !== "form") node[key] = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false && child !== ""),
  );
  return node;
}

export const test = (id) => ({ "data-testid": id });

const ICONS = {
  lock: "M6 9V7a4 4 0 0 1 8 0v2M5 9h10v8H5z",
  eye: "M2 10s3-5.5 8-5.5S18 10 18 10s-3 5.5-8 5.5S2 10 2 10zM10 12.4a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8z",
  thread: "M4 4h12v9H9l-4 3.5V13H4z",
  smile: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7 11.5c.8 1.2 1.8 1.8 3 1.8s2.2-.6 3-1.8M7.5 8h.01M12.5 8h.01",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  close: "M5 5l10 10M15 5L5 15",
  bolt: "M11 2.5L4.5 11H9l-1 6.5L15.5 9H11z",
  send: "M3.5 10L17 3.5 13 17l-3-5.5z",
  warn: "M10 3.5L17.5 16.5h-15zM10 8.5v3.5M10 14.2h.01",
  back: "M12 4l-6 6 6 6",
  file: "M6 2.5h5.5L15 6v11.5H6zM11 2.5V6.5h4",
  chevron: "M5.5 8l4.5 4.5L14.5 8",
  down: "M10 4v12M5 11l5 5 5-5",
  inspect: "M7.5 5.5L3 10l4.5 4.5M12.5 5.5L17 10l-4.5 4.5",
  beside: "M3 4.5h14v11H3zM10 4.5v11",
  storm: "M6 12.5a3.3 3.3 0 0 1 .3-6.6 4.2 4.2 0 0 1 8 1 2.8 2.8 0 0 1 0 5.6M10.5 9.5l-2 3.5h3l-2 3.5",
  guide: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM8 8a2 2 0 1 1 2.6 1.9c-.4.2-.6.5-.6 1M10 13.6h.01",
  copy: "M7 7h9v9H7zM4 13V4h9",
  check: "M4 10.5l4 4 8-9",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export async function ask(verb, body) {
  const answer = await fetch(`/control/${verb}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(found.error), { refused: true });
  return found;
}

// In the top layer, so that it shows above a modal as well; anew each time, since the last to come lies on top.
export function toast(words, kind = "note") {
  const host = document.getElementById("toasts");
  const node = h("div", { class: `toast ${kind}`, ...test("toast") }, words);
  host.append(node);
  if (host.matches(":popover-open")) host.hidePopover();
  host.showPopover();
  setTimeout(() => node.classList.add("leaving"), 6000);
  setTimeout(() => {
    node.remove();
    if (!host.childElementCount) host.hidePopover();
  }, 6400);
}

export const inspectButton = (open, id) =>
  h(
    "button",
    {
      class: "icon-button",
      type: "button",
      "aria-label": "Inspector",
      title: "Inspect what went over the wire",
      "data-key": id,
      onclick: open,
      ...test(id),
    },
    icon("inspect"),
  );

// Copies the words that `words()` gives; in a kind of button.
export function copyButton(kind, words, more = {}) {
  const done = () => toast("Copied.");
  const refused = () => toast("The browser did not allow it.", "warn");
  return h(
    "button",
    { class: kind, type: "button", onclick: () => navigator.clipboard.writeText(words()).then(done, refused), ...more },
    kind === "button" ? icon("copy") : null,
    "Copy",
  );
}

// Make `children` what `host` shows. A node that is there already stays untouched, so nothing flickers, and the focus,
// with the caret, is found again on the node of the same key where its node was replaced.
export function redraw(host, ...children) {
  const wanted = children
    .flat(Infinity)
    .filter((one) => one || one === 0)
    .map((one) => (one instanceof Node ? one : document.createTextNode(String(one))));
  const active = host.contains(document.activeElement) ? document.activeElement : null;
  const key = active?.dataset?.key ?? "";
  const spot =
    key && active.selectionStart !== undefined
      ? [safe(() => active.selectionStart), safe(() => active.selectionEnd)]
      : null;
  const keep = new Set(wanted);
  for (const old of [...host.childNodes]) if (!keep.has(old)) old.remove();
  wanted.forEach((node, index) => {
    const there = host.childNodes[index] ?? null;
    if (there !== node) host.insertBefore(node, there);
  });
  if (!key || document.activeElement === active) return;
  const again = host.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!again) return;
  again.refound = true;
  again.focus({ preventScroll: true });
  again.refound = false;
  if (spot && spot[0] !== null) safe(() => again.setSelectionRange(...spot));
}

function safe(run) {
  try {
    return run();
  } catch {
    return null;
  }
}

// A menu that opens under a button: arrow keys move, Escape closes, a click elsewhere closes.
export function menuButton(button, items) {
  let open = null;
  const close = () => {
    open?.remove();
    open = null;
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
  };
  const outside = (event) => {
    if (!open?.contains(event.target) && !button.contains(event.target)) close();
  };
  const show = () => {
    const list = typeof items === "function" ? items() : items;
    open = h(
      "div",
      { class: "menu", role: "menu", ...test("menu-items") },
      list.map((item) =>
        item.heading
          ? h("div", { class: "menu-heading" }, item.heading)
          : h(
              "button",
              {
                class: `menu-item${item.chosen ? " chosen" : ""}`,
                role: "menuitem",
                type: "button",
                "data-value": item.value,
                onclick: () => {
                  close();
                  button.focus();
                  item.run();
                },
              },
              item.label,
              item.note ? h("span", { class: "menu-note" }, item.note) : null,
            ),
      ),
    );
    open.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
        button.focus();
      }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      const all = [...open.querySelectorAll("button")];
      const step = event.key === "ArrowDown" ? 1 : -1;
      all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    });
    (button.closest("dialog") ?? document.body).append(open);
    place(open, button);
    button.setAttribute("aria-expanded", "true");
    document.addEventListener("pointerdown", outside, true);
    (open.querySelector(".chosen") ?? open.querySelector("button"))?.focus();
  };
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => (open ? close() : show()));
  return button;
}

export function place(panel, anchor) {
  const at = anchor.getBoundingClientRect();
  const size = panel.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8));
  const below = at.bottom + 4 + size.height < innerHeight || at.top < size.height;
  panel.style.left = `${left}px`;
  panel.style.top = `${below ? at.bottom + 4 : at.top - size.height - 4}px`;
}
