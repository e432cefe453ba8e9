// Show or hide the password; put the reader on the error summary.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show]");
  if (!button) return;
  const field = document.getElementById(button.dataset.show);
  const shown = field.type === "text";
  field.type = shown ? "password" : "text";
  button.textContent = shown ? "Afficher" : "Masquer";
  button.setAttribute("aria-pressed", String(!shown));
});
document.getElementById("errs")?.focus();
