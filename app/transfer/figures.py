"""What a transfer Result says of λ and of forgetting: pure functions, no Streamlit."""

import math
import re
from functools import lru_cache
from statistics import fmean
from typing import TypedDict

import plotly.graph_objects as go

from app.figures.arms import ABOVE, CACHED, COLOURS, MARKERS, PATTERNS, Translator, finish
from app.transfer.bundled import LabelsCurve, LambdaMap, lambda_map
from kd_core.results.schema import Result
from kd_core.results.statistics import t_interval
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import ANCHORED, BACKBONES, FROZEN, TUNED

DISTANCE = re.compile(r"distance, layer (\d+)")
FORGOTTEN = "source errors"
HALF_WAY = 0.1  # λ in the middle of the scale from 0 to infinity


class OwnRun(TypedDict):
    """A run as a point beside the recorded curves: labels per class, errors per 10,000 of the two arms."""

    labels: int
    scratch: float
    tuned: float


def moved_in_all(lam: float) -> float:
    """‖θ − θ_pre‖ over all transferred layers at once, recorded at `lam`: the root of the sum of squares."""
    every = lambda_map()
    return math.hypot(*every["distance"][every["lams"].index(lam)])


def own_run(result: Result | None, curve: LabelsCurve) -> OwnRun | None:
    """`result` as a point beside the recorded curves, if task, source and test images are theirs; else None."""
    if result is None or result.data.name != curve["data"]:
        return None
    if result.settings["network"] in BACKBONES:
        return None
    if any(result.settings[name] != curve["settings"][name] for name in ("task", "source_kind")):
        return None
    scratch, tuned = (result.arm(name).errors_per_10000.mean for name in (SCRATCH, TUNED))
    return OwnRun(labels=int(result.settings["labels_per_class"]), scratch=scratch, tuned=tuned)


def distances(result: Result) -> dict[str, list[float]]:
    """||θ - θ_pre|| of each transferred layer, the first one first, averaged over trials, by arm."""
    found: dict[str, list[float]] = {}
    for arm in result.arms:
        matches = sorted(filter(None, map(DISTANCE.fullmatch, arm.trials[0].measures)), key=lambda m: int(m[1]))
        if matches:
            found[arm.name] = [fmean(trial.measures[match[0]] for trial in arm.trials) for match in matches]
    return found


@lru_cache(CACHED)
def distance_by_layer(result: Result, _: Translator) -> go.Figure:
    """How far each arm has moved each transferred layer from its old weights, mean over trials."""
    figure = go.Figure()
    moved = distances(result)
    for arm, lengths in moved.items():
        figure.add_bar(
            x=[_("layer {number}", number=number) for number in range(1, len(lengths) + 1)], y=lengths, name=_(arm),
            text=[f"{length:.2f}" for length in lengths], textposition="outside", cliponaxis=False,
            marker=dict(color=COLOURS[arm], pattern=dict(shape=PATTERNS[arm])),
            hovertemplate="%{x}: %{y:.3f}<extra>" + _(arm) + "</extra>",
        )  # fmt: skip
    highest = max((length for lengths in moved.values() for length in lengths), default=1.0)
    title = _("distance from the old weights, ‖θ − θ<sub>pre</sub>‖")
    figure.update_yaxes(title=title, range=[0, 1.1 * (highest or 1.0)])
    figure.update_layout(barmode="group", legend=ABOVE)
    return finish(figure, height=340)


def distance_map(recorded: LambdaMap, _: Translator) -> go.Figure:
    """λ by layer: how far L2-SP lets each move from its old weights; the distance stands in each cell."""
    layers = [_("layer {number}", number=number) for number in range(1, len(recorded["distance"][0]) + 1)]
    lams = [f"{lam:g}" for lam in recorded["lams"]]
    highest = max(length for row in recorded["distance"] for length in row)
    figure = go.Figure(
        go.Heatmap(
            x=layers, y=lams, z=recorded["distance"], zmin=0, zmax=highest, colorscale="Cividis", showscale=False,
            xgap=2, ygap=2, hovertemplate="λ = %{y}, %{x}: %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    for down, row in enumerate(recorded["distance"]):  # by place: a number would be looked for on the axis
        for across, length in enumerate(row):
            colour = "#000" if length > 0.45 * highest else "#fff"
            figure.add_annotation(x=across, y=down, text=f"{length:.2f}", showarrow=False,
                                  font=dict(size=14, color=colour))  # fmt: skip
    figure.update_xaxes(side="top", fixedrange=True)
    figure.update_yaxes(title=_("λ: 0 is fine-tuning"), type="category", autorange="reversed", fixedrange=True)
    return finish(figure, height=320)


def distances_at(recorded: LambdaMap, lam: float, _: Translator) -> go.Figure:
    """How far L2-SP lets each layer move at one λ; the axis is the same for all λ, so that bars can be compared."""
    row = recorded["distance"][recorded["lams"].index(lam)]
    figure = go.Figure(go.Bar(
        x=[_("layer {number}", number=number) for number in range(1, len(row) + 1)], y=row, cliponaxis=False,
        text=[f"{length:.2f}" for length in row], textposition="outside", hoverinfo="skip",
        marker=dict(color=COLOURS[ANCHORED], pattern=dict(shape=PATTERNS[ANCHORED])),
    ))  # fmt: skip
    highest = max(length for each in recorded["distance"] for length in each)
    figure.update_yaxes(title=_("distance from the old weights, ‖θ − θ<sub>pre</sub>‖"), range=[0, 1.1 * highest])
    return finish(figure, height=340)


def gains_and_losses(result: Result) -> dict[str, tuple[list[float], list[float]]]:
    """By arm: accuracy gained over from scratch in points, and errors per 10,000 on the source; trial by trial."""
    scratch = result.arm(SCRATCH)
    found = {}
    for arm in result.arms:
        if arm.shared or any(FORGOTTEN not in trial.measures for trial in arm.trials):
            continue
        pairs = zip(arm.trials, scratch.trials, strict=True)
        gained = [100 * (base.test_errors - mine.test_errors) / result.data.test for mine, base in pairs]
        found[arm.name] = gained, [trial.measures[FORGOTTEN] for trial in arm.trials]
    return found


@lru_cache(CACHED)
def forgetting(result: Result, _: Translator) -> go.Figure:
    """Gain on the target against errors on the source with the old last layer put back; means are bold."""
    figure = go.Figure()
    pairs = gains_and_losses(result)
    for arm, (gained, lost) in pairs.items():
        look = dict(color=COLOURS[arm], symbol=MARKERS[arm])
        figure.add_scatter(x=gained, y=lost, mode="markers", marker=dict(size=8, opacity=0.35, **look),
                           hoverinfo="skip", showlegend=False)  # fmt: skip
        across, up = t_interval(gained), t_interval(lost)
        figure.add_scatter(
            x=[across.mean], y=[up.mean], mode="markers", name=_(arm),
            marker=dict(size=15, line=dict(width=3), **look),
            error_x=dict(type="data", visible=across.high is not None, array=[across.half_width or 0], width=6),
            error_y=dict(type="data", visible=up.high is not None, array=[up.half_width or 0], width=6),
            hovertemplate="%{x:+.2f}, %{y:.0f}<extra>" + _(arm) + "</extra>",
        )  # fmt: skip
    line = dict(color=COLOURS[SCRATCH], dash="dash", width=2)
    figure.add_vline(x=0, line=line, annotation_text=_("from scratch"), annotation_position="top right")
    figure.update_xaxes(title=_("gain on the target over training from scratch, points"), tickformat="+")
    highest = max((error for _gained, lost in pairs.values() for error in lost), default=1.0) or 1.0
    figure.update_yaxes(title=_("errors on the source per 10,000"), range=[-0.08 * highest, 1.15 * highest])
    figure.update_layout(legend=ABOVE)
    return finish(figure, height=380)


def lambda_scale(lam: float, _: Translator) -> str:
    """λ between its two ends, 0 and infinity, as a line of HTML; λ = 0.1 is its middle."""
    at = 100 * lam / (lam + HALF_WAY)
    left, right, now = _("λ = 0: fine-tuning"), _("λ → ∞: feature extraction"), f"λ = {lam:g}"
    anchor = "left" if at < 15 else "right" if at > 85 else "center"
    shift = {"left": "0", "center": "-50%", "right": "-100%"}[anchor]
    return (
        '<div style="position:relative;margin:1.9rem .6rem .2rem">'
        f'<b style="position:absolute;bottom:100%;left:{at:.1f}%;transform:translateX({shift});'
        f'padding-bottom:.45rem">{now}</b>'
        f'<div style="height:8px;border-radius:4px;background:linear-gradient(90deg,{COLOURS[TUNED]},'
        f'{COLOURS[ANCHORED]},{COLOURS[FROZEN]})"></div>'
        f'<i style="position:absolute;top:-7px;left:{at:.1f}%;width:22px;height:22px;margin-left:-11px;'
        'border-radius:50%;border:3px solid #fff;background:#1b2430;box-shadow:0 1px 4px #0008"></i>'
        f'</div><div style="display:flex;justify-content:space-between;padding:.6rem .6rem 0"><span>{left}</span>'
        f"<span>{right}</span></div>"
    )
