"""What a finished run leaves: frozen records of numbers, strings and tuples, to JSON and back without loss."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field

from kd_core.messages import Message, Scalar
from kd_core.results.numbers import fixed

DIGITS = tuple("0123456789")  # what the classes are called, but for data that a person brought
MEASURED = ("seconds", "megabytes")  # how measures of time and memory begin: they differ from run to run


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

    curve: (epoch, validation errors) pairs, the last on the whole validation split; curve_images: on how many of
    its images the others were counted, None for all; curve_end: the last errors on these, where the curve that is
    drawn ends; confusion[true][predicted]: test images;
    mistakes: (index in the test split, answer) of each image it gets wrong; bins: of equal width over
    confidence 0 to 1; gallery_logits: one row of logits for each gallery digit; seconds: training time.
    weights: the network as a safetensors file, in a run's first trial and for networks that are not huge.
    measures: a technique's own numbers, by name; series: such numbers over steps, by name.
    A regression (the rotation angle) counts an answer as an error where it is off by more than a stated
    amount: its confusion is over classes of answers, its bins are empty, its gallery_logits rows one number.
    Where nothing is classified (`Result.measure` says so), test_errors is 0 and what counts classes is empty.
    """

    seed: int
    curve: tuple[tuple[int, int], ...] = ()
    curve_images: int | None = None
    curve_end: int | None = None
    test_errors: int = 0
    confusion: tuple[tuple[int, ...], ...] = ()
    mistakes: tuple[tuple[int, int], ...] = ()
    bins: tuple[Bin, ...] = ()
    gallery_logits: tuple[tuple[float, ...], ...] = ()
    seconds: float
    weights: bytes | None = None
    measures: dict[str, float] = {}
    series: dict[str, tuple[float, ...]] = {}


class Interval(_Record):
    """A mean over n values with its two-sided confidence interval; low and high are None at n = 1.

    n = 0 says that nothing was measured; the mean is 0 then and means nothing.
    """

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
        """The mean in whole numbers with its half width, "371 ± 42"; without ± at n = 1, "–" at n = 0."""
        if not self.n:
            return "–"
        half = self.half_width
        return fixed(self.mean) + (f" ± {fixed(half)}" if half is not None else "")


NOTHING = Interval(mean=0.0, low=None, high=None, n=0, confidence=0.95)  # nothing was measured


class Arm(_Record):
    """One thing compared: the labels it saw itself, those behind its teacher, and its trials.

    model: the network, as a person reads it.
    shared: one model serves every trial (a teacher that was trained once), so it has no spread.
    errors_per_10000: test errors per 10,000 images with the interval over its trials; n is 0 where nothing is
    classified. score: there, the mean of `Result.measure` with its interval; smaller is better.
    """

    name: str
    model: str
    labels: int
    teacher_labels: int | None
    shared: bool
    cost: Cost
    trials: tuple[ArmTrial, ...]
    errors_per_10000: Interval = NOTHING
    score: Interval | None = None


class Verdict(_Record):
    """The computed answer: how `arm` differs from `baseline` in test accuracy, in points.

    kind: "better", "worse", "undetectable" or "single" (one trial: no interval).
    difference: accuracy(arm) - accuracy(baseline), paired by seed, last epoch; or, of a loss,
    log10(loss(baseline) / loss(arm)), so that 1 is ten times lower.
    text says it, scope says what varied and what did not.
    """

    kind: str
    arm: str
    baseline: str
    difference: Interval
    text: Message
    scope: tuple[Message, ...]


class Dataset(_Record):
    """Which images a run used: name ("MNIST", "UCI digits"), the sizes of its splits, what its classes are called.

    "sinusoids" has no images: its sizes are numbers of tasks. The JSON leaves out the classes of digits.
    """

    name: str
    train: int
    validation: int
    test: int
    classes: tuple[str, ...] = Field(default=DIGITS, exclude_if=lambda classes: classes == DIGITS)

    def called(self, label: int) -> str:
        """The name of a class; its number where it has none, as those of other answers than classes."""
        return self.classes[label] if label < len(self.classes) else str(label)


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
    convolutions: which compiled pass made them (`fastconv.identity`); empty where torch's own did.
    """

    created: str
    seconds: float
    processor: str
    cores: int
    python: str
    torch: str
    teacher_created: str | None = None
    convolutions: str = ""


class Result(_Record):
    """Everything a finished run leaves: enough to draw every figure and to repeat it.

    verdict: the answer to the run's question; comparisons: further ones, between other pairs of arms.
    measure: what the arms are compared by, "errors" (counted out of data.test) or "query loss" (Arm.score).
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
    measure: str = "errors"

    def __hash__(self) -> int:
        """A hash of where it came from: equal Results have the same, and its thousands of numbers stay unread."""
        made = self.provenance
        return hash((self.technique, self.version, made.created, made.seconds, self.verdict.difference.mean))

    def arm(self, name: str) -> Arm:
        """The arm called `name`; KeyError names those there are."""
        for arm in self.arms:
            if arm.name == name:
                return arm
        raise KeyError(f"no arm {name!r}; this result has {[arm.name for arm in self.arms]}")

    def networks(self) -> dict[str, bytes]:
        """Arm -> its first trial's network as a safetensors file, for the arms that have it."""
        return {arm.name: arm.trials[0].weights for arm in self.arms if arm.trials and arm.trials[0].weights}

    def with_trials(self, change: Callable[[Arm, ArmTrial], ArmTrial]) -> "Result":
        """The same result with each arm's trials changed."""
        arms = (
            arm.model_copy(update={"trials": tuple(change(arm, trial) for trial in arm.trials)})
            for arm in self.arms
        )
        return self.model_copy(update={"arms": tuple(arms)})

    def without_networks(self) -> "Result":
        """The same result with no network in it."""
        return self.with_trials(lambda _, trial: trial.model_copy(update={"weights": None}))

    def without_timings(self) -> "Result":
        """The same result with every measured time and memory 0: equal for equal settings and processor."""

        def without(_: Arm, trial: ArmTrial) -> ArmTrial:
            measures = {name: 0.0 if name.startswith(MEASURED) else x for name, x in trial.measures.items()}
            return trial.model_copy(update={"seconds": 0.0, "measures": measures})

        arms = tuple(
            arm.model_copy(update={"cost": arm.cost.model_copy(update={"latency_ms": 0.0})})
            for arm in self.with_trials(without).arms
        )
        changes = {"created": "", "seconds": 0.0, "teacher_created": None}
        provenance = self.provenance.model_copy(update=changes)
        return self.model_copy(update={"arms": arms, "provenance": provenance})
