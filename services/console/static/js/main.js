// Loaded by every page: clock, live updates, keys, dialogs, toasts, settings kept in this browser.
import "./clock.js";
import "./request.js";
import "./live.js";
import "./keys.js";
import "./dialog.js";
import "./toast.js";
import "./settings.js";
