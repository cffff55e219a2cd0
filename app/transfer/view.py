"""View of transfer learning: overview card, report figures, the check of imported results, titles, tabs."""

from collections.abc import Iterable

from app.history.drawable import answers
from app.i18n.text import Translate
from app.overview.pictures import BLUE, ORANGE, arrow, net, svg
from app.reports.drawings import counted, training
from app.techniques import Card, Drawing, TechniqueView
from app.transfer import figures as transfer_figures
from kd_core.messages import N_
from kd_core.results.schema import Result


def drawings(result: Result, _: Translate) -> Iterable[Drawing]:
    yield from training(result, _)
    if transfer_figures.distances(result):
        yield _("How far each layer has moved"), transfer_figures.distance_by_layer(result, _), ""
    if transfer_figures.gains_and_losses(result):
        title = _("Gain on the target against errors on the source")
        yield title, transfer_figures.forgetting(result, _), ""
    yield from counted(result, _)


VIEW = TechniqueView(
    card=Card(
        N_("weights move"),
        N_("A network trained on one task starts the next with what it knows, frozen or fine-tuned."),
        svg(
            net(46, 55, 30, BLUE)
            + arrow(86, 55, 134, 55)
            + net(172, 55, 30, ORANGE)
            + "".join(f'<path d="M{x} 40v30M{x + 12} 40v30" stroke="{BLUE}"/>' for x in (34, 160))
            + f'<path d="M184 40v30" stroke="{ORANGE}"/>'
        ),
    ),
    drawings=drawings,
    drawn=answers,
    words=("source", "fine_tuning", "extraction", "l2_sp", "negative"),
)
