// The same few points, two networks, k steps of gradient descent: all of it computed here while a hand moves.

const ARMS = ["maml", "joint"];
const X = [-5, 5];
const Y = [-6.5, 6.5];
const GRID = Array.from({ length: 101 }, (_, i) => X[0] + ((X[1] - X[0]) * i) / 100);
const MARKS = [0.01, 0.03, 0.1, 0.3, 1, 3, 10]; // of the mean error
const AT_KEY = { ArrowUp: [0, 0.2], ArrowDown: [0, -0.2], ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0] };

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.slider = root.querySelector("input[type=range]");
    this.charts = Object.fromEntries(["maml", "joint", "mean"].map((name) => [name, root.querySelector(`.${name} svg`)]));
    this.quiz = new Quiz(this, "adaptation_quiz", (state) => this.showQuestion(state));
    this.steps = 0;
    this.task = 0;
    this.listen();
  }

  receive(data) {
    const isNew = !this.data || this.data.stamp !== data.stamp;
    this.data = data;
    if (isNew) {
      this.nets = Object.fromEntries(ARMS.map((arm) => [arm, unpack(data[arm])]));
      this.take(0);
    }
    this.sayAll();
    this.quiz.fill(this.say("ask"), [...ARMS, "same"].map((guess) => [guess, this.say(guess)]));
    const { date, count, trials, rates } = data;
    this.out("note", this.say("note", { date, tasks: count, trials, rate: rates.maml, joint_rate: rates.joint }));
    if (data.talk) this.root.dataset.talk = "";
    this.watch(this.charts.maml);
    this.draw();
  }

  // Take up task number `task`, its points as recorded.
  take(task) {
    this.task = task % this.data.tasks.length;
    const { x } = this.data.tasks[this.task];
    this.points = x.map((each) => [each, this.truth(each)]);
    this.isMoved = false;
    this.nodes = null;
  }

  truth(x) {
    const { amplitude, phase } = this.data.tasks[this.task];
    return amplitude * Math.sin(x - phase);
  }

  listen() {
    this.slider.addEventListener("input", () => {
      this.steps = this.slider.valueAsNumber;
      this.quiz.reveal();
      this.draw();
    });
    this.root.querySelector(".other").addEventListener("click", () => {
      this.take(this.task + 1);
      this.draw();
    });
    this.root.querySelector(".back").addEventListener("click", () => {
      this.take(this.task);
      this.draw();
    });
    for (const arm of ARMS) this.hear(this.charts[arm]);
  }

  // A point is moved by hand or by the arrow keys; both charts show the same points.
  hear(svg) {
    svg.addEventListener("pointerdown", (event) => {
      const point = event.target.closest("[data-point]");
      if (!point || event.button) return;
      this.held = Number(point.dataset.point);
      svg.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    svg.addEventListener("pointermove", (event) => {
      if (this.held === undefined) return;
      const { left, top } = svg.getBoundingClientRect();
      const { x, y } = this.plane(svg);
      this.move(this.held, [x.back(event.clientX - left), y.back(event.clientY - top)]);
    });
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => (this.held = undefined));
    svg.addEventListener("keydown", (event) => {
      const point = event.target.closest("[data-point]");
      const by = AT_KEY[event.key];
      if (!point || !by || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const [x, y] = this.points[point.dataset.point];
      this.move(Number(point.dataset.point), [x + by[0], y + by[1]]);
    });
  }

  move(number, [x, y]) {
    this.points[number] = [within(x, X), within(y, Y)];
    this.isMoved = true;
    this.draw();
  }

  // The question is about no step at all: whoever asks for its answer is shown that.
  showQuestion({ step, guess }) {
    if (step === 0 || guess !== null) this.steps = 0;
  }

  // --- words ------------------------------------------------------------------------------------

  fact(guess) {
    if (this.quiz.asks) return "";
    const { maml, joint } = this.data.mean;
    // Where each mean lies in the other's interval, nobody can say which is nearer.
    const isSame = joint.low[0] <= maml.mean[0] && maml.mean[0] <= joint.high[0];
    const nearer = isSame ? "same" : maml.mean[0] < joint.mean[0] ? "maml" : "joint";
    const values = {
      maml0: threeDigits(maml.mean[0]), joint0: threeDigits(joint.mean[0]), maml1: threeDigits(maml.mean[1]), joint1: threeDigits(joint.mean[1]),
    };
    const fact = this.say(`${nearer}_nearer`, values);
    return guess === null ? fact : `${this.say(guess === nearer ? "said_right" : "said_wrong")} ${fact}`;
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { root, steps, quiz: { asks } } = this;
    this.quiz.draw();
    this.slider.value = steps;
    this.out("steps", this.say(steps === 1 ? "one_step" : "steps", { steps }));
    root.querySelector(".back").disabled = !this.isMoved;
    for (const arm of ARMS) {
      const net = copyOf(this.nets[arm]);
      const before = GRID.map((x) => forward(net, x));
      for (let step = 0; step < steps; step += 1) descend(net, this.points, this.data.rates[arm]);
      const after = GRID.map((x) => forward(net, x));
      const error = GRID.reduce((sum, x, i) => sum + (after[i] - this.truth(x)) ** 2, 0) / GRID.length;
      this.out(`error-${arm}`, asks ? "?" : threeDigits(error));
      this.drawPanel(arm, before, after, error);
    }
    this.drawMean();
  }

  plane(svg) {
    const box = frame(svg, { left: 2, right: 0.8, top: 0.6, bottom: 1.8 });
    return { box, x: linear(X, [box.left, box.right]), y: linear(Y, [box.bottom, box.top]) };
  }

  drawPanel(arm, before, after, error) {
    const { asks } = this.quiz;
    const svg = this.charts[arm];
    const { box, x, y } = this.plane(svg);
    if (!box.width) return;
    svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    const line = (values) =>
      values.map((value, i) => `${i ? "L" : "M"}${x(GRID[i]).toFixed(1)} ${y(within(value, Y)).toFixed(1)}`).join("");
    const ticks = (place) => [-5, 0, 5].map((value) => [place(value), minus(String(value))]);
    const shapes = [axes(box, { xs: ticks(x), ys: ticks(y) }), drawn("path", "truth", { d: line(GRID.map((x) => this.truth(x))) })];
    if (!asks) {
      if (this.steps) shapes.push(drawn("path", `curve before ${arm}`, { d: line(before) }));
      shapes.push(drawn("path", `curve ${arm}`, { d: line(after) }));
    }
    svg.setAttribute("aria-label", this.say("panel", { net: this.say(arm), steps: this.steps, error: asks ? "?" : threeDigits(error) }));
    // The points stay the same elements while they are dragged: a captured pointer and the focus survive.
    let nodes = svg.querySelector(".points");
    if (nodes?.children.length !== this.points.length) {
      nodes = drawn("g", "points");
      this.points.forEach((_, number) => nodes.append(drawn("circle", "", { r: 8, tabindex: 0, role: "button", "data-point": number })));
    }
    this.points.forEach(([at, value], number) => {
      const said = this.say("point", { x: at.toFixed(1), y: value.toFixed(1) });
      set(nodes.children[number], { cx: x(at), cy: y(value), "aria-label": said });
    });
    if (nodes.parentNode !== svg) svg.replaceChildren(...shapes, nodes);
    else {
      for (const old of [...svg.children]) if (old !== nodes) old.remove();
      nodes.before(...shapes);
    }
  }

  // Mean error of many tasks over steps, as recorded, on a logarithmic axis; the marker is at k.
  drawMean() {
    const svg = this.charts.mean;
    const box = frame(svg, { left: 3.2, right: 1.3, top: 0.6, bottom: 1.8 });
    const { em, left, right, top, bottom } = box;
    if (!box.width || this.quiz.asks) return svg.replaceChildren();
    const { mean } = this.data;
    const all = ARMS.flatMap((arm) => [...mean[arm].low, ...mean[arm].high]).filter((value) => value > 0);
    const ends = [Math.min(...all) / 1.12, Math.max(...all) * 1.12];
    const x = linear([0, 10], [left, right]);
    const level = logarithmic(ends, [bottom, top]);
    const y = (value) => level(Math.max(value, 1e-9));
    const marks = MARKS.filter((value) => ends[0] <= value && value <= ends[1]);
    const xs = [0, 1, 5, 10].map((step) => [x(step), step]);
    const shapes = [axes(box, { xs, ys: marks.map((value) => [y(value), value]) })];
    shapes.push(drawn("line", "marker", { x1: x(this.steps), x2: x(this.steps), y1: top, y2: bottom }));
    for (const arm of ARMS) {
      const each = mean[arm];
      const path = (values) => values.map((value, step) => `${step ? "L" : "M"}${x(step)} ${y(value)}`).join("");
      const back = [...each.low].map((value, step) => `L${x(step)} ${y(value)}`).reverse().join("");
      shapes.push(drawn("path", `band ${arm}`, { d: `${path(each.high)}${back}Z` }), drawn("path", `curve ${arm}`, { d: path(each.mean) }));
      shapes.push(drawn("circle", `dot ${arm}`, { cx: x(this.steps), cy: y(each.mean[this.steps]), r: 7 }));
    }
    svg.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    const [maml, joint] = ARMS.map((arm) => threeDigits(mean[arm].mean[this.steps]));
    svg.setAttribute("aria-label", this.say("mean_says", { steps: this.steps, maml, joint }));
    svg.replaceChildren(...shapes, ...this.names(x, y, em));
  }

  // Each curve's name beside its value at k.
  names(x, y, em) {
    const { mean } = this.data;
    const right = this.steps < 6;
    return ARMS.map((arm) => {
      const value = mean[arm].mean[this.steps];
      const isUpper = value >= mean[ARMS.find((other) => other !== arm)].mean[this.steps];
      const at = { x: x(this.steps) + (right ? 0.8 : -0.8) * em, y: y(value) + (isUpper ? -0.7 : 1.5) * em, "text-anchor": right ? "start" : "end" };
      return drawn("text", `name ${arm}`, at, `${this.say(arm)}: ${threeDigits(value)}`);
    });
  }
}

function threeDigits(value) {
  return value >= 100 ? value.toFixed(0) : value >= 9.95 ? value.toFixed(1) : value.toFixed(2);
}
