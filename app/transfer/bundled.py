"""What `assets/` carries for the transfer page: accuracy over labels per class."""

import json
from functools import cache
from typing import TypedDict

from app.results.bundled import ASSETS
from kd_core.messages import Scalar


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
def recorded_curve() -> LabelsCurve:
    """Transfer's accuracy over labels per class, recorded by `make assets`."""
    curve: LabelsCurve = json.loads((ASSETS / "recorded-transfer-labels.json").read_text(encoding="utf-8"))
    return curve
