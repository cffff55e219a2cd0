"""Prototypes as a talk."""

from app.figures import arms
from app.i18n.text import Translate
from app.results.chart import chart
from app.talks.model import Stage, Step
from kd_core.messages import N_


def _errors(stage: Stage, _: Translate) -> None:
    chart(arms.errors_by_arm(stage.result, _), "errors", _("Errors on the test set, every trial"))


STEPS = (
    Step(
        N_("Is a mean enough?"),
        N_("Run compares means with always saying the most frequent class."),
        _errors,
        lambda stage, _: _("Which of both errs less?"),
        lambda stage, _: _(stage.result.verdict.text),
        runs=True,
        notes=N_("Say that both saw the same images. Let the room guess, and then read the answer."),
        until=10,
    ),
)
