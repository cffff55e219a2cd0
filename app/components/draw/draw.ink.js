// Strokes -> ink -> the 28x28 that the networks see, as MNIST's own digits were made: the ink's box is scaled into
// 20x20 with its proportions kept, by area, and moved by whole pixels until its centre of mass lies in the middle
// of 28x28 (LeCun, Bottou, Bengio, Haffner 1998). Of the 10,000 test digits, 9,997 have a longer side of exactly 20
// pixels and all have a centre of mass, as a pixel's number, from 13.5 to 14.5: so the middle is pixel 14.

const GRID = 280; // the ink's side in pixels, at which strokes and pictures are kept
const PEN = 1 / 12; // the pen's width as a share of the pad: a digit over two thirds of it gets MNIST's 2.6 of 20 pixels
const SIDE = 28;
const BOX = 20;
const MIDDLE = 14;
const FAINT = 0.02; // less ink than this is none

const blank = () => new Float32Array(GRID * GRID);

// A stroke's piece from a to b, each [x, y] from 0 to 1: ink from 0 to 1, with a soft edge one pixel wide.
function addPiece(ink, a, b) {
  const [ax, ay, bx, by] = [...a, ...b].map((share) => share * GRID);
  const radius = (PEN * GRID) / 2;
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy;
  const reach = radius + 1;
  const from = (low) => Math.max(0, Math.floor(low - reach));
  const to = (high) => Math.min(GRID, Math.ceil(high + reach));
  for (let row = from(Math.min(ay, by)); row < to(Math.max(ay, by)); row += 1) {
    for (let column = from(Math.min(ax, bx)); column < to(Math.max(ax, bx)); column += 1) {
      const [x, y] = [column + 0.5 - ax, row + 0.5 - ay];
      const along = squared ? Math.min(1, Math.max(0, (x * dx + y * dy) / squared)) : 0;
      const distance = Math.hypot(x - along * dx, y - along * dy);
      const covered = Math.min(1, Math.max(0, radius + 0.5 - distance));
      const at = row * GRID + column;
      if (covered > ink[at]) ink[at] = covered;
    }
  }
}

function addStroke(ink, points) {
  if (points.length === 1) addPiece(ink, points[0], points[0]);
  for (let i = 1; i < points.length; i += 1) addPiece(ink, points[i - 1], points[i]);
}

// Where the ink is, to a part of a pixel: an outermost row that is covered by a third counts a third. Null without ink.
function boxOf(ink) {
  const [rows, columns] = [new Float32Array(GRID), new Float32Array(GRID)];
  for (let row = 0, at = 0; row < GRID; row += 1) {
    for (let column = 0; column < GRID; column += 1, at += 1) {
      const covered = ink[at];
      if (covered > rows[row]) rows[row] = covered;
      if (covered > columns[column]) columns[column] = covered;
    }
  }
  const [top, bottom] = endsOf(rows);
  const [left, right] = endsOf(columns);
  return top < bottom ? { left, top, width: right - left, height: bottom - top } : null;
}

function endsOf(most) {
  const isInk = (covered) => covered > FAINT;
  const [first, last] = [most.findIndex(isInk), most.findLastIndex(isInk)];
  return first < 0 ? [0, 0] : [first + 1 - most[first], last + most[last]];
}

// { pixels: 784 bytes, box: { left, top, width, height } of the 28x28, mass: [column, row] as pixel numbers }.
function centred(ink) {
  const box = boxOf(ink);
  if (!box) return null;
  const step = Math.max(box.width, box.height) / BOX; // pixels of the grid for one of the 20
  const small = shrunk(ink, box, step);
  const [column, row] = massOf(small, BOX);
  const [width, height] = [box.width / step, box.height / step];
  // A move that would push ink over the edge stops there; none of MNIST's digits comes that far.
  const move = (mass, length) => Math.min(SIDE - Math.ceil(length - 1e-9), Math.max(0, Math.ceil(MIDDLE - 0.5 - mass - 1e-9)));
  const [left, top] = [move(column, width), move(row, height)];
  const pixels = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < BOX; y += 1) {
    for (let x = 0; x < BOX; x += 1) {
      const ink = small[y * BOX + x];
      if (ink) pixels[(top + y) * SIDE + left + x] = Math.round(255 * ink);
    }
  }
  return { pixels, box: { left, top, width, height }, mass: massOf(pixels, SIDE) };
}

// The mean ink under each of 20x20 cells, `step` wide, the first at the box's corner: rows first, then columns.
function shrunk(ink, box, step) {
  const rows = new Float64Array(BOX * GRID);
  overlaps(box.top, box.top + box.height, step, (cell, row, share) => {
    for (let column = 0; column < GRID; column += 1) rows[cell * GRID + column] += share * ink[row * GRID + column];
  });
  const small = new Float64Array(BOX * BOX);
  overlaps(box.left, box.left + box.width, step, (cell, column, share) => {
    for (let row = 0; row < BOX; row += 1) small[row * BOX + cell] += share * rows[row * GRID + column];
  });
  return small;
}

// Calls `add(cell, pixel, share)` for every pixel from `start` to `end` and every cell that it lies in.
function overlaps(start, end, step, add) {
  for (let cell = 0; cell < BOX; cell += 1) {
    const low = start + cell * step;
    const high = Math.min(end, low + step);
    for (let pixel = Math.floor(low); pixel < high; pixel += 1) {
      const shared = Math.min(high, pixel + 1) - Math.max(low, pixel);
      if (shared > 1e-9) add(cell, pixel, shared / step);
    }
  }
}

function massOf(values, side) {
  let [sum, x, y] = [0, 0, 0];
  values.forEach((value, at) => {
    sum += value;
    x += value * (at % side);
    y += value * Math.floor(at / side);
  });
  return [x / sum, y / sum];
}

// 784 bytes as ink on the grid, so that strokes can be added to a digit of the gallery: bilinear.
function enlarged(pixels) {
  const ink = blank();
  const scale = GRID / SIDE;
  const pixel = (row, column) => pixels[Math.min(SIDE - 1, Math.max(0, row)) * SIDE + Math.min(SIDE - 1, Math.max(0, column))];
  for (let row = 0; row < GRID; row += 1) {
    for (let column = 0; column < GRID; column += 1) {
      const [y, x] = [(row + 0.5) / scale - 0.5, (column + 0.5) / scale - 0.5];
      const [top, left] = [Math.floor(y), Math.floor(x)];
      const [down, right] = [y - top, x - left];
      const upper = pixel(top, left) * (1 - right) + pixel(top, left + 1) * right;
      const lower = pixel(top + 1, left) * (1 - right) + pixel(top + 1, left + 1) * right;
      ink[row * GRID + column] = (upper * (1 - down) + lower * down) / 255;
    }
  }
  return ink;
}
