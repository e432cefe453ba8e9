// Every request of the page carries a trace (one per user action; a refetch continues the trace of the change that caused it)
// and, when it changes something, an idempotency key that a retry repeats.
const hex = (bytes) => Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** W3C traceparent of a new user action. */
export function newTrace() {
  return `00-${hex(16)}-${hex(8)}-01`;
}

/** Random UUID, also where the page is not a secure context. */
export function newKey() {
  const text = hex(16);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-a${text.slice(17, 20)}-${text.slice(20)}`;
}

const keys = new WeakMap();
const traces = new WeakMap();

/** The next request of `element` belongs to this trace; kept beside the element, since a swap rewrites its attributes. */
export function continueTrace(element, trace) {
  traces.set(element, trace);
}

function keyOf(element) {
  if (!keys.has(element)) keys.set(element, newKey());
  return keys.get(element);
}

document.addEventListener("htmx:configRequest", (event) => {
  const { elt, headers, verb } = event.detail;
  headers.traceparent = traces.get(elt) ?? newTrace();
  traces.delete(elt);
  if (verb !== "get") headers["Idempotency-Key"] = keyOf(elt);
});

document.addEventListener("htmx:afterRequest", (event) => {
  // A refusal is an answer too: the next try is another action. Only an unknown result keeps its key.
  const status = event.detail.xhr?.status ?? 0;
  if (status >= 200 && status < 500) keys.delete(event.detail.elt);
  if (event.detail.successful && event.detail.elt.matches("form[data-reset]")) event.detail.elt.reset();
});

/**
 * fetch() for modules: same headers; `body` is FormData, URLSearchParams or a plain object (JSON). `key` keeps an action's key over retries.
 */
export async function send(method, url, body = null, { key = null, trace = null, signal = undefined } = {}) {
  const headers = { traceparent: trace ?? newTrace(), "HX-Request": "true" };
  if (method !== "GET") headers["Idempotency-Key"] = key ?? newKey();
  let sent = body;
  if (body !== null && !(body instanceof FormData) && !(body instanceof URLSearchParams)) {
    headers["Content-Type"] = "application/json";
    sent = JSON.stringify(body);
  }
  const answer = await fetch(url, { method, headers, body: sent, signal, credentials: "same-origin", redirect: "follow" });
  const elsewhere = answer.headers.get("HX-Redirect");
  if (elsewhere) window.location.assign(elsewhere);
  return answer;
}
