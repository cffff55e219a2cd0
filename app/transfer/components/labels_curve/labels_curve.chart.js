// The chart: drawn in the pixels that there are, so that letters keep their size on a phone and on a wall.

class Chart {
  constructor(view) {
    this.view = view;
    this.svg = view.root.querySelector("svg");
  }

  draw() {
    this.box = frame(this.svg, { left: 3.4, right: 1.2, top: 1.8, bottom: 3.2 });
    if (!this.box.width) return;
    this.measure(this.box);
    // All but the marker changes only with the data, the words and the size; the marker glides.
    const { data } = this.view;
    const state = JSON.stringify([this.box, data, this.view.quiz.asks, this.view.quiz.guess]);
    if (state !== this.drawn) {
      this.drawn = state;
      this.svg.replaceChildren(...this.still(), ...this.makeMarker(), ...this.own());
      if (this.svg.isConnected) this.placeNames();
    }
    this.drawMarker();
    publish(this.box, this.view.root);
    this.view.root.style.setProperty("--at", `${this.x(data.labels[this.view.at]) - this.box.left}px`);
  }

  measure({ left, right, top, bottom }) {
    const { scratch, tuned, mine, labels } = this.view.data;
    // Means decide what is shown, intervals only as far as they are not absurd.
    const means = [...scratch.mean, ...tuned.mean, ...(mine ? [mine.scratch, mine.tuned] : [])].map(accuracy);
    const ends = [...scratch.high, ...tuned.high].filter((end) => end !== null).map(accuracy);
    const lowest = Math.max(Math.min(...means) - 15, Math.min(...means, ...ends));
    this.lowest = Math.max(0, 10 * Math.floor(lowest / 10));
    this.x = logarithmic([labels[0], labels.at(-1)], [left, right]);
    this.level = linear([this.lowest, 100], [bottom, top]);
  }

  y(errors) {
    return this.level(accuracy(errors));
  }

  still() {
    const { view, box: { left, right, bottom, em } } = this;
    const { labels, target } = view.data;
    const step = 100 - this.lowest > 50 ? 20 : 10;
    const marks = Array.from({ length: 11 }, (_, place) => 100 - place * step).filter((value) => value >= this.lowest);
    const grid = axes(this.box, {
      xs: labels.map((each) => [this.x(each), each]),
      ys: marks.map((value) => [this.level(value), value]),
      title: view.say("y", { target }),
    });
    const place = { x: (left + right) / 2, y: bottom + 2.9 * em, "text-anchor": "middle" };
    grid.append(drawn("text", "", place, view.say("x")));
    if (view.quiz.asks) return [grid]; // covered: what is not drawn cannot be found either
    return [grid, ...["scratch", "tuned"].flatMap((arm) => this.curve(arm)), ...this.guess()];
  }

  curve(arm) {
    const { labels, [arm]: errors } = this.view.data;
    const inside = (y) => within(y, [this.box.top, this.box.bottom]);
    const points = (values) => values.map((value, at) => [this.x(labels[at]), inside(this.y(value))]);
    const known = errors.low.every((low) => low !== null);
    const around = known ? [...points(errors.low), ...points(errors.high).reverse()] : [];
    const mean = points(errors.mean);
    return [
      drawn("polygon", `band ${arm}`, { points: around.join(" ") }),
      drawn("polyline", `curve ${arm}`, { points: mean.join(" ") }),
      ...mean.map(([cx, cy]) => drawn("circle", `dot ${arm}`, { cx, cy, r: 0.32 * this.box.em })),
      drawn("text", `name ${arm}`, {}, this.view.say(arm)),
    ];
  }

  // Curves rise: above and left of the upper one, below and right of the lower one, there is room for a name.
  placeNames() {
    if (this.view.quiz.asks) return;
    const { labels, scratch, tuned } = this.view.data;
    const { left, right, em } = this.box;
    const upper = this.svg.querySelector("text.name.tuned");
    const lower = this.svg.querySelector("text.name.scratch");
    const wide = upper.getComputedTextLength();
    const from = labels.findIndex((each) => this.x(each) - 0.8 * em - wide > left + 4);
    const above = Math.min(labels.length - 1, Math.max(1, from));
    const below = labels.findLastIndex((each) => this.x(each) + 0.8 * em + lower.getComputedTextLength() < right);
    const under = Math.max(0, Math.min(below, Math.round(labels.length * 0.3)));
    set(upper, { x: this.x(labels[above]) - 0.8 * em, y: this.y(tuned.mean[above]) - 0.5 * em, "text-anchor": "end" });
    set(lower, { x: this.x(labels[under]) + 0.8 * em, y: this.y(scratch.mean[under]) + 1.2 * em });
  }

  guess() {
    const guess = Number(this.view.quiz.guess);
    if (!this.view.data.labels.includes(guess)) return [];
    const { left, right, top, bottom, em } = this.box;
    const x = this.x(guess);
    const isLate = x > (left + right) / 2;
    const place = { x: x + (isLate ? -0.5 : 0.5) * em, y: bottom - 0.6 * em, "text-anchor": isLate ? "end" : "start" };
    return [
      drawn("line", "guess", { x1: x, x2: x, y1: top, y2: bottom }),
      drawn("text", "guessed", place, this.view.say("your_guess")),
    ];
  }

  // The person's own run: a diamond for each arm.
  own() {
    const { mine, labels } = this.view.data;
    if (!mine || this.view.quiz.asks) return [];
    const { right, em } = this.box;
    const x = this.x(within(mine.labels, [labels[0], labels.at(-1)]));
    const r = 0.6 * em;
    const diamonds = ["scratch", "tuned"].map((arm) => {
      const y = this.y(mine[arm]);
      return drawn("path", `own ${arm}`, { d: `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z` });
    });
    const isLast = x > right - 6 * em;
    const y = this.y((mine.scratch + mine.tuned) / 2) + 0.35 * em;
    const place = { x: x + (isLast ? -1 : 1) * em, y, "text-anchor": isLast ? "end" : "start" };
    return [...diamonds, drawn("text", "mine", place, this.view.say("mine"))];
  }

  makeMarker() {
    if (this.view.quiz.asks) return [];
    this.marker = drawn("g", "marker");
    this.parts = { line: drawn("line"), between: drawn("line", "between"), scratch: drawn("circle", "scratch"), tuned: drawn("circle", "tuned") };
    this.marker.append(...Object.values(this.parts));
    return [this.marker];
  }

  drawMarker() {
    if (this.view.quiz.asks) return;
    const { data, at } = this.view;
    const [scratch, tuned] = [data.scratch.mean[at], data.tuned.mean[at]].map((errors) => this.y(errors));
    const { line, between, ...dots } = this.parts;
    this.marker.style.transform = `translateX(${this.x(data.labels[at])}px)`;
    set(line, { y1: this.box.top, y2: this.box.bottom });
    set(between, { y1: scratch, y2: tuned });
    dots.scratch.setAttribute("cy", scratch);
    dots.tuned.setAttribute("cy", tuned);
  }
}
