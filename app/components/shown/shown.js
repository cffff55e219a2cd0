// Once the page has been painted with this on it, Python hears of it. A page in the background waits to be looked at,
// and what Streamlit still loads a script for has its turn first.

const REST = 100; // milliseconds between two looks
const LONGEST = 30; // looks

export default function ({ setTriggerValue }) {
  let timer, frame;
  const look = (times) => {
    frame = requestAnimationFrame(() => {
      const waits = document.querySelector("[data-testid=stSkeleton]") && times < LONGEST;
      timer = setTimeout(() => (waits ? look(times + 1) : setTriggerValue("shown", true)), REST);
    });
  };
  look(0);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}
