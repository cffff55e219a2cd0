"""Several runs' validation curves over each other, on one axis."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from app.figures.arms import ABOVE, Translator, finish, mean_curve
from app.history.table import LETTERS
from kd_core.results.comparability import curves, main_arms, of_losses
from kd_core.results.schema import Result
from kd_core.techniques import TECHNIQUES

# A run is no arm, so none of these is an arm's colour; dash, marker and letter say the same without colour.
RUN_STYLES = dict(
    zip(LETTERS, (("#7B4FA3", "solid", "circle"), ("#2E8B57", "dash", "square"), ("#B8860B", "dot", "diamond"),
                  ("#C2185B", "dashdot", "triangle-up")), strict=True)
)  # fmt: skip
RUN_COLOURS = {letter: style[0] for letter, style in RUN_STYLES.items()}


def overlaid(results: Sequence[Result], _: Translator) -> go.Figure | None:
    """Each run's main arm (bold, trials faint) and its baseline (thin), errors or loss on one logarithmic axis.

    Of several tasks the mean. None for runs of which some count errors and others a loss.
    """
    if len(set(map(of_losses, results))) > 1:
        return None
    losses = of_losses(results[0])
    floor = 1e-4 if losses else 50 / max(r.data.validation for r in results)  # no error is drawn as half of one
    figure = go.Figure()
    ends = []
    for letter, result in zip(LETTERS, results, strict=False):
        colour, dash, marker = RUN_STYLES[letter]
        mine = curves(result, _main(result))
        if not mine:
            continue
        for curve in mine.values():
            x, y = zip(*curve, strict=True)
            figure.add_scatter(x=x, y=[max(v, floor) for v in y], mode="lines", opacity=0.2, hoverinfo="skip",
                               line=dict(color=colour, dash=dash, width=1), showlegend=False)  # fmt: skip
        epochs, means = mean_curve(list(mine.values()))
        means = [max(value, floor) for value in means]
        figure.add_scatter(
            x=epochs, y=means, mode="lines+markers", name=f"{letter} · {_arm(result, _)}", legendgroup=letter,
            line=dict(color=colour, dash=dash, width=3), marker=dict(symbol=marker, size=8),
            hovertemplate=f"{letter}: %{{y:.3g}}<extra></extra>",
        )  # fmt: skip
        ends.append((epochs[-1], means[-1], letter))
        rival = curves(result, (result.verdict.baseline,)) if len(_main(result)) == 1 else {}
        if rival:
            epochs, means = mean_curve(list(rival.values()))
            figure.add_scatter(
                x=epochs, y=[max(value, floor) for value in means], mode="lines", opacity=0.6, legendgroup=letter,
                name=f"{letter} · {_(result.verdict.baseline)}", line=dict(color=colour, dash=dash, width=1.2),
                hovertemplate=f"{letter}: %{{y:.3g}}<extra>{_(result.verdict.baseline)}</extra>",
            )  # fmt: skip
    if not ends:
        return None
    _label(figure, ends)
    figure.update_xaxes(title=_(TECHNIQUES[results[0].technique].counts))
    title = _("validation loss, log scale") if losses else _("validation error (%), log scale")
    figure.update_yaxes(title=title, type="log")
    figure.update_layout(legend=ABOVE)
    return finish(figure, height=400, r=40)


def _main(result: Result) -> tuple[str, ...]:
    return main_arms(result.technique, result.settings)


def _arm(result: Result, _: Translator) -> str:
    return _(_main(result)[0]) if len(_main(result)) == 1 else _("mean of {n} tasks", n=len(_main(result)))


def _label(figure: go.Figure, ends: Sequence[tuple[float, float, str]]) -> None:
    """The letter at the end of each curve, moved apart where two would cover each other."""
    values = [y for trace in figure.data for y in trace["y"]]
    gap = 0.1 * math.log10(max(values) / min(values))
    lowest = -math.inf
    for x, y, letter in sorted(ends, key=lambda end: end[1]):
        lowest = max(math.log10(y), lowest + gap)
        figure.add_annotation(x=x, y=lowest, text=f"<b>{letter}</b>", showarrow=False, xanchor="left", xshift=8,
                              font=dict(color=RUN_COLOURS[letter], size=16))  # fmt: skip
