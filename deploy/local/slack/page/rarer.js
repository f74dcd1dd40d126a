// Blocks that few apps use: tables, tasks, cards, containers, video, alerts; charts are in charts.js.

import { h, icon, test } from "./dom.js";
import { blocks, image, text } from "./blocks.js";
import { chart } from "./charts.js";
import { element } from "./elements.js";
import { emojis, link } from "./mrkdwn.js";
import { richPart } from "./rich.js";

const words = (value) => (typeof value === "string" ? emojis(value) : text(value));
const rich = (value) => (value?.elements ?? []).map(richPart);

const STATUS = { pending: "Waiting", in_progress: "Under way", complete: "Done", error: "Failed" };

function task(block) {
  return h(
    "div",
    { class: `task ${block.status}` },
    h("span", { class: "task-mark", role: "img", "aria-label": STATUS[block.status] ?? "Waiting" }),
    h("span", { class: "task-title" }, words(block.title ?? "")),
    block.details ? h("div", { class: "task-detail" }, rich(block.details)) : null,
    block.output ? h("div", { class: "task-detail" }, rich(block.output)) : null,
    block.sources?.length
      ? h(
          "div",
          { class: "task-detail sources" },
          block.sources.map((one) => link(one.url, [one.text ?? one.url])),
        )
      : null,
  );
}

function card(block, surface) {
  return h(
    "div",
    { class: "boxed card" },
    block.hero_image ? image(block.hero_image, "block-picture") : null,
    h(
      "div",
      { class: "card-head" },
      block.icon ? image(block.icon, "context-image") : null,
      block.title ? h("strong", {}, text(block.title)) : null,
    ),
    block.subtitle ? h("div", { class: "quiet" }, text(block.subtitle)) : null,
    block.body ? h("div", { class: "text" }, text(block.body)) : null,
    block.actions
      ? h(
          "div",
          { class: "block-actions" },
          block.actions.map((one) => element(one, block, surface)),
        )
      : null,
  );
}

function container(block, surface) {
  const title = [
    h("strong", {}, block.rich_text_title ? rich(block.rich_text_title) : text(block.title)),
    block.subtitle ? h("div", { class: "quiet" }, text(block.subtitle)) : null,
  ];
  const inside = blocks(block.child_blocks ?? [], surface);
  if (!block.is_collapsible) return h("div", { class: "boxed" }, title, inside);
  return h("details", { class: "boxed", open: !block.is_collapsed }, h("summary", {}, title), inside);
}

function cells(block, row, tag, first = -1) {
  const settings = block.column_settings ?? [];
  return row.map((one, index) =>
    h(
      index === first ? "th" : tag,
      {
        class:
          [
            settings[index]?.align ? `align-${settings[index].align}` : one.type === "raw_number" ? "align-right" : "",
            settings[index]?.is_wrapped ? "wrap" : "",
          ]
            .join(" ")
            .trim() || undefined,
        scope: tag === "th" ? "col" : index === first ? "row" : undefined,
      },
      one.type === "rich_text" ? rich(one) : words(String(one.text ?? one.value ?? one.number ?? "")),
    ),
  );
}

function scrolled(label, table) {
  return h("div", { class: "table-scroll", role: "region", tabIndex: 0, "aria-label": label }, table);
}

function table(block) {
  const [head, ...rest] = block.rows;
  return h(
    "div",
    {},
    scrolled(
      "Table",
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, cells(block, head, "th"))),
        h(
          "tbody",
          {},
          rest.map((row) => h("tr", {}, cells(block, row, "td"))),
        ),
      ),
    ),
  );
}

// A table in pages: its rows beyond the first are the data.
function dataTable(block) {
  const [head = [], ...rows] = (block.rows ?? []).map((row) => row.cells ?? row);
  const most = block.page_size ?? 5;
  const pages = Math.max(1, Math.ceil(rows.length / most));
  const body = h("tbody");
  const where = h("span", { class: "quiet" });
  let page = 0;
  const turn = (by) => {
    page = Math.min(pages - 1, Math.max(0, page + by));
    body.replaceChildren(
      ...rows
        .slice(page * most, (page + 1) * most)
        .map((row) => h("tr", {}, cells(block, row, "td", block.row_header_column_index ?? 0))),
    );
    where.textContent = `Page ${page + 1} of ${pages}`;
  };
  turn(0);
  const button = (label, by) => h("button", { class: "button", type: "button", onclick: () => turn(by) }, label);
  const caption = typeof block.caption === "string" ? block.caption : (block.caption?.text ?? "Table");
  return h(
    "div",
    {},
    h("div", { class: "quiet" }, caption),
    scrolled(caption, h("table", {}, h("thead", {}, h("tr", {}, cells(block, head, "th"))), body)),
    pages > 1
      ? h(
          "div",
          { class: "block-actions", role: "group", "aria-label": "Pages" },
          button("Back", -1),
          button("Next", 1),
          where,
        )
      : null,
  );
}

function video(block) {
  return h(
    "div",
    { class: "boxed card" },
    h("strong", {}, block.title_url ? link(block.title_url, text(block.title)) : text(block.title)),
    block.author_name || block.provider_name
      ? h("div", { class: "quiet" }, [block.author_name, block.provider_name].filter(Boolean).join(" · "))
      : null,
    block.description ? h("div", { class: "text" }, text(block.description)) : null,
    block.thumbnail_url ? image({ image_url: block.thumbnail_url, alt_text: block.alt_text }, "block-picture") : null,
    link(block.video_url, ["Watch"]),
  );
}

export const RARER = {
  table,
  data_table: dataTable,
  data_visualization: chart,
  video,
  alert: (block) => h("div", { class: `alert ${block.level ?? "default"}`, role: "note" }, words(block.text)),
  card,
  carousel: (block, surface) =>
    h(
      "div",
      { class: "carousel", role: "group", tabIndex: 0, "aria-label": "Cards" },
      (block.elements ?? []).map((one) => card(one, surface)),
    ),
  container,
  task_card: task,
  plan: (block) => h("div", { class: "boxed" }, h("strong", {}, words(block.title)), (block.tasks ?? []).map(task)),
  file: (block) => h("div", { class: "boxed", ...test("file-block") }, icon("file"), ` ${block.external_id ?? "File"}`),
};
