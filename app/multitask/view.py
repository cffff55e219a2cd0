"""View of multi-task learning: overview card, report figures, the check of imported results, titles, tabs."""

from collections.abc import Iterable
from html import escape

from app.figures import arms
from app.history.drawable import ENGLISH
from app.i18n.text import Translate
from app.multitask import figures as multitask_figures
from app.overview.pictures import BLUE, GREEN, PINK, SKY, arrow, net, svg
from app.techniques import Card, Drawing, TechniqueView
from kd_core.messages import N_
from kd_core.results.schema import Result


def drawings(result: Result, _: Translate) -> Iterable[Drawing]:
    yield _("Errors on the test set, every trial"), arms.errors_by_arm(result, _), ""
    title = _("Cosine between the tasks' gradients while training")
    about = multitask_figures.conflict_says(result, _).replace("*", "")  # without Markdown's stars
    yield title, multitask_figures.conflict(result, _), escape(about)
    curves = multitask_figures.curves_by_task(result, _)
    yield _("Errors on the validation set while training"), curves, ""
    yield _("Cosine between the tasks' gradients by layer"), multitask_figures.by_layer(result, _), ""


def drawn(result: Result) -> None:
    multitask_figures.in_short(result, ENGLISH)
    multitask_figures.samples(result, ENGLISH)
    for series in ("norm", "loss", "weight"):
        multitask_figures.small_multiples(result, series, "", ENGLISH)


VIEW = TechniqueView(
    card=Card(
        N_("a body is shared"),
        N_("One body, several heads: tasks learn together, and sometimes pull against each other."),
        svg(
            net(60, 55, 32, BLUE)
            + arrow(96, 44, 150, 20, GREEN)
            + arrow(98, 55, 150, 55, PINK)
            + arrow(96, 66, 150, 90, SKY)
            + net(168, 16, 12, GREEN)
            + net(168, 55, 12, PINK)
            + net(168, 94, 12, SKY)
        ),
    ),
    drawings=drawings,
    drawn=drawn,
    further=lambda told: N_("The other task, and fairer comparisons"),
    tabs=("cost", "export"),
    words=("body", "task_weight", "conflict", "pcgrad", "uncertainty"),
)
