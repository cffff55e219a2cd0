// What charts share: elements of a picture, its scales and axes, a drag in it, and the picture as a file.

function drawn(tag, className = "", attributes = {}, ...inside) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), className, attributes, inside);
}

// The box of a chart in its picture, inside margins that are given in heights of its letters.
function frame(svg, { left, right, top, bottom }) {
  const { clientWidth: width, clientHeight: height } = svg;
  const em = parseFloat(getComputedStyle(svg).fontSize);
  return { width, height, em, left: left * em, right: width - right * em, top: top * em, bottom: height - bottom * em };
}

// Where the box is, for what lies over the chart and under it.
function publish({ left, right, top, bottom, width }, root) {
  const sides = { left, right: width - right, top, tall: bottom - top };
  for (const [name, value] of Object.entries(sides)) root.style.setProperty(`--${name}`, `${value}px`);
}

// From a value to its place; `back` from a place to its value, no further than to the ends.
function linear([low, high], [from, to]) {
  const place = (value) => from + ((to - from) * (value - low)) / (high - low);
  place.back = (at) => low + (high - low) * within((at - from) / (to - from), [0, 1]);
  return place;
}

function logarithmic(ends, places) {
  const even = linear(ends.map(Math.log), places);
  const place = (value) => even(Math.log(value));
  place.back = (at) => Math.exp(even.back(at));
  return place;
}

// A chart's axes in its box: lines at `ys` and ticks at `xs`, pairs of a place and a text, and what y is.
function axes({ left, right, bottom, em }, { xs = [], ys, title = "" }) {
  const grid = drawn("g", "grid");
  for (const [y, text] of ys) {
    grid.append(drawn("line", "", { x1: left, x2: right, y1: y, y2: y }));
    grid.append(drawn("text", "", { x: left - 0.5 * em, y: y + 0.35 * em, "text-anchor": "end" }, text));
  }
  for (const [x, text] of xs) {
    grid.append(drawn("line", "", { x1: x, x2: x, y1: bottom, y2: bottom + 0.3 * em }));
    grid.append(drawn("text", "", { x, y: bottom + 1.4 * em, "text-anchor": "middle" }, text));
  }
  grid.append(drawn("line", "axis", { x1: left, x2: right, y1: bottom, y2: bottom }));
  grid.append(drawn("text", "", { x: 0, y: 0.9 * em }, title));
  return grid;
}

// A marker's parts at `x`: its line over the box, dots on the curves, and what it is at, on the side that has room.
function marking({ right, top, bottom, em }, x, text, dots = []) {
  const isRight = x + 0.6 * em * text.length > right;
  return [
    drawn("line", "", { x1: x, x2: x, y1: top, y2: bottom }), ...dots,
    drawn("text", "", { x: x + (isRight ? -6 : 6), y: top - 0.3 * em, "text-anchor": isRight ? "end" : "start" }, text),
  ];
}

// An arrow with a head of this length, or shorter with it.
function arrow(from, to, name, longest) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy);
  if (length < 1) return [];
  const head = Math.min(longest, length);
  const [ux, uy] = [dx / length, dy / length];
  const back = [to[0] - head * ux, to[1] - head * uy];
  const [across, along] = [0.45 * head * uy, 0.45 * head * ux];
  return [
    drawn("line", `arrow ${name}`, { x1: from[0], y1: from[1], x2: back[0], y2: back[1] }),
    drawn("path", `head ${name}`, { d: `M${to}L${back[0] - across} ${back[1] + along}L${back[0] + across} ${back[1] - along}Z` }),
  ];
}

// A drag in a picture: `follow(x)` hears where the pointer is in it, `hold()` when it takes hold and `release()` when it
// lets go. Its slider gets the focus.
function dragIn(picture, slider, follow, { allowed = () => true, hold = () => {}, release = () => {} } = {}) {
  let isHeld = false;
  const tell = (event) => follow(event.clientX - picture.getBoundingClientRect().left);
  picture.addEventListener("pointerdown", (event) => {
    if (event.button || !allowed(event)) return;
    isHeld = true;
    hold();
    picture.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
    tell(event);
  });
  picture.addEventListener("pointermove", (event) => isHeld && tell(event));
  for (const end of ["pointerup", "pointercancel"]) {
    picture.addEventListener(end, () => {
      if (!isHeld) return;
      isHeld = false;
      release();
    });
  }
}

const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-family", "font-size", "font-weight"];

// The picture as it looks now, in a file of its own: a copy of it carries the styles that it has here.
async function save(svg, name, form) {
  const paper = getComputedStyle(svg).getPropertyValue("--paper").trim();
  const copy = svg.cloneNode(true);
  const copies = [copy, ...copy.querySelectorAll("*")];
  [svg, ...svg.querySelectorAll("*")].forEach((element, at) => {
    const look = getComputedStyle(element);
    for (const own of ["class", "style", "data-label"]) copies[at].removeAttribute(own);
    for (const each of LOOKS) copies[at].style.setProperty(each, look.getPropertyValue(each));
  });
  const { clientWidth: width, clientHeight: height } = svg;
  copy.prepend(drawn("rect", "", { width, height, fill: paper }));
  for (const [key, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) copy.setAttribute(key, value);
  const address = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  const link = make("a", "", { download: `${name}.${form}` });
  link.href = form === "svg" ? address : await raster(address, 2 * width, 2 * height);
  link.click();
}

async function raster(address, width, height) {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = make("canvas", "", { width, height });
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  return canvas.toDataURL("image/png");
}
