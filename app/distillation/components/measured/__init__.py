"""What a run would say, before any: the measured errors of both students under the T and α that are set.

The numbers come from the recorded grid and are drawn in the browser; between two measured settings they are
interpolated, and marked so. T and α are the live picture's: a T that is chosen here is asked of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.components import mounted
from app.distillation.grid import BEYOND, WORTH
from kd_core.messages import N_

WORDS = {
    "title": N_("Measured beforehand: the errors at each T and α"),
    "teacher": N_("teacher"),
    "alone": N_("student alone"),
    "distilled": N_("distilled student"),
    "fewer": N_("{points} points fewer errors"),
    "more": N_("{points} points more errors"),
    "unclear": N_("no detectable difference"),
    "interval": N_("95 % interval of the gain: {low} to {high} points"),
    "same": N_("At α = 0 nobody listens to the teacher: both students are the same."),
    "worth": WORTH,
    "beyond": BEYOND,
    "exact": N_("Measured with {seeds} seeds, on {images} validation images of {data}."),
    "between": N_("Between measured settings: interpolated."),
    "outside": N_("Measured from T = {low} to {high}: shown is T = {shown}."),
    "above": N_("Between α = 0 and {least} nothing is measured: shown is α = {least}."),
    "bare": N_("Without T² only T = {temperatures} at α = {alpha} is measured: shown is T = {shown}."),
    "digit": N_("Probability of each digit at T = {T}; of {label}: {told}"),
    "image": N_("A test image of the digit {label}"),
    "nearest": N_("Answers at this T; the students were trained at T = {T}, α = {alpha} (first seed)."),
    "chart": N_("Validation errors over T, as measured"),
    "y": N_("validation errors, %"),
    "temperature": N_("Temperature T"),
}  # fmt: skip

_mount = mounted(__file__, shared=("controls", "svg"))


def measured(
    answers: Mapping[str, Any],
    digits: Sequence[Mapping[str, Any]],
    *,
    temperature: float,
    alpha: float,
    t_squared: bool,
    seeds: int,
    data_name: str,
    colours: Mapping[str, str],
    words: Mapping[str, str],
    key: str,
) -> None:
    """Draw `answers`, as `app.distillation.grid` makes them, at what is set; the live picture's T and α lead.

    digits: two images: "label", "pixels" in base64, "logits" of "teacher", "alone" and, cell by cell, "distilled".
    """
    data: dict[str, Any] = {
        "answers": dict(answers), "digits": [dict(digit) for digit in digits],
        "temperature": temperature, "alpha": alpha, "t_squared": t_squared, "seeds": seeds,
        "data": data_name, "colours": dict(colours), "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data)
