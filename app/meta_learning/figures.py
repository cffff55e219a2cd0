"""What a meta-learning Result says of adaptation: pure functions, no Streamlit."""

from collections.abc import Sequence
from functools import cache, lru_cache
from html import escape
from statistics import fmean

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.figures.arms import ABOVE, BELOW, CACHED, COLOURS, DASHES, MARKERS, Translator, dots, finish, rows_of
from app.figures.image import tiles
from app.results.bundled import recorded
from kd_core.meta_learning.settings import (
    CENTROID_FEATURES,
    CENTROID_PIXELS,
    FIRST_ORDER,
    MAML,
    PRETRAINED,
    REPTILE,
    MetaSettings,
)
from kd_core.results.schema import Arm, ArmTrial, Interval, Result
from kd_core.results.statistics import t_interval

TASKS_SHOWN = 3
QUERIES_SHOWN = 9
NO_STEPS = (CENTROID_PIXELS, CENTROID_FEATURES)  # they take none


def formula(settings: MetaSettings) -> str:
    """The meta-loss as the article prints it, then with task indices and the values set, as LaTeX."""
    inner = rf"\theta - {settings.inner_lr:g}\,\nabla L_i^{{train}}(\theta)"
    steps = rf"\;\;({settings.inner_steps}\times)" if settings.inner_steps > 1 else ""
    return (
        r"\begin{aligned} L_{meta} &= \textstyle\sum L_{new}(\theta - \alpha \nabla L_{train}) \\ "
        rf"&= \textstyle\sum_{{i=1}}^{{{settings.meta_batch}}} L_i^{{new}}\big({inner}\big){steps} \end{{aligned}}"
    )


def measured(result: Result, trial: ArmTrial) -> Sequence[float]:
    """Query loss, or wrong queries in percent, after 0 to 10 adaptation steps."""
    if result.measure == "errors":
        return [100 * share for share in trial.series["query errors"]]
    return trial.series["query loss"]


def over_steps(result: Result, arm: Arm) -> list[Interval]:
    """The arm's mean after 0 to 10 steps with its 95 % interval over trials."""
    return [t_interval(values) for values in zip(*(measured(result, t) for t in arm.trials), strict=True)]


def start_means() -> dict[str, list[Interval]]:
    """Mean squared error on new curves after 0 to 10 steps in the recorded run: MAML and joint pre-training.

    The one place where page, lesson and talk have these from: means over trials, with their 95 % interval.
    """
    result = recorded("meta_learning")
    return {name: over_steps(result, result.arm(name)) for name in (MAML, PRETRAINED)}


@cache
def nearer_at_first() -> str:
    """Which start's recorded mean error is smaller before any step: "maml", "joint", or "same" where MAML's mean
    lies in the other's interval."""
    maml, joint = (start_means()[name][0] for name in (MAML, PRETRAINED))
    if joint.low is not None and joint.high is not None and joint.low <= maml.mean <= joint.high:
        return "same"
    return "maml" if maml.mean < joint.mean else "joint"


@lru_cache(CACHED)
def adaptation(result: Result, _: Translator) -> go.Figure:
    """Query loss or errors over adaptation steps, an arm each, with 95 % bands over trials."""
    figure = go.Figure()
    lowest = min(value for arm in result.arms for t in arm.trials for value in measured(result, t) if value > 0)
    for arm in result.arms:
        means = over_steps(result, arm)
        steps = list(range(len(means)))
        colour = COLOURS[arm.name]
        if means[0].high is not None and arm.name not in NO_STEPS:
            low = [max(m.low if m.low is not None else m.mean, 0.5 * lowest) for m in means]
            high = [m.high if m.high is not None else m.mean for m in means]
            figure.add_scatter(
                x=[*steps, *steps[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=colour, opacity=0.14,
                line=dict(width=0), hoverinfo="skip", showlegend=False,
            )  # fmt: skip
        figure.add_scatter(
            x=steps, y=[m.mean for m in means], name=_(arm.name),
            mode="lines" if arm.name in NO_STEPS else "lines+markers",
            line=dict(color=colour, dash=DASHES[arm.name], width=3), marker=dict(symbol=MARKERS[arm.name], size=8),
            hovertemplate="k = %{x}: %{y:.3g}<extra>" + _(arm.name) + "</extra>",
        )  # fmt: skip
    figure.add_vline(x=int(result.settings["inner_steps"]), line=dict(color="#6B7280", width=1, dash="dot"))
    figure.update_xaxes(title=_("adaptation steps k"), dtick=1)
    _measure_axis(figure, result, _("mean squared error, log scale"), _)
    figure.update_layout(legend=ABOVE)
    return finish(figure, height=430)


def _measure_axis(figure: go.Figure, result: Result, loss: str, _: Translator) -> None:
    """Wrong queries from 0, or the loss, called `loss`, on a logarithmic axis."""
    if result.measure == "errors":
        figure.update_yaxes(title=_("wrong queries (%)"), rangemode="tozero")
    else:
        figure.update_yaxes(title=loss, type="log")


@lru_cache(CACHED)
def scores(result: Result, _: Translator) -> go.Figure:
    """Each arm's query loss or errors after the inner steps: trials faint, mean and interval bold."""
    after = int(result.settings["inner_steps"])
    each = {arm.name: [measured(result, trial)[after] for trial in arm.trials] for arm in result.arms}
    if result.measure == "errors":
        return dots(rows_of(each), _("wrong queries (%), with interval"), 100, _, decimals=1)
    most = max(map(max, each.values()))
    return dots(rows_of(each), _("mean squared error, with interval"), 2 * most, _, decimals=2)


@lru_cache(CACHED)
def training_curves(result: Result, _: Translator) -> go.Figure:
    """How well each start adapts to validation tasks while it is trained; trials faint, their mean bold."""
    figure = go.Figure()
    for arm in result.arms:
        looks = [_looks(result, trial) for trial in arm.trials]
        if len(looks[0][0]) < 2:
            continue
        style = dict(color=COLOURS[arm.name], dash=DASHES[arm.name])
        for steps, values in looks:
            figure.add_scatter(x=steps, y=values, mode="lines", opacity=0.25, line=dict(width=1, **style),
                               hoverinfo="skip", showlegend=False)  # fmt: skip
        figure.add_scatter(
            x=looks[0][0], y=[fmean(v) for v in zip(*(values for _steps, values in looks), strict=True)],
            mode="lines+markers", name=_(arm.name), line=dict(width=3, **style),
            marker=dict(symbol=MARKERS[arm.name], size=7), hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title=_("meta-step"))
    _measure_axis(figure, result, _("validation loss, log scale"), _)
    figure.update_layout(legend=ABOVE)
    return finish(figure, height=340)


def _looks(result: Result, trial: ArmTrial) -> tuple[list[float], list[float]]:
    if result.measure != "errors":
        return list(trial.series.get("meta-steps", ())), list(trial.series.get("validation loss", ()))
    scale = 100 / result.data.validation
    return [float(step) for step, _errors in trial.curve], [scale * errors for _step, errors in trial.curve]


@lru_cache(CACHED)
def before_and_after(result: Result, _: Translator) -> go.Figure:
    """A few test sinusoids: what MAML and joint pre-training draw before and after adapting to the points."""
    names = [arm.name for arm in result.arms if arm.name in (MAML, FIRST_ORDER, PRETRAINED)]
    names = [name for name in names if name != FIRST_ORDER or MAML not in names]
    figure = make_subplots(rows=len(names), cols=TASKS_SHOWN, shared_xaxes=True, shared_yaxes=True,
                           horizontal_spacing=0.02, vertical_spacing=0.06,
                           row_titles=[_(name) for name in names])  # fmt: skip
    x = np.linspace(-5, 5, len(result.arm(names[0]).trials[0].series["task 1, before"]))
    for row, name in enumerate(names, start=1):
        series = result.arm(name).trials[0].series
        for task in range(1, TASKS_SHOWN + 1):
            amplitude, phase = series[f"task {task}, amplitude and phase"]
            first = row == task == 1
            lines = (
                (_("true curve"), amplitude * np.sin(x - phase), dict(color="#6B7280", dash="dot", width=2)),
                (_("before"), series[f"task {task}, before"], dict(color=COLOURS[name], dash="dash", width=1)),
                (_("after"), series[f"task {task}, after"], dict(color=COLOURS[name], width=3)),
            )
            for label, y, line in lines:
                figure.add_scatter(x=x, y=y, mode="lines", line=line, name=label, showlegend=first, row=row,
                                   col=task, hovertemplate="%{y:.2f}<extra>" + label + "</extra>")  # fmt: skip
            figure.add_scatter(
                x=series[f"task {task}, support x"], y=series[f"task {task}, support y"], mode="markers",
                name=_("given points"), showlegend=first, hoverinfo="skip", row=row, col=task,
                marker=dict(color="rgba(0,0,0,0)", size=9, line=dict(color="#6B7280", width=2)),
            )  # fmt: skip
    figure.update_yaxes(range=[-6.5, 6.5])
    figure.update_layout(legend=BELOW)
    return finish(figure, height=200 * len(names) + 80)


def digit_tasks(result: Result, images: np.ndarray, _: Translator) -> str:
    """A few test tasks of digits as HTML: the examples given, and what MAML answers to queries before and after.

    images: the test images, uint8 [N, 28, 28].
    """
    name = next(n for n in (MAML, FIRST_ORDER) if any(arm.name == n for arm in result.arms))
    series = result.arm(name).trials[0].series
    parts = []
    for task in range(1, TASKS_SHOWN + 1):
        given, asked, before, after = (
            [int(value) for value in series[f"task {task}, {what}"]]
            for what in ("support images", "query images", "before", "after")
        )
        some = range(0, len(asked), max(1, len(asked) // QUERIES_SHOWN))
        parts.append(f"<p><b>{escape(_('Task {number}: the examples given', number=task))}</b></p>")
        parts.append(tiles(list(images[given]), [()] * len(given), [_("example")] * len(given), "small"))
        parts.append(f"<p>{escape(_('Queries: answer before adapting → after'))}</p>")
        parts.append(tiles(
            list(images[[asked[at] for at in some]]), [(f"{before[at]} → {after[at]}",) for at in some],
            [_("query") for _at in some], "small",
        ))  # fmt: skip
    return "".join(parts)


def order_table(result: Result, _: Translator) -> str:
    """What second order costs: time, memory and weight of the second-order term, as a Markdown table."""
    rows = [
        (_("seconds per meta-step"), "seconds a meta-step", "{:.4f}"),
        (_("memory per meta-step, MB"), "megabytes a meta-step", "{:.1f}"),
        (_("second-order term, share of the whole gradient"), "second-order share", "{:.2f}"),
    ]
    arms = [arm for arm in result.arms if "seconds a meta-step" in arm.trials[0].measures]
    lines = ["| | " + " | ".join(_(arm.name) for arm in arms) + " |", "|---" * (len(arms) + 1) + "|"]
    for label, name, shape in rows:
        cells = []
        for arm in arms:
            values = [t.measures[name] for t in arm.trials if name in t.measures]
            shown = values and arm.name in (MAML, FIRST_ORDER, REPTILE, PRETRAINED)
            cells.append(shape.format(fmean(values)) if shown else "–")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rates_say(result: Result, _: Translator) -> str:
    """With which step size each arm adapts: MAML's is set, the others' were chosen on validation tasks."""
    found = []
    for arm in result.arms:
        rates = sorted({trial.measures["step size"] for trial in arm.trials if "step size" in trial.measures})
        if rates:
            found.append(f"{_(arm.name)}: {', '.join(f'{rate:g}' for rate in rates)}")
    return _("Step sizes while adapting ({found}): MAML's is set by α; for the others the best one on validation "
             "tasks is chosen in each trial.", found="; ".join(found))  # fmt: skip


def held_out_says(result: Result, _: Translator) -> str:
    """Which digits were held out in which trial."""
    triples = [
        ", ".join(f"{digit:.0f}" for digit in trial.series.get("held-out digits", ()))
        for trial in result.arms[0].trials
    ]
    return _("Digits held out, trial by trial: {triples}. An interval over these says something about new digits; "
             "many tasks from one triple would not.", triples=" · ".join(triples))  # fmt: skip
