"""A Plotly figure in the making, as plain dicts.

Plotly's own objects check every value as it is set, which takes most of the time that a figure takes to make. Here
nothing is checked; the tests give each figure to Plotly's own check (`tests/test_draft.py`). The methods are named
as Plotly's, and take what Plotly's take written out: no `title_text` for `title=dict(text=…)`.
"""

from typing import Any, Self

import plotly.graph_objects as go


class Draft:
    """A figure of one panel: traces, and a layout. `figure()` makes the Figure of it."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []
        self._layout: dict[str, Any] = {}

    def add_scatter(self, **trace: Any) -> Self:
        """Points or a line; the values of Plotly's Scatter."""
        return self._add("scatter", trace)

    def add_bar(self, **trace: Any) -> Self:
        """Bars; the values of Plotly's Bar."""
        return self._add("bar", trace)

    def add_annotation(self, **annotation: Any) -> Self:
        """Words at a place."""
        self._layout.setdefault("annotations", []).append(annotation)
        return self

    def add_vline(self, x: float, line: dict[str, Any]) -> Self:
        """A line across the whole panel, upright at x."""
        return self._shape(x0=x, x1=x, y0=0, y1=1, xref="x", yref="y domain", line=line)

    def add_hline(self, y: float, line: dict[str, Any]) -> Self:
        """A line across the whole panel, level at y."""
        return self._shape(x0=0, x1=1, y0=y, y1=y, xref="x domain", yref="y", line=line)

    def update_xaxes(self, **axis: Any) -> Self:
        """What is set of the x axis; what is not named stays."""
        return self.update_layout(xaxis=axis)

    def update_yaxes(self, **axis: Any) -> Self:
        """What is set of the y axis; what is not named stays."""
        return self.update_layout(yaxis=axis)

    def update_layout(self, **layout: Any) -> Self:
        """What is set of the layout; what is not named stays, also within its parts."""
        _merge(self._layout, layout)
        return self

    def figure(self) -> go.Figure:
        """The Figure, unchecked."""
        return go.Figure({"data": self.data, "layout": self._layout}, _validate=False)

    def _add(self, kind: str, trace: dict[str, Any]) -> Self:
        self.data.append({"type": kind, **trace})
        return self

    def _shape(self, **shape: Any) -> Self:
        self._layout.setdefault("shapes", []).append({"type": "line", **shape})
        return self


def _merge(into: dict[str, Any], new: dict[str, Any]) -> None:
    for name, value in new.items():
        value = {"text": value} if name == "title" and isinstance(value, str) else value
        if isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        else:
            into[name] = value
