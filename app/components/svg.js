// What charts share: an element of a picture, and the picture as a file.

function drawn(tag, className = "", attributes = {}, ...inside) {
  return made(document.createElementNS("http://www.w3.org/2000/svg", tag), className, attributes, inside);
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
