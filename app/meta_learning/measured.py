"""What is measured of MAML over its inner step size and steps, on its page; the other starts beside it."""

from functools import cache

from app.components.measured import Answers, Axis, Gain, Line, answer_grid
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.results.grids import grid, losses, ratios, rows
from kd_core.messages import N_
from kd_core.meta_learning.settings import MAML, ORACLE, PRETRAINED, PROBLEMS, MetaSettings
from kd_core.settings.common import SCRATCH

WORDS = {
    "title": N_("Measured beforehand: the query loss at each α and number of inner steps"),
    "chart": N_("Validation loss over the inner step size α, as measured"),
    "y": N_("mean squared error on validation curves, log scale"),
    "exact": N_("Measured with {seeds} seeds, on {images} validation curves in each; geometric means. The other "
                "starts have the step size that is best for them."),
}  # fmt: skip
AGAINST_JOINT = {
    "better": N_("{value} times the loss of joint pre-training"),
    "worse": N_("{value} times the loss of joint pre-training"),
    "unclear": N_("no detectable difference from joint pre-training"),
    "interval": N_("95 % interval of the ratio: {low} to {high}"),
}


@cache
def answers(_: Translate) -> Answers:
    """The grid over the inner step size and the steps, which are trained for and compared after."""
    recorded = grid("meta_learning")
    rates, steps = recorded["axes"].values()
    arms = recorded["arms"]
    flat = {arm: arms[arm] * len(rates) for arm in (SCRATCH, PRETRAINED, ORACLE)}
    lines = [Line(_(arm), COLOURS[arm], rows(losses(cells, recorded), len(steps)), dashed=True, is_flat=True)
             for arm, cells in flat.items()]  # fmt: skip
    maml = Line(_(MAML), COLOURS[MAML], rows(losses(arms[MAML], recorded), len(steps)))
    against = ratios(arms[MAML], flat[PRETRAINED], recorded)
    return Answers(
        (Axis(("inner_lr",), "α = {value}", _("Inner step size α"), rates, log=True),
         Axis(("inner_steps",), _("inner steps = {value}", value="{value}"), "", steps, log=True)),
        [*lines, maml],
        [Gain(rows(against, len(steps)), {name: _(text) for name, text in AGAINST_JOINT.items()}, ratio=True)],
        recorded["seeds"], recorded["images"], _(recorded["data"]), log=True,
    )  # fmt: skip


def answer_measured(settings: MetaSettings, _: Translate) -> None:
    """The measured losses of the starts at these settings, where the tasks are those of the grid."""
    answer_grid(
        answers, settings, {"problem": PROBLEMS}, _, words=WORDS, varied=("inner_lr", "inner_steps"),
        observed=("inner_steps",), own=("inner_lr",),
    )  # fmt: skip
