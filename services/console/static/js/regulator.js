// The inbox: a case opens when its row is reached, the sound asks for a gesture first, the tab's title counts.
import { asClock, now, onSecond } from "./clock.js";
import { connection } from "./live.js";

const $ = (selector, root = document) => root.querySelector(selector);
const MUTE = 120_000;
const REPEAT = 5_000;

/* A panel that leaves the page takes its refetch with it: htmx cannot swap into what is no longer there. */
const refetches = new WeakMap();
document.addEventListener("htmx:beforeSend", (event) => { if (event.target.dataset?.live) refetches.set(event.target, event.detail.xhr); });
document.addEventListener("htmx:beforeCleanupElement", (event) => {
  const xhr = refetches.get(event.target);
  if (!xhr) return;
  xhr.onload = xhr.onerror = xhr.onabort = xhr.ontimeout = xhr.onloadend = null;
  xhr.abort();
});

function fill() {
  for (const panel of document.querySelectorAll("[data-load]")) { panel.removeAttribute("data-load"); window.htmx.trigger(panel, "refresh"); }
}

function open(id) {
  if (!id || $("#case")?.dataset.case === id) return;
  window.htmx.ajax("GET", `/regulation/dossier?dossier=${id}`, { target: "#case", swap: "outerHTML" });
}

document.addEventListener("recours:moved", (event) => open(event.target.dataset.case));
document.addEventListener("click", (event) => {
  if (event.target.closest("button, a")) return;
  const row = event.target.closest("[data-case]");
  if (row && row.id !== "case") open(row.dataset.case);
});
document.addEventListener("keydown", (event) => {
  const row = document.activeElement?.closest("tr[data-case]");
  if (row && event.key === "Enter") { event.preventDefault(); open(row.dataset.case); }
}, true);

document.addEventListener("regulator:changed", () => { for (const id of ["to-take", "mine"]) window.htmx.trigger(document.getElementById(id), "refresh"); });

/* Sound: only after a gesture (browsers ask for it), only for red flags nobody has acknowledged, muted two minutes by M. */
let audio = null;
let mutedUntil = 0;
let sounded = 0;

function tone() {
  const start = audio.currentTime;
  for (const [at, pitch] of [[0, 880], [0.22, 660]]) {
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    oscillator.frequency.value = pitch;
    gain.gain.setValueAtTime(0.0001, start + at);
    gain.gain.exponentialRampToValueAtTime(0.25, start + at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + at + 0.2);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(start + at);
    oscillator.stop(start + at + 0.21);
  }
}

function saySound() {
  const button = $("#sound");
  const left = mutedUntil - performance.now();
  const words = !audio ? "Activer le son" : left > 0 ? `Son coupé ${asClock(left / 1000)}` : "Son actif";
  if ($("span", button).textContent !== words) $("span", button).textContent = words;
  button.setAttribute("aria-pressed", String(Boolean(audio) && left <= 0));
}

document.addEventListener("click", (event) => {
  if (event.target.closest("#sound")) { audio ??= new AudioContext(); audio.resume(); mutedUntil = 0; saySound(); }
  if (event.target.closest("#mute")) { mutedUntil = performance.now() + MUTE; saySound(); }
});

function counts() {
  const list = $("#to-take");
  const waiting = list?.dataset.count;
  const red = Number(list?.dataset.red || 0);
  const text = (id, words) => { const element = document.getElementById(id); if (element && element.textContent !== words) element.textContent = words; };
  text("n-take", waiting ?? "–");
  text("n-mine", $("#mine")?.dataset.count ?? "–");
  $("#oldest")?.parentElement.toggleAttribute("hidden", !list?.dataset.oldest);
  text("oldest", list?.dataset.oldest ? asClock((now() - Date.parse(list.dataset.oldest)) / 1000) : "–");
  const wanted = `${Number(waiting) > 0 ? `(${waiting}) À prendre${red > 0 ? `, dont ${red} en 15 TOUT DE SUITE` : ""}` : "Réception"} · recours`;
  if (document.title !== wanted) document.title = wanted;
  const current = $("#case")?.dataset.case;
  for (const strip of document.querySelectorAll(".strip[data-case]")) {
    if (strip.dataset.case === current) strip.setAttribute("aria-current", "true");
    else strip.removeAttribute("aria-current");
  }
  const taken = $(".strip[aria-current] .take") ?? $(".strip .take");
  for (const button of document.querySelectorAll(".strip .take")) {
    if (button === taken) button.dataset.key = "Enter";
    else delete button.dataset.key;
  }
  if (audio && red > 0 && performance.now() > mutedUntil && performance.now() - sounded > REPEAT && connection() !== "away") { sounded = performance.now(); tone(); }
  saySound();
}

document.addEventListener("htmx:afterSettle", () => { fill(); counts(); });
onSecond(counts);
if (document.readyState === "complete") { fill(); counts(); }
else window.addEventListener("load", () => { fill(); counts(); });
