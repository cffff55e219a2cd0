"""Ticks of logarithmic axes: round, in the range, and written as what they are."""

import math

import numpy as np
import pytest

from app.figures import log_axis
from app.i18n.text import Translate
from tests.every_figure import every
from tests.without_digits import without


@pytest.mark.parametrize("low", [1e-4, 0.03, 0.25, 0.7, 1.0, 4.2, 63.0, 1e4])
@pytest.mark.parametrize("wide", [1.02, 1.3, 2, 5, 10, 40, 1e3, 1e7, 1e12])
def test_ticks_are_few_round_and_in_the_range(low, wide):
    found = log_axis.ticks(low, low * wide)
    assert found == sorted(set(found))
    assert all(low * (1 - 1e-8) <= value <= low * wide * (1 + 1e-8) for value in found)
    assert 2 <= len(found) <= log_axis.MOST
    for value in found:  # at most two digits in a decade, three in less
        digits = 2 if wide >= 10 else 4
        assert float(f"{value:.{digits}g}") == value
        assert float(log_axis.written(value).replace(",", "")) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (50.0, "50"),
        (0.05, "0.05"),
        (2.5, "2.5"),
        (10_000.0, "10,000"),
        (1e-4, "0.0001"),
        (0.30000000000000004, "0.3"),
    ],
)
def test_a_tick_is_written_whole(value, said):
    assert log_axis.written(value) == said


@pytest.mark.parametrize("bounds", [(0, 1), (-1, 1), (2, 1), (1, math.inf), (math.nan, 1)])
def test_a_range_that_no_logarithmic_axis_has_is_refused(bounds):
    for function in (log_axis.ticks, log_axis.around):
        with pytest.raises(ValueError, match="0 < low <= high"):
            function(*bounds)


def test_one_value_has_one_tick():
    assert log_axis.ticks(3.14159, 3.14159) == [3.14]


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(7, 60, (5, 100)), (5, 50, (5, 50)), (20, 22, (10, 50)), (0.3, 0.3, (0.1, 0.5)), (100, 100, (20, 100))],
)
def test_a_live_axis_ends_at_the_next_steps(low, high, ends):
    assert log_axis.around(low, high) == pytest.approx(ends)


def test_a_live_axis_only_grows_while_values_come_in():
    ends, curve = [], 90 * np.exp(-np.arange(60) / 12)
    for count in range(1, 61):
        ends.append(log_axis.around(curve[:count].min(), curve[:count].max()))
    lows = [low for low, _high in ends]
    assert lows == sorted(lows, reverse=True)
    assert len(set(ends)) <= 6  # it moves a few times only


@pytest.fixture(scope="module")
def drawn():
    return dict(every(Translate("en"), without("3")))


def test_every_logarithmic_axis_says_its_whole_values(drawn):
    seen = 0
    for name, figure in drawn.items():
        for letter in "xy":
            for axis in figure.select_xaxes() if letter == "x" else figure.select_yaxes():
                if axis.type != "log":
                    continue
                seen += 1
                values, texts = list(axis.tickvals), list(axis.ticktext)
                assert [float(text.replace(",", "")) for text in texts] == pytest.approx(values), name
                own = axis.plotly_name.replace("axis", "")
                numbers = [
                    float(value)
                    for trace in figure.data
                    if (trace[f"{letter}axis"] or letter) == own and trace[letter] is not None
                    for value in trace[letter]
                    if float(value) > 0
                ]
                low, high = (10.0**end for end in axis.range) if axis.range else (min(numbers), max(numbers))
                inside = [value for value in values if low * 0.999 <= value <= high * 1.001]
                assert len(inside) >= 2, name
                assert min(numbers) >= low * 0.999, name
                assert max(numbers) <= high * 1.001, name
    assert seen >= 12


def test_the_figures_that_lied_say_fifty_per_cent_and_t_of_thirty(drawn):
    errors = drawn["multitask: curves"].layout.yaxis
    assert {"10", "20", "50"} <= set(errors.ticktext)
    assert drawn["multitask: curves"].layout.yaxis2.tickvals == errors.tickvals
    slices = drawn["map: slices"].layout.xaxis2
    assert slices.type == "log"
    assert {"1", "3", "10", "30"} <= set(slices.ticktext)
