// What charts share: an element of a picture, and the picture as a file.

function drawn(tag, className = "", attributes = {}, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (className) element.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// A drag in a picture: `follow(x)` hears where the pointer is in it, `release()` when it lets go. Its slider gets the focus.
function dragIn(svg, slider, follow, { allowed = () => true, release = () => {} } = {}) {
  let isHeld = false;
  const tell = (event) => follow(event.clientX - svg.getBoundingClientRect().left);
  svg.addEventListener("pointerdown", (event) => {
    if (event.button || !allowed()) return;
    isHeld = true;
    svg.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true, focusVisible: false });
    event.preventDefault();
    tell(event);
  });
  svg.addEventListener("pointermove", (event) => isHeld && tell(event));
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, () => {
      if (isHeld) release();
      isHeld = false;
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
