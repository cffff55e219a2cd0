"""What a run says while it works: `Step`s, `Evaluation`s and, exactly once and last, a `Result`.

Everything here is plain and frozen (numbers, strings, tuples), free of torch, and goes to JSON and
back without loss. Errors are counts, never rates: a count out of a known number of images is exact.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from kd_core.messages import Message, Scalar


@dataclass(frozen=True, slots=True)
class Step:
    """One reported training step of one arm.

    stage: "teacher", "soft_targets" or "student"; progress: the share done so far, 0 to 1, of this trial
    or, before the trials, of this stage. How many Steps there are depends on the clock (at least four a
    second), the numbers of a run do not.
    """

    stage: str
    arm: str
    seed: int
    step: int
    steps: int
    loss: float
    progress: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Validation errors of one arm after `epoch` of `epochs` epochs: `errors` out of `size` images."""

    stage: str
    arm: str
    seed: int
    epoch: int
    epochs: int
    errors: int
    size: int


class _Record(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="strings", ser_json_bytes="base64", val_json_bytes="base64"
    )


class Cost(_Record):
    """What one model costs to ship and to ask.

    parameters: count; multiply_adds: for one image; bytes: of the float32 weights;
    latency_ms: median for one image on one thread, in milliseconds, measured in the run.
    """

    parameters: int
    multiply_adds: int
    bytes: int
    latency_ms: float


class Bin(_Record):
    """Test images answered with about the same confidence (the largest probability at T = 1).

    count: how many; confidence: the sum of theirs; correct: how many of them are right.
    """

    count: int
    confidence: float
    correct: int


class ArmTrial(_Record):
    """One arm at one seed.

    curve: (epoch, validation errors) pairs; confusion[true][predicted]: test images;
    mistakes: (index in the test split, answer) of each image it gets wrong; bins: of equal width over
    confidence 0 to 1; gallery_logits: one row of logits for each gallery digit; seconds: training time.
    weights: the network as a safetensors file, in a run's first trial and for networks that are not huge.
    measures: a technique's own numbers, by name; series: such numbers over training, by name.
    A regression (the rotation angle) counts an answer as an error where it is off by more than a stated
    amount: its confusion is over classes of answers, its bins are empty, its gallery_logits rows one number.
    """

    seed: int
    curve: tuple[tuple[int, int], ...]
    test_errors: int
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[tuple[int, int], ...]
    bins: tuple[Bin, ...]
    gallery_logits: tuple[tuple[float, ...], ...]
    seconds: float
    weights: bytes | None = None
    measures: dict[str, float] = {}
    series: dict[str, tuple[float, ...]] = {}


class Interval(_Record):
    """A mean over n values with its two-sided confidence interval; low and high are None at n = 1."""

    mean: float
    low: float | None
    high: float | None
    n: int
    confidence: float

    @property
    def half_width(self) -> float | None:
        """Half the interval's width, or None at n = 1."""
        return None if self.high is None else self.high - self.mean

    def __str__(self) -> str:
        """The mean in whole numbers with its half width, "371 ± 42", or without ± at n = 1."""
        half = self.half_width
        return f"{self.mean:.0f}" + (f" ± {half:.0f}" if half is not None else "")


class Arm(_Record):
    """One thing compared: the labels it saw itself, those behind its teacher, and its trials.

    model: the network, as a person reads it.
    shared: one model serves every trial (a teacher that was trained once), so it has no spread.
    errors_per_10000: test errors per 10,000 images with the interval over its trials.
    """

    name: str
    model: str
    labels: int
    teacher_labels: int | None
    shared: bool
    cost: Cost
    trials: tuple[ArmTrial, ...]
    errors_per_10000: Interval


class Verdict(_Record):
    """The computed answer: how `arm` differs from `baseline` in test accuracy, in points.

    kind: "better", "worse", "undetectable" or "single" (one trial: no interval).
    difference: accuracy(arm) - accuracy(baseline), paired by seed, last epoch.
    text says it, scope says what varied and what did not.
    """

    kind: str
    arm: str
    baseline: str
    difference: Interval
    text: Message
    scope: tuple[Message, ...]


class Dataset(_Record):
    """Which images a run used: name ("MNIST", "UCI digits") and the sizes of its splits."""

    name: str
    train: int
    validation: int
    test: int


class GalleryDigit(_Record):
    """One test image shown beside the numbers: its index in the test split, label and 784 pixels, 0-255.

    answers: where there are several tasks, the truth by task id (a class, or an angle in degrees).
    """

    index: int
    label: int
    pixels: tuple[int, ...]
    answers: dict[str, float] = {}


class Provenance(_Record):
    """Where and when the numbers came from. seconds: wall clock of all trials added up.

    teacher_created: when the teacher was trained, if it was kept from before this run.
    """

    created: str
    seconds: float
    processor: str
    cores: int
    python: str
    torch: str
    teacher_created: str | None = None


class Result(_Record):
    """Everything a finished run leaves: enough to draw every figure and to repeat it.

    verdict: the answer to the run's question; comparisons: further ones, between other pairs of arms.
    """

    technique: str
    version: int
    settings: dict[str, Scalar]
    data: Dataset
    gallery: tuple[GalleryDigit, ...]
    arms: tuple[Arm, ...]
    verdict: Verdict
    notes: tuple[Message, ...]
    provenance: Provenance
    comparisons: tuple[Verdict, ...] = ()

    def arm(self, name: str) -> Arm:
        """The arm called `name`; KeyError names those there are."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise KeyError(f"no arm {name!r}; this result has {[arm.name for arm in self.arms]}")

    def without_timings(self) -> "Result":
        """The same result with every measured time set to 0: equal for equal settings and processor."""
        arms = tuple(
            arm.model_copy(
                update={
                    "cost": arm.cost.model_copy(update={"latency_ms": 0.0}),
                    "trials": tuple(t.model_copy(update={"seconds": 0.0}) for t in arm.trials),
                }
            )
            for arm in self.arms
        )
        changes = {"created": "", "seconds": 0.0, "teacher_created": None}
        provenance = self.provenance.model_copy(update=changes)
        return self.model_copy(update={"arms": arms, "provenance": provenance})


Event = Step | Evaluation | Result
