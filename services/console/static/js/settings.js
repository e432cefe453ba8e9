// Choices kept in this browser only: single-letter keys, dark theme.
const apply = { dark: (on) => (on ? document.documentElement.setAttribute("data-theme", "dark") : document.documentElement.removeAttribute("data-theme")), letters: () => {} };
const defaults = { dark: "off", letters: "on" };

for (const box of document.querySelectorAll("[data-setting]")) {
  const name = box.dataset.setting;
  const chosen = localStorage.getItem(`recours.${name}`) ?? (document.documentElement.dataset.theme === "dark" && name === "dark" ? "on" : defaults[name]);
  box.checked = chosen === "on";
  if (localStorage.getItem(`recours.${name}`) !== null) apply[name](box.checked);
  box.addEventListener("change", () => { localStorage.setItem(`recours.${name}`, box.checked ? "on" : "off"); apply[name](box.checked); });
}
