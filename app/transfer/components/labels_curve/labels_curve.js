// Two recorded curves and a marker that a hand drags along both. All of it happens here; Python hears of the
// number of labels when it is released, and of nothing else.

const NEVER = "never"; // a guess, as a number of labels is
const CHOICES = 4; // besides it

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.stage = root.querySelector(".stage");
    this.slider = root.querySelector("input[type=range]");
    this.exchange = new Exchange("labels");
    this.quiz = new Quiz(this, "labels_curve_quiz");
    this.chart = new Chart(this);
    this.listen();
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send) {
    const before = this.data;
    this.data = data;
    if (this.exchange.hear({ labels: data.at }, data.heard, send)) {
      this.at = this.nearest(data.at);
      this.tell(data.at);
    }
    const changed = (name) => !before || JSON.stringify(before[name]) !== JSON.stringify(data[name]);
    const { slider } = this;
    slider.min = data.labels[0];
    slider.max = data.labels.at(-1);
    if (changed("digits") || changed("words")) this.fillTasks();
    if (changed("words") || changed("labels")) this.write();
    if (data.talk) this.root.dataset.talk = "";
    this.watch(this.stage);
    this.draw();
  }

  close() {
    super.close();
    clearTimeout(this.exchange.timer);
  }

  // The parts that follow.
  tell(labels) {
    if (!this.data.talk) tell(this.root, { labels_per_class: labels });
  }

  // --- here -> Python -------------------------------------------------------------------------

  release() {
    if (this.isMoved) this.exchange.release({ labels: this.data.labels[this.at] });
    this.isMoved = false;
  }

  move(at) {
    this.quiz.reveal();
    this.at = within(at, [0, this.data.labels.length - 1]);
    this.isMoved = true;
    this.draw();
    this.tell(this.data.labels[this.at]);
    clearTimeout(this.exchange.timer);
  }

  // The recorded point that is nearest on the logarithmic axis.
  nearest(labels) {
    return nearest(this.data.labels.map(Math.log), Math.log(labels));
  }

  listen() {
    const { slider, stage } = this;
    slider.addEventListener("input", () => {
      const asked = slider.valueAsNumber;
      const now = this.data.labels[this.at];
      // What helps people who cannot drag moves a slider by its step of 1: to them the next point is one step.
      this.move(Math.abs(asked - now) === 1 ? this.at + asked - now : this.nearest(asked));
    });
    slider.addEventListener("change", () => this.release());
    slider.addEventListener("blur", () => this.release());
    const aims = () => ({
      more: this.at + 1, less: this.at - 1, farMore: this.at + 3, farLess: this.at - 3, least: 0, most: this.data.labels.length - 1,
    });
    onKeys(slider, aims, (to) => {
      this.move(to);
      this.exchange.later(() => this.release());
    });
    const hold = (isHeld) => {
      this.exchange.isHeld = isHeld;
      stage.classList.toggle("held", isHeld);
    };
    dragIn(stage, slider, (x) => this.follow(x), {
      allowed: (event) => !this.quiz.asks || event.target.closest(".track"),
      hold: () => hold(true),
      release: () => {
        hold(false);
        this.release();
      },
    });
  }

  follow(x) {
    const at = this.nearest(this.chart.x.back(x));
    if (at !== this.at || this.quiz.asks) this.move(at);
  }

  // --- words ------------------------------------------------------------------------------------

  percent(errors) {
    return this.say("percent", { value: accuracy(errors).toFixed(1) });
  }

  interval({ low, high }, at) {
    if (low[at] === null) return "";
    const [from, to] = [high[at], low[at]].map((errors) => Math.min(100, Math.max(0, accuracy(errors))).toFixed(1));
    return this.say("interval", { low: from, high: to });
  }

  // The gain in points and its interval, "" for a single trial; with as many digits as the interval bears.
  gainParts(at) {
    const { points, low, high } = this.data.gain[at];
    const digits = low !== null && (high - low) / 2 < 0.95 ? 2 : 1;
    const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
    const interval = low === null ? "" : this.say("interval", { low: signed(low), high: signed(high) });
    return [this.say("points", { points: signed(points) }), interval];
  }

  gain(at) {
    const [points, interval] = this.gainParts(at);
    return interval ? this.say("points_interval", { points, interval }) : points;
  }

  write() {
    this.sayAll();
    const { date, seeds, source_labels, labels } = this.data;
    this.out("note", this.say("note", { date, seeds }));
    this.out("before-with", this.say("before_with", { source: source_labels.toLocaleString("en") }));
    // Every second recorded number from the last one down, and "never".
    const offered = labels.filter((_, at) => (labels.length - 1 - at) % 2 === 0).slice(-CHOICES);
    this.quiz.fill(this.say("ask"), [...offered, NEVER].map((guess) => [guess, this.named(guess)]));
  }

  named(guess) {
    return guess === NEVER ? this.say("never") : String(guess);
  }

  fact(guess) {
    const fact = this.caughtUp();
    return guess === null ? fact : this.say("guess_and_fact", { said: this.say("said", { guess: this.named(guess) }), fact });
  }

  // The first recorded number of labels from which on no point has a gain whose interval lies above 0.
  caughtUp() {
    const { labels, gain } = this.data;
    const last = gain.findLastIndex(({ kind }) => kind === "better");
    if (last === -1) return this.say("no_gain");
    if (last === gain.length - 1) return this.say("not_caught_up", { labels: labels[last], gain: this.gain(last) });
    const name = gain[last + 1].kind === "worse" ? "overtaken" : "caught_up";
    return this.say(name, { labels: labels[last + 1], gain: this.gain(last + 1) });
  }

  fillTasks() {
    for (const [side, labels] of [["before", [0, 1, 2, 3, 4]], ["now", [5, 6, 7, 8, 9]]]) {
      const tiles = labels.map((label) => {
        const tile = make("canvas", "", { width: 28, height: 28, role: "img", "aria-label": this.say("digit", { label }) });
        paint(tile, this.data.digits[label]);
        return tile;
      });
      this.root.querySelector(`.tasks .${side} .digits`).replaceChildren(...tiles);
    }
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { data, at, slider } = this;
    const labels = data.labels[at];
    const where = this.say(labels === 1 ? "at_one" : "at", { labels });
    slider.value = labels;
    const gain = data.gain[at];
    const kind = { worse: "loss", undetectable: "undetectable" }[gain.kind] ?? "gain";
    const values = {
      at: where, scratch: this.percent(data.scratch.mean[at]), tuned: this.percent(data.tuned.mean[at]),
      "scratch-interval": this.interval(data.scratch, at), "tuned-interval": this.interval(data.tuned, at),
      "gain-name": this.say(kind), gain: this.gainParts(at)[0], "gain-interval": this.gainParts(at)[1],
    };
    if (this.quiz.asks) {
      const hidden = { scratch: "?", tuned: "?", gain: "?", "scratch-interval": "", "tuned-interval": "", "gain-interval": "" };
      Object.assign(values, hidden, { "gain-name": this.say("gain") });
    }
    for (const [name, text] of Object.entries(values)) this.out(name, text);
    const read = `${this.say("scratch")} ${values.scratch}, ${this.say("tuned")} ${values.tuned}`;
    slider.setAttribute("aria-valuetext", `${where}: ${read}, ${values["gain-name"]} ${values.gain} ${values["gain-interval"]}`);
    this.quiz.draw();
    this.chart.draw();
    this.drawTable();
  }

  drawTable() {
    const { data } = this;
    const head = ["labels", "scratch", "tuned", "gain"].map((name) => this.say(name));
    const rows = data.labels.map((labels, at) => [
      labels, `${this.percent(data.scratch.mean[at])} ${this.interval(data.scratch, at)}`,
      `${this.percent(data.tuned.mean[at])} ${this.interval(data.tuned, at)}`, this.gain(at),
    ]);
    fillTable(this.root.querySelector("table"), head, rows);
    this.root.querySelector("details").inert = this.quiz.asks;
  }
}

const accuracy = (errorsPer10000) => 100 - errorsPer10000 / 100;
