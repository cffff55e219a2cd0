// Two recorded curves and a marker that a hand drags along both. All of it happens here; Python hears of the
// number of labels when it is released, and of nothing else.

const PAUSE_MS = 400; // keys have no release, so a pause is one

// Streamlit calls this on mount and again after each rerun; a view lives as long as its elements.
const views = new WeakMap();

export default function ({ data: [data], parentElement, setStateValue }) {
  const root = parentElement.querySelector(".labels-curve");
  if (!views.has(root)) views.set(root, new View(root));
  const view = views.get(root);
  view.receive(data, (release) => setStateValue("labels", release));
  return () => view.close();
}

class View {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector(".stage");
    this.slider = root.querySelector("input[type=range]");
    this.chart = new Chart(this);
    this.quiz = new Quiz(this);
    this.watcher = new ResizeObserver(() => this.data && this.draw());
    this.watcher.observe(this.stage);
    this.listen();
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send) {
    this.send = send;
    const before = this.data;
    this.data = data;
    this.number = Math.max(this.number ?? 0, data.heard);
    // An answer to an older release than our last one is out of date: the newer answer is on its way.
    const isLate = data.heard < this.number || this.isHeld;
    if (!isLate || !before) {
      const isWish = data.at !== this.asked && data.at !== this.released;
      this.asked = data.at;
      if (isWish) {
        clearTimeout(this.timer);
        this.at = this.nearest(data.at);
        this.released = data.at;
      }
    }
    const changed = (name) => !before || JSON.stringify(before[name]) !== JSON.stringify(data[name]);
    const { slider } = this;
    slider.min = data.labels[0];
    slider.max = data.labels.at(-1);
    if (changed("digits") || changed("words")) this.fillTasks();
    if (changed("words") || changed("labels")) {
      this.write();
      this.quiz.fill();
    }
    if (data.talk) this.root.dataset.talk = "";
    this.watcher.observe(this.stage); // again after an unmount
    this.draw();
  }

  close() {
    clearTimeout(this.timer);
    this.watcher.disconnect();
  }

  // --- here -> Python -------------------------------------------------------------------------

  release() {
    clearTimeout(this.timer);
    const labels = this.data.labels[this.at];
    if (labels === this.released || !this.moved) return;
    this.moved = false;
    this.released = labels;
    this.number += 1;
    this.send({ labels, number: this.number });
  }

  move(at, { after = 0 } = {}) {
    this.quiz.reveal();
    this.at = Math.min(this.data.labels.length - 1, Math.max(0, at));
    this.moved = true;
    this.draw();
    clearTimeout(this.timer);
    if (after) this.timer = setTimeout(() => this.release(), after);
  }

  // The recorded point that is nearest on the logarithmic axis.
  nearest(labels) {
    const far = this.data.labels.map((recorded) => Math.abs(Math.log(recorded / labels)));
    return far.indexOf(Math.min(...far));
  }

  listen() {
    const { slider, stage } = this;
    slider.addEventListener("input", () => {
      const asked = slider.valueAsNumber;
      const now = this.data.labels[this.at];
      // What helps people who cannot drag moves a slider by its step of 1: to them the next point is one step.
      this.move(Math.abs(asked - now) === 1 ? this.at + asked - now : this.nearest(asked));
    });
    slider.addEventListener("change", () => this.release());
    slider.addEventListener("blur", () => this.release());
    slider.addEventListener("keydown", (event) => {
      const to = {
        ArrowRight: this.at + 1, ArrowUp: this.at + 1, ArrowLeft: this.at - 1, ArrowDown: this.at - 1,
        PageUp: this.at + 3, PageDown: this.at - 3, Home: 0, End: this.data.labels.length - 1,
      }[event.key];
      if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.move(to, { after: PAUSE_MS });
    });
    stage.addEventListener("pointerdown", (event) => {
      if (event.button || (this.quiz.asks && !event.target.closest(".track"))) return;
      this.isHeld = true;
      stage.classList.add("held");
      stage.setPointerCapture(event.pointerId);
      slider.focus({ preventScroll: true, focusVisible: false });
      event.preventDefault();
      this.follow(event);
    });
    stage.addEventListener("pointermove", (event) => this.isHeld && this.follow(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, () => {
        if (!this.isHeld) return;
        this.isHeld = false;
        stage.classList.remove("held");
        this.release();
      });
    }
  }

  follow(event) {
    const labels = this.chart.labelsAt(event.clientX - this.stage.getBoundingClientRect().left);
    const at = this.nearest(labels);
    if (at !== this.at || this.quiz.asks) this.move(at);
  }

  // --- words ------------------------------------------------------------------------------------

  say(name, values = {}) {
    return this.data.words[name].replace(/\{(\w+)\}/g, (_, value) => values[value]);
  }

  percent(errors) {
    return this.say("percent", { value: accuracy(errors).toFixed(1) });
  }

  interval({ low, high }, at) {
    if (low[at] === null) return "";
    const [from, to] = [high[at], low[at]].map((errors) => Math.min(100, Math.max(0, accuracy(errors))).toFixed(1));
    return this.say("interval", { low: from, high: to });
  }

  // The gain in points and its interval, "" for a single trial; with as many digits as the interval bears.
  gainParts(at) {
    const { points, low, high } = this.data.gain[at];
    const digits = low !== null && (high - low) / 2 < 0.95 ? 2 : 1;
    const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
    const interval = low === null ? "" : this.say("interval", { low: signed(low), high: signed(high) });
    return [this.say("points", { points: signed(points) }), interval];
  }

  gain(at) {
    const [points, interval] = this.gainParts(at);
    return interval ? this.say("points_interval", { points, interval }) : points;
  }

  write() {
    for (const element of this.root.querySelectorAll("[data-text]")) element.textContent = this.say(element.dataset.text);
    for (const element of this.root.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", this.say(element.dataset.label));
    }
    const { date, seeds, source_labels } = this.data;
    write(this.root, "note", this.say("note", { date, seeds }));
    write(this.root, "before-with", this.say("before_with", { source: source_labels.toLocaleString("en") }));
  }

  fillTasks() {
    for (const [side, labels] of [["before", [0, 1, 2, 3, 4]], ["now", [5, 6, 7, 8, 9]]]) {
      const tiles = labels.map((label) => {
        const tile = make("canvas", "", { width: 28, height: 28, role: "img", "aria-label": this.say("digit", { label }) });
        paint(tile, this.data.digits[label]);
        return tile;
      });
      this.root.querySelector(`.tasks .${side} .digits`).replaceChildren(...tiles);
    }
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { data, at, slider } = this;
    const labels = data.labels[at];
    const where = this.say(labels === 1 ? "at_one" : "at", { labels });
    slider.value = labels;
    const gain = data.gain[at];
    const name = { worse: "loss", undetectable: "undetectable" }[gain.kind] ?? "gain";
    const values = {
      at: where, scratch: this.percent(data.scratch.mean[at]), tuned: this.percent(data.tuned.mean[at]),
      "scratch-interval": this.interval(data.scratch, at), "tuned-interval": this.interval(data.tuned, at),
      "gain-name": this.say(name), gain: this.gainParts(at)[0], "gain-interval": this.gainParts(at)[1],
    };
    if (this.quiz.asks) {
      const hidden = { scratch: "?", tuned: "?", gain: "?", "scratch-interval": "", "tuned-interval": "", "gain-interval": "" };
      Object.assign(values, hidden, { "gain-name": this.say("gain") });
    }
    for (const [out, text] of Object.entries(values)) write(this.root, out, text);
    const read = `${this.say("scratch")} ${values.scratch}, ${this.say("tuned")} ${values.tuned}`;
    slider.setAttribute("aria-valuetext", `${where}: ${read}, ${values["gain-name"]} ${values.gain} ${values["gain-interval"]}`);
    this.chart.draw();
    this.quiz.draw();
    this.drawTable();
  }

  drawTable() {
    const { data } = this;
    const head = ["labels", "scratch", "tuned", "gain"].map((name) => this.say(name));
    const rows = data.labels.map((labels, at) => [
      labels, `${this.percent(data.scratch.mean[at])} ${this.interval(data.scratch, at)}`,
      `${this.percent(data.tuned.mean[at])} ${this.interval(data.tuned, at)}`, this.gain(at),
    ]);
    const table = this.root.querySelector("table");
    table.tHead.replaceChildren(tableRow(head.map((text) => make("th", "", { scope: "col" }, text))));
    table.tBodies[0].replaceChildren(...rows.map((row) => tableRow(row.map((text, column) =>
      column ? make("td", "", {}, text) : make("th", "", { scope: "row" }, text)))));
    this.root.querySelector("details").inert = this.quiz.asks;
  }
}

// --- numbers and elements -----------------------------------------------------------------------

const accuracy = (errorsPer10000) => 100 - errorsPer10000 / 100;

function make(tag, className = "", attributes = {}, text) {
  return fill(document.createElement(tag), className, attributes, text);
}

function draw(tag, className = "", attributes = {}, text) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), className, attributes, text);
}

function fill(element, className, attributes, text) {
  if (className) element.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function tableRow(cells) {
  const row = document.createElement("tr");
  row.append(...cells);
  return row;
}

function write(within, name, text) {
  for (const element of within.querySelectorAll(`[data-out="${name}"]`)) {
    if (element.textContent !== String(text)) element.textContent = text;
  }
}

function paint(canvas, base64) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(28, 28);
  [...atob(base64)].forEach((character, i) => {
    image.data.fill(character.charCodeAt(0), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}
