"""Figures of a Result by arm (errors, learning curves, soft targets), and the layout that all figures share."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from html import escape
from statistics import fmean
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.figures import log_axis
from app.techniques import styles
from kd_core.results.comparability import drawn, points
from kd_core.results.numbers import fixed
from kd_core.results.schema import DIGITS, ArmTrial, GalleryDigit, Interval, Result
from kd_core.results.statistics import t_interval
from kd_core.settings.common import SOURCE, TEACHER

Translator = Callable[..., str]
Row = tuple[str, Sequence[float], Interval]  # of `dots`

# arm -> colour, dash, marker, pattern: the same wherever it appears
COLOURS, DASHES, MARKERS, PATTERNS = ({arm: style[i] for arm, style in styles().items()} for i in range(4))
LIVE_ORDER = tuple(styles())
# Plotly's dashes -> ECharts': lengths of line and gap, in pixels
_LIVE_DASHES = {"solid": "solid", "dash": [8, 5], "dot": [2, 4], "longdash": [14, 6], "dashdot": [8, 4, 2, 4],
                "longdashdot": [14, 5, 2, 5]}  # fmt: skip
# A saved picture cannot use the page's own font. With another one labels would be as wide as nobody left room for.
LONGEST = 14  # letters of a class's name on an axis
LONG, LONG_NAME = 28, 20  # letters of an axis title and of a row's name; longer ones take two lines
ABOVE = dict(orientation="h", x=0, y=1.02, yanchor="bottom")  # a legend: upwards, however many rows it takes
BELOW = dict(orientation="h", x=0, y=0, yref="container", yanchor="bottom")  # the same where panels have names
CACHED = 24  # figures of one function; whoever is given one must not change it
FONTS = 'system-ui, "Segoe UI", Roboto, "Noto Sans SC", "Noto Sans CJK SC", "PingFang SC", sans-serif'


@lru_cache(CACHED)
def errors_by_arm(result: Result, _: Translator) -> go.Figure:
    """Test errors per 10,000 images: each trial a faint mark, the mean with its 95 % interval bold."""
    scale = 10_000 / result.data.test
    rows = [(arm.name, [scale * t.test_errors for t in arm.trials], arm.errors_per_10000) for arm in result.arms]
    return dots(rows, _("errors per 10,000 (mean, 95 % interval)"), 10_000, _)


def rows_of(trials: Mapping[str, Sequence[float]]) -> list[Row]:
    """Rows for `dots`: the values of each arm's trials with their 95 % interval."""
    return [(arm, each, t_interval(each)) for arm, each in trials.items()]


def dots(
    rows: Sequence[Row],
    title: str,
    most: float,
    _: Translator,
    *,
    decimals: int = 0,
    from_zero: bool = True,
) -> go.Figure:
    """A row for each arm: its trials faint, their mean bold with its interval.

    Nothing can be below 0 or above `most`, so no interval is drawn beyond them. Means are written at the right,
    where no mark can cover them.
    """
    figure = go.Figure()
    seen: list[float] = []
    for arm, each, mean in reversed(rows):
        name = _(arm)
        low, high = max(mean.low or 0.0, 0.0), min(mean.high or 0.0, most)
        seen += [*each, *([low, high] if mean.high is not None else [])]
        figure.add_scatter(
            x=each, y=[name] * len(each), mode="markers",
            marker=dict(color=COLOURS[arm], size=9, opacity=0.35, symbol=MARKERS[arm]),
            hovertemplate=f"%{{x:.{decimals}f}}<extra>{name}</extra>", showlegend=False,
        )  # fmt: skip
        spread = dict(symmetric=False, array=[high - mean.mean], arrayminus=[mean.mean - low], thickness=3, width=8)
        figure.add_scatter(
            x=[mean.mean], y=[name], mode="markers",
            marker=dict(color=COLOURS[arm], size=14, symbol=MARKERS[arm], line=dict(width=3)),
            error_x=dict(type="data", visible=mean.high is not None, **spread),
            hovertemplate=f"%{{x:.{decimals}f}}<extra>{name}</extra>", showlegend=False,
        )  # fmt: skip
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=4, y=name, text=f"<b>{fixed(mean.mean, decimals)}</b>",
            showarrow=False, font=dict(size=14),
        )  # fmt: skip
    start, end = 0.0 if from_zero else min(seen), max(seen)
    wide = max(end - start, most / 10_000)
    figure.update_xaxes(title=title, nticks=4, range=[start - 0.06 * wide, end + 0.1 * wide])
    figure.update_yaxes(range=[-0.6, len(rows) - 0.4], **names_in_two_lines([_(arm) for arm, _each, _mean in rows]))
    widest = max(_width(note.text) for note in figure.layout.annotations)
    return finish(figure, height=max(300, 90 + 60 * len(rows)), r=widest)


def names_in_two_lines(names: Sequence[str]) -> dict[str, Any]:
    """Of an axis of categories: their names, long ones in two lines, so that a phone has room beside them."""
    return dict(tickmode="array", tickvals=list(names), ticktext=[in_two_lines(name, LONG_NAME) for name in names])


def in_two_lines(text: str, most: int) -> str:
    """A text of more than `most` letters, broken near its middle. Chinese letters count twice."""
    breaks = [found.start() for found in re.finditer(" (?!·)|(?=（)|(?<=[，、])", text)]
    if sum(2 if letter > "\u2e80" else 1 for letter in text) <= most or not breaks:
        return text
    at = min(breaks, key=lambda place: abs(place - len(text) / 2))
    return f"{text[:at]}<br>{text[at:].lstrip()}"


@lru_cache(CACHED)
def learning_curves(result: Result, _: Translator) -> go.Figure:
    """Validation error over epochs: trials faint, mean bold with its end labelled; the teacher as a line."""
    figure = go.Figure()
    ends: list[tuple[float, str]] = []
    last = max(t.curve[-1][0] for arm in result.arms if not arm.shared for t in arm.trials)
    for arm in result.arms:
        style = dict(color=COLOURS[arm.name], dash=DASHES[arm.name])
        if arm.shared:
            end = error_curve(result, arm.trials)[1][-1]
            figure.add_scatter(x=[0, last], y=[end, end], mode="lines", line=dict(width=2, **style),
                               hoverinfo="skip", showlegend=False)  # fmt: skip
            ends.append((end, arm.name))
            continue
        for trial in arm.trials:
            epochs, errors, _images = error_curve(result, [trial])
            figure.add_scatter(x=epochs, y=errors, mode="lines", opacity=0.25,
                               line=dict(width=1, **style), hoverinfo="skip", showlegend=False)  # fmt: skip
        reached, means, images = error_curve(result, arm.trials)
        figure.add_scatter(
            x=reached, y=means, customdata=images, mode="lines+markers", showlegend=False,
            line=dict(width=3, **style), marker=dict(symbol=MARKERS[arm.name], size=7),
            hovertemplate=of_images(_) + "<extra>" + _(arm.name) + "</extra>",
        )  # fmt: skip
        ends.append((means[-1], arm.name))
    labels = _end_labels(figure, last, ends, _)
    figure.update_xaxes(title=_("epoch"), range=[0, last])
    figure.update_yaxes(title=_("validation error (%), log scale"), type="log")
    return finish(figure, height=340, r=12 + max(map(_width, labels)))


def _visible(errors: float) -> float:
    """Errors as a logarithmic axis can show them: none at all is drawn as half an error."""
    return max(errors, 0.5)


def error_curve(
    result: Result, trials: Sequence[ArmTrial]
) -> tuple[Sequence[float], Sequence[float], Sequence[int]]:
    """Epochs, mean validation errors in percent as a logarithmic axis can show them, and images looked at."""
    epochs, means = mean_curve([points(result, trial) for trial in trials])
    images = drawn(result, trials[0])[0][2]  # the same for all points
    return epochs, [max(mean, 100 * _visible(0) / images) for mean in means], [images] * len(epochs)


def of_images(_: Translator) -> str:
    """What the pointer is told of a point of `error_curve`, whose images are its customdata."""
    return _("{percent} % of {images} images").format(percent="%{y:.2f}", images="%{customdata:,}")


def mean_curve(curves: Sequence[Sequence[tuple[float, float]]]) -> tuple[list[float], list[float]]:
    """Epochs and mean errors over the trials that have reached each epoch."""
    at: dict[float, list[float]] = {}
    for curve in curves:
        for epoch, errors in curve:
            at.setdefault(epoch, []).append(errors)
    epochs = sorted(at)
    return epochs, [fmean(at[epoch]) for epoch in epochs]


@lru_cache(CACHED)
def soft_targets(result: Result, digit: int, temperature: float, _: Translator) -> go.Figure:
    """What each arm answers for gallery digit number `digit`, softened by `temperature`; averaged over trials."""
    return answers(answered(result, digit, temperature), temperature, _, result.data.classes)


def answered(result: Result, digit: int, temperature: float) -> list[tuple[str, list[float]]]:
    """Each arm and its ten probabilities for gallery digit number `digit`: their mean over trials."""
    logits = {arm.name: [trial.gallery_logits[digit] for trial in arm.trials] for arm in result.arms}
    return [(arm, mean_softmax(each, temperature)) for arm, each in logits.items()]


def shown_at_first(number: int, arms: int) -> bool | str:
    """Whether an arm is drawn at once: of more than four, three are and the others wait in the legend."""
    return True if arms <= 4 or number < 3 else "legendonly"


def answers(
    rows: Sequence[tuple[str, Sequence[float]]], temperature: float, _: Translator, classes: Sequence[str] = DIGITS
) -> go.Figure:
    """Bars of the probabilities of each (arm, probabilities), made at `temperature`; classes: their names."""
    figure = go.Figure()
    for number, (arm, probabilities) in enumerate(rows):
        figure.add_bar(
            x=list(range(len(probabilities))), y=probabilities, name=_(arm),
            visible=shown_at_first(number, len(rows)),
            marker=dict(color=COLOURS[arm], pattern=dict(shape=PATTERNS[arm])),
            hovertemplate="p(%{x}) = %{y:.3f}<extra>" + _(arm) + "</extra>",
        )  # fmt: skip
    figure.update_xaxes(title=kind_of_class(classes, _), fixedrange=True, **named_ticks(classes))
    figure.update_yaxes(title=_("probability at T = {t}", t=f"{temperature:g}"), range=[0, 1])
    figure.update_layout(barmode="group", legend=ABOVE)
    return finish(figure, height=320 if len(rows) <= 4 else 380)


def kind_of_class(classes: Sequence[str], _: Translator) -> str:
    """What an axis over classes is called."""
    return _("digit") if tuple(classes) == DIGITS else _("class")


def named_ticks(classes: Sequence[str]) -> dict[str, Any]:
    """An axis's ticks at the classes 0, 1, …: their names, or plain numbers where these are the names."""
    if tuple(classes) == DIGITS:
        return dict(tickmode="linear")
    names = [escape(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…") for name in classes]
    return dict(tickmode="array", tickvals=list(range(len(classes))), ticktext=names)


def digit_image(digit: GalleryDigit) -> np.ndarray:
    """The digit as it is, 28x28 white on black, each pixel enlarged to 5x5 without smoothing."""
    return np.kron(np.array(digit.pixels, dtype=np.uint8).reshape(28, 28), np.ones((5, 5), dtype=np.uint8))


def softmax(logits: Sequence[float], temperature: float) -> list[float]:
    """p_i = exp(z_i / T) / sum_j exp(z_j / T), shifted by the largest logit so that nothing overflows."""
    top = max(logits)
    weights = [math.exp((z - top) / temperature) for z in logits]
    total = sum(weights)
    return [w / total for w in weights]


def mean_softmax(rows: Sequence[Sequence[float]], temperature: float) -> list[float]:
    """The mean over rows of logits of their softened probabilities."""
    return [fmean(column) for column in zip(*(softmax(row, temperature) for row in rows), strict=True)]


def live_curves(
    curves: Mapping[tuple[str, str, int], Sequence[tuple[int, int, int]]],
    loss_curves: Mapping[tuple[str, str, int], Sequence[tuple[int, float]]],
    lengths: Mapping[tuple[str, str, int], int],
    last_stage: str,
    _: Translator,
) -> dict[str, Any]:
    """An ECharts option of the curves so far: {(stage, arm, seed): ((epoch, errors, size), …)}, or of losses.

    lengths: how many epochs each will have. While the preparation trains (a teacher) its own curve is drawn;
    once the trials do, a teacher's end is a level for them to reach, and a source network is not drawn: its errors
    are on another task. The epochs of a stage are fixed from its start; the other axis is that of `live_axis`.
    """
    values: dict[tuple[str, str, int], Sequence[tuple[float, float]]] = {
        name: [(epoch, 100 * _visible(errors) / size) for epoch, errors, size in curve]
        for name, curve in curves.items()
    }
    values |= loss_curves
    in_trials = any(stage == last_stage for stage, _arm, _seed in values)
    counted = [n for (stage, _arm, _seed), n in lengths.items() if not in_trials or stage == last_stage]
    epochs = max(counted, default=1)
    series: list[dict[str, Any]] = []
    for arm in LIVE_ORDER:
        mine = [curve for (_stage, name, _seed), curve in sorted(values.items()) if name == arm and curve]
        if not mine or (in_trials and arm == SOURCE):
            continue
        line = dict(color=COLOURS[arm], type=_LIVE_DASHES[DASHES[arm]])
        points = list(zip(*mean_curve(mine), strict=True))
        if in_trials and arm == TEACHER:  # its own epochs are others
            points = [(0, points[-1][1]), (epochs, points[-1][1])]
        elif len(mine) > 1:
            faint = {**line, "width": 1, "opacity": 0.35}
            series += [_live_series("", curve, faint) for curve in mine]
        series.append(_live_series(_(arm), points, {**line, "width": 3}))
    of_losses = bool(loss_curves)
    title = _("validation loss, log scale") if of_losses else _("validation error (%), log scale")
    return live_axis({
        "animation": False,
        "grid": {"left": 60, "right": 24, "top": 40, "bottom": 44},
        "legend": {"data": [s["name"] for s in series if s["name"]], "top": 0, "left": "center"},
        "tooltip": {"trigger": "axis", "valueFormatter": "%.3f" if of_losses else "%.2f %%"},
        "xAxis": {"type": "value", "name": _("meta-step") if last_stage == "meta" else _("epoch"),
                  "nameLocation": "middle", "nameGap": 26, "min": 0, "max": epochs},
        "yAxis": {"type": "log", "name": title, "nameLocation": "middle", "nameGap": 38},
        "series": series,
    })  # fmt: skip


def live_axis(option: dict[str, Any]) -> dict[str, Any]:
    """The ECharts option with its logarithmic axis as long as its series need, in whole steps, and its ticks."""
    drawn = [y for series in option["series"] for _x, y in series["data"] if y > 0]
    low, high = log_axis.around(min(drawn), max(drawn)) if drawn else (1.0, 100.0)
    values = log_axis.ticks(low, high)
    at = {"customValues": values}
    return option | {"yAxis": option["yAxis"] | {"min": low, "max": high, "axisLabel": at, "axisTick": at}}


def _live_series(name: str, points: Sequence[tuple[float, float]], line: dict[str, Any]) -> dict[str, Any]:
    data = [[epoch, float(f"{value:.4g}")] for epoch, value in points]
    dots = bool(name) and len(data) < 3  # a line of one point would not be seen
    return {"type": "line", "name": name, "data": data, "lineStyle": line, "itemStyle": {"color": line["color"]},
            "showSymbol": dots, "silent": not name}  # fmt: skip


def _end_labels(figure: go.Figure, x: float, ends: Sequence[tuple[float, str]], _: Translator) -> list[str]:
    """A label at the end of each curve, moved apart where two would cover each other (logarithmic y)."""
    labels = []
    drawn = [y for trace in figure.data for y in trace["y"]]
    gap = 0.08 * math.log10(max(drawn) / min(drawn)) if drawn else 0.0  # about the height of a label
    lowest = -math.inf
    for value, name in sorted(ends):
        place = max(math.log10(value), lowest + gap)
        lowest = place
        labels.append(f"{_(name)} {value:.1f} %")
        figure.add_annotation(
            x=x, y=place, text=labels[-1], showarrow=False, xanchor="left", xshift=8,
            align="left", font=dict(size=13),
        )  # fmt: skip
    return labels


def _width(label: str) -> float:
    """About how wide a label is at 13 px: Chinese letters are square."""
    return sum(13.0 if letter > "\u2e80" else 7.3 for letter in label)


def finish(figure: go.Figure, height: int, **margin: float) -> go.Figure:
    """The Figure, with the margins, type size, axes and ticks that all share.

    margin: l, r, t, b where others are due.
    """
    margins = dict(l=8, r=8, t=24, b=8) | margin
    figure.update_layout(height=height, margin=margins, dragmode=False, font=dict(size=14, family=FONTS))
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(automargin=True, zeroline=False, separatethousands=True)
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        if axis.title.text:
            axis.title.text = in_two_lines(axis.title.text, LONG)
    return log_axis.set_ticks(figure)
