// One sample's ten most probable classes, and the list to choose it from.

const SHOWN = 10;
const DECADES = 6; // of the logarithmic scale

class Sample {
  constructor(view) {
    this.view = view;
    this.root = view.root.querySelector(".sample");
    this.list = this.root.querySelector(".list");
    this.search = this.root.querySelector(".search");
    this.log = this.root.querySelector(".log input");
    this.kind = "unsure";
    this.list.addEventListener("change", () => {
      this.chosen = Number(this.list.value);
      view.draw();
    });
    this.search.addEventListener("input", () => this.fill());
    this.log.addEventListener("change", () => view.draw());
  }

  receive() {
    const { view, root } = this;
    const { sample, classes } = view.facts;
    this.classes = classes;
    const flat = unpacked(sample.logits, Float32Array);
    this.rows = sample.rows.map((row, place) => {
      const logits = Array.from(flat.subarray(place * classes, (place + 1) * classes));
      const order = logits.map((_, i) => i).sort((a, b) => logits[b] - logits[a]);
      return { row, logits, order, label: sample.labels?.[place], plain: softmax(logits, 1) };
    });
    for (const each of this.rows) {
      each.entropy = bits(each.plain);
      each.gap = each.logits[each.order[0]] - each.logits[each.order[1]];
    }
    const kinds = ["unsure", ...(sample.labels ? ["wrong"] : []), "between", "all"];
    if (!kinds.includes(this.kind)) this.kind = "unsure";
    this.kinds = kinds.map((kind) => {
      const button = make("button", "", { type: "button" }, view.say(kind));
      button.addEventListener("click", () => {
        this.kind = kind;
        this.fill();
      });
      return [kind, button];
    });
    root.querySelector(".kinds").replaceChildren(...this.kinds.map(([, button]) => button));
    this.search.placeholder = view.say("search");
    this.search.value = "";
    const key = (name) => [make("i", name === "live" ? "solid" : "hollow"), make("span", "", { "data-out": `key-${name}` })];
    root.querySelector(".legend").replaceChildren(...key("live"), ...key("plain"));
    this.bars = Array.from({ length: Math.min(SHOWN, classes) + (classes > SHOWN ? 1 : 0) }, () => {
      const track = make("span", "track", {}, make("i", "hollow"), make("i", "solid"));
      return make("div", "row", { role: "img" }, make("span", "name"), track, make("b"));
    });
    root.querySelector(".bars").replaceChildren(...this.bars);
    this.fill();
  }

  name(at) {
    return this.view.facts.names[at];
  }

  // The list of those that the kind and the search leave.
  fill() {
    const { view } = this;
    const sought = this.search.value.trim().toLowerCase();
    // A number is that of a row, or the whole name of a class; other words may be a part of a name.
    const isNumber = /^\d+$/.test(sought);
    const isNamed = (at) => {
      const name = at === undefined ? "" : this.name(at).toLowerCase();
      return isNumber ? name === sought : name.includes(sought);
    };
    const fits = ({ row, label, order }) => !sought || String(row) === sought || [label, order[0]].some(isNamed);
    let listed = this.rows.map((_, place) => place).filter((place) => fits(this.rows[place]));
    const by = (value) => listed.sort((a, b) => value(this.rows[a]) - value(this.rows[b]));
    if (this.kind === "unsure") by((each) => -each.entropy);
    if (this.kind === "between") by((each) => each.gap);
    if (this.kind === "wrong") {
      listed = listed.filter((place) => this.rows[place].order[0] !== this.rows[place].label);
      by((each) => -each.plain[each.order[0]]);
    }
    const options = listed.map((place) => {
      const { row, label, order } = this.rows[place];
      const values = { row, answer: this.name(order[0]), label: label === undefined ? "" : this.name(label) };
      return make("option", "", { value: place }, view.say(label === undefined ? "option" : "option_label", values));
    });
    this.list.replaceChildren(...options);
    if (listed.length && !listed.includes(this.chosen)) this.chosen = listed[0];
    this.list.value = this.chosen;
    for (const [kind, button] of this.kinds) button.setAttribute("aria-pressed", kind === this.kind);
    const counted = { n: listed.length, shown: this.rows.length, rows: view.facts.rows.toLocaleString("en") };
    view.out("listed", listed.length ? view.say("listed", counted) : view.say("none"));
    if (view.isFilled) view.draw();
  }

  draw(t) {
    const { view } = this;
    const each = this.rows[this.chosen ?? 0] ?? this.rows[0];
    const live = softmax(each.logits, view.T);
    const first = each.order.slice(0, SHOWN);
    this.root.querySelector(".bars").setAttribute("aria-label", view.say("bars", { row: each.row }));
    this.bars.forEach((bar, place) => {
      const at = first[place];
      const sum = (p) => (at === undefined ? Math.max(0, 1 - first.reduce((total, one) => total + p[one], 0)) : p[at]);
      const [p, plain] = [sum(live), sum(each.plain)];
      const name = at === undefined ? view.say("others", { n: this.classes - SHOWN }) : this.name(at);
      const [called, track, value] = bar.children;
      const isLabel = at !== undefined && at === each.label;
      called.replaceChildren(name, ...(isLabel ? [make("i", "", {}, ` · ${view.say("label")}`)] : []));
      called.title = name;
      bar.classList.toggle("labelled", isLabel);
      track.children[0].style.setProperty("--h", this.share(plain));
      track.children[1].style.setProperty("--h", this.share(p));
      put(value, short4(p));
      bar.setAttribute("aria-label", view.say("bar", { name, T: t, live: exact(p), plain: exact(plain) }));
    });
    view.out("key-live", view.say("live", { T: t }));
    view.out("key-plain", view.say("plain"));
  }

  // How long a bar is, from 0 to 1.
  share(p) {
    return this.log.checked ? Math.max(0, 1 + Math.log10(Math.max(p, 1e-99)) / DECADES) : p;
  }
}

const short4 = (p) => (p >= 0.0005 ? p.toFixed(3) : powerOfTen(p, 0));
