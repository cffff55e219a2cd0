// Two guesses before the facts: will both digits get the same bars, and does T change the winner? What was
// asked and guessed is kept for this tab, across reruns and refreshes; Python hears nothing of it.

const KEPT_AS = "soft_targets_quiz";
const START = { step: 0, bars: null, winner: null };
const EQUAL_BELOW = 0.005; // bars that differ by less look the same, and mostly print the same

class Quiz {
  constructor(view) {
    this.view = view;
    this.element = view.root.querySelector(".quiz");
    this.steps = [...this.element.children]; // bars asked, winner asked, nothing asked any more
    this.kept = kept() ?? START;
    for (const button of this.element.querySelectorAll("[data-guess]")) {
      button.addEventListener("click", () => this.guess(button.dataset.guess));
    }
    for (const button of this.element.querySelectorAll(".skip")) {
      button.addEventListener("click", () => this.go({ ...this.kept, step: 2 }, { focus: true }));
    }
    this.element.querySelector(".again").addEventListener("click", () => this.go(START, { focus: true }));
  }

  guess(guess) {
    const { step } = this.kept;
    this.go({ ...this.kept, step: step + 1, [step ? "winner" : "bars"]: guess }, { focus: true });
    if (step === 1) this.view.sweep();
  }

  // A lesson asks in our place: it says whether there is a cover, and the strip is gone.
  get isLed() {
    return typeof this.view.data.covers === "boolean";
  }

  // Whoever moves T or chooses a digit has seen enough of the cover.
  reveal() {
    if (!this.isLed && this.kept.step === 0) this.go({ ...this.kept, step: 1 });
  }

  // A guess was about the two digits shown then.
  forget() {
    this.go({ ...this.kept, bars: null, step: Math.max(1, this.kept.step) });
  }

  go(to, { focus = false } = {}) {
    this.view.endSweep();
    this.kept = to;
    keep(to);
    this.draw();
    // The pressed button is gone; what it led to is read out, and the next Tab goes on from there.
    if (focus) this.steps[to.step].querySelector("[tabindex], button").focus({ preventScroll: true });
  }

  draw() {
    const { view } = this;
    const { step } = this.kept;
    const asks = this.isLed ? view.data.covers : step === 0;
    this.element.hidden = this.isLed;
    view.root.classList.toggle("asks", asks);
    if (view.panels[0].item) view.drawHeading();
    for (const covered of view.root.querySelectorAll(".chart, .numbers")) covered.inert = asks;
    this.steps.forEach((element, at) => element.classList.toggle("now", at === step));
    const { bars, winner } = this.kept;
    write(this.element, "bars", this.bars(bars));
    write(this.element, "winner", view.sweeping ? view.say("sweeping", view.sweeping) : this.winner(winner ?? "nothing"));
  }

  // What depends on the two digits, and not on T.
  drawDigits() {
    const { view } = this;
    const [label, other] = view.panels.map(({ item }) => item.label);
    write(this.element, "ask-bars", view.say(label === other ? "ask_bars" : "ask_bars_other", { label, other }));
    const longest = {
      bars: ["same", "different"].map((guess) => this.bars(guess, Number(view.slider.max))), // then all is above 0.00
      winner: [...["yes", "no"].map((guess) => this.winner(guess)), view.say("sweeping", SWEEP)],
    };
    for (const fact of this.element.querySelectorAll(".fact")) {
      fact.dataset.longest = longest[fact.dataset.fact].reduce((one, other) => (other.length > one.length ? other : one));
    }
  }

  answer(guess, fact) {
    return guess ? this.view.say("guess_and_fact", { said: this.view.say(`said_${guess}`), fact }) : fact;
  }

  bars(guess, T = this.view.T) {
    const { view } = this;
    const [a, b] = view.panels.map(({ item }) => softmax(item.logits, T));
    const areAlike = a.every((p, digit) => Math.abs(p - b[digit]) < EQUAL_BELOW);
    const values = { T: inTenths(T), a: this.opinion(a), b: this.opinion(b) };
    return this.answer(guess, view.say(areAlike ? "alike" : "differ", values));
  }

  opinion(live) {
    const [digit, second] = [...DIGITS].sort((one, other) => live[other] - live[one]);
    const [p, q] = [live[digit].toFixed(2), live[second].toFixed(2)];
    return this.view.say(q === "0.00" ? "opinion" : "opinions", { digit, p, second, q });
  }

  winner(guess) {
    const { min, max } = this.view.slider;
    const winners = ({ item }) => new Set([min, max].map((T) => top(softmax(item.logits, Number(T)))));
    const [a, b] = this.view.panels.map((panel) => [...winners(panel)].join(" → ")); // one each, or it would show
    return this.answer(guess, this.view.say("winner", { min, max, a, b }));
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
