"""A Plotly figure's axes as numbers: what each shows, from where to where, and at which marks."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go

PAD = 0.05  # room beyond the outermost values, as a share of their range
FEWEST = 3  # marks of an axis


@dataclass(frozen=True)
class Axis:
    """One axis. low and high are what lies at its ends, as log10 on a logarithmic one, as places of names.

    domain: which share of the picture it takes; start, end: where it lies, once `at` has said so.
    """

    log: bool
    names: tuple[str, ...]
    low: float
    high: float
    ticks: tuple[tuple[Any, str], ...]
    title: str
    labels: bool
    grid: bool
    domain: tuple[float, float]
    start: float = 0.0
    end: float = 1.0

    def at(self, start: float, end: float) -> "Axis":
        """The same axis with its place: its domain's share of the way from `start` to `end`."""
        first, last = self.domain
        return replace(self, start=start + first * (end - start), end=start + last * (end - start))

    def can_show(self, value: Any) -> bool:
        """Whether the value has a place: nothing at or below 0 has one on a logarithmic axis."""
        if isinstance(value, str):
            return value in self.names
        return value is not None and math.isfinite(value) and not (self.log and value <= 0)

    def number(self, value: Any) -> float:
        """A value as a number: a name is its place."""
        return float(self.names.index(value)) if isinstance(value, str) else float(value)

    def place(self, value: Any) -> float:
        """Where a value lies."""
        plain = self.number(value)
        return self.place_of(math.log10(max(plain, 1e-300)) if self.log else plain)

    def place_of(self, plain: float) -> float:
        """Where a number of the axis's own kind lies, log10 on a logarithmic one."""
        return self.within((plain - self.low) / ((self.high - self.low) or 1))

    def within(self, share: float) -> float:
        """The place at a share of the axis."""
        return self.start + share * (self.end - self.start)


def axes_of(figure: go.Figure, panels: Mapping[tuple[str, str], Sequence[Any]]) -> dict[str, Axis]:
    """Every axis of the figure that a trace uses, by Plotly's short name: "x", "y2"."""
    seen: dict[str, list[Any]] = {}
    for names, traces in panels.items():
        for side, name in zip("xy", names, strict=True):
            seen.setdefault(name, []).extend(value for trace in traces for value in _values(trace, side))
    layouts = {name: getattr(figure.layout, f"{name[0]}axis{name[1:]}") for name in seen}
    shared: dict[str, list[Any]] = {}
    for name, layout in layouts.items():
        shared.setdefault(layout.matches or name, []).extend(seen[name])
    return {name: _axis(layout, shared[layout.matches or name], _log(layouts, name))
            for name, layout in layouts.items()}  # fmt: skip


def _log(layouts: Mapping[str, Any], name: str) -> bool:
    return bool(layouts[name].type == "log")


def _values(trace: Any, side: str) -> Iterable[Any]:
    """What a trace shows along one side, with what an interval or a bar reaches."""
    own = getattr(trace, side)
    if trace.type == "heatmap":
        count = len(trace.z[0]) if side == "x" else len(trace.z)
        return own if own is not None else [-0.5, count - 0.5]
    values = list(range(len(trace.y)) if own is None else own)
    if trace.type == "bar" and side == ("x" if trace.orientation == "h" else "y"):
        return [0, *values]
    error = getattr(trace, f"error_{side}", None)
    if (
        error
        and error.visible is not False
        and error.array is not None
        and not any(isinstance(v, str) for v in values)
    ):
        minus = error.array if error.arrayminus is None else error.arrayminus
        ends = [v + (up or 0) for v, up in zip(values, error.array, strict=True)]
        values += ends + [v - (down or 0) for v, down in zip(values, minus, strict=True)]
    return values


def _axis(layout: Any, values: Sequence[Any], log: bool) -> Axis:
    names = tuple(dict.fromkeys(value for value in values if isinstance(value, str)))
    numbers = [float(v) for v in values if not isinstance(v, str) and v is not None and math.isfinite(v)]
    if log:
        numbers = [math.log10(v) for v in numbers if v > 0]
    if layout.range:
        low, high = map(float, layout.range)
    elif names:
        low, high = -0.5, len(names) - 0.5
    else:
        low, high = _padded(numbers, from_zero=layout.rangemode == "tozero")
    if layout.autorange == "reversed":
        low, high = high, low
    shown = [] if layout.showticklabels is False and layout.showgrid is False else _ticks(layout, low, high, log)
    ticks = tuple((name, name) for name in names) if names else tuple(shown)
    return Axis(
        log=log, names=names, low=low, high=high, ticks=ticks, title=layout.title.text or "",
        labels=layout.showticklabels is not False, grid=layout.showgrid is not False and not names,
        domain=tuple(layout.domain or (0.0, 1.0)),
    )  # fmt: skip


def _padded(numbers: Sequence[float], from_zero: bool) -> tuple[float, float]:
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    room = PAD * (high - low) or 0.5
    return (0.0 if from_zero and low >= 0 else low - room), high + room


def _ticks(layout: Any, low: float, high: float, log: bool) -> list[tuple[float, str]]:
    """The marks between two ends with their words; on a logarithmic axis where 1, 2 and 5 or whole tens lie."""
    low, high = min(low, high), max(low, high)
    if layout.tickvals is not None:
        marks = [float(v) for v in layout.tickvals]
        if log and high - low > 2.2:
            marks = [v for v in marks if _leading(v) == 1]
    elif log:
        tens = range(math.floor(low), math.ceil(high) + 1)
        marks = [m * 10.0**ten for ten in tens for m in ((1, 2, 5) if high - low < 2.2 else (1,))]
    elif layout.dtick == 1 or (layout.tickmode == "linear" and high - low < 24):
        marks = [float(v) for v in range(math.ceil(low), math.floor(high) + 1)]
    else:
        step = _step(high - low)
        marks = [step * k for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    inside = [v for v in marks if low - 1e-9 <= (math.log10(v) if log else v) <= high + 1e-9]
    signed = layout.tickformat == "+"
    return [(v, ("+" if signed and v > 0 else "") + number(v)) for v in inside]


def _leading(value: float) -> float:
    return round(value / 10.0 ** math.floor(math.log10(value) + 1e-9), 6)


def _step(span: float) -> float:
    """A round step that divides the span into about five."""
    rough = span / 5
    ten = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next(m * ten for m in (1, 2, 5, 10) if m * ten >= rough)


def number(value: float) -> str:
    """A number as an axis writes it: 0.05, 400, 2,500."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{round(value, 10):g}".replace("-", "−")


def width(text: str) -> float:
    """About how wide words are at 13 px: Chinese letters are square, capitals wide."""
    return sum(13.0 if letter > "\u2e80" else 9.5 if letter.isupper() else 7.1 for letter in text)
