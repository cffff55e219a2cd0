// A talk in a browser: its keys, and its place, which the projector's window and the speaker's share through the server.
//
// A presenter's clicker sends Page Up and Page Down: these turn the page whatever was touched last. All other keys
// belong first to what has the focus.

const AT_ONCE = { PageDown: "next", PageUp: "back", r: "run", v: "reveal" }; // before anything else hears of them
const OTHERWISE = { ArrowRight: "next", ArrowLeft: "back", " ": "next", Enter: "reveal", Escape: "leave" };
const TYPED = "textarea, select, [contenteditable=true], input:not([type=range], [type=radio], [type=checkbox])";
const MOVED = "input, [role=slider], [role=radio], [role=tab], [role=option], [role=combobox], [role=menuitem]";
const PRESSED = `button, a[href], summary, [role=button], ${MOVED}`;
const POLL = 450; // milliseconds

// A part that the keys of a talk act on: `act(name)`.
class Keyed extends Part {
  listen() {
    this.early ??= (event) => this.hear(event, AT_ONCE);
    this.late ??= (event) => this.hear(event, OTHERWISE);
    window.addEventListener("keydown", this.early, true); // adding one again changes nothing
    window.addEventListener("keydown", this.late);
    window.addEventListener("click", letGo);
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
}

// A button that a mouse has pressed does not keep the focus: the next Space would press it again.
function letGo(event) {
  const on = event.composedPath()[0];
  if (event.detail && on instanceof Element) on.closest("button")?.blur();
}

// The place of a talk on the server. What is told is sent until it has arrived, one request at a time; what the other
// window has told meanwhile comes to `hear(place)`, and what is wrong to `fail(status)`, 0 without a connection.
class Shared {
  constructor(path, { hear, fail }) {
    Object.assign(this, { path, hear, fail, changes: -1, news: null, busy: false, timer: 0 });
  }

  tell(news) {
    this.news = { ...this.news, ...news };
    this.sync();
  }

  close() {
    clearTimeout(this.timer);
    this.closed = true;
  }

  async sync() {
    if (this.busy || this.closed) return;
    clearTimeout(this.timer);
    this.busy = true;
    const sent = this.news;
    this.news = null;
    const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(sent) };
    let status = 0;
    try {
      const answer = await fetch(this.path, sent ? post : { cache: "no-store" });
      status = answer.status;
      const place = answer.ok ? await answer.json() : null;
      if (place && !this.closed && !this.news && place.changes > this.changes) this.hear(place);
      this.changes = Math.max(this.changes, place?.changes ?? -1);
    } catch {
      status = 0;
    }
    this.busy = false;
    if (this.closed) return;
    const arrived = status === 200;
    if (!arrived && status !== 404 && sent) this.news = { ...sent, ...this.news };
    this.fail(status);
    this.timer = setTimeout(() => this.sync(), arrived && this.news ? 0 : POLL);
  }
}
