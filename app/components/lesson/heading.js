// Where one is in the lesson. Whoever goes on by keyboard pressed a button that is gone: the heading takes the focus,
// is read out, and the next Tab leads to the question.

let heard = 0;

export default function ({ data: [{ at, count, kind, title, moves, words }], parentElement }) {
  const root = parentElement.querySelector(".heading");
  const dots = [...Array(count).keys()].map((step) => make("i", step < at ? "past" : step === at ? "now" : ""));
  root.querySelector(".dots").replaceChildren(...dots);
  const heading = root.querySelector("h3");
  heading.querySelector("small").textContent = `${filled(words.step, { at: at + 1, count })} · ${kind}`;
  heading.querySelector("span").textContent = title;
  if (moves <= heard) return;
  heard = moves;
  requestAnimationFrame(() => {
    heading.focus({ preventScroll: true });
    root.scrollIntoView({ block: "nearest" });
  });
}
