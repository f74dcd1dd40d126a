// The emoji an operations bot uses. One it does not know is shown by its name.

import { h } from "./dom.js";
import { hasColour, sign } from "./signs.js";

const KNOWN = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", thumbsdown: "👎", ok_hand: "👌", wave: "👋", clap: "👏", raised_hands: "🙌", pray: "🙏", eyes: "👀",
  white_check_mark: "✅", heavy_check_mark: "✔️", ballot_box_with_check: "☑️", x: "❌", negative_squared_cross_mark: "❎", warning: "⚠️",
  rotating_light: "🚨", no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", red_circle: "🔴", large_green_circle: "🟢",
  large_yellow_circle: "🟡", large_orange_circle: "🟠", large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", large_purple_circle: "🟣",
  large_green_square: "🟩", large_red_square: "🟥", large_yellow_square: "🟨", white_large_square: "⬜",
  hourglass: "⌛", hourglass_flowing_sand: "⏳", stopwatch: "⏱️", alarm_clock: "⏰", clock1: "🕐", clock3: "🕒", timer_clock: "⏲️", calendar: "📆", date: "📅", spiral_calendar_pad: "🗓️",
  lock: "🔒", unlock: "🔓", key: "🔑", shield: "🛡️", closed_lock_with_key: "🔐", fire: "🔥", fire_extinguisher: "🧯", boom: "💥", zap: "⚡", bulb: "💡", mag: "🔍",
  hammer: "🔨", wrench: "🔧", hammer_and_wrench: "🛠️", gear: "⚙️", package: "📦", inbox_tray: "📥", outbox_tray: "📤", floppy_disk: "💾", file_cabinet: "🗄️", card_file_box: "🗃️",
  wastebasket: "🗑️", memo: "📝", pencil: "📝", pencil2: "✏️", clipboard: "📋", page_facing_up: "📄", scroll: "📜", books: "📚", book: "📖", bookmark: "🔖", link: "🔗", paperclip: "📎", pushpin: "📌",
  bar_chart: "📊", chart_with_upwards_trend: "📈", chart_with_downwards_trend: "📉", bell: "🔔", no_bell: "🔕", mega: "📣", loudspeaker: "📢", speech_balloon: "💬", thought_balloon: "💭",
  rocket: "🚀", tada: "🎉", sparkles: "✨", star: "⭐", trophy: "🏆", robot_face: "🤖", construction: "🚧", checkered_flag: "🏁", triangular_flag_on_post: "🚩",
  arrow_right: "➡️", arrow_left: "⬅️", arrow_up: "⬆️", arrow_down: "⬇️", arrows_counterclockwise: "🔄", repeat: "🔁", leftwards_arrow_with_hook: "↩️", rewind: "⏪", fast_forward: "⏩",
  arrow_forward: "▶️", double_vertical_bar: "⏸️", pause_button: "⏸️", black_square_for_stop: "⏹️", information_source: "ℹ️", question: "❓", grey_question: "❔", exclamation: "❗", bangbang: "‼️",
  heavy_plus_sign: "➕", heavy_minus_sign: "➖", recycle: "♻️", hash: "#️⃣", one: "1️⃣", two: "2️⃣", three: "3️⃣", bust_in_silhouette: "👤", busts_in_silhouette: "👥", technologist: "🧑‍💻",
  smile: "😄", grin: "😁", slightly_smiling_face: "🙂", thinking_face: "🤔", sweat_smile: "😅", cry: "😢", scream: "😱", heart: "❤️", green_heart: "💚", muscle: "💪", point_right: "👉", hand: "✋", raised_hand: "✋", writing_hand: "✍️",
  database: "🗄️", computer: "💻", desktop_computer: "🖥️", globe_with_meridians: "🌐", satellite: "📡", electric_plug: "🔌", test_tube: "🧪", microscope: "🔬", dna: "🧬", beetle: "🐞", bug: "🐛", ambulance: "🚑", sos: "🆘", seedling: "🌱", whale: "🐳", elephant: "🐘", snowflake: "❄️", sunny: "☀️", cloud: "☁️",
};

export const QUICK = ["white_check_mark", "eyes", "+1", "tada", "question"];

export function emoji(name) {
  const [plain] = name.split("::");
  const character = KNOWN[plain];
  const drawn = character && sign(character);
  if (drawn) return drawn;
  if (!character || !hasColour()) return h("span", { class: "emoji-name" }, `:${plain}:`);
  return h("span", { class: "emoji", role: "img", "aria-label": plain.replaceAll("_", " "), title: `:${plain}:` }, character);
}
