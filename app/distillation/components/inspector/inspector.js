// A teacher's logits under one temperature. The slider has the temperatures at which the means were computed, so what
// is shown is never interpolated; a sample's bars are computed here.

const TICKS = [0.5, 1, 2, 4, 10, 20, 50];
const FEW = 10; // rows in a bin below which its point is hollow
const NAMED = [1, 4, 20];

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.exchange = new Exchange("chosen");
    this.slider = root.querySelector(".slider input");
    this.rail = root.querySelector(".rail");
    this.framework = "pytorch";
    this.sample = new Sample(this);
    this.means = new Means(this);
    this.student = new Student(this);
    this.listen();
  }

  receive(data, send) {
    const before = this.data;
    this.data = data;
    this.facts = data.facts;
    if (this.exchange.hear(data.chosen, data.heard, send) || !before) {
      this.alpha = data.chosen.alpha;
      this.T = this.nearest(data.chosen.temperature);
    }
    const above = document.querySelector("[data-testid=stHeader]")?.offsetHeight ?? 0;
    this.root.style.setProperty("--above", `${above}px`);
    if (!before || before.facts.id !== data.facts.id || before.words.all !== data.words.all) {
      this.isFilled = false; // nothing is drawn until every part has the new facts
      this.T = this.nearest(this.T);
      this.sayAll();
      this.fillBar();
      this.sample.receive();
      this.means.receive();
      this.student.receive();
      this.fillLibraries();
      this.isFilled = true;
    }
    for (const element of this.root.querySelectorAll("[data-said]")) put(element, data.said[element.dataset.said] ?? "");
    for (const svg of this.root.querySelectorAll(".stage svg")) this.watch(svg);
    this.draw();
  }

  close() {
    super.close();
    clearTimeout(this.exchange.timer);
  }

  // --- the temperature ------------------------------------------------------------------------------

  get at() {
    return this.facts.temperatures.indexOf(this.T);
  }

  nearest(T) {
    const apart = (other) => Math.abs(Math.log(other / T));
    return this.facts.temperatures.reduce((best, other) => (apart(other) < apart(best) ? other : best));
  }

  move(T) {
    this.T = this.nearest(T);
    this.draw();
  }

  release() {
    this.exchange.release({ temperature: this.T, alpha: this.alpha });
  }

  listen() {
    const { slider } = this;
    const hold = () => {
      this.exchange.isHeld = true;
      for (const end of ["pointerup", "pointercancel"]) {
        window.addEventListener(end, () => {
          this.exchange.isHeld = false;
          this.release();
        }, { once: true });
      }
    };
    slider.addEventListener("input", () => this.move(this.facts.temperatures[slider.valueAsNumber]));
    const alpha = this.root.querySelector(".alpha");
    alpha.addEventListener("input", () => {
      this.alpha = alpha.valueAsNumber;
      this.draw();
    });
    alpha.addEventListener("pointerdown", hold);
    const slide = (x) => {
      const { temperatures } = this.facts;
      this.move(temperatures[Math.round(shareOf(this.rail, x) * (temperatures.length - 1))]);
    };
    dragIn(this.rail, slider, slide, { hold });
    for (const each of [slider, alpha]) {
      each.addEventListener("change", () => this.exchange.later(() => this.release()));
      each.addEventListener("blur", () => this.release());
    }
    dragIn(this.root.querySelector(".chart"), slider, (x) => this.means.x && this.move(this.means.x.back(x)), {
      hold,
    });
    this.root.querySelector(".copy").addEventListener("click", () => this.copy());
  }

  fillBar() {
    const { temperatures, calibration } = this.facts;
    Object.assign(this.slider, { min: 0, max: temperatures.length - 1, step: 1 });
    const ticks = TICKS.filter((T) => temperatures.includes(T)).map((T) => {
      const tick = make("span", "", {}, T);
      tick.style.setProperty("--at", temperatures.indexOf(T) / (temperatures.length - 1));
      return tick;
    });
    this.root.querySelector(".ticks").replaceChildren(...ticks);
    const best = calibration && this.nearest(calibration.value);
    const chips = NAMED.map((T) => [T, `T = ${T}`]);
    if (best) chips.push([best, this.say("calibrated")]);
    this.chips = chips.map(([T, text]) => {
      const chip = make("button", "", { type: "button" }, text);
      chip.addEventListener("click", () => {
        this.move(T);
        this.release();
      });
      return [T, chip];
    });
    this.root.querySelector(".bar .chips").replaceChildren(...this.chips.map(([, chip]) => chip));
  }

  // --- drawing ----------------------------------------------------------------------------------------

  draw() {
    const { T, at, alpha, facts } = this;
    const t = inFull(T, 1);
    this.slider.value = at;
    this.rail.style.setProperty("--at", at / (facts.temperatures.length - 1));
    this.slider.setAttribute("aria-valuetext", `T = ${t}`);
    for (const [each, chip] of this.chips) chip.setAttribute("aria-pressed", each === T);
    this.out("T", t);
    this.sample.draw(t);
    this.means.draw(t);
    this.student.draw(t);
    const control = this.root.querySelector(".alpha");
    control.value = alpha;
    control.setAttribute("aria-valuetext", `α = ${inFull(alpha, 2)}`);
    this.out("alpha-value", inFull(alpha, 2));
    const { range } = facts;
    const where = range && (T < range.low.value - 0.005 ? "below" : T > range.high.value + 0.005 ? "above" : "inside");
    this.out("where", where ? this.say(where, { T: t }) : "");
    this.drawCode(t);
  }

  fillLibraries() {
    const { code } = this.data;
    this.buttons = Object.keys(code).map((name) => {
      const button = make("button", "", { type: "button" }, code[name].title);
      button.addEventListener("click", () => {
        this.framework = name;
        this.draw();
      });
      return [name, button];
    });
    this.root.querySelector(".libraries").replaceChildren(...this.buttons.map(([, button]) => button));
  }

  drawCode(t) {
    const { alpha, framework } = this;
    const { title, text } = this.data.code[framework];
    for (const [name, button] of this.buttons) button.setAttribute("aria-pressed", name === framework);
    const rest = alpha === 1 ? "1.0e-9" : brief(1 - alpha); // torchdistill takes a 0 for a wish to leave T² out
    const holes = { T: brief(this.T), alpha: brief(alpha), rest };
    const filledIn = text.replace(/\$(\w+)/g, (hole, name) => holes[name] ?? hole);
    const code = this.root.querySelector(".todo code");
    if (code.textContent !== filledIn) {
      code.textContent = filledIn;
      put(this.root.querySelector(".copy"), this.say("copy"));
    }
    this.root.querySelector("pre").setAttribute("aria-label", this.say("code", { library: title, T: t, alpha: brief(alpha) }));
  }

  // Where the browser lets nobody write to the clipboard, as on a page without https, the text is selected.
  async copy() {
    const code = this.root.querySelector("pre code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      put(this.root.querySelector(".copy"), this.say("copied"));
    } catch {
      getSelection().selectAllChildren(code);
    }
  }
}

const brief = (x) => String(Number(x.toFixed(10)));
const percent = (p) => (p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : p > 0 ? "<0.1 %" : "0 %");

// Numbers that Python packed, in base64, least byte first.
const unpacked = (base64, Kind) => new Kind(bytesOf(base64).buffer);
