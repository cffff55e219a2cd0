// What teacher, student alone and distilled student answer to two test digits, at the temperature under the hand: students of
// the measured setting that is nearest.

const NETWORKS = ["teacher", "alone", "distilled"];

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    const figure = root.querySelector("template").content.firstElementChild;
    this.figures = [0, 1].map(() => figure.cloneNode(true));
    root.querySelector("template").replaceWith(...this.figures);
    this.redraw = () => this.draw();
  }

  receive(data) {
    this.data = data;
    for (const [name, colour] of Object.entries(data.colours)) this.root.style.setProperty(`--${name}`, colour);
    this.sayAll();
    this.figures.forEach((figure, at) => paint(figure.querySelector("canvas"), data.digits[at].pixels));
    this.watch(this.root);
    live.addEventListener("change", this.redraw);
    this.draw();
  }

  close() {
    super.close();
    live.removeEventListener("change", this.redraw);
  }

  draw() {
    const { temperatures, alphas } = this.data;
    const T = within(standing("temperature", this.data.temperature), [temperatures[0], temperatures.at(-1)]);
    const alpha = standing("alpha", this.data.alpha);
    const row = nearest(temperatures.map(Math.log), Math.log(T));
    const column = alpha > 0 ? Math.max(1, nearest(alphas, alpha)) : 0;
    this.figures.forEach((figure, at) => {
      const { label, logits } = this.data.digits[at];
      const distilled = column ? logits.distilled[row * (alphas.length - 1) + column - 1] : logits.alone;
      this.drawBars(figure, label, T, [logits.teacher, logits.alone, distilled].map((z) => softmax(z, T)));
    });
    this.out("nearest", this.say("nearest", { T: temperatures[row], alpha: alphas[column] }));
  }

  drawBars(figure, label, T, p) {
    const svg = figure.querySelector("svg");
    const told = NETWORKS.map((name, network) => `${this.say(name)} ${p[network][label].toFixed(2)}`).join(", ");
    svg.setAttribute("aria-label", this.say("digit", { label, T: inTenths(T), told }));
    figure.querySelector("canvas").setAttribute("aria-label", this.say("image", { label }));
    const box = frame(svg, { left: 0.2, right: 0.2, top: 0.4, bottom: 1.4 });
    if (!box.width) return;
    const step = (box.right - box.left) / 10;
    const y = linear([0, 1], [box.bottom, box.top]);
    const bars = p.flatMap((own, network) => own.map((value, digit) => drawn("rect", `bar ${NETWORKS[network]}`, {
      x: box.left + step * (digit + 0.08 + 0.28 * network), width: 0.24 * step, y: y(value),
      height: Math.max(0.5, box.bottom - y(value)), style: `--hue: var(--${NETWORKS[network]})`,
    })));
    const texts = p[0].map((_, digit) =>
      drawn("text", "", { x: box.left + step * (digit + 0.5), y: box.bottom + 1.1 * box.em, "text-anchor": "middle" }, digit));
    svg.replaceChildren(axes(box, { ys: [] }), ...bars, ...texts);
  }
}
