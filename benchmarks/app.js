// What benchmarks/app.py asks of a page: is it full, and how long does an answer take?
// Times are milliseconds from the event of the hand to the end of the first frame that shows the answer.

globalThis.bench = {
  // Elements of a component: it lives in a shadow root.
  inside(selector) {
    const roots = [...document.querySelectorAll(".stMain *")].map((element) => element.shadowRoot);
    return [document, ...roots.filter(Boolean)].flatMap((root) => [...root.querySelectorAll(selector)]);
  },

  // The first of them. It is looked for once and held as long as it is on the page: a search through everything in
  // each frame would take a good part of the time that is measured.
  held: new Map(),
  one(selector) {
    if (!bench.held.get(selector)?.isConnected) bench.held.set(selector, bench.inside(selector)[0]);
    return bench.held.get(selector);
  },

  isSeen(selector) {
    const element = document.querySelector(selector);
    return element !== null && element.getBoundingClientRect().height > 0;
  },

  barHeights() {
    return bench.inside(".panel .column .solid").map((bar) => bar.style.getPropertyValue("--p"));
  },

  distillationIsWhole() {
    const bars = bench.barHeights();
    return (
      bars.length === 20 && bars.every(Boolean) && bench.isSeen(".st-key-verdict h4") &&
      bench.isSeen(".st-key-result table.arms tbody tr") && bench.isSeen(".st-key-errors .scatterlayer .point") &&
      bench.isSeen(".st-key-curves .scatterlayer .point")
    );
  },

  overviewIsWhole() {
    const pictures = [...document.querySelectorAll("[class*=st-key-way_] img")];
    const isLoaded = (picture) => picture.complete && picture.naturalWidth > 0;
    return pictures.length === 4 && pictures.every(isLoaded) && document.body.innerText.includes("CC BY-SA 3.0");
  },

  // From the next event of this type on the element until each of the answers is shown: { name: () => boolean }.
  time(element, type, answers) {
    return new Promise((resolve, reject) => {
      const begin = ({ timeStamp }) => {
        const taken = {};
        const look = () => {
          const shown = Object.keys(answers).filter((name) => !(name in taken) && answers[name]());
          const { port1, port2 } = new MessageChannel(); // its message comes after the frame is done
          port1.onmessage = () => {
            for (const name of shown) taken[name] = performance.now() - timeStamp;
            if (Object.keys(taken).length === Object.keys(answers).length) resolve(taken);
            else requestAnimationFrame(look);
          };
          port2.postMessage(null);
        };
        requestAnimationFrame(look);
      };
      element.addEventListener(type, begin, { once: true, capture: true });
      setTimeout(() => reject(new Error(`no answer to ${type}`)), 30_000);
    });
  },

  slider() {
    return bench.one("input[type=range]#T");
  },

  caption(words) {
    return bench.one(".differs p").textContent.includes(words);
  },

  dragged() {
    const before = String(bench.barHeights());
    const T = () => bench.slider().valueAsNumber;
    return bench.time(bench.slider(), "input", {
      bars: () => String(bench.barHeights()) !== before,
      caption: () => bench.caption(`Temperature T 4 → ${T()}`),
      measured: () => bench.one(".measured .marker").textContent.startsWith(`T = ${T()},`),
      chart: () => bench.one(".lengths .marker").textContent.includes(`T = ${T().toFixed(1)}`),
    });
  },

  released() {
    const T = bench.slider().value;
    return bench.time(bench.slider(), "change", { address: () => location.search.includes(`temperature=${T}`) });
  },

  chosen() {
    const shapes = () => [...bench.one(".answers svg.chart").querySelectorAll(".bar")].map((bar) => bar.getAttribute("height")).join();
    const before = shapes();
    return bench.time(document, "click", { chart: () => shapes() !== before });
  },

  weighed() {
    const loss = () => bench.one("[data-out=alpha]").textContent;
    const before = loss();
    const text = () => bench.one(".differs p").textContent;
    const said = text();
    return bench.time(document, "keydown", { loss: () => loss() !== before, caption: () => text() !== said });
  },
};
