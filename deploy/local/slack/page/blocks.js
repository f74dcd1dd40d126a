// Block Kit drawn as DOM. `surface` says where the blocks are and what acting on them does (see elements.js).

import { h, icon, test } from "./dom.js";
import { element, inputBlock } from "./elements.js";
import { emojis, link, markdown, mention, mrkdwn, reader } from "./mrkdwn.js";
import { emoji } from "./emoji.js";
import { formatDate } from "./dates.js";

export function blocks(list, surface) {
  return list.map((block) => {
    const draw = DRAW[block.type] ?? unknown;
    const node = draw(block, surface);
    node.classList.add("block", `block-${block.type}`);
    node.dataset.block = block.block_id ?? "";
    node.setAttribute("data-testid", `block-${block.type}`);
    return node;
  });
}

export function text(object) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, object) : lines(object.text);
}

function lines(words) {
  return words.split("\n").flatMap((line, index) => (index ? [h("br"), ...emojis(line)] : emojis(line)));
}

const DRAW = {
  section: (block, surface) => h("div", { class: block.accessory ? "with-accessory" : "" },
    h("div", { class: "section-main" },
      block.text ? h("div", { class: "text" }, text(block.text)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", { class: "text" }, text(field)))) : null),
    block.accessory ? h("div", { class: "accessory" }, element(block.accessory, block, surface)) : null),
  header: (block) => h("h3", {}, text(block.text)),
  context: (block) => h("div", {}, block.elements.map((one) => (one.type === "image"
    ? image(one, "context-image")
    : h("span", { class: "context-text" }, text(one))))),
  actions: (block, surface) => h("div", { role: "group" }, block.elements.map((one) => element(one, block, surface))),
  context_actions: (block, surface) => h("div", { role: "group" }, block.elements.map((one) => element(one, block, surface))),
  divider: () => h("hr"),
  image: (block) => h("figure", {}, block.title ? h("figcaption", {}, text(block.title)) : null, image(block, "block-picture")),
  input: (block, surface) => inputBlock(block, surface),
  rich_text: (block) => h("div", { class: "text" }, block.elements.map(richPart)),
  markdown: (block) => h("div", { class: "text markdown" }, markdown(block.text)),
  table: (block) => tableBlock(block),
  video: (block) => h("div", { class: "boxed" }, h("strong", {}, text(block.title)), " ", link(block.title_url ?? block.video_url, ["Watch"])),
  alert: (block) => h("div", { class: `alert ${block.level ?? "default"}`, role: "note" }, text(typeof block.text === "string" ? { type: "plain_text", text: block.text } : block.text)),
  card: (block, surface) => card(block, surface),
  carousel: (block, surface) => h("div", { class: "carousel" }, (block.elements ?? []).map((one) => card(one, surface))),
  container: (block, surface) => h("div", { class: "boxed" }, h("strong", {}, text(block.title)), blocks(block.child_blocks ?? [], surface)),
  task_card: (block) => task(block),
  plan: (block) => h("div", { class: "boxed" }, h("strong", {}, words(block.title)), (block.tasks ?? []).map(task)),
  file: (block) => h("div", { class: "boxed" }, icon("file"), ` ${block.external_id ?? "File"}`),
};

const words = (value) => (typeof value === "string" ? lines(value) : text(value));
const TASK = { pending: "◌", in_progress: "◐", complete: "●", error: "✕" };

function task(block) {
  return h("div", { class: `task ${block.status}` },
    h("span", { class: "task-mark", "aria-label": (block.status ?? "").replace("_", " ") }, TASK[block.status] ?? "◌"), words(block.title ?? ""),
    block.details ? h("div", { class: "task-detail" }, (block.details.elements ?? []).map(richPart)) : null,
    block.output ? h("div", { class: "task-detail" }, (block.output.elements ?? []).map(richPart)) : null);
}

function unknown(block) {
  return h("div", { class: "boxed unknown" }, h("span", { class: "unknown-label" }, `${block.type} block`), h("pre", {}, JSON.stringify(block, null, 2)));
}

function card(block, surface) {
  return h("div", { class: "boxed card" },
    block.hero_image ? image(block.hero_image, "block-picture") : null,
    block.title ? h("strong", {}, text(block.title)) : null,
    block.subtitle ? h("div", { class: "quiet" }, text(block.subtitle)) : null,
    block.body ? h("div", { class: "text" }, text(block.body)) : null,
    block.actions ? h("div", { class: "block-actions" }, block.actions.map((one) => element(one, block, surface))) : null);
}

export function image(object, kind) {
  const picture = h("img", { class: kind, src: object.image_url ?? object.slack_file?.url ?? "", alt: object.alt_text ?? "", loading: "lazy", referrerPolicy: "no-referrer" });
  picture.addEventListener("error", () => picture.replaceWith(h("span", { class: `${kind} missing` }, object.alt_text || "image")));
  return picture;
}

function tableBlock(block) {
  const settings = block.column_settings ?? [];
  const cell = (tag) => (one, index) => h(tag, {
    class: [settings[index]?.align ? `align-${settings[index].align}` : "", settings[index]?.is_wrapped ? "wrap" : ""].join(" ").trim() || undefined,
  }, one.type === "rich_text" ? one.elements.map(richPart) : String(one.text ?? one.value ?? one.number ?? ""));
  const [head, ...rest] = block.rows;
  return h("div", { class: "table-scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map(cell("th")))),
    h("tbody", {}, rest.map((row) => h("tr", {}, row.map(cell("td")))))));
}

// --- rich text ------------------------------------------------------------------------------------------------------

function richPart(part) {
  switch (part.type) {
    case "rich_text_section": return h("div", {}, part.elements.map(richInline));
    case "rich_text_preformatted": return h("pre", { class: "code" }, part.elements.map((one) => one.text ?? one.url ?? ""));
    case "rich_text_quote": return h("blockquote", {}, part.elements.map(richInline));
    case "rich_text_list": return h(part.style === "ordered" ? "ol" : "ul", { class: `indent-${part.indent ?? 0}`, start: part.offset ? part.offset + 1 : undefined },
      part.elements.map((one) => h("li", {}, one.elements.map(richInline))));
    default: return h("div", { class: "unknown-label" }, part.type);
  }
}

function richInline(one) {
  const body = richBody(one);
  const style = one.style ?? {};
  let node = body;
  for (const [name, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"], ["underline", "u"]]) {
    if (style[name]) node = h(tag, {}, node);
  }
  return node;
}

function richBody(one) {
  switch (one.type) {
    case "text": return one.typed ? mrkdwn(one.text) : one.text.split("\n").flatMap((line, index) => (index ? [h("br"), line] : [line]));
    case "link": return link(one.url, [one.text ?? one.url]);
    case "user": return mention(one.user_id);
    case "channel": return h("span", { class: "mention" }, `#${reader.channels.get(one.channel_id)?.name ?? one.channel_id}`);
    case "usergroup": return h("span", { class: "mention" }, `@${reader.groups.get(one.usergroup_id)?.handle ?? one.usergroup_id}`);
    case "broadcast": return h("span", { class: "mention strong" }, `@${one.range}`);
    case "emoji": return emoji(one.name);
    case "date": return h("time", {}, formatDate(one.timestamp, one.format, reader.me?.tz) ?? one.fallback ?? "");
    case "color": return h("code", {}, one.value);
    default: return h("span", { class: "unknown-label" }, one.type);
  }
}

// --- attachments and files ------------------------------------------------------------------------------------------

export function attachments(list, surface) {
  return list.map((one) => h("div", { class: "attachment", style: one.color ? `--bar: ${/^[0-9a-f]{3,8}$/i.test(one.color) ? `#${one.color}` : one.color}` : undefined, ...test("attachment") },
    one.pretext ? h("div", { class: "text" }, mrkdwn(one.pretext)) : null,
    one.author_name ? h("div", { class: "quiet" }, one.author_name) : null,
    one.title ? h("strong", {}, one.title_link ? link(one.title_link, [one.title]) : one.title) : null,
    one.text ? h("div", { class: "text" }, mrkdwn(one.text)) : null,
    one.fields ? h("div", { class: "fields" }, one.fields.map((field) => h("div", { class: "text" }, h("strong", {}, field.title ?? ""), h("br"), mrkdwn(field.value ?? "")))) : null,
    one.blocks ? blocks(one.blocks, surface) : null,
    one.footer ? h("div", { class: "quiet" }, one.footer) : null));
}

export function files(list, me) {
  return list.map((file) => h("a", { class: "file-card", href: `${new URL(file.url_private).pathname}?download=1&as=${me}`, download: file.name, ...test("file") },
    icon("file"), h("span", {}, h("strong", {}, file.title || file.name), h("span", { class: "quiet" }, `${file.pretty_type} · ${size(file.size)}`))));
}

const size = (bytes) => (bytes < 1024 ? `${bytes} bytes` : bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`);
