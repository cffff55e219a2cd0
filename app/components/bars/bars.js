// Ten bars that a hand draws. Each is a vertical slider as wide as its column, so pointer, touch, keyboard and screen
// readers all have it. Python hears of them when they are handed in; then it sends the truth.

const DIGITS = [...Array(10).keys()];

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  constructor(root) {
    super(root);
    this.heights = DIGITS.map(() => 0); // in percent
    this.button = root.querySelector("button");
    this.button.addEventListener("click", () => this.send("bars", [...this.heights]));
    this.columns = DIGITS.map((digit) => {
      const input = make("input");
      Object.assign(input, { type: "range", min: 0, max: 100, step: 1, value: 0 });
      input.addEventListener("input", () => {
        this.heights[digit] = input.valueAsNumber;
        this.draw();
      });
      const bars = ["before", "truth", "guess"].map((kind) => make("i", kind));
      return make("div", "column", {}, ...bars, make("b"), make("span", "digit", {}, digit), input);
    });
    root.querySelector(".plot").append(...this.columns);
  }

  receive(data, send) {
    this.data = data;
    this.send = send;
    this.sayAll({ t: data.temperature });
    this.root.querySelector(".plot").setAttribute("aria-label", this.say(data.truth ? "guess" : "draw"));
    this.draw();
  }

  draw() {
    const { root, data: { before, guess, truth }, heights } = this;
    const answered = Boolean(truth && guess);
    root.classList.toggle("answered", answered);
    this.columns.forEach((column, digit) => {
      const drawn = answered ? guess[digit] : heights[digit] / 100;
      const [was, is, mine, value, , input] = column.children;
      was.style.setProperty("--p", answered ? 0 : before[digit]);
      is.style.setProperty("--p", answered ? truth[digit] : 0);
      mine.style.setProperty("--p", drawn);
      const top = answered ? Math.max(drawn, truth[digit]) : drawn;
      value.style.setProperty("--p", top);
      value.textContent = answered ? decimals(truth[digit]) : drawn ? decimals(drawn) : "";
      input.hidden = answered;
      input.setAttribute("aria-label", this.say("bar", { digit }));
      input.setAttribute("aria-valuetext", `${heights[digit]} %`);
      if (answered) {
        column.setAttribute("role", "img");
        column.setAttribute("aria-label", this.say("both", { digit, guess: guess[digit].toFixed(2), truth: truth[digit].toFixed(2) }));
      }
    });
    const sum = heights.reduce((total, height) => total + height);
    const [before_, , truth_] = root.querySelector(".legend").children;
    before_.hidden = answered;
    truth_.hidden = !answered;
    root.querySelector(".below").hidden = answered;
    root.querySelector("small").textContent = sum ? this.say("sum", { sum }) : this.say("draw");
    this.button.disabled = !sum;
  }
}

const decimals = (p) => p.toFixed(2).replace(/^0/, "");
