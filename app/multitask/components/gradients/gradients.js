// Two task gradients of a real run, their weighted sum, and what one small step along it did to both losses.
// All of it happens here, from recorded numbers; Python hears of the weights when a slider is released.

const TASKS = ["first", "second"];
const GUESSES = ["both", "one", "none"];

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.svg = root.querySelector("svg");
    this.sliders = [...root.querySelectorAll(".weights input")];
    this.at = [0, 0]; // positions in data.weights
    this.exchange = new Exchange("weights");
    this.quiz = new Quiz(this, "gradients_quiz", (state) => this.showQuestion(state));
    this.obey = ({ detail: { values, released } }) => this.take(values, released);
    this.listen();
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send) {
    this.data = data;
    const wish = data.at.map((weight) => this.nearest(weight));
    if (this.exchange.hear({ weights: this.weights(wish) }, data.heard, send)) this.at = wish;
    // Weights beyond the sliders look alike here, and are not.
    const isNew = String(data.at) !== this.wished && data.heard >= this.exchange.number && !this.exchange.isHeld;
    this.wished = String(data.at);
    if (isNew) this.tell(data.at);
    for (const slider of this.sliders) slider.max = data.weights.length - 1;
    this.write();
    if (data.talk) this.root.dataset.talk = "";
    this.watch(this.svg);
    this.draw();
    live.addEventListener("ask", this.obey);
  }

  close() {
    super.close();
    live.removeEventListener("ask", this.obey);
    clearTimeout(this.exchange.timer);
  }

  // The weights at two places of the sliders.
  weights(at) {
    return at.map((place) => this.data.weights[place]);
  }

  nearest(weight) {
    return nearest(this.data.weights, weight);
  }

  // The parts that follow.
  tell(weights) {
    if (this.data.talk) return;
    tell(this.root, Object.fromEntries(this.data.tasks.map((task, at) => [`weight_${task}`, weights[at]])));
  }

  // What a part that follows asks for.
  take(values, released) {
    const wish = this.data.tasks.map((task) => values[`weight_${task}`]);
    if (wish.includes(undefined)) return;
    this.exchange.isHeld = !released;
    this.at = wish.map((weight) => this.nearest(weight));
    this.quiz.reveal();
    this.draw();
    this.tell(this.weights(this.at));
    if (released) this.release();
  }

  // --- here -> Python -------------------------------------------------------------------------

  release() {
    this.exchange.isHeld = false;
    this.exchange.release({ weights: this.weights(this.at) });
  }

  listen() {
    this.sliders.forEach((slider, task) => {
      slider.addEventListener("input", () => {
        this.at[task] = slider.valueAsNumber;
        this.quiz.reveal();
        this.draw();
        this.tell(this.weights(this.at));
        this.exchange.later(() => this.release());
      });
      slider.addEventListener("pointerdown", () => (this.exchange.isHeld = true));
      slider.addEventListener("pointercancel", () => this.release());
      slider.addEventListener("change", () => {
        if (this.exchange.isHeld) this.release();
      });
      slider.addEventListener("pointerup", () => this.release());
      slider.addEventListener("blur", () => this.release());
    });
  }

  // The question is about weights 1 and 1: whoever asks for its answer is shown them.
  showQuestion({ step, guess }) {
    if (step !== 0 && guess === null) return;
    this.at = [1, 1].map((weight) => this.nearest(weight));
    this.tell(this.weights(this.at));
    this.release();
  }

  // --- words ------------------------------------------------------------------------------------

  write() {
    this.sayAll();
    this.quiz.fill(this.say("ask"), GUESSES.map((guess) => [guess, this.say(`guess_${guess}`)]));
    const { labels, at_step, images, step_size, parameters } = this.data;
    this.sliders.forEach((slider, task) => {
      this.out(`name-${task}`, this.say("weight", { number: "₁₂"[task], task: labels[task] }));
      this.out(`effect-name-${task}`, labels[task]);
      slider.setAttribute("aria-label", this.say("weight", { number: "₁₂"[task], task: labels[task] }));
    });
    this.out("step", this.say("step", { size: String(step_size) }));
    this.out("note", this.say("note", { step: at_step, images, parameters: parameters.toLocaleString("en") }));
  }

  number4(value) {
    return Math.abs(value) >= 0.0995 ? Math.abs(value).toFixed(3) : Math.abs(value).toPrecision(2);
  }

  // What a step at these places of the weights did, as a sentence of both tasks.
  told([first, second]) {
    const change = this.data.change[first][second];
    const parts = change.map((delta, task) => {
      const name = delta === 0 ? "stays" : delta < 0 ? "fell" : "rose";
      return this.say(name, { task: this.data.labels[task], by: this.number4(delta) });
    });
    return this.say("told", { first: parts[0], second: parts[1] });
  }

  fact(guess) {
    if (this.quiz.asks) return "";
    const one = this.nearest(1);
    const said = guess === null ? "" : this.say(`said_${guess}`);
    return [said, this.say("fact", { told: this.told([one, one]) })].filter(Boolean).join(" ");
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { data, at } = this;
    const weights = this.weights(at);
    const total = weights[0] + weights[1];
    this.quiz.draw();
    this.sliders.forEach((slider, task) => {
      slider.value = at[task];
      const share = total ? this.say("share", { share: Math.round((100 * weights[task]) / total) }) : "";
      this.out(`weight-${task}`, this.say("value", { value: inTenths(weights[task]), share }));
      slider.setAttribute("aria-valuetext", inTenths(weights[task]));
    });
    this.drawEffects(data.change[at[0]][at[1]]);
    this.drawPlane(weights);
  }

  drawEffects(change) {
    const { data, quiz: { asks } } = this;
    const most = Math.max(...data.change.flat(2).map(Math.abs)) || 1;
    this.root.querySelectorAll(".effect").forEach((row, task) => {
      const delta = asks ? 0 : change[task];
      const bar = row.querySelector("i");
      bar.style.setProperty("--wide", Math.min(1, Math.sqrt(Math.abs(delta) / most)));
      row.classList.toggle("up", delta > 0);
      const sign = delta < 0 ? "−" : "+";
      this.out(`change-${task}`, asks ? "?" : delta === 0 ? "0" : sign + this.number4(delta));
      const [from, to] = [data.losses[task], data.losses[task] + delta].map((loss) => loss.toFixed(3));
      this.out(`loss-${task}`, asks ? "" : this.say("from_to", { from, to }));
    });
    const rises = change.filter((delta) => delta > 0).length;
    const still = change.every((delta) => delta === 0);
    const outcome = still ? "no_step" : ["both_fall", "one_rises", "both_rise"][rises];
    this.out("outcome", asks ? "" : this.say(outcome));
    this.root.querySelector(".outcome").classList.toggle("bad", !asks && rises > 0);
  }

  // The plane of the two gradients: downhill for each task, the weighted sum, and where both losses fall.
  drawPlane(weights) {
    const { data, svg, quiz: { asks } } = this;
    const wide = svg.clientWidth;
    const high = svg.clientHeight;
    if (!wide || !high) return;
    const em = parseFloat(getComputedStyle(svg).fontSize);
    const half = Math.acos(Math.max(-1, Math.min(1, data.cosine))) / 2;
    // Up is half-way between the two.
    const arrows = data.norms.map((norm, task) => {
      const side = task === 0 ? -1 : 1;
      return [side * norm * Math.sin(half), norm * Math.cos(half)];
    });
    const sum = [0, 1].map((axis) => weights[0] * arrows[0][axis] + weights[1] * arrows[1][axis]);
    // One scale for all weights, and the origin where the whole fan of arrows is in the middle.
    const largest = data.weights.at(-1);
    const [left, right] = arrows.map(([x]) => largest * Math.abs(x));
    const height = largest * (arrows[0][1] + arrows[1][1]);
    const [beside, below] = [6.2 * em, 2.2 * em];
    const scale = Math.min((wide - 2 * beside) / Math.max(left + right, 1e-9), (high - below - 2.2 * em) / Math.max(height, 1e-9));
    const origin = [(wide + scale * (left - right)) / 2, high - below];
    const place = ([x, y]) => [origin[0] + scale * x, origin[1] - scale * y];
    const far = 2 * Math.hypot(wide, high);
    const edge = Math.PI / 2 - half; // the wedge's half width
    const ray = (angle) => [origin[0] + far * Math.sin(angle), origin[1] - far * Math.cos(angle)];
    const wedge = drawn("path", "wedge", { d: `M${origin}L${ray(-edge)}L${ray(edge)}Z` });
    const shapes = [drawn("defs", "", {}, clip(wide, high)), wedge];
    wedge.setAttribute("clip-path", "url(#gradients-frame)");
    if (edge > 0.12) {
      shapes.push(drawn("text", "region", { x: origin[0], y: 1.7 * em, "text-anchor": "middle" }, this.say("both_fall_here")));
    }
    const weighted = arrows.map((arrow, task) => arrow.map((value) => weights[task] * value));
    weighted.forEach((tip, task) => {
      if (!asks) {
        const [x1, y1] = place(tip);
        const [x2, y2] = place(sum);
        shapes.push(drawn("line", "side", { x1, y1, x2, y2 }));
      }
      shapes.push(...arrow(place([0, 0]), place(asks ? arrows[task] : tip), TASKS[task], 0.9 * em));
    });
    if (!asks && (weights[0] || weights[1])) shapes.push(...arrow(place([0, 0]), place(sum), "sum", 0.9 * em));
    shapes.push(drawn("circle", "origin", { cx: origin[0], cy: origin[1], r: 4 }));
    shapes.push(...this.names(asks ? arrows : weighted, sum, place, em));
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    svg.replaceChildren(...shapes);
    this.placeRegion(origin, edge, wide, em);
    const degrees = Math.round((2 * half * 180) / Math.PI);
    svg.setAttribute("aria-label", this.say("picture", { degrees, first: data.labels[0], second: data.labels[1] }));
  }

  // The wedge's name stands in it, or beside it, where there is more room, if it is too narrow at that height.
  placeRegion(origin, edge, wide, em) {
    const region = this.svg.querySelector(".region");
    if (!region) return;
    const half = (origin[1] - 0.7 * em) * Math.tan(edge); // at the upper end of the letters
    if (region.getComputedTextLength() + em <= 2 * half) return;
    const side = origin[0] > wide / 2 ? -1 : 1;
    set(region, { x: origin[0] + side * (half + 0.5 * em), "text-anchor": side < 0 ? "end" : "start" });
  }

  names(arrows, sum, place, em) {
    const { data, quiz: { asks } } = this;
    const degrees = Math.round((Math.acos(data.cosine) * 180) / Math.PI);
    const texts = arrows.map((arrow, task) => {
      const [x, y] = place(arrow);
      const side = task === 0 ? -0.5 : 0.5;
      const at = { x: x + side * em, y: y + 0.35 * em, "text-anchor": task === 0 ? "end" : "start" };
      return drawn("text", `name ${TASKS[task]}`, at, data.labels[task]);
    });
    const [x0, y0] = place([0, 0]);
    const angle = drawn("text", "angle", { x: x0, y: y0 + 1.6 * em, "text-anchor": "middle" }, `${degrees}°`);
    if (asks) return [...texts, angle];
    const [x, y] = place(sum);
    const at = { x, y: y - 0.7 * em, "text-anchor": "middle" };
    return [...texts, angle, drawn("text", "name sum", at, this.say("sum"))];
  }
}

function clip(width, height) {
  return drawn("clipPath", "", { id: "gradients-frame" }, drawn("rect", "", { x: 0, y: 0, width, height }));
}
