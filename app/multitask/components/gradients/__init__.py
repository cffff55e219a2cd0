"""The live picture of the multi-task page: two task gradients, their weighted sum, and what one step does.

The gradients and the measured changes are recorded; weights, question and answer live in the browser.
Python hears of the weights once a slider is released, and of the guess never.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.components import mounted, released
from app.multitask.bundled import RecordedStep
from kd_core.messages import N_

WORDS = {
    "title_asks": N_("One step for two tasks: what does it do to each?"),
    "title": N_("One step can help one task and hurt the other"),
    # The question, its choices, and its answer.
    "quiz": N_("Guess first"),
    "ask": N_("With weights 1 and 1, will both losses fall?"),
    "guess_both": N_("Both fall"),
    "guess_one": N_("Only one"),
    "guess_none": N_("Neither"),
    "skip": N_("Skip"),
    "again": N_("Ask again"),
    "said_both": N_("You said both."),
    "said_one": N_("You said only one."),
    "said_none": N_("You said neither."),
    "fact": N_("With weights 1 and 1 {told}."),
    "told": N_("{first}, {second}"),
    "fell": N_("the loss of “{task}” falls by {by}"),
    "rose": N_("the loss of “{task}” rises by {by}"),
    "stays": N_("the loss of “{task}” stays"),
    # The plane of the two gradients.
    "plane": N_("Downhill for each task, and the step that is taken"),
    "sum": N_("the step"),
    "both_fall_here": N_("both losses fall here"),
    "picture": N_("Two arrows, downhill for {first} and for {second}, {degrees} degrees apart, and their weighted "
                  "sum"),
    # The sliders.
    "weight": N_("Task weight α{number}, {task}"),
    "value": N_("{value} {share}"),
    "share": N_("· {share} % of the sum"),
    # What the step did.
    "effects": N_("Measured after this one step"),
    "step": N_("step size {size}"),
    "falls": N_("← loss falls"),
    "rises": N_("loss rises →"),
    "from_to": N_("{from} → {to}"),
    "both_fall": N_("Both losses fall."),
    "one_rises": N_("One loss falls, the other rises: the tasks are in conflict."),
    "both_rise": N_("Both losses rise: this step is too long."),
    "no_step": N_("No weights, no step."),
    "note": N_("Recorded: training step {step} of a real run, {images} images; the angle is that between two "
               "gradients in {parameters} shared weights. Bars grow with the square root of the change."),
}  # fmt: skip

_mount = mounted(__file__, shared=("controls", "quiz", "svg"))


def gradients(
    step: RecordedStep,
    *,
    weights: Sequence[float],
    labels: Sequence[str],
    covers: bool | None = None,
    words: Mapping[str, str],
    key: str,
    on_weights: Callable[[tuple[float, float]], object] | None = None,
    talk: bool = False,
) -> None:
    """The recorded moment with both weights on sliders.

    `weights` lead: when they change from one rerun to the next, the sliders follow; while they stay, the
    sliders keep what the person chose. `labels` are the tasks' names. `covers` says whether the outcome is covered
    while a lesson or a talk asks in place of the question; in a `talk` the picture stands alone.
    `on_weights((first, second))` is called before the rerun that a release causes.
    """

    def read(told: Mapping[str, Sequence[float]]) -> tuple[float, float]:
        first, second = map(float, told["weights"])
        return first, second

    data: dict[str, Any] = {
        **step, "labels": list(labels), "covers": covers, "at": list(weights),
        "heard": released(key, "weights")["number"], "talk": talk, "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data, told={"weights": (read, on_weights)})
