// What several parts need: numbers as they are printed, elements, a digit's pixels on a canvas.

// --- numbers ------------------------------------------------------------------------------------

// The largest logit is taken off first: exp(354 / 0.5) is past what a double can hold.
function softmax(logits, T) {
  const largest = Math.max(...logits);
  const exps = logits.map((z) => Math.exp((z - largest) / T));
  const sum = exps.reduce((total, value) => total + value);
  return exps.map((value) => value / sum);
}

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

function make(tag, className = "", attributes = {}, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
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
  for (const element of within.querySelectorAll(`[data-out="${name}"]`)) put(element, text);
}

// A text that is there already is left alone: most do not change from one frame to the next.
function put(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

// Every element whose text or accessible name is one of the words.
function sayAll(root, say) {
  for (const element of root.querySelectorAll("[data-text]")) put(element, say(element.dataset.text));
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
}

// A table anew: the first cell of each row is its heading.
function fillTable(table, head, rows) {
  table.tHead.replaceChildren(tableRow(head.map((text) => make("th", "", { scope: "col" }, text))));
  table.tBodies[0].replaceChildren(...rows.map((row) => tableRow(row.map((text, column) =>
    column ? make("td", "", {}, text) : make("th", "", { scope: "row" }, text)))));
}

// A temperature's slider by keys, in steps of its own: `from()` is where it is, `move(T)` is asked to go elsewhere.
function stepByKeys(slider, [min, max], from, move) {
  slider.addEventListener("keydown", (event) => {
    const T = from();
    const step = event.shiftKey ? 0.1 : 0.5;
    const to = {
      ArrowRight: T + step, ArrowUp: T + step, ArrowLeft: T - step, ArrowDown: T - step,
      PageUp: T + 5, PageDown: T - 5, Home: min, End: max,
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

function paint(canvas, base64) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(28, 28);
  [...atob(base64)].forEach((character, i) => {
    image.data.fill(character.charCodeAt(0), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

// --- between parts ----------------------------------------------------------------------------------

// T and α as they stand on the page, also under a hand that has not let go. The live `picture` sets them ("change");
// other parts follow it, and ask it to take another T ("ask"): it alone tells Python.
const live = (globalThis.labLive ??= new EventTarget());
const isLive = () => Boolean(live.picture?.isConnected); // not on another page
