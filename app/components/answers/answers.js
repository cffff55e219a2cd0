// Bars of what every arm answers to one image, the mean over its trials. Digit, T and the arms shown follow the hand.

const CHOICES = [1, 2, 4, 8, 20, 50]; // of T

// What was chosen, for as long as the tab of the browser has the lab open: { digit, T, shown }.
const remembered = (globalThis.labAnswers ??= new Map());

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.svg = root.querySelector("svg.chart");
    const choose = (T) => this.choose({ T });
    this.temperature = new TemperatureSlider(root, { choices: CHOICES, named: String, choose });
    const { slider } = this.temperature;
    slider.addEventListener("input", () => choose(slider.valueAsNumber));
    this.svg.addEventListener("pointermove", (event) => this.point(this.digitAt(event)));
    this.svg.addEventListener("pointerdown", (event) => this.point(this.digitAt(event)));
    this.svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.point(null));
    root.querySelector(".save").addEventListener("click", () => {
      save(this.svg, "distillation-lab-answers", this.data.form);
    });
  }

  receive(data) {
    const text = JSON.stringify(data);
    this.data = data;
    if (text !== this.text) this.fill();
    this.text = text;
    this.watch(this.svg);
  }

  fill() {
    const { data } = this;
    this.classes = [...data.classes.keys()];
    this.logits = data.arms.map(({ logits, trials }) => unpacked(logits, trials, data.digits.length, data.classes.length));
    const before = remembered.get(data.remembered) ?? {};
    const shown = data.arms.map(({ name, shown }) => before.shown?.get(name) ?? shown);
    const digit = before.digit < data.digits.length ? before.digit : data.first;
    Object.assign(this, { digit, T: before.T ?? data.temperature, shown, pointed: null });
    this.sayAll();
    this.thumbs = data.digits.map(({ label, pixels }, place) => {
      const thumb = thumbOf(pixels);
      const named = this.say("choose", { label: data.classes[label], number: place + 1, count: data.digits.length });
      thumb.setAttribute("aria-label", named);
      thumb.addEventListener("click", () => this.choose({ digit: place }));
      return thumb;
    });
    this.root.querySelector(".thumbs").replaceChildren(...this.thumbs);
    rove(this.thumbs, digit);
    this.root.querySelector(".legend").replaceChildren(...data.arms.map((arm, number) => this.legend(arm, number)));
    this.draw();
  }

  legend({ name }, number) {
    const button = make("button", "", { type: "button", "data-arm": number });
    const sample = drawn("svg", "", { "aria-hidden": true });
    sample.append(this.bar(number, 1, 1, 15, 12));
    button.append(sample, make("span", "", {}, name), make("b"));
    button.addEventListener("click", () => this.choose({ shown: this.shown.map((each, at) => (at === number ? !each : each)) }));
    return button;
  }

  choose(what) {
    Object.assign(this, what);
    const shown = new Map(this.data.arms.map(({ name }, number) => [name, this.shown[number]]));
    remembered.set(this.data.remembered, { digit: this.digit, T: this.T, shown });
    this.draw();
  }

  point(digit) {
    if (digit === this.pointed) return;
    this.pointed = digit;
    this.draw();
  }

  digitAt(event) {
    const at = event.clientX - this.svg.getBoundingClientRect().left;
    return this.x(0) <= at && at < this.x(this.classes.length) ? Math.floor(this.x.back(at)) : null;
  }

  // The mean over an arm's trials of softmax(logits / T).
  answer(number) {
    const each = this.logits[number].map((trial) => softmax(trial[this.digit], this.T));
    return this.classes.map((digit) => each.reduce((sum, p) => sum + p[digit], 0) / each.length);
  }

  draw() {
    const { data, root } = this;
    const t = inTenths(this.T);
    const { label, index, pixels } = data.digits[this.digit];
    const answers = data.arms.map((_, number) => this.answer(number));
    paint(root.querySelector("figure canvas"), pixels);
    root.querySelector("figure canvas").setAttribute("aria-label", this.say("digit_alt", { label: data.classes[label] }));
    this.out("named", this.say("named", { label: data.classes[label], index }));
    this.out("T", t);
    this.temperature.show(this.T);
    this.thumbs.forEach((thumb, place) => thumb.setAttribute("aria-pressed", place === this.digit));
    const pointed = this.pointed ?? label;
    for (const button of root.querySelectorAll(".legend button")) {
      const number = Number(button.dataset.arm);
      button.setAttribute("aria-pressed", this.shown[number]);
      put(button.querySelector("b"), exact(answers[number][pointed]));
    }
    this.drawTable(answers);
    this.drawChart(answers, t, pointed);
  }

  drawTable(answers) {
    const head = [this.say("x"), ...this.data.arms.map(({ name }) => name)];
    const rows = this.classes.map((digit) => [this.data.classes[digit], ...answers.map((p) => exact(p[digit]))]);
    fillTable(this.root.querySelector("table"), head, rows);
  }

  drawChart(answers, t, pointed) {
    const { svg } = this;
    const box = frame(svg, { left: 3, right: 0.15, top: 1.8, bottom: 1.6 });
    const { left, right, top, bottom, em } = box;
    if (!box.width) return;
    const x = (this.x = linear([0, this.classes.length], [left, right]));
    const y = linear([0, 1], [bottom, top]);
    const column = x(1) - x(0);
    const grid = axes(box, { ys: [0, 0.25, 0.5, 0.75, 1].map((p) => [y(p), p]), title: this.say("y", { t }) });
    const letters = Math.max(1, Math.floor(column / (0.65 * em))); // of a name that there is room for
    const digits = this.classes.map((digit) => {
      const place = { x: x(digit + 0.5), y: bottom + 1.4 * em, "text-anchor": "middle" };
      return drawn("text", digit === pointed ? "now" : "", place, [...this.data.classes[digit]].slice(0, letters).join(""));
    });
    const here = drawn("rect", "here", { x: x(pointed), y: top, width: column, height: bottom - top });
    const visible = this.shown.flatMap((each, number) => (each ? [number] : []));
    const wide = (0.8 * column) / Math.max(1, visible.length);
    const bars = visible.flatMap((number, place) => this.classes.map((digit) => {
      const upper = y(answers[number][digit]);
      return this.bar(number, x(digit + 0.1) + place * wide, upper, wide, bottom - upper);
    }));
    svg.replaceChildren(this.hatches(), here, grid, ...bars, ...digits);
  }

  // A bar in the colour of its arm, or in its pattern of that colour.
  bar(number, x, y, width, height) {
    const { colour, pattern } = this.data.arms[number];
    const look = pattern ? { fill: `url(#hatch-${number})`, stroke: colour } : { fill: colour };
    return drawn("rect", "bar", { x, y, width: Math.max(0, width - 1), height, ...look });
  }

  hatches() {
    const all = drawn("defs");
    this.data.arms.forEach(({ colour, pattern }, number) => {
      const tile = drawn("pattern", "", { id: `hatch-${number}`, width: 8, height: 8, patternUnits: "userSpaceOnUse" });
      tile.append(drawn("rect", "", { width: 8, height: 8, fill: colour, opacity: 0.3 }));
      tile.append(drawn("path", "", { d: pattern, stroke: colour, "stroke-width": 1.6 }));
      if (pattern) all.append(tile);
    });
    return all;
  }
}

// 32-bit numbers in base64 -> [trial][digit][class].
function unpacked(base64, trials, digits, classes) {
  const numbers = [...new Float32Array(bytesOf(base64).buffer)];
  const row = (trial, digit) => numbers.slice(classes * (trial * digits + digit), classes * (trial * digits + digit + 1));
  return [...Array(trials).keys()].map((trial) => [...Array(digits).keys()].map((digit) => row(trial, digit)));
}
