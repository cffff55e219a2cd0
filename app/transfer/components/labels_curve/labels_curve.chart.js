// The chart: drawn in the pixels that there are, so that letters keep their size on a phone and on a wall.

class Chart {
  constructor(view) {
    this.view = view;
    this.svg = view.root.querySelector("svg");
    this.cover = view.root.querySelector(".cover");
    this.track = view.root.querySelector(".track");
  }

  // A number of labels under a place on the stage.
  labelsAt(x) {
    const { labels } = this.view.data;
    const share = (x - this.left) / (this.right - this.left);
    return labels[0] * (labels.at(-1) / labels[0]) ** Math.min(1, Math.max(0, share));
  }

  x(labels) {
    const all = this.view.data.labels;
    return this.left + (this.right - this.left) * (Math.log(labels / all[0]) / Math.log(all.at(-1) / all[0]));
  }

  y(errors) {
    return this.bottom - ((this.bottom - this.top) * (accuracy(errors) - this.lowest)) / (100 - this.lowest);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.svg;
    if (!width) return;
    this.measure(width, height);
    // All but the marker changes only with the data, the words and the size; the marker glides.
    const { data } = this.view;
    const state = JSON.stringify([width, height, this.em, data, this.view.quiz.asks, this.view.quiz.guess]);
    if (state !== this.drawn) {
      this.drawn = state;
      this.svg.replaceChildren(...this.still(), ...this.makeMarker(), ...this.own());
      if (this.svg.isConnected) this.placeNames();
    }
    this.drawMarker();
    const box = { left: this.left, top: this.top, width: this.right - this.left, height: this.bottom - this.top };
    for (const [side, value] of Object.entries(box)) this.cover.style[side] = `${value}px`;
    this.track.style.setProperty("--left", `${this.left}px`);
    this.track.style.setProperty("--right", `${width - this.right}px`);
    this.track.style.setProperty("--at", `${this.x(data.labels[this.view.at]) - this.left}px`);
  }

  measure(width, height) {
    const { scratch, tuned, mine } = this.view.data;
    this.em = parseFloat(getComputedStyle(this.svg).fontSize);
    [this.left, this.right] = [3.4 * this.em, width - 1.2 * this.em];
    [this.top, this.bottom] = [1.8 * this.em, height - 3.2 * this.em];
    // Means decide what is shown, intervals only as far as they are not absurd.
    const means = [...scratch.mean, ...tuned.mean, ...(mine ? [mine.scratch, mine.tuned] : [])].map(accuracy);
    const ends = [...scratch.high, ...tuned.high].filter((end) => end !== null).map(accuracy);
    const lowest = Math.max(Math.min(...means) - 15, Math.min(...means, ...ends));
    this.lowest = Math.max(0, 10 * Math.floor(lowest / 10));
  }

  still() {
    const { view, em } = this;
    const { data } = view;
    const grid = drawn("g", "grid");
    const step = 100 - this.lowest > 50 ? 20 : 10;
    for (let value = 100; value >= this.lowest; value -= step) {
      const y = this.y(100 * (100 - value));
      grid.append(drawn("line", "", { x1: this.left, x2: this.right, y1: y, y2: y }));
      grid.append(drawn("text", "", { x: this.left - 0.5 * em, y: y + 0.35 * em, "text-anchor": "end" }, value));
    }
    for (const labels of data.labels) {
      const x = this.x(labels);
      grid.append(drawn("line", "", { x1: x, x2: x, y1: this.bottom, y2: this.bottom + 0.4 * em }));
      grid.append(drawn("text", "", { x, y: this.bottom + 1.5 * em, "text-anchor": "middle" }, labels));
    }
    grid.append(drawn("line", "axis", { x1: this.left, x2: this.right, y1: this.bottom, y2: this.bottom }));
    const middle = (this.left + this.right) / 2;
    grid.append(drawn("text", "", { x: middle, y: this.bottom + 2.9 * em, "text-anchor": "middle" }, view.say("x")));
    grid.append(drawn("text", "", { x: 0, y: 0.9 * em }, view.say("y", { target: data.target })));
    if (view.quiz.asks) return [grid]; // covered: what is not drawn cannot be found either
    return [grid, ...["scratch", "tuned"].flatMap((arm) => this.curve(arm)), ...this.guess()];
  }

  curve(arm) {
    const { labels, [arm]: errors } = this.view.data;
    const inside = (y) => Math.min(this.bottom, Math.max(this.top, y));
    const points = (values) => values.map((value, at) => [this.x(labels[at]), inside(this.y(value))]);
    const known = errors.low.every((low) => low !== null);
    const around = known ? [...points(errors.low), ...points(errors.high).reverse()] : [];
    const mean = points(errors.mean);
    return [
      drawn("polygon", `band ${arm}`, { points: around.join(" ") }),
      drawn("polyline", `curve ${arm}`, { points: mean.join(" ") }),
      ...mean.map(([cx, cy]) => drawn("circle", `dot ${arm}`, { cx, cy, r: 0.32 * this.em })),
      drawn("text", `name ${arm}`, {}, this.view.say(arm)),
    ];
  }

  // Curves rise: above and left of the upper one, below and right of the lower one, there is room for a name.
  placeNames() {
    if (this.view.quiz.asks) return;
    const { labels, scratch, tuned } = this.view.data;
    const upper = this.svg.querySelector("text.name.tuned");
    const lower = this.svg.querySelector("text.name.scratch");
    const wide = upper.getComputedTextLength();
    const from = labels.findIndex((each) => this.x(each) - 0.8 * this.em - wide > this.left + 4);
    const above = Math.min(labels.length - 1, Math.max(1, from));
    const below = labels.findLastIndex((each) => this.x(each) + 0.8 * this.em + lower.getComputedTextLength() < this.right);
    const under = Math.max(0, Math.min(below, Math.round(labels.length * 0.3)));
    set(upper, { x: this.x(labels[above]) - 0.8 * this.em, y: this.y(tuned.mean[above]) - 0.5 * this.em, "text-anchor": "end" });
    set(lower, { x: this.x(labels[under]) + 0.8 * this.em, y: this.y(scratch.mean[under]) + 1.2 * this.em });
  }

  guess() {
    const guess = Number(this.view.quiz.guess);
    if (!this.view.data.labels.includes(guess)) return [];
    const x = this.x(guess);
    const isLate = x > (this.left + this.right) / 2;
    const place = { x: x + (isLate ? -0.5 : 0.5) * this.em, y: this.bottom - 0.6 * this.em, "text-anchor": isLate ? "end" : "start" };
    return [
      drawn("line", "guess", { x1: x, x2: x, y1: this.top, y2: this.bottom }),
      drawn("text", "guessed", place, this.view.say("your_guess")),
    ];
  }

  // The person's own run: a diamond for each arm.
  own() {
    const { mine, labels } = this.view.data;
    if (!mine || this.view.quiz.asks) return [];
    const x = this.x(Math.min(labels.at(-1), Math.max(labels[0], mine.labels)));
    const r = 0.6 * this.em;
    const diamonds = ["scratch", "tuned"].map((arm) => {
      const y = this.y(mine[arm]);
      return drawn("path", `own ${arm}`, { d: `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z` });
    });
    const isLast = x > this.right - 6 * this.em;
    const y = this.y((mine.scratch + mine.tuned) / 2) + 0.35 * this.em;
    const place = { x: x + (isLast ? -1 : 1) * this.em, y, "text-anchor": isLast ? "end" : "start" };
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
    set(line, { y1: this.top, y2: this.bottom });
    set(between, { y1: scratch, y2: tuned });
    dots.scratch.setAttribute("cy", scratch);
    dots.tuned.setAttribute("cy", tuned);
  }
}
