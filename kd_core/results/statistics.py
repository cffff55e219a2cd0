"""Honest statistics for few trials: Student's t over paired differences, and the verdict in words."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from kd_core.messages import N_, Message, Scalar, message
from kd_core.results.schema import ArmTrial, Interval, Result, Verdict

CONFIDENCE = 0.95


def t_interval(
    values: Sequence[float], confidence: float = CONFIDENCE, *, quantile: float | None = None
) -> Interval:
    """The mean of n values with its t interval: mean ± t_{(1 + confidence) / 2, n - 1} · s / sqrt(n).

    quantile: that t, where it was recorded: scipy is not imported then. One value has a mean and no interval (low
    and high are None). Raises ValueError for no values. Student 1908.
    """
    if not values:
        raise ValueError("an interval needs at least one value; none were given")
    n, mean = len(values), fmean(values)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1, confidence=confidence)
    if quantile is None:
        from scipy.special import stdtrit  # takes long to import, and a page that shows kept intervals needs none

        quantile = float(stdtrit(n - 1, (1 + confidence) / 2))
    half = quantile * stdev(values) / math.sqrt(n)
    return Interval(mean=mean, low=mean - half, high=mean + half, n=n, confidence=confidence)


def errors_per_10000(trials: Sequence[ArmTrial], images: int) -> Interval:
    """Test errors scaled to 10,000 images, with the t interval over trials."""
    return t_interval([10_000 * trial.test_errors / images for trial in trials])


def paired_points(errors: Sequence[int], baseline_errors: Sequence[int], images: int) -> Interval:
    """Accuracy gained over the baseline, in points (per 100 images), paired trial by trial.

    difference_k = 100 · (baseline_errors_k - errors_k) / images. Raises ValueError where the numbers
    of trials differ: unpaired trials must not be compared as if they were paired.
    """
    if len(errors) != len(baseline_errors):
        raise ValueError(f"paired trials are needed, but {len(errors)} and {len(baseline_errors)} were given")
    return t_interval([100 * (b - e) / images for e, b in zip(errors, baseline_errors, strict=True)])


def welch(values: Sequence[float], others: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """mean(values) - mean(others) of independent trials, with Welch's interval, which needs no equal spread:

        difference ± t_{(1 + confidence) / 2, f} · s,  s² = s_1² / n_1 + s_2² / n_2,
        f = s⁴ / ((s_1² / n_1)² / (n_1 - 1) + (s_2² / n_2)² / (n_2 - 1))

    n is n_1 + n_2. Where either has only one value there is a difference and no interval. Raises ValueError for
    no values. Welch 1947, Satterthwaite 1946.
    """
    if not values or not others:
        raise ValueError(f"Welch's interval needs values on both sides; {values} and {others} were given")
    n, mean = len(values) + len(others), fmean(values) - fmean(others)
    if min(len(values), len(others)) == 1:
        return Interval(mean=mean, low=None, high=None, n=n, confidence=confidence)
    parts = [(stdev(side) ** 2 / len(side), len(side) - 1) for side in (values, others)]
    squared = sum(part for part, _ in parts)
    if squared == 0:
        return Interval(mean=mean, low=mean, high=mean, n=n, confidence=confidence)
    from scipy.special import stdtrit

    freedom = squared**2 / sum(part**2 / less for part, less in parts)
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(squared)
    return Interval(mean=mean, low=mean - half, high=mean + half, n=n, confidence=confidence)


def delta_m(errors: Sequence[int], baseline_errors: Sequence[int]) -> float:
    """Mean relative change of the tasks' errors against the baseline's, in percent: NEGATIVE is better.

    100 / tasks · sum_i (errors_i - baseline_i) / baseline_i. Maninis, Radosavovic, Kokkinos 2019,
    arXiv 1904.08918, eq. 4, turn the sign for measures in which less is better; here it is that of the errors.
    A baseline without any error counts as one error. Raises ValueError for no tasks or numbers that differ.
    """
    if not errors or len(errors) != len(baseline_errors):
        raise ValueError(
            f"errors of the same tasks are needed; {len(errors)} and {len(baseline_errors)} were given"
        )
    return 100 * fmean((e - b) / max(b, 1) for e, b in zip(errors, baseline_errors, strict=True))


def calibration_error(trial: ArmTrial) -> float:
    """Expected calibration error, 0 to 1: sum over bins of |correct - sum of confidences| / images.

    The mean distance between how sure it is and how often it is right. Guo et al. 2017, arXiv 1706.04599, eq. 3.
    """
    return sum(abs(b.correct - b.confidence) for b in trial.bins) / sum(b.count for b in trial.bins)


def agreement(trial: ArmTrial, teacher: ArmTrial) -> int:
    """On how many test images both give the same answer, right or wrong. Stanton et al. 2021, arXiv 2106.05945."""
    mine, theirs = dict(trial.mistakes), dict(teacher.mistakes)
    apart = sum(mine.get(index) != theirs.get(index) for index in mine.keys() | theirs.keys())
    return sum(map(sum, trial.confusion)) - apart


BETTER = N_(
    "“{arm}” is better than “{baseline}”: {points} points more accuracy "
    "(95 % interval {low} to {high}, {n} paired trials)."
)
WORSE = N_(
    "“{arm}” is worse than “{baseline}”: {points} points less accuracy "
    "(95 % interval {low} to {high}, {n} paired trials)."
)
SINGLE = N_(
    "One trial only: a difference of {points} points. Without more seeds nobody can say whether it would come "
    "out again."
)


def verdict(
    arm: str,
    baseline: str,
    difference: Interval,
    scope: tuple[Message, ...],
    *,
    better: str = BETTER,
    worse: str = WORSE,
    words: Mapping[str, Scalar | Message] | None = None,
) -> Verdict:
    """The verdict that `difference` (in points) allows, and no more; `scope` says what varied.

    better, worse: a technique's own sentences for its main question, with the same holes as BETTER.
    words: what fills further holes, or stands for "arm" and "baseline" where a name is put together of parts.
    """
    kind, text = _wording(difference, {"arm": arm, "baseline": baseline, **(words or {})}, better, worse)
    return Verdict(kind=kind, arm=arm, baseline=baseline, difference=difference, text=text, scope=scope)


def compared(
    result: Result, arm: str, baseline: str, scope: tuple[Message, ...] = (), *, better: str = BETTER,
    worse: str = WORSE, words: Mapping[str, Scalar | Message] | None = None,
) -> Verdict:  # fmt: skip
    """The `verdict` on the test errors of two arms of `result`, paired by trial."""
    errors, others = ([trial.test_errors for trial in result.arm(name).trials] for name in (arm, baseline))
    difference = paired_points(errors, others, result.data.test)
    return verdict(arm, baseline, difference, scope, better=better, worse=worse, words=words)


LOWER = N_(
    "“{arm}” is better than “{baseline}”: its loss is {times} times lower "
    "(95 % interval {low} to {high} times, {n} paired trials)."
)
HIGHER = N_(
    "“{arm}” is worse than “{baseline}”: its loss is {times} times higher "
    "(95 % interval {low} to {high} times, {n} paired trials)."
)


def paired_ratio(losses: Sequence[float], baseline_losses: Sequence[float]) -> Interval:
    """How much lower losses are than the baseline's, paired trial by trial, in powers of ten.

    difference_k = log10(baseline_k / loss_k): 0 is equal, 1 ten times lower; 10 to its mean is the geometric mean
    of the ratios. Raises ValueError where the numbers of trials differ, or a loss is not above 0.
    """
    if len(losses) != len(baseline_losses):
        raise ValueError(f"paired trials are needed, but {len(losses)} and {len(baseline_losses)} were given")
    if not all(loss > 0 for loss in (*losses, *baseline_losses)):
        raise ValueError(f"losses above 0 are needed; {losses} and {baseline_losses} were given")
    return t_interval([math.log10(b / a) for a, b in zip(losses, baseline_losses, strict=True)])


def loss_verdict(
    arm: str,
    baseline: str,
    difference: Interval,
    scope: tuple[Message, ...],
    *,
    lower: str = LOWER,
    higher: str = HIGHER,
) -> Verdict:
    """The verdict that `difference` (of `paired_ratio`) allows, and no more; `scope` says what varied.

    lower, higher: a technique's own sentences for its main question, with the same holes as LOWER.
    """
    kind, text = _ratio_wording(difference, arm, baseline, lower, higher)
    return Verdict(kind=kind, arm=arm, baseline=baseline, difference=difference, text=text, scope=scope)


def _ratio_wording(d: Interval, arm: str, baseline: str, lower: str, higher: str) -> tuple[str, Message]:
    names: dict[str, Scalar] = dict(arm=arm, baseline=baseline)
    if d.low is None or d.high is None or d.half_width is None:
        return "single", message(
            "One trial only: the loss of “{arm}” is {times} times that of “{baseline}”. Without more seeds nobody "
            "can say whether it would come out again.",
            times=_times(-d.mean),
            **names,
        )
    if d.low == d.high == 0:
        return "undetectable", message("No difference at all: both came out equal in {n} trials.", n=d.n)
    if d.low > 0:
        values: dict[str, Scalar] = dict(times=_times(d.mean), low=_times(d.low), high=_times(d.high), n=d.n)
        return "better", message(lower, **values, **names)
    if d.high < 0:
        values = dict(times=_times(-d.mean), low=_times(-d.high), high=_times(-d.low), n=d.n)
        return "worse", message(higher, **values, **names)
    return "undetectable", message(
        "No detectable difference between “{arm}” and “{baseline}”: the first's loss is {times} times the second's "
        "(95 % interval {low} to {high} times, {n} paired trials).",
        times=_times(-d.mean),
        low=_times(-d.high),
        high=_times(-d.low),
        n=d.n,
        **names,
    )


def _times(exponent: float) -> str:
    """Ten to `exponent` with three digits that count: 2.13, 0.0471, 138."""
    return f"{10**exponent:.3g}"


def _wording(d: Interval, names: Mapping[str, Scalar | Message], better: str, worse: str) -> tuple[str, Message]:
    if d.low is None or d.high is None or d.half_width is None:
        return "single", message(SINGLE, points=_points(d.mean))
    if d.low == d.high == 0:
        return "undetectable", message("No difference at all: both came out equal in {n} trials.", n=d.n)
    if d.low == d.high:  # no spread to tell the precision from: an interval of width zero would be a lie
        return "single", message(
            "All {n} trials differ by the same {points} points: too few or too coarse for an interval. Add seeds.",
            n=d.n,
            points=_points(d.mean),
        )
    values: dict[str, Scalar | Message] = {"low": _points(d.low), "high": _points(d.high), "n": d.n, **names}
    if d.low > 0:
        return "better", message(better, points=_points(d.mean).lstrip("+"), **values)
    if d.high < 0:
        return "worse", message(worse, points=_points(d.mean).lstrip("-"), **values)
    return "undetectable", message(
        "No detectable difference between “{arm}” and “{baseline}”: {points} points "
        "(95 % interval {low} to {high}, {n} paired trials); "
        "a difference below {invisible} points would be invisible here.",
        points=_points(d.mean),
        invisible=_points(d.half_width).lstrip("+"),
        **values,
    )


def _points(value: float) -> str:
    """Points with their sign and as many digits as it takes to show them: +3.19, -0.004."""
    return f"{value + 0.0:+.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:+.1g}"


def validation(result: Result) -> dict[str, float]:
    """Arm -> the mean over its trials of the errors per 10,000 validation images after the last epoch.

    Of arms that classify nothing, the mean of their last validation loss; arms without either are left out.
    """
    found = {}
    for arm in result.arms:
        curves = [trial.curve[-1][1] for trial in arm.trials if trial.curve]
        losses = [
            trial.series["validation loss"][-1] for trial in arm.trials if trial.series.get("validation loss")
        ]
        if curves:
            found[arm.name] = 10_000 * fmean(curves) / result.data.validation
        elif losses:
            found[arm.name] = fmean(losses)
    return found
