"""What temperatures make of a teacher's logits: means over the rows, calibration, and which T to begin with.

    p_i = softmax(v / T)_i,    H = -sum_i p_i log p_i in nats

N rows, C classes, K temperatures. Hinton, Vinyals, Dean 2015, arXiv 1503.02531; calibration: Guo, Pleiss, Sun,
Weinberger 2017, "On Calibration of Modern Neural Networks", arXiv 1706.04599.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kd_core.inspection.logits import Logits, blocks
from kd_core.messages import Message, message

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.2, 2.5, 2.8, 3.0, 3.5, 4.0,
                4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 25.0, 30.0, 35.0, 40.0,
                50.0)  # fmt: skip
BINS = 15  # of confidence, as in Guo et al. 2017
WITHIN_95 = 1.959964  # standard errors on each side of a mean of many rows
LEAST_OUTSIDE, MOST_OUTSIDE = 0.05, 0.5  # of the probability, outside the top class
MOST_EFFECTIVE = 0.5  # of the classes
COLDEST, HOTTEST = 0.05, 100.0  # between which the calibration temperature is looked for
WHOLE_MATRIX = 30  # classes up to which every pair is shown
PAIRS = 15  # of larger ones, the pairs that look most alike
FEWEST = 5  # rows of a class from which its mean answer counts among the pairs: of one row it would say 99 %


@dataclass(frozen=True, eq=False)
class Curves:
    """Means over the rows at each of K temperatures, float64 [K], with their standard errors where named so.

    entropy: H in nats; top: the largest probability; outside_top: 1 - top; outside_label, nll: 1 - p and -log p of
    the label, where there are labels. bins: [K, BINS, 3], of each bin the number of rows, their confidence and how
    many are right, both added up. alike: [K, C, C], the mean answer to the rows of each class, up to WHOLE_MATRIX
    classes; pairs: of more, at each T up to PAIRS of (class, other class, mean probability of the other),
    of classes with FEWEST rows or more.
    """

    temperatures: np.ndarray
    entropy: np.ndarray
    entropy_error: np.ndarray
    top: np.ndarray
    outside_top: np.ndarray
    outside_top_error: np.ndarray
    outside_label: np.ndarray | None = None
    nll: np.ndarray | None = None
    bins: np.ndarray | None = None
    alike: np.ndarray | None = None
    pairs: list[list[tuple[int, int, float]]] = field(default_factory=list)

    @property
    def effective(self) -> np.ndarray:
        """The effective number of classes, e to the mean entropy: from 1 to C."""
        return np.exp(self.entropy)

    @property
    def calibration_error(self) -> np.ndarray | None:
        """Expected calibration error [K], 0 to 1: |confidence - accuracy| of each bin, weighted by its rows."""
        if self.bins is None:
            return None
        count, confidence, right = np.moveaxis(self.bins, 2, 0)
        error: np.ndarray = np.abs(confidence - right).sum(1) / count.sum(1)
        return error


def curves(
    logits: Logits,
    temperatures: Sequence[float] = TEMPERATURES,
    progress: Callable[[float], object] = lambda _share: None,
) -> Curves:
    """All means at these temperatures: one pass over the rows for each, after which `progress(share)` hears."""
    group = classes_of(logits)
    order = np.argsort(group, kind="stable")  # rows of one class beside each other, so that they add up fast
    found = []
    for number, t in enumerate(temperatures, start=1):
        found.append(_at(logits, t, group, order))
        progress(number / len(temperatures))
    stacked = {name: np.array([one[name] for one in found]) for name in found[0] if name != "pairs"}
    return Curves(np.array(temperatures, dtype=float), pairs=[one.get("pairs", []) for one in found], **stacked)


def classes_of(logits: Logits) -> np.ndarray:
    """Each row's class int64 [N]: its label, else its largest logit."""
    return logits.values.argmax(1) if logits.labels is None else logits.labels


def softened(block: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """softmax(block / T) [n, C], the logits over T with the largest taken off, and the log of their sum of exps."""
    z = (block.astype(np.float64) - block.max(1, keepdims=True)) / temperature
    p = np.exp(z)
    total = p.sum(1, keepdims=True)
    p /= total
    return p, z, np.log(total[:, 0])


def _at(logits: Logits, t: float, group: np.ndarray, order: np.ndarray) -> dict[str, Any]:
    """What `Curves` has at one temperature."""
    n, c = logits.rows, logits.classes
    sums = np.zeros(6)  # entropy and its square, outside the top and its square, outside the label, nll
    bins, by_class = np.zeros((BINS, 3)), np.zeros((c, c))
    for part in blocks(n, c):
        rows = order[part]
        p, z, log_total = softened(logits.values[rows], t)
        entropy = np.maximum(log_total - np.einsum("nc,nc->n", p, z), 0)
        top = np.exp(-log_total)
        outside = -np.expm1(-log_total)
        sums[:4] += entropy.sum(), (entropy**2).sum(), outside.sum(), (outside**2).sum()
        if logits.labels is not None:
            labels, at = logits.labels[rows], np.arange(len(rows))
            sums[4:] += (1 - p[at, labels]).sum(), (log_total - z[at, labels]).sum()
            right = z.argmax(1) == labels
            place = np.clip(np.ceil(top * BINS).astype(int), 1, BINS) - 1
            for column, weights in enumerate((None, top, right)):
                bins[:, column] += np.bincount(place, weights, minlength=BINS)
        classes = group[rows]
        starts = np.flatnonzero(np.r_[True, classes[1:] != classes[:-1]])
        by_class[classes[starts]] += np.add.reduceat(p, starts)
    counts = np.bincount(group, minlength=c)
    by_class /= np.maximum(counts, 1)[:, None]
    mean = sums / n
    found: dict[str, Any] = dict(
        entropy=mean[0], entropy_error=_error(mean[0], mean[1], n), top=1 - mean[2], outside_top=mean[2],
        outside_top_error=_error(mean[2], mean[3], n),
    )  # fmt: skip
    if logits.labels is not None:
        found |= dict(outside_label=mean[4], nll=mean[5], bins=bins)
    return found | (dict(alike=by_class) if c <= WHOLE_MATRIX else dict(pairs=_pairs(by_class, counts)))


def _error(mean: float, square: float, n: int) -> float:
    """The standard error of a mean of n values with this mean square; infinite for one value."""
    return math.sqrt(max(0.0, square - mean**2) / (n - 1)) if n > 1 else math.inf


def _pairs(by_class: np.ndarray, counts: np.ndarray) -> list[tuple[int, int, float]]:
    """The largest values off the diagonal: (row, column, value), the largest first, of rows with FEWEST counts."""
    off = np.where(counts[:, None] >= FEWEST, by_class, 0)
    np.fill_diagonal(off, 0)
    kth = np.sort(off.max(1))[-min(PAIRS, len(off))]  # so many rows hold one value of at least this
    best = np.flatnonzero(off >= max(kth, 1e-300))
    best = best[np.argsort(-off.ravel()[best], kind="stable")][:PAIRS]
    rows, columns = np.unravel_index(best, off.shape)
    return [(int(i), int(j), float(off[i, j])) for i, j in zip(rows, columns, strict=True)]


# Calibration


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval over the rows."""

    value: float
    low: float
    high: float


def calibration_temperature(logits: Logits) -> Estimate | None:
    """The T whose softmax gives the labels the largest likelihood, with its interval; None where there is none.

        T* = argmin_T sum_n -log softmax(v_n / T)[label_n]

    In b = 1 / T the sum is convex; its slope is the mean of E_p[v] - v_label, and the root of that is found. The
    interval is that of a maximum of likelihood, with the variance of the slopes in place of the model's, up to
    HOTTEST. There is no such T without labels, and where the slope has no root between 1 / HOTTEST and 1 / COLDEST:
    answers that are all right, say, become the more likely the lower T is. Guo et al. 2017, section 4.2.
    """
    if logits.labels is None:
        return None
    from scipy.optimize import brentq  # imported when wanted: the web process starts without it

    def slope(b: float) -> float:
        return _slopes(logits, b)[0]

    low, high = 1 / HOTTEST, 1 / COLDEST
    if slope(low) >= 0 or slope(high) <= 0:
        return None
    b = float(brentq(slope, low, high, xtol=1e-9, rtol=1e-9))
    _mean, square, curvature = _slopes(logits, b)
    error = math.sqrt(square / logits.rows) / curvature
    return Estimate(1 / b, 1 / (b + WITHIN_95 * error), 1 / max(b - WITHIN_95 * error, low))


def _slopes(logits: Logits, b: float) -> tuple[float, float, float]:
    """Of the loss over b: the mean slope of the rows, the mean of its square, and the mean curvature Var_p[v]."""
    assert logits.labels is not None
    total = np.zeros(3)
    for part in blocks(logits.rows, logits.classes):
        p, z, _log_total = softened(logits.values[part], 1 / b)
        z /= b  # the logits less the largest
        mean = np.einsum("nc,nc->n", p, z)
        slope = mean - z[np.arange(len(z)), logits.labels[part]]
        variance = np.einsum("nc,nc,nc->n", p, z, z) - mean**2
        total += slope.sum(), (slope**2).sum(), variance.sum()
    mean, square, curvature = total / logits.rows
    return float(mean), float(square), float(curvature)


# Which T to begin with


@dataclass(frozen=True)
class Advice:
    """The range of T to begin a search in, each end with its 95 % interval; or None, and `why` says why.

    limit: what bounds it above: "outside" or "effective", or "end", the largest T that was looked at.
    """

    low: Estimate | None
    high: Estimate | None
    limit: str
    why: Message | None = None


def advice(found: Curves, classes: int) -> Advice:
    """The T at which soft targets say something and are not yet alike.

    From where the mean mass outside the top class is LEAST_OUTSIDE to where it is MOST_OUTSIDE, or e^H half of the
    classes, whichever comes first. Both grow with T in every row, so each end is one T, read between two
    temperatures along log T. Its interval is where the curve's own 95 % band crosses the same value. A rule of
    thumb of this lab to begin a search in, no optimum: only validation errors of students find that.
    """
    if classes == 2:
        return Advice(None, None, "", message(
            "With two classes a soft target is one number, and the effective number of classes is never below half "
            "of them: this rule says nothing. Look for T with validation errors, from 1 up."))  # fmt: skip
    outside, entropy = found.outside_top, found.entropy
    half = math.log(MOST_EFFECTIVE * classes)
    first, last = float(found.temperatures[0]), float(found.temperatures[-1])
    if outside[-1] < LEAST_OUTSIDE:
        return Advice(None, None, "", message(
            "Even at T = {t} only {share} % of the probability is outside the top class: these logits are "
            "unusually large. Check that they are logits, or divide them by a constant first.",
            t=f"{last:g}", share=f"{100 * outside[-1]:.1f}"))  # fmt: skip
    low = _crossing(found, outside, found.outside_top_error, LEAST_OUTSIDE)
    by_outside = _crossing(found, outside, found.outside_top_error, MOST_OUTSIDE)
    by_entropy = _crossing(found, entropy, found.entropy_error, half)
    high, limit = min((by_outside, "outside"), (by_entropy, "effective"), key=lambda end: end[0].value)
    if high.value >= last:
        limit = "end"
    if high.value <= max(first, low.value):
        return Advice(None, None, "", message(
            "At T = {t} already, {share} % of the probability is outside the top class, and the effective number "
            "of classes is {effective} of {classes}: this teacher is so unsure that softening it more leaves "
            "little to learn. Begin at T = 1 or below.", t=f"{first:g}", share=f"{100 * outside[0]:.0f}",
            effective=f"{math.exp(entropy[0]):.1f}", classes=f"{classes:,}"))  # fmt: skip
    return Advice(low, high, limit)


def _crossing(found: Curves, curve: np.ndarray, error: np.ndarray, level: float) -> Estimate:
    """Where a growing curve and its 95 % band reach a level, within the temperatures that were looked at."""
    log_t = np.log(found.temperatures)
    band = np.where(np.isfinite(error), WITHIN_95 * error, 1e9)

    def at(values: np.ndarray) -> float:
        return float(np.exp(np.interp(level, np.maximum.accumulate(values), log_t)))

    return Estimate(at(curve), at(curve + band), at(curve - band))


# Beside a student


@dataclass(frozen=True, eq=False)
class Beside:
    """What a student's logits z make of it, at each of K temperatures [K]; q is softmax(z / T).

    kl: mean KL(p || q). Mean lengths over the rows of the gradient at z: soft: T (q_T - p_T), with T²; bare:
    (q_T - p_T) / T, without; hard: q_1 - label, one number. degrees: mean angle between the soft and the hard
    gradient. cross_entropy: of labels, one number. agreement: share of rows with the same largest logit.
    """

    kl: np.ndarray
    soft: np.ndarray
    bare: np.ndarray
    agreement: float
    degrees: np.ndarray | None = None
    hard: float | None = None
    cross_entropy: float | None = None


def beside(logits: Logits, temperatures: Sequence[float] = TEMPERATURES) -> Beside | None:
    """The student's logits beside the teacher's; None where the file has none. Hinton et al. 2015, section 2.1."""
    if logits.student is None:
        return None
    t = np.array(temperatures, dtype=float)
    sums, of_labels, same = np.zeros((3, len(t))), np.zeros(2), 0
    for part in blocks(logits.rows, logits.classes):
        teacher, student = logits.values[part], logits.student[part]
        same += int((teacher.argmax(1) == student.argmax(1)).sum())
        hard = None
        if logits.labels is not None:
            at, labels = np.arange(len(student)), logits.labels[part]
            hard, z, total = softened(student, 1.0)
            hard[at, labels] -= 1
            of_labels += np.linalg.norm(hard, axis=1).sum(), (total - z[at, labels]).sum()
        for column, one in enumerate(temperatures):
            sums[:, column] += _beside_at(teacher, student, one, hard)
    kl, length, degrees = sums / logits.rows
    if logits.labels is None:
        return Beside(kl, t * length, length / t, same / logits.rows)
    hard_length, cross_entropy = of_labels / logits.rows
    return Beside(kl, t * length, length / t, same / logits.rows, degrees, float(hard_length), float(cross_entropy))


def _beside_at(teacher: np.ndarray, student: np.ndarray, t: float, hard: np.ndarray | None) -> tuple[float, ...]:
    """Sums over rows at one T: KL(p || q), the length of q - p, its angle to the hard gradient in degrees."""
    p, z_p, total_p = softened(teacher, t)
    q, z_q, total_q = softened(student, t)
    kl = np.einsum("nc,nc->n", p, z_p - z_q) - total_p + total_q
    apart = q - p
    length = np.linalg.norm(apart, axis=1)
    if hard is None:
        return float(kl.sum()), float(length.sum()), 0.0
    both = np.maximum(length * np.linalg.norm(hard, axis=1), 1e-300)
    cosine = np.einsum("nc,nc->n", apart, hard) / both
    return float(kl.sum()), float(length.sum()), float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).sum())
