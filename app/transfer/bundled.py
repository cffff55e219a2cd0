"""What `assets/` carries for the transfer page: accuracy over labels per class, distances over λ."""

from functools import cache
from typing import TypedDict

from app.results.bundled import Recorded, asset


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


class LabelsCurve(Recorded):
    """Transfer's recorded Results over `labels` a class, defaults otherwise; `settings` has those defaults."""

    source: str
    source_labels: int
    seeds: int
    confidence: float
    labels: list[int]
    arms: dict[str, Column]
    gain: list[Gain]


class LambdaMap(Recorded):
    """How far L2-SP lets each layer move, by λ, recorded at the defaults: `distance[place of λ][layer]` is a mean
    over `seeds` trials; `settings` has the defaults but for λ."""

    seeds: int
    lams: list[float]
    distance: list[list[float]]


@cache
def recorded_curve() -> LabelsCurve:
    """Transfer's accuracy over labels per class, recorded by `make assets`."""
    curve: LabelsCurve = asset("recorded-transfer-labels.json")
    return curve


@cache
def lambda_map() -> LambdaMap:
    """The recorded distances by layer and λ."""
    found: LambdaMap = asset("recorded-transfer-lambda.json")
    return found
