// The speaker's view of a talk. It shows the place that the server has, and tells it where to turn; the clock is the
// server's, so that every device shows the same time.

export default (streamlit) => mount(View, streamlit);

class View extends Keyed {
  constructor(root) {
    super(root);
    for (const name of ["back", "next", "reveal", "clock"]) {
      root.querySelector(`.${name}`).addEventListener("click", () => this.act(name));
    }
    this.place = { technique: "", at: 0, revealed: [], elapsed: null };
  }

  receive(data) {
    this.data = data;
    if (this.shared?.path !== data.path) {
      this.shared?.close();
      this.shared = new Shared(data.path, { hear: (place) => this.hearOf(place), fail: (status) => this.fail(status) });
      this.shared.sync();
    }
    this.ticking ??= setInterval(() => this.tick(), 250);
    this.listen();
    this.draw();
  }

  close() {
    super.close();
    this.shared?.close();
    clearInterval(this.ticking);
  }

  hearOf(place) {
    this.place = place;
    this.begun = place.elapsed === null ? null : performance.now() - 1000 * place.elapsed;
    this.draw();
  }

  fail(status) {
    const said = { 200: "", 404: this.say("gone"), 429: "" }[status] ?? this.say("lost");
    put(this.root.querySelector(".problem"), said);
    if (status === 404) this.shared.close();
  }

  get talk() {
    return this.data.talks[this.place.technique];
  }

  act(name) {
    const { technique, at } = this.place;
    if (name === "clock") {
      this.begun = performance.now();
      return this.shared.tell({ clock: true });
    }
    if (!this.talk || at === this.talk.steps.length) return;
    const revealed = new Set(this.place.revealed);
    if (name === "reveal" && !revealed.delete(at)) revealed.add(at);
    const to = name === "next" ? at + 1 : name === "back" ? Math.max(0, at - 1) : at;
    if (["next", "back", "reveal"].includes(name)) this.turn({ technique, at: to, revealed: [...revealed] });
  }

  turn(to) {
    this.place = { ...this.place, ...to };
    this.draw();
    this.shared.tell(to);
  }

  draw() {
    const { at, revealed } = this.place;
    const part = (name) => this.root.querySelector(name);
    const steps = this.talk?.steps ?? [];
    const step = steps[at];
    const isOver = Boolean(this.talk) && !step;
    put(part(".where"), step ? this.say("where", { talk: this.talk.title, now: at + 1, all: steps.length }) : "");
    put(part("h1"), step ? step.title : this.say(isOver ? "over" : "wait"));
    const asks = step && step.asks !== step.title ? `${step.asks} · ` : "";
    put(part(".asks"), step ? asks + this.say(revealed.includes(at) ? "shown" : "covered") : "");
    put(part(".notes"), step?.notes ?? "");
    const next = steps[at + 1];
    put(part(".coming"), !step ? "" : next ? this.say("coming", { title: next.asks }) : this.say("last"));
    for (const name of ["back", "next"]) put(part(`.turns .${name}`), this.say(name));
    put(part(".reveal"), this.say(revealed.includes(at) ? "cover" : "reveal"));
    part(".turns .back").disabled = !step || at === 0;
    part(".turns .next").disabled = part(".reveal").disabled = !step;
    put(part("h2"), step ? this.say("steps") : "");
    put(part(".legend"), step ? this.say("path") : "");
    this.list(steps, at);
    this.links();
    this.tick();
  }

  list(steps, at) {
    const list = this.root.querySelector("ol");
    const text = JSON.stringify([this.place.technique, steps]);
    if (text !== this.listed) {
      this.listed = text;
      const row = (step, place) => {
        const when = step.until ? this.say("by", { n: step.until }) : this.say("skipped");
        const name = make("span", "", {}, `${place + 1} · ${step.asks}`);
        const button = make("button", "", { type: "button" }, name, make("span", "when", {}, when));
        button.addEventListener("click", () => {
          const { technique, revealed } = this.place;
          this.turn({ technique, at: place, revealed });
        });
        return make("li", step.until ? "path" : "", {}, button);
      };
      list.replaceChildren(...steps.map(row));
    }
    [...list.children].forEach((row, place) => {
      row.classList.toggle("now-at", place === at);
      row.firstChild.toggleAttribute("aria-current", place === at);
    });
  }

  links() {
    const { link, qr, other, is_reachable: isReachable } = this.data;
    const part = (name) => this.root.querySelector(name);
    put(part("summary"), this.say("device"));
    set(part("img"), { src: qr, alt: this.say("qr", { address: link }) });
    part(".link").href = link;
    put(part(".link"), link);
    put(part(".secret"), this.say("secret"));
    put(part(".unreachable"), isReachable ? "" : this.say("unreachable"));
    part(".other").href = other[0];
    put(part(".other"), other[1]);
  }

  tick() {
    const seconds = this.begun == null ? 0 : Math.max(0, (performance.now() - this.begun) / 1000);
    const output = this.root.querySelector("output");
    put(output, clockOf(seconds));
    output.setAttribute("aria-label", this.say("clock"));
    put(this.root.querySelector(".clock"), this.say(this.begun == null ? "start" : "again"));
    const until = this.talk?.steps[this.place.at]?.until;
    const left = 60 * (until ?? 0) - seconds;
    const pace = this.root.querySelector(".pace");
    const hasPace = Boolean(until) && this.begun != null;
    put(pace, hasPace ? `★ ${this.say(left < 0 ? "late" : "left", { time: clockOf(Math.abs(left)) })}` : "");
    pace.classList.toggle("late", hasPace && left < 0);
  }
}

const clockOf = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
