// The chart: drawn in the pixels that there are, so that letters keep their size on a phone and on a wall.

const KINDS = ["errors", "missed"];
const NONE = 0.5; // where a logarithmic axis shows no error at all
const DEEP = 50; // how far below the fewest errors the axis goes at most: missed digits may become none
const NARROW = 620; // no room for names at the curves' ends: the legend has them

class Chart {
  constructor(view) {
    this.view = view;
    this.svg = view.root.querySelector("svg");
    this.cover = view.root.querySelector(".cover");
    this.track = view.root.querySelector(".track");
  }

  x(shift) {
    return this.left + ((this.right - this.left) * shift) / this.view.data.shifts.at(-1);
  }

  shiftAt(x) {
    const share = (x - this.left) / (this.right - this.left);
    return this.view.data.shifts.at(-1) * Math.min(1, Math.max(0, share));
  }

  y(count) {
    const share = Math.log(Math.max(count, this.lowest) / this.lowest) / Math.log(this.highest / this.lowest);
    return this.bottom - (this.bottom - this.top) * Math.min(1, share);
  }

  draw() {
    const { svg, view } = this;
    const { clientWidth: width, clientHeight: height } = svg;
    if (!width) return;
    // All but the marker changes only with the data, the words and the size.
    this.em = parseFloat(getComputedStyle(svg).fontSize);
    const state = JSON.stringify([width, height, this.em, view.data.stamp, view.data.words, view.quiz.asks]);
    if (state !== this.drawn) {
      this.drawn = state;
      this.measure(width, height);
      this.marker = drawn("g", "marker");
      svg.replaceChildren(...this.grid(), ...(view.quiz.asks ? [] : [...this.curves(), ...this.names(), ...this.points()]), this.marker);
      view.root.classList.toggle("narrow", this.isNarrow);
      const box = { left: this.left, top: this.top, width: this.right - this.left, height: this.bottom - this.top };
      for (const [side, value] of Object.entries(box)) this.cover.style[side] = `${value}px`;
      this.track.style.setProperty("--left", `${this.left}px`);
      this.track.style.setProperty("--right", `${width - this.right}px`);
    }
    this.drawMarker();
  }

  measure(width, height) {
    const { students } = this.view.data;
    this.isNarrow = width < NARROW;
    [this.left, this.right] = [4 * this.em, width - (this.isNarrow ? 1.1 * this.em : this.widest() + this.em)];
    [this.top, this.bottom] = [2 * this.em, height - 1.6 * this.em];
    this.means = {};
    for (const arm of ARMS) for (const kind of KINDS) this.means[`${arm} ${kind}`] = columns(students[arm][kind]);
    const fewest = Math.min(...ARMS.flatMap((arm) => this.means[`${arm} errors`]));
    this.lowest = Math.max(NONE, fewest / DEEP, 0.7 * Math.min(...Object.values(this.means).flat()));
    this.highest = 1.25 * Math.max(1, ...ARMS.flatMap((arm) => students[arm].errors.flat()));
  }

  // How wide the longest of the curves' names is.
  widest() {
    const names = ARMS.flatMap((arm) => KINDS.map((kind) => drawn("text", `name ${kind}`, {}, this.view.lineName(arm, kind))));
    this.svg.replaceChildren(...names);
    return Math.max(...names.map((name) => name.getComputedTextLength()));
  }

  grid() {
    const { em } = this;
    const grid = drawn("g", "grid");
    const steps = this.highest / this.lowest > 20 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 8];
    for (let power = 0; power < 5; power += 1) {
      for (const step of steps) {
        const count = step * 10 ** power;
        if (count < this.lowest || count > this.highest) continue;
        const y = this.y(count);
        grid.append(drawn("line", "", { x1: this.left, x2: this.right, y1: y, y2: y }));
        grid.append(drawn("text", "", { x: this.left - 0.5 * em, y: y + 0.35 * em, "text-anchor": "end" }, count.toLocaleString("en")));
      }
    }
    for (let shift = 0; shift <= this.view.data.shifts.at(-1); shift += 3) {
      const x = this.x(shift);
      grid.append(drawn("line", "", { x1: x, x2: x, y1: this.bottom, y2: this.bottom + 0.3 * em }));
      grid.append(drawn("text", "", { x, y: this.bottom + 1.4 * em, "text-anchor": "middle" }, shift ? `+${shift}` : "0"));
    }
    grid.append(drawn("line", "axis", { x1: this.left, x2: this.right, y1: this.bottom, y2: this.bottom }));
    grid.append(drawn("text", "", { x: 0, y: 0.9 * em }, this.view.say("y")));
    return [grid];
  }

  // Each trial thin, the mean bold; the student alone lies beneath.
  curves() {
    const { students, shifts, n } = this.view.data;
    const place = (count, at) => `${this.x(shifts[at]).toFixed(1)},${this.y(count).toFixed(1)}`;
    // What falls below the axis leaves the chart: at its edge it would look like a count.
    const inside = (row) => row.map((count, at) => (count < this.lowest ? "" : place(count, at))).filter(Boolean);
    const line = (name, row) => drawn("polyline", name, { points: inside(row).join(" ") });
    return [...ARMS].reverse().flatMap((arm) => KINDS.flatMap((kind) => [
      ...(n > 1 ? students[arm][kind].map((row) => line(`each ${arm} ${kind}`, row)) : []),
      line(`curve ${arm} ${kind}`, this.means[`${arm} ${kind}`]),
    ]));
  }

  // Names at the curves' right ends, moved apart where two would cover each other.
  names() {
    if (this.isNarrow) return [];
    const { em } = this;
    const ends = ARMS.flatMap((arm) => KINDS.map((kind) => ({ arm, kind, y: this.y(this.means[`${arm} ${kind}`].at(-1)) })));
    ends.sort((one, other) => other.y - one.y);
    let below = this.bottom + 0.2 * em;
    for (const end of ends) below = (end.y = Math.min(end.y, below)) - 1.25 * em;
    let above = this.top;
    for (const end of [...ends].reverse()) above = (end.y = Math.max(end.y, above)) + 1.25 * em;
    return ends.map(({ arm, kind, y }) =>
      drawn("text", `name ${arm} ${kind}`, { x: this.right + 0.6 * em, y: y + 0.35 * em }, this.view.lineName(arm, kind)));
  }

  // The marks: a sign on the axis at the mean of the trials' own shifts, a bar from the lowest to the highest.
  points() {
    const { view, em } = this;
    return POINTS.flatMap((point, place) => {
      const { shift } = view.data.students.distilled.points[point];
      const at = mean(shift);
      if (at < 0 || at > view.data.shifts.at(-1)) return [];
      const [x1, x2] = [Math.min(...shift), Math.max(...shift)].map((each) => this.x(Math.min(each, view.data.shifts.at(-1))));
      const y = this.bottom - (0.7 + 0.9 * (place === 2)) * em;
      return [
        drawn("line", "range", { x1, x2, y1: y, y2: y }),
        drawn("text", `sign ${point}`, { x: this.x(at), y: y + 0.36 * em, "text-anchor": "middle" }, SIGNS[point]),
      ];
    });
  }

  drawMarker() {
    const { view } = this;
    if (view.quiz.asks) return this.marker.replaceChildren();
    const x = this.x(view.data.shifts[view.at]);
    const dots = [...ARMS].reverse().flatMap((arm) => {
      const trials = view.trials(arm);
      const shift = mean(trials.shift);
      if (shift < 0 || shift > view.data.shifts.at(-1)) return [];
      return KINDS.map((kind) => {
        const [cx, cy] = [this.x(shift), this.y(mean(trials[kind]))];
        return drawn("circle", `${arm} ${kind}`, { cx, cy, r: kind === "errors" ? 7 : 5.5 });
      });
    });
    this.marker.replaceChildren(drawn("line", "", { x1: x, x2: x, y1: this.top, y2: this.bottom }), ...dots);
  }
}

// The mean over the trials [trial][place] at each place.
function columns(rows) {
  return rows[0].map((_, at) => mean(rows.map((row) => row[at])));
}
