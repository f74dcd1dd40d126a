// Block Kit drawn as DOM. `surface` says where the blocks are and what acting on them does (see elements.js).

import { h, icon, test } from "./dom.js";
import { element, inputBlock } from "./elements.js";
import { emojis, link, markdown, mrkdwn, reader } from "./mrkdwn.js";
import { RARER } from "./rarer.js";
import { richPart } from "./rich.js";

// The nodes of these blocks. Of those that `host` shows, the ones that are the same still are taken again.
export function blocks(list, surface, host = null) {
  const there = new Map([...(host?.children ?? [])].map((node) => [node.signature, node]));
  return list.map((block) => {
    const error = surface?.errors?.[block.block_id] ?? "";
    const signature = `${surface?.key}/${reader.version}/${error}/${JSON.stringify(block)}`;
    const same = there.get(signature);
    if (same) return there.delete(signature) && same;
    const node = (DRAW[block.type] ?? unknown)(block, surface);
    node.classList.add("block", `block-${block.type}`);
    node.dataset.block = block.block_id ?? "";
    node.setAttribute("data-testid", `block-${block.type}`);
    node.signature = signature;
    return node;
  });
}

// Draw this block anew although it is the same: what its elements show is no longer what they hold.
export function forget(host, block) {
  for (const node of host.querySelectorAll(`.block[data-block="${CSS.escape(block.block_id)}"]`)) node.signature = "";
}

export function text(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, object) : lines(object.text);
}

function lines(words) {
  return words.split("\n").flatMap((line, index) => (index ? [h("br"), ...emojis(line)] : emojis(line)));
}

const DRAW = {
  section: (block, surface) =>
    h(
      "div",
      { class: block.accessory ? "with-accessory" : "" },
      h(
        "div",
        { class: "section-main" },
        block.text ? h("div", { class: "text" }, text(block.text)) : null,
        block.fields
          ? h(
              "div",
              { class: "fields" },
              block.fields.map((field) => h("div", { class: "text" }, text(field))),
            )
          : null,
      ),
      block.accessory ? h("div", { class: "accessory" }, element(block.accessory, block, surface)) : null,
    ),
  header: (block) => h("h2", {}, text(block.text)),
  context: (block) =>
    h(
      "div",
      {},
      block.elements.map((one) =>
        one.type === "image" ? image(one, "context-image") : h("span", { class: "context-text" }, text(one)),
      ),
    ),
  actions: (block, surface) =>
    h(
      "div",
      { role: "group" },
      block.elements.map((one) => element(one, block, surface)),
    ),
  context_actions: (block, surface) =>
    h(
      "div",
      { role: "group" },
      block.elements.map((one) => element(one, block, surface)),
    ),
  divider: () => h("hr"),
  image: (block) =>
    h("figure", {}, block.title ? h("figcaption", {}, text(block.title)) : null, image(block, "block-picture")),
  input: (block, surface) => inputBlock(block, surface),
  rich_text: (block) => h("div", { class: "text" }, block.elements.map(richPart)),
  markdown: (block) => h("div", { class: "text markdown" }, markdown(block.text)),
  ...RARER,
};

function unknown(block) {
  return h(
    "div",
    { class: "boxed unknown" },
    h("span", { class: "unknown-label" }, `${block.type} block`),
    h("pre", {}, JSON.stringify(block, null, 2)),
  );
}

function pictureOf(object) {
  const file = object.slack_file;
  if (!file) return object.image_url ?? "";
  const id = file.id ?? new URL(file.url, location.origin).pathname.match(/-(F\w+)\//)?.[1];
  return id ? `/files-pri/T-${id}/picture?as=${reader.me?.id}` : file.url;
}

export function image(object, kind) {
  const picture = h("img", {
    class: kind,
    src: pictureOf(object),
    alt: object.alt_text ?? "",
    loading: "lazy",
    referrerPolicy: "no-referrer",
  });
  picture.addEventListener("error", () =>
    picture.replaceWith(h("span", { class: `${kind} missing` }, object.alt_text || "image")),
  );
  return picture;
}

export function attachments(list, surface) {
  return list.map((one) =>
    h(
      "div",
      {
        class: "attachment",
        style: one.color ? `--bar: ${/^[0-9a-f]{3,8}$/i.test(one.color) ? `#${one.color}` : one.color}` : undefined,
        ...test("attachment"),
      },
      one.pretext ? h("div", { class: "text" }, mrkdwn(one.pretext)) : null,
      one.author_name ? h("div", { class: "quiet" }, one.author_name) : null,
      one.title ? h("strong", {}, one.title_link ? link(one.title_link, [one.title]) : one.title) : null,
      one.text ? h("div", { class: "text" }, mrkdwn(one.text)) : null,
      one.fields
        ? h(
            "div",
            { class: "fields" },
            one.fields.map((field) =>
              h("div", { class: "text" }, h("strong", {}, field.title ?? ""), h("br"), mrkdwn(field.value ?? "")),
            ),
          )
        : null,
      one.blocks ? blocks(one.blocks, surface) : null,
      one.footer ? h("div", { class: "quiet" }, one.footer) : null,
    ),
  );
}
