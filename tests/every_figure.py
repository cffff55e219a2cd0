"""Every figure that Plotly draws in the lab, from what is recorded."""

from collections.abc import Callable, Iterator

import plotly.graph_objects as go

from app.distillation import figures as of_distillation
from app.distillation import held_out
from app.distillation.bundled import all_labels
from app.figures import arms, depth, ghost
from app.figures.enlarged import enlarged
from app.history import figures as history_figures
from app.meta_learning import figures as meta_figures
from app.multitask import figures as multitask_figures
from app.multitask.bundled import sweep
from app.results import bundled
from app.sweeps import figures as map_figures
from app.transfer import figures as transfer_figures
from app.transfer.bundled import lambda_map
from kd_core.results.schema import Result
from kd_core.techniques import TECHNIQUES

IN_TALKS = ("errors", "scores", "gradients", "answers", "distances at λ", "forgetting", "trade-off", "conflict",
            "by layer", "adaptation", "before and after")  # fmt: skip
Drawn = Iterator[tuple[str, go.Figure]]


def every(_: Callable[..., str], without_digits: Result) -> Drawn:
    """(name, figure) of all: of each technique, its talk and its previous run, the history, the maps.

    without_digits: a distillation result that has left digits out, for its own figure.
    """
    for name in TECHNIQUES:
        yield from ((f"{name}: {what}", figure) for what, figure in of_technique(name, _))
    yield "distillation: all labels", arms.errors_by_arm(all_labels(), _)
    yield "distillation: errors by shift", held_out.errors_by_shift(without_digits, _)
    results = [bundled.recorded("distillation"), all_labels()]
    for name, them in {"distillation": results, **{n: [bundled.recorded(n)] * 2 for n in TECHNIQUES}}.items():
        if (overlaid := history_figures.overlaid(them, _)) is not None:
            yield f"history: {name}", overlaid
    yield from ((f"map: {draw.__name__}", draw(bundled.recorded_map(), _)) for draw in
                (map_figures.slices, map_figures.importance))  # fmt: skip


def of_technique(technique: str, _: Callable[..., str]) -> Drawn:
    result = bundled.recorded(technique)
    for name, figure in {**dict(_own(result, _)), **dict(_answers(result, _))}.items():
        yield name, figure
        if name in IN_TALKS:
            yield f"{name}, in a talk", enlarged(figure)
    curves = {"multitask": multitask_figures.curves_by_task, "meta_learning": meta_figures.training_curves}
    drawn = curves.get(technique, arms.learning_curves)(result, _)
    yield "with the previous run", ghost.behind(drawn, ghost.of(result), _)


def _answers(result: Result, _: Callable[..., str]) -> Drawn:
    yield "cost", depth.costs(result, _)
    yield "cost, alone", depth.costs(result, _, only=3)
    if result.technique not in ("distillation", "transfer"):
        return
    yield "errors", arms.errors_by_arm(result, _)
    yield "curves", arms.learning_curves(result, _)
    yield "answers", arms.soft_targets(result, 3, 4.0, _)
    yield "reliability", depth.reliability(result, _)
    yield "calibration", depth.calibration_errors(result, _)
    arm = result.arm(result.verdict.arm)
    yield "confusion", depth.confusion(arm, depth.largest_error(arm), _)


def _own(result: Result, _: Callable[..., str]) -> Drawn:
    if result.technique == "distillation":
        yield "gradients", of_distillation.gradient_norms(result, 4.0, _)
        yield "agreement", depth.agreements(result, _)
        mistakes = depth.repeated_mistakes(result, _)
        assert mistakes is not None
        yield "mistakes repeated", mistakes
    elif result.technique == "transfer":
        every = lambda_map()
        yield "distances", transfer_figures.distance_by_layer(result, _)
        yield "distances by λ", transfer_figures.distance_map(every, _)
        yield "distances at λ", transfer_figures.distances_at(every, every["lams"][2], _)
        yield "forgetting", transfer_figures.forgetting(result, _)
    elif result.technique == "multitask":
        yield "errors", arms.errors_by_arm(result, _)
        yield "curves", multitask_figures.curves_by_task(result, _)
        yield "trade-off", multitask_figures.trade_off(sweep(), result, _)
        yield "conflict", multitask_figures.conflict(result, _)
        yield "by layer", multitask_figures.by_layer(result, _)
        for what, title in (("norm", _("gradient length")), ("loss", _("loss")), ("weight", _("factor"))):
            yield what, multitask_figures.small_multiples(result, what, title, _)
    else:
        yield "scores", meta_figures.scores(result, _)
        yield "curves", meta_figures.training_curves(result, _)
        yield "adaptation", meta_figures.adaptation(result, _)
        yield "before and after", meta_figures.before_and_after(result, _)
