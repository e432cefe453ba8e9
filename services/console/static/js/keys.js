// The keyboard. data-key="F2" on a button or link presses it; single letters act only where the page says so.
const handlers = new Map();
const DIGITS = /^(?:Digit|Numpad)([0-9])$/;

/** Run `handler` on a named key anywhere (function keys and combinations only). */
export function onKey(name, handler) {
  handlers.set(name, handler);
}

/** Single letters may be switched off (WCAG 2.1.4). */
export function lettersAllowed() {
  return localStorage.getItem("recours.letters") !== "off";
}

/** The names under which a key press may be declared: physical keys for digits and combinations, the character for letters. */
export function namesOf(event) {
  const digit = DIGITS.exec(event.code)?.[1];
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1];
  const parts = [event.ctrlKey && "Ctrl", event.altKey && "Alt", event.shiftKey && (event.altKey || event.ctrlKey) && "Shift"].filter(Boolean);
  if (parts.length > 0) {
    const own = event.key.length === 1 ? event.key.toUpperCase() : event.key;
    return [digit, letter, own].filter(Boolean).map((key) => [...parts, key].join("+"));
  }
  return [digit, event.key.length === 1 ? event.key.toLowerCase() : event.key].filter(Boolean);
}

function isTextField(element) {
  return element instanceof HTMLElement && (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));
}

function isShown(element) {
  return element.checkVisibility() && !element.disabled && !element.closest("[inert]");
}

function topDialog() {
  return Array.from(document.querySelectorAll("dialog[open]")).at(-1) ?? null;
}

function single(name) {
  return name.length === 1;
}

function target(names) {
  const scope = topDialog() ?? document;
  for (const name of names) {
    for (const element of scope.querySelectorAll("[data-key]")) {
      if (!element.dataset.key.split(" ").map((key) => (key.length === 1 ? key.toLowerCase() : key)).includes(name) || !isShown(element)) continue;
      if (single(name) && name !== "?" && name !== "/" && !element.closest("[data-letters]")) continue;
      return element;
    }
  }
  return null;
}

function move(event) {
  const step = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!step || topDialog()) return false;
  const list = document.querySelector("[data-move]");
  if (!list || (event.key.length === 1 && !lettersAllowed())) return false;
  const items = Array.from(list.querySelectorAll("[data-item]")).filter(isShown);
  if (items.length === 0) return false;
  const here = items.findIndex((item) => item === document.activeElement || item.getAttribute("aria-current") === "true");
  const next = items[Math.max(0, Math.min(items.length - 1, here < 0 ? 0 : here + step))];
  next.focus();
  next.dispatchEvent(new CustomEvent("recours:moved", { bubbles: true }));
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.metaKey) return;
  const names = namesOf(event);
  const inText = isTextField(document.activeElement);
  const bare = names.some(single);
  if (bare && (inText || !lettersAllowed()) && !(names.includes("?") && !inText)) return;
  if (names.includes("Enter") && (inText || document.activeElement?.matches("a, button, summary, [role=radio]"))) return;
  for (const name of names) {
    if (handlers.has(name)) { event.preventDefault(); handlers.get(name)(event); return; }
  }
  const pressed = target(names);
  if (pressed) { event.preventDefault(); pressed.click(); return; }
  if (!inText && move(event)) event.preventDefault();
});
