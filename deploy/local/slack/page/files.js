// Files beside a message: pictures as pictures, texts with their first lines, all else as a card.

import { h, icon, test } from "./dom.js";

const LINES = 8;
const READ_MOST = 256 * 1024;

export function files(list, me, host) {
  const there = new Map([...(host?.children ?? [])].map((node) => [node.signature, node]));
  return list.map((file) => {
    const signature = `file/${file.id}/${file.mode}/${me}`;
    const node = there.get(signature) ?? shown(file, me);
    node.signature = signature;
    return node;
  });
}

const address = (file, me) => `${new URL(file.url_private).pathname}?as=${me}`;

function shown(file, me) {
  if (file.mode === "tombstone") return gone("This file was deleted.");
  if (file.mode === "hidden_by_limit")
    return gone(`${file.pretty_type} · ${size(file.size)} · no longer kept`, file.title || file.name);
  if (file.mimetype?.startsWith("image/")) return picture(file, me);
  if (file.mimetype?.startsWith("text/") || /json|xml|yaml|sql|csv|log/.test(`${file.mimetype} ${file.filetype}`))
    return words(file, me);
  return card(file, me);
}

function card(file, me) {
  return h(
    "a",
    { class: "file-card", href: `${address(file, me)}&download=1`, download: file.name, ...test("file") },
    icon("file"),
    h(
      "span",
      {},
      h("strong", {}, file.title || file.name),
      h("span", { class: "quiet" }, `${file.pretty_type} · ${size(file.size)}`),
    ),
  );
}

// What is left of a file: it was deleted, or its bytes made room for those of newer ones.
function gone(why, name) {
  return h(
    "div",
    { class: "file-card gone", ...test("file") },
    icon("file"),
    h(
      "span",
      {},
      name ? h("strong", {}, name) : null,
      h("span", { class: "quiet" }, why),
    ),
  );
}

function picture(file, me) {
  const image = h("img", {
    class: "block-picture",
    src: address(file, me),
    alt: file.alt_txt || file.title || file.name,
    loading: "lazy",
  });
  image.addEventListener("error", () =>
    image.replaceWith(h("span", { class: "block-picture missing" }, "This picture cannot be shown.")),
  );
  return h(
    "figure",
    { class: "file-picture", ...test("file") },
    h(
      "figcaption",
      {},
      h("a", { href: `${address(file, me)}&download=1`, download: file.name }, file.title || file.name),
      ` · ${size(file.size)}`,
    ),
    image,
  );
}

function words(file, me) {
  const lines = h(
    "pre",
    { class: "code file-lines", tabIndex: 0, "aria-label": `The first lines of ${file.name}` },
    "…",
  );
  const all = h("button", { class: "link-button", type: "button", hidden: true, "aria-expanded": "false" });
  const box = h("div", { class: "file-words", ...test("file") }, card(file, me), lines, all);
  if (file.size > READ_MOST) {
    lines.remove();
    return box;
  }
  fetch(address(file, me))
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
    .then(
      (text) => {
        fill(lines, all, text.replace(/\n$/, "").split("\n"));
        box.dispatchEvent(new Event("grown", { bubbles: true }));
      },
      () => lines.remove(),
    );
  return box;
}

function fill(lines, all, rows) {
  const show = (open) => {
    lines.textContent = (open ? rows : rows.slice(0, LINES)).join("\n");
    all.textContent = open ? "Show less" : `Show all ${rows.length} lines`;
    all.setAttribute("aria-expanded", String(open));
  };
  show(false);
  all.hidden = rows.length <= LINES;
  all.addEventListener("click", () => show(all.getAttribute("aria-expanded") === "false"));
}

export const size = (bytes) =>
  bytes < 1024
    ? `${bytes} bytes`
    : bytes < 1048576
      ? `${(bytes / 1024).toFixed(1)} KB`
      : `${(bytes / 1048576).toFixed(1)} MB`;
