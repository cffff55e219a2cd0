"""The interval against closed forms and scipy; the verdict says no more than the interval allows."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from kd_core.results.schema import Interval
from kd_core.results.statistics import loss_verdict, paired_points, paired_ratio, t_interval, verdict


def test_two_values_by_hand():
    # n = 2, one degree of freedom: t = tan(pi (1 + 0.95) / 2 - pi / 2) = 12.7062; s / sqrt(2) = |a - b| / 2.
    interval = t_interval([1.0, 3.0])
    half = math.tan(math.pi * 0.475) * 1.0
    assert interval.mean == 2.0
    assert interval.half_width == pytest.approx(half, rel=1e-12)


def test_three_values_by_hand():
    # Two degrees of freedom: t = x sqrt(2 / (1 - x²)) at x = 0.95 gives 4.30265.
    x = 0.95
    assert t_interval([0.0, 1.0, 2.0]).half_width == pytest.approx(x * math.sqrt(2 / (1 - x * x)) / math.sqrt(3))


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=30).filter(lambda v: np.std(v) > 1e-6))
def test_equals_scipy(values):
    low, high = scipy.stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=scipy.stats.sem(values))
    interval = t_interval(values)
    assert interval.low == pytest.approx(low, rel=1e-9, abs=1e-9)
    assert interval.high == pytest.approx(high, rel=1e-9, abs=1e-9)
    assert t_interval(values, quantile=scipy.stats.t.ppf(0.975, len(values) - 1)).high == pytest.approx(
        interval.high
    )


def test_one_value_has_no_interval_and_none_is_an_error():
    assert t_interval([5.0]).half_width is None
    with pytest.raises(ValueError, match="at least one"):
        t_interval([])


def test_points_are_paired():
    difference = paired_points([10, 20, 30], [20, 30, 40], 1000)
    assert difference.mean == pytest.approx(1.0)
    assert difference.half_width == pytest.approx(0.0, abs=1e-12)  # every trial gained the same
    with pytest.raises(ValueError, match="paired"):
        paired_points([1, 2], [1], 100)


@pytest.mark.parametrize(
    ("errors", "baseline", "kind"),
    [([10, 12, 11], [30, 33, 31], "better"), ([30, 33, 31], [10, 12, 11], "worse"),
     ([10, 30, 20], [20, 10, 30], "undetectable"), ([10], [20], "single")],
)  # fmt: skip
def test_verdict_kinds(errors, baseline, kind):
    said = verdict("distilled student", "student alone", paired_points(errors, baseline, 1000), ())
    assert said.kind == kind
    assert str(said.text)
    if kind == "undetectable":
        assert f"below {said.difference.half_width:.2f} points would be invisible" in str(said.text)
        assert f"{said.difference.mean:+.2f} points" in str(said.text)
    if kind == "worse":
        assert "worse" in str(said.text)


def test_no_spread_is_not_called_precision():
    equal = verdict("a", "b", paired_points([10, 10], [10, 10], 400), ())
    assert "No difference at all" in str(equal.text)
    same = verdict("a", "b", paired_points([9, 9], [10, 10], 400), ())
    assert same.kind == "single"
    assert "too coarse for an interval" in str(same.text)


def test_a_difference_is_never_rounded_away():
    tiny = Interval(mean=0.0004, low=0.0001, high=0.0007, n=5, confidence=0.95)
    assert "0.0004 points more" in str(verdict("a", "b", tiny, ()).text)


def test_ratios_are_paired_and_in_powers_of_ten():
    # 1/10 and 1/1000 of the baseline: a geometric mean of 1/100.
    difference = paired_ratio([0.1, 0.002], [1.0, 2.0])
    assert difference.mean == pytest.approx(2.0)
    half = math.tan(math.pi * 0.475) * 1.0  # as in test_two_values_by_hand: 1 and 3
    assert difference.half_width == pytest.approx(half)
    with pytest.raises(ValueError, match="paired"):
        paired_ratio([1.0], [1.0, 2.0])
    for bad in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="above 0"):
            paired_ratio([bad], [1.0])


@pytest.mark.parametrize(
    ("losses", "baseline", "kind", "words"),
    [([1.0, 1.1, 0.9], [2.0, 2.2, 1.9], "better", "2.04 times lower"),
     ([2.0, 2.2, 1.9], [1.0, 1.1, 0.9], "worse", "2.04 times higher"),
     ([1.0, 2.0, 1.0], [2.0, 1.0, 1.0], "undetectable", "1 times the second's"),
     ([1.0], [4.0], "single", "0.25 times"), ([1.0, 2.0], [1.0, 2.0], "undetectable", "equal in 2 trials")],
)  # fmt: skip
def test_loss_verdict_kinds(losses, baseline, kind, words):
    said = loss_verdict("MAML", "joint pre-training", paired_ratio(losses, baseline), ())
    assert said.kind == kind
    assert words in str(said.text)
    if kind in ("better", "worse"):
        low, high = sorted(10 ** abs(end) for end in (said.difference.low, said.difference.high))
        assert f"interval {low:.3g} to {high:.3g} times" in str(said.text)
