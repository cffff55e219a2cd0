// One batch, T and α on sliders: the loss as others write it, and what well-known bugs make of it. All is computed
// here, from recorded logits; Python hears of T, α and the bug once they are settled.

const PAUSE_MS = 400; // keys have no release, so a pause is one
const [T_MIN, T_MAX] = [0.5, 50];
const NEAR = 5e-4; // relative: what shows as one number to four digits
const LONGEST = 5; // arrows are cut off at so many times the right one

// Streamlit calls this on mount and again after each rerun; a view lives as long as its elements.
const views = new WeakMap();

export default function ({ data: [data], parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".pitfalls");
  if (!views.has(root)) views.set(root, new View(root));
  const view = views.get(root);
  view.receive(data, (chosen) => setStateValue("chosen", chosen), (wish) => setTriggerValue("launch", wish));
  return () => view.close();
}

// The slider's position for a temperature, and back: even steps are even factors.
const place = (T) => (100 * Math.log(T / T_MIN)) / Math.log(T_MAX / T_MIN);
function temperature(at) {
  const T = T_MIN * (T_MAX / T_MIN) ** (at / 100);
  const step = T < 2 ? 0.1 : T < 10 ? 0.5 : 1;
  return Number(Math.min(T_MAX, Math.max(T_MIN, Math.round(T / step) * step)).toFixed(1));
}

class View {
  constructor(root) {
    this.root = root;
    this.sliders = { temperature: root.querySelector("[name=T]"), alpha: root.querySelector("[name=alpha]") };
    this.svg = root.querySelector(".effects svg");
    this.listen();
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send, launch) {
    [this.send, this.launch] = [send, launch];
    const before = this.data;
    this.data = data;
    this.number = Math.max(this.number ?? 0, data.heard);
    // An answer to an older change than our last one is out of date: the newer answer is on its way.
    const isLate = data.heard < this.number || this.isHeld;
    const wish = JSON.stringify(data.chosen);
    if (!before || (!isLate && wish !== this.asked && wish !== this.settled)) {
      clearTimeout(this.timer);
      this.at = { ...data.chosen };
      this.settled = wish;
    }
    if (!before || !isLate) this.asked = wish;
    if (!before || JSON.stringify(before.words) !== JSON.stringify(data.words)) this.write();
    // Where the bar may stick: below the page's own header, which a presentation hides.
    const above = document.querySelector("[data-testid=stHeader]")?.offsetHeight ?? 0;
    this.root.style.setProperty("--above", `${above}px`);
    this.draw();
  }

  close() {
    clearTimeout(this.timer);
  }

  // --- here -> Python -------------------------------------------------------------------------

  settle() {
    clearTimeout(this.timer);
    this.isHeld = false;
    if (JSON.stringify(this.at) === this.settled) return;
    this.settled = JSON.stringify(this.at);
    this.number += 1;
    this.send({ ...this.at, number: this.number });
  }

  change(to) {
    Object.assign(this.at, to);
    this.draw();
    clearTimeout(this.timer);
    if (!this.isHeld) this.timer = setTimeout(() => this.settle(), PAUSE_MS);
  }

  listen() {
    for (const [name, slider] of Object.entries(this.sliders)) {
      slider.addEventListener("input", () => {
        const value = slider.valueAsNumber;
        this.change({ [name]: name === "alpha" ? Math.round(20 * value) / 20 : temperature(value) });
      });
      slider.addEventListener("pointerdown", () => (this.isHeld = true));
      for (const end of ["pointerup", "pointercancel", "blur"]) slider.addEventListener(end, () => this.settle());
    }
  }

  // --- words ------------------------------------------------------------------------------------

  say(name, values = {}) {
    return fill(this.data.words[name], values);
  }

  out(name, text) {
    for (const element of this.root.querySelectorAll(`[data-out="${name}"]`)) {
      if (element.textContent !== text) element.textContent = text;
    }
  }

  // What stays while T, α and the bug change.
  write() {
    const { data, root } = this;
    for (const element of root.querySelectorAll("[data-text]")) element.textContent = this.say(element.dataset.text);
    for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", this.say(element.dataset.label));
    this.sliders.temperature.setAttribute("aria-label", this.say("temperature"));
    this.sliders.alpha.setAttribute("aria-label", this.say("alpha"));
    root.querySelector(".translator tbody").replaceChildren(...data.conventions.map((each) => this.conventionRow(each)));
    const choices = data.bugs.map((each) => {
      const radio = make("input", { type: "radio", name: "bug", value: each.id });
      radio.addEventListener("change", () => this.change({ bug: each.id }));
      return make("label", {}, radio, make("span", {}, each.title));
    });
    root.querySelector(".switches").replaceChildren(root.querySelector(".switches legend"), ...choices);
    this.writeMatrix();
  }

  conventionRow({ id, name, source, formula, says }) {
    const title = source ? make("a", { href: source, target: "_blank", rel: "noopener" }, name) : make("b", {}, name);
    const cell = (kind, label) => make("td", { class: kind, "data-label": this.say(label) },
      make("code", {}), make("span", { class: "result" }, make("b", {}), " ", make("span", {})), make("small", {}));
    return make("tr", { "data-id": id },
      make("th", { scope: "row" }, title, make("span", { class: "formula" }, formula), make("small", {}, says)),
      cell("typed", "typed"), cell("there", "there"));
  }

  writeMatrix() {
    const { bugs, checks } = this.data;
    const table = this.root.querySelector(".matrix");
    table.querySelector("thead tr").replaceChildren(make("td"), ...bugs.map(({ id, title }) => make("th", { scope: "col", "data-id": id }, title)));
    table.querySelector("tbody").replaceChildren(...checks.map(({ title, caught }) => make("tr", {},
      make("th", { scope: "row" }, title),
      ...bugs.map(({ id }) => {
        const finds = caught.includes(id);
        return make("td", { class: finds ? "finds" : "misses", "data-id": id, title: this.say(finds ? "finds" : "misses"),
          "aria-label": this.say(finds ? "finds" : "misses") }, finds ? "✓" : "·");
      }))));
  }

  // --- drawing ----------------------------------------------------------------------------------

  draw() {
    const { data: { batch }, at: { temperature: T, alpha } } = this;
    this.sliders.temperature.value = place(T);
    this.sliders.temperature.setAttribute("aria-valuetext", `${T}`);
    this.sliders.alpha.value = alpha;
    this.sliders.alpha.setAttribute("aria-valuetext", `${alpha}`);
    this.out("T", `${T}`);
    this.out("alpha", `${alpha}`);
    const [kl, ce, right] = [forward({ ...batch, T }), crossEntropy(batch), ours(batch, T, alpha)];
    this.out("ours", `= ${alpha} × ${T}² × ${digits(kl.value)} + ${short(1 - alpha)} × ${digits(ce.value)} = ${digits(right.value)}`);
    this.out("batch", this.say("batch", { n: batch.labels.length, kl: digits(kl.value), ce: digits(ce.value) }));
    for (const convention of this.data.conventions) this.drawConvention(convention, right);
    this.drawBug();
  }

  drawConvention({ id, typed, there }, right) {
    const { data: { batch }, at: { temperature: T, alpha } } = this;
    const row = this.root.querySelector(`.translator tr[data-id="${id}"]`);
    const losses = CONVENTIONS[id](batch, T, alpha);
    const holes = { T, alpha, rest: short(1 - alpha), alike: short(alike(T, alpha)) };
    const show = (kind, code, words) => {
      const cell = row.querySelector(`.${kind}`);
      const loss = losses[kind];
      const { degrees } = compare(loss, right);
      const times = loss.value / right.value;
      const isEqual = Math.abs(times - 1) < NEAR && degrees < 0.1;
      cell.classList.toggle("equal", isEqual);
      cell.querySelector("code").textContent = code;
      cell.querySelector("b").textContent = `${isEqual ? "✓" : "≠"} ${this.say("value", { value: digits(loss.value) })}`;
      const told = isEqual ? "equal" : words ?? (degrees < 0.1 ? "times" : "tilted");
      cell.querySelector(".result span").textContent = this.say(told, { times: ratio(times), degrees: degrees.toFixed(0) });
      cell.querySelector("small").textContent = "";
      return { isEqual, times, degrees };
    };
    show("typed", fill(typed, holes));
    const isShortcut = id === "torchdistill" && alpha === 1;
    const code = isShortcut ? fill(this.data.words.shortcut_value, holes) : fill(there, holes);
    const found = show("there", code, id === "keras" ? "off" : undefined);
    const small = row.querySelector(".there small");
    // Where nothing can be written to make it equal, only that is said.
    const isNone = !found.isEqual && (id === "formula" || id === "listing");
    row.querySelector(".there code").hidden = row.querySelector(".there .result").hidden = isNone;
    const values = { times: ratio(found.times), inverse: ratio(1 / found.times) };
    if (isShortcut) small.textContent = this.say("shortcut");
    if (id === "rep" && alpha > 0 && alpha < 1) {
      small.textContent = this.say("odds", { odds: short(alpha / (1 - alpha)), times: ratio(1 / (1 - alpha)) });
    }
    if (found.isEqual) return;
    if (id === "keras_before") small.textContent = this.say("scaled", values);
    else if (id === "formula") small.textContent = this.say("no_labels");
    else if (id === "listing") small.textContent = this.say("no_labels_scaled");
  }

  drawBug() {
    const { data, at: { temperature: T, alpha, bug: name } } = this;
    for (const radio of this.root.querySelectorAll(".switches input")) radio.checked = radio.value === name;
    for (const cell of this.root.querySelectorAll(".matrix [data-id]")) cell.classList.toggle("now", cell.dataset.id === name);
    const shown = data.bugs.find(({ id }) => id === name);
    for (const part of ["says", "wrong", "right", "code"]) this.out(part, shown[part]);
    this.out("check_title", data.checks.find(({ id }) => id === shown.check).title);
    const { right, wrong } = bug(name, data.batch, T, alpha);
    const { times, degrees } = compare(wrong, right);
    this.out("on_batch", this.say("on_batch", { T, alpha }));
    this.out("loss", `${digits(right.value)} → ${digits(wrong.value)}`);
    this.out("length", this.say("of_right", { times: ratio(times) }));
    this.out("angle", this.say("degrees", { degrees: degrees.toFixed(degrees < 9.95 ? 1 : 0) }));
    this.drawArrows(times, degrees);
    if (shown !== this.shown) this.root.querySelector(".runs").replaceChildren(...shown.runs.map((run, number) => this.runFigure(run, number)));
    this.out("run_note", shown.runs.length > 1 ? this.say("run_note") : "");
    this.shown = shown;
  }

  drawArrows(times, degrees) {
    const middle = 112;
    const angle = (degrees * Math.PI) / 180;
    const longest = Math.min(times, LONGEST);
    // Both arrows fit: one scale for the two.
    const unit = Math.min(90, 90 / Math.max(longest * Math.sin(angle), 1e-9), 150 / Math.max(longest * Math.cos(angle), 1));
    const tip = [20 + longest * unit * Math.cos(angle), middle - longest * unit * Math.sin(angle)];
    const shapes = [...arrow([20, middle], [20 + unit, middle], "arrow right"), ...arrow([20, middle], tip, "arrow wrong")];
    const label = (kind, x, y, text) => draw("text", { class: kind, x, y }, text);
    shapes.push(label("right", 20 + unit + 6, middle + (degrees < 20 ? 15 : 5), this.say("arrow_right")));
    const cut = times > LONGEST ? ` ${this.say("clipped")}` : "";
    shapes.push(label("wrong", Math.min(tip[0] + 6, 170), tip[1] - 8, this.say("arrow_wrong") + cut));
    this.svg.setAttribute("viewBox", "0 0 260 130");
    // The tail lies far enough to the right for an arrow that points back.
    const back = Math.max(0, 30 - tip[0]);
    const group = draw("g", { transform: `translate(${back} 0)` });
    group.append(...shapes);
    this.svg.replaceChildren(group);
    this.svg.setAttribute("aria-label", this.say("arrows", { times: ratio(times), degrees: degrees.toFixed(0) }));
  }

  // The three arms' errors of a recorded run: a dot with its interval each, from zero.
  runFigure({ arms, verdict, about }, number) {
    const most = 1.08 * Math.max(...arms.map(({ high }) => high));
    const at = (errors) => `${(100 * errors) / most}%`;
    const rows = arms.map(({ name, kind, mean, low, high }) => make("div", { class: `arm ${kind}` },
      make("span", { class: "name" }, name),
      make("span", { class: "track", "aria-hidden": "true" },
        make("i", { style: `left:${at(low)};width:calc(${at(high)} - ${at(low)})` }), make("u", { style: `left:${at(mean)}` })),
      make("span", { class: "number" }, `${mean.toFixed(0)} ± ${(high - mean).toFixed(0)}`)));
    const button = make("button", { type: "button", class: "launch" }, this.say(this.data.may_run ? "run" : "settle"));
    button.addEventListener("click", () => this.launch({ bug: this.at.bug, run: number }));
    return make("figure", { class: "run" }, make("div", { class: "arms" }, ...rows),
      make("figcaption", {}, make("p", { class: "verdict" }, verdict), make("small", {}, `${this.say("errors")} · ${about}`), button));
  }
}

// --- elements and numbers -----------------------------------------------------------------------

function make(kind, attributes = {}, ...inside) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

function draw(kind, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

function arrow(from, to, kind) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  if (length < 1) return [draw("circle", { class: kind, cx: from[0], cy: from[1], r: 3 })];
  const head = Math.min(12, length);
  const [ux, uy] = [dx / length, dy / length];
  const back = [to[0] - head * ux, to[1] - head * uy];
  return [
    draw("line", { class: kind, x1: from[0], y1: from[1], x2: back[0], y2: back[1] }),
    draw("path", { class: `head ${kind}`, d: `M${to}L${back[0] - 5 * uy} ${back[1] + 5 * ux}L${back[0] + 5 * uy} ${back[1] - 5 * ux}Z` }),
  ];
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
// Four digits that count; 1.50e-5 where that would be mostly zeros.
const digits = (value) => (Math.abs(value) >= 1e-3 || value === 0 ? Number(value.toPrecision(4)).toString() : value.toExponential(2));
const short = (value) => Number(value.toPrecision(3)).toString();
const ratio = (value) => (value >= 99.5 ? value.toFixed(0) : short(value));
