// The desk's keys and its small reflexes: step 0 by single letters, drafts kept as they are typed, new rows that wait their turn.
import { onSecond } from "./clock.js";
import { lettersAllowed, onKey } from "./keys.js";
import { send } from "./request.js";
import { toast } from "./toast.js";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));
const isText = (element) => element?.matches?.("textarea, select, input:not([type=radio], [type=checkbox])") ?? false;
const busy = () => !["idle", undefined].includes($("#work")?.dataset.stage);

/* A panel that leaves the page takes its refetch with it: htmx cannot swap into what is no longer there. */
const refetches = new WeakMap();
document.addEventListener("htmx:beforeSend", (event) => { if (event.target.dataset?.live) refetches.set(event.target, event.detail.xhr); });
document.addEventListener("htmx:beforeCleanupElement", (event) => {
  const xhr = refetches.get(event.target);
  if (!xhr) return;
  xhr.onload = xhr.onerror = xhr.onabort = xhr.ontimeout = xhr.onloadend = null;
  xhr.abort();
});

function fill(root) {
  for (const panel of $$("[data-load]", root)) { panel.removeAttribute("data-load"); window.htmx.trigger(panel, "refresh"); }
}

/* Questions answered by O, N, I: the open one is marked, the next one follows. */
function questions() {
  return $$("[data-question]").filter((item) => item.checkVisibility());
}
function answered(item) { return $("input:checked", item) !== null; }

function mark(item) {
  for (const other of questions()) { other.classList.toggle("cur", other === item); other.toggleAttribute("aria-current", other === item); }
}

function openQuestion({ focus = false } = {}) {
  const next = questions().find((item) => !answered(item)) ?? null;
  mark(next);
  if (focus) (next ?? ($("#call.is-red") ? $("#call-15") : $("#go-on")))?.focus();
  return next;
}

function turnRed() {
  if (!$("#call")?.classList.contains("is-red")) {
    $("#call")?.classList.add("is-red");
    $("#alarm")?.removeAttribute("hidden");
  }
}

function afterAnswer(input) {
  const item = input.closest("[data-question]");
  const danger = input.value !== "no";
  item.classList.toggle("hit", danger && (item.closest(".vq.compact") === null || input.value === "yes"));
  const stepZero = $("#draft [name=step]")?.value === "0";
  if ((stepZero && danger) || (item.hasAttribute("data-vital") && input.value === "yes")) turnRed();
  if (stepZero && $$("[data-question] input:checked").every((one) => one.value === "no")) {
    $("#call").classList.remove("is-red");
    $("#alarm")?.setAttribute("hidden", "");
  }
  openQuestion({ focus: true });
}

function answerByLetter(letter) {
  const current = $("[data-question].cur") ?? openQuestion();
  const input = current && $(`input[data-answer=${letter}]`, current);
  if (!input) return false;
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || $("dialog[open]")) return;
  const active = document.activeElement;
  if (event.key === "Enter" && active?.matches("[data-next]")) { event.preventDefault(); nextField(active); return; }
  if (event.key === "Enter" && active?.matches("input[type=radio]") && active.closest("#draft")) { event.preventDefault(); goOn(); return; }
  if (event.key === "Enter" && active?.closest("[data-question]")) { event.preventDefault(); goOn(); return; }
  if (event.key === "Enter" && active?.matches("[data-complete]")) active.blur();
  if (event.key === "Escape") { escape(active); return; }
  if (event.key.length !== 1 || isText(active) || !lettersAllowed() || !$("#draft")) return;
  const letter = event.key.toLowerCase();
  const role = $(`#draft input[data-letter="${letter}"]`);
  if (role) {
    event.preventDefault();
    role.checked = true;
    role.dispatchEvent(new Event("change", { bubbles: true }));
    $("#place")?.focus();
    return;
  }
  if ("oni".includes(letter) && questions().length > 0 && answerByLetter(letter)) event.preventDefault();
});

function nextField(field) {
  const fields = $$("[data-next]", field.closest("#draft")).filter((one) => one.checkVisibility());
  const next = fields[fields.indexOf(field) + 1];
  if (field.id === "birth_said" || field.id === "name_said" || field.id === "phone_said") {
    if (field.id === "phone_said" || $("[data-choice]")) { ($("[data-choice]") ?? $("[data-key=F4]"))?.focus(); return; }
  }
  if (field.closest(".create") && !next) { $("[data-create]")?.focus(); return; }
  if (next) { next.focus(); next.select?.(); return; }
  if (questions().length > 0) openQuestion({ focus: true });
  else goOn();
}

function goOn() {
  const button = $("#go-on");
  if (!button) return;
  if (questions().length > 0 && $("[data-question]:not(:has(input:checked))") && $("#draft [name=step]").value === "0") { openQuestion({ focus: true }); return; }
  button.click();
}

function escape(active) {
  if (isText(active) && questions().length > 0) { openQuestion({ focus: true }); return; }
  if (!isText(active)) $("[data-escape]")?.click();
}

/* Arrow keys in lists of buttons. */
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const active = document.activeElement;
  if (active?.matches("[data-search]") && step === 1) { event.preventDefault(); $("[data-choice]")?.focus(); return; }
  const list = active?.closest("#found, [data-arrows]");
  if (!list) return;
  const items = $$("button:not(:disabled)", list);
  const here = items.indexOf(active);
  if (here < 0) return;
  event.preventDefault();
  (items[here + step] ?? (step < 0 && list.id === "found" ? $("#birth_said") : items[here])).focus();
});

/* « 67 h », « 3 m », « 10 j »: one field for age, unit and sex. */
const UNITS = { a: "years", m: "months", s: "weeks", j: "days" };
const SEXES = { f: "F", h: "M" };

document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.name !== "age_value" || !/\D/.test(field.value)) return;
  for (const letter of plain(field.value).replace(/[^a-z]/g, "")) {
    if (UNITS[letter]) $("[name=age_unit]").value = UNITS[letter];
    if (SEXES[letter]) $("[name=sex]").value = SEXES[letter];
  }
  field.value = field.value.replace(/\D/g, "");
});

/* The twenty reasons: typed code, number or word; Entrée takes the marked one. */
function options() { return $$("#reasons [data-option]"); }
function plain(text) { return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase(); }

function filterReasons(typed) {
  const wanted = plain(typed.trim());
  let first = null;
  for (const option of options()) {
    const words = plain(option.dataset.words);
    const code = Number(option.dataset.words.slice(1, 3));
    const fits = /^\d+$/.test(wanted) ? String(code).startsWith(String(Number(wanted))) && (wanted.length < 2 || code === Number(wanted)) : wanted.split(/\s+/).every((part) => words.includes(part));
    option.hidden = !fits;
    $("button", option).setAttribute("aria-selected", "false");
    if (fits && !first) first = option;
  }
  $("#reasons")?.toggleAttribute("data-few", wanted !== "");
  if (first && wanted) $("button", first).setAttribute("aria-selected", "true");
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-typeahead]")) filterReasons(event.target.value);
});

document.addEventListener("keydown", (event) => {
  if (!document.activeElement?.matches("[data-typeahead]")) return;
  const shown = options().filter((option) => !option.hidden).map((option) => $("button", option));
  const here = shown.findIndex((button) => button.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    shown.forEach((button) => button.setAttribute("aria-selected", "false"));
    shown[Math.max(0, Math.min(shown.length - 1, here + step))]?.setAttribute("aria-selected", "true");
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (here >= 0) shown[here].click();
  }
}, true);

/* Step 0 is kept on the server as it is said. */
let saving = null;
let again = false;

async function saveDraft() {
  const form = $("#draft");
  if (!form || !$("[name=place]", form) || $("#work").dataset.stage === "handover") return;
  if (saving) { again = true; return; }
  saving = send("POST", "/secretariat/brouillon", new FormData(form));
  try {
    const answer = await saving;
    const line = $("#saved");
    if (answer.status === 200) {
      const { result, saved_at: at } = await answer.json();
      if (line) line.textContent = `enregistré à ${at}`;
      if (result === "red_flag") turnRed();
    } else if (!answer.ok && line) line.textContent = "pas encore enregistré, le service des appels ne répond pas";
  } catch {
    const line = $("#saved");
    if (line) line.textContent = "Hors ligne. Urgence = 15 au téléphone, comme toujours. Notez : numéro, lieu, âge, mots.";
  } finally {
    saving = null;
    if (again) { again = false; saveDraft(); }
  }
}

document.addEventListener("change", (event) => {
  const input = event.target;
  if (input.matches("[data-answer]")) afterAnswer(input);
  if (input.matches("[data-question-now]")) {
    const body = new FormData($("#draft"));
    for (const name of ["contact_rule", "mt_help"]) if (name !== input.name) body.delete(name);
    send("POST", "/secretariat/question", body).then((answer) => { if (!answer.ok) toast("Réponse pas encore enregistrée, réessayez.", { kind: "bad" }); });
    return;
  }
  if (input.closest("#draft") && $("#draft [name=step]")?.value === "0") saveDraft();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-not-now]")) {
    $("#draft [name=confirmed_not_now]").value = "yes";
    $("#go-on").click();
  }
  const next = event.target.closest("[data-open-next]");
  if (next) setTimeout(() => document.getElementById(next.dataset.openNext)?.showModal(), 0);
  if (event.target.closest("[data-show-new]")) showNew();
});

/* New rows wait behind « 1 nouveau » while somebody is on the line. */
const seen = new Set();
let arrived = false; // what stands in the queue when the page opens is not new

function sortRows() {
  const rows = $$("#queue [data-new]");
  const fresh = rows.filter((row) => !seen.has(row.dataset.new));
  if (!busy() || !arrived) { fresh.forEach((row) => seen.add(row.dataset.new)); rows.forEach((row) => { row.hidden = false; }); }
  else fresh.forEach((row) => { row.hidden = true; });
  const waiting = busy() && arrived ? fresh.length : 0;
  arrived ||= $("#queue .group") !== null;
  const bar = $("#queue .newbar");
  if (!bar) return;
  bar.hidden = waiting === 0;
  $("[data-new-count]", bar).textContent = waiting > 1 ? `${waiting} nouveaux` : "1 nouveau";
}

function showNew() {
  for (const row of $$("#queue [data-new]")) {
    if (!seen.has(row.dataset.new)) row.classList.add("is-new");
    seen.add(row.dataset.new);
    row.hidden = false;
  }
  sortRows();
}

function title() {
  const waiting = Number($("#figures")?.dataset.waiting || 0);
  const stage = $("#work")?.dataset.stage;
  const words = { idle: "Secrétariat", handover: "15 TOUT DE SUITE", red: "15 TOUT DE SUITE" }[stage] ?? "Appel en cours";
  const wanted = `${waiting > 0 ? `(${waiting}) ` : ""}${words} · recours`;
  if (document.title !== wanted) document.title = wanted;
}

let shownWork = null;

function settle() {
  const work = $("#work");
  fill(document);
  sortRows();
  title();
  if (!work || work === shownWork) return;
  shownWork = work;
  if (window.location.pathname + window.location.search !== work.dataset.url) window.history.replaceState(null, "", work.dataset.url);
  if (questions().length > 0) openQuestion({ focus: $("[data-questions][data-autofocus]") !== null });
  const wanted = $("#work [autofocus]");
  if (wanted) wanted.focus();
  else if (!isText(document.activeElement) && !document.activeElement?.closest("#work")) $("#call h1")?.closest("section").focus?.();
}

document.addEventListener("htmx:afterSettle", settle);
document.addEventListener("secretary:queue", () => window.htmx.trigger($("#queue"), "refresh"));

/* F9 with the console away: the words and the number stay in the page. */
document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.requestConfig?.path === "/secretariat/quinze") $("#work").replaceChildren($("#voice-only").content.cloneNode(true));
});

/* A hold that ran out is let go on the page too. */
onSecond((instant) => {
  const until = $(".now4 time[data-until]");
  if (until && Date.parse(until.dataset.until) < instant - 500) $("[data-escape]")?.click();
});

onKey("F8", () => $("#proposals .prop:not(:disabled)")?.focus());
onKey("F4", () => { const file = $(".newfile"); if (!file) return; file.open = true; $("#birth_name")?.focus(); });

document.addEventListener("toggle", (event) => { if (event.target.matches?.(".newfile") && event.target.open) $("#birth_name")?.focus(); }, true);

if (document.readyState === "complete") settle();
else window.addEventListener("load", settle);
