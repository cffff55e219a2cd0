"""What T² does to the gradient: the lengths of its parts over T, and at the T that is set, under the hand.

The curves come with the Result; what moves with T and α moves in the browser. A T that is chosen here is the live
picture's: it hears of it, and tells Python.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.components import mounted
from kd_core.messages import N_

WORDS = {
    "about": N_("Each of the teacher's probabilities moves a logit by its difference over T, and at high T the "
                "differences themselves shrink like 1/T: without T² the soft part of the gradient vanishes like "
                "1/T². T² keeps it, but does not make it equal to the hard part."),
    "acts": N_("Leaving T² out at T = {t} turns α = {alpha} into about {acts}: α′ = α / (α + (1 − α) T²)."),
    "weighted": N_("Weighted by α = {alpha}, the soft part is {with} times as long as the hard one at T = {t}; "
                   "without T² {without} times."),
    "only_soft": N_("At α = 1 there is no hard part to weigh it against."),
    "only_hard": N_("At α = 0 there is no soft part at all."),
    "temperature": N_("Temperature T"),
    "drag": N_("Drag T here or in the picture: it is the same T as above."),
    "chart": N_("Length of the gradient's parts over T"),
    "length": N_("length at T = {t}"),
    "y": N_("gradient length (log scale)"),
    "soft": N_("soft, with T²"),
    "bare": N_("soft, without T²"),
    "hard": N_("hard (labels)"),
    "limit": N_("matching logits (T → ∞)"),
    "save": N_("Save this figure"),
}  # fmt: skip

_mount = mounted(__file__, shared=("controls", "svg"))


def t_squared(
    temperatures: Sequence[float],
    lengths: Mapping[str, Sequence[float]],
    *,
    temperature: float,
    alpha: float,
    colours: Mapping[str, str],
    form: str,
    words: Mapping[str, str],
    key: str,
) -> None:
    """The curves `lengths` ("soft", "bare", "hard", "limit") at `temperatures`, and their values at the set T.

    temperature, alpha: what is set; the live picture's, where the page has it, leads. form: of a saved figure,
    "png" or "svg".
    """
    data: dict[str, Any] = {
        "temperatures": _short(temperatures), "lengths": {name: _short(curve) for name, curve in lengths.items()},
        "temperature": temperature, "alpha": alpha, "colours": dict(colours), "form": form,
        "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data)


def _short(numbers: Sequence[float]) -> list[float]:
    return [float(f"{number:.5g}") for number in numbers]
