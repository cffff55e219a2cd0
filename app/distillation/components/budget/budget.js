// Files that could be shipped, their errors over their size or their time, and a budget: the best of those within it.

const KEYS = { bytes: "size", ms: "time" }; // what the axis can be, and its words
const START = { bytes: 100_000, ms: 0.05 };
const TICKS = { bytes: [1e4, 1e5, 1e6, 1e7], ms: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5] };
const PAPER = { width: "680px", height: "165px", "font-size": "10px" }; // as wide as A4 allows
const ERRORS = [0.5, 1, 2, 5, 10, 20, 50];

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.by = "bytes";
    this.svg = root.querySelector(".stage svg");
    this.slider = root.querySelector("input");
    this.at = { ...START };
    this.slider.addEventListener("input", () => this.move(Math.exp(this.slider.valueAsNumber)));
    onKeys(this.slider, () => this.aims(), (to) => this.move(to));
    this.forPaper = () => this.print(true);
    this.forScreen = () => this.print(false);
    addEventListener("beforeprint", this.forPaper);
    addEventListener("afterprint", this.forScreen);
    dragIn(this.svg, this.slider, (x) => this.move(this.x.back(x)));
    this.buttons = [...root.querySelectorAll(".by button")];
    rove(this.buttons, 0);
    for (const button of this.buttons) button.addEventListener("click", () => this.choose(button.dataset.by));
  }

  receive(data) {
    this.data = data;
    for (const [name, colour] of Object.entries(data.colours)) this.root.style.setProperty(`--${name}`, colour);
    this.files = data.files.toSorted((a, b) => a.validation.mean - b.validation.mean);
    const { facts } = data;
    this.sayAll();
    this.out("measured", this.say("measured", facts));
    this.fillTable();
    this.choose(this.by);
    this.watch(this.svg);
  }

  close() {
    super.close();
    removeEventListener("beforeprint", this.forPaper);
    removeEventListener("afterprint", this.forScreen);
  }

  // A printed page has other sides than the window, and nobody says so in time: the picture is drawn for it beforehand.
  print(isPaper) {
    const sides = isPaper ? PAPER : { width: "", height: "", "font-size": "" };
    for (const [name, value] of Object.entries(sides)) this.svg.style.setProperty(name, value);
    this.draw();
    if (!isPaper) return;
    this.svg.style.removeProperty("width");
    this.svg.style.removeProperty("height");
  }

  // --- the hand ------------------------------------------------------------------------------------

  choose(by) {
    this.by = by;
    for (const button of this.buttons) button.setAttribute("aria-pressed", button.dataset.by === by);
    const values = this.files.map((file) => file[by]);
    this.ends = [Math.min(...values), 1.25 * Math.max(...values)];
    [this.slider.min, this.slider.max] = this.ends.map(Math.log);
    this.slider.setAttribute("aria-label", this.say(`budget_${KEYS[by]}`));
    this.move(this.at[by]);
  }

  move(budget) {
    this.at[this.by] = within(budget, this.ends);
    this.draw();
  }

  // The keys lead from one file to the next.
  aims() {
    const values = this.files.map((file) => file[this.by]).sort((a, b) => a - b);
    const now = this.at[this.by];
    const [least, most] = this.ends;
    const more = values.find((value) => value > now * 1.0001) ?? most;
    const less = values.findLast((value) => value < now * 0.9999) ?? least;
    return { more, less, farMore: now * 2, farLess: now / 2, least, most };
  }

  // --- words ---------------------------------------------------------------------------------------

  named(file) {
    return this.say("network", { network: file.network, arm: this.say(file.arm), form: file.form });
  }

  amount(value) {
    return this.by === "bytes" ? inBytes(value) : inMs(value);
  }

  describe(best, count) {
    const { facts } = this.data;
    const told = { budget: this.amount(this.at[this.by]), which: this.named(best), ...numbers(best) };
    this.out("says", this.say("says", told));
    const { low, high } = best.test;
    const torch = inMs(best.torch_ms);
    const isTeacher = best.arm === "teacher";
    const values = { low: low?.toFixed(1), high: high?.toFixed(1), seeds: facts.seeds, torch, labels: facts.teacher_labels };
    this.out("interval", this.say(isTeacher ? "one" : "interval", values));
    const alone = this.files.find((file) => file.arm === "alone" && file.network === best.network && file.form === best.form);
    const teacher = this.files.find((file) => file.arm === "teacher" && file.form === "float32");
    const others = [
      best.arm === "distilled" && this.say("else_alone", numbers(alone)),
      !isTeacher && this.say("else_teacher", numbers(teacher)),
    ];
    this.out("else", others.filter(Boolean).join(" "));
    this.out("picked", this.say("picked", { ...facts, count }));
    this.slider.value = Math.log(this.at[this.by]);
    this.slider.setAttribute("aria-valuetext", `${told.budget}: ${told.which}, ${told.errors}`);
  }

  fillTable() {
    const head = ["file", "errors", "size", "time", "torch"].map((name) => this.say(name));
    const rows = this.files.map((file) => {
      const { errors, size, ms } = numbers(file);
      const { low, high } = file.test;
      return [this.named(file), low === null ? errors : `${errors} (${low.toFixed(1)}–${high.toFixed(1)})`, size, ms,
        file.form === "float32" ? inMs(file.torch_ms) : ""];
    });
    fillTable(this.root.querySelector("table"), head, rows);
  }

  // --- drawing -------------------------------------------------------------------------------------

  draw() {
    if (!this.data) return;
    const budget = this.at[this.by];
    const fit = this.files.filter((file) => file[this.by] <= budget * 1.000001);
    const best = fit[0];
    this.describe(best, fit.length);
    const box = frame(this.svg, { left: 2.6, right: 1.2, top: 2.6, bottom: 1.8 });
    if (!box.width) return;
    const { left, right, top, bottom, em } = box;
    const lows = this.files.map(({ validation }) => validation.mean);
    const highs = this.files.map(({ validation }) => validation.high ?? validation.mean);
    this.x = logarithmic(this.ends, [left, right]);
    const bounds = [0.75 * Math.min(...lows), 1.1 * Math.max(...highs)];
    const scale = logarithmic(bounds, [bottom, top]);
    const y = (value) => scale(Math.max(bounds[0], value));
    const xs = TICKS[this.by].filter((value) => value >= this.ends[0] && value <= this.ends[1]).map((value) => [this.x(value), this.amount(value)]);
    const ys = ERRORS.filter((value) => value >= bounds[0] && value <= bounds[1]).map((value) => [y(value), value]);
    const at = this.x(budget);
    const parts = [drawn("rect", "beyond", { x: at, y: top, width: Math.max(0, right - at), height: bottom - top })];
    parts.push(axes(box, { xs, ys, title: this.say("y") }));
    // The best last, and alone before distilled: what matters lies on top.
    for (const file of this.files.toReversed()) parts.push(...this.mark(file, { x: this.x(file[this.by]), y, em, budget }));
    parts.push(...this.names(box.width > 40 * em ? this.files : [best], { y, em, budget, right }));
    parts.push(drawn("circle", "ring", { cx: this.x(best[this.by]), cy: y(best.validation.mean), r: 0.75 * em }));
    parts.push(drawn("g", "marker", {}, ...marking(box, at, this.amount(budget))));
    this.svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    this.svg.replaceChildren(...parts);
    publish(box, this.root);
  }

  // A file: its errors with their interval, round as float32, square as int8; pale beyond the budget.
  mark(file, { x, y, em, budget }) {
    const { mean, low, high } = file.validation;
    const kind = `${file.arm} ${file[this.by] > budget * 1.000001 ? "out" : ""}`;
    const r = 0.42 * em;
    const cy = y(mean);
    const shape = file.form === "int8"
      ? drawn("rect", `point ${kind}`, { x: x - r, y: cy - r, width: 2 * r, height: 2 * r })
      : drawn("circle", `point ${kind}`, { cx: x, cy, r });
    shape.append(drawn("title", "", {}, `${this.named(file)}: ${numbers(file).errors}`));
    if (low === null) return [shape];
    return [drawn("line", `whisker ${kind}`, { x1: x, x2: x, y1: y(low), y2: y(high) }), shape];
  }

  // Every network's name, once: beside its distilled float32 file, or the teacher's. A phone has room for one alone.
  names(files, { y, em, budget, right }) {
    const isNamed = ({ form, arm }) => files.length === 1 || (form === "float32" && arm !== "alone");
    return files.filter(isNamed).map((file) => {
      const x = this.x(file[this.by]);
      const isRight = x > right - 7 * em;
      const kind = `name ${file[this.by] > budget ? "out" : ""}`;
      return drawn("text", kind, { x: x + (isRight ? -0.7 : 0.7) * em, y: y(file.validation.mean) + (files.length === 1 ? 1.7 : 0.9) * em, "text-anchor": isRight ? "end" : "start" }, file.arm === "teacher" ? this.say("teacher") : file.network);
    });
  }
}

const numbers = (file) => ({ errors: `${file.test.mean.toFixed(1)} %`, size: inBytes(file.bytes), ms: inMs(file.ms) });
const inBytes = (bytes) => (bytes >= 1e6 ? `${Number((bytes / 1e6).toPrecision(2))} MB` : bytes >= 1e4 ? `${Math.round(bytes / 1e3)} kB` : `${Number((bytes / 1e3).toPrecision(2))} kB`);
const inMs = (ms) => `${Number(ms.toPrecision(2))} ms`;
