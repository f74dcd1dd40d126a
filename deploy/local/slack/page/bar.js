// The bar's own buttons: the list of channels on a phone, light and dark.

const $ = (id) => document.getElementById(id);

export function closeSide() {
  $("shell").classList.remove("with-side");
  $("menu").setAttribute("aria-expanded", "false");
}

export function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
}

$("menu").addEventListener("click", () => {
  const open = $("shell").classList.toggle("with-side");
  $("menu").setAttribute("aria-expanded", String(open));
});
$("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--is-dark").trim() === "1";
  theme(dark ? "light" : "dark");
  localStorage.setItem("local-slack-theme", dark ? "light" : "dark");
});
