// Digits that no student was shown, and what it is worth to raise their biases. The counts at every shift come with
// the result; all that moves, moves here. Python hears of nothing.

const KEPT_AS = "bias_quiz";
const ARMS = ["distilled", "alone"];
const POINTS = ["trained", "matched", "tuned"]; // the marks of the slider
const SIGNS = { trained: "●", matched: "◆", tuned: "▼" };

// Streamlit calls this on mount and again after each rerun; a view lives as long as its elements.
const views = new WeakMap();

export default function ({ data: [data], parentElement }) {
  const root = parentElement.querySelector(".bias");
  if (!views.has(root)) views.set(root, new View(root));
  const view = views.get(root);
  view.receive(data);
  return () => view.watcher.disconnect();
}

class View {
  constructor(root) {
    this.root = root;
    this.slider = root.querySelector("input[type=range]");
    this.stage = root.querySelector(".stage");
    this.chart = new Chart(this);
    this.watcher = new ResizeObserver(() => this.data && this.draw());
    this.listen();
  }

  receive(data) {
    const isNew = this.data?.stamp !== data.stamp;
    this.data = data;
    if (isNew) {
      // A guess was about one result: another one asks anew.
      this.kept = kept(data.stamp) ?? this.start();
      this.at = 0;
      this.point = "trained";
    }
    this.slider.max = data.shifts.at(-1);
    this.write();
    this.watcher.observe(this.stage); // again after an unmount
    this.draw();
  }

  start() {
    return { stamp: this.data.stamp, asks: true, guess: null };
  }

  listen() {
    this.slider.addEventListener("input", () => this.move(this.slider.valueAsNumber));
    for (const button of this.root.querySelectorAll(".guesses button")) {
      button.addEventListener("click", () => this.go({ asks: false, guess: button.dataset.guess }));
    }
    this.root.querySelector(".skip").addEventListener("click", () => this.go({ asks: false, guess: null }));
    this.root.querySelector(".again").addEventListener("click", () => this.go({ asks: true, guess: null }));
    const { svg } = this.chart;
    dragIn(svg, this.slider, (x) => this.move(this.chart.shiftAt(x)), { allowed: () => !this.kept.asks });
  }

  // One shift for all trials. Whoever moves the slider has seen enough of the cover.
  move(shift) {
    const { shifts } = this.data;
    const far = shifts.map((each) => Math.abs(each - shift));
    this.at = far.indexOf(Math.min(...far));
    this.point = null;
    if (this.kept.asks) this.keep({ asks: false, guess: null });
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

  keep(to) {
    this.kept = { stamp: this.data.stamp, ...to };
    keep(this.kept);
  }

  go(to) {
    this.keep(to);
    this.at = 0;
    this.point = "trained";
    if (to.guess) this.jump("matched"); // what the question was about
    this.draw();
    // The pressed button is gone; what it led to is read out, and the next Tab goes on from there.
    this.root.querySelectorAll(".step")[to.asks ? 0 : 1].querySelector("[tabindex], button").focus({ preventScroll: true });
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

  say(name, values = {}) {
    return this.data.words[name].replace(/\{(\w+)\}/g, (_, value) => values[value]);
  }

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
    sayAll(this.root, (name) => this.say(name));
    const { images, n } = this.data;
    write(this.root, "ask", this.say("ask", { images: whole(images) }));
    write(this.root, "note", this.say(n > 1 ? "note" : "note_one", { n }));
    const marks = POINTS.map((point) => {
      const button = make("button", point, { type: "button", "data-point": point });
      const name = this.say("mark", { shift: signed(this.markAt(point)), name: this.say(point) });
      button.append(make("i", "", { "aria-hidden": "true" }, SIGNS[point]), make("span", "", {}, name));
      button.addEventListener("click", () => this.jump(point));
      return button;
    });
    this.root.querySelector(".marks").replaceChildren(...marks);
    const lines = ARMS.flatMap((arm) => ["errors", "missed"].map((kind) => {
      const item = make("li", `${arm} ${kind}`);
      item.append(make("i", "", { "aria-hidden": "true" }), make("span", "", {}, this.lineName(arm, kind)));
      return item;
    }));
    this.root.querySelector(".legend").replaceChildren(...lines);
    this.drawTable();
  }

  lineName(arm, kind) {
    return this.say("line", { arm: this.say(arm), what: this.say(kind === "errors" ? "all" : "missed") });
  }

  fact() {
    const [before, after] = ["trained", "matched"].map((point) => mean(this.found(this.trials("distilled", point))));
    const { images } = this.data;
    const share = ((100 * after) / images).toFixed(1);
    return this.say("fact", { before: whole(before), after: whole(after), images: whole(images), share });
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { kept: { asks, guess }, slider, root } = this;
    root.classList.toggle("asks", asks);
    root.querySelectorAll(".step").forEach((step, place) => step.classList.toggle("now", place === (asks ? 0 : 1)));
    const fact = asks ? "" : this.fact();
    write(root, "fact", guess ? this.say("guess_and_fact", { said: this.say(`said_${guess}`), fact }) : fact);
    const here = this.trials("distilled");
    const shift = signed(mean(here.shift));
    slider.value = this.data.shifts[this.at];
    write(root, "shift", shift);
    write(root, "own", asks ? "" : this.own(here));
    for (const arm of ARMS) this.drawArm(arm, asks);
    const alone = this.trials("alone");
    const differs = this.point && this.point !== "trained" && !asks;
    const about = differs ? [`${this.say("where")} ${signed(mean(alone.shift))}`, this.own(alone)] : [];
    write(root, "alone-own", about.filter(Boolean).join(" · "));
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
      write(this.root, `${arm}-${name}`, !asks ? text : name.endsWith("spread") || name === "found" ? "" : "?");
    }
    write(this.root, `${arm}-of`, this.say("of_test", { test: whole(this.data.test) }));
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

// What was guessed of one result, for this tab. A browser may refuse to keep anything: then each visit is the first.
function kept(stamp) {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT_AS));
    return found?.stamp === stamp ? found : null;
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
