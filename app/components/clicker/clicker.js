// The clicker of a talk owns the step, and the steps whose answer is shown, so that a key acts at once,
// whatever Python is still drawing; Python is sent the whole state, never a key, and draws the latest.
//
// Once its speaker has a view of their own, the state goes to the server, too, and follows what comes from there.

export default (streamlit) => mount(View, streamlit);

class View extends Keyed {
  constructor(root) {
    super(root);
    this.number = 0; // of the last state that was sent
    for (const name of ["back", "next", "reveal"]) {
      root.querySelector(`.${name}`).addEventListener("click", () => this.act(name));
    }
    root.querySelector(".speaker").addEventListener("click", () => {
      this.speaks = true;
      this.changed();
    });
  }

  // `data.heard` is the number of the last state that Python has heard of. What it says of an earlier one is late.
  receive(data, send) {
    this.send = send;
    this.data = data;
    const before = this.at === undefined ? "" : JSON.stringify(this.place());
    if (data.heard >= this.number) {
      this.number = data.heard;
      this.at = data.at;
      this.revealed = new Set(data.revealed);
      this.runs = data.runs;
    }
    this.draw();
    if (data.shared !== (this.shared?.path ?? "")) this.share(data.shared);
    else if (before !== JSON.stringify(this.place())) this.shared?.tell(this.place()); // as after a press of Run
    this.listen();
  }

  close() {
    super.close();
    this.shared?.close();
  }

  // Where the talk is, for the speaker's view: told at once, and taken from there.
  share(path) {
    this.shared?.close();
    this.shared = path ? new Shared(path, { hear: (place) => this.follow(place), fail: (status) => status === 404 && this.shared.close() }) : null;
    this.shared?.tell(this.place());
  }

  place() {
    return { technique: this.data.technique, at: this.at, revealed: [...this.revealed] };
  }

  follow({ technique, at, revealed }) {
    const isNews = at !== this.at || String(revealed) !== String([...this.revealed].sort((a, b) => a - b));
    if (technique !== this.data.technique || this.at === this.data.steps || !isNews) return;
    this.at = at;
    this.revealed = new Set(revealed);
    this.changed();
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
    this.changed();
    this.shared?.tell(this.place());
  }

  changed() {
    this.number += 1;
    this.draw();
    const { at, runs, number, speaks = false } = this;
    this.send("place", { at, revealed: [...this.revealed], runs, number, speaks });
  }

  draw() {
    const { steps } = this.data;
    const shown = Math.min(this.at, steps - 1);
    const button = (name) => this.root.querySelector(`.${name}`);
    const speaker = this.root.querySelector(".speaker");
    speaker.href = this.data.speaker;
    put(speaker, this.say("speaker"));
    button("back").textContent = this.say("back");
    button("back").disabled = this.at === 0;
    button("next").textContent = this.say(shown === steps - 1 ? "onward" : "next");
    button("reveal").textContent = this.say(this.revealed.has(shown) ? "cover" : "reveal");
    this.root.querySelector(".count span").textContent = this.say("step", { now: shown + 1, all: steps });
    const marks = [...Array(steps).keys()].map((place) => make("li", place <= shown ? "now" : ""));
    this.root.querySelector("ol").replaceChildren(...marks);
  }
}
