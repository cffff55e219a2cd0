"""What `assets/` carries, so that the first paint is full: the gallery, logits by class, the recorded Results."""

import json
from functools import cache
from pathlib import Path
from typing import TypedDict

from kd_core.events import Result
from kd_core.messages import Scalar

ASSETS = Path(__file__).parent.parent / "assets"


class Digit(TypedDict):
    """One real test digit: its index in MNIST's test set, label, 784 pixels in base64, the teacher's logits."""

    index: int
    label: int
    pixels: str
    logits: list[float]


class Column(TypedDict):
    """Test errors per 10,000 images of one arm at each number of labels: mean and interval (None: one trial)."""

    mean: list[float]
    low: list[float | None]
    high: list[float | None]


class Gain(TypedDict):
    """Accuracy of fine-tuning above from scratch at one number of labels, in points; kind as of a `Verdict`."""

    points: float
    low: float | None
    high: float | None
    kind: str


class LabelsCurve(TypedDict):
    """Transfer's recorded Results over `labels` a class, defaults otherwise; `settings` has those defaults."""

    created: str
    processor: str
    torch: str
    version: int
    settings: dict[str, Scalar]
    data: str
    source: str
    source_labels: int
    seeds: int
    confidence: float
    labels: list[int]
    arms: dict[str, Column]
    gain: list[Gain]


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


@cache
def labels_curve() -> LabelsCurve:
    """Transfer's accuracy over labels a class, recorded by `make assets`."""
    curve: LabelsCurve = json.loads((ASSETS / "recorded-transfer-labels.json").read_text(encoding="utf-8"))
    return curve
