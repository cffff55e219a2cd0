// What several parts need: their mount, numbers as they are printed, elements, a digit's pixels on a canvas.

// --- a part -----------------------------------------------------------------------------------------

const views = new WeakMap();

// Streamlit calls a part on mount and again after each rerun. Its view lives as long as its elements: what is returned
// is called when they are gone, but also, at some later moment, after a call that was overtaken by the next one.
function mount(Kind, { data: [data], parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector("section");
  if (!views.has(root)) views.set(root, new Kind(root));
  const view = views.get(root);
  view.receive(data, setStateValue, setTriggerValue);
  return () => {
    if (!root.isConnected) view.close();
  };
}

// A part in the browser: `receive(data, ...)` takes what Python sends, `draw()` draws it.
class Part {
  constructor(root) {
    this.root = root;
  }

  close() {
    this.watcher?.disconnect();
  }

  // Draw again whenever an element changes its size.
  watch(element) {
    this.watcher ??= new ResizeObserver(() => this.draw());
    this.watcher.observe(element);
  }

  // One of the words, its {holes} filled.
  say(name, values = {}) {
    return filled(this.data.words[name], values);
  }

  // Every element whose text or accessible name is one of the words.
  sayAll(values = {}) {
    for (const element of this.root.querySelectorAll("[data-text]")) put(element, this.say(element.dataset.text, values));
    for (const element of this.root.querySelectorAll("[data-label]")) {
      element.setAttribute("aria-label", this.say(element.dataset.label, values));
    }
  }

  out(name, text) {
    write(this.root, name, text);
  }
}

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);

// --- numbers ------------------------------------------------------------------------------------

// The largest logit is taken off first: exp(354 / 0.5) is past what a double can hold.
function softmax(logits, T) {
  const largest = Math.max(...logits);
  const exps = logits.map((z) => Math.exp((z - largest) / T));
  const sum = exps.reduce((total, value) => total + value);
  return exps.map((value) => value / sum);
}

// The place of the mark that is nearest to a value, of equally near ones the first.
function nearest(marks, value) {
  const far = marks.map((mark) => Math.abs(mark - value));
  return far.indexOf(Math.min(...far));
}

const within = (value, [low, high]) => Math.min(high, Math.max(low, value));
const bits = (p) => p.reduce((sum, q) => (q > 0 ? sum - q * Math.log2(q) : sum), 0);
const top = (p) => p.indexOf(Math.max(...p));
// A setting's value, whole: at least so many decimals, and as many more as it has. An address may say α = 0.555.
const inFull = (value, least) => {
  const text = String(Number(value.toFixed(10)));
  return value.toFixed(Math.max(least, text.split(".")[1]?.length ?? 0));
};
const inTenths = (T) => inFull(T, 1);
const minus = (text) => text.replace("-", "−");
const powerOfTen = (x, decimals = 1) => {
  const [digits, exponent] = x.toExponential(decimals).split("e");
  const raised = [...exponent.replace("+", "")].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
  return `${digits}·10${raised.join("")}`;
};
const exact = (p) => (p === 0 || p >= 1e-4 ? p.toFixed(4) : powerOfTen(p));
const short = (x) => (!Number.isFinite(x) ? "∞" : x !== 0 && (x < 0.01 || x >= 1e4) ? powerOfTen(x) : x.toFixed(2));

// --- elements -------------------------------------------------------------------------------------

function make(tag, className = "", attributes = {}, ...inside) {
  return made(document.createElement(tag), className, attributes, inside);
}

function made(element, className, attributes, inside) {
  if (className) element.setAttribute("class", className);
  set(element, attributes);
  element.append(...inside);
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

function tableRow(cells) {
  const row = document.createElement("tr");
  row.append(...cells);
  return row;
}

function write(within, name, text) {
  for (const element of within.querySelectorAll(`[data-out="${name}"]`)) put(element, text);
}

// A text that is there already is left alone: most do not change from one frame to the next.
function put(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

// The texts of a table, whose cells are made once; the first of each row is its heading.
function fillTable(table, head, rows) {
  if (table.tBodies[0].rows.length !== rows.length || table.rows[0].cells.length !== head.length) {
    table.tHead.replaceChildren(tableRow(head.map(() => make("th", "", { scope: "col" }))));
    const cell = (_, column) => (column ? make("td") : make("th", "", { scope: "row" }));
    table.tBodies[0].replaceChildren(...rows.map((row) => tableRow(row.map(cell))));
  }
  [head, ...rows].forEach((row, r) => row.forEach((text, c) => put(table.rows[r].cells[c], text)));
}

// A button that shows a digit.
function thumbOf(pixels) {
  const canvas = make("canvas", "", { width: 28, height: 28, "aria-hidden": true });
  paint(canvas, pixels);
  return make("button", "thumb", { type: "button" }, canvas);
}

// What Python packed in base64.
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function paint(canvas, base64) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(28, 28);
  bytesOf(base64).forEach((grey, i) => {
    image.data.fill(grey, 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

// --- between parts ----------------------------------------------------------------------------------

// Settings as they stand on the page, by their names, also under a hand that has not let go. A part that has one tells it
// ("change"); other parts follow, and ask for another value ("ask"): the part that has it alone tells Python.
const live = (globalThis.labLive ??= Object.assign(new EventTarget(), { told: {} }));

// What `name` stands at, or `otherwise` where no part of this page has it.
function standing(name, otherwise) {
  const { by, value } = live.told[name] ?? {};
  return by?.isConnected ? value : otherwise;
}

function tell(by, values) {
  const isNew = ([name, value]) => live.told[name]?.by !== by || live.told[name].value !== value;
  const changed = Object.entries(values).filter(isNew);
  for (const [name, value] of changed) live.told[name] = { by, value };
  if (changed.length) live.dispatchEvent(new Event("change"));
}

// released: whether the hand has let go of it.
function askFor(values, released) {
  live.dispatchEvent(new CustomEvent("ask", { detail: { values, released } }));
}
