// A guess before the facts: a strip of steps with a question and its choices, and at last the answer. What was guessed
// is kept for this tab, across reruns and refreshes; Python hears nothing of it.

class Quiz {
  // name: what it is kept as. The part calls `fill` with its words and `draw` when it is drawn, and says in
  // `fact(guess)` what the answer is. `shows(state)` is called when a button has led to another state.
  constructor(part, name, shows = () => {}) {
    this.part = part;
    this.name = name;
    this.shows = shows;
    this.element = part.root.querySelector(".quiz");
    this.steps = [...this.element.children];
    this.restore();
    this.element.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button) this.go(button.matches(".again") ? this.start() : this.after(button.dataset.guess ?? null));
    });
  }

  start() {
    return { step: 0, guess: null };
  }

  // The state that a guess leads to, or a skip: null.
  after(guess) {
    return { step: 1, guess };
  }

  // A guess about one thing is not one about another.
  restore(about = null) {
    this.about = about;
    const found = kept(this.name);
    this.state = found?.about === about ? found : this.start();
  }

  // A lesson asks in our place: it says whether there is a cover, and the strip is gone.
  get isLed() {
    return typeof this.part.data.covers === "boolean";
  }

  get asks() {
    return this.isLed ? this.part.data.covers : this.state.step === 0;
  }

  get guess() {
    return this.isLed ? null : this.state.guess;
  }

  // Whoever moves a control has seen enough of the cover.
  reveal() {
    if (this.asks && !this.isLed) this.keep(this.after(null));
  }

  keep(state) {
    this.state = { ...state, about: this.about };
    keep(this.name, this.state);
  }

  go(state) {
    this.keep(state);
    this.shows(state);
    this.part.draw();
    // The pressed button is gone; what it led to is read out, and the next Tab goes on from there.
    this.steps[state.step].querySelector("[tabindex], button").focus({ preventScroll: true });
  }

  // The question, and its choices as pairs of a guess and its text.
  fill(question, choices) {
    write(this.element, "ask", question);
    const text = JSON.stringify(choices);
    if (text === this.filled) return; // the same buttons keep the focus
    this.filled = text;
    const buttons = choices.map(([guess, said]) => make("button", "", { type: "button", "data-guess": guess }, said));
    this.element.querySelector(".guesses").replaceChildren(...buttons);
  }

  draw() {
    this.part.root.classList.toggle("asks", this.asks);
    this.element.hidden = this.isLed;
    this.steps.forEach((step, place) => step.classList.toggle("now", place === this.state.step));
    this.tell();
  }

  tell() {
    write(this.element, "fact", this.part.fact(this.guess));
  }
}

// A browser may refuse to keep anything: then each visit is the first.
function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

function keep(name, state) {
  try {
    sessionStorage.setItem(name, JSON.stringify(state));
  } catch {
    // as above
  }
}
