// The lab's networks in the browser, as `app/forward.py` has them in numpy: convolutions without padding, each with
// 2x2 pooling and ReLU, then dense layers with ReLU after each but the last.

const MEAN = 0.1307; // of MNIST's training pixels, scaled to 0-1
const STD = 0.3081;

// A safetensors file in base64 -> layers in order, each { weight, bias, shape }. The file is the length of its head
// in 8 bytes, a head in JSON (name -> shape and place), and the numbers.
function networkOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const layers = {};
  for (const [name, tensor] of Object.entries(head)) {
    if (name === "__metadata__") continue;
    const [place, part] = name.split(".");
    const [start, end] = tensor.data_offsets.map((offset) => 8 + length + offset);
    const layer = (layers[place] ??= {});
    layer[part] = new Float32Array(bytes.buffer.slice(start, end));
    if (part === "weight") layer.shape = tensor.shape;
  }
  return Object.keys(layers).sort((one, other) => one - other).map((place) => layers[place]);
}

// The ten logits for 784 bytes.
function logitsOf(layers, pixels) {
  let values = Float64Array.from(pixels, (byte) => (byte / 255 - MEAN) / STD);
  let size = [1, SIDE, SIDE];
  layers.forEach((layer, number) => {
    if (layer.shape.length === 4) {
      [values, size] = pooled(...convolved(values, size, layer));
      rectify(values);
    } else {
      values = dense(values, layer);
      if (number + 1 < layers.length) rectify(values);
    }
  });
  return Array.from(values);
}

// 3x3, no padding.
function convolved(values, [channels, height, width], { weight, bias }) {
  const [filters, rows, columns] = [bias.length, height - 2, width - 2];
  const out = new Float64Array(filters * rows * columns);
  let at = 0; // in the weights: filter, channel, row, column
  for (let filter = 0; filter < filters; filter += 1) {
    const first = filter * rows * columns;
    out.fill(bias[filter], first, first + rows * columns);
    for (let channel = 0; channel < channels; channel += 1, at += 9) {
      const [a, b, c, d, e, f, g, h, i] = weight.subarray(at, at + 9);
      for (let row = 0, to = first; row < rows; row += 1) {
        let [x, y] = [(channel * height + row) * width, (channel * height + row + 1) * width];
        let z = y + width;
        for (let column = 0; column < columns; column += 1, to += 1, x += 1, y += 1, z += 1) {
          out[to] +=
            a * values[x] + b * values[x + 1] + c * values[x + 2] +
            d * values[y] + e * values[y + 1] + f * values[y + 2] +
            g * values[z] + h * values[z + 1] + i * values[z + 2];
        }
      }
    }
  }
  return [out, [filters, rows, columns]];
}

// The largest of each 2x2 window; an odd last row or column is left out.
function pooled(values, [channels, height, width]) {
  const [rows, columns] = [height >> 1, width >> 1];
  const out = new Float64Array(channels * rows * columns);
  let at = 0;
  for (let channel = 0; channel < channels; channel += 1) {
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1, at += 1) {
        const from = (channel * height + 2 * row) * width + 2 * column;
        out[at] = Math.max(values[from], values[from + 1], values[from + width], values[from + width + 1]);
      }
    }
  }
  return [out, [channels, rows, columns]];
}

function dense(values, { weight, bias }) {
  const out = Float64Array.from(bias);
  for (let to = 0, at = 0; to < out.length; to += 1) {
    let sum = 0;
    for (let from = 0; from < values.length; from += 1, at += 1) sum += weight[at] * values[from];
    out[to] += sum;
  }
  return out;
}

function rectify(values) {
  for (let at = 0; at < values.length; at += 1) if (values[at] < 0) values[at] = 0;
}
