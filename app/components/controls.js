// Controls that several parts have: what Python hears of a value, the temperature's slider, a row of buttons by keys.

const PAUSE_MS = 400; // keys have no release, so a pause is one

// A value that both this browser and Python set. Python hears of it once it is released, with a running number, and
// answers with the last number that it has heard: so a late echo of an earlier release is told from a new wish.
class Exchange {
  constructor(name) {
    this.name = name; // as Python knows it
    this.number = 0;
    this.isHeld = false; // by a hand that has not let go
  }

  // Whether Python wishes another value than it did before, and than was released here.
  hear(wish, heard, send) {
    this.send = send;
    this.number = Math.max(this.number, heard);
    const isLate = heard < this.number || this.isHeld;
    if (isLate && this.asked) return false;
    const text = JSON.stringify(wish);
    const isWish = text !== this.asked && text !== this.released;
    this.asked = text;
    if (isWish) {
      this.released = text;
      clearTimeout(this.timer);
    }
    return isWish;
  }

  // Tell Python of a value that it does not know.
  release(value) {
    clearTimeout(this.timer);
    const text = JSON.stringify(value);
    if (text === this.released) return;
    this.released = text;
    this.number += 1;
    this.send(this.name, { ...value, number: this.number });
  }

  // Call `release` after a pause, unless a hand does when it lets go.
  later(release) {
    clearTimeout(this.timer);
    if (!this.isHeld) this.timer = setTimeout(release, PAUSE_MS);
  }
}

// How far along a slider's rail the hand at `x` is, from 0 to 1; the knob stays whole at both ends.
function shareOf({ clientWidth: width, clientHeight: knob }, x) {
  return within((x - knob / 2) / (width - knob), [0, 1]);
}

// The slider of a temperature, quick choices beside it and ticks under it. `choose(T)` hears of a quick choice.
// Its rail is logarithmic, so that T = 1 to 8, where most happens, takes nearly half of it; its value is T itself.
class TemperatureSlider {
  constructor(root, { choices, ticks = [], named = (T) => `T = ${T}`, choose }) {
    this.slider = root.querySelector(".slider input");
    this.rail = root.querySelector(".slider .rail");
    dragIn(this.rail, this.slider, (x) => this.slide(x), { release: () => this.slider.dispatchEvent(new Event("change")) });
    this.choices = choices;
    this.chips = choices.map((T) => {
      const chip = make("button", "", { type: "button" }, named(T));
      chip.addEventListener("click", () => choose(T));
      return chip;
    });
    root.querySelector(".chips").append(...this.chips);
    for (const T of ticks) {
      const tick = make("span", "", {}, T);
      tick.style.setProperty("--at", this.share(T));
      root.querySelector(".ticks").append(tick);
    }
  }

  get ends() {
    return [Number(this.slider.min), Number(this.slider.max)];
  }

  // Where T is on the rail, from 0 to 1.
  share(T) {
    return logarithmic(this.ends, [0, 1])(T);
  }

  // The hand is at `x` on the rail.
  slide(x) {
    this.slider.value = logarithmic(this.ends, [0, 1]).back(shareOf(this.rail, x));
    this.slider.dispatchEvent(new Event("input"));
  }

  // The nearest T that the slider has.
  nearest(T) {
    return within(Math.round(T * 10) / 10, this.ends);
  }

  show(T) {
    this.slider.value = T;
    this.rail.style.setProperty("--at", this.share(T));
    this.slider.setAttribute("aria-valuetext", `T = ${inTenths(T)}`);
    this.chips.forEach((chip, place) => chip.setAttribute("aria-pressed", this.choices[place] === T));
  }
}

// A chart over a setting, under a slider of it, that follows what other parts tell. `at` is its value; `ask(value,
// released)` sets it; `ends` are its least and largest, `x` is the chart's scale, `listenToKeys` the slider's keys.
// The slider is logarithmic, unless `spot` and `back` are others.
class FollowsLive extends Part {
  constructor(root) {
    super(root);
    this.svg = root.querySelector(".stage svg");
    this.slider = root.querySelector("input");
    this.redraw = () => this.draw();
    this.slider.addEventListener("input", () => this.ask(this.back(this.slider.valueAsNumber), false));
    this.slider.addEventListener("change", () => this.ask(this.at, true));
    this.listenToKeys();
    dragIn(this.svg, this.slider, (x) => this.ask(this.x.back(x), false), { release: () => this.ask(this.at, true) });
  }

  spot(value) {
    return Math.log(value);
  }

  back(spot) {
    return Math.exp(spot);
  }

  // What Python sends is there: draw it, and again whenever a setting or the chart's size changes.
  follow() {
    [this.slider.min, this.slider.max] = this.ends.map((end) => this.spot(end));
    this.watch(this.svg);
    live.addEventListener("change", this.redraw);
    this.draw();
  }

  close() {
    super.close();
    live.removeEventListener("change", this.redraw);
    clearTimeout(this.timer);
  }

  // Ask by a key: keys have no release, so a pause is one.
  askByKey(value) {
    clearTimeout(this.timer);
    this.ask(value, false);
    this.timer = setTimeout(() => this.ask(this.at, true), PAUSE_MS);
  }
}

// A temperature's slider by keys, in steps of its own: `from()` is where it is, `move(T)` is asked to go elsewhere.
function stepByKeys(slider, [min, max], from, move) {
  const aims = ({ shiftKey }) => {
    const T = from();
    const step = shiftKey ? 0.1 : 0.5;
    return { more: T + step, less: T - step, farMore: T + 5, farLess: T - 5, least: min, most: max };
  };
  onKeys(slider, aims, move);
}

// A slider by keys: `aims(event)` says where each of them leads, and `move(to)` is asked to go there.
function onKeys(slider, aims, move) {
  slider.addEventListener("keydown", (event) => {
    const { more, less, farMore = more, farLess = less, least, most } = aims(event);
    const to = {
      ArrowRight: more, ArrowUp: more, ArrowLeft: less, ArrowDown: less,
      PageUp: farMore, PageDown: farLess, Home: least, End: most,
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // the browser's own step would be added to ours
    move(to);
  });
}

// One tab stop for a row of buttons, arrows within it; `across` of them make a line.
function rove(buttons, first, across = 1) {
  const stop = (at) => buttons.forEach((button, index) => (button.tabIndex = index === at ? 0 : -1));
  stop(first);
  buttons.forEach((button, index) => {
    button.addEventListener("focus", () => stop(index));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: across, ArrowLeft: -1, ArrowUp: -across }[event.key];
      const at = event.key === "Home" ? 0 : event.key === "End" ? buttons.length - 1 : step && index + step;
      if (at === undefined) return;
      event.preventDefault();
      if (across > 1 && !buttons[at]) return;
      buttons[Math.min(buttons.length - 1, Math.max(0, at))].focus();
    });
  });
}
