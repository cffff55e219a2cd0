// What was measured at the settings under the hand: read off a grid of cells, interpolated between them. A setting that the
// live picture has is asked of it, and what it takes is drawn here; of another one Python hears when it is released.

const SIDES = ["mean", "low", "high"];

export default (streamlit) => mount(View, streamlit);

class View extends FollowsLive {
  constructor(root) {
    super(root);
    this.set = {}; // what is set, by the settings' names
    this.exchanges = {}; // of the settings that are Python's and this part's alone
    this.chart = new Chart(this);
  }

  // --- Python -> here ------------------------------------------------------------------------------

  receive(data, send) {
    const rows = JSON.stringify(data.lines.map(({ name }) => name));
    this.data = data;
    for (const [name, value] of Object.entries(data.values)) {
      if (!(name in data.heard)) this.set[name] = value;
      else {
        this.exchanges[name] ??= new Exchange(name);
        if (this.exchanges[name].hear({ value }, data.heard[name], send)) this.set[name] = value;
      }
    }
    if (rows !== this.rows) this.fillRows();
    this.rows = rows;
    this.sayAll();
    this.slider.setAttribute("aria-label", data.axes[0].label);
    this.observe();
    this.tellOwn();
    this.follow();
  }

  close() {
    super.close();
    this.observers?.forEach((observer) => observer.disconnect());
  }

  // Streamlit's own sliders, under the hand: they say what they are at.
  observe() {
    this.observers?.forEach((observer) => observer.disconnect());
    this.observers = this.data.observed.map((name) => {
      const control = document.querySelector(`.st-key-${name}`);
      const observer = new MutationObserver(() => {
        const said = parseFloat(control.querySelector("[aria-valuetext]")?.getAttribute("aria-valuetext"));
        if (!Number.isFinite(said) || said === this.set[name] || this.exchanges[name]?.isHeld) return;
        this.set[name] = said;
        this.tellOwn();
        this.draw();
      });
      if (control) observer.observe(control, { subtree: true, attributeFilter: ["aria-valuetext"] });
      return observer;
    });
  }

  tellOwn() {
    const names = new Set([...this.data.observed, ...Object.keys(this.data.heard)]);
    tell(this.root, Object.fromEntries([...names].map((name) => [name, this.set[name]])));
  }

  fillRows() {
    const { lines, gains } = this.data;
    this.root.classList.toggle("many", lines.length > 2);
    this.root.querySelector("tbody").replaceChildren(...lines.map(({ name, colour, dashed }, at) => {
      const sample = make("i", dashed ? "dashed" : "", { style: `--hue: ${colour}` });
      return tableRow([make("th", "", { scope: "row" }, sample, name), make("td", "", { "data-out": `line-${at}` })]);
    }));
    this.root.querySelector(".gains").replaceChildren(...gains.map((_, at) =>
      make("p", "", {}, make("b", "", { "data-out": `gain-${at}` }), " ", make("span", "", { "data-out": `interval-${at}` }))));
  }

  // --- the hand ------------------------------------------------------------------------------------

  // The value of an axis: of two settings what the first would be, if both added up to the last mark.
  valueOf({ fields, marks }) {
    const values = fields.map((name) => standing(name, this.set[name]));
    if (fields.length === 1) return values[0];
    const sum = values[0] + values[1];
    return sum > 0 ? (marks.at(-1) * values[0]) / sum : NaN;
  }

  get ends() {
    const { marks } = this.data.axes[0];
    return [marks[0], marks.at(-1)];
  }

  get at() {
    return this.valueOf(this.data.axes[0]);
  }

  spot(value) {
    return spotOf(this.data.axes[0], value);
  }

  back(spot) {
    return backOf(this.data.axes[0], spot);
  }

  ask(value, released) {
    const axis = this.data.axes[0];
    const [name, other] = axis.fields;
    const wish = stopOf(axis, within(value, this.ends));
    const exchange = this.exchanges[name];
    if (!exchange) {
      const rest = other ? { [other]: Number((this.ends[1] - wish).toFixed(10)) } : {};
      return askFor({ [name]: wish, ...rest }, released);
    }
    exchange.isHeld = !released;
    this.set[name] = wish;
    this.tellOwn();
    this.draw();
    if (released) exchange.release({ value: wish });
  }

  // The keys lead from one measured value to the next.
  listenToKeys() {
    const aims = () => {
      const { ends: [least, most], data: { axes: [{ marks }] } } = this;
      const more = marks.find((mark) => mark > this.at) ?? most;
      return { more, less: marks.findLast((mark) => mark < this.at) ?? least, least, most };
    };
    onKeys(this.slider, aims, (value) => this.askByKey(value));
  }

  // --- numbers -------------------------------------------------------------------------------------

  // Where a value is on an axis: what is shown of it, the mark before and its share of the way to the next.
  placeOn(axis, value) {
    const { marks, gaps } = axis;
    const inside = within(value, [marks[0], marks.at(-1)]);
    const gap = gaps.find(([from]) => marks[from] < inside - 1e-9 && inside + 1e-9 < marks[from + 1]);
    const shown = gap ? marks[gap[1]] : inside;
    const [from, share] = between(marks.map((mark) => spotOf(axis, mark)), spotOf(axis, shown));
    return { axis, shown, from, share, gap, isOutside: inside !== value };
  }

  // What is read there: each number on the straight line between its neighbours, losses by their logarithms.
  read(values) {
    const { axes, lines, gains, further, points, log } = this.data;
    if (points.length) {
      const far = ({ at }) => Math.abs(spotOf(axes[0], at[0]) - spotOf(axes[0], values[0]));
      const nearest = points.reduce((best, point) => (far(point) < far(best) ? point : best));
      const isExact = nearest.at.every((value, axis) => value === values[axis]);
      return { ...nearest, isExact, places: [], shown: nearest.at };
    }
    const places = axes.map((axis, at) => this.placeOn(axis, values[at]));
    const [row, column] = [places[0], places[1] ?? { from: 0, share: 0 }];
    const corners = [[0, 0], [0, 1], [1, 0], [1, 1]].map(([down, across]) => ({
      r: row.from + down, c: column.from + across,
      part: (down ? row.share : 1 - row.share) * (across ? column.share : 1 - column.share),
    })).filter(({ part }) => part > 0);
    const mixed = (cells, isLog) => {
      const each = corners.map(({ r, c }) => cells[r][c]);
      if (each.some((cell) => !cell)) return null;
      const side = (name) => corners.reduce((sum, { part }, at) => sum + part * (isLog ? Math.log(each[at][name]) : each[at][name]), 0);
      return Object.fromEntries(SIDES.map((name) => [name, isLog ? Math.exp(side(name)) : side(name)]));
    };
    const broken = corners.find(({ r, c }) => lines.some(({ cells }) => !cells[r][c]));
    return {
      places, shown: places.map(({ shown }) => shown),
      isExact: places.every(({ share, isOutside, gap }) => !share && !isOutside && !gap),
      lines: lines.map(({ cells }) => mixed(cells, log)), gains: gains.map(({ cells, ratio }) => mixed(cells, ratio)),
      further: further.length ? { ...mixed(further, true), beyond: corners.some(({ r, c }) => further[r][c].beyond) } : null,
      broken: broken && [broken.r, broken.c].slice(0, axes.length).map((mark, at) => axes[at].marks[mark]),
    };
  }

  // --- words ---------------------------------------------------------------------------------------

  told(value, axis) {
    const rest = axis.marks.at(-1) - value;
    return filled(axis.told, { value: inFull(value, 0), rest: inFull(rest, 0) });
  }

  toldOf(values) {
    return values.map((value, at) => this.told(value, this.data.axes[at])).join(", ");
  }

  number(value) {
    return this.data.log ? threeDigits(value) : this.say("percent", { value: value.toFixed(1) });
  }

  draw() {
    const values = this.data.axes.map((axis) => this.valueOf(axis));
    const isNothing = values.some(Number.isNaN);
    this.root.querySelector(".stage").hidden = isNothing;
    if (isNothing) return this.empty();
    const found = this.read(values);
    found.lines.forEach((line, at) => this.out(`line-${at}`, line ? this.number(line.mean) : "–"));
    found.gains.forEach((gain, at) => this.drawGain(gain, this.data.gains[at], at));
    this.drawFurther(found.further);
    this.drawBasis(found, values);
    this.slider.value = this.spot(found.shown[0]);
    this.slider.setAttribute("aria-valuetext", this.told(found.shown[0], this.data.axes[0]));
    this.chart.draw(found, values);
  }

  empty() {
    const names = this.data.lines.map((_, at) => `line-${at}`);
    for (const name of names) this.out(name, "–");
    this.data.gains.forEach((_, at) => [`gain-${at}`, `interval-${at}`].forEach((name) => this.out(name, "")));
    this.out("basis", this.say("nothing"));
  }

  drawGain(gain, { words, ratio }, at) {
    const none = ratio ? 1 : 0;
    const isSame = gain && gain.low === none && gain.high === none;
    const isClear = gain && (gain.low > none || gain.high < none);
    const isBetter = gain && (ratio ? gain.mean < none : gain.mean > none);
    const name = isSame ? "same" : !isClear ? "unclear" : isBetter ? "better" : "worse";
    const written = (value) => (ratio ? twoDigits(value) : minus(value.toFixed(1)));
    const value = gain && written(ratio ? gain.mean : Math.abs(gain.mean));
    this.out(`gain-${at}`, gain ? filled(words[name] ?? words.unclear, { value }) : "");
    const [low, high] = gain ? [gain.low, gain.high].map(written) : [];
    this.out(`interval-${at}`, gain && !isSame ? filled(words.interval, { low, high }) : "");
  }

  drawFurther(further) {
    if (!further) return this.out("further", "");
    const about = Object.fromEntries(SIDES.map((side) => [side, inLabels(further[side])]));
    const isSame = further.mean === further.low && further.mean === further.high;
    this.out("further", isSame ? "" : this.say(further.beyond ? "beyond" : "further", about));
  }

  drawBasis({ places, shown, isExact, broken }, values) {
    const { axes, points, seeds, images, data } = this.data;
    const notes = places.map(({ axis, gap, isOutside, shown: at }) => {
      const [low, high] = gap ? [axis.marks[gap[0]], axis.marks[gap[0] + 1]] : [axis.marks[0], axis.marks.at(-1)];
      const ends = { low: this.told(low, axis), high: this.told(high, axis), shown: this.told(at, axis) };
      return gap ? this.say("gap", ends) : isOutside ? this.say("outside", ends) : "";
    });
    if (points.length && !isExact) {
      const each = points.map(({ at }) => this.toldOf(at)).join("; ");
      notes.push(this.say("points", { points: each, shown: this.toldOf(shown) }));
    }
    const isBetween = places.some(({ share }) => share);
    if (broken) notes.push(this.say(isBetween ? "beside" : "broke", { where: this.toldOf(broken) }));
    else if (isBetween) notes.push(this.say("between"));
    notes.push(this.say("exact", { seeds, images: images.toLocaleString("en"), data }));
    this.out("basis", notes.filter(Boolean).join(" "));
  }
}

// --- an axis: a value's spot on it, and what a hand may set -------------------------------------------------------------

// On a logarithmic axis 0 has a place too, as far before the first mark as the second is behind it.
function spotOf({ log, marks }, value) {
  if (!log) return value;
  if (marks[0] > 0) return Math.log(value);
  const step = Math.log(marks[2] / marks[1]);
  return value <= marks[1] ? value / marks[1] : 1 + Math.log(value / marks[1]) / step;
}

function backOf({ log, marks }, spot) {
  if (!log) return spot;
  if (marks[0] > 0) return Math.exp(spot);
  return spot <= 1 ? spot * marks[1] : marks[1] * (marks[2] / marks[1]) ** (spot - 1);
}

function stopOf(axis, value) {
  const { stops, step } = axis;
  if (step) return Number((Math.round(value / step) * step).toFixed(10));
  if (!stops.length) return Number(value.toPrecision(2));
  const far = (stop) => Math.abs(spotOf(axis, stop) - spotOf(axis, value));
  return stops.reduce((best, stop) => (far(stop) < far(best) ? stop : best));
}

// Which of the rising `marks` begins the part that `value` is in, and its share of the way to the next.
function between(marks, value) {
  const at = Math.max(0, marks.findLastIndex((mark) => mark <= value + 1e-9));
  const share = at + 1 < marks.length ? (value - marks[at]) / (marks[at + 1] - marks[at]) : 0;
  return [at, share < 1e-9 ? 0 : share];
}

const twoDigits = (value) => (value >= 9.95 ? value.toFixed(0) : value >= 0.995 ? value.toFixed(1) : value.toFixed(2));
const threeDigits = (value) => (value >= 100 ? value.toFixed(0) : value >= 9.95 ? value.toFixed(1) : value.toFixed(2));
// Two digits of a number of labels tell all that its interval allows.
const inLabels = (count) => Number(count.toPrecision(2)).toLocaleString("en");
