// The measured errors of both students at the T and α under the hand: read off a grid of cells, interpolated between them.
// T belongs to the live picture: a drag here asks it to take another, and what it takes is drawn here.

const SIDES = ["mean", "low", "high"];
const NETWORKS = ["teacher", "alone", "distilled"];

export default (streamlit) => mount(View, streamlit);

class View extends FollowsLive {
  constructor(root) {
    super(root);
    const figure = root.querySelector("template").content.firstElementChild;
    this.figures = [0, 1].map(() => figure.cloneNode(true));
    root.querySelector("template").replaceWith(...this.figures);
  }

  receive(data) {
    this.data = data;
    for (const [name, colour] of Object.entries(data.colours)) this.root.style.setProperty(`--${name}`, colour);
    this.sayAll();
    this.figures.forEach((figure, at) => paint(figure.querySelector("canvas"), data.digits[at].pixels));
    this.follow();
  }

  get ends() {
    const { temperatures } = this.data.answers;
    return [temperatures[0], temperatures.at(-1)];
  }

  // --- the hand ------------------------------------------------------------------------------------

  listenToKeys() {
    this.slider.addEventListener("keydown", (event) => this.step(event));
  }

  // The keys lead from one measured temperature to the next.
  step(event) {
    const { temperatures } = this.data.answers;
    const higher = temperatures.find((T) => T > this.T) ?? this.ends[1];
    const lower = temperatures.findLast((T) => T < this.T) ?? this.ends[0];
    const to = {
      ArrowRight: higher, ArrowUp: higher, PageUp: higher, ArrowLeft: lower, ArrowDown: lower, PageDown: lower,
      Home: this.ends[0], End: this.ends[1],
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.askByKey(to);
  }

  // --- numbers ---------------------------------------------------------------------------------------

  // What is read at T and α: the cell, or each number on the straight line between its neighbours, over log T and over α;
  // numbers of labels on that of their logarithms. Without T² the nearest of the few cells. Nothing is read between α = 0
  // and the next: as soon as the student hears of the teacher, its errors fall at once, and not along a line.
  read(T, alpha) {
    const { temperatures, alphas, cells, without } = this.data.answers;
    if (!this.data.t_squared) {
      const nearest = without.reduce((best, cell) => (apart(cell, T) < apart(best, T) ? cell : best));
      const at = { T: nearest.temperature, alpha: nearest.alpha };
      return { ...nearest, at, isExact: at.T === T && at.alpha === alpha };
    }
    const at = { T: within(T, this.ends), alpha: alpha > 0 ? Math.max(alpha, alphas[1]) : 0 };
    const [row, down] = between(temperatures.map(Math.log), Math.log(at.T));
    const [column, across] = between(alphas, at.alpha);
    const corners = [[row, column], [row, column + 1], [row + 1, column], [row + 1, column + 1]]
      .map(([r, c]) => cells[Math.min(r, cells.length - 1)][Math.min(c, alphas.length - 1)]);
    const shares = [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across];
    const mixed = (pick) => corners.reduce((sum, cell, at) => sum + (shares[at] && shares[at] * pick(cell)), 0);
    const sides = (pick) => Object.fromEntries(SIDES.map((side) => [side, mixed((cell) => pick(cell)[side])]));
    const worth = Object.fromEntries(SIDES.map((side) => [side, Math.exp(mixed((cell) => Math.log(cell.worth[side])))]));
    worth.beyond = corners.some((cell, at) => shares[at] && cell.worth.beyond);
    const isExact = !down && !across && at.T === T && at.alpha === alpha;
    return { errors: sides((cell) => cell.errors), gain: sides((cell) => cell.gain), worth, at, isExact };
  }

  // --- drawing ---------------------------------------------------------------------------------------

  draw() {
    const { T, alpha } = this;
    const { alone } = this.data.answers;
    const found = this.read(T, alpha);
    this.out("error_alone", `${percent(alone.mean)} %`);
    this.out("error_distilled", `${percent(found.errors.mean)} %`);
    this.describe(found, T, alpha);
    this.slider.value = Math.log(found.at.T);
    this.slider.setAttribute("aria-valuetext", `T = ${inTenths(T)}`);
    this.drawChart(found, alpha);
    this.root.querySelector(".digits").hidden = !this.data.t_squared;
    if (this.data.t_squared) this.drawDigits(found.at);
  }

  // What the three networks answer to two sevens, at this T: students of the measured setting that is nearest.
  drawDigits({ T, alpha }) {
    const { temperatures, alphas } = this.data.answers;
    const row = nearest(temperatures.map(Math.log), Math.log(T));
    const column = nearest(alphas, alpha);
    this.figures.forEach((figure, at) => {
      const { label, logits } = this.data.digits[at];
      const distilled = column ? logits.distilled[row * (alphas.length - 1) + column - 1] : logits.alone;
      const p = [logits.teacher, logits.alone, distilled].map((z) => softmax(z, T));
      const svg = figure.querySelector("svg");
      const told = NETWORKS.map((name, network) => `${this.say(name)} ${p[network][label].toFixed(2)}`).join(", ");
      const words = this.say("digit", { label, T: inTenths(T), told });
      svg.setAttribute("aria-label", words);
      figure.querySelector("canvas").setAttribute("aria-label", this.say("image", { label }));
      const box = frame(svg, { left: 0.2, right: 0.2, top: 0.4, bottom: 1.4 });
      if (!box.width) return;
      const step = (box.right - box.left) / 10;
      const y = linear([0, 1], [box.bottom, box.top]);
      const bars = p.flatMap((own, network) => own.map((value, digit) => drawn("rect", `bar ${NETWORKS[network]}`, {
        x: box.left + step * (digit + 0.08 + 0.28 * network), width: 0.24 * step, y: y(value),
        height: Math.max(0.5, box.bottom - y(value)), style: `--hue: var(--${NETWORKS[network]})`,
      })));
      const texts = p[0].map((_, digit) =>
        drawn("text", "", { x: box.left + step * (digit + 0.5), y: box.bottom + 1.1 * box.em, "text-anchor": "middle" }, digit));
      svg.replaceChildren(axes(box, { ys: [] }), ...bars, ...texts);
    });
    const shown = { T: temperatures[row], alpha: alphas[column] };
    this.out("nearest", this.say("nearest", shown));
  }

  describe({ gain, worth, at, isExact }, T, alpha) {
    const { labels, alphas, without, images } = this.data.answers;
    const isSame = alpha === 0 && this.data.t_squared;
    const isClear = gain.low > 0 || gain.high < 0;
    const told = !isClear ? "unclear" : gain.mean > 0 ? "fewer" : "more";
    this.out("gain", isSame ? this.say("same") : this.say(told, { points: points(Math.abs(gain.mean)) }));
    this.out("interval", isSame ? "" : this.say("interval", { low: points(gain.low), high: points(gain.high) }));
    const about = Object.fromEntries(SIDES.map((side) => [side, inLabels(worth[side])]));
    const values = { labels: inLabels(labels), worth: about.mean, low: about.low, high: about.high };
    this.out("worth", isSame ? "" : this.say(worth.beyond ? "beyond" : "worth", values));
    const [low, high] = this.ends;
    const exact = this.say("exact", { seeds: this.data.seeds, images: images.toLocaleString("en"), data: this.data.data });
    const bare = { temperatures: without.map((cell) => cell.temperature).join(", "), alpha: without[0].alpha, shown: at.T };
    const others = !this.data.t_squared
      ? [!isExact && this.say("bare", bare)]
      : [
          at.T !== T && this.say("outside", { low, high, shown: at.T }),
          at.alpha !== alpha && this.say("above", { least: alphas[1] }),
          at.T === T && at.alpha === alpha && !isExact && this.say("between"),
        ];
    this.out("basis", [...others.filter(Boolean), exact].join(" "));
  }

  drawChart(found, alpha) {
    const box = frame(this.svg, { left: 3.2, right: 1.2, top: 2.4, bottom: 1.6 });
    if (!box.width) return;
    const { temperatures, alone, cells } = this.data.answers;
    const { left, right, top, bottom, em } = box;
    const every = [alone, ...cells.flat().map((cell) => cell.errors)];
    const most = 1.05 * Math.max(...every.map((each) => each.high));
    this.x = logarithmic(this.ends, [left, right]);
    this.y = linear([0, most], [bottom, top]);
    const step = [0.5, 1, 2, 5, 10, 20].find((each) => most / each <= 5) ?? 50;
    const ys = [...Array(Math.floor(most / step) + 1).keys()].map((at) => [this.y(at * step), at * step]);
    const grid = axes(box, { xs: temperatures.map((T) => [this.x(T), T]), ys, title: this.say("y") });
    const atTemperatures = temperatures.map((T) => this.read(T, alpha).errors);
    const isMeasured = this.data.answers.alphas.includes(found.at.alpha);
    const parts = [grid, this.line("alone", temperatures.map(() => alone))];
    if (this.data.t_squared) {
      const dots = temperatures.map((T, at) =>
        drawn("circle", "cell", { cx: this.x(T), cy: this.y(atTemperatures[at].mean), r: 4.5 }));
      parts.push(this.line("distilled", atTemperatures), hued("g", isMeasured ? "" : "between", "distilled", dots));
    } else {
      const dots = this.data.answers.without.map((cell) =>
        drawn("circle", "cell", { cx: this.x(cell.temperature), cy: this.y(cell.errors.mean), r: 5.5 }));
      parts.push(hued("g", "", "distilled", dots));
    }
    const x = this.x(found.at.T);
    const isRight = x > right - 6 * em;
    parts.push(drawn("g", "marker", {},
      drawn("line", "", { x1: x, x2: x, y1: top, y2: bottom }),
      drawn("circle", "", { cx: x, cy: this.y(alone.mean), r: 6, style: "--hue: var(--alone)" }),
      drawn("circle", "", { cx: x, cy: this.y(found.errors.mean), r: 7, style: "--hue: var(--distilled)" }),
      drawn("text", "", { x: x + (isRight ? -6 : 6), y: top - 0.3 * em, "text-anchor": isRight ? "end" : "start" },
        `T = ${inTenths(found.at.T)}, α = ${inFull(found.at.alpha, 0)}`),
    ));
    this.svg.replaceChildren(...parts);
    publish(box, this.root);
  }

  // Means as a line, their intervals as a band behind it.
  line(name, intervals) {
    const { temperatures } = this.data.answers;
    const place = (side) => intervals.map((each, at) => `${this.x(temperatures[at]).toFixed(1)},${this.y(each[side]).toFixed(1)}`);
    const band = [...place("high"), ...place("low").reverse()].join(" ");
    return hued("g", "", name, [
      drawn("polygon", "band", { points: band }), drawn("polyline", name, { points: place("mean").join(" ") }),
    ]);
  }
}

const hued = (tag, kind, name, inside) => drawn(tag, kind, { style: `--hue: var(--${name})` }, ...inside);
const apart = (cell, T) => Math.abs(Math.log(cell.temperature / T));
const percent = (value) => value.toFixed(1);
const points = (value) => minus(value.toFixed(1));
const nearest = (marks, value) => marks.reduce((best, mark, at) => (Math.abs(mark - value) < Math.abs(marks[best] - value) ? at : best), 0);
// Two digits of a number of labels tell all that its interval allows.
const inLabels = (count) => Number(count.toPrecision(2)).toLocaleString("en");

// Which of the rising `marks` begins the part that `value` is in, and its share of the way to the next.
function between(marks, value) {
  const at = Math.max(0, marks.findLastIndex((mark) => mark <= value + 1e-9));
  const share = at + 1 < marks.length ? (value - marks[at]) / (marks[at + 1] - marks[at]) : 0;
  return [at, share < 1e-9 ? 0 : share];
}
