// A guess before the facts: from where on do old weights no longer help? What was guessed is kept for this tab,
// across reruns and refreshes; Python hears nothing of it.

const KEPT_AS = "labels_curve_quiz";
const START = { asks: true, guess: null };
const NEVER = "never";
const CHOICES = 4; // besides "never"

class Quiz {
  constructor(view) {
    this.view = view;
    this.element = view.root.querySelector(".quiz");
    this.steps = [...this.element.children]; // asked, answered
    this.kept = kept() ?? START;
    this.element.querySelector(".skip").addEventListener("click", () => this.go({ asks: false, guess: null }, true));
    this.element.querySelector(".again").addEventListener("click", () => this.go(START, true));
  }

  // A lesson asks in our place: it says whether there is a cover, and the strip is gone.
  get isLed() {
    return typeof this.view.data?.covers === "boolean";
  }

  get kept() {
    return this.isLed ? { asks: this.view.data.covers, guess: null } : this.own;
  }

  set kept(to) {
    this.own = to;
  }

  get asks() {
    return this.kept.asks;
  }

  // Every second recorded number from the last one down, and "never".
  fill() {
    const { labels } = this.view.data;
    const offered = labels.filter((_, at) => (labels.length - 1 - at) % 2 === 0).slice(-CHOICES);
    const buttons = [...offered, NEVER].map((guess) => {
      const button = make("button", "", { type: "button", "data-guess": guess }, this.named(guess));
      button.addEventListener("click", () => this.go({ asks: false, guess }, true));
      return button;
    });
    this.element.querySelector(".guesses").replaceChildren(...buttons);
  }

  named(guess) {
    return guess === NEVER ? this.view.say("never") : String(guess);
  }

  // Whoever drags the marker has seen enough of the cover.
  reveal() {
    if (this.asks && !this.isLed) this.go({ asks: false, guess: null });
  }

  go(to, focus = false) {
    this.kept = to;
    keep(to);
    this.view.draw();
    // The pressed button is gone; what it led to is read out, and the next Tab goes on from there.
    if (focus) this.steps[to.asks ? 0 : 1].querySelector("[tabindex], button").focus({ preventScroll: true });
  }

  draw() {
    this.view.root.classList.toggle("asks", this.asks);
    this.element.hidden = this.isLed;
    this.steps.forEach((step, at) => step.classList.toggle("now", at === (this.asks ? 0 : 1)));
    const { guess } = this.kept;
    const said = guess === null ? "" : this.view.say("said", { guess: this.named(guess) });
    const fact = this.fact();
    write(this.element, "fact", said ? this.view.say("guess_and_fact", { said, fact }) : fact);
  }

  // The first recorded number of labels from which on no point has a gain whose interval lies above 0.
  fact() {
    const { labels, gain } = this.view.data;
    const last = gain.findLastIndex(({ kind }) => kind === "better");
    if (last === -1) return this.view.say("no_gain");
    if (last === gain.length - 1) return this.view.say("not_caught_up", { labels: labels[last], gain: this.view.gain(last) });
    const name = gain[last + 1].kind === "worse" ? "overtaken" : "caught_up";
    return this.view.say(name, { labels: labels[last + 1], gain: this.view.gain(last + 1) });
  }
}

// A browser may refuse to keep anything: then each visit is the first.
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT_AS));
  } catch {
    return null;
  }
}

function keep(state) {
  try {
    sessionStorage.setItem(KEPT_AS, JSON.stringify(state));
  } catch {
    // as above
  }
}
