// One batch, T and α on sliders: the loss as others write it, and what well-known bugs make of it. All is computed
// here, from recorded logits; Python hears of T, α and the bug once they are settled.

const [T_MIN, T_MAX] = [0.5, 50];
const NEAR = 5e-4; // relative: what shows as one number to four digits
const LONGEST = 5; // arrows are cut off at so many times the right one

export default (streamlit) => mount(View, streamlit);

// The slider's position for a temperature, and back: even steps are even factors.
const place = (T) => (100 * Math.log(T / T_MIN)) / Math.log(T_MAX / T_MIN);
function temperature(at) {
  const T = T_MIN * (T_MAX / T_MIN) ** (at / 100);
  const step = T < 2 ? 0.1 : T < 10 ? 0.5 : 1;
  return Number(within(Math.round(T / step) * step, [T_MIN, T_MAX]).toFixed(1));
}

class View extends Part {
  constructor(root) {
    super(root);
    this.sliders = { temperature: root.querySelector("[name=T]"), alpha: root.querySelector("[name=alpha]") };
    this.svg = root.querySelector(".effects svg");
    this.exchange = new Exchange("chosen");
    this.listen();
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send, trigger) {
    this.trigger = trigger;
    const before = this.data;
    this.data = data;
    if (this.exchange.hear(data.chosen, data.heard, send)) this.at = { ...data.chosen };
    if (!before || JSON.stringify(before.words) !== JSON.stringify(data.words)) this.write();
    // Where the bar may stick: below the page's own header, which a presentation hides.
    const above = document.querySelector("[data-testid=stHeader]")?.offsetHeight ?? 0;
    this.root.style.setProperty("--above", `${above}px`);
    this.draw();
  }

  close() {
    super.close();
    clearTimeout(this.exchange.timer);
  }

  // --- here -> Python -------------------------------------------------------------------------

  settle() {
    this.exchange.isHeld = false;
    this.exchange.release(this.at);
  }

  change(to) {
    Object.assign(this.at, to);
    this.draw();
    this.exchange.later(() => this.settle());
  }

  listen() {
    for (const [name, slider] of Object.entries(this.sliders)) {
      slider.addEventListener("input", () => {
        const value = slider.valueAsNumber;
        this.change({ [name]: name === "alpha" ? Math.round(20 * value) / 20 : temperature(value) });
      });
      slider.addEventListener("pointerdown", () => (this.exchange.isHeld = true));
      for (const end of ["pointerup", "pointercancel", "blur"]) slider.addEventListener(end, () => this.settle());
    }
  }

  // --- words ------------------------------------------------------------------------------------

  // What stays while T, α and the bug change.
  write() {
    const { data, root } = this;
    this.sayAll();
    this.sliders.temperature.setAttribute("aria-label", this.say("temperature"));
    this.sliders.alpha.setAttribute("aria-label", this.say("alpha"));
    root.querySelector(".translator tbody").replaceChildren(...data.conventions.map((each) => this.conventionRow(each)));
    const choices = data.bugs.map((each) => {
      const radio = make("input", "", { type: "radio", name: "bug", value: each.id });
      radio.addEventListener("change", () => this.change({ bug: each.id }));
      return make("label", "", {}, radio, make("span", "", {}, each.title));
    });
    root.querySelector(".switches").replaceChildren(root.querySelector(".switches legend"), ...choices);
    this.writeMatrix();
  }

  conventionRow({ id, name, source, formula, says }) {
    const link = { href: source, target: "_blank", rel: "noopener" };
    const title = source ? make("a", "", link, name) : make("b", "", {}, name);
    const cell = (kind) => make("td", kind, { "data-label": this.say(kind) },
      make("code"), make("span", "result", {}, make("b"), " ", make("span")), make("small"));
    return make("tr", "", { "data-id": id },
      make("th", "", { scope: "row" }, title, make("span", "formula", {}, formula), make("small", "", {}, says)),
      cell("typed"), cell("there"));
  }

  writeMatrix() {
    const { bugs, checks } = this.data;
    const table = this.root.querySelector(".matrix");
    const heads = bugs.map(({ id, title }) => make("th", "", { scope: "col", "data-id": id }, title));
    table.querySelector("thead tr").replaceChildren(make("td"), ...heads);
    const cell = (id, finds) => {
      const said = this.say(finds);
      return make("td", finds, { "data-id": id, title: said, "aria-label": said }, finds === "finds" ? "✓" : "·");
    };
    const rows = checks.map(({ title, caught }) => tableRow([
      make("th", "", { scope: "row" }, title),
      ...bugs.map(({ id }) => cell(id, caught.includes(id) ? "finds" : "misses")),
    ]));
    table.querySelector("tbody").replaceChildren(...rows);
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
    this.out("ours", `= ${alpha} × ${T}² × ${digits(kl.value)} + ${brief(1 - alpha)} × ${digits(ce.value)} = ${digits(right.value)}`);
    this.out("batch", this.say("batch", { n: batch.labels.length, kl: digits(kl.value), ce: digits(ce.value) }));
    for (const convention of this.data.conventions) this.drawConvention(convention, right);
    this.drawBug();
  }

  drawConvention({ id, typed, there }, right) {
    const { data: { batch }, at: { temperature: T, alpha } } = this;
    const row = this.root.querySelector(`.translator tr[data-id="${id}"]`);
    const losses = CONVENTIONS[id](batch, T, alpha);
    const holes = { T, alpha, rest: brief(1 - alpha), alike: brief(alike(T, alpha)) };
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
    show("typed", filled(typed, holes));
    const isShortcut = id === "torchdistill" && alpha === 1;
    const code = isShortcut ? this.say("shortcut_value", holes) : filled(there, holes);
    const found = show("there", code, id === "keras" ? "off" : undefined);
    const small = row.querySelector(".there small");
    // Where nothing can be written to make it equal, only that is said.
    const isNone = !found.isEqual && (id === "formula" || id === "listing");
    row.querySelector(".there code").hidden = row.querySelector(".there .result").hidden = isNone;
    const values = { times: ratio(found.times), inverse: ratio(1 / found.times) };
    if (isShortcut) small.textContent = this.say("shortcut");
    if (id === "rep" && alpha > 0 && alpha < 1) {
      small.textContent = this.say("odds", { odds: brief(alpha / (1 - alpha)), times: ratio(1 / (1 - alpha)) });
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
    const tail = [20, middle];
    const shapes = [...arrow(tail, [20 + unit, middle], "right", 12), ...arrow(tail, tip, "wrong", 12)];
    const length = Math.hypot(tip[0] - tail[0], tip[1] - tail[1]);
    if (length < 4) shapes.push(drawn("circle", "head wrong", { cx: tail[0], cy: tail[1], r: 3 })); // no arrow to be seen
    const label = (kind, x, y, text) => drawn("text", kind, { x, y }, text);
    shapes.push(label("right", 20 + unit + 6, middle + (degrees < 20 ? 15 : 5), this.say("arrow_right")));
    const cut = times > LONGEST ? ` ${this.say("clipped")}` : "";
    shapes.push(label("wrong", Math.min(tip[0] + 6, 170), tip[1] - 8, this.say("arrow_wrong") + cut));
    this.svg.setAttribute("viewBox", "0 0 260 130");
    // The tail lies far enough to the right for an arrow that points back.
    const back = Math.max(0, 30 - tip[0]);
    this.svg.replaceChildren(drawn("g", "", { transform: `translate(${back} 0)` }, ...shapes));
    this.svg.setAttribute("aria-label", this.say("arrows", { times: ratio(times), degrees: degrees.toFixed(0) }));
  }

  // The three arms' errors of a recorded run: a dot with its interval each, from zero.
  runFigure({ arms, verdict, about }, number) {
    const most = 1.08 * Math.max(...arms.map(({ high }) => high));
    const at = (errors) => `${(100 * errors) / most}%`;
    const rows = arms.map(({ name, kind, mean, low, high }) => make("div", `arm ${kind}`, {},
      make("span", "name", {}, name),
      make("span", "track", { "aria-hidden": "true" },
        make("i", "", { style: `left:${at(low)};width:calc(${at(high)} - ${at(low)})` }), make("u", "", { style: `left:${at(mean)}` })),
      make("span", "number", {}, `${mean.toFixed(0)} ± ${(high - mean).toFixed(0)}`)));
    const button = make("button", "launch", { type: "button" }, this.say(this.data.may_run ? "run" : "settle"));
    button.addEventListener("click", () => this.trigger("launch", { bug: this.at.bug, run: number }));
    const errors = make("small", "", {}, `${this.say("errors")} · ${about}`);
    const caption = make("figcaption", "", {}, make("p", "verdict", {}, verdict), errors, button);
    return make("figure", "run", {}, make("div", "arms", {}, ...rows), caption);
  }
}

// --- numbers ------------------------------------------------------------------------------------

// Four digits that count; 1.50e-5 where that would be mostly zeros.
const digits = (value) => (Math.abs(value) >= 1e-3 || value === 0 ? Number(value.toPrecision(4)).toString() : value.toExponential(2));
const brief = (value) => Number(value.toPrecision(3)).toString();
const ratio = (value) => (value >= 99.5 ? value.toFixed(0) : brief(value));
