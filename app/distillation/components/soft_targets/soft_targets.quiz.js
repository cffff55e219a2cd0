// Two guesses before the facts: will both digits get the same bars, and does T change the winner?

const EQUAL_BELOW = 0.005; // bars that differ by less look the same, and mostly print the same

class TwoGuesses extends Quiz {
  constructor(view) {
    super(view, "soft_targets_quiz", ({ step, winner }) => {
      view.endSweep();
      if (step === 2 && winner) view.sweep();
    });
  }

  start() {
    return { step: 0, bars: null, winner: null };
  }

  // A skip goes to the end.
  after(guess) {
    const { step } = this.state;
    if (guess === null) return { ...this.state, step: 2 };
    return { ...this.state, step: step + 1, [step ? "winner" : "bars"]: guess };
  }

  // Whoever moves T or chooses a digit has seen enough of the cover.
  reveal() {
    if (!this.isLed && this.state.step === 0) this.keep({ ...this.state, step: 1 });
  }

  // A guess was about the two digits shown then.
  forget() {
    this.keep({ ...this.state, bars: null, step: Math.max(1, this.state.step) });
  }

  draw() {
    super.draw();
    const { part } = this;
    if (part.panels[0].item) part.drawHeading();
    for (const covered of part.root.querySelectorAll(".chart, .numbers")) covered.inert = this.asks;
  }

  tell() {
    const { part, state: { bars, winner } } = this;
    write(this.element, "bars", this.bars(bars));
    const sweeping = part.sweeping && part.say("sweeping", part.sweeping);
    write(this.element, "winner", sweeping ?? this.winner(winner ?? "nothing"));
  }

  // What depends on the two digits, and not on T.
  drawDigits() {
    const { part } = this;
    const [label, other] = part.panels.map(({ item }) => item.label);
    write(this.element, "ask-bars", part.say(label === other ? "ask_bars" : "ask_bars_other", { label, other }));
    const longest = {
      bars: ["same", "different"].map((guess) => this.bars(guess, Number(part.slider.max))), // then all is above 0.00
      winner: [...["yes", "no"].map((guess) => this.winner(guess)), part.say("sweeping", SWEEP)],
    };
    for (const fact of this.element.querySelectorAll(".fact")) {
      fact.dataset.longest = longest[fact.dataset.fact].reduce((one, other) => (other.length > one.length ? other : one));
    }
  }

  answer(guess, fact) {
    return guess ? this.part.say("guess_and_fact", { said: this.part.say(`said_${guess}`), fact }) : fact;
  }

  bars(guess, T = this.part.T) {
    const { part } = this;
    const [a, b] = part.panels.map(({ item }) => softmax(item.logits, T));
    const areAlike = a.every((p, digit) => Math.abs(p - b[digit]) < EQUAL_BELOW);
    const values = { T: inTenths(T), a: this.opinion(a), b: this.opinion(b) };
    return this.answer(guess, part.say(areAlike ? "alike" : "differ", values));
  }

  opinion(live) {
    const [digit, second] = [...DIGITS].sort((one, other) => live[other] - live[one]);
    const [p, q] = [live[digit].toFixed(2), live[second].toFixed(2)];
    return this.part.say(q === "0.00" ? "opinion" : "opinions", { digit, p, second, q });
  }

  winner(guess) {
    const { min, max } = this.part.slider;
    const winners = ({ item }) => new Set([min, max].map((T) => top(softmax(item.logits, Number(T)))));
    const [a, b] = this.part.panels.map((panel) => [...winners(panel)].join(" → ")); // one each, or it would show
    return this.answer(guess, this.part.say("winner", { min, max, a, b }));
  }
}
