// The chart: drawn in the pixels that there are, so that letters keep their size on a phone and on a wall.

const KINDS = ["errors", "missed"];
const POWERS = [0, 1, 2, 3, 4]; // of ten, on the axis of counts
const NONE = 0.5; // where a logarithmic axis shows no error at all
const DEEP = 50; // how far below the fewest errors the axis goes at most: missed digits may become none
const NARROW = 620; // no room for names at the curves' ends: the legend has them

class Chart {
  constructor(view) {
    this.view = view;
    this.svg = view.root.querySelector("svg");
  }

  // A count that the axis is too short for stands at its end.
  y(count) {
    return this.level(within(count, this.ends));
  }

  draw() {
    const { svg, view } = this;
    const box = frame(svg, { left: 4, right: 1.1, top: 2, bottom: 1.6 });
    if (!box.width) return;
    // All but the marker changes only with the data, the words and the size.
    const state = JSON.stringify([box, view.data.stamp, view.data.words, view.quiz.asks]);
    if (state !== this.drawn) {
      this.drawn = state;
      this.measure(box);
      this.marker = drawn("g", "marker");
      svg.replaceChildren(this.grid(), ...(view.quiz.asks ? [] : [...this.curves(), ...this.names(), ...this.points()]), this.marker);
      view.root.classList.toggle("narrow", this.isNarrow);
      publish(this.box, view.root);
    }
    this.drawMarker();
  }

  measure(box) {
    const { students, shifts } = this.view.data;
    this.box = box;
    this.isNarrow = box.width < NARROW;
    if (!this.isNarrow) box.right = box.width - this.widest() - box.em;
    this.means = {};
    for (const arm of ARMS) for (const kind of KINDS) this.means[`${arm} ${kind}`] = columns(students[arm][kind]);
    const fewest = Math.min(...ARMS.flatMap((arm) => this.means[`${arm} errors`]));
    const lowest = Math.max(NONE, fewest / DEEP, 0.7 * Math.min(...Object.values(this.means).flat()));
    this.ends = [lowest, 1.25 * Math.max(1, ...ARMS.flatMap((arm) => students[arm].errors.flat()))];
    this.level = logarithmic(this.ends, [box.bottom, box.top]);
    this.x = linear([0, shifts.at(-1)], [box.left, box.right]);
  }

  // How wide the longest of the curves' names is.
  widest() {
    const names = ARMS.flatMap((arm) => KINDS.map((kind) => drawn("text", `name ${kind}`, {}, this.view.lineName(arm, kind))));
    this.svg.replaceChildren(...names);
    return Math.max(...names.map((name) => name.getComputedTextLength()));
  }

  grid() {
    const [lowest, highest] = this.ends;
    const steps = highest / lowest > 20 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 8];
    const counts = POWERS.flatMap((power) => steps.map((step) => step * 10 ** power));
    const ys = counts.filter((count) => lowest <= count && count <= highest);
    const xs = this.view.data.shifts.filter((shift) => shift % 3 === 0);
    return axes(this.box, {
      xs: xs.map((shift) => [this.x(shift), shift ? `+${shift}` : "0"]),
      ys: ys.map((count) => [this.y(count), count.toLocaleString("en")]),
      title: this.view.say("y"),
    });
  }

  // Each trial thin, the mean bold; the student alone lies beneath.
  curves() {
    const { students, shifts, n } = this.view.data;
    const place = (count, at) => `${this.x(shifts[at]).toFixed(1)},${this.y(count).toFixed(1)}`;
    // What falls below the axis leaves the chart: at its edge it would look like a count.
    const inside = (row) => row.map((count, at) => (count < this.ends[0] ? "" : place(count, at))).filter(Boolean);
    const line = (name, row) => drawn("polyline", name, { points: inside(row).join(" ") });
    return [...ARMS].reverse().flatMap((arm) => KINDS.flatMap((kind) => [
      ...(n > 1 ? students[arm][kind].map((row) => line(`each ${arm} ${kind}`, row)) : []),
      line(`curve ${arm} ${kind}`, this.means[`${arm} ${kind}`]),
    ]));
  }

  // Names at the curves' right ends, moved apart where two would cover each other.
  names() {
    if (this.isNarrow) return [];
    const { em, top, right, bottom } = this.box;
    const ends = ARMS.flatMap((arm) => KINDS.map((kind) => ({ arm, kind, y: this.y(this.means[`${arm} ${kind}`].at(-1)) })));
    ends.sort((one, other) => other.y - one.y);
    let below = bottom + 0.2 * em;
    for (const end of ends) below = (end.y = Math.min(end.y, below)) - 1.25 * em;
    let above = top;
    for (const end of [...ends].reverse()) above = (end.y = Math.max(end.y, above)) + 1.25 * em;
    return ends.map(({ arm, kind, y }) =>
      drawn("text", `name ${arm} ${kind}`, { x: right + 0.6 * em, y: y + 0.35 * em }, this.view.lineName(arm, kind)));
  }

  // The marks: a sign on the axis at the mean of the trials' own shifts, a bar from the lowest to the highest.
  points() {
    const { view, box: { em, bottom } } = this;
    return POINTS.flatMap((point, place) => {
      const { shift } = view.data.students.distilled.points[point];
      const at = mean(shift);
      if (at < 0 || at > view.data.shifts.at(-1)) return [];
      const [x1, x2] = [Math.min(...shift), Math.max(...shift)].map((each) => this.x(Math.min(each, view.data.shifts.at(-1))));
      const y = bottom - (0.7 + 0.9 * (place === 2)) * em;
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
    this.marker.replaceChildren(drawn("line", "", { x1: x, x2: x, y1: this.box.top, y2: this.box.bottom }), ...dots);
  }
}

// The mean over the trials [trial][place] at each place.
function columns(rows) {
  return rows[0].map((_, at) => mean(rows.map((row) => row[at])));
}
