"""What is measured of transfer at λ and labels, on its page: L2-SP beside the other arms."""

from functools import cache

from app.components.measured import FEWER, Answers, Axis, Gain, Line, answer_grid
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.results.grids import Cells, fewer, grid, percent, rows
from kd_core.messages import N_
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import ANCHORED, FROZEN, NETWORKS, TASKS, TUNED, TransferSettings

WORDS = {
    "title": N_("Measured beforehand: the errors at each λ and number of labels"),
    "chart": N_("Validation errors over λ, as measured"),
    "y": N_("validation errors, %"),
}
AGAINST = {
    SCRATCH: {
        "better": N_("{value} points fewer errors than from scratch"),
        "worse": N_("{value} points more errors than from scratch"),
        "unclear": N_("no detectable difference from scratch"),
    },
    TUNED: {
        "better": N_("{value} points fewer errors than fine-tuning"),
        "worse": N_("{value} points more errors than fine-tuning"),
        "unclear": N_("no detectable difference from fine-tuning"),
        "same": N_("At λ = 0 nothing pulls: this is fine-tuning."),
    },
}


@cache
def answers(_: Translate) -> Answers:
    """The grid over λ, with fine-tuning as λ = 0, and labels per class."""
    recorded = grid("transfer")
    lams, labels = [0.0, *recorded["axes"]["lam"]], recorded["axes"]["labels_per_class"]
    arms = recorded["arms"]
    pulled: Cells = [*arms[TUNED], *arms[ANCHORED]]
    stops = [float(mark) for mark in TransferSettings.specs()["lam"].marks]

    def line(arm: str, cells: Cells, dashed: bool = True) -> Line:
        return Line(_(arm), COLOURS[arm], rows(percent(cells, recorded), len(labels)), dashed, is_flat=dashed)

    return Answers(
        (Axis(("lam",), "λ = {value}", _("Pull to the old weights λ"), lams, log=True, stops=stops),
         Axis(("labels_per_class",), _("labels per class = {value}", value="{value}"), "", labels, log=True)),
        (*(line(arm, arms[arm] * len(lams)) for arm in (SCRATCH, FROZEN, TUNED)), line(ANCHORED, pulled, False)),
        [Gain(rows(fewer(pulled, arms[arm] * len(lams), recorded), len(labels)),
              {name: _(text) for name, text in {**FEWER, **said}.items()}) for arm, said in AGAINST.items()],
        recorded["seeds"], recorded["images"], _(recorded["data"]), steady=False,
    )  # fmt: skip


def answer_measured(settings: TransferSettings, _: Translate) -> None:
    """The measured errors of the arms at these settings, where the grid has this task and network."""
    answer_grid(
        answers, settings, {"task": TASKS, "network": NETWORKS}, _, words=WORDS, observed=("lam",), own=("lam",),
        varied=("lam", "labels_per_class", "fresh_source"),
    )  # fmt: skip
