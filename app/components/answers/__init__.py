"""What every arm of a Result answers to one image of the gallery, softened by T: image and T follow the hand.

The logits come with the Result, so that Python hears of nothing.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.components import mounted
from app.figures.arms import COLOURS, PATTERNS, shown_at_first
from kd_core.messages import N_
from kd_core.results.schema import Result

WORDS = {
    "pick": N_("Choose image"),
    "digit_alt": N_("Image, labelled {label}"),
    "choose": N_("Labelled {label}: number {number} of {count}"),
    "named": N_("{label} (image {index})"),
    "temperature": N_("Answers softened by T"),
    "presets": N_("Quick temperatures"),
    "chart": N_("What every arm answers to this image"),
    "y": N_("probability at T = {t}"),
    "x": N_("class"),
    "point": N_("Point at a class in the chart to see its values."),
    "arms": N_("Arms shown"),
    "table": N_("All values"),
    "save": N_("Save this figure"),
}
# Plotly's patterns, as lines in a square of 8
PATHS = {
    "/": "M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4", "\\": "M-2,6 l4,4 M0,0 l8,8 M6,-2 l4,4",
    "x": "M0,8 l8,-8 M0,0 l8,8", "-": "M0,4 h8", "|": "M4,0 v8", "+": "M0,4 h8 M4,0 v8", ".": "M3,4 h2",
}  # fmt: skip

_mount = mounted(__file__, shared=("controls", "svg"))


def answers(
    result: Result,
    *,
    first: int,
    temperature: float,
    names: Sequence[str],
    form: str,
    words: Mapping[str, str],
    key: str,
) -> None:
    """The bars of p_i = softmax(z / T)_i, averaged over the trials of each arm.

    first, temperature: the place in the gallery and the T to begin with. names: the arms', translated. form: of a
    saved figure, "png" or "svg".
    """
    arms = [
        {"name": name, "colour": COLOURS[arm.name], "pattern": PATHS.get(PATTERNS[arm.name], ""),
         "shown": shown_at_first(number, len(result.arms)) is True, "trials": len(arm.trials),
         "logits": _packed(np.array([trial.gallery_logits for trial in arm.trials], "<f4"))}
        for number, (arm, name) in enumerate(zip(result.arms, names, strict=True))
    ]  # fmt: skip
    digits = [
        {"label": digit.label, "index": digit.index, "pixels": _packed(np.array(digit.pixels, np.uint8))}
        for digit in result.gallery
    ]
    data: dict[str, Any] = {
        "arms": arms, "digits": digits, "first": first, "temperature": temperature, "form": form,
        "classes": list(result.data.classes), "remembered": f"{result.technique} {result.data.name}",
        "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data)


def _packed(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()
