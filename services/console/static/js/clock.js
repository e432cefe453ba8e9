// Business time as the server tells it: the page's first instant, then each beat of the live stream. Timers tick on it.
const root = document.documentElement;
let base = { server: Number(root.dataset.now), own: performance.now(), rate: Number(root.dataset.rate) };
const listeners = new Set();

/** Business milliseconds since 1970, on the server's clock. */
export function now() {
  return base.server + (performance.now() - base.own) * base.rate;
}

/** Take the server's word for what time it is. */
export function setClock(server, rate) {
  base = { server, own: performance.now(), rate };
  tick();
}

/** Call `listener` every second, and at once when the server's clock steps. */
export function onSecond(listener) {
  listeners.add(listener);
}

const wall = new Intl.DateTimeFormat("fr-FR", { timeZone: root.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const short = new Intl.DateTimeFormat("fr-FR", { timeZone: root.dataset.zone, hour: "2-digit", minute: "2-digit" });

/** 14:05 on the territory's wall clock. */
export function hourMinute(instant = now()) {
  return short.format(instant);
}

/** 04:10, then 6 h 12 from an hour on. */
export function asClock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  return whole < 3600 ? `${two(Math.floor(whole / 60))}:${two(whole % 60)}` : `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)}`;
}

/** 12 min. */
export function asMinutes(seconds) {
  const whole = Math.max(0, Math.floor(seconds / 60));
  return whole < 60 ? `${whole} min` : `${Math.floor(whole / 60)} h ${String(whole % 60).padStart(2, "0")}`;
}

function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

function tick() {
  const instant = now();
  for (const element of document.querySelectorAll("[data-clock]")) {
    say(element, element.dataset.clock === "short" ? short.format(instant) : wall.format(instant));
  }
  for (const element of document.querySelectorAll("time[data-since]")) {
    const seconds = (instant - Date.parse(element.dataset.since)) / 1000;
    say(element, element.dataset.as === "minutes" ? asMinutes(seconds) : asClock(seconds));
    const limit = Number(element.dataset.limit);
    if (limit) markLate(element, seconds > limit);
  }
  for (const element of document.querySelectorAll("time[data-until]")) {
    const left = (Date.parse(element.dataset.until) - instant) / 1000;
    const words = element.dataset.as === "minutes" ? asMinutes : asClock;
    say(element, left >= 0 ? words(left) : `EN RETARD ${words(-left)}`);
    markLate(element, left < 0);
  }
  for (const element of document.querySelectorAll("progress[data-until]")) {
    const from = Date.parse(element.dataset.from);
    const until = Date.parse(element.dataset.until);
    element.value = Math.max(0, Math.min(1, (until - instant) / (until - from)));
  }
  for (const listener of listeners) listener(instant);
}

function markLate(element, late) {
  element.toggleAttribute("data-late", late);
  const row = element.closest("[data-late-row]");
  if (row) row.toggleAttribute("data-late", late);
}

setInterval(tick, 1000);
document.addEventListener("htmx:afterSettle", tick);
tick();
