// Two task gradients of a real run, their weighted sum, and what one small step along it did to both losses.
// All of it happens here, from recorded numbers; Python hears of the weights when a slider is released.

const PAUSE_MS = 400; // keys have no release, so a pause is one
const KEPT_AS = "gradients_quiz";
const START = { asks: true, guess: null };

// Streamlit calls this on mount and again after each rerun; a view lives as long as its elements.
const views = new WeakMap();

export default function ({ data: [data], parentElement, setStateValue }) {
  const root = parentElement.querySelector(".gradients");
  if (!views.has(root)) views.set(root, new View(root));
  const view = views.get(root);
  view.receive(data, (release) => setStateValue("weights", release));
  return () => view.close();
}

class View {
  constructor(root) {
    this.root = root;
    this.svg = root.querySelector("svg");
    this.sliders = [...root.querySelectorAll(".weights input")];
    this.at = [0, 0]; // positions in data.weights
    this.kept = kept() ?? START;
    this.watcher = new ResizeObserver(() => this.data && this.draw());
    this.watcher.observe(this.svg);
    this.listen();
  }

  // A lesson asks in our place: it says whether there is a cover, and the strip is gone.
  get isLed() {
    return typeof this.data?.covers === "boolean";
  }

  get kept() {
    return this.isLed ? { asks: this.data.covers, guess: null } : this.own;
  }

  set kept(to) {
    this.own = to;
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send) {
    this.send = send;
    const before = this.data;
    this.data = data;
    this.number = Math.max(this.number ?? 0, data.heard);
    // An answer to an older release than our last one is out of date: the newer answer is on its way.
    const isLate = data.heard < this.number || this.isHeld;
    const wish = data.at.map((weight) => this.nearest(weight));
    if (!before || (!isLate && String(wish) !== String(this.asked) && String(wish) !== String(this.released))) {
      clearTimeout(this.timer);
      this.at = [...wish]; // its own: a slider writes into it
      this.released = wish;
    }
    if (!before || !isLate) this.asked = wish;
    for (const slider of this.sliders) slider.max = data.weights.length - 1;
    this.write();
    if (data.talk) this.root.dataset.talk = "";
    this.watcher.observe(this.svg); // again after an unmount
    this.draw();
  }

  close() {
    clearTimeout(this.timer);
    this.watcher.disconnect();
  }

  nearest(weight) {
    const far = this.data.weights.map((each) => Math.abs(each - weight));
    return far.indexOf(Math.min(...far));
  }

  // --- here -> Python -------------------------------------------------------------------------

  release() {
    clearTimeout(this.timer);
    this.isHeld = false;
    if (String(this.at) === String(this.released)) return;
    this.released = [...this.at];
    this.number += 1;
    this.send({ weights: this.at.map((place) => this.data.weights[place]), number: this.number });
  }

  listen() {
    this.sliders.forEach((slider, task) => {
      slider.addEventListener("input", () => {
        this.at[task] = slider.valueAsNumber;
        if (this.kept.asks && !this.isLed) this.go({ asks: false, guess: null });
        else this.draw();
        clearTimeout(this.timer);
        if (!this.isHeld) this.timer = setTimeout(() => this.release(), PAUSE_MS);
      });
      slider.addEventListener("pointerdown", () => (this.isHeld = true));
      slider.addEventListener("pointercancel", () => this.release());
      slider.addEventListener("change", () => {
        if (this.isHeld) this.release();
      });
      slider.addEventListener("pointerup", () => this.release());
      slider.addEventListener("blur", () => this.release());
    });
    for (const button of this.root.querySelectorAll(".guesses button")) {
      button.addEventListener("click", () => this.go({ asks: false, guess: button.dataset.guess }, true));
    }
    this.root.querySelector(".skip").addEventListener("click", () => this.go({ asks: false, guess: null }, true));
    this.root.querySelector(".again").addEventListener("click", () => this.go(START, true));
  }

  // The question is about weights 1 and 1: whoever asks for its answer is shown them.
  go(to, focus = false) {
    this.kept = to;
    keep(to);
    if (to.guess !== null || to.asks) {
      this.at = [1, 1].map((weight) => this.nearest(weight));
      this.release();
    }
    this.draw();
    // The pressed button is gone; what it led to is read out, and the next Tab goes on from there.
    if (focus) this.root.querySelectorAll(".step")[to.asks ? 0 : 1].querySelector("[tabindex], button").focus({ preventScroll: true });
  }

  // --- words ------------------------------------------------------------------------------------

  say(name, values = {}) {
    return this.data.words[name].replace(/\{(\w+)\}/g, (_, value) => values[value]);
  }

  write() {
    for (const element of this.root.querySelectorAll("[data-text]")) element.textContent = this.say(element.dataset.text);
    for (const element of this.root.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", this.say(element.dataset.label));
    }
    const { labels, at_step, images, step_size, parameters } = this.data;
    this.sliders.forEach((slider, task) => {
      this.out(`name-${task}`, this.say("weight", { number: "₁₂"[task], task: labels[task] }));
      this.out(`effect-name-${task}`, labels[task]);
      slider.setAttribute("aria-label", this.say("weight", { number: "₁₂"[task], task: labels[task] }));
    });
    this.out("step", this.say("step", { size: String(step_size) }));
    this.out("note", this.say("note", { step: at_step, images, parameters: parameters.toLocaleString("en") }));
  }

  out(name, text) {
    const element = this.root.querySelector(`[data-out="${name}"]`);
    if (element.textContent !== text) element.textContent = text;
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

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { data, at, kept: { asks, guess } } = this;
    const weights = at.map((place) => data.weights[place]);
    const total = weights[0] + weights[1];
    this.root.classList.toggle("asks", asks);
    this.root.querySelector(".quiz").hidden = this.isLed;
    this.root.querySelectorAll(".step").forEach((step, place) => step.classList.toggle("now", place === (asks ? 0 : 1)));
    this.sliders.forEach((slider, task) => {
      slider.value = at[task];
      const share = total ? this.say("share", { share: Math.round((100 * weights[task]) / total) }) : "";
      this.out(`weight-${task}`, this.say("value", { value: inTenths(weights[task]), share }));
      slider.setAttribute("aria-valuetext", inTenths(weights[task]));
    });
    this.drawEffects(data.change[at[0]][at[1]]);
    this.drawPlane(weights);
    const one = this.nearest(1);
    const said = guess === null ? "" : this.say(`said_${guess}`);
    this.out("fact", asks ? "" : [said, this.say("fact", { told: this.told([one, one]) })].filter(Boolean).join(" "));
  }

  drawEffects(change) {
    const { data, kept: { asks } } = this;
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
    const { data, svg, kept: { asks } } = this;
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
    const wedge = draw("path", "wedge", { d: `M${origin}L${ray(-edge)}L${ray(edge)}Z` });
    const shapes = [draw("defs"), wedge];
    shapes[0].append(clip(wide, high));
    wedge.setAttribute("clip-path", "url(#gradients-frame)");
    if (edge > 0.12) {
      shapes.push(draw("text", "region", { x: origin[0], y: 1.7 * em, "text-anchor": "middle" }, this.say("both_fall_here")));
    }
    const weighted = arrows.map((arrow, task) => arrow.map((value) => weights[task] * value));
    weighted.forEach((arrow, task) => {
      if (!asks) {
        const [x1, y1] = place(arrow);
        const [x2, y2] = place(sum);
        shapes.push(draw("line", "side", { x1, y1, x2, y2 }));
      }
      shapes.push(...this.arrow(place([0, 0]), place(asks ? arrows[task] : arrow), `task ${["first", "second"][task]}`, em));
    });
    if (!asks && (weights[0] || weights[1])) shapes.push(...this.arrow(place([0, 0]), place(sum), "sum", em));
    shapes.push(draw("circle", "origin", { cx: origin[0], cy: origin[1], r: 4 }));
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
    fill(region, { x: origin[0] + side * (half + 0.5 * em), "text-anchor": side < 0 ? "end" : "start" });
  }

  arrow(from, to, name, em) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    if (length < 1) return [];
    const head = Math.min(0.9 * em, length);
    const [ux, uy] = [dx / length, dy / length];
    const back = [to[0] - head * ux, to[1] - head * uy];
    const wing = 0.45 * head;
    return [
      draw("line", `arrow ${name}`, { x1: from[0], y1: from[1], x2: back[0], y2: back[1] }),
      draw("path", `head ${name}`, {
        d: `M${to}L${back[0] - wing * uy} ${back[1] + wing * ux}L${back[0] + wing * uy} ${back[1] - wing * ux}Z`,
      }),
    ];
  }

  names(arrows, sum, place, em) {
    const { data, kept: { asks } } = this;
    const degrees = Math.round((Math.acos(data.cosine) * 180) / Math.PI);
    const texts = arrows.map((arrow, task) => {
      const [x, y] = place(arrow);
      const side = task === 0 ? -0.5 : 0.5;
      const at = { x: x + side * em, y: y + 0.35 * em, "text-anchor": task === 0 ? "end" : "start" };
      return draw("text", `name ${["first", "second"][task]}`, at, data.labels[task]);
    });
    const [x0, y0] = place([0, 0]);
    const angle = draw("text", "angle", { x: x0, y: y0 + 1.6 * em, "text-anchor": "middle" }, `${degrees}°`);
    if (asks) return [...texts, angle];
    const [x, y] = place(sum);
    const at = { x, y: y - 0.7 * em, "text-anchor": "middle" };
    return [...texts, angle, draw("text", "name sum", at, this.say("sum"))];
  }
}

function draw(kind, name = "", attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
  if (name) element.setAttribute("class", name);
  if (text) element.textContent = text;
  return fill(element, attributes);
}

function fill(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function clip(width, height) {
  const path = draw("clipPath", "", { id: "gradients-frame" });
  path.append(draw("rect", "", { x: 0, y: 0, width, height }));
  return path;
}

// A browser may refuse to keep anything: then each visit is the first.
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT_AS));
  } catch {
    return null;
  }
}

function keep(state) {
  try {
    sessionStorage.setItem(KEPT_AS, JSON.stringify(state));
  } catch {
    // as above
  }
}
