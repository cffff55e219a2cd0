// Beside a student: the gradient's parts over T, and what other libraries' losses make of the same T and α.

const PARTS = [["soft", ""], ["bare", "dotted"], ["hard", "dashed"]];

class Student {
  constructor(view) {
    this.view = view;
    this.root = view.root.querySelector(".student");
    this.svg = this.root.querySelector("svg");
  }

  receive() {
    const { student } = this.view.facts;
    this.root.hidden = !student;
    for (const element of this.root.querySelectorAll(".with-labels")) element.hidden = !student?.hard;
  }

  draw(t) {
    const { view } = this;
    const { student } = view.facts;
    if (!student) return;
    const { at, alpha, T } = view;
    view.out("student", view.say("student", { T: t }));
    view.out("agreement", view.say("agreement", { share: percent(student.agreement), kl: student.kl[at].toPrecision(3) }));
    this.drawChart(t);
    if (!student.hard) return;
    view.out("angle", view.say("angle", { degrees: student.degrees[at].toFixed(0) }));
    const times = (name) => ((alpha * student[name][at]) / ((1 - alpha) * student.hard)).toPrecision(2);
    view.out("weighted", alpha < 1 ? view.say("weighted", { alpha: brief(alpha), with: times("soft"), without: times("bare") }) : "");
    view.out("conventions", view.say("conventions", { T: t, alpha: brief(alpha) }));
    this.drawConventions(T, alpha, student.kl[at], student.cross_entropy);
  }

  drawChart(t) {
    const { view, svg } = this;
    const { facts, at, T } = view;
    const box = frame(svg, { left: 3.6, right: 7.5, top: 2.4, bottom: 1.8 });
    if (!box.width) return;
    const { left, right, top, bottom, em } = box;
    const { student, temperatures } = facts;
    const curves = { soft: student.soft, bare: student.bare, hard: student.hard && temperatures.map(() => student.hard) };
    const shown = PARTS.filter(([name]) => curves[name]);
    const all = shown.flatMap(([name]) => curves[name]).filter((value) => value > 0);
    if (!all.length) return svg.replaceChildren(); // the student is the teacher
    const ends = [0.7 * Math.min(...all), 1.4 * Math.max(...all)];
    const x = logarithmic([temperatures[0], temperatures.at(-1)], [left, right]);
    const y = logarithmic(ends, [bottom, top]);
    const powers = [...Array(14).keys()].map((k) => 10 ** (k - 10)).filter((v) => v >= ends[0] && v <= ends[1]);
    const ys = powers.map((v) => [y(v), v >= 0.001 ? v : powerOfTen(v, 0)]);
    const hue = (name) => view.data.colours[name];
    const place = {}; // of a curve's name at its end, no two closer than a line
    let last = -Infinity;
    for (const [name] of [...shown].sort(([a], [b]) => curves[b].at(-1) - curves[a].at(-1))) {
      last = place[name] = Math.max(y(Math.max(curves[name].at(-1), ends[0])), last + 1.2 * em);
    }
    svg.replaceChildren(
      axes(box, { xs: TICKS.map((each) => [x(each), each]), ys, title: view.say("gradient") }),
      ...shown.map(([name, look]) => drawn("polyline", look, {
        points: curves[name].map((v, k) => `${x(temperatures[k]).toFixed(1)},${y(Math.max(v, ends[0])).toFixed(1)}`).join(" "), style: `--hue: ${hue(name)}`,
      })),
      ...shown.map(([name]) => drawn("text", "", { x: right + 0.4 * em, y: place[name] + 0.35 * em }, view.say(name))),
      drawn("g", "marker", {}, drawn("line", "", { x1: x(T), x2: x(T), y1: top, y2: bottom }),
        ...shown.map(([name]) => drawn("circle", "", { cx: x(T), cy: y(Math.max(curves[name][at], ends[0])), r: 5, style: `--hue: ${hue(name)}` })),
        drawn("text", "", { x: x(T) + 6, y: top - 0.3 * em }, `T = ${t}`)),
    );
  }

  drawConventions(T, alpha, kl, ce) {
    const { view } = this;
    const soft = T * T * kl;
    const losses = {
      rep: ce + alpha * soft,
      torchdistill: alpha === 0 ? kl : alpha * ce + (1 - alpha) * soft,
      keras: alpha * ce + (1 - alpha) * soft,
      keras_before: alpha * ce + (1 - alpha) * kl,
      formula: soft,
      listing: kl,
    };
    const rest = 1 - alpha;
    const holes = { T: brief(T), alpha: brief(alpha), rest: brief(rest), alike: brief(Number((rest / (rest + alpha * T * T)).toPrecision(4))) };
    const table = this.root.querySelector(".conventions table");
    const head = ["source", "formula", "value", "there"].map((name) => make("th", "", { scope: "col" }, view.say(name)));
    table.tHead.replaceChildren(make("tr", "", {}, ...head));
    const row = (name, formula, value, there) => make("tr", "", {}, make("td", "", {}, name), make("td", "", {}, formula),
      make("td", "", {}, value.toPrecision(3)), make("td", "", {}, make("code", "", {}, there)));
    table.tBodies[0].replaceChildren(
      row(view.say("ours"), "α · T² · KL + (1 − α) · CE", alpha * soft + (1 - alpha) * ce, ""),
      ...view.data.conventions.map((one) => row(one.name, one.formula, losses[one.id], filled(one.there, holes))),
    );
  }
}
