"""Logarithmic axes: ticks from the range of what is drawn, each with its whole value.

Plotly labels 20 and 50 as "2" and "5" on such an axis, and ECharts labels powers of ten alone.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

MOST = 7  # ticks on one axis
LEAST = 5  # times the lower end of a live axis is its upper one, at least
STEPS = ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))  # in each decade, closest first


def ticks(low: float, high: float, most: int = MOST) -> list[float]:
    """Round numbers from `low` to `high`, both above 0: as many as there is room for, up to `most`.

    Raises ValueError for a range that no logarithmic axis has.
    """
    if not 0 < low <= high < math.inf:
        raise ValueError(f"a logarithmic axis needs 0 < low <= high < infinity, not {low} and {high}")
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    edge = 1e-9  # a bound that is a round number itself may have been rounded
    for steps in STEPS:
        found = [float(f"{step}e{power}") for power in range(first, last + 1) for step in steps]
        found = [value for value in found if low * (1 - edge) <= value <= high * (1 + edge)]
        if len(found) <= most:
            break
    else:
        found = found[:: math.ceil(len(found) / most)]  # of whole decades
    return found if len(found) > 2 or high >= 10 * low else _evenly(low, high)


def _evenly(low: float, high: float) -> list[float]:
    """Round numbers at equal distances, for a range within one decade; `low` alone where the range is empty."""
    if high <= low:
        return [float(f"{low:.3g}")]
    coarse = (high - low) / (MOST - 2)
    unit = 10.0 ** math.floor(math.log10(coarse))
    step = unit * next(times for times in (1, 2, 5, 10) if times * unit >= coarse)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def around(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis that shows `low` to `high`, both above 0: the next of 1, 2, 5, 10, 20, …, LEAST apart.

    While values come in, such an axis moves a few times only, and by a whole step.
    """
    if not 0 < low <= high < math.inf:
        raise ValueError(f"a logarithmic axis needs 0 < low <= high < infinity, not {low} and {high}")
    powers = range(math.floor(math.log10(low)) - 1, math.floor(math.log10(high)) + 2)
    steps = [float(f"{step}e{power}") for power in powers for step in (1, 2, 5)]
    end = next(step for step in steps if step >= high * (1 - 1e-9))
    return max(step for step in steps if step <= low * (1 + 1e-9) and step * LEAST <= end), end


def written(value: float) -> str:
    """A tick as it is read: 0.05, 2.5, 200, 10,000."""
    return f"{value:,.10g}"


def set_ticks(figure: go.Figure) -> go.Figure:
    """Give every logarithmic axis of `figure`, in place, ticks from the range of its traces."""
    for letter in "xy":
        every = getattr(figure, f"select_{letter}axes")()
        axes = {str(axis.plotly_name).replace("axis", ""): axis for axis in every}
        for name, axis in axes.items():
            if axis.type != "log":
                continue
            family = axis.matches or name
            alike = {other for other, its in axes.items() if (its.matches or other) == family}
            traces = [t for t in figure.data if (getattr(t, f"{letter}axis", None) or letter) in alike]
            if bounds := _range(axis, traces):
                is_panel = letter == "x" and axis.domain  # one of several side by side
                across = axis.domain[1] - axis.domain[0] if is_panel else 1.0
                values = ticks(*bounds, max(4, round(MOST * across)))
                axis.update(tickmode="array", tickvals=values, ticktext=[written(value) for value in values])
    return figure


def _range(axis: Any, traces: Sequence[Any]) -> tuple[float, float] | None:
    if axis.range is not None:
        low, high = (10.0**end for end in axis.range)
        return low, high
    values = [v for trace in traces for v in _numbers(trace[axis.plotly_name[0]])]
    return (min(values), max(values)) if values else None


def _numbers(values: Any) -> Iterable[float]:
    """Those that a logarithmic axis can show."""
    for value in () if values is None else values:
        if not isinstance(value, str | None) and 0 < float(value) < math.inf:
            yield float(value)
