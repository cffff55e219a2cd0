// A picture from a file -> ink. It is read in this browser and sent nowhere.

const MOST_BYTES = 10_000_000;
const FAINTEST = 0.1; // the least contrast between ink and paper that counts
const SPECK = 0.03; // of the largest piece's pixels: smaller pieces are dust
const PAPER = { least: 0.25, full: 0.9, light: 0.5, ink: 5e-4 }; // shares by which paper within a margin is known

// Rejects with an Error whose message is a key of the words.
async function inkOfFile(file) {
  if (file.size > MOST_BYTES) throw new Error("too_large");
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error("no_picture");
  }
  const scale = GRID / Math.max(bitmap.width, bitmap.height);
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  for (const paper of ["#fff", "#000"]) { // what is transparent is paper; white ink on it needs a dark one
    const ink = inkOf(lightness(bitmap, width, height, paper), width, height);
    if (ink) return ink;
  }
  throw new Error("no_digit");
}

function lightness(bitmap, width, height, paper) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return Float64Array.from({ length: width * height }, (_, at) => (0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2]) / 255);
}

// Lightness of a picture, its longer side GRID -> ink in the middle of the grid; null where nothing stands out.
// A margin around the paper, a desk or a film's bars, is cut off first. What differs from its surroundings is ink, so a
// shadow over a photograph is not; and if paper, of which there is more, is lighter than what stands out, ink is dark.
function inkOf(picture, pictureWidth, pictureHeight) {
  const { light, width, height } = withoutMargin(picture, pictureWidth, pictureHeight);
  const around = blurred(light, width, height, GRID / 4);
  const difference = light.map((value, at) => value - around[at]);
  const paper = middleOf(light.slice());
  const strongest = (sign) => difference.reduce((most, value, at) => Math.max(most, sign * value + sign * (light[at] - paper)), 0);
  const sign = strongest(-1) > strongest(1) ? -1 : 1;
  const standsOut = difference.map((value) => Math.max(0, sign * value));
  const { cut, below, above } = otsu(standsOut);
  if (above - below < FAINTEST) return null;
  const soft = (above - below) / 4;
  const ink = blank();
  const [left, top] = [(GRID - width) >> 1, (GRID - height) >> 1];
  standsOut.forEach((value, at) => {
    const covered = Math.min(1, Math.max(0, (value - cut + soft) / (2 * soft)));
    ink[(top + Math.floor(at / width)) * GRID + left + (at % width)] = covered;
  });
  return withoutSpecks(withoutEdges(ink, { left, top, width, height })) ? ink : null;
}

// The paper of a picture whose edge is something else: what the edge's own lightness, dark or light, surrounds, if that
// is a full rectangle, large, mostly of the other lightness, and with something written in it. Else all of it.
function withoutMargin(light, width, height) {
  const all = { light, width, height };
  const { cut } = otsu(light);
  const isLight = light.map((value) => value > cut);
  const edges = [];
  for (let at = 0; at < light.length; at += 1) if (isOnEdge(at, width, height)) edges.push(at);
  const margin = middleOf(edges.map((at) => isLight[at]));
  const isMargin = new Uint8Array(light.length);
  const open = edges.filter((at) => isLight[at] === margin);
  for (const at of open) isMargin[at] = 1;
  while (open.length) {
    const at = open.pop();
    const x = at % width;
    for (const next of [x ? at - 1 : -1, x + 1 < width ? at + 1 : -1, at - width, at + width]) {
      if (isLight[next] !== margin || isMargin[next]) continue; // also past the edges, where there is nothing
      isMargin[next] = 1;
      open.push(next);
    }
  }
  let [left, top, right, bottom, inside, written] = [width, height, -1, -1, 0, 0];
  isMargin.forEach((is, at) => {
    if (is) return;
    const [x, y] = [at % width, Math.floor(at / width)];
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
    inside += 1;
    if (isLight[at] === margin) written += 1;
  });
  const area = (right - left + 1) * (bottom - top + 1);
  const isPaper =
    area < light.length && area >= PAPER.least * light.length && inside >= PAPER.full * area &&
    written >= PAPER.ink * area && written <= (1 - PAPER.light) * area;
  if (!isPaper) return all;
  const blurred = Math.ceil(GRID / 100); // a margin's own edge is no line that stops at a pixel
  [left, top, right, bottom] = [left + blurred, top + blurred, right - blurred, bottom - blurred];
  const paper = { width: right - left + 1, height: bottom - top + 1 };
  return { ...paper, light: Float64Array.from({ length: paper.width * paper.height }, (_, at) => light[(top + Math.floor(at / paper.width)) * width + left + (at % paper.width)]) };
}

function isOnEdge(at, width, height) {
  return at < width || at >= width * (height - 1) || at % width === 0 || at % width === width - 1;
}

// Takes off, in place, what lies along the edge of the picture for a fifth of a side or more, unless it is all there is.
function withoutEdges(ink, { left, top, width, height }) {
  const { piece, count } = piecesOf(ink);
  const along = new Int32Array(count + 1);
  for (let at = 0; at < width * height; at += 1) {
    if (isOnEdge(at, width, height)) along[piece[(top + Math.floor(at / width)) * GRID + left + (at % width)]] += 1;
  }
  const isEdge = (number) => along[number] >= Math.min(width, height) / 5;
  if (piece.some((number) => number && !isEdge(number))) {
    ink.forEach((_, at) => {
      if (piece[at] && isEdge(piece[at])) ink[at] = 0;
    });
  }
  return ink;
}

function middleOf(values) {
  return values.sort()[values.length >> 1];
}

// The mean over a square of `reach` pixels each way, as far as the picture goes.
function blurred(values, width, height, reach) {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0, row = 0; x < width; x += 1) {
      row += values[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  return values.map((_, at) => {
    const [y, x] = [Math.floor(at / width), at % width];
    const [top, bottom] = [Math.max(0, y - reach), Math.min(height, y + reach + 1)];
    const [left, right] = [Math.max(0, x - reach), Math.min(width, x + reach + 1)];
    const sum = (row, column) => sums[row * (width + 1) + column];
    return (sum(bottom, right) - sum(top, right) - sum(bottom, left) + sum(top, left)) / ((bottom - top) * (right - left));
  });
}

// The cut that parts values best into two groups, and their means (Otsu 1979).
function otsu(values) {
  const counts = new Float64Array(256);
  for (const value of values) counts[Math.min(255, Math.floor(256 * value))] += 1;
  const total = counts.reduce((sum, count, bin) => sum + count * bin, 0);
  let [best, found] = [-1, { cut: 0, below: 0, above: 0 }];
  for (let bin = 0, n = 0, sum = 0; bin < 255; bin += 1) {
    n += counts[bin];
    sum += counts[bin] * bin;
    const rest = values.length - n;
    if (!n || !rest) continue;
    const [below, above] = [sum / n, (total - sum) / rest];
    const apart = n * rest * (above - below) ** 2;
    if (apart > best) [best, found] = [apart, { cut: (bin + 1) / 256, below: below / 256, above: above / 256 }];
  }
  return found;
}

// Takes dust off, in place; returns how many pixels of ink are left.
function withoutSpecks(ink) {
  const { piece, count } = piecesOf(ink);
  const sizes = new Int32Array(count + 1);
  for (const number of piece) if (number) sizes[number] += 1;
  const least = SPECK * Math.max(...sizes);
  let left = 0;
  for (let at = 0; at < ink.length; at += 1) {
    if (piece[at] && sizes[piece[at]] < least) ink[at] = 0;
    else if (piece[at]) left += 1;
  }
  return left;
}
