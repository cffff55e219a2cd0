// A pad to draw on, the 28x28 that comes of it, three networks' answers. All of it is computed here, while the hand
// moves; Python hears of the temperature once it is released, and of nothing else.

const DIGITS = [...Array(10).keys()];
const TICKS = [0.5, 1, 2, 4, 8, 20, 50];
const CHOICES = [1, 4, 20]; // of T
const PRINTED_FROM = 0.01; // a bar below it prints no value: two decimals would say 0.00
const NEAR = 1 / 400; // of the pad: points nearer to the last one add nothing
const GLIDE_MS = 200;
const FIRST = "one_or_seven";

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.pad = root.querySelector(".pad canvas");
    const choose = (T) => {
      this.glide();
      this.move(T);
      this.release();
    };
    this.temperature = new TemperatureSlider(root, { choices: CHOICES, ticks: TICKS, choose });
    this.strokes = [];
    this.base = null; // { ink, pixels } of a test digit or a picture; pixels where the networks see exactly these
    this.isExample = false; // the one shown at first, which makes room for the first stroke
    this.frame = 0;
    this.listenToPad();
    this.listenToTools();
    this.listenToSlider();
  }

  // --- Python -> here -------------------------------------------------------------------------

  receive(data, send) {
    this.send = send;
    const before = this.data;
    this.data = data;
    if (data.wish.number !== before?.wish.number) this.T = this.released = data.wish.temperature;
    const changed = (name) => !before || JSON.stringify(before[name]) !== JSON.stringify(data[name]);
    if (changed("networks")) this.fillPanels();
    if (changed("gallery")) this.fillGallery();
    if (changed("words")) this.write();
    this.root.toggleAttribute("data-talk", data.talk);
    if (!before) this.show(EXAMPLES[FIRST], { isExample: true });
    else this.update();
  }

  // A bar's value: in a talk without its 0, so that large letters do not run into each other.
  printed(p) {
    const value = p.toFixed(2);
    return this.data.talk ? value.replace(/^0/, "") : value;
  }

  close() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  // --- here -> Python -------------------------------------------------------------------------

  release() {
    clearTimeout(this.timer);
    if (this.T === this.released) return;
    this.released = this.T;
    this.send("temperature", this.T);
  }

  move(T, after = 0) {
    this.T = this.temperature.nearest(T);
    this.drawAnswers();
    clearTimeout(this.timer);
    if (after) this.timer = setTimeout(() => this.release(), after);
  }

  listenToSlider() {
    const { slider, ends } = this.temperature;
    slider.addEventListener("input", () => this.move(slider.valueAsNumber));
    slider.addEventListener("change", () => this.release());
    slider.addEventListener("blur", () => this.release());
    stepByKeys(slider, ends, () => this.T, (T) => this.move(T, PAUSE_MS));
  }

  // --- the pad ----------------------------------------------------------------------------------

  listenToPad() {
    const { pad } = this;
    let pointer = null;
    const at = (event) => {
      const box = pad.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    pad.addEventListener("pointerdown", (event) => {
      if (pointer !== null || event.button) return; // one finger draws
      event.preventDefault();
      pointer = event.pointerId;
      pad.setPointerCapture(pointer);
      if (this.isExample) this.clear();
      this.root.querySelector("[role=status]").setAttribute("aria-busy", true); // read out once, when the stroke is done
      this.strokes.push([at(event)]);
      this.extend(at(event));
    });
    pad.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const each of passed.length ? passed : [event]) this.extend(at(each));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      pad.addEventListener(end, (event) => {
        if (event.pointerId !== pointer) return;
        pointer = null;
        this.root.querySelector("[role=status]").removeAttribute("aria-busy");
      });
    }
  }

  // The last stroke goes on to this point.
  extend(point) {
    const stroke = this.strokes.at(-1);
    const last = stroke.at(-1);
    const isFirst = stroke.length === 1 && point[0] === last[0] && point[1] === last[1];
    if (!isFirst && Math.hypot(point[0] - last[0], point[1] - last[1]) < NEAR) return;
    if (!isFirst) stroke.push(point);
    this.paintStroke([last, point]);
    this.later();
  }

  // Everything anew: these strokes, over this base.
  show(strokes, { base = null, isExample = false, pixels = null } = {}) {
    this.strokes = strokes.map((stroke) => [...stroke]);
    this.base = base && { ink: base, pixels };
    this.isExample = isExample;
    this.paintPad();
    this.sayProblem("");
    this.update();
  }

  clear() {
    this.show([]);
  }

  undo() {
    const { base, strokes } = this;
    if (strokes.length) this.show(strokes.slice(0, -1), { base: base?.ink ?? null, pixels: base?.pixels });
    else this.clear();
  }

  listenToTools() {
    const find = (name) => this.root.querySelector(name);
    const file = find("input[type=file]");
    find(".undo").addEventListener("click", () => this.undo());
    find(".clear").addEventListener("click", () => this.clear());
    find(".load").addEventListener("click", () => file.click());
    file.addEventListener("change", async () => {
      const [chosen] = file.files;
      file.value = ""; // the same file may be chosen again
      if (chosen) await this.load(chosen);
    });
    for (const button of this.root.querySelectorAll("[data-example]")) {
      button.addEventListener("click", () => this.show(EXAMPLES[button.dataset.example]));
    }
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
      event.preventDefault();
      this.undo();
    });
  }

  async load(file) {
    try {
      this.show([], { base: await inkOfFile(file) });
    } catch (error) {
      this.sayProblem(this.say(error.message, { mb: MOST_BYTES / 1e6 }));
    }
  }

  sayProblem(text) {
    put(this.root.querySelector(".problem"), text);
  }

  paintPad() {
    const context = this.pad.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, this.pad.width, this.pad.height);
    if (this.base) {
      const picture = Object.assign(document.createElement("canvas"), { width: GRID, height: GRID });
      const image = new ImageData(GRID, GRID);
      this.base.ink.forEach((ink, at) => image.data.set([255 * ink, 255 * ink, 255 * ink, 255], 4 * at));
      picture.getContext("2d").putImageData(image, 0, 0);
      context.drawImage(picture, 0, 0, this.pad.width, this.pad.height);
    }
    for (const stroke of this.strokes) this.paintStroke(stroke);
  }

  paintStroke(points) {
    const context = this.pad.getContext("2d");
    const { width, height } = this.pad;
    Object.assign(context, { strokeStyle: "#fff", lineWidth: PEN * width, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(points[0][0] * width, points[0][1] * height);
    for (const [x, y] of points) context.lineTo(x * width, y * height);
    context.stroke();
  }

  // --- the networks -----------------------------------------------------------------------------

  // At most once a frame, however many points a frame brings.
  later() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.update();
    });
  }

  update() {
    const { base, strokes, panels } = this;
    const isExact = base?.pixels && !strokes.length;
    this.seen = isExact ? { pixels: base.pixels, mass: massOf(base.pixels, SIDE) } : centred(inkOfStrokes(strokes, base?.ink));
    for (const panel of panels) panel.logits = this.seen && logitsOf(panel.layers, this.seen.pixels);
    this.drawSeen(isExact);
    this.drawAnswers();
  }

  // --- elements, made when their data come --------------------------------------------------------

  // Bars glide on jumps only: under a hand they must not lag behind it.
  glide() {
    this.root.classList.add("glides");
    clearTimeout(this.gliding);
    this.gliding = setTimeout(() => this.root.classList.remove("glides"), GLIDE_MS);
  }

  fillPanels() {
    const box = this.root.querySelector(".panels");
    const template = box.querySelector("template");
    box.replaceChildren(template);
    this.panels = this.data.networks.map(({ kind, weights }) => {
      box.append(template.content.cloneNode(true));
      const element = box.lastElementChild;
      element.classList.add(kind);
      element.querySelector(".kl").hidden = kind === "teacher";
      const columns = DIGITS.map((digit) => {
        const column = make("span", "column");
        column.append(make("i", "hollow"), make("i", "solid"), make("b", "value"), make("span", "digit", {}, digit));
        return column;
      });
      element.querySelector(".plot").append(...columns);
      return { kind, element, columns, layers: networkOf(weights) };
    });
    if (this.data.words) this.write();
  }

  fillGallery() {
    const thumbs = this.data.gallery.map(({ pixels: packed }) => {
      const thumb = thumbOf(packed);
      const pixels = bytesOf(packed);
      thumb.addEventListener("click", () => this.show([], { base: enlarged(pixels), pixels }));
      return thumb;
    });
    this.root.querySelector(".thumbs").replaceChildren(...thumbs);
    rove(thumbs, 0);
  }

  write() {
    const { root, data } = this;
    this.sayAll();
    this.panels.forEach(({ element }, index) => {
      const { name, labels, errors, test } = data.networks[index];
      write(element, "name", name);
      write(element, "facts", this.say("facts", { labels, errors, test }));
    });
    [...root.querySelectorAll(".thumb")].forEach((thumb, index) => {
      thumb.setAttribute("aria-label", this.say("pick", { label: data.gallery[index].label }));
    });
    write(root, "note", data.note);
  }

  // --- drawing: only texts, attributes and --p change ---------------------------------------------

  drawSeen(isExact) {
    const { root, seen } = this;
    const context = root.querySelector(".seen canvas").getContext("2d");
    const image = new ImageData(SIDE, SIDE);
    for (let at = 0; at < SIDE * SIDE; at += 1) image.data.set([...Array(3).fill(seen?.pixels[at] ?? 0), 255], 4 * at);
    context.putImageData(image, 0, 0);
    const [rect, circle] = root.querySelector(".seen svg").children;
    rect.style.display = seen?.box ? "" : "none";
    circle.style.display = seen ? "" : "none";
    if (seen?.box) {
      const { left, top, width, height } = seen.box;
      for (const [name, value] of Object.entries({ x: left, y: top, width, height })) rect.setAttribute(name, value);
    }
    if (seen) {
      circle.setAttribute("cx", seen.mass[0] + 0.5); // pixel 0 goes from 0 to 1
      circle.setAttribute("cy", seen.mass[1] + 0.5);
    }
    write(root, "seen-says", this.say(isExact ? "seen_exact" : "seen_says"));
    const hint = root.querySelector(".hint");
    const said = this.isExample ? "hint_example" : seen ? "" : "hint";
    hint.className = `hint ${said}`;
    put(hint, said && this.say(said));
    const isEmpty = !this.strokes.length && !this.base;
    for (const name of [".undo", ".clear"]) root.querySelector(name).disabled = isEmpty;
  }

  drawAnswers() {
    const T = inTenths(this.T);
    const { root, panels } = this;
    this.temperature.show(this.T);
    for (const panel of panels) {
      panel.plain = panel.logits && softmax(panel.logits, 1);
      panel.live = panel.logits && softmax(panel.logits, this.T);
    }
    for (const panel of panels) this.drawPanel(panel, T);
    this.drawTable(T);
    write(root, "T", T);
    put(root.querySelector("[role=status]"), this.verdict());
    put(root.querySelector(".nearer"), this.nearer(T));
    root.classList.toggle("empty", !this.seen);
  }

  drawPanel({ kind, element, columns, plain, live }, T) {
    const [teacher] = this.panels;
    const best = live && top(live);
    columns.forEach((column, digit) => {
      const [hollow, solid, value] = column.children;
      for (const [bar, p] of [[hollow, plain], [solid, live], [value, live]]) bar.style.setProperty("--p", p?.[digit] ?? 0);
      put(value, live && live[digit] >= PRINTED_FROM ? this.printed(live[digit]) : "");
      column.classList.toggle("best", digit === best);
    });
    write(element, "answer", best ?? "–");
    write(element, "top", live ? this.say("top", { digit: best }) : this.say("probability"));
    for (const [name, p, taught] of [["plain", plain, teacher.plain], ["live", live, teacher.live]]) {
      write(element, `${name}-top`, p ? exact(p[best]) : "–");
      write(element, `${name}-entropy`, p ? bits(p).toFixed(2) : "–");
      if (kind !== "teacher") write(element, `${name}-kl`, p ? divergence(taught, p).toFixed(2) : "–");
    }
    const [first, second] = live ? [...DIGITS].sort((one, other) => live[other] - live[one]) : [];
    const name = element.querySelector("[data-out=name]").textContent;
    const said = live && { name, T, first, p: exact(live[first]), second, q: exact(live[second]) };
    element.querySelector(".chart").setAttribute("aria-label", live ? this.say("chart", said) : this.say("empty"));
  }

  // Who agrees with whom, or that there are two digits. T never changes it.
  verdict() {
    if (!this.seen) return this.say("empty");
    if (this.seen.two) return this.say("two");
    const [teacher, alone, distilled] = this.panels.map(({ live }) => top(live));
    if (teacher === alone && teacher === distilled) return this.say("all_agree", { teacher });
    if (teacher === distilled) return this.say("distilled_agrees", { teacher, alone });
    if (teacher === alone) return this.say("alone_agrees", { teacher, distilled });
    if (alone === distilled) return this.say("students_agree", { teacher, alone });
    return this.say("none_agree", { teacher, alone, distilled });
  }

  // How far both students are from the teacher's softened answer: what distillation makes small.
  nearer(T) {
    if (!this.seen) return "";
    const [teacher, alone, distilled] = this.panels.map(({ live }) => live);
    const values = { alone: divergence(teacher, alone).toFixed(2), distilled: divergence(teacher, distilled).toFixed(2) };
    return this.say("nearer", { T, ...values });
  }

  drawTable(T) {
    const table = this.root.querySelector("table.all");
    const names = this.data.networks.map(({ name }) => name);
    const head = [this.say("digit"), ...names.flatMap((name) => [`${name}, T = 1`, `${name}, T = ${T}`])];
    const row = (digit) => this.panels.flatMap(({ plain, live }) => [plain, live].map((p) => (p ? exact(p[digit]) : "–")));
    const rows = DIGITS.map((digit) => [digit, ...row(digit)]);
    fillTable(table, head, rows);
  }
}

// KL(p || q) in bits. What p rules out adds nothing; q is never 0 but where its exponential underflows.
function divergence(p, q) {
  return p.reduce((sum, value, at) => (value > 0 ? sum + value * Math.log2(value / Math.max(q[at], 1e-300)) : sum), 0);
}
