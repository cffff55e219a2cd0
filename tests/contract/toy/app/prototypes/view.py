"""How it is shown in the overview, in reports and in the history."""

from collections.abc import Iterable

from app.figures import arms
from app.history.drawable import answers
from app.i18n.text import Translate
from app.overview.pictures import BLUE, net, svg
from app.reports.drawings import counted
from app.techniques import Card, Drawing, TechniqueView
from kd_core.messages import N_
from kd_core.results.schema import Result


def drawings(result: Result, _: Translate) -> Iterable[Drawing]:
    """The pictures of the report."""
    yield _("Errors on the test set, every trial"), arms.errors_by_arm(result, _), ""
    yield from counted(result, _)


VIEW = TechniqueView(
    card=Card(
        N_("means are kept"), N_("The mean of a few images stands for its class."), svg(net(60, 55, 32, BLUE))
    ),
    drawings=drawings,
    drawn=answers,
)
