// What charts share: an element of a picture, and the picture as a file.

function drawn(tag, className = "", attributes = {}, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (className) element.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
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
