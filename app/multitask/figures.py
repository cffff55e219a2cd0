"""What a multi-task Result says of conflict and of trade-offs: pure functions, no Streamlit."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import fmean

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.figures.arms import (
    ABOVE,
    BELOW,
    CACHED,
    COLOURS,
    DASHES,
    MARKERS,
    Translator,
    error_curve,
    finish,
    of_images,
    softmax,
)
from app.figures.image import tiles
from app.multitask.bundled import Errors, Sweep
from app.multitask.styles import TASK_COLOURS
from kd_core.multitask.settings import JOINT, TASK_ALONE, TASK_LABELS, MultitaskSettings, arm_of, scheme_of, task_of
from kd_core.results.numbers import fixed, signed
from kd_core.results.schema import ArmTrial, Interval, Result
from kd_core.results.statistics import t_interval

MOST_SAMPLES = 12


def tasks_of(result: Result) -> list[str]:
    """The ids of the result's tasks, in order."""
    return list(dict.fromkeys(task_of(arm.name) for arm in result.arms))


def looked_at(result: Result) -> tuple[ArmTrial, ...]:
    """The joint network's trials, which carry what was seen of its gradients."""
    return result.arm(arm_of(tasks_of(result)[0], JOINT)).trials


def delta_m(result: Result, scheme: str = JOINT) -> Interval:
    """Mean relative change of the tasks' errors against each task alone, percent; below 0 is better."""
    first = result.arm(arm_of(tasks_of(result)[0], scheme))
    return t_interval([trial.measures["delta_m"] for trial in first.trials])


def parameters(result: Result) -> tuple[int, int]:
    """Parameters of the joint network, and of one network per task."""
    names = tasks_of(result)
    alone = sum(result.arm(arm_of(task, TASK_ALONE)).cost.parameters for task in names)
    return result.arm(arm_of(names[0], JOINT)).cost.parameters, alone


def seconds(result: Result) -> tuple[float, float]:
    """Mean training time of the joint network, and of one network per task, in seconds."""
    names = tasks_of(result)
    alone = sum(fmean(t.seconds for t in result.arm(arm_of(task, TASK_ALONE)).trials) for task in names)
    return fmean(t.seconds for t in looked_at(result)), alone


def loss(settings: MultitaskSettings, _: Translator) -> str:
    """The joint loss with the weights as set, and their shares, as LaTeX."""
    total = sum(settings.weights) or 1.0
    names = [rf"\text{{{_(TASK_LABELS[task])}}}" for task in settings.task_names]
    terms = " + ".join(rf"{w:g}\,L_{{{n}}}" for n, w in zip(names, settings.weights, strict=True))
    shares = r"\% : ".join(f"{100 * weight / total:.0f}" for weight in settings.weights)
    return rf"\begin{{aligned}} L &= \textstyle\sum_i \alpha_i L_i \\ &= {terms} \quad ({shares}\%) \end{{aligned}}"


def in_short(result: Result, _: Translator) -> list[tuple[str, str, str]]:
    """Label, figure and explanation of the whole: change of errors, size, time."""
    change, (joint, alone), (took, took_alone) = delta_m(result), parameters(result), seconds(result)
    known = change.low is not None and change.high is not None
    interval = f" [{signed(change.low or 0, 1)}, {signed(change.high or 0, 1)}]" if known else ""
    return [
        (
            _("Change of errors by learning jointly, Δm"),
            f"{signed(change.mean, 1)} %",
            _("Mean over the tasks of the relative change against alone; below 0 is better. {interval}",
              interval=interval and _("95 % interval over trials:") + interval),
        ),
        (
            _("Parameters, joint against one network per task"),
            f"{signed(100 * (joint / alone - 1))} %",
            _("{joint} instead of {alone} in all.", joint=fixed(joint), alone=fixed(alone)),
        ),
        (
            _("Training time, joint against one network per task"),
            f"{signed(100 * (took / took_alone - 1))} %",
            _("{joint} s instead of {alone} s in all, mean over trials, on one core.", joint=fixed(took, 1),
              alone=fixed(took_alone, 1)),
        ),
    ]  # fmt: skip


def conflict_says(result: Result, _: Translator) -> str:
    """How often the tasks were in conflict, and what that does and does not mean."""
    trials = looked_at(result)
    share = 100 * fmean(trial.measures["share of steps in conflict"] for trial in trials)
    series = [trial.series for trial in trials]
    return _(
        "**{share} % of the steps looked at were in conflict** (cosine below 0; {looks} looks in each of {n} "
        "trials, mean cosine {cosine}). Two batches of the *same* task have a cosine of only {floor}: that is what "
        "noise does. A conflict alone does no harm: the next step may make up for it.",
        share=f"{share:.0f}", looks=len(series[0]["step"]), n=len(trials),
        cosine=signed(fmean(_mean(series, "cosine")), 2), floor=signed(fmean(_mean(series, "floor")), 2),
    )  # fmt: skip


def sweep_says(sweep: Sweep, _: Translator) -> str:
    """Where the recorded sweep comes from."""
    first, second = (TASK_LABELS[task] for task in sweep["tasks"])
    return _(
        "Recorded: {seeds} trials at each pair of weights, {images} labelled images, written {first} : "
        "{second}. Bars are 95 % intervals; both axes are validation errors, as for any choice among settings. "
        "Dashed: each task alone.", seeds=sweep["seeds"],
        images=f"{int(sweep['settings']['train_size']):,}", first=first, second=second,
    )  # fmt: skip


def _panels(tasks: Sequence[str], _: Translator) -> go.Figure:
    """A panel for each task, side by side on one axis."""
    titles = [_(TASK_LABELS[task]) for task in tasks]
    return make_subplots(cols=len(tasks), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=titles)


@lru_cache(CACHED)
def curves_by_task(result: Result, _: Translator) -> go.Figure:
    """Validation errors over epochs, a panel for each task, all on the same axis."""
    names = tasks_of(result)
    figure = _panels(names, _)
    for arm in result.arms:
        column = 1 + names.index(task_of(arm.name))
        style = dict(color=COLOURS[arm.name], dash=DASHES[arm.name])
        for trial in arm.trials:
            epochs, errors, _images = error_curve(result, [trial])
            figure.add_scatter(x=epochs, y=errors, mode="lines", opacity=0.2,
                               line=dict(width=1, **style), hoverinfo="skip", showlegend=False,
                               row=1, col=column)  # fmt: skip
        reached, means, images = error_curve(result, arm.trials)
        figure.add_scatter(
            x=reached, y=means, customdata=images, mode="lines+markers", name=_(scheme_of(arm.name)),
            legendgroup=scheme_of(arm.name), showlegend=column == 1, line=dict(width=3, **style),
            marker=dict(symbol=MARKERS[arm.name], size=7), row=1, col=column,
            hovertemplate=of_images(_) + "<extra>" + _(arm.name) + "</extra>",
        )  # fmt: skip
    figure.update_xaxes(title=_("epoch"))
    figure.update_yaxes(type="log")
    figure.update_yaxes(title=_("validation error (%), log scale"), col=1)
    figure.update_layout(legend=BELOW)
    return finish(figure, height=380, t=36)


def trade_off(sweep: Sweep, own: Result | None, _: Translator) -> go.Figure:
    """Errors of one task over the other along a sweep of the weights; the Pareto front; a run of one's own."""
    first, second = sweep["tasks"]
    xs, ys = sweep["errors"][first], sweep["errors"][second]
    figure = go.Figure()
    for task, direction in ((first, "v"), (second, "h")):
        value = sweep["alone"][task]["mean"]
        line = dict(color=TASK_COLOURS[task], dash="dash", width=2)
        label = _("{task} alone", task=TASK_LABELS[task])
        if direction == "v":
            figure.add_vline(x=value, line=line, annotation_text=label, annotation_position="top right")
        else:
            figure.add_hline(y=value, line=line, annotation_text=label, annotation_position="bottom right")
    both = [at for at, weights in enumerate(sweep["weights"]) if all(weights)]
    front = pareto([(xs[at]["mean"], ys[at]["mean"]) for at in both])
    best = {both[at] for at in front}
    figure.add_scatter(
        x=[xs[at]["mean"] for at in both], y=[ys[at]["mean"] for at in both], mode="lines", hoverinfo="skip",
        line=dict(color="#6B7280", width=1, dash="dot"), showlegend=False,
    )  # fmt: skip
    mine = None
    if own is not None and tasks_of(own) == sweep["tasks"]:
        mine = tuple(_validation(own, arm_of(task, JOINT)) for task in (first, second))
    order = sorted(both, key=lambda at: at not in best)
    labels = {at: " : ".join(f"{weight:g}" for weight in sweep["weights"][at]) for at in order}
    places = _room({at: (xs[at], ys[at]) for at in labels}, labels, mine)
    on_front, beaten = _("on the Pareto front: nothing is better at both"), _("another choice is better at both")
    for name, chosen, symbol, colour in (
        (on_front, [at for at in both if at in best], "circle", "#D55E00"),
        (beaten, [at for at in both if at not in best], "circle-open", "#6B7280"),
    ):
        if chosen:
            figure.add_scatter(
                x=[xs[at]["mean"] for at in chosen], y=[ys[at]["mean"] for at in chosen], mode="markers+text",
                name=name, text=[labels[at] if places[at] else "" for at in chosen],
                textposition=[places[at] or "top right" for at in chosen], hovertext=[labels[at] for at in chosen],
                marker=dict(size=12, symbol=symbol, color=colour, line=dict(width=2)),
                error_x=_bars([xs[at] for at in chosen]), error_y=_bars([ys[at] for at in chosen]),
                hovertemplate="α %{hovertext}: %{x:.0f}, %{y:.0f}<extra></extra>",
            )  # fmt: skip
    if mine is not None:
        figure.add_scatter(x=[mine[0]], y=[mine[1]], mode="markers", name=_("this run"),
                           marker=dict(size=16, symbol="diamond", color="#0072B2"))  # fmt: skip
    said = _("validation errors per 10,000")
    figure.update_xaxes(title=f"{_(TASK_LABELS[first])}: {said}")
    figure.update_yaxes(title=f"{_(TASK_LABELS[second])}: {said}")
    figure.update_layout(legend=ABOVE)
    return finish(figure, height=460)


# A plot as small as a phone or a talk's letters leave it, its marks and letters, in pixels.
PLOT, MARK, LETTER, LINE = (250.0, 190.0), 9.0, 7.6, 19.0


def _room(
    points: Mapping[int, tuple[Errors, Errors]], labels: Mapping[int, str], mine: tuple[float, ...] | None
) -> dict[int, str | None]:
    """Beside which corner of its mark each label has room: those of the front first; None where none has any."""
    marks = [*((x["mean"], y["mean"]) for x, y in points.values()), *([mine] if mine else [])]
    scales = []
    for axis, side in enumerate(PLOT):  # bars reach as far below their mean as above it
        reach = [(pair[axis]["high"] or pair[axis]["mean"]) - pair[axis]["mean"] for pair in points.values()]
        means = [pair[axis]["mean"] for pair in points.values()]
        ends = [mean + sign * half for mean, half in zip(means, reach, strict=True) for sign in (-1, 1)]
        scales.append(side / ((max(ends) - min(ends)) or 1.0))
    placed = [_box(x * scales[0], y * scales[1], MARK, MARK) for x, y in marks]
    found: dict[int, str | None] = {}
    for at, pair in points.items():
        x, y = (errors["mean"] for errors in pair)
        wide = LETTER * len(labels[at])
        for corner, across, up in (("top right", 1, 1), ("bottom left", -1, -1), ("bottom right", 1, -1),
                                   ("top left", -1, 1)):  # fmt: skip
            middle = x * scales[0] + across * (MARK + wide / 2), y * scales[1] + up * (MARK + LINE / 2)
            box = _box(*middle, wide / 2, LINE / 2)
            if not any(_meet(box, other) for other in placed):
                placed.append(box)
                found[at] = corner
                break
        else:
            found[at] = None
    return found


def _box(x: float, y: float, half_wide: float, half_high: float) -> tuple[float, float, float, float]:
    return x - half_wide, x + half_wide, y - half_high, y + half_high


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Positions of the points that no other one beats: at most as large in both numbers, and smaller in one."""
    return [
        at for at, (x, y) in enumerate(points)
        if not any(a <= x and b <= y and (a, b) != (x, y) for a, b in points)
    ]  # fmt: skip


def _bars(errors: Sequence[Errors]) -> dict[str, object]:
    high = [0.0 if e["high"] is None else e["high"] - e["mean"] for e in errors]
    return dict(type="data", array=high, thickness=1, width=3)


def _validation(result: Result, arm: str) -> float:
    scale = 10_000 / result.data.validation
    return fmean(scale * trial.curve[-1][1] for trial in result.arm(arm).trials)


@lru_cache(CACHED)
def conflict(result: Result, _: Translator) -> go.Figure:
    """Cosine between the tasks' gradients through training, beside that of one task's on two batches."""
    figure = go.Figure()
    trials = [trial.series for trial in looked_at(result)]
    lines = {
        "cosine": (_("between the tasks, same batch"), "#D55E00", "solid"),
        "floor": (_("same task, two batches"), "#6B7280", "dash"),
    }
    for name, (label, colour, dash) in lines.items():
        for series in trials:
            figure.add_scatter(x=series["step"], y=series[name], mode="lines", opacity=0.25, hoverinfo="skip",
                               line=dict(color=colour, dash=dash, width=1), showlegend=False)  # fmt: skip
        figure.add_scatter(
            x=trials[0]["step"], y=_mean(trials, name), mode="lines+markers", name=label,
            line=dict(color=colour, dash=dash, width=3), hovertemplate="%{x}: %{y:.2f}<extra>" + label + "</extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line=dict(color="#6B7280", width=1))
    figure.update_xaxes(title=_("training step"))
    figure.update_yaxes(title=_("cosine"), range=[-1.02, 1.02])
    figure.update_layout(legend=ABOVE)
    return finish(figure, height=340)


@lru_cache(CACHED)
def by_layer(result: Result, _: Translator) -> go.Figure:
    """Cosine between the tasks' gradients, shared layer by training step, mean over trials; -1 to 1."""
    trials = [trial.series for trial in looked_at(result)]
    layers = sorted(int(name.rsplit(" ", 1)[1]) for name in trials[0] if name.startswith("cosine, layer "))
    cosines = np.array([_mean(trials, f"cosine, layer {layer}") for layer in layers])
    steps = [f"{step:.0f}" for step in trials[0]["step"]]
    every = max(1, len(steps) // 10)  # as many columns as leave room for their values
    figure = go.Figure(go.Heatmap(
        z=cosines[:, ::every], x=steps[::every], y=[_("layer {number}", number=layer) for layer in layers],
        zmin=-1, zmax=1, colorscale="RdBu", texttemplate="%{z:.2f}",
        colorbar=dict(title=dict(text=_("cosine"), side="right")),
        hovertemplate=_("step") + " %{x}, %{y}: %{z:.2f}<extra></extra>",
    ))  # fmt: skip
    figure.update_xaxes(title=_("training step"), type="category")
    figure.update_yaxes(autorange="reversed")
    return finish(figure, height=120 + 60 * len(layers))


@lru_cache(CACHED)
def small_multiples(result: Result, what: str, title: str, _: Translator) -> go.Figure:
    """ "loss", "norm" or "weight" of each task over steps, a panel each, on one axis."""
    names = tasks_of(result)
    trials = [trial.series for trial in looked_at(result)]
    figure = _panels(names, _)
    for column, task in enumerate(names, start=1):
        name, colour = f"{what}, {task}", TASK_COLOURS[task]
        for series in trials:
            figure.add_scatter(x=series["step"], y=series[name], mode="lines", line=dict(color=colour, width=1),
                               opacity=0.3, hoverinfo="skip", row=1, col=column)  # fmt: skip
        figure.add_scatter(x=trials[0]["step"], y=_mean(trials, name), mode="lines+markers",
                           line=dict(color=colour, width=3), row=1, col=column,
                           hovertemplate="%{x}: %{y:.3f}<extra></extra>")  # fmt: skip
    figure.update_xaxes(title=_("training step"))
    figure.update_yaxes(title=title, rangemode="tozero", col=1)
    figure.update_layout(showlegend=False)
    return finish(figure, height=280, t=36)


def _mean(trials: Sequence[Mapping[str, Sequence[float]]], name: str) -> list[float]:
    return [fmean(values) for values in zip(*(series[name] for series in trials), strict=True)]


def samples(result: Result, _: Translator) -> str:
    """Gallery images with the truth and what the joint network's heads and each task alone answer, as HTML."""
    images, captions, alts = [], [], []
    for place, digit in enumerate(result.gallery[:MOST_SAMPLES]):
        images.append(np.array(digit.pixels, dtype=np.uint8).reshape(28, 28))
        lines = []
        for task in tasks_of(result):
            truth = answer_words(task, digit.answers[task], _)
            joint, alone = (
                _answered(result.arm(arm_of(task, scheme)).trials[0].gallery_logits[place], task, _)
                for scheme in (JOINT, TASK_ALONE)
            )
            lines += [
                f"{_(TASK_LABELS[task])}: {truth}",
                _("jointly {joint}, alone {alone}", joint=joint, alone=alone),
            ]
        captions.append(lines)
        alts.append(_("Image {number}", number=digit.index))
    return tiles(images, captions, alts, "large")


def _answered(logits: Sequence[float], task: str, _: Translator) -> str:
    if task == "angle":
        return answer_words(task, logits[0], _)
    p = softmax(logits, 1.0)
    return f"{answer_words(task, float(p.index(max(p))), _)} ({100 * max(p):.0f} %)"


def answer_words(task: str, answer: float, _: Translator) -> str:
    """An answer as a person reads it: 7, even, below five, 12 degrees."""
    if task == "parity":
        return _("odd") if answer else _("even")
    if task == "five":
        return _("5 to 9") if answer else _("0 to 4")
    return f"{signed(answer)}°" if task == "angle" else fixed(answer)
