// The lesson is offered on a browser's first visit, as long as that lasts or until it is answered, and never again.

const OFFERED = "lesson_offered"; // in this browser
const OFFERING = "lesson_offering"; // in this tab

export default function ({ data: [{ count, answered, words }], parentElement }) {
  const root = parentElement.querySelector(".offer");
  const button = root.querySelector("button");
  root.querySelector("span").textContent = filled(words.offer, { count });
  button.textContent = words.later;
  const close = () => {
    keep(sessionStorage, OFFERING, "");
    root.hidden = true;
  };
  button.onclick = close;
  if (answered) return close();
  if (!kept(localStorage, OFFERED)) keep(sessionStorage, OFFERING, "yes");
  keep(localStorage, OFFERED, "yes");
  root.hidden = kept(sessionStorage, OFFERING) !== "yes";
}

// A browser may refuse to keep anything: then nothing is offered.
function kept(store, name) {
  try {
    return store.getItem(name);
  } catch {
    return "refused";
  }
}

function keep(store, name, value) {
  try {
    store.setItem(name, value);
  } catch {
    // as above
  }
}
