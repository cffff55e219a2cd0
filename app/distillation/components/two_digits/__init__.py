"""What teacher and students answer to two test digits, under the T and α that are set: recorded logits."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.components import mounted
from kd_core.messages import N_

WORDS = {
    "teacher": N_("teacher"),
    "alone": N_("student alone"),
    "distilled": N_("distilled student"),
    "digit": N_("Probability of each digit at T = {T}; of {label}: {told}"),
    "image": N_("A test image of the digit {label}"),
    "nearest": N_("Answers at this T; the students were trained at T = {T}, α = {alpha} (first seed)."),
}  # fmt: skip

_mount = mounted(__file__, shared=("svg",))


def two_digits(
    digits: Sequence[Mapping[str, Any]],
    temperatures: Sequence[float],
    alphas: Sequence[float],
    *,
    temperature: float,
    alpha: float,
    colours: Mapping[str, str],
    words: Mapping[str, str],
    key: str,
) -> None:
    """Draw the bars of both images at what is set; the live picture's T and α lead.

    digits: "label", "pixels" in base64, "logits" of "teacher", "alone" and, over T and then α but 0, "distilled".
    """
    data: dict[str, Any] = {
        "digits": [dict(digit) for digit in digits], "temperatures": list(temperatures), "alphas": list(alphas),
        "temperature": temperature, "alpha": alpha, "colours": dict(colours), "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data)
