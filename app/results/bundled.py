"""What `assets/` carries, so that the first paint is full: the gallery, logits by class, the recorded Results."""

import json
from functools import cache
from typing import TypedDict

from kd_core.messages import Scalar
from kd_core.paths import part
from kd_core.results.schema import Result
from kd_core.sweeps.study import MapView
from kd_core.techniques import TECHNIQUES

ASSETS = part("assets")


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


class Durations(TypedDict):
    """What default runs took, settings and seconds, on so many workers of a machine of this calibration."""

    created: str
    processor: str
    calibration: float  # seconds, by kd_core.nn.calibration
    workers: int
    runs: dict[str, list[tuple[dict[str, Scalar], float]]]


class RecordedStep(TypedDict):
    """A moment of a real multi-task run: two tasks' gradients, and what steps along their weighted sums did.

    losses, norms: of both tasks; cosine: between their gradients in `parameters` shared weights; change[i][j]:
    how both losses changed after a step of `step_size` with weights[i] and weights[j].
    """

    tasks: list[str]
    losses: list[float]
    norms: list[float]
    cosine: float
    parameters: int
    step_size: float
    weights: list[float]
    change: list[list[list[float]]]
    images: int
    at_step: int


class Errors(TypedDict):
    """Errors per 10,000 with their interval."""

    mean: float
    low: float | None
    high: float | None


class Sweep(TypedDict):
    """Validation errors of two tasks by id over pairs of their `weights`, and of each alone."""

    version: int
    tasks: list[str]
    weights: list[list[float]]
    errors: dict[str, list[Errors]]
    alone: dict[str, Errors]
    seeds: int
    settings: dict[str, Scalar]


class Sinusoids(TypedDict):
    """Two recorded networks 1-40-40-1, and sinusoids to adapt them to.

    maml, joint: [W1, b1, W2, b2, W3, b3]; tasks: amplitude, phase and the x of the given points.
    """

    provenance: dict[str, str]
    maml: list[list[float] | list[list[float]]]
    joint: list[list[float] | list[list[float]]]
    inner_lr: float
    joint_lr: float
    tasks: list[dict[str, float | list[float]]]


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
    """The Result of the technique's default settings, recorded by `make assets`.

    Fields that came after it was recorded are at their defaults, which mean "as before".
    """
    result = Result.model_validate_json((ASSETS / f"recorded-{technique}.json").read_text(encoding="utf-8"))
    settings = TECHNIQUES[technique].settings.parse(result.settings)
    return result.model_copy(update={"settings": settings.model_dump()})


@cache
def all_labels() -> Result:
    """Distillation of students that see all labels, recorded by `make assets`: the summary's second run."""
    return Result.model_validate_json((ASSETS / "recorded-all-labels.json").read_text(encoding="utf-8"))


@cache
def labels_curve() -> LabelsCurve:
    """Transfer's accuracy over labels per class, recorded by `make assets`."""
    curve: LabelsCurve = json.loads((ASSETS / "recorded-transfer-labels.json").read_text(encoding="utf-8"))
    return curve


@cache
def recorded_step() -> RecordedStep:
    """The moment of conflict of the multi-task page, recorded by `make assets`."""
    step: RecordedStep = json.loads((ASSETS / "recorded-multitask-step.json").read_text(encoding="utf-8"))
    return step


@cache
def sweep() -> Sweep:
    """Multi-task learning over the weights of two tasks, recorded by `make assets`."""
    found: Sweep = json.loads((ASSETS / "recorded-multitask-sweep.json").read_text(encoding="utf-8"))
    return found


@cache
def sinusoids() -> Sinusoids:
    """The two networks of the meta-learning page's live part, recorded by `make assets`."""
    found: Sinusoids = json.loads((ASSETS / "recorded-sinusoid.json").read_text(encoding="utf-8"))
    return found


@cache
def recorded_map() -> MapView:
    """The map that its page shows first, recorded by `make assets`."""
    return MapView.model_validate_json((ASSETS / "recorded-map.json").read_text(encoding="utf-8"))


@cache
def durations() -> Durations:
    """What the default run of each technique took when `make assets` was last run."""
    found: Durations = json.loads((ASSETS / "durations.json").read_text(encoding="utf-8"))
    return found
