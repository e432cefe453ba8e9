// The live stream: hints say which panel changed, the page refetches it. Without hints panels refetch by themselves.
import { hourMinute, setClock } from "./clock.js";
import { continueTrace } from "./request.js";

const BEAT_LATE = 9_000;
const BEAT_LOST = 20_000;
const SLOW_ANSWER = 1_500;
const STALE = 30_000;
const SAY_EVERY = 5_000;

const chip = document.getElementById("connection");
const changed = document.getElementById("changed");
let source = null;
let lastBeat = performance.now();
let slowUntil = 0;
let failing = false;
let saidAt = -SAY_EVERY;

/* Swapped panels keep what the person is doing: focus and caret (idiomorph), typed text, open details, [data-keep] parts. */
function isBeingEdited(element) {
  if (element instanceof HTMLInputElement && (element.type === "checkbox" || element.type === "radio")) return element.checked !== element.defaultChecked;
  if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) return element === document.activeElement || element.value !== element.defaultValue;
  if (element instanceof HTMLSelectElement) return element === document.activeElement || [...element.options].some((option) => option.selected !== option.defaultSelected);
  return false;
}

function keepOrMorph(before, after) {
  if (!(before instanceof Element)) return true;
  if (before.hasAttribute("data-keep") || isBeingEdited(before)) return false;
  if (before instanceof HTMLDetailsElement && after instanceof HTMLDetailsElement) after.open = before.open;
  if (before instanceof HTMLDialogElement && before.open) return false;
  return true;
}

function setUpMorph() {
  if (!window.Idiomorph) return;
  Object.assign(window.Idiomorph.defaults, { restoreFocus: true, ignoreActiveValue: true });
  window.Idiomorph.defaults.callbacks.beforeNodeMorphed = keepOrMorph;
  // Which line is open is this page's own affair, not the server's.
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "aria-current" && node.matches("[data-item]"));
}

/* Rows that somebody else changed flash once. */
const before = new WeakMap();
const freshAt = new WeakMap();
const askedAt = new WeakMap();
const hinted = new WeakSet();

function rowsOf(panel) {
  return new Map(Array.from(panel.querySelectorAll(".row[id], tr[id], [data-flashes][id]"), (row) => [row.id, row.dataset.version ?? row.textContent]));
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const panel = event.detail.target;
  // The panel shows something else by now: this answer is about what it showed before.
  if (event.detail.requestConfig.elt === panel && panel.getAttribute("hx-get") !== event.detail.pathInfo.requestPath) { event.detail.shouldSwap = false; return; }
  // A command on its way out of this panel answers with the newer state: nothing may take its form away before.
  if (event.detail.requestConfig?.elt === panel && panel.querySelector("form.htmx-request, button.htmx-request")) { event.detail.shouldSwap = false; return; }
  if (panel?.dataset?.live) before.set(panel, rowsOf(panel));
});

/* idiomorph gives the focus back to text fields only: a list or a button that was moved would lose it, and the next key with it. */
let focusedId = "";
document.addEventListener("htmx:beforeSwap", () => { focusedId = document.activeElement?.id ?? ""; });
document.addEventListener("htmx:afterSettle", () => {
  if (document.activeElement === document.body && focusedId) document.getElementById(focusedId)?.focus({ preventScroll: true });
});

document.addEventListener("htmx:afterSettle", (event) => {
  const panel = event.detail.target?.isConnected ? event.detail.target : document.getElementById(event.detail.target?.id);
  if (!panel?.dataset?.live) return;
  freshAt.set(panel, performance.now());
  panel.querySelector(".stale-mark[data-auto]")?.remove();
  const old = before.get(event.detail.target);
  if (!old || !hinted.delete(panel)) return;
  for (const [id, content] of rowsOf(panel)) {
    if (old.get(id) === content) continue;
    const row = document.getElementById(id);
    row.dataset.flash = "";
    setTimeout(() => row.removeAttribute("data-flash"), 1000);
  }
});

/* One refetch of a panel at a time; what is asked meanwhile is asked once more afterwards. htmx forgets its own queue when a swap re-reads the panel. */
const IN_FLIGHT_AT_MOST = 5_000;
const flying = new WeakMap();
const again = new WeakMap();

function refetch(panel, trace = null) {
  if (document.visibilityState === "hidden" && !trace) return;
  if (performance.now() - (flying.get(panel) ?? -IN_FLIGHT_AT_MOST) < IN_FLIGHT_AT_MOST) {
    again.set(panel, trace ?? again.get(panel) ?? null);
    return;
  }
  if (trace) continueTrace(panel, trace);
  window.htmx.trigger(panel, "refresh");
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const panel = event.detail.elt;
  if (panel.dataset?.live && event.detail.requestConfig.verb === "get") flying.set(panel, performance.now());
});

document.addEventListener("htmx:afterRequest", (event) => {
  const panel = event.detail.elt;
  if (!flying.delete(panel) || !again.has(panel)) return;
  const trace = again.get(panel);
  again.delete(panel);
  setTimeout(() => panel.isConnected && refetch(panel, trace));
});

function panelsFor(name) {
  return document.querySelectorAll(`[data-live~="${name}"]`);
}

function refetchAll() {
  for (const panel of document.querySelectorAll("[data-live]")) refetch(panel);
}

/* What changed, in the foot: one sentence per 5 s at most, politely. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
function spoken(id) {
  if (!/^[0-9a-f-]{36}$/.test(id ?? "")) return "";
  let bits = BigInt(`0x${id.replaceAll("-", "")}`) & ((1n << 30n) - 1n);
  let letters = "";
  for (let at = 0; at < 6; at += 1) { letters = ALPHABET[Number(bits & 31n)] + letters; bits >>= 5n; }
  const total = [...letters].reduce((sum, letter, at) => sum + (at + 2) * ALPHABET.indexOf(letter), 0);
  return `${letters.slice(0, 3)}-${letters.slice(3)}-${ALPHABET[total % 31]}`;
}

const names = { calls: "appels", requests: "demandes", agenda: "agenda", appointments: "rendez-vous", cases: "dossiers du 15", advice: "avis demandés", sessions: "vidéos", attachments: "médecins traitants" };

function sayChange({ panel, id }) {
  const words = names[panel];
  if (!changed || !words || performance.now() - saidAt < SAY_EVERY) return;
  saidAt = performance.now();
  const reference = ["requests", "appointments", "cases", "advice", "sessions"].includes(panel) ? spoken(id) : "";
  changed.textContent = `${hourMinute()} · ${words} : mis à jour${reference ? ` · ${reference}` : ""}`;
}

function hint(detail) {
  document.dispatchEvent(new CustomEvent("recours:hint", { detail }));
  const panels = panelsFor(detail.panel);
  if (panels.length === 0) return;
  for (const panel of panels) {
    // A panel that is dear to compute says how often it may be asked; its own rhythm brings the rest.
    if (performance.now() - Math.max(askedAt.get(panel) ?? 0, freshAt.get(panel) ?? 0) < Number(panel.dataset.liveMin ?? 0)) continue;
    askedAt.set(panel, performance.now());
    hinted.add(panel);
    refetch(panel, detail.traceparent);
    // A reader that projects (pilotage) may be a moment behind the log.
    if (panel.hasAttribute("data-live-late")) setTimeout(() => panel.isConnected && refetch(panel, detail.traceparent), 1200);
  }
  sayChange(detail);
}

document.addEventListener("recours:refetch", (event) => {
  for (const name of event.detail.panels.split(" ")) for (const panel of panelsFor(name)) refetch(panel);
});

function connect() {
  let listening = false;
  source = new EventSource(document.body.dataset.liveStream);
  source.addEventListener("open", () => { listening = false; failing = false; lastBeat = performance.now(); show(); });
  source.addEventListener("beat", (event) => {
    const { now, rate } = JSON.parse(event.data);
    lastBeat = performance.now();
    failing = false;
    setClock(now, rate);
    show();
    // The first beat comes once the server listens for us: what changed before is seen by this refetch, what changes after by a hint.
    if (!listening) { listening = true; refetchAll(); }
  });
  source.addEventListener("hint", (event) => hint(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    failing = true;
    show();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  });
}

/** "ok" | "slow" | "away": what the chip says. */
export function connection() {
  const silent = performance.now() - lastBeat;
  if (!navigator.onLine || failing || silent > BEAT_LOST) return "away";
  return silent > BEAT_LATE || performance.now() < slowUntil ? "slow" : "ok";
}

function show() {
  if (!chip) return;
  const [is, words] = { ok: ["ok", "en ligne"], slow: ["warn", "lent"], away: ["idle", "hors ligne"] }[connection()];
  if (chip.dataset.is !== is) { chip.dataset.is = is; document.dispatchEvent(new CustomEvent("recours:connection", { detail: connection() })); }
  const unsent = Number(chip.dataset.unsent ?? 0);
  const full = unsent > 0 ? `${words}, ${unsent} à envoyer` : words;
  if (chip.textContent !== full) chip.textContent = full;
}

function markStale() {
  for (const panel of document.querySelectorAll("[data-live]")) {
    const age = performance.now() - (freshAt.get(panel) ?? 0);
    const head = panel.querySelector(".pane-h, .group");
    if (!head || age < STALE) continue;
    let mark = head.querySelector(".stale-mark[data-auto]");
    if (!mark) {
      mark = document.createElement("span");
      mark.className = "stale-mark";
      mark.dataset.auto = "";
      head.append(mark);
    }
    mark.textContent = `il y a ${Math.floor(age / 1000)} s`;
  }
}

const started = new WeakMap();
document.addEventListener("htmx:beforeRequest", (event) => started.set(event.detail.xhr, performance.now()));
document.addEventListener("htmx:afterRequest", (event) => {
  const took = performance.now() - (started.get(event.detail.xhr) ?? performance.now());
  if (took > SLOW_ANSWER) slowUntil = performance.now() + 10_000;
  show();
});
document.addEventListener("htmx:sendError", () => { failing = true; show(); });

function everySecond() {
  const instant = performance.now();
  for (const panel of document.querySelectorAll("[data-live]")) {
    const every = Number(panel.dataset.liveEvery ?? 15) * 1000;
    const asked = Math.max(askedAt.get(panel) ?? 0, freshAt.get(panel) ?? 0);
    if (instant - asked >= every) { askedAt.set(panel, instant); refetch(panel); }
  }
  markStale();
  show();
}

function start() {
  setUpMorph();
  if (!document.body.dataset.liveStream || !chip) return;
  for (const panel of document.querySelectorAll("[data-live]")) freshAt.set(panel, performance.now());
  connect();
  setInterval(everySecond, 1000);
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refetchAll());
  window.addEventListener("pagehide", () => source?.close());
}

start();
