"""Honest statistics for few trials: Student's t over paired differences, and the verdict in words."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.special import stdtrit

from kd_core.events import Interval, Verdict
from kd_core.messages import Message, Scalar, message

CONFIDENCE = 0.95


def t_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The mean of n values with its t interval: mean ± t_{(1 + confidence) / 2, n - 1} · s / sqrt(n).

    One value has a mean and no interval (low and high are None). Raises ValueError for no values.
    Student 1908.
    """
    if not values:
        raise ValueError("an interval needs at least one value; none were given")
    n, mean = len(values), fmean(values)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1, confidence=confidence)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * stdev(values) / math.sqrt(n)
    return Interval(mean=mean, low=mean - half, high=mean + half, n=n, confidence=confidence)


def paired_points(errors: Sequence[int], baseline_errors: Sequence[int], images: int) -> Interval:
    """Accuracy gained over the baseline, in points (per 100 images), paired trial by trial.

    difference_k = 100 · (baseline_errors_k - errors_k) / images. Raises ValueError where the numbers
    of trials differ: unpaired trials must not be compared as if they were paired.
    """
    if len(errors) != len(baseline_errors):
        raise ValueError(f"paired trials are needed, but {len(errors)} and {len(baseline_errors)} were given")
    return t_interval([100 * (b - e) / images for e, b in zip(errors, baseline_errors, strict=True)])


def verdict(arm: str, baseline: str, difference: Interval, scope: tuple[Message, ...]) -> Verdict:
    """The verdict that `difference` (in points) allows, and no more; `scope` says what varied."""
    kind, text = _wording(difference)
    return Verdict(kind=kind, arm=arm, baseline=baseline, difference=difference, text=text, scope=scope)


def _wording(d: Interval) -> tuple[str, Message]:
    if d.low is None or d.high is None or d.half_width is None:
        return "single", message(
            "One trial only: a difference of {points} points. Without more seeds nobody can say "
            "whether it would come out again.",
            points=_points(d.mean),
        )
    if d.low == d.high == 0:
        return "undetectable", message("No difference at all: both students came out equal in {n} trials.", n=d.n)
    if d.low == d.high:  # no spread to tell the precision from: an interval of width zero would be a lie
        return "single", message(
            "All {n} trials differ by the same {points} points: too few or too coarse for an interval. Add seeds.",
            n=d.n,
            points=_points(d.mean),
        )
    values: dict[str, Scalar] = dict(low=_points(d.low), high=_points(d.high), n=d.n)
    if d.low > 0:
        return "better", message(
            "Distillation helped: {points} points more accuracy than the student alone "
            "(95 % interval {low} to {high}, {n} paired trials).",
            points=_points(d.mean).lstrip("+"),
            **values,
        )
    if d.high < 0:
        return "worse", message(
            "Distillation hurt: {points} points less accuracy than the student alone "
            "(95 % interval {low} to {high}, {n} paired trials).",
            points=_points(d.mean).lstrip("-"),
            **values,
        )
    return "undetectable", message(
        "No detectable difference: {points} points (95 % interval {low} to {high}, {n} paired trials); "
        "a difference below {invisible} points would be invisible here.",
        points=_points(d.mean),
        invisible=_points(d.half_width).lstrip("+"),
        **values,
    )


def _points(value: float) -> str:
    """Points with their sign and as many digits as it takes to show them: +3.19, -0.004."""
    return f"{value:+.2f}" if abs(value) >= 0.005 or value == 0 else f"{value:+.1g}"
