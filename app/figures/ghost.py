"""The previous run of a page as a ghost: its mean validation curves, faint, behind the new run's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from app.figures.arms import COLOURS, DASHES, LIVE_ORDER, Translator, live_axis, mean_curve
from app.figures.log_axis import set_ticks
from kd_core.messages import Scalar
from kd_core.results.comparability import Points, group, of_losses, points
from kd_core.results.schema import Result
from kd_core.runs.entry import Entry

FAINT = 0.4


@dataclass(frozen=True)
class Ghost:
    """One earlier run. kind: its `group`; curves: arm -> its mean validation curve, in percent or as a loss."""

    kind: tuple[Scalar, ...]
    losses: bool
    curves: Mapping[str, Points]


def of(result: Result) -> Ghost:
    """What stays of a Result."""
    curves: dict[str, Points] = {}
    for arm in result.arms:
        each = [points(result, trial) for trial in arm.trials]
        if not arm.shared and all(each):
            curves[arm.name] = tuple(zip(*mean_curve(each), strict=True))
    return Ghost(group(result.technique, result.settings, result.data.name), of_losses(result), curves)


def before(entries: Sequence[Entry], run: str, kind: tuple[Scalar, ...]) -> str | None:
    """The newest run of this kind that was finished here before `run` (of all, where `run` is not among them)."""
    here = [e for e in entries if e.state == "finished" and e.origin == "trained"]
    alike = [e for e in here if e.id != run and group(e.technique, e.settings, e.data) == kind]
    alike += [e for e in entries if e.id == run]
    alike.sort(key=lambda e: e.created, reverse=True)
    places = [place for place, entry in enumerate(alike) if entry.id == run]
    older = alike[places[0] + 1 :] if places else alike
    return older[0].id if older else None


def behind_live(option: dict[str, Any], ghost: Ghost, _: Translator) -> dict[str, Any]:
    """The ECharts option of a run's curves with the ghost's behind them; one name in the legend for all of them."""
    name = _("previous run")
    drawn = [arm for arm in LIVE_ORDER if arm in ghost.curves]
    floor = 1e-4 if ghost.losses else 0.01
    series = [
        {"type": "line", "name": name, "data": [[x, float(f"{max(y, floor):.4g}")] for x, y in ghost.curves[arm]],
         "lineStyle": {"color": COLOURS[arm], "type": "dotted", "width": 2, "opacity": FAINT},
         "itemStyle": {"color": "#9CA3AF"}, "showSymbol": False, "silent": True, "tooltip": {"show": False}}
        for arm in drawn
    ]  # fmt: skip
    if not series:
        return option
    legend = option["legend"]
    return live_axis(option | {
        "series": [*series, *option["series"]],
        "legend": legend | {"data": [*legend["data"], name]},
    })  # fmt: skip


def behind(figure: go.Figure, ghost: Ghost, _: Translator) -> go.Figure:
    """A figure like this one of a result's curves, the ghost's behind them, each in the panel of its own arm."""
    name = _("previous run")
    drawn = figure.to_dict()
    earlier: list[dict[str, Any]] = []
    for arm, curve in ghost.curves.items():
        style = {"color": COLOURS[arm], "dash": DASHES[arm]}
        like = next((t for t in drawn["data"] if style.items() <= t.get("line", {}).items()), None)
        if like is None:
            continue
        x, y = zip(*curve, strict=True)
        floor = 1e-4 if ghost.losses else 0.01
        earlier.append(dict(
            type="scatter", x=x, y=[max(value, floor) for value in y], mode="lines", opacity=FAINT, name=name,
            legendgroup=name, line=dict(color=COLOURS[arm], dash="dot", width=2.5), showlegend=not earlier,
            hovertemplate="%{y:.3g}<extra>" + name + "</extra>",
        ) | {axis: like[axis] for axis in ("xaxis", "yaxis") if axis in like})  # fmt: skip
    if not earlier:
        return figure
    legend = {"orientation": "h", "y": 1.0, "x": 1, "xanchor": "right", "yanchor": "bottom"}
    own = drawn["layout"].get("legend", {})  # without one the figure labels its curves at their ends
    layout = drawn["layout"] | {"showlegend": True, "legend": own if "orientation" in own else own | legend}
    return set_ticks(go.Figure({"data": [*earlier, *drawn["data"]], "layout": layout}))
