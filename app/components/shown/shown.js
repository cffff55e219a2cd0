// Once the page has been painted with this on it, Python hears of it. A page in the background waits to be looked at,
// and what Streamlit still loads a script for has its turn first. So has a person: what a hand has just asked for is on
// its way to Python, and a second request at its heels would break it off.

const REST = 100; // milliseconds between two looks
const LONGEST = 30; // looks at what is still loaded
const APART = 500; // milliseconds after a hand was on the page, or what it did ahead of it was handed on
const TOUCHES = ["pointerdown", "pointerup", "keydown", "keyup"];

export default function ({ setTriggerValue }) {
  let timer, frame;
  let touched = -APART;
  const touch = () => (touched = performance.now());
  for (const type of TOUCHES) addEventListener(type, touch, true);
  const isBusy = () => {
    const handed = performance.getEntriesByName("page stands").at(-1)?.startTime ?? -APART;
    const script = document.querySelector(".stApp")?.dataset.testScriptState;
    return globalThis.labPrelude || script !== "notRunning" || performance.now() - Math.max(touched, handed) < APART;
  };
  const look = (times) => {
    frame = requestAnimationFrame(() => {
      const waits = document.querySelector("[data-testid=stSkeleton]") && times < LONGEST;
      timer = setTimeout(() => (waits || isBusy() ? look(times + 1) : setTriggerValue("shown", true)), REST);
    });
  };
  look(0);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    for (const type of TOUCHES) removeEventListener(type, touch, true);
  };
}
