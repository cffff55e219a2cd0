// The chart: each arm over the first setting at the present value of the second, with intervals, and a marker.

const MARKS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10]; // of a loss

class Chart {
  constructor(view) {
    this.view = view;
  }

  draw(found, values) {
    const { view } = this;
    const { svg, data: { axes, lines, points } } = view;
    const box = frame(svg, { left: 3.2, right: 1.2, top: 2.4, bottom: 3 });
    if (!box.width) return;
    this.box = box;
    const [axis] = axes;
    view.x = this.x = spread(axis, [box.left, box.right]);
    const across = values.slice(1);
    const over = axis.marks.map((mark) => view.read([mark, ...across]).lines);
    const ticks = this.measure(over);
    const xs = axis.marks.map((mark) => [this.x(mark), mark]);
    const grid = ruled(box, axis, xs, ticks, view.say("y"));
    const isMeasured = found.places.slice(1).every(({ share, isOutside, gap }) => !share && !isOutside && !gap);
    const parts = lines.map((line, at) => {
      if (points.length && !line.is_flat) return this.dots(points.map(({ at: [x], lines }) => [x, lines[at]]), line);
      return this.line(line, over.map((each) => each[at]), isMeasured);
    });
    svg.replaceChildren(grid, ...parts, this.marker(found));
    publish(box, view.root);
  }

  // The scale of y, and its lines. Marks beyond a gap do not count: there an arm may learn nothing at all.
  measure(over) {
    const { axes: [axis], lines, log, steady, points } = this.view.data;
    const { top, bottom } = this.box;
    const apart = new Set(axis.gaps.map(([from, shown]) => (shown === from ? from + 1 : from)));
    const all = steady ? lines.flatMap(({ cells }) => cells.filter((_, at) => !apart.has(at)).flat())
      : over.filter((_, at) => !apart.has(at)).flat();
    const cells = [...all, ...points.flatMap(({ lines }) => lines)].filter(Boolean);
    if (log) {
      const ends = [Math.min(...cells.map(({ low }) => low)) / 1.12, Math.max(...cells.map(({ high }) => high)) * 1.12];
      this.ends = ends;
      this.level = logarithmic(ends, [bottom, top]);
      return MARKS.filter((mark) => ends[0] <= mark && mark <= ends[1]).map((mark) => [this.level(mark), mark]);
    }
    const means = 1.6 * Math.max(...cells.map(({ mean }) => mean));
    const most = 1.05 * Math.min(means, Math.max(...cells.map(({ high }) => high)));
    this.ends = [0, most];
    this.level = linear(this.ends, [bottom, top]);
    const step = [0.5, 1, 2, 5, 10, 20].find((each) => most / each <= 5) ?? 50;
    return [...Array(Math.floor(most / step) + 1).keys()].map((at) => [this.level(at * step), at * step]);
  }

  y(value) {
    return this.level(within(value, this.ends));
  }

  hued({ colour, dashed }, kind, inside) {
    return drawn("g", [kind, dashed ? "dashed" : ""].filter(Boolean).join(" "), { style: `--hue: ${colour}` }, ...inside);
  }

  // Means as a line, their intervals as a band behind it; broken where nothing is read, and where nothing was measured.
  line(line, over, isMeasured) {
    const { axes: [axis] } = this.view.data;
    const parts = [[]];
    over.forEach((cell, at) => {
      if (cell && cell.mean <= this.ends[1] * 1.001) parts.at(-1).push([axis.marks[at], cell]);
      if (!cell || (!line.is_flat && axis.gaps.some(([from]) => from === at))) parts.push([]);
    });
    const inside = parts.filter((part) => part.length).flatMap((part) => {
      const place = (side) => part.map(([mark, cell]) => `${this.x(mark).toFixed(1)},${this.y(cell[side]).toFixed(1)}`);
      return [
        drawn("polygon", "band", { points: [...place("high"), ...place("low").reverse()].join(" ") }),
        drawn("polyline", "", { points: place("mean").join(" ") }),
      ];
    });
    const dots = line.is_flat ? [] : parts.flat().map(([mark, cell]) => this.dot(mark, cell, 4.5));
    return this.hued(line, line.is_flat ? "flat" : isMeasured ? "" : "between", [...inside, ...dots]);
  }

  dots(cells, line) {
    return this.hued(line, "", cells.map(([mark, cell]) => this.dot(mark, cell, 5.5)));
  }

  dot(mark, cell, r) {
    return drawn("circle", "cell", { cx: this.x(mark), cy: this.y(cell.mean), r });
  }

  marker(found) {
    const { view } = this;
    const x = this.x(found.shown[0]);
    const dots = view.data.lines.flatMap(({ colour }, at) => {
      const line = found.lines[at];
      return line && line.mean <= this.ends[1] * 1.001 ? [drawn("circle", "", { cx: x, cy: this.y(line.mean), r: 6.5, style: `--hue: ${colour}` })] : [];
    });
    return drawn("g", "marker", {}, ...marking(this.box, x, view.toldOf(found.shown), dots));
  }
}

// From a value of the axis to its place, and `back`.
function spread(axis, places) {
  const even = linear([axis.marks[0], axis.marks.at(-1)].map((mark) => spotOf(axis, mark)), places);
  const place = (value) => even(spotOf(axis, value));
  place.back = (at) => backOf(axis, even.back(at));
  return place;
}

// The axes; of two ticks that would touch, the later is left out.
function ruled(box, axis, xs, ys, title) {
  const kept = xs.reduce((found, tick) => (found.length && tick[0] - found.at(-1)[0] < 1.9 * box.em ? found : [...found, tick]), []);
  const grid = axes(box, { xs: kept, ys, title });
  grid.append(drawn("text", "", { x: (box.left + box.right) / 2, y: box.bottom + 2.7 * box.em, "text-anchor": "middle" }, axis.label));
  return grid;
}
