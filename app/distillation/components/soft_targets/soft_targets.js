// Two digits, ten bars each, one temperature. Whatever follows the slider is computed here, from the
// teacher's logits; Python hears of the temperature when it is released, and of nothing else.

const DIGITS = [...Array(10).keys()];
const TICKS = [0.5, 1, 2, 4, 8, 20, 50];
const CHOICES = [1, 2, 4, 8, 20]; // of T
const PRINTED_FROM = 0.01; // a bar below it prints no value: two decimals would say 0.00
const SCALES = {
  linear: { ticks: [[0, "0"], [0.5, ".5"], [1, "1"]], height: (p) => p },
  // From 10⁻⁶ to 1. What is smaller has no bar.
  log: {
    ticks: [[0, "10⁻⁶"], [1 / 3, "10⁻⁴"], [2 / 3, "10⁻²"], [1, "1"]],
    height: (p) => Math.max(0, 1 + Math.log10(p) / 6),
  },
};
const GLIDE_MS = 200;
const SWEEP_MS = 2200; // T by itself, through these and back
const SWEEP = { low: 1, high: 20 };

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.exchange = new Exchange("temperature");
    const choose = (T) => {
      this.move(T);
      this.release();
    };
    this.temperature = new TemperatureSlider(root, { choices: CHOICES, ticks: TICKS, choose });
    this.slider = this.temperature.slider;
    this.panels = ["A", "B"].map((side) => this.addPanel(side));
    this.replaces = 1; // the panel that the next chosen digit goes to
    this.picked = null; // { panel, digit } under the pointer or the keyboard's focus
    this.obey = ({ detail: { values: { temperature }, released } }) => {
      if (temperature === undefined) return;
      this.move(temperature, { glide: false });
      if (released) this.release();
    };
    this.sweeping = null; // { low, high, home } while T runs by itself
    this.quiz = new TwoGuesses(this);
    this.matrix = new Matrix(this);
    this.addSides();
    this.addScales();
    this.listen();
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send) {
    const before = this.data;
    this.data = data;
    if (this.exchange.hear({ T: data.temperature }, data.heard, send)) {
      this.endSweep();
      this.T = data.temperature;
    }
    const changed = (name) => !before || JSON.stringify(before[name]) !== JSON.stringify(data[name]);
    if (data.talk) this.root.dataset.talk = data.talk;
    if (changed("gallery")) this.fillGallery();
    if (changed("gallery") || changed("pair")) {
      this.shown = [...data.pair];
      this.picked = null;
    }
    if (changed("words")) this.sayAll();
    if (changed("classes")) this.matrix.receive(data.classes);
    // Where the bar may stick: below the page's own header, which a presentation hides.
    const above = document.querySelector("[data-testid=stHeader]")?.offsetHeight ?? 0;
    this.root.style.setProperty("--above", `${above}px`);
    this.drawDigits();
    this.draw();
    this.followAlpha();
    live.addEventListener("ask", this.obey);
  }

  // α is Streamlit's slider further down: the formula follows it under the hand, before Python hears of it.
  followAlpha() {
    this.follower?.disconnect();
    this.follower = new MutationObserver(() => {
      this.drawFormula();
      this.tell();
    });
    const control = document.querySelector(".st-key-alpha");
    if (control) this.follower.observe(control, { subtree: true, attributeFilter: ["aria-valuetext"] });
  }

  get alpha() {
    // As it says: its own value is rounded to the slider's step.
    const said = document.querySelector(".st-key-alpha input[type=range]")?.getAttribute("aria-valuetext");
    return said && Number.isFinite(Number(said)) ? Number(said) : this.data.alpha;
  }

  close() {
    live.removeEventListener("ask", this.obey);
    this.follower?.disconnect();
    this.endSweep();
    clearTimeout(this.exchange.timer);
    clearTimeout(this.gliding);
  }

  // --- here -> Python -------------------------------------------------------------------------

  release() {
    if (!this.sweeping) this.exchange.release({ T: this.T });
  }

  move(T, { glide = true } = {}) {
    this.endSweep();
    this.quiz.reveal();
    this.T = this.temperature.nearest(T);
    if (glide) this.glide();
    this.draw();
    clearTimeout(this.exchange.timer);
  }

  // T runs by itself, at an even pace in log T, and ends where it began: nothing to release.
  sweep() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.endSweep();
    const home = this.T;
    const stops = [home, SWEEP.low, SWEEP.high, home].map(Math.log);
    const legs = [0, 1, 2].map((leg) => Math.abs(stops[leg + 1] - stops[leg]));
    const length = legs.reduce((sum, leg) => sum + leg);
    let start;
    let shown = 0; // both ends are shown, however few frames a slow machine draws
    const frame = (now) => {
      start ??= now;
      let along = (length * (now - start)) / SWEEP_MS;
      if (along >= length && shown === 2) return this.endSweep();
      let leg = 0;
      while (leg < 2 && along > legs[leg]) along -= legs[leg++];
      const at = leg > shown ? stops[++shown] : stops[leg] + Math.sign(stops[leg + 1] - stops[leg]) * along;
      this.T = Math.round(Math.exp(at) * 10) / 10;
      this.draw();
      this.frame = requestAnimationFrame(frame);
    };
    this.sweeping = { ...SWEEP, home };
    this.frame = requestAnimationFrame(frame);
    this.draw();
  }

  endSweep() {
    if (!this.sweeping) return;
    cancelAnimationFrame(this.frame);
    this.T = this.sweeping.home;
    this.sweeping = null;
    this.draw();
  }

  // Bars glide on jumps only: under a dragged slider they must not lag behind the hand.
  glide() {
    this.root.classList.add("glides");
    clearTimeout(this.gliding);
    this.gliding = setTimeout(() => this.root.classList.remove("glides"), GLIDE_MS);
  }

  listen() {
    const { slider } = this;
    slider.addEventListener("input", () => this.move(slider.valueAsNumber, { glide: false }));
    slider.addEventListener("change", () => this.release());
    slider.addEventListener("blur", () => this.release());
    this.temperature.rail.addEventListener("pointerdown", () => {
      this.endSweep();
      this.exchange.isHeld = true;
      for (const end of ["pointerup", "pointercancel"]) {
        window.addEventListener(end, () => (this.exchange.isHeld = false), { once: true });
      }
    });
    const from = () => {
      this.endSweep();
      return this.T;
    };
    stepByKeys(slider, this.temperature.ends, from, (T) => {
      this.move(T);
      this.exchange.later(() => this.release());
    });
  }

  // --- elements, made once ----------------------------------------------------------------------

  addPanel(side) {
    const box = this.root.querySelector(".panels");
    box.append(box.querySelector("template").content.cloneNode(true));
    const element = box.lastElementChild;
    element.querySelector(".side").textContent = side;
    const panel = { side, element, canvas: element.querySelector("canvas"), chart: element.querySelector(".chart") };
    panel.columns = DIGITS.map((digit) => {
      const column = make("button", "column", { type: "button" });
      column.append(make("i", "hollow"), make("i", "solid"), make("b", "value"), make("span", "digit", {}, digit));
      for (const start of ["pointerenter", "focus", "click"]) {
        column.addEventListener(start, () => this.pick({ panel, digit }));
      }
      return column;
    });
    panel.chart.querySelector(".plot").append(...panel.columns);
    rove(panel.columns, 0);
    const leave = () => this.pick(null);
    panel.chart.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
    panel.chart.addEventListener("focusout", leave);
    element.addEventListener("click", () => this.replace(this.panels.indexOf(panel)));
    return panel;
  }

  addSides() {
    this.sides = this.panels.map(({ side }, index) => {
      const radio = make("input", "", { type: "radio", name: "side", value: side });
      radio.addEventListener("change", () => this.replace(index));
      const label = make("label", "side");
      label.append(radio, side);
      this.root.querySelector(".sides").append(label);
      return radio;
    });
  }

  addScales() {
    for (const radio of this.root.querySelectorAll("[name=scale]")) {
      radio.addEventListener("change", () => {
        this.glide();
        this.scaleBy(radio.value);
      });
    }
    this.scaleBy("linear");
  }

  scaleBy(name) {
    this.scale = name;
    this.root.classList.toggle("log", name === "log");
    const ticks = SCALES[name].ticks.map(([at, text]) => {
      const tick = make("span", "", {}, text);
      tick.style.setProperty("--at", at);
      return tick;
    });
    for (const axis of this.root.querySelectorAll(".axis, .marks")) {
      axis.replaceChildren(...ticks.map((tick) => tick.cloneNode(true)));
    }
    if (this.data) this.draw();
  }

  fillGallery() {
    this.thumbs = this.data.gallery.map((item, position) => {
      const thumb = thumbOf(item.pixels);
      thumb.append(make("span", "side"));
      thumb.addEventListener("click", () => {
        this.shown[this.replaces] = position;
        this.picked = null;
        this.glide();
        this.endSweep();
        this.quiz.forget();
        this.drawDigits();
        this.draw();
      });
      return thumb;
    });
    this.root.querySelector(".thumbs").replaceChildren(...this.thumbs);
    rove(this.thumbs, 0);
  }

  replace(index) {
    this.replaces = index;
    this.drawDigits();
  }

  pick(picked) {
    this.picked = picked;
    this.draw();
  }

  height(p) {
    return SCALES[this.scale].height(p);
  }

  // --- drawing: only texts, attributes, --p and --h change -----------------------------------------

  drawDigits() {
    const { gallery } = this.data;
    this.panels.forEach((panel, index) => {
      const item = (panel.item = gallery[this.shown[index]]);
      panel.plain = softmax(item.logits, 1);
      paint(panel.canvas, item.pixels);
      panel.canvas.setAttribute("aria-label", this.say("digit_alt", { side: panel.side, label: item.label }));
      panel.chart.setAttribute("aria-label", this.say("chart", { side: panel.side }));
      panel.element.classList.toggle("replaced", this.replaces === index);
      write(panel.element, "label", item.label);
      this.sides[index].checked = this.replaces === index;
    });
    this.thumbs.forEach((thumb, position) => {
      const sides = this.panels.filter((_, index) => this.shown[index] === position).map(({ side }) => side);
      thumb.lastElementChild.textContent = sides.join("");
      thumb.classList.toggle("shown", sides.length > 0);
      const values = { label: gallery[position].label, number: position + 1, count: gallery.length };
      thumb.setAttribute("aria-label", this.say("pick", { ...values, side: this.panels[this.replaces].side }));
      thumb.setAttribute("aria-pressed", sides.length > 0);
    });
    this.drawHeading();
    this.quiz.drawDigits();
  }

  // While the answer is covered it asks; afterwards it tells.
  drawHeading() {
    const title = this.panels[0].item.label === this.panels[1].item.label ? "title" : "title_other";
    const heading = this.root.querySelector("h3");
    const told = this.say(title);
    const says = told && this.root.classList.contains("asks") ? this.say(`${title}_asks`) : told;
    if (heading.textContent !== says) heading.textContent = says;
    heading.hidden = !heading.textContent;
  }

  draw() {
    const T = inTenths(this.T);
    this.temperature.show(this.T);
    for (const panel of this.panels) this.drawPanel(panel, T);
    this.drawFormula();
    this.drawTable(T);
    this.matrix.draw();
    this.quiz.draw();
    write(this.root, "T", T);
    write(this.root, "axis", this.say(`axis_${this.scale}`));
    this.tell();
  }

  // The parts that follow; a sweep is this picture's own show.
  tell() {
    const { T, alpha } = this;
    if (!this.sweeping && !this.data.talk) tell(this.root, { temperature: T, alpha });
  }

  drawPanel(panel, T) {
    const { plain, element } = panel;
    const live = (panel.live = softmax(panel.item.logits, this.T));
    const picked = this.picked?.panel === panel ? this.picked.digit : top(live);
    panel.columns.forEach((column, digit) => {
      const [hollow, solid, value] = column.children;
      for (const [bar, p] of [[hollow, plain[digit]], [solid, live[digit]], [value, live[digit]]]) {
        bar.style.setProperty("--p", p);
        bar.style.setProperty("--h", this.height(p));
      }
      put(value, this.printed(live[digit]));
      column.classList.toggle("picked", digit === picked);
      column.setAttribute("aria-label", this.say("bar", { digit, T, live: exact(live[digit]), plain: exact(plain[digit]) }));
    });
    for (const [name, p] of [["plain", plain], ["live", live]]) {
      write(element, `${name}-top`, top(p));
      write(element, `${name}-entropy`, bits(p).toFixed(2));
      write(element, `${name}-p`, exact(p[picked]));
    }
    write(element, "picked", picked);
  }

  printed(p) {
    if (p >= PRINTED_FROM) return p.toFixed(2);
    if (this.scale === "linear") return "";
    return p < 1e-6 ? "<10⁻⁶" : powerOfTen(p, 0);
  }

  drawFormula() {
    const panel = this.picked?.panel ?? this.panels[0];
    const digit = this.picked?.digit ?? top(panel.live);
    const exps = panel.item.logits.map((z) => Math.exp(z / this.T));
    const formula = this.root.querySelector(".formula");
    const { alpha, data: { t_squared } } = this;
    for (const part of this.root.querySelectorAll(".t-squared")) part.hidden = !t_squared;
    const values = {
      side: panel.side, digit, z: minus(panel.item.logits[digit].toFixed(2)), p: exact(panel.live[digit]),
      numerator: short(exps[digit]), denominator: short(exps.reduce((sum, value) => sum + value)),
      alpha: inFull(alpha, 2), rest: inFull(1 - alpha, 2),
    };
    for (const [name, value] of Object.entries(values)) write(formula, name, value);
  }

  drawTable(T) {
    const table = this.root.querySelector("table.all");
    const head = [this.say("digit"), ...this.panels.flatMap(({ side }) => [`${side}, T = 1`, `${side}, T = ${T}`])];
    const row = (digit) => this.panels.flatMap(({ plain, live }) => [exact(plain[digit]), exact(live[digit])]);
    const rows = DIGITS.map((digit) => [digit, ...row(digit)]);
    fillTable(table, head, rows);
  }
}
