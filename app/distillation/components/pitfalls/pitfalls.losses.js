// Losses and their gradients with respect to the student's logits, for logits [N][C]. A gradient is an array of N*C.

const sum = (values) => values.reduce((total, value) => total + value, 0);
const dot = (left, right) => sum(left.map((value, place) => value * right[place]));

function logSoftmax(row, T) {
  const scaled = row.map((z) => z / T);
  const top = Math.max(...scaled);
  const log = top + Math.log(sum(scaled.map((z) => Math.exp(z - top))));
  return scaled.map((z) => z - log);
}

// KL(p || q), summed over classes, averaged over the batch, and its gradient.
function forward({ student, teacher, T }) {
  const n = student.length;
  const rows = student.map((z, at) => {
    const [logP, logQ] = [logSoftmax(teacher[at], T), logSoftmax(z, T)];
    const p = logP.map(Math.exp);
    return { value: dot(p, logP.map((each, c) => each - logQ[c])), gradient: p.map((each, c) => (Math.exp(logQ[c]) - each) / (T * n)) };
  });
  return { value: sum(rows.map((row) => row.value)) / n, gradient: rows.flatMap((row) => row.gradient) };
}

// KL(q || p).
function reversed({ student, teacher, T }) {
  const n = student.length;
  const rows = student.map((z, at) => {
    const [logP, logQ] = [logSoftmax(teacher[at], T), logSoftmax(z, T)];
    const [q, far] = [logQ.map(Math.exp), logQ.map((each, c) => each - logP[c])];
    const value = dot(q, far);
    return { value, gradient: q.map((each, c) => (each * (far[c] - value)) / (T * n)) };
  });
  return { value: sum(rows.map((row) => row.value)) / n, gradient: rows.flatMap((row) => row.gradient) };
}

// As Keras does it: probabilities are kept between 1e-7 and 1. The gradient is the plain one: only the value is shown.
function clipped({ student, teacher, T }) {
  const keep = (p) => Math.min(1, Math.max(1e-7, p));
  const each = student.map((z, at) => {
    const [p, q] = [softmax(teacher[at], T).map(keep), softmax(z, T).map(keep)];
    return sum(p.map((value, c) => value * Math.log(value / q[c])));
  });
  return { value: sum(each) / student.length, gradient: forward({ student, teacher, T }).gradient };
}

function crossEntropy({ student, labels }) {
  const n = student.length;
  const rows = student.map((z, at) => logSoftmax(z, 1));
  return {
    value: -sum(rows.map((row, at) => row[labels[at]])) / n,
    gradient: rows.flatMap((row, at) => row.map((each, c) => (Math.exp(each) - (c === labels[at])) / n)),
  };
}

// a left + b right, of losses with their gradients.
function mix(a, left, b, right) {
  return {
    value: a * left.value + b * right.value,
    gradient: left.gradient.map((each, place) => a * each + b * right.gradient[place]),
  };
}

function compare(one, other) {
  const [long, right] = [one, other].map(({ gradient }) => Math.sqrt(dot(gradient, gradient)));
  const cosine = long && right ? dot(one.gradient, other.gradient) / (long * right) : 1;
  return { times: right ? long / right : 1, degrees: (Math.acos(Math.max(-1, Math.min(1, cosine))) * 180) / Math.PI };
}

const ours = (batch, T, alpha) => mix(alpha * T * T, forward({ ...batch, T }), 1 - alpha, crossEntropy(batch));

// Each convention's loss with T and α typed as they are, and with what should be written there.
const CONVENTIONS = {
  rep: (batch, T, alpha) => {
    const loss = (gamma, a) => mix(gamma, crossEntropy(batch), a * T * T, forward({ ...batch, T }));
    return { typed: loss(1, alpha), there: loss(1 - alpha, alpha) };
  },
  torchdistill: (batch, T, alpha) => {
    const loss = (a, beta = 1 - a) =>
      a === 0 ? forward({ ...batch, T }) : mix(a, crossEntropy(batch), beta * T * T, forward({ ...batch, T }));
    return { typed: loss(alpha), there: alpha === 1 ? loss(1e-9, 1) : loss(1 - alpha) };
  },
  keras: (batch, T, alpha) => {
    const loss = (a) => mix(a, crossEntropy(batch), (1 - a) * T * T, clipped({ ...batch, T }));
    return { typed: loss(alpha), there: loss(1 - alpha) };
  },
  keras_before: (batch, T, alpha) => {
    const loss = (a) => mix(a, crossEntropy(batch), 1 - a, clipped({ ...batch, T }));
    return { typed: loss(alpha), there: loss(alike(T, alpha)) };
  },
  formula: (batch, T) => {
    const loss = mix(T * T, forward({ ...batch, T }), 0, crossEntropy(batch));
    return { typed: loss, there: loss };
  },
  listing: (batch, T) => {
    const loss = forward({ ...batch, T });
    return { typed: loss, there: loss };
  },
};

// The weight on the labels that, without T², weighs them against the teacher as (T, alpha) does with it.
function alike(T, alpha) {
  return (1 - alpha) / (1 - alpha + alpha * T * T);
}

// Each bug as the loss { right, wrong } on the batch.
const BUGS = {
  no_t_squared: (batch, T, alpha) => mix(alpha, forward({ ...batch, T }), 1 - alpha, crossEntropy(batch)),
  mean: (batch, T, alpha) => mix((alpha * T * T) / batch.student[0].length, forward({ ...batch, T }), 1 - alpha, crossEntropy(batch)),
  reversed: (batch, T, alpha) => mix(alpha * T * T, reversed({ ...batch, T }), 1 - alpha, crossEntropy(batch)),
  training_mode: (batch, T, alpha) => ours({ ...batch, teacher: batch.training }, T, alpha),
  shuffled: (batch, T, alpha) => ours({ ...batch, teacher: [...batch.teacher.slice(1), batch.teacher[0]] }, T, alpha),
  double_softmax: (batch, T, alpha) => ours({ ...batch, teacher: batch.teacher.map((row) => softmax(row, 1)) }, T, alpha),
};

function bug(name, batch, T, alpha) {
  const right = ours(name === "training_mode" ? { ...batch, teacher: batch.dropout } : batch, T, alpha);
  return { right, wrong: BUGS[name](batch, T, alpha) };
}
