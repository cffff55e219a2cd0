"""What is measured of two tasks over the share of their weights, on their page; each alone beside it."""

from functools import cache

from app.components.measured import FEWER, Answers, Axis, Gain, Line, answer_grid
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.results.grids import fewer, grid, percent, rows
from kd_core.messages import N_
from kd_core.multitask.settings import (
    JOINT,
    TASK_ALONE,
    TASK_LABELS,
    TASK_SETS,
    WEIGHTINGS,
    MultitaskSettings,
    arm_of,
)

WORDS = {
    "title": N_("Measured beforehand: the errors at each ratio of the weights"),
    "chart": N_("Validation errors of both tasks over the weight of the first, as measured"),
    "y": N_("validation errors, %"),
    "exact": N_("Measured with {seeds} seeds, on {images} validation images of {data}, weights adding up to 2: "
                "with Adam only their ratio counts."),
}  # fmt: skip
AGAINST_ALONE = {
    "better": N_("{task}: {value} points fewer errors than alone"),
    "worse": N_("{task}: {value} points more errors than alone"),
    "unclear": N_("{task}: no detectable difference from alone"),
    "interval": FEWER["interval"],
}


@cache
def answers(_: Translate) -> Answers:
    """The grid over the first task's weight, both adding up to 2. Next to one task alone nothing is read."""
    recorded = grid("multitask")
    tasks, (marks,) = ("left", "right"), recorded["axes"].values()
    name = {task: _(TASK_LABELS[task]) for task in tasks}
    lines, gains = [], []
    for task in tasks:
        joint, alone = (arm_of(task, scheme) for scheme in (JOINT, TASK_ALONE))
        cells, flat = recorded["arms"][joint], recorded["arms"][alone] * len(marks)
        lines += [
            Line(_(joint), COLOURS[joint], rows(percent(cells, recorded), 1)),
            Line(_(alone), COLOURS[alone], rows(percent(flat, recorded), 1), dashed=True, is_flat=True),
        ]
        words = {key: _(text).replace("{task}", name[task]) for key, text in AGAINST_ALONE.items()}
        gains.append(Gain(rows(fewer(cells, flat, recorded), 1), words))
    label = _("weight of “{task}”; both add up to 2", task=name["left"])
    last = len(marks) - 1
    axis = Axis(("weight_left", "weight_right"), "α₁ : α₂ = {value} : {rest}", label, marks,
                gaps=((0, 1), (last - 1, last - 1)), step=0.1)  # fmt: skip
    return Answers((axis,), lines, gains, recorded["seeds"], recorded["images"], _(recorded["data"]))


def answer_measured(settings: MultitaskSettings, _: Translate) -> None:
    """The measured errors of both tasks at these weights, where the grid has these tasks and this weighting."""
    answer_grid(
        answers, settings, {"tasks": TASK_SETS, "weighting": WEIGHTINGS}, _, words=WORDS,
        varied=("weight_left", "weight_right"),
    )  # fmt: skip
