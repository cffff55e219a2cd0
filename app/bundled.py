"""What `assets/` carries, so that the first paint is full: the gallery, logits by class, the recorded Results."""

import json
from functools import cache
from pathlib import Path
from typing import TypedDict

from kd_core.events import Result

ASSETS = Path(__file__).parent.parent / "assets"


class Digit(TypedDict):
    """One real test digit: its index in MNIST's test set, label, 784 pixels in base64, the teacher's logits."""

    index: int
    label: int
    pixels: str
    logits: list[float]


@cache
def gallery() -> list[Digit]:
    """The gallery with the bundled teacher's logits."""
    digits: list[Digit] = json.loads((ASSETS / "gallery.json").read_text(encoding="utf-8"))["digits"]
    return digits


@cache
def class_logits() -> list[list[list[float]]]:
    """The bundled teacher's logits of validation images, as [label][image][digit], rounded to 0.01."""
    logits: list[list[list[float]]] = json.loads((ASSETS / "classes.json").read_text(encoding="utf-8"))["logits"]
    return logits


@cache
def recorded(technique: str) -> Result:
    """The Result of the technique's default settings, recorded by `make assets`."""
    return Result.model_validate_json((ASSETS / f"recorded-{technique}.json").read_text(encoding="utf-8"))
