// Draws the figures of a page, each from the JSON beside its place: as wide as the place, and where that is narrow,
// as wide as words need and then scaled down. On paper, too, where a place is a column of A4 or the whole page.
"use strict";

const LEAST = 440, COLUMN = 330, PAGE = 685; // pixels
const places = [...document.querySelectorAll(".plot")];
const isWhole = (place) => place.parentElement.classList.contains("whole");

function fit(place, room) {
  const width = Math.max(room, isWhole(place) ? 1.25 * LEAST : LEAST);
  place.style.width = `${width}px`;
  place.style.transform = `scale(${room / width})`;
  place.style.marginBottom = `${(room / width - 1) * place.offsetHeight}px`; // scaling leaves its room as it was
  return { width };
}

function fitAll() {
  for (const place of places) Plotly.relayout(place, fit(place, place.parentElement.clientWidth));
}

function fitPaper() {
  for (const place of places) Plotly.relayout(place, fit(place, isWhole(place) ? PAGE : COLUMN));
}

for (const place of places) {
  const { data, layout } = JSON.parse(place.nextElementSibling.textContent);
  Object.assign(layout, fit(place, place.parentElement.clientWidth));
  Plotly.newPlot(place, data, layout, { displayModeBar: false, showTips: false });
}
addEventListener("resize", fitAll);
addEventListener("beforeprint", fitPaper);
addEventListener("afterprint", fitAll);
