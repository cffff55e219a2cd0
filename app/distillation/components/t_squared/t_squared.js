// The lengths of the gradient's parts over T, and what they are at the T under the hand. T belongs to the live picture:
// a drag here asks it to take another, and what it takes is drawn here.

const ENDS = [0.5, 50];
const LINES = ["soft", "bare", "hard", "limit"];
const POWERS = [-4, -3, -2, -1, 0, 1];
const TICKS = [0.5, 1, 2, 4, 10, 20, 50];

export default (streamlit) => mount(View, streamlit);

class View extends FollowsLive {
  constructor(root) {
    super(root);
    root.querySelector(".save").addEventListener("click", () => {
      save(this.svg, "distillation-lab-gradients", this.data.form);
    });
  }

  receive(data) {
    this.data = data;
    this.isStill = false; // what does not move is drawn anew
    LINES.forEach((name) => this.root.style.setProperty(`--${name}`, data.colours[name]));
    this.sayAll();
    this.fillRows();
    this.follow();
  }

  get ends() {
    return ENDS;
  }

  get at() {
    return standing("temperature", this.data.temperature);
  }

  ask(T, released) {
    askFor({ temperature: within(Math.round(10 * T) / 10, ENDS) }, released);
  }

  listenToKeys() {
    stepByKeys(this.slider, ENDS, () => this.at, (T) => this.askByKey(T));
  }

  // --- numbers ---------------------------------------------------------------------------------------

  // Between two of the temperatures the logarithms are joined by a straight line, as the chart does.
  lengthAt(name, T) {
    const { temperatures, lengths: { [name]: curve } } = this.data;
    const above = Math.max(1, temperatures.findIndex((each) => each >= T));
    const [one, other] = [above - 1, above];
    const share = Math.log(T / temperatures[one]) / Math.log(temperatures[other] / temperatures[one]);
    return curve[one] * (curve[other] / curve[one]) ** share;
  }

  // --- drawing ---------------------------------------------------------------------------------------

  fillRows() {
    const rows = LINES.map((name) => {
      const head = make("th", "", { scope: "row" });
      const sample = drawn("svg", "", { "aria-hidden": true });
      sample.append(drawn("line", `sample ${name}`, { x1: 0, x2: 34, y1: 5, y2: 5, style: `--hue: var(--${name})` }));
      head.append(sample, this.say(name));
      return tableRow([head, make("td", "", { "data-out": name })]);
    });
    this.root.querySelector("tbody").replaceChildren(...rows);
  }

  draw() {
    const T = this.at;
    const alpha = standing("alpha", this.data.alpha);
    const t = inTenths(T);
    const at = Object.fromEntries(LINES.map((name) => [name, this.lengthAt(name, T)]));
    for (const name of LINES) this.out(name, at[name].toPrecision(2));
    this.out("T", t);
    this.out("length", this.say("length", { t }));
    const a = inFull(alpha, 0);
    this.out("acts", this.say("acts", { t, alpha: a, acts: (alpha / (alpha + (1 - alpha) * T * T)).toFixed(2) }));
    const times = (name) => ((alpha * at[name]) / ((1 - alpha) * at.hard)).toPrecision(2);
    const weighted = alpha === 1 ? "only_soft" : alpha === 0 ? "only_hard" : "weighted";
    this.out("weighted", this.say(weighted, { t, alpha: a, with: times("soft"), without: times("bare") }));
    this.slider.value = Math.log(T);
    this.slider.setAttribute("aria-valuetext", `T = ${t}`);
    this.drawChart(T, t, at);
  }

  drawChart(T, t, at) {
    const box = frame(this.svg, { left: 3.6, right: 1.2, top: 2.6, bottom: 1.6 });
    const { left, right, top, bottom } = box;
    if (!box.width) return;
    const size = JSON.stringify(box);
    if (!this.isStill || size !== this.size) {
      Object.assign(this, { isStill: true, size });
      const all = Object.values(this.data.lengths).flat();
      this.range = [0.8 * Math.min(...all), 1.25 * Math.max(...all)];
      this.x = logarithmic(ENDS, [left, right]);
      this.y = logarithmic(this.range, [bottom, top]);
      this.marker = drawn("g", "marker");
      this.svg.replaceChildren(this.grid(box), ...LINES.map((name) => this.curve(name)), this.marker);
      publish(box, this.root);
    }
    const x = this.x(T);
    const dots = LINES.map((name) => drawn("circle", name, { cx: x, cy: this.y(at[name]), r: 5.5, style: `--hue: var(--${name})` }));
    this.marker.replaceChildren(...marking(box, x, `T = ${t}`, dots));
  }

  grid(box) {
    const [lowest, highest] = this.range;
    const powers = POWERS.map((power) => 10 ** power).filter((value) => lowest <= value && value <= highest);
    const ys = powers.map((value) => [this.y(value), value]);
    return axes(box, { xs: TICKS.map((T) => [this.x(T), T]), ys, title: this.say("y") });
  }

  curve(name) {
    const { temperatures, lengths: { [name]: curve } } = this.data;
    const points = curve.map((length, place) => `${this.x(temperatures[place]).toFixed(1)},${this.y(length).toFixed(1)}`);
    return drawn("polyline", name, { points: points.join(" "), style: `--hue: var(--${name})` });
  }
}
