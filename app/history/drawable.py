"""Whether a Result from outside can be drawn: each technique's figures are tried on it before anybody sees it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from app.distillation import held_out
from app.figures import arms, depth
from app.i18n.text import Translate
from app.meta_learning import figures as meta_figures
from app.multitask import figures as multitask_figures
from app.reports import files
from app.results.comparison import comparison
from app.transfer import figures as transfer_figures
from kd_core.messages import N_, Problem
from kd_core.results.comparability import of_losses
from kd_core.results.schema import Result

ENGLISH = Translate("en")


def check(result: Result) -> None:
    """Draw what its page would: a part that a figure needs may be missing. Raises Problem."""
    try:
        comparison(result, ENGLISH)
        depth.costs(result, ENGLISH)
        files.csv(result)
        DRAWN[result.technique](result)
    except Exception:  # whatever it is that a stranger's numbers do to a figure
        raise Problem(N_("This result cannot be drawn: a part that its figures need is missing.")) from None


def images_on_disk(result: Result) -> int:
    """How many test images there are on disk to show."""
    return 400 if result.data.name.startswith("UCI digits") else 10_000


def _answers(result: Result) -> None:
    """The figures of every result that counts images."""
    arms.errors_by_arm(result, ENGLISH)
    arms.learning_curves(result, ENGLISH)
    for digit in range(len(result.gallery)):
        arms.soft_targets(result, digit, 1.0, ENGLISH)
    depth.reliability(result, ENGLISH)
    depth.calibration_errors(result, ENGLISH)
    for arm in result.arms:
        depth.confusion(arm, depth.largest_error(arm), ENGLISH)


def _distillation(result: Result) -> None:
    _answers(result)
    arms.gradient_norms(result, 4.0, ENGLISH)
    depth.agreements(result, ENGLISH)
    depth.repeated_mistakes(result, ENGLISH)
    if held_out.panel(result):
        held_out.errors_by_shift(result, ENGLISH)


def _transfer(result: Result) -> None:
    _answers(result)
    if transfer_figures.distances(result):
        transfer_figures.distance_by_layer(result, ENGLISH)
    if transfer_figures.gains_and_losses(result):
        transfer_figures.forgetting(result, ENGLISH)


def _multitask(result: Result) -> None:
    arms.errors_by_arm(result, ENGLISH)
    for draw in (multitask_figures.curves_by_task, multitask_figures.conflict, multitask_figures.conflict_says,
                 multitask_figures.by_layer, multitask_figures.in_short, multitask_figures.samples):  # fmt: skip
        draw(result, ENGLISH)
    for series in ("norm", "loss", "weight"):
        multitask_figures.small_multiples(result, series, "", ENGLISH)


def _meta_learning(result: Result) -> None:
    for draw in (meta_figures.scores, meta_figures.training_curves, meta_figures.adaptation,
                 meta_figures.order_table, meta_figures.rates_say):  # fmt: skip
        draw(result, ENGLISH)
    if of_losses(result):
        meta_figures.before_and_after(result, ENGLISH)
    else:
        meta_figures.held_out_says(result, ENGLISH)
        meta_figures.digit_tasks(result, np.zeros((images_on_disk(result), 28, 28), np.uint8), ENGLISH)


DRAWN: dict[str, Callable[[Result], Any]] = {
    "distillation": _distillation,
    "transfer": _transfer,
    "multitask": _multitask,
    "meta_learning": _meta_learning,
}
