// Draws what is sent ahead of the page, and takes it away once Streamlit's page stands in its place. `PARTS` are the
// functions that draw the live parts, the very ones that the page will load.

const LONGEST = 60_000; // milliseconds; then whatever Streamlit shows is better than what cannot answer

const host = document.getElementById("prelude");
const [page, ...sources] = document.querySelectorAll("body > template:not([id])");
const said = new URLSearchParams(location.search);
const streamlit = document.getElementById("root");
const root = host.attachShadow({ mode: "closed" }); // nobody who looks for the page's elements should find these
let parts = [];
let held = false; // a hand is on it

try {
  begin();
} catch (error) {
  host.remove(); // the page below does without
  throw error;
}

function begin() {
  // Streamlit goes by the browser's language; the server could only go by what the request said.
  const isSpoken = said.has("lang") || navigator.language.toLowerCase().startsWith("zh") === (host.dataset.language === "zh");
  if (!isSpoken || !CSS.supports("color", "light-dark(#000, #fff)")) return host.remove();
  document.documentElement.lang = host.dataset.language;
  lookAsChosen();
  root.append(page.content);
  for (const link of root.querySelectorAll("a[href]")) {
    const to = new URL(link.href, location.href);
    for (const [name, value] of said) if (!to.searchParams.has(name)) to.searchParams.set(name, value);
    link.href = to.href;
  }
  parts = [...root.querySelectorAll(".part")].map(draw);
  streamlit.inert = true; // it lies below: not for the keyboard, nor for who listens to the page
  for (const type of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
    addEventListener(type, ({ buttons }) => (held = buttons > 0), true);
  }
  globalThis.labPrelude = { root, parts }; // for tests and benchmarks
  requestAnimationFrame(look);
}

// Streamlit keeps in the browser which theme was chosen, and how the sidebar was left.
function lookAsChosen() {
  const kept = (start) => {
    try {
      const name = Object.keys(localStorage).find((key) => key.startsWith(start));
      return name && localStorage.getItem(name);
    } catch {
      return null; // a browser may refuse to keep anything
    }
  };
  const theme = /light|dark/.exec((kept(`stActiveTheme-${location.pathname}-`) ?? "").toLowerCase());
  if (theme) host.style.colorScheme = theme[0];
  const width = parseInt(kept("sidebarWidth"), 10);
  if (width) host.style.setProperty("--sidebar", `${width}px`);
  host.classList.toggle("collapsed", kept("stSidebarCollapsed-") === "true");
}

function draw(place) {
  const { part: name, key } = place.dataset;
  const data = JSON.parse(place.textContent);
  const shadow = place.attachShadow({ mode: "closed" });
  shadow.append(sources.find(({ dataset }) => dataset.part === name).content.cloneNode(true));
  const close = PARTS[name]({ data, parentElement: shadow, setStateValue() {}, setTriggerValue() {} });
  return { key, shadow, close, size: sizeOf(shadow) };
}

// --- the page takes over ----------------------------------------------------------------------------

function look() {
  if (!held && (stands() || performance.now() > LONGEST)) handOver();
  else requestAnimationFrame(look);
}

// The page's own part is drawn when it has as many elements as ours. A page without one is when its script has ended
// and its pictures are there. Above that, nothing may still be on its way.
function stands() {
  if (document.querySelector("[role=dialog], [data-testid=stException]")) return true;
  if (!document.querySelector(".stMain h1")) return false;
  if (!parts.every(isDrawn)) return false;
  const end = parts.length && own(parts.at(-1).key).host;
  const isAbove = (element) => !end || element.compareDocumentPosition(end) & Node.DOCUMENT_POSITION_FOLLOWING;
  if ([...document.querySelectorAll(".stMain [data-testid=stSkeleton]")].some(isAbove)) return false;
  const pictures = [...document.querySelectorAll(".stMain img")].filter(({ naturalWidth }) => naturalWidth > 0);
  const isDone = document.querySelector(".stApp").dataset.testScriptState === "notRunning";
  return end || (isDone && pictures.length >= root.querySelectorAll("main img").length);
}

function isDrawn({ key, size }) {
  return own(key) && sizeOf(own(key)) >= size;
}

function own(key) {
  return document.querySelector(`.st-key-${key} [data-testid^=stBidiComponent]`)?.shadowRoot;
}

function sizeOf(part) {
  return part.querySelectorAll("section *, aside *").length;
}

function handOver() {
  const scrolled = root.querySelector("main").scrollTop;
  streamlit.inert = false;
  for (const part of parts) {
    part.close?.();
    if (isDrawn(part)) carry(part.shadow, own(part.key)); // after a message of Streamlit's it may not be
  }
  document.querySelector(".stMain")?.scrollTo(0, scrolled);
  host.remove();
  delete globalThis.labPrelude;
  performance.mark("page stands");
}

// What was done to the part that was sent ahead is done to the page's own: digits, switches, temperature, focus.
// The guesses are kept in the browser, where the page's own part has found them.
function carry(from, to) {
  const all = (selector) => [...from.querySelectorAll(selector)].map((each, at) => [each, to.querySelectorAll(selector)[at]]);
  const sides = to.querySelectorAll("[name=side]");
  for (const [thumb, own] of all(".thumb")) {
    for (const side of thumb.textContent) {
      if (own.textContent.includes(side)) continue;
      sides["AB".indexOf(side)].click();
      own.click();
    }
  }
  for (const [radio, own] of all("[type=radio]")) if (radio.checked && !own.checked) own.click();
  for (const [details, own] of all("details")) own.open = details.open;
  for (const [slider, own] of all("[type=range]")) {
    if (slider.value === own.value) continue;
    const ask = new CustomEvent("ask", { detail: { T: slider.valueAsNumber, released: true } });
    globalThis.labLive.dispatchEvent(ask);
  }
  for (const [element, own] of all("button, input, summary, [tabindex]")) {
    if (element === from.activeElement) own.focus({ preventScroll: true });
  }
}
