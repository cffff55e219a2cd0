// Digits that no student was shown, and what it is worth to raise their biases. The counts at every shift come with
// the result; all that moves, moves here. Python hears of nothing.

const GUESSES = ["low", "middle", "high"];
const ARMS = ["distilled", "alone"];
const POINTS = ["trained", "matched", "tuned"]; // the marks of the slider
const SIGNS = { trained: "●", matched: "◆", tuned: "▼" };

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.slider = root.querySelector("input[type=range]");
    this.chart = new Chart(this);
    this.quiz = new Quiz(this, "bias_quiz", (state) => this.showQuestion(state));
    this.listen();
  }

  receive(data) {
    const isNew = this.data?.stamp !== data.stamp;
    this.data = data;
    if (isNew) {
      this.quiz.restore(data.stamp);
      this.at = 0;
      this.point = "trained";
    }
    this.slider.max = data.shifts.at(-1);
    this.write();
    this.watch(this.chart.svg);
    this.draw();
  }

  listen() {
    this.slider.addEventListener("input", () => this.move(this.slider.valueAsNumber));
    const { svg } = this.chart;
    dragIn(svg, this.slider, (x) => this.move(this.chart.x.back(x)), { allowed: () => !this.quiz.asks });
  }

  // One shift for all trials.
  move(shift) {
    const { shifts } = this.data;
    const far = shifts.map((each) => Math.abs(each - shift));
    this.at = far.indexOf(Math.min(...far));
    this.point = null;
    this.quiz.reveal();
    this.draw();
  }

  // A mark: each trial at its own shift, the slider at their mean.
  jump(point) {
    this.move(this.markAt(point));
    this.point = point;
    this.draw();
  }

  markAt(point) {
    return mean(this.data.students.distilled.points[point].shift);
  }

  // The students as trained; after a guess, the mark that the question was about.
  showQuestion({ guess }) {
    this.at = 0;
    this.point = "trained";
    if (guess) this.jump("matched");
  }

  // --- what the students do ----------------------------------------------------------------------

  // The trials of one arm at the mark, or at the slider's shift: shift, errors, missed.
  trials(arm, point = this.point) {
    const student = this.data.students[arm];
    if (point) return student.points[point];
    const shift = student.errors.map(() => this.data.shifts[this.at]);
    return { shift, errors: student.errors.map((row) => row[this.at]), missed: student.missed.map((row) => row[this.at]) };
  }

  found({ missed }) {
    return missed.map((each) => this.data.images - each);
  }

  // --- words ------------------------------------------------------------------------------------

  percent(found) {
    return this.say("percent", { value: ((100 * found) / this.data.images).toFixed(1) });
  }

  // The lowest and the highest of several trials; nothing where they are one.
  spread(values, write = whole) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low < high ? this.say("spread", { low: write(low), high: write(high) }) : "";
  }

  // Shifts of each trial's own: their range, and whether the mean lies beyond the slider.
  own({ shift }) {
    const beyond = mean(shift) > this.data.shifts.at(-1) || mean(shift) < 0 ? this.say("beyond") : "";
    const [low, high] = [Math.min(...shift), Math.max(...shift)].map(signed);
    return [low === high ? "" : this.say("own", { low, high }), beyond].filter(Boolean).join("; ");
  }

  write() {
    this.sayAll();
    const { images, n } = this.data;
    this.quiz.fill(this.say("ask", { images: whole(images) }), GUESSES.map((guess) => [guess, this.say(`guess_${guess}`)]));
    this.out("note", this.say(n > 1 ? "note" : "note_one", { n }));
    const marks = POINTS.map((point) => {
      const name = this.say("mark", { shift: signed(this.markAt(point)), name: this.say(point) });
      const inside = [make("i", "", { "aria-hidden": "true" }, SIGNS[point]), make("span", "", {}, name)];
      const button = make("button", point, { type: "button", "data-point": point }, ...inside);
      button.addEventListener("click", () => this.jump(point));
      return button;
    });
    this.root.querySelector(".marks").replaceChildren(...marks);
    const lines = ARMS.flatMap((arm) => KINDS.map((kind) => make(
      "li", `${arm} ${kind}`, {}, make("i", "", { "aria-hidden": "true" }), make("span", "", {}, this.lineName(arm, kind)),
    )));
    this.root.querySelector(".legend").replaceChildren(...lines);
    this.drawTable();
  }

  lineName(arm, kind) {
    return this.say("line", { arm: this.say(arm), what: this.say(kind === "errors" ? "all" : "missed") });
  }

  fact(guess) {
    if (this.quiz.asks) return "";
    const [before, after] = ["trained", "matched"].map((point) => mean(this.found(this.trials("distilled", point))));
    const { images } = this.data;
    const share = ((100 * after) / images).toFixed(1);
    const fact = this.say("fact", { before: whole(before), after: whole(after), images: whole(images), share });
    return guess ? this.say("guess_and_fact", { said: this.say(`said_${guess}`), fact }) : fact;
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { quiz: { asks }, slider, root } = this;
    this.quiz.draw();
    const here = this.trials("distilled");
    const shift = signed(mean(here.shift));
    slider.value = this.data.shifts[this.at];
    this.out("shift", shift);
    this.out("own", asks ? "" : this.own(here));
    for (const arm of ARMS) this.drawArm(arm, asks);
    const alone = this.trials("alone");
    const differs = this.point && this.point !== "trained" && !asks;
    const about = differs ? [`${this.say("where")} ${signed(mean(alone.shift))}`, this.own(alone)] : [];
    this.out("alone-own", about.filter(Boolean).join(" · "));
    const heard = asks ? "?" : `${this.percent(mean(this.found(here)))} ${this.say("right")}, ${whole(mean(here.errors))} ${this.say("errors")}`;
    slider.setAttribute("aria-valuetext", `${shift}: ${heard}`);
    for (const button of root.querySelectorAll(".marks button")) {
      button.setAttribute("aria-pressed", String(button.dataset.point === this.point));
      button.disabled = asks;
    }
    root.querySelector("details").inert = asks;
    this.chart.draw();
  }

  drawArm(arm, asks) {
    const trials = this.trials(arm);
    const found = this.found(trials);
    const values = {
      share: this.percent(mean(found)), errors: whole(mean(trials.errors)),
      found: this.say("found", { found: whole(mean(found)), images: whole(this.data.images) }),
      "found-spread": this.spread(found), "errors-spread": this.spread(trials.errors),
    };
    for (const [name, text] of Object.entries(values)) {
      this.out(`${arm}-${name}`, !asks ? text : name.endsWith("spread") || name === "found" ? "" : "?");
    }
    this.out(`${arm}-of`, this.say("of_test", { test: whole(this.data.test) }));
  }

  drawTable() {
    const head = [this.say("where"), ...ARMS.flatMap((arm) =>
      ["found_of", "errors_of"].map((name) => this.say(name, { arm: this.say(arm) })))];
    const rows = POINTS.map((point) => [this.say(point), ...ARMS.flatMap((arm) => {
      const trials = this.trials(arm, point);
      const found = this.found(trials);
      return [`${whole(mean(found))} ${this.spread(found)}`, `${whole(mean(trials.errors))} ${this.spread(trials.errors)}`];
    })]);
    fillTable(this.root.querySelector("table"), head, rows);
  }
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const whole = (count) => Math.round(count).toLocaleString("en");
const signed = (shift) => (shift < 0 ? "−" : shift > 0 ? "+" : "") + Math.abs(shift).toFixed(1);
