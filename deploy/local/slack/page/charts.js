// The data_visualization block as a drawing: bars, lines, areas over named categories, or a pie; and its numbers.

import { h } from "./dom.js";

const NS = "http://www.w3.org/2000/svg";
const WIDEST = 560; // pixels, of which one is one of the drawing: its words are as large as those around it
const NARROWEST = 220;
const HEIGHT = 240; // as in charts.css
const SIGN = 6.4; // the width of a letter at 11 px, about
const number = new Intl.NumberFormat("en", { maximumFractionDigits: 6 });

function s(tag, attributes = {}, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.flat());
  return node;
}

export function chart(block) {
  const plot = block.chart;
  const pie = plot.type === "pie";
  const names = pie ? plot.segments.map((one) => one.label) : plot.series.map((one) => one.name);
  const told = `${block.title}: ${plot.type} chart of ${names.join(", ")}`;
  const drawing = s("svg", { role: "img", "aria-label": told, class: "chart-drawing" });
  drawnToWidth(drawing, (width) => (pie ? slices(plot.segments, width) : overCategories(plot, width)));
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, block.title),
    drawing,
    h(
      "ul",
      { class: "chart-legend" },
      names.map((name, index) => h("li", { class: `series-${index}` }, pie ? share(plot.segments, index) : name)),
    ),
    h("details", {}, h("summary", {}, "The numbers"), pie ? numbersOfPie(plot.segments) : numbers(plot)),
  );
}

function drawnToWidth(drawing, parts) {
  const draw = (width) => {
    drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    drawing.replaceChildren(...parts(width));
  };
  draw(WIDEST);
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width) draw(Math.round(Math.max(NARROWEST, Math.min(WIDEST, contentRect.width))));
  }).observe(drawing);
}

const total = (segments) => segments.reduce((sum, one) => sum + one.value, 0);
const percent = (segments, one) => `${number.format(Math.round((1000 * one.value) / total(segments)) / 10)} %`;
const share = (segments, index) => `${segments[index].label} · ${percent(segments, segments[index])}`;

// --- a pie ----------------------------------------------------------------------------------------------------

function slices(segments, width) {
  const [x, y, radius] = [width / 2, HEIGHT / 2, HEIGHT / 2 - 8];
  let from = -Math.PI / 2;
  return segments.map((one, index) => {
    const angle = (2 * Math.PI * one.value) / total(segments);
    const at = (turn) => `${x + radius * Math.cos(turn)} ${y + radius * Math.sin(turn)}`;
    const arc = `M${x} ${y}L${at(from)}A${radius} ${radius} 0 ${angle > Math.PI ? 1 : 0} 1 ${at(from + angle)}Z`;
    from += angle;
    const titled = s("title", {}, share(segments, index));
    const whole = segments.length === 1; // an arc that ends where it begins is none
    return whole
      ? s("circle", { cx: x, cy: y, r: radius, class: "filled series-0" }, titled)
      : s("path", { d: arc, class: `filled series-${index}` }, titled);
  });
}

// --- bars, lines and areas ------------------------------------------------------------------------------------

function overCategories(plot, width) {
  const { categories, x_label: under, y_label: beside } = plot.axis_config;
  const values = plot.series.flatMap((one) => one.data.map((point) => point.value));
  const ticks = ticksOf(Math.min(0, ...values), Math.max(0, ...values));
  const labels = ticks.map((tick) => number.format(tick));
  const left = 12 + SIGN * Math.max(...labels.map((one) => one.length)) + (beside ? 16 : 0);
  const bottom = HEIGHT - (under ? 40 : 24);
  const scale = { low: ticks[0], high: ticks.at(-1), top: 10, bottom };
  const y = (value) => bottom - ((bottom - scale.top) * (value - scale.low)) / (scale.high - scale.low);
  const slot = (width - left - 6) / categories.length;
  const middle = (index) => left + slot * (index + 0.5);
  return [
    ticks.map((tick, index) => [
      s("line", { x1: left, x2: width - 6, y1: y(tick), y2: y(tick), class: tick === 0 ? "chart-zero" : "chart-grid" }),
      words(labels[index], { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }),
    ]),
    namesBelow(categories, slot, middle, bottom),
    under ? words(under, { x: (left + width) / 2, y: HEIGHT - 4, "text-anchor": "middle" }) : [],
    beside
      ? words(beside, { x: -bottom / 2, y: 12, transform: "rotate(-90)", "text-anchor": "middle" })
      : [],
    plot.series.map((one, index) => MARKS[plot.type](valuesOf(one, categories), { y, slot, middle, index, plot })),
  ].flat(Infinity);
}

const words = (text, attributes) => s("text", attributes, text);
const valuesOf = (series, categories) =>
  categories.map((name) => series.data.find((point) => point.label === name)?.value ?? 0);

// Round steps, of which about four reach from the lowest value to the highest.
function ticksOf(low, high) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => span / one <= 5);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

// As many of the names as there is room for; the others are in the marks' own titles.
function namesBelow(categories, slot, middle, bottom) {
  const longest = Math.max(...categories.map((one) => one.length));
  const each = Math.max(1, Math.ceil(Math.min(longest, 12) * SIGN / slot));
  const room = Math.floor((slot * each) / SIGN);
  return categories
    .map((name, index) => [name, index])
    .filter(([, index]) => index % each === 0)
    .map(([name, index]) => {
      const shown = name.length > room ? `${name.slice(0, Math.max(1, room - 1))}…` : name;
      return words(shown, { x: middle(index), y: bottom + 15, "text-anchor": "middle" });
    });
}

const titled = ({ plot, index }, at, value) =>
  s("title", {}, `${plot.series[index].name}, ${plot.axis_config.categories[at]}: ${number.format(value)}`);

const MARKS = {
  bar: (values, place) => {
    const { y, slot, middle, index, plot } = place;
    const wide = (slot * 0.76) / plot.series.length;
    return values.map((value, at) => {
      const box = { x: middle(at) - slot * 0.38 + wide * index, width: Math.max(1, wide - 1) };
      const top = Math.min(y(value), y(0));
      const mark = { ...box, y: top, height: Math.abs(y(value) - y(0)), class: `filled series-${index}` };
      return s("rect", mark, titled(place, at, value));
    });
  },
  line: (values, place) => [
    s("path", { d: along(values, place), class: `lined series-${place.index}` }),
    values.map((value, at) =>
      s(
        "circle",
        { cx: place.middle(at), cy: place.y(value), r: 3, class: `filled series-${place.index}` },
        titled(place, at, value),
      ),
    ),
  ],
  area: (values, place) => {
    const end = `L${place.middle(values.length - 1)} ${place.y(0)}L${place.middle(0)} ${place.y(0)}Z`;
    const shape = s("path", { d: along(values, place) + end, class: `shaded series-${place.index}` });
    return [shape, ...MARKS.line(values, place)];
  },
};

const along = (values, { middle, y }) =>
  values.map((value, at) => `${at ? "L" : "M"}${middle(at)} ${y(value)}`).join("");

// --- the numbers, for who cannot see the drawing ----------------------------------------------------------------

function numbers({ series, axis_config: { categories } }) {
  const head = ["", ...series.map((one) => one.name)];
  const rows = categories.map((name, at) => [name, ...series.map((one) => valuesOf(one, categories)[at])]);
  return table(head, rows);
}

function numbersOfPie(segments) {
  return table(["", "Value", "Share"], segments.map((one) => [one.label, one.value, percent(segments, one)]));
}

function table([, ...head], rows) {
  const cell = (value) => h("td", { class: "align-right" }, typeof value === "number" ? number.format(value) : value);
  return h(
    "div",
    { class: "table-scroll", role: "region", tabIndex: 0, "aria-label": "Numbers" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("td"), head.map((name) => h("th", { scope: "col", class: "align-right" }, name)))),
      h(
        "tbody",
        {},
        rows.map(([name, ...values]) => h("tr", {}, h("th", { scope: "row" }, name), values.map(cell))),
      ),
    ),
  );
}
