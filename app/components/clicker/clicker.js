// The clicker of a talk owns the step, and the steps whose answer is shown, so that a key acts at once,
// whatever Python is still drawing; Python is sent the whole state, never a key, and draws the latest.
//
// A presenter's clicker sends Page Up and Page Down: these turn the page whatever was touched last. All other keys
// belong first to what has the focus.

const AT_ONCE = { PageDown: "next", PageUp: "back", r: "run", v: "reveal" }; // before anything else hears of them
const OTHERWISE = { ArrowRight: "next", ArrowLeft: "back", " ": "next", Enter: "reveal", Escape: "leave" };
const TYPED = "textarea, select, [contenteditable=true], input:not([type=range], [type=radio], [type=checkbox])";
const MOVED = "input, [role=slider], [role=radio], [role=tab], [role=option], [role=combobox], [role=menuitem]";
const PRESSED = `button, a[href], summary, [role=button], ${MOVED}`;

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.number = 0; // of the last state that was sent
    for (const name of ["back", "next", "reveal"]) {
      root.querySelector(`.${name}`).addEventListener("click", () => this.act(name));
    }
    this.early = (event) => this.hear(event, AT_ONCE);
    this.late = (event) => this.hear(event, OTHERWISE);
  }

  // `data.heard` is the number of the last state that Python has heard of. What it says of an earlier one is late.
  receive(data, send) {
    this.send = send;
    this.data = data;
    if (data.heard >= this.number) {
      this.number = data.heard;
      this.at = data.at;
      this.revealed = new Set(data.revealed);
      this.runs = data.runs;
    }
    window.addEventListener("keydown", this.early, true); // adding one again changes nothing
    window.addEventListener("keydown", this.late);
    window.addEventListener("click", letGo);
    this.draw();
    this.root.dataset.listens = ""; // the browser tests wait for it
  }

  close() {
    window.removeEventListener("keydown", this.early, true);
    window.removeEventListener("keydown", this.late);
    window.removeEventListener("click", letGo);
  }

  hear(event, meant) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = meant[key];
    if (!act || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const on = event.composedPath()[0];
    const is = (selector) => on instanceof Element && on.matches(selector);
    if (is(TYPED) && key !== "Escape") return;
    if (key.startsWith("Arrow") && is(MOVED)) return;
    if ((key === " " || key === "Enter") && is(PRESSED)) return;
    if (key === "Escape" && is(`${TYPED}, ${MOVED}`)) return on.blur(); // first out of the control, then out of the talk
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit has an R of its own
    if (!event.repeat) this.act(act);
  }

  act(name) {
    const { steps, runs_at: runsAt, may_run: mayRun } = this.data;
    if (name === "leave") return document.querySelector(".st-key-talk_leave button")?.click();
    if (this.at === steps) return; // on the way to the next page
    if (name === "back" && this.at === 0) return;
    if (name === "run" && !mayRun) return;
    if (name === "back") this.at -= 1;
    if (name === "next") this.at += 1; // from the last step on to the next page
    if (name === "reveal" && !this.revealed.delete(this.at)) this.revealed.add(this.at);
    if (name === "run") {
      this.at = runsAt;
      this.runs += 1;
    }
    this.number += 1;
    this.draw();
    this.send("place", { at: this.at, revealed: [...this.revealed], runs: this.runs, number: this.number });
  }

  draw() {
    const { steps } = this.data;
    const shown = Math.min(this.at, steps - 1);
    const button = (name) => this.root.querySelector(`.${name}`);
    button("back").textContent = this.say("back");
    button("back").disabled = this.at === 0;
    button("next").textContent = this.say(shown === steps - 1 ? "onward" : "next");
    button("reveal").textContent = this.say(this.revealed.has(shown) ? "cover" : "reveal");
    this.root.querySelector(".count span").textContent = this.say("step", { now: shown + 1, all: steps });
    const marks = [...Array(steps).keys()].map((place) => make("li", place <= shown ? "now" : ""));
    this.root.querySelector("ol").replaceChildren(...marks);
  }
}

// A button that a mouse has pressed does not keep the focus: the next Space would press it again.
function letGo(event) {
  const on = event.composedPath()[0];
  if (event.detail && on instanceof Element) on.closest("button")?.blur();
}
