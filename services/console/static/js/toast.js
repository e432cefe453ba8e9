// Short messages: ten seconds, reachable, said politely. The server sends them as the event recours:toast of an answer.
const SHOWN = 10_000;
const holder = document.getElementById("toasts");

/** Say `text`; `code` is a spoken reference; `undo` is a function behind a button. */
export function toast(text, { code = null, kind = "ok", undo = null } = {}) {
  if (!holder) return;
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.kind = kind;
  const words = document.createElement("span");
  words.textContent = text;
  if (code) {
    const reference = document.createElement("b");
    reference.className = "code";
    reference.textContent = code;
    words.append(" ", reference);
  }
  const close = document.createElement("button");
  close.className = "btn";
  close.type = "button";
  close.textContent = undo ? "Annuler" : "Fermer";
  close.addEventListener("click", () => { box.remove(); undo?.(); });
  box.append(words, close);
  holder.append(box);
  while (holder.children.length > 3) holder.firstElementChild.remove();
  let left = setTimeout(() => box.remove(), undo ? 15_000 : SHOWN);
  box.addEventListener("focusin", () => clearTimeout(left));
  box.addEventListener("focusout", () => { left = setTimeout(() => box.remove(), SHOWN); });
}

document.addEventListener("recours:toast", (event) => {
  const { text, code, kind } = event.detail;
  toast(text, { code, kind });
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.requestConfig?.verb !== "get") toast("Pas de réponse : rien n’est confirmé. Réessayez, l’action ne sera pas faite deux fois.", { kind: "bad" });
});
