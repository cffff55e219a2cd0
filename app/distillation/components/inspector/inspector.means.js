// Means over the rows: the chart over T with its table, the reliability diagram, and which classes look alike.

const CURVES = [
  ["top", "#0072b2", ""],
  ["outside_label", "#009e73", "dashed"],
  ["outside_top", "#009e73", "dashed"],
  ["effective", "#cc79a7", "dotted"],
];
const MOST_PRINTED = 12; // classes up to which a cell has room for its value
const LISTED = 5; // pairs beside a matrix

class Means {
  constructor(view) {
    this.view = view;
    this.chart = view.root.querySelector(".chart");
    this.diagram = view.root.querySelector(".reliability svg");
    this.matrix = view.root.querySelector(".matrix");
  }

  receive() {
    const { view } = this;
    const { facts } = view;
    this.curves = CURVES.filter(([name]) => facts[name] && !(name === "outside_top" && facts.outside_label));
    view.root.querySelector(".reliability").hidden = !facts.bins;
    this.alike = facts.alike && unpacked(facts.alike, Uint16Array);
    view.root.querySelector(".matrix").hidden = !this.alike;
    if (this.alike) this.addCells();
    this.isDrawn = "";
  }

  draw(t) {
    const { view } = this;
    const { facts, at } = view;
    view.out("mean", view.say("mean", { rows: facts.used.toLocaleString("en") }));
    this.drawTable(t);
    this.drawChart(t);
    if (facts.bins) this.drawDiagram(t);
    this.drawAlike(t, at);
  }

  // --- the chart over T ---------------------------------------------------------------------------

  drawTable(t) {
    const { view } = this;
    const { facts, at } = view;
    const one = facts.temperatures.indexOf(1);
    const rows = this.curves.filter(([name]) => name !== "effective").map(([name]) => [name, view.say(name), (k) => percent(facts[name][k])]);
    rows.push(["effective", view.say("effective_is", { classes: facts.classes.toLocaleString("en") }), (k) => facts.effective_number[k].toPrecision(3)]);
    rows.push(["", view.say("entropy"), (k) => facts.entropy[k].toFixed(3)]);
    if (facts.nll) rows.push(["", view.say("nll"), (k) => facts.nll[k].toFixed(3)], ["", view.say("ece"), (k) => percent(facts.ece[k])]);
    const table = view.root.querySelector(".values");
    const head = make("tr", "", {}, make("td"), ...[view.say("plain"), view.say("live", { T: t })].map((text) => make("th", "", { scope: "col" }, text)));
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(...rows.map(([name, text, value]) => {
      const heading = make("th", "", { scope: "row" });
      const curve = this.curves.find(([each]) => each === name);
      if (curve) {
        const key = drawn("svg", "key", { "aria-hidden": true });
        key.append(drawn("line", curve[2], { x1: 0, x2: 30, y1: 5, y2: 5, style: `--hue: ${curve[1]}` }));
        heading.append(key);
      }
      heading.append(text);
      return make("tr", "", {}, heading, make("td", "", {}, value(one)), make("td", "now", {}, value(at)));
    }));
  }

  drawChart(t) {
    const { view, chart } = this;
    const { facts, at, T } = view;
    const box = frame(chart, { left: 3.2, right: 1.2, top: 2.4, bottom: 2 });
    if (!box.width) return;
    const { left, right, top, bottom, em } = box;
    const drawnFor = JSON.stringify([box, facts.id]);
    if (this.isDrawn !== drawnFor) {
      this.isDrawn = drawnFor;
      this.x = logarithmic([facts.temperatures[0], facts.temperatures.at(-1)], [left, right]);
      this.y = linear([0, 1], [bottom, top]);
      this.marker = drawn("g", "marker");
      const parts = [], words = []; // words stand before the curves
      if (facts.range) {
        const [from, to] = [this.x(facts.range.low.value), this.x(facts.range.high.value)];
        parts.push(drawn("rect", "begin", { x: from, width: to - from, y: top, height: bottom - top }));
        words.push(drawn("text", "", { x: from + 0.4 * em, y: top + 2.6 * em }, view.say("range")));
      }
      const ys = [0, 0.25, 0.5, 0.75, 1].map((share) => [this.y(share), `${100 * share} %`]);
      parts.push(axes(box, { xs: TICKS.map((each) => [this.x(each), each]), ys }));
      const best = facts.calibration && facts.calibration.value;
      if (best >= facts.temperatures[0] && best <= facts.temperatures.at(-1)) {
        parts.push(drawn("line", "best", { x1: this.x(best), x2: this.x(best), y1: top, y2: bottom }));
        words.push(drawn("text", "", { x: this.x(best) + 4, y: top + 1 * em }, view.say("calibrated")));
      }
      for (const [name, hue, look] of this.curves) {
        const points = facts[name].map((value, k) => `${this.x(facts.temperatures[k]).toFixed(1)},${this.y(value).toFixed(1)}`);
        parts.push(drawn("polyline", look, { points: points.join(" "), style: `--hue: ${hue}` }));
      }
      chart.replaceChildren(...parts, ...words, this.marker);
    }
    const x = this.x(T);
    const dots = this.curves.map(([name, hue]) => drawn("circle", "", { cx: x, cy: this.y(facts[name][at]), r: 5.5, style: `--hue: ${hue}` }));
    this.marker.replaceChildren(...marking(box, x, `T = ${t}`, dots));
  }

  // --- calibration ----------------------------------------------------------------------------------

  drawDiagram(t) {
    const { view, diagram } = this;
    view.out("reliability", view.say("reliability", { T: t }));
    view.out("reliability-says", view.say("reliability_says", { few: FEW }));
    diagram.setAttribute("aria-label", view.say("reliability", { T: t }));
    const box = frame(diagram, { left: 3, right: 1, top: 2, bottom: 3.4 });
    if (!box.width) return;
    const { left, right, top, bottom, em } = box;
    const [x, y] = [linear([0, 1], [left, right]), linear([0, 1], [bottom, top])];
    const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
    const grid = axes(box, { xs: ticks.map((v) => [x(v), Math.round(100 * v)]), ys: ticks.map((v) => [y(v), Math.round(100 * v)]), title: view.say("right") });
    const points = drawn("g", "points");
    for (const [count, confidence, correct] of view.facts.bins[view.at]) {
      if (!count) continue;
      const place = { cx: x(confidence / count), cy: y(correct / count), r: 3 + 2.4 * Math.log10(count) };
      points.append(drawn("circle", count < FEW ? "few" : "", place));
    }
    diagram.replaceChildren(
      grid, drawn("line", "even", { x1: x(0), y1: y(0), x2: x(1), y2: y(1) }), points,
      drawn("text", "", { x: (left + right) / 2, y: bottom + 2.9 * em, "text-anchor": "middle" }, view.say("sure")),
    );
  }

  // --- which classes look alike -----------------------------------------------------------------------

  addCells() {
    const { names, classes } = this.view.facts;
    const cell = (text) => make("th", "", { scope: "col", title: text }, text);
    this.matrix.classList.toggle("long", names.some((name) => name.length > 3));
    this.matrix.style.setProperty("--cell", classes <= MOST_PRINTED ? "32px" : classes <= 20 ? "20px" : "14px");
    this.matrix.tHead.replaceChildren(make("tr", "", {}, make("td"), ...names.map(cell)));
    this.cells = names.map(() => names.map(() => make("td", classes > MOST_PRINTED ? "small" : "")));
    this.matrix.tBodies[0].replaceChildren(...this.cells.map((row, i) => make("tr", "", {}, make("th", "", { scope: "row", title: names[i] }, names[i]), ...row)));
  }

  drawAlike(t, at) {
    const { view } = this;
    const { names, classes } = view.facts;
    let pairs = view.facts.pairs?.[at];
    view.out("alike", view.say("alike", { T: t }));
    if (this.alike) {
      const start = at * classes * classes;
      const p = (i, j) => this.alike[start + i * classes + j] / 65535;
      pairs = [];
      for (let i = 0; i < classes; i++) for (let j = 0; j < classes; j++) if (i !== j) pairs.push([i, j, p(i, j)]);
      pairs.sort((a, b) => b[2] - a[2]);
      const most = pairs[0][2];
      this.cells.forEach((row, i) => row.forEach((cell, j) => {
        const value = p(i, j);
        const share = most ? value / most : 0;
        cell.style.background = i === j ? "none" : viridis(share);
        cell.style.color = i === j ? "inherit" : share >= DARK_INK_FROM ? "#000" : "#fff";
        put(cell, value >= 0.005 ? value.toFixed(2).replace(/^0/, "") : "·");
        cell.title = view.say("cell", { one: names[i], other: names[j], p: exact(value) });
      }));
      view.out("alike-says", view.say("alike_says", { most: percent(most) }));
      pairs = pairs.slice(0, LISTED);
    } else {
      view.out("alike-says", view.say("alike_pairs", { classes: classes.toLocaleString("en"), few: view.facts.fewest }));
    }
    const items = pairs.map(([i, j, p]) => make("li", "", {}, `${view.say("pair", { one: names[i], other: names[j] })}: `, make("b", "", {}, percent(p))));
    view.root.querySelector(".pairs").replaceChildren(...items);
  }
}
