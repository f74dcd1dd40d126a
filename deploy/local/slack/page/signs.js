// The signs a bot states things with, drawn: a machine without a colour font shows them too, and everywhere alike.

const NS = "http://www.w3.org/2000/svg";
const GREEN = "#2f9e5b",
  RED = "#d64545",
  AMBER = "#e0a100",
  BLUE = "#3b82c4",
  GREY = "#7d8590",
  SKIN = "#f2c14e",
  WHITE = "#ffffff";
const tile = (fill) => ["rect", { x: 2, y: 2, width: 16, height: 16, rx: 4, fill }];
const disc = (fill) => ["circle", { cx: 10, cy: 10, r: 8, fill }];
const line = (d, stroke = WHITE, width = 2) => [
  "path",
  { d, stroke, "stroke-width": width, fill: "none", "stroke-linecap": "round", "stroke-linejoin": "round" },
];
const shape = (d, fill) => ["path", { d, fill }];
const ask = (ink) => [
  line("M7.2 7.4a2.8 2.8 0 1 1 3.9 2.6c-.8.4-1.1.9-1.1 1.7", ink),
  ["circle", { cx: 10, cy: 14.6, r: 1.2, fill: ink }],
];
const glass = (fill) => [
  line("M5 2.8h10M5 17.2h10", GREY, 1.8),
  ["path", { d: "M6 3c0 4 3 5 3 7s-3 3-3 7h8c0-4-3-5-3-7s3-3 3-7z", fill: "#e8eef4", stroke: GREY, "stroke-width": 1 }],
  shape(fill, AMBER),
];

const STAR = "M10 2.6l2.3 4.9 5.3.7-3.9 3.7 1 5.3L10 14.6l-4.7 2.6 1-5.3L2.4 8.2l5.3-.7z";

const DRAWN = {
  "★": ["star", shape(STAR, AMBER)],
  "☆": ["empty star", line(STAR, GREY, 1.5)],
  "✅": ["white check mark", tile(GREEN), line("M6 10.4l2.8 2.9L14.2 7")],
  "☑": ["checked", tile(BLUE), line("M6 10.4l2.8 2.9L14.2 7")],
  "❌": ["cross", line("M5 5l10 10M15 5L5 15", RED, 3)],
  "🚫": [
    "no",
    ["circle", { cx: 10, cy: 10, r: 7, fill: "none", stroke: RED, "stroke-width": 2.4 }],
    line("M5.2 5.2l9.6 9.6", RED, 2.4),
  ],
  "⛔": ["no entry", disc(RED), line("M6 10h8", WHITE, 2.6)],
  "⚠": [
    "warning",
    ["path", { d: "M10 2.5l8 14.5H2z", fill: AMBER, stroke: AMBER, "stroke-width": 1.5, "stroke-linejoin": "round" }],
    line("M10 7.5v4.5", "#3a2b00"),
    ["circle", { cx: 10, cy: 14.6, r: 1.1, fill: "#3a2b00" }],
  ],
  "✋": [
    "hand",
    shape(
      "M5 10V5.5a1 1 0 0 1 2 0V9h.4V3.8a1 1 0 0 1 2 0V9h.4V3.2a1 1 0 0 1 2 0V9h.4V4.6a1 1 0 0 1 2 0" +
        "V12l1-1.8a1.1 1.1 0 0 1 1.9 1.1L14.6 15c-.8 1.6-2 2.7-4.2 2.7C7 17.7 5 15.5 5 12z",
      SKIN,
    ),
  ],
  "⌛": ["hourglass", ...glass("M7 16.5c.4-2 1.6-2.8 3-3.2 1.4.4 2.6 1.2 3 3.2z")],
  "⏳": [
    "hourglass, running",
    ...glass(
      "M7.4 5.5h5.2c-.3 1.6-1.7 2.5-2.6 3.3-.9-.8-2.3-1.7-2.6-3.3zM8.3 16.5c.3-1 1-1.6 1.7-1.8.7.2 1.4.8 1.7 1.8z",
    ),
  ],
  "⏸": ["paused", tile(BLUE), line("M8 6.5v7M12 6.5v7", WHITE, 2.2)],
  "⏹": ["stopped", tile(GREY), ["rect", { x: 6.5, y: 6.5, width: 7, height: 7, rx: 1, fill: WHITE }]],
  "⏭": [
    "skipped",
    tile(GREY),
    shape("M5.5 6.5l4 3.5-4 3.5zM9.5 6.5l4 3.5-4 3.5z", WHITE),
    line("M14.3 6.8v6.4", WHITE, 1.8),
  ],
  "▶": ["running", tile(BLUE), shape("M7.5 6l6.5 4-6.5 4z", WHITE)],
  "◀": ["back", tile(BLUE), shape("M12.5 6L6 10l6.5 4z", WHITE)],
  "↩": ["undone", tile(GREY), line("M8 6L5.2 8.8 8 11.6M5.6 8.8h5.6a2.8 2.8 0 0 1 0 5.6H9", WHITE, 1.8)],
  "▫": [
    "not yet",
    ["rect", { x: 4, y: 4, width: 12, height: 12, rx: 3, fill: "none", stroke: GREY, "stroke-width": 1.6 }],
  ],
  "🔁": [
    "again",
    tile(BLUE),
    line(
      "M6 9.5V8.8A1.8 1.8 0 0 1 7.8 7H14M12.2 5L14 7l-1.8 2M14 10.5v.7A1.8 1.8 0 0 1 12.2 13H6M7.8 11L6 13l1.8 2",
      WHITE,
      1.5,
    ),
  ],
  "❓": ["question", ...ask(RED)],
  "❔": ["open question", ...ask(GREY)],
  "❗": ["exclamation", line("M10 4v7.5", RED, 2.6), ["circle", { cx: 10, cy: 15.3, r: 1.4, fill: RED }]],
  "🔔": [
    "bell",
    shape(
      "M10 2.5c-3 0-4.8 2.2-4.8 5.2 0 3.8-1.7 4.8-1.7 6.3h13c0-1.5-1.7-2.5-1.7-6.3 0-3-1.8-5.2-4.8-5.2z" +
        "M8 15h4a2 2 0 0 1-4 0z",
      AMBER,
    ),
  ],
  "🗳": [
    "vote",
    shape("M3 9h14v8H3z", BLUE),
    line("M6.5 9h7", WHITE, 1.5),
    ["rect", { x: 7, y: 3, width: 6, height: 6, rx: 1, fill: "#dfe7ee", stroke: GREY, "stroke-width": 1 }],
  ],
  "🔑": [
    "key",
    ["circle", { cx: 6.5, cy: 13, r: 3.2, fill: "none", stroke: AMBER, "stroke-width": 2.2 }],
    line("M9 10.7L16 3.8M13.5 6.3l2.2 2.2", AMBER, 2.2),
  ],
  "🔎": [
    "search",
    ["circle", { cx: 11.5, cy: 8.5, r: 5, fill: "#dbeafb", stroke: BLUE, "stroke-width": 1.8 }],
    line("M7.8 12.2L3.5 16.5", GREY, 2.6),
  ],
  "💬": [
    "said",
    [
      "path",
      {
        d: "M3 4h14v9.5H9.5L6 17v-3.5H3z",
        fill: "#dfe7ee",
        stroke: GREY,
        "stroke-width": 1.3,
        "stroke-linejoin": "round",
      },
    ],
    line("M6.5 8.8h.01M10 8.8h.01M13.5 8.8h.01", GREY, 2),
  ],
  "👍": [
    "thumbs up",
    shape(
      "M3 9h3.2v8H3zM7 9l3-6.5c1.6 0 2.3 1 2 2.7L11.6 8H16c1 0 1.6.8 1.4 1.8l-1.2 5.7c-.2.9-.8 1.5-1.7 1.5H7z",
      SKIN,
    ),
  ],
  "✏": [
    "pencil",
    shape("M3.5 16.5l.9-3.7 8.5-8.5 2.8 2.8-8.5 8.5z", AMBER),
    line("M12 5.2l2.8 2.8", WHITE, 1),
    shape("M3.5 16.5l.9-3.7 2.8 2.8z", "#4b3a2a"),
  ],
  "📨": [
    "mail",
    ["rect", { x: 2.5, y: 5, width: 15, height: 10.5, rx: 1.5, fill: "#dfe7ee", stroke: GREY, "stroke-width": 1.2 }],
    line("M3 6l7 5 7-5", GREY, 1.3),
  ],
  "🙋": [
    "somebody raises a hand",
    ["circle", { cx: 9, cy: 7.5, r: 3.2, fill: SKIN }],
    shape("M3.5 17.5c0-4 2.5-6 5.5-6s5.5 2 5.5 6z", BLUE),
    line("M15.5 12V4.5", SKIN, 2.2),
  ],
  "👀": [
    "eyes",
    ["ellipse", { cx: 6.2, cy: 10, rx: 3.4, ry: 5, fill: WHITE, stroke: GREY, "stroke-width": 1 }],
    ["ellipse", { cx: 13.8, cy: 10, rx: 3.4, ry: 5, fill: WHITE, stroke: GREY, "stroke-width": 1 }],
    ["circle", { cx: 7.2, cy: 10.5, r: 1.8, fill: "#333" }],
    ["circle", { cx: 14.8, cy: 10.5, r: 1.8, fill: "#333" }],
  ],
  "🎉": [
    "done with joy",
    shape("M3 17.5L7 7.5l6 6z", AMBER),
    line("M10.5 7.5c.5-1.5.3-3-.8-4.3M13 10c1.5-1 3-1 4.5-.5M12 8.5l3-3.5", BLUE, 1.5),
    ["circle", { cx: 16.5, cy: 4, r: 1, fill: RED }],
    ["circle", { cx: 13, cy: 3, r: 0.9, fill: GREEN }],
  ],
  "🏁": [
    "ended",
    line("M5 3v14.5", GREY, 1.8),
    ["rect", { x: 6, y: 3.5, width: 10.5, height: 7.5, fill: WHITE, stroke: GREY, "stroke-width": 1 }],
    shape("M6 3.5h2.6v2.5H6zM11.2 3.5h2.6v2.5h-2.6zM8.6 6h2.6v2.5H8.6zM13.8 6h2.7v2.5h-2.7zM6 8.5h2.6V11H6zM11.2 8.5h2.6V11h-2.6z", "#333"),
  ],
  "🔴": ["red", disc(RED)],
  "🟢": ["green", disc(GREEN)],
  "🟡": ["yellow", disc(AMBER)],
  "🔵": ["blue", disc(BLUE)],
  "⚪": ["white", ["circle", { cx: 10, cy: 10, r: 7.5, fill: "#e9ecef", stroke: GREY, "stroke-width": 1 }]],
};

const SEARCH = new RegExp(`(${Object.keys(DRAWN).join("|")})\\uFE0F?`, "u");

export function sign(character) {
  const found = DRAWN[character.replace("\uFE0F", "")];
  if (!found) return null;
  const [name, ...parts] = found;
  const svg = document.createElementNS(NS, "svg");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 20 20",
    class: "emoji sign",
    role: "img",
    "aria-label": name,
  }))
    svg.setAttribute(key, value);
  for (const [tag, attributes] of parts) {
    const part = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    svg.append(part);
  }
  return svg;
}

// Text with the signs in it drawn. What is copied from the page has the characters again.
export function signs(text) {
  const nodes = [];
  let rest = text;
  for (let found = SEARCH.exec(rest); found; found = SEARCH.exec(rest)) {
    nodes.push(...named(rest.slice(0, found.index)));
    const svg = sign(found[1]);
    const holder = document.createElement("span");
    holder.className = "signed";
    const plain = document.createElement("span");
    plain.className = "sign-text";
    plain.setAttribute("aria-hidden", "true");
    plain.textContent = found[0];
    holder.append(svg, plain);
    nodes.push(holder);
    rest = rest.slice(found.index + found[0].length);
  }
  nodes.push(...named(rest));
  return nodes;
}

// The names of the others, for a machine without a font for them.
export const NAMES = new Map();
const OTHER = /(\p{Extended_Pictographic}\uFE0F?)/u;

function named(text) {
  if (!text || !OTHER.test(text) || hasColour()) return text ? [text] : [];
  return text
    .split(OTHER)
    .filter(Boolean)
    .map((part) => {
      const name = NAMES.get(part);
      if (!name) return part;
      const node = document.createElement("span");
      node.className = "emoji-name";
      node.textContent = `:${name}:`;
      return node;
    });
}

let coloured = null;
// Whether this machine has any font for the others.
export function hasColour() {
  if (coloured !== null) return coloured;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 24;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.font = "18px sans-serif";
  pen.fillText("🚀", 0, 20);
  const data = pen.getImageData(0, 0, 24, 24).data;
  coloured = data.some((value, index) => index % 4 === 0 && Math.abs(value - data[index + 1]) > 24);
  return coloured;
}
