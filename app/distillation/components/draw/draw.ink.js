// Strokes -> ink -> the 28x28 that the networks see, as MNIST's own digits were made: the ink's box is scaled into
// 20x20 with its proportions kept, by area, and moved by whole pixels until its centre of mass lies in the middle
// of 28x28 (LeCun, Bottou, Bengio, Haffner 1998). Of the 10,000 test digits, 9,997 have a longer side of exactly 20
// pixels and all have a centre of mass, as a pixel's number, from 13.5 to 14.5: so the middle is pixel 14.
// The networks know strokes of MNIST's width alone: a thinner one is widened first, and a small drawing gets a thin pen.

const GRID = 280; // the ink's side in pixels, at which strokes and pictures are kept
const PEN = 1 / 12; // the pen's width as a share of the pad: a digit over two thirds of it gets MNIST's 2.6 of 20 pixels
const WIDTH = 2.6 / 20; // of MNIST's strokes, as a share of the box's longer side
const THINNEST = 1 / 20; // the same of a stroke that is left as it is: no test digit's is thinner
const ALONE = 0.2; // of all ink: as much makes a digit of a piece that stands apart
const TALL = 1 / 3; // of the whole height: lower pieces are strokes, as the top of a 5 is
const SIDE = 28;
const BOX = 20;
const MIDDLE = 14;
const FAINT = 0.02; // less ink than this is none

const blank = () => new Float32Array(GRID * GRID);

// A stroke's piece from a to b, each [x, y] from 0 to 1: ink from 0 to 1, with a soft edge one pixel wide.
function addPiece(ink, a, b, pen) {
  const side = sideOf(ink);
  const [ax, ay, bx, by] = [...a, ...b].map((share) => share * side);
  const radius = (pen * side) / 2;
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy;
  const reach = radius + 1;
  const from = (low) => Math.max(0, Math.floor(low - reach));
  const to = (high) => Math.min(side, Math.ceil(high + reach));
  for (let row = from(Math.min(ay, by)); row < to(Math.max(ay, by)); row += 1) {
    for (let column = from(Math.min(ax, bx)); column < to(Math.max(ax, bx)); column += 1) {
      const [x, y] = [column + 0.5 - ax, row + 0.5 - ay];
      const along = squared ? Math.min(1, Math.max(0, (x * dx + y * dy) / squared)) : 0;
      const distance = Math.hypot(x - along * dx, y - along * dy);
      const covered = Math.min(1, Math.max(0, radius + 0.5 - distance));
      const at = row * side + column;
      if (covered > ink[at]) ink[at] = covered;
    }
  }
}

function addStroke(ink, points, pen) {
  if (points.length === 1) addPiece(ink, points[0], points[0], pen);
  for (let i = 1; i < points.length; i += 1) addPiece(ink, points[i - 1], points[i], pen);
}

// The ink of strokes, over `base` (ink too) or an empty pad. On an empty one a small drawing gets a thinner pen, so that
// its strokes have MNIST's width once it is scaled up; a dot stays a dot.
function inkOfStrokes(strokes, base = null) {
  const ink = base ? base.slice() : blank();
  const reach = (axis) => {
    const along = strokes.flat().map((point) => point[axis]);
    return Math.max(...along) - Math.min(...along);
  };
  const fitting = (Math.max(reach(0), reach(1)) * WIDTH) / (1 - WIDTH); // pen / (reach + pen) = WIDTH
  const pen = base ? PEN : Math.min(PEN, Math.max(PEN / 5, fitting));
  for (const stroke of strokes) addStroke(ink, stroke, pen);
  return ink;
}

const sideOf = (ink) => Math.sqrt(ink.length);

// The mean width of its strokes in pixels: twice the area over the length of the edge, which is the ink's total variation.
function widthOf(ink) {
  const side = sideOf(ink);
  let [area, edge] = [0, 0];
  for (let at = 0; at + side < ink.length; at += 1) {
    area += ink[at];
    edge += Math.hypot(ink[at + 1] - ink[at], ink[at + side] - ink[at]);
  }
  return edge ? (2 * area) / edge : 0;
}

// Ink whose strokes are too thin for MNIST's, widened to its width, on a grid with room for it; other ink as it is.
function widened(ink) {
  const box = boxOf(ink);
  if (!box) return ink;
  const [width, longer] = [widthOf(ink), Math.max(box.width, box.height)];
  if (width >= THINNEST * longer) return ink;
  const wanted = ((longer - width) * WIDTH) / (1 - WIDTH);
  const room = Math.ceil(wanted);
  const from = sideOf(ink);
  const side = from + 2 * room;
  const out = new Float32Array(side * side);
  const pen = (wanted - width + 1) / side; // a disc about the middle of each pixel of ink
  ink.forEach((covered, at) => {
    if (covered < 0.25) return;
    const point = [(room + (at % from) + 0.5) / side, (room + Math.floor(at / from) + 0.5) / side];
    addPiece(out, point, point, pen);
  });
  return out;
}

// The number of each pixel's piece of ink, from 1, and how many there are: pixels that touch, also by a corner, are one.
function piecesOf(ink) {
  const side = sideOf(ink);
  const piece = new Int32Array(ink.length); // 0: no ink, or not yet seen
  let count = 0;
  for (let start = 0; start < ink.length; start += 1) {
    if (!ink[start] || piece[start]) continue;
    const open = [start];
    piece[start] = count += 1;
    while (open.length) {
      const at = open.pop();
      const x = at % side;
      for (let across = x ? -1 : 0; across <= (x + 1 < side ? 1 : 0); across += 1) {
        for (const next of [at + across - side, at + across, at + across + side]) {
          if (!ink[next] || piece[next]) continue; // also above and below the edges, where there is none
          piece[next] = count;
          open.push(next);
        }
      }
    }
  }
  return { piece, count };
}

// Whether two digits are there: two pieces, farther apart than the pen is wide, each tall and with a fifth of the ink.
function areTwo(ink) {
  const side = sideOf(ink);
  const joined = ink.slice();
  const pen = widthOf(ink) / side;
  ink.forEach((covered, at) => {
    const isBorder = covered && [1, -1, side, -side].some((step) => !ink[at + step]);
    if (!isBorder) return;
    const point = [((at % side) + 0.5) / side, (Math.floor(at / side) + 0.5) / side];
    addPiece(joined, point, point, pen);
  });
  const { piece, count } = piecesOf(joined);
  const pieces = Array.from({ length: count + 1 }, () => ({ mass: 0, top: side, bottom: -1 }));
  let all = 0;
  ink.forEach((covered, at) => {
    if (!covered) return;
    const [mine, row] = [pieces[piece[at]], Math.floor(at / side)];
    all += covered;
    mine.mass += covered;
    mine.top = Math.min(mine.top, row);
    mine.bottom = Math.max(mine.bottom, row);
  });
  const height = ({ top, bottom }) => bottom - top + 1;
  const there = pieces.filter(({ mass }) => mass);
  const whole = height({ top: Math.min(...there.map(({ top }) => top)), bottom: Math.max(...there.map(({ bottom }) => bottom)) });
  return there.filter((each) => each.mass >= ALONE * all && height(each) >= TALL * whole).length > 1;
}

// Where the ink is, to a part of a pixel: an outermost row that is covered by a third counts a third. Null without ink.
function boxOf(ink) {
  const side = sideOf(ink);
  const [rows, columns] = [new Float32Array(side), new Float32Array(side)];
  for (let row = 0, at = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1, at += 1) {
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

// { pixels: 784 bytes, box: { left, top, width, height } of the 28x28, mass: [column, row] as pixel numbers,
// two: whether two digits seem to be there }. Null without ink.
function centred(drawn) {
  const ink = widened(drawn);
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
  return { pixels, box: { left, top, width, height }, mass: massOf(pixels, SIDE), two: areTwo(ink) };
}

// The mean ink under each of 20x20 cells, `step` wide, the first at the box's corner: rows first, then columns.
function shrunk(ink, box, step) {
  const side = sideOf(ink);
  const rows = new Float64Array(BOX * side);
  overlaps(box.top, box.top + box.height, step, (cell, row, share) => {
    for (let column = 0; column < side; column += 1) rows[cell * side + column] += share * ink[row * side + column];
  });
  const small = new Float64Array(BOX * BOX);
  overlaps(box.left, box.left + box.width, step, (cell, column, share) => {
    for (let row = 0; row < BOX; row += 1) small[row * BOX + cell] += share * rows[row * side + column];
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
