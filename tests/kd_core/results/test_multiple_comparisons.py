"""Comparisons with the best: the critical value against tables and scipy, and the error rate as promised."""

import numpy as np
import pytest
from scipy.stats import multivariate_t, t

from kd_core.results.multiple_comparisons import dunnett, standings


@pytest.mark.parametrize(
    ("comparisons", "freedom", "value"), [(2, 10, 2.15), (3, 10, 2.34), (9, 20, 2.60), (4, 5, 2.85)]
)
def test_critical_values_are_those_of_dunnetts_table(comparisons, freedom, value):
    assert dunnett(comparisons, freedom) == pytest.approx(value, abs=0.012)


def test_critical_values_agree_with_scipys():
    assert dunnett(1, 7) == pytest.approx(t.ppf(0.95, 7), abs=1e-3)
    for comparisons, freedom in ((2, 4), (5, 12)):
        shape = np.full((comparisons, comparisons), 0.5) + 0.5 * np.eye(comparisons)
        reached = multivariate_t(shape=shape, df=freedom, seed=0).cdf(
            np.full(comparisons, dunnett(comparisons, freedom))
        )
        assert reached == pytest.approx(0.95, abs=5e-4)


def test_a_case_by_hand():
    # Two cells, three seeds: differences 1, 2, 3; s² of the block design is half their variance, 1/2.
    stands = standings({"a": {0: 1.0, 1: 5.0, 2: 2.0}, "b": {0: 2.0, 1: 7.0, 2: 5.0}})
    half = t.ppf(0.95, 2) * np.sqrt(0.5) * np.sqrt(2 / 3)
    assert stands["b"].above == pytest.approx(2.0)
    assert stands["b"].high == pytest.approx(2 + half, rel=1e-3)
    assert stands["b"].low == 0
    assert not stands["b"].may_be_best
    assert stands["a"].is_best
    assert stands["a"].above == pytest.approx(-2.0)


def test_the_best_is_hardly_ever_called_worse():
    """Ten equal cells: in at most 5 % of the maps is any of them said to be worse than the best."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        noise = rng.normal(size=(10, 3)) + 3 * rng.normal(size=(1, 3))  # what a seed does to all cells
        stands = standings({str(i): dict(enumerate(row)) for i, row in enumerate(noise)})
        wrong += not stands["0"].may_be_best  # cell 0 is a best, as every one is
    assert wrong / 400 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


def test_what_no_interval_can_be_given_for():
    one_seed = standings({"a": {0: 1.0}, "b": {0: 2.0}})
    assert [s.low for s in one_seed.values()] == [None, None]
    assert one_seed["b"].above == 1.0
    two_seeds = standings({"a": {0: 1.0, 1: 2.0}, "b": {0: 7.0, 1: 8.5}})
    assert two_seeds["b"].low is None
    assert not two_seeds["a"].is_best
    no_spread = standings({"a": {0: 1.0, 1: 2.0, 2: 4.0}, "b": {0: 2.0, 1: 3.0, 2: 5.0}})
    assert no_spread["b"].low is None
    assert standings({"a": {0: 1.0}})["a"].may_be_best
    other_seeds = standings({"a": {0: 1.0, 1: 2.0}, "b": {5: 2.0, 6: 3.0}})
    assert other_seeds["a"].low is None
    with pytest.raises(ValueError, match="without any measure"):
        standings({"a": {}})
