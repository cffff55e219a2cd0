// A network 1-40-40-1 with ReLU, and gradient descent on the mean squared error of a few points.

// weights: [W1, b1, W2, b2, W3, b3], each as nested lists: W1 [40][1], W2 [40][40], W3 [1][40].
function unpack([W1, b1, W2, b2, W3, b3]) {
  return {
    size: b1.length,
    W1: Float64Array.from(W1.flat()), b1: Float64Array.from(b1.flat()), W2: Float64Array.from(W2.flat()),
    b2: Float64Array.from(b2.flat()), W3: Float64Array.from(W3.flat()), b3: Float64Array.from(b3.flat()),
  };
}

function copyOf(net) {
  const copy = { size: net.size };
  for (const name of ["W1", "b1", "W2", "b2", "W3", "b3"]) copy[name] = net[name].slice();
  return copy;
}

// The output for x, with both layers' activations when they are asked for.
function forward(net, x, first = new Float64Array(net.size), second = new Float64Array(net.size)) {
  const n = net.size;
  for (let i = 0; i < n; i += 1) first[i] = Math.max(0, net.W1[i] * x + net.b1[i]);
  let y = net.b3[0];
  for (let i = 0; i < n; i += 1) {
    let sum = net.b2[i];
    for (let j = 0; j < n; j += 1) sum += net.W2[i * n + j] * first[j];
    second[i] = Math.max(0, sum);
    y += net.W3[i] * second[i];
  }
  return y;
}

// One step: theta <- theta - rate * gradient of mean((f(x) - y)²), in place.
function descend(net, points, rate) {
  const n = net.size;
  const grad = copyOf(net);
  for (const name of ["W1", "b1", "W2", "b2", "W3", "b3"]) grad[name].fill(0);
  const [first, second, backSecond, backFirst] = [1, 2, 3, 4].map(() => new Float64Array(n));
  for (const [x, y] of points) {
    const error = (2 * (forward(net, x, first, second) - y)) / points.length;
    grad.b3[0] += error;
    backFirst.fill(0);
    for (let i = 0; i < n; i += 1) {
      grad.W3[i] += error * second[i];
      backSecond[i] = second[i] > 0 ? error * net.W3[i] : 0;
      if (!backSecond[i]) continue;
      grad.b2[i] += backSecond[i];
      for (let j = 0; j < n; j += 1) {
        grad.W2[i * n + j] += backSecond[i] * first[j];
        backFirst[j] += backSecond[i] * net.W2[i * n + j];
      }
    }
    for (let j = 0; j < n; j += 1) {
      if (first[j] <= 0) continue;
      grad.W1[j] += backFirst[j] * x;
      grad.b1[j] += backFirst[j];
    }
  }
  for (const name of ["W1", "b1", "W2", "b2", "W3", "b3"]) {
    const [weights, slope] = [net[name], grad[name]];
    for (let i = 0; i < weights.length; i += 1) weights[i] -= rate * slope[i];
  }
}
