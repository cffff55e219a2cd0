"""View of meta-learning: overview card, report figures, the check of imported results, titles, tabs."""

from collections.abc import Iterable
from html import escape

import numpy as np

from app.history.drawable import ENGLISH, images_on_disk
from app.i18n.text import Translate
from app.meta_learning import figures as meta_figures
from app.overview.pictures import GREEN, GREY, ORANGE, PINK, SKY, arrow, net, svg
from app.techniques import Card, Drawing, TechniqueView
from kd_core.messages import N_
from kd_core.results.schema import Result


def drawings(result: Result, _: Translate) -> Iterable[Drawing]:
    yield _("Errors on new tasks after adapting, every trial"), meta_figures.scores(result, _), ""
    title = _("Errors after adapting to validation tasks, while training")
    yield title, meta_figures.training_curves(result, _), ""
    about = escape(meta_figures.rates_say(result, _))
    yield _("Query error over adaptation steps"), meta_figures.adaptation(result, _), about
    if result.measure == "errors":
        return
    about = escape(_("Three test curves of the first trial, before and after the number of steps that is set."))
    yield _("Curves before and after adapting"), meta_figures.before_and_after(result, _), about


def drawn(result: Result) -> None:
    meta_figures.order_table(result, ENGLISH)
    if result.measure == "errors":
        meta_figures.held_out_says(result, ENGLISH)
        meta_figures.digit_tasks(result, np.zeros((images_on_disk(result), 28, 28), np.uint8), ENGLISH)


VIEW = TechniqueView(
    card=Card(
        N_("a starting point moves"),
        N_("Training finds weights from which a few steps on a few examples suffice for a new task."),
        svg(
            f'<circle cx="110" cy="62" r="7" fill="{ORANGE}" stroke="none"/>'
            + f'<path d="M30 96C50 92 80 84 102 68" stroke="{GREY}" stroke-dasharray="2 7"/>'
            + arrow(116, 56, 146, 24, GREEN)
            + arrow(120, 62, 176, 60, PINK)
            + arrow(116, 69, 148, 94, SKY)
            + net(156, 14, 10, GREEN)
            + net(190, 60, 10, PINK)
            + net(158, 100, 8, SKY)
        ),
    ),
    drawings=drawings,
    drawn=drawn,
    titles={
        "errors": N_("Errors on new tasks after adapting, every trial"),
        "curves": N_("Errors after adapting to validation tasks, while training"),
    },
    tabs=("cost", "export"),
    words=("support", "query", "inner_step", "maml", "first_order", "pre_training"),
)
