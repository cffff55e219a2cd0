// A key presses the button that says what it does, so that both do the same. A presenter's clicker sends PageUp and
// PageDown: these turn the page whatever was touched last. All other keys belong first to what has the focus.

const RUN = ".st-key-run button:not(:disabled), .st-key-talk_run button:not(:disabled)";
const NEXT = ".st-key-talk_next button, .st-key-talk_on button";
const BACK = ".st-key-talk_back button:not(:disabled)";
const REVEAL = ".st-key-talk_reveal button:not(:disabled)";
const LEAVE = ".st-key-talk_leave button";
const AT_ONCE = { PageDown: NEXT, PageUp: BACK, r: RUN, v: REVEAL }; // before anything else hears of them
const OTHERWISE = { ArrowRight: NEXT, ArrowLeft: BACK, " ": NEXT, Enter: REVEAL, Escape: LEAVE };
const TYPED = "textarea, select, [contenteditable=true], input:not([type=range], [type=radio], [type=checkbox])";
const MOVED = "input, [role=slider], [role=radio], [role=tab], [role=option], [role=combobox], [role=menuitem]";
const PRESSED = `button, a[href], summary, [role=button], ${MOVED}`;

export default function ({ parentElement }) {
  const early = (event) => hear(event, AT_ONCE);
  const late = (event) => hear(event, OTHERWISE);
  window.addEventListener("keydown", early, true);
  window.addEventListener("keydown", late);
  window.addEventListener("click", letGo);
  parentElement.querySelector("i").dataset.listens = ""; // the browser tests wait for it
  return () => {
    window.removeEventListener("keydown", early, true);
    window.removeEventListener("keydown", late);
    window.removeEventListener("click", letGo);
  };
}

function hear(event, meant) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const button = meant[key];
  if (!button || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  const on = event.composedPath()[0];
  const is = (selector) => on instanceof Element && on.matches(selector);
  if (is(TYPED) && key !== "Escape") return;
  if (key.startsWith("Arrow") && is(MOVED)) return;
  if ((key === " " || key === "Enter") && is(PRESSED)) return;
  if (key === "Escape" && is(`${TYPED}, ${MOVED}`)) return on.blur(); // first out of the control, then out of the talk
  event.preventDefault();
  event.stopImmediatePropagation(); // Streamlit has an R of its own
  if (!event.repeat) document.querySelector(button)?.click();
}

// A button that a mouse has pressed does not keep the focus: the next Space would press it again.
function letGo(event) {
  const on = event.composedPath()[0];
  if (event.detail && on instanceof Element) on.closest("button")?.blur();
}
