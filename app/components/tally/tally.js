// The projector's part of a class. It asks for the room's state several times a second; bars keep their elements,
// and so grow.

export default (streamlit) => mount(View, streamlit);

class View extends Part {
  receive(data) {
    this.data = data;
    this.draw();
    if (!this.polling) this.poll();
  }

  close() {
    clearTimeout(this.polling);
    this.polling = null;
  }

  async poll() {
    this.polling = setTimeout(() => this.poll(), 1000 * this.data.seconds);
    try {
      const answer = await fetch(this.data.state, { cache: "no-cache" });
      const told = await answer.json();
      if (answer.ok) this.state = told;
      this.problem = answer.ok ? "" : told.problem;
    } catch {
      this.problem = this.say("lost");
    }
    if (this.polling) this.draw();
  }

  draw() {
    const { question, options, revealed, address, qr } = this.data;
    const state = this.state?.question === question ? this.state : { guesses: 0, truth: null, tally: {} };
    const told = revealed && state.truth !== null;
    this.sayAll();
    this.root.setAttribute("aria-label", this.say("class"));
    this.root.querySelector(".enter").classList.toggle("small", revealed); // who comes late needs the address still
    const image = this.root.querySelector("img");
    if (image.getAttribute("src") !== qr) set(image, { src: qr, alt: this.say("qr", { address }) });
    put(this.root.querySelector(".address"), address.replace(/^https?:\/\//, ""));
    const n = state.guesses;
    put(this.root.querySelector(".count"), this.problem || this.say(n === 0 ? "none" : n === 1 ? "one" : "many", { n }));
    this.root.querySelector("ul").classList.toggle("covered", !told);
    this.list(options);
    for (const row of this.root.querySelectorAll("li")) {
      const { choice } = row.dataset;
      const number = told ? (state.tally[choice] ?? 0) : 0;
      const share = n ? (100 * number) / n : 0;
      const isRight = told && choice === state.truth;
      row.classList.toggle("right", isRight);
      put(row.querySelector(".name"), row.dataset.name + (isRight ? ` ✓ ${this.say("right")}` : ""));
      put(row.querySelector(".number"), this.say("count", { n: number, share: Math.round(share) }));
      row.querySelector(".bar span").style.width = `${share}%`;
    }
  }

  list(options) {
    const text = JSON.stringify(options);
    if (text === this.listed) return;
    this.listed = text;
    const row = ([choice, name]) =>
      make("li", "", { "data-choice": choice, "data-name": name }, make("span", "name"), make("span", "number"),
        make("span", "bar", { "aria-hidden": "true" }, make("span")));
    this.root.querySelector("ul").replaceChildren(...options.map(row));
  }
}
