// The GP's page: which line is open, the outcome in two taps (the outcome, then Enter), the phone's full-page file.
const main = document.getElementById("main");
const sheet = document.getElementById("issue");
const narrow = window.matchMedia("(max-width: 56rem)");

function markOpen(item) {
  for (const other of main.querySelectorAll("[data-item][aria-current]")) other.removeAttribute("aria-current");
  item?.setAttribute("aria-current", "true");
}

document.addEventListener("click", (event) => {
  const item = event.target.closest("[data-item]");
  if (item) markOpen(item);
  const back = event.target.closest("[data-back]");
  if (back) {
    event.preventDefault();
    main.removeAttribute("data-open");
    const open = main.querySelector("[data-item][aria-current]");
    open?.focus();
  }
});

/* A doctor's words are kept while he looks elsewhere; in this tab's memory only. */
const drafts = new Map();

document.addEventListener("input", (event) => {
  if (event.target.name === "words") drafts.set(event.target.closest("[data-case]").dataset.case, event.target.value);
});

function restoreDraft() {
  const field = document.querySelector("#detail textarea[name=words]");
  const draft = drafts.get(document.getElementById("detail")?.dataset.case);
  if (field && draft && !field.value) field.value = draft;
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.detail.elt.matches("form[data-reset]")) drafts.delete(event.detail.elt.closest("[data-case]")?.dataset.case);
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "detail") return;
  restoreDraft();
  const asked = event.detail.requestConfig?.elt;
  // Only the outcome chosen in the sheet closes it: a file that refreshes by itself behind it does not.
  if (sheet?.open && sheet.contains(asked)) sheet.close();
  if (asked?.matches("[data-item], .next a")) {
    main.setAttribute("data-open", "");
    if (narrow.matches) document.querySelector("#detail [data-back]")?.focus();
  }
});

document.addEventListener("change", (event) => {
  const chosen = event.target;
  const form = chosen.closest?.("form");
  if (!form) return;
  if (chosen.name === "outcome") {
    const go = form.querySelector(".go");
    go.disabled = false;
    go.textContent = `Clore : ${chosen.dataset.words}`;
    form.querySelector(".effect").textContent = chosen.dataset.effect;
    // The second tap is Enter on the button that names what it will do.
    go.focus();
  }
  if (chosen.name === "decision" || chosen.name === "urgency" || chosen.name === "modes") {
    const go = form.querySelector("[data-decide]");
    const decision = form.elements.decision.value;
    const level = form.querySelector("input[name=urgency]:checked")?.closest("label").textContent.trim() ?? "";
    const words = { fifteen: "Décider : 15 tout de suite", advice_only: "Décider : conseil seul", appointment: `Décider : rendez-vous, ${level.toLowerCase()}` };
    go.textContent = words[decision] ?? "Décider";
    go.classList.toggle("danger", decision === "fifteen");
    const modes = form.querySelectorAll("input[name=modes]");
    const none = decision === "appointment" && !Array.from(modes).some((box) => box.checked);
    modes[0]?.setCustomValidity(none ? "Choisissez au moins un mode." : "");
  }
});
