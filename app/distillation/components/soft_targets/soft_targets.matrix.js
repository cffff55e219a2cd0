// The mean of softmax(logits / T) over the images of each label: 1,000 softmaxes a frame, in typed arrays.

const OFF_DIAGONAL = [...Array(100).keys()].filter((at) => at % 11); // the diagonal is 0, 11, 22 …
const DOT_BELOW = 0.005; // two decimals would say 0.00

class Matrix {
  constructor(view) {
    this.view = view;
    this.element = view.root.querySelector(".classes");
    this.pointed = null; // a place in the matrix, 10 * label + answer
    this.addCells();
    const stops = VIRIDIS.map((stop) => `rgb(${stop})`);
    this.element.querySelector(".ramp").style.background = `linear-gradient(to right, ${stops})`;
    this.element.addEventListener("toggle", () => this.draw());
  }

  addCells() {
    const table = this.element.querySelector("table");
    table.tHead.rows[1].append(...DIGITS.map((digit) => make("th", "", { scope: "col" }, digit)));
    this.cells = [];
    for (const label of DIGITS) {
      const cells = DIGITS.map((answer) => make("td", answer === label ? "diagonal" : ""));
      table.tBodies[0].append(tableRow([make("th", "", { scope: "row" }, label), ...cells]));
      this.cells.push(...cells);
    }
    rove(this.cells, 0, DIGITS.length);
    this.cells.forEach((cell, at) => {
      for (const start of ["pointerenter", "focus", "click"]) cell.addEventListener(start, () => this.point(at));
    });
    for (const end of ["pointerleave", "focusout"]) table.addEventListener(end, () => this.point(null));
  }

  // Hundredths of logits as little-endian int16. The largest of ten is taken off here, once for every T.
  receive(base64) {
    this.element.hidden = !base64;
    if (this.view.data.talk) this.element.open = true;
    this.logits = null;
    if (!base64) return;
    const bytes = bytesOf(base64);
    const hundredths = new DataView(bytes.buffer);
    this.logits = Float64Array.from({ length: bytes.length / 2 }, (_, i) => hundredths.getInt16(2 * i, true) / 100);
    for (let i = 0; i < this.logits.length; i += 10) {
      const ten = this.logits.subarray(i, i + 10);
      const largest = Math.max(...ten);
      ten.forEach((z, j) => (ten[j] = z - largest));
    }
  }

  means(T) {
    const { logits } = this;
    const means = new Float64Array(100);
    const exps = new Float64Array(10);
    const size = logits.length / 10; // of the logits of one label
    for (let i = 0; i < logits.length; i += 10) {
      let sum = 0;
      for (let j = 0; j < 10; j++) sum += exps[j] = Math.exp(logits[i + j] / T);
      const row = 10 * Math.floor(i / size);
      for (let j = 0; j < 10; j++) means[row + j] += exps[j] / sum / (size / 10);
    }
    return means;
  }

  point(at) {
    this.pointed = at;
    this.drawSentences();
  }

  draw() {
    if (!this.logits || !this.element.open) return;
    const { view } = this;
    this.p = this.means(view.T);
    this.strongest = OFF_DIAGONAL.reduce((best, at) => (this.p[at] > this.p[best] ? at : best));
    this.cells.forEach((cell, at) => {
      const p = this.p[at];
      const share = Math.round(100 * view.height(p)) / 100; // a hundred colours are enough, and seldom change
      if (cell.share !== share) {
        cell.share = share;
        cell.style.background = viridis(share);
        cell.style.color = share < DARK_INK_FROM ? "#fff" : "#000";
      }
      put(cell, p < DOT_BELOW ? "·" : p.toFixed(2));
      cell.setAttribute("aria-label", this.say("cell", at));
      cell.classList.toggle("best", at === this.strongest);
    });
    this.drawSentences();
  }

  drawSentences() {
    write(this.element, "strongest", this.say("strongest", this.strongest, 2));
    write(this.element, "pointed", this.pointed === null ? this.view.say("pointed") : this.say("cell", this.pointed));
    write(this.element, "matrix-says", this.view.say("matrix_says", { count: this.logits.length / 100 }));
  }

  say(name, at, decimals) {
    const p = decimals ? this.p[at].toFixed(decimals) : exact(this.p[at]);
    return this.view.say(name, { label: Math.floor(at / 10), answer: at % 10, p, T: inTenths(this.view.T) });
  }
}
