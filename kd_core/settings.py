"""Settings: what a person may choose. One frozen model a technique, and the only place that says
what a field is called, what it may be and what it means: widgets, URL, command line, JSON, validation
and docs are read off these models. No torch here: the web process imports this.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from kd_core.messages import N_, Message, Problem, Scalar, message


def field(
    default: Scalar,
    *,
    label: str,
    help: str,
    symbol: str = "",
    unit: str = "",
    ge: float | None = None,
    le: float | None = None,
    step: float | None = None,
    log: bool = False,
    more: bool = False,
    later: bool = False,
    choices: Mapping[str, str] | None = None,
    marks: Mapping[float, str] | None = None,
) -> Any:
    """A field with what a control, a parser and a reader need to know of it.

    log: its range spans orders of magnitude, so it is typed, not slid; more: kept behind "More".
    later: it came when results were kept already. At its default it is left out of their hash, so they stay
    the answer to the settings that they were made with; the default must then mean "as before".
    choices: value -> label, for a `Literal` field. marks: value -> what it means (or ""), for a slider that
    stops at these values only; any other allowed value is still valid.
    """
    extra: dict[str, Any] = dict(symbol=symbol, unit=unit, step=step, log=log, more=more, later=later)
    extra |= {"choices": dict(choices or {}), "marks": {str(at): text for at, text in (marks or {}).items()}}
    return Field(default, ge=ge, le=le, title=label, description=help, json_schema_extra=extra)


@dataclass(frozen=True)
class Spec:
    """What is known of one field: read off the Settings class `owner` by its `specs`."""

    owner: "type[Settings]"
    name: str
    kind: type
    default: Scalar
    label: str
    help: str
    symbol: str
    unit: str
    low: float | None
    high: float | None
    step: float | None
    log: bool
    more: bool
    later: bool
    choices: Mapping[str, str]
    marks: Mapping[str, str]

    @property
    def allowed(self) -> Message:
        """The values allowed, as a person writes them: "0.5 to 50" or "all, same"."""
        if self.choices:
            return message("one of {choices}", choices=", ".join(self.choices))
        if self.kind is bool:
            return message("one of {choices}", choices="true, false")
        low, high = written(self.low), written(self.high)
        if self.kind is int:
            return message("a whole number from {low} to {high}", low=low, high=high)
        return message("{low} to {high}", low=low, high=high)

    def written(self, value: Scalar) -> str:
        """A value as a person reads it, to be translated: a choice's label, "on", 0.5."""
        if self.choices:
            return self.choices.get(str(value), str(value))
        if isinstance(value, bool):
            return N_("on") if value else N_("off")
        return written(value)


def written(value: Scalar | None) -> str:
    """A value as people, the address and the command line write it: 8, 0.5, 0.555, 1e-05, true, mlp300.

    A number is written whole: read again, it is the same.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


# How a number is written; Python itself would take "1_0" for 10.
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


WHOLE = ""  # the one part of a trial that is not divided


class Settings(BaseModel):
    """Base of every technique's settings: frozen, no unknown fields, no NaN or infinity.

    stages: what a run goes through, as its events name it, with the words that a person reads. The last is
    what the trials do; those before it make the preparation, each about `shares` of its time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    technique: ClassVar[str]
    module: ClassVar[str]
    stages: ClassVar[Mapping[str, str]]
    shares: ClassVar[Mapping[str, float]]

    @classmethod
    def specs(cls) -> dict[str, Spec]:
        """Every field's `Spec` by name, in the order of the class."""
        return dict(_specs(cls))

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "settings") -> Self:
        """Settings from raw values (strings are read as numbers); `source` says where they came from.

        Raises Problem naming the field, the value given, the values allowed and the source.
        """
        specs = cls.specs()
        for name, value in values.items():
            kind = specs[name].kind if name in specs else None
            if isinstance(value, bool) and kind not in (None, bool):  # pydantic would take true for 1
                raise cls._not_allowed(name, written(value), source)
            if isinstance(value, str) and kind in (int, float) and not _NUMBER.fullmatch(value):
                raise cls._not_allowed(name, value, source)
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise cls._problem(error, source) from None

    @classmethod
    def parse_json(cls, text: str | bytes, source: str = "JSON") -> Self:
        """Settings from a JSON object. Raises Problem, also for text that is no JSON object."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise Problem(
                N_("{source}: this is not a JSON object of settings; write for example {example}."),
                source=source,
                example='{"temperature": 4}',
            )
        return cls.parse(values, source)

    @classmethod
    def _problem(cls, error: ValidationError, source: str) -> Problem:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            return Problem(
                N_("{source}: there is no setting called {name}; there are {known}."),
                source=source,
                name=name[:60],
                known=", ".join(cls.model_fields),
            )
        return cls._not_allowed(name, str(first["input"]), source)

    @classmethod
    def _not_allowed(cls, name: str, given: str, source: str) -> Problem:
        return Problem(
            N_("{source}: {name} = {given} is not allowed; it must be {allowed}."),
            source=source,
            name=name,
            given=given[:60],
            allowed=cls.specs()[name].allowed,
        )

    @property
    def trial_seeds(self) -> range:
        """The seed of each trial, read off the fields `seed`, the first, and `seeds`, how many."""
        first, trials = getattr(self, "seed", 0), getattr(self, "seeds", 1)
        return range(first, first + trials)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of a trial that need nothing of one another, so that several workers may share it."""
        return (WHOLE,)

    @property
    def unprepared(self) -> tuple[str, ...]:
        """Those of the parts that need nothing of the preparation either, and are trained beside it."""
        return ()

    @property
    def convolves(self) -> bool:
        """Whether the article's networks do most of the work: `machine.resolved` goes by it."""
        return False

    @property
    def effort(self) -> float:
        """About how many images (or tasks) the run trains on, each counted as often as it is seen."""
        return float(len(self.trial_seeds))

    @property
    def idle(self) -> frozenset[str]:
        """The fields that change nothing in the arm a run's question is about, as the others are set."""
        return frozenset()

    @property
    def experiment(self) -> str:
        """The same for settings that differ in `idle` fields only: their main arm comes out the same."""
        return json.dumps(self.model_dump(exclude=set(self.idle)), sort_keys=True)

    def key(self, version: int, data: str) -> str:
        """The hash under which a Result of these settings is kept: technique, result version, data, fields.

        Raises ValueError while a field is still "auto": what that means differs from machine to machine.
        """
        return self._hash(version, data, self.model_dump())

    def trials_key(self, version: int, data: str) -> str:
        """The hash under which a trial of these settings is kept: as `key`, without which seeds there are."""
        return self._hash(version, data, self.model_dump(exclude={"seed", "seeds"}))

    def _hash(self, version: int, data: str, fields: dict[str, Any]) -> str:
        if "auto" in fields.values():
            raise ValueError("settings must be resolved before they are hashed; a field is still 'auto'")
        specs = self.specs()
        counted = {n: v for n, v in fields.items() if not (specs[n].later and v == specs[n].default)}
        record = {**counted, "": [self.technique, version, data]}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


@cache
def _specs(owner: type[Settings]) -> dict[str, Spec]:
    """Read off a class once: pages and estimates ask hundreds of times."""
    return {name: _spec(owner, name, info) for name, info in owner.model_fields.items()}


def _spec(owner: type[Settings], name: str, info: FieldInfo) -> Spec:
    plain: dict[str, Any] = dict(
        symbol="", unit="", step=None, log=False, more=False, later=False, choices={}, marks={}
    )
    extra: Any = plain | dict(info.json_schema_extra or {})  # type: ignore[arg-type]
    kind: Any = info.annotation
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None)
    kind = type(get_args(kind)[0]) if get_args(kind) else kind
    return Spec(
        owner=owner, name=name, kind=kind, default=info.default, label=info.title or name,
        help=info.description or "", low=low, high=high, **extra,
    )  # fmt: skip


STUDENTS = {
    "article": N_("article's CNN (16-32-32)"),
    "mlp30": N_("two layers of 30"),
    "mlp300": N_("two layers of 300"),
    "mlp800": N_("two layers of 800"),
}
TEACHERS = {
    "article": N_("article's CNN (32-64-64)"),
    "mlp1200": N_("two layers of 1200, dropout"),
    "jittered": N_("two layers of 1200, dropout, moved images"),
}
SCHEDULES = {"constant": N_("constant"), "one_cycle": N_("up, then down to 0 (one cycle)")}
LEFT_OUT = {"none": N_("none"), "3": N_("the 3"), "all_but_7_8": N_("all but 7 and 8")}
DIGITS_LEFT_OUT: dict[str, tuple[int, ...]] = {"none": (), "3": (3,), "all_but_7_8": (0, 1, 2, 3, 4, 5, 6, 9)}
SHIFTS = tuple(step / 10 for step in range(151))  # of the left-out digits' biases, as a run measures them


# The arms of a distillation run, by the names that its events, Result and figures use.
TEACHER, ALONE, DISTILLED = N_("teacher"), N_("student alone"), N_("distilled student")
# Its controls: what else could explain the gain.
SMOOTHED, SHUFFLED = N_("label smoothing"), N_("shuffled soft targets")
EQUAL_TEACHER, EQUAL = N_("teacher, same labels"), N_("distilled, same labels")
BUGGED = N_("distilled with a bug")

# Well-known bugs of distillation code; `kd_core.bugs` has each as a few lines.
BUGS = {
    "none": N_("none"),
    "no_t_squared": N_("T² forgotten"),
    "mean": N_("mean instead of batchmean"),
    "reversed": N_("KL the wrong way round"),
    "training_mode": N_("teacher in training mode"),
    "shuffled": N_("logits of other images"),
    "double_softmax": N_("softmax taken twice"),
}

METHODS = {
    "logits": N_("soft targets (Hinton)"),
    "decoupled": N_("decoupled soft targets (DKD)"),
    "attention": N_("soft targets + attention maps"),
    "hints": N_("soft targets + hints (FitNets)"),
}


class DistillationSettings(Settings):
    """What a distillation run may vary. L = α T² KL(p_teacher ‖ p_student) + (1 - α) CE(labels)."""

    technique: ClassVar[str] = "distillation"
    module: ClassVar[str] = "kd_core.distillation"
    stages: ClassVar[Mapping[str, str]] = {
        "teacher": N_("1 · Train the teacher"),
        "soft_targets": N_("2 · Make soft targets"),
        "student": N_("3 · Train the students"),
    }
    shares: ClassVar[Mapping[str, float]] = {"teacher": 0.9, "soft_targets": 0.1}

    temperature: float = field(
        4.0, ge=0.5, le=50, step=0.5, log=True, symbol="T", label=N_("Temperature T"),
        help=N_("Divides the logits before the softmax: 1 leaves them as they are, more softens them."),
    )  # fmt: skip
    alpha: float = field(
        0.9, ge=0, le=1, step=0.05, symbol="α", label=N_("Teacher weight α"),
        help=N_("The teacher's share of the loss; the rest is the labels' share."),
    )  # fmt: skip
    train_size: int = field(
        500, ge=50, le=55_000, step=50, log=True, label=N_("Labelled images"),
        help=N_("How many labelled images each student sees; drawn anew for each seed."),
    )  # fmt: skip
    student: Literal["article", "mlp30", "mlp300", "mlp800"] = field(
        "article", choices=STUDENTS, label=N_("Student"), help=N_("The small network."),
    )  # fmt: skip
    teacher_data: Literal["all", "same"] = field(
        "all", more=True, label=N_("Teacher's labels"),
        choices={"all": N_("all training images"), "same": N_("the same as the student")},
        help=N_("Which labels the teacher was trained on: all there are, or only the student's own."),
    )  # fmt: skip
    t_squared: bool = field(
        True, more=True, label=N_("T² in the loss"),
        help=N_("Without it the teacher's part of the gradient vanishes like 1/T² as T grows."),
    )  # fmt: skip
    arm_smoothing: bool = field(
        False, more=True, label=N_("Control: label smoothing"),
        help=N_("One more student: targets as soft as the teacher's on average, all wrong digits alike."),
    )  # fmt: skip
    arm_shuffled: bool = field(
        False, more=True, label=N_("Control: shuffled soft targets"),
        help=N_("One more student; its teacher's probabilities for the wrong digits are shuffled, image by image."),
    )  # fmt: skip
    arm_same_labels: bool = field(
        False, more=True, label=N_("Control: teacher with the same labels"),
        help=N_("One more teacher that sees the student's labels only, and one more student distilled from it."),
    )  # fmt: skip
    method: Literal["logits", "decoupled", "attention", "hints"] = field(
        "logits", choices=METHODS, more=True, label=N_("What is taught"),
        help=N_("The teacher's softened answers alone, or something from its inner layers as well."),
    )  # fmt: skip
    method_weight: float = field(
        1.0, ge=0, le=1000, step=0.5, more=True, log=True, symbol="β", label=N_("Method's weight β"),
        help=N_("Weight of the term that a further method adds; it has no effect with soft targets alone."),
    )  # fmt: skip
    bug: Literal["none", "no_t_squared", "mean", "reversed", "training_mode", "shuffled", "double_softmax"] = field(
        "none", choices=BUGS, more=True, later=True, label=N_("Arm with a bug"),
        help=N_("One more student, distilled with a well-known bug: see the page “Conventions and bugs”."),
    )  # fmt: skip
    epochs: int = field(
        30, ge=1, le=200, step=1, more=True, label=N_("Epochs"),
        help=N_("How often each student sees its images."),
    )  # fmt: skip
    left_out: Literal["none", "3", "all_but_7_8"] = field(
        "none", choices=LEFT_OUT, more=True, later=True, label=N_("Digits left out"),
        help=N_("Digits that no student is shown: it can know them from the teacher's soft targets alone."),
    )  # fmt: skip
    schedule: Literal["constant", "one_cycle"] = field(
        "constant", choices=SCHEDULES, more=True, later=True, label=N_("Learning rate over time"),
        help=N_("The students' learning rate: constant, or up in the first 30 % of the steps and then down to 0."),
    )  # fmt: skip
    seeds: int = field(
        5, ge=1, le=20, step=1, more=True, label=N_("Seeds"),
        help=N_("How many independent trials; each sets weights, order and the labelled images."),
    )  # fmt: skip
    batch_size: int = field(
        64, ge=8, le=1024, step=8, more=True, log=True, unit=N_("images"), label=N_("Batch size"),
        help=N_("Images in one training step."),
    )  # fmt: skip
    learning_rate: float = field(
        0.002, ge=1e-5, le=0.1, step=0.0005, more=True, log=True, label=N_("Learning rate"),
        help=N_("Adam's step size."),
    )  # fmt: skip
    seed: int = field(
        0, ge=0, le=1_000_000, step=1, more=True, log=True, label=N_("First seed"),
        help=N_("The trials use this seed and those that follow it."),
    )  # fmt: skip
    teacher: Literal["article", "mlp1200", "jittered"] = field(
        "article", choices=TEACHERS, more=True, label=N_("Teacher"), help=N_("The large network."),
    )  # fmt: skip
    teacher_epochs: int = field(
        5, ge=1, le=100, step=1, more=True, label=N_("Teacher's epochs"),
        help=N_(
            "How often a teacher trained on all labels sees them; any other teacher trains as long as the student."
        ),
    )  # fmt: skip
    fresh_teacher: bool = field(
        False, more=True, label=N_("Train the teacher live"),
        help=N_("Train the teacher in this run even if one with these settings is kept."),
    )  # fmt: skip
    precision: Literal["auto", "float32", "bfloat16"] = field(
        "auto", more=True, label=N_("Arithmetic"),
        choices={"auto": N_("fastest here"), "float32": "float32", "bfloat16": "bfloat16"},
        help=N_("bfloat16 is faster only where the processor has it."),
    )  # fmt: skip
    device: Literal["auto", "cpu", "cuda", "mps"] = field(
        "auto", more=True, label=N_("Device"),
        choices={"auto": N_("fastest here"), "cpu": "CPU", "cuda": "CUDA", "mps": "Apple MPS"},
        help=N_("Where the networks train."),
    )  # fmt: skip

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that each trial trains, in order."""
        own_teacher = self.teacher_data == "same"
        equal = self.arm_same_labels and not own_teacher  # else the distilled student is this control
        wanted = {
            TEACHER: own_teacher, ALONE: True, DISTILLED: True, SMOOTHED: self.arm_smoothing,
            SHUFFLED: self.arm_shuffled, EQUAL_TEACHER: equal, EQUAL: equal, BUGGED: self.bug != "none",
        }  # fmt: skip
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    @property
    def parts(self) -> tuple[str, ...]:
        """Each arm, with the teacher that it needs; undivided where several need the trial's own teacher."""
        if TEACHER in self.arms:
            return (WHOLE,)
        return tuple(name for name in self.arms if name != EQUAL_TEACHER)

    @property
    def unprepared(self) -> tuple[str, ...]:
        """The student alone: it has no teacher."""
        return (ALONE,) if ALONE in self.parts else ()

    @property
    def convolves(self) -> bool:
        return self.student == "article"

    @property
    def effort(self) -> float:
        return float(self.seeds * self.epochs * self.train_size * len(self.arms))

    @property
    def idle(self) -> frozenset[str]:
        """At α = 0 nobody listens to soft targets; at T = 1, T² is 1; β weighs further methods alone."""
        found = {"arm_smoothing", "arm_shuffled", "arm_same_labels", "bug", "fresh_teacher"}
        found |= {"t_squared"} if self.temperature == 1 else set()
        found |= {"method_weight"} if self.method == "logits" else set()
        found |= {"teacher_epochs"} if self.teacher_data == "same" else set()
        if self.alpha == 0:
            found |= {"temperature", "t_squared"}
            if self.method in ("logits", "decoupled"):  # the others have a term of their own beside α
                found |= {"method", "method_weight", "teacher", "teacher_data", "teacher_epochs"}
        return frozenset(found)

    def check(self, data: Any) -> None:
        """Refuse what this data or these networks cannot give. Raises Problem, which says what to change."""
        there = len(data.train.labels)
        if self.train_size > there:
            raise Problem(
                N_("{given} labelled images were asked for, but the training set has {there}; choose fewer."),
                given=self.train_size,
                there=there,
            )
        if self.method == "attention" and not self.student == self.teacher == "article":
            raise Problem(
                N_("Attention maps need convolutions in both networks: choose the article's, or another method.")
            )
        if self.bug != "none" and self.method != "logits":
            raise Problem(
                N_("The arm with a bug learns from soft targets: set “What is taught” to these, or leave it out.")
            )
        if self.left_out != "none" and self.teacher_data == "same":
            raise Problem(
                N_("A teacher trained on the student's labels does not know the digits left out either: give it "
                   "all training images.")
            )  # fmt: skip


# The arms of a transfer run.
SOURCE, SCRATCH, FROZEN = N_("source model as it is"), N_("from scratch"), N_("feature extraction")
TUNED, DECAYED, ANCHORED = N_("fine-tuning"), N_("fine-tuning, weight decay"), N_("fine-tuning, L2-SP")

# Networks that ImageNet has trained: they need no source run, and their source is a million photographs.
BACKBONES = {"vgg16": N_("VGG16 of ImageNet"), "efficientnet_lite0": N_("EfficientNet-Lite0 of ImageNet")}
IMAGENET_LABELS = 1_281_167  # of the training set of ILSVRC 2012

TASKS = {
    "low_high": N_("digits 0-4 → digits 5-9"),
    "uci": N_("MNIST → UCI digits"),
    "rotated": N_("digits → digits rotated by 90°"),
    "inverted": N_("digits → digits black on white"),
    "fashion": N_("clothes (Fashion-MNIST) → digits"),
    "imagenet": N_("photographs (ImageNet) → digits"),
}
NETWORKS = {"large": TEACHERS["article"], "small": STUDENTS["article"], **BACKBONES}


class TransferSettings(Settings):
    """What a transfer run may vary. L = L_new + λ ‖θ − θ_pre‖² over the transferred layers θ."""

    technique: ClassVar[str] = "transfer"
    module: ClassVar[str] = "kd_core.transfer"
    stages: ClassVar[Mapping[str, str]] = {
        "source": N_("1 · The source network"),
        "target": N_("2 · Train on the target"),
    }
    shares: ClassVar[Mapping[str, float]] = {"source": 1.0}

    task: Literal["low_high", "uci", "rotated", "inverted", "fashion", "imagenet"] = field(
        "low_high", choices=TASKS, label=N_("Source → target"),
        help=N_("What the network has learned first, and what it has to learn now. The UCI digits are by other "
                "writers and from another scanner."),
    )  # fmt: skip
    labels_per_class: int = field(
        10, ge=1, le=500, step=1, log=True, label=N_("Labels per class"),
        help=N_("How many labelled target images of each class; drawn anew for each seed."),
    )  # fmt: skip
    lam: float = field(
        0.01, ge=0, le=10, step=0.01, log=True, symbol="λ", label=N_("Pull to the old weights λ"),
        marks={0.0: N_("fine-tuning"), 1e-4: "", 1e-3: "", 0.01: "", 0.1: "", 1.0: "", 10.0: N_("≈ extraction")},
        help=N_("0 is plain fine-tuning; a very large λ holds the transferred layers where they were."),
    )  # fmt: skip
    network: Literal["large", "small", "vgg16", "efficientnet_lite0"] = field(
        "large", choices=NETWORKS, label=N_("Network"),
        help=N_("The same for every arm, except that a network of ImageNet is compared with the article's CNN "
                "trained from scratch."),
    )  # fmt: skip
    source_kind: Literal["true", "random_labels", "shuffled_pixels"] = field(
        "true", more=True, label=N_("What the source is trained on"),
        choices={"true": N_("real images, real labels"), "random_labels": N_("random labels"),
                 "shuffled_pixels": N_("shuffled pixels")},
        help=N_("A source that has nothing to do with digits may help or hurt; try it."),
    )  # fmt: skip
    image_size: int = field(
        32, ge=32, le=224, step=32, more=True, unit=N_("pixels"), label=N_("Image size for ImageNet networks"),
        help=N_("Digits are enlarged to this side length for a network of ImageNet; larger is slower, and 224 is "
                "by far the slowest."),
    )  # fmt: skip
    tune_backbone: bool = field(
        False, more=True, label=N_("Fine-tune the ImageNet network"),
        help=N_("Train the whole ImageNet network as well, in three more arms; otherwise it stays frozen. Slow."),
    )  # fmt: skip
    epochs: int = field(
        40, ge=1, le=200, step=1, more=True, label=N_("Epochs"),
        help=N_("How often each arm sees its target images."),
    )  # fmt: skip
    seeds: int = field(
        5, ge=1, le=20, step=1, more=True, label=N_("Seeds"),
        help=N_("How many independent trials; each sets weights, order and the labelled images."),
    )  # fmt: skip
    batch_size: int = field(
        16, ge=8, le=1024, step=8, more=True, log=True, unit=N_("images"), label=N_("Batch size"),
        help=N_("Images in one training step."),
    )  # fmt: skip
    learning_rate: float = field(
        0.01, ge=1e-5, le=1, step=0.005, more=True, log=True, label=N_("Learning rate"),
        help=N_("Step size of the new layers and of training from scratch (SGD with momentum 0.9)."),
    )  # fmt: skip
    base_learning_rate: float = field(
        0.005, ge=1e-5, le=1, step=0.005, more=True, log=True, label=N_("Learning rate of the old layers"),
        help=N_("Step size of the transferred layers: usually smaller than that of the new ones."),
    )  # fmt: skip
    weight_decay: float = field(
        0.001, ge=0, le=1, step=0.001, more=True, log=True, label=N_("Weight decay"),
        help=N_("Pull towards zero: on the new layer in every arm, on all layers in the weight-decay arm."),
    )  # fmt: skip
    source_epochs: int = field(
        3, ge=1, le=100, step=1, more=True, label=N_("Source epochs"),
        help=N_("How often the network sees the source's images."),
    )  # fmt: skip
    seed: int = field(
        0, ge=0, le=1_000_000, step=1, more=True, log=True, label=N_("First seed"),
        help=N_("The trials use this seed and those that follow it."),
    )  # fmt: skip
    fresh_source: bool = field(
        False, more=True, label=N_("Train the source live"),
        help=N_("Train the source network in this run even if one with these settings is kept."),
    )  # fmt: skip
    precision: Literal["auto", "float32", "bfloat16"] = field(
        "auto", more=True, label=N_("Arithmetic"),
        choices={"auto": N_("fastest here"), "float32": "float32", "bfloat16": "bfloat16"},
        help=N_("bfloat16 is faster only where the processor has it."),
    )  # fmt: skip
    device: Literal["auto", "cpu", "cuda", "mps"] = field(
        "auto", more=True, label=N_("Device"),
        choices={"auto": N_("fastest here"), "cpu": "CPU", "cuda": "CUDA", "mps": "Apple MPS"},
        help=N_("Where the networks train."),
    )  # fmt: skip

    @property
    def has_backbone(self) -> bool:
        """Whether the source is ImageNet: the network comes trained."""
        return self.network in BACKBONES

    @property
    def convolves(self) -> bool:
        return not self.has_backbone

    @property
    def effort(self) -> float:
        return float(self.seeds * self.epochs * self.labels_per_class * 10)

    @property
    def idle(self) -> frozenset[str]:
        """Some fields are of ImageNet's networks alone; a frozen one is not pulled, nor moved by a step size."""
        if not self.has_backbone:
            return frozenset({"image_size", "tune_backbone", "fresh_source"})
        frozen = {"lam", "base_learning_rate"}
        return frozenset({"source_epochs", "fresh_source"} | (set() if self.tune_backbone else frozen))

    def check(self, data: Any) -> None:
        """Refuse what the target `data` or the network cannot give. Raises Problem, which says what to change."""
        if self.task == "imagenet" and not self.has_backbone:
            raise Problem(
                N_("ImageNet's photographs are not here: choose a network trained on them, or another task.")
            )
        if self.has_backbone and self.source_kind != "true":
            raise Problem(
                N_(
                    "A network of ImageNet is trained already: set “What the source is trained on” back to real "
                    "images."
                )
            )
        there = int(data.train.labels.bincount()[data.train.labels.unique()].min())
        if self.labels_per_class > there:
            raise Problem(
                N_(
                    "{given} labels per class were asked for, but one class of {data} has only {there}; choose "
                    "fewer."
                ),
                given=self.labels_per_class,
                data=data.name,
                there=there,
            )


# The tasks of a multi-task run by id, and the sets of them that can be chosen.
TASK_LABELS = {
    "digit": N_("digit"), "parity": N_("parity"), "five": N_("at least five"), "angle": N_("rotation angle"),
    "left": N_("left digit"), "right": N_("right digit"),
}  # fmt: skip
TASK_SETS = {
    "two_digits": N_("two overlapping digits"),
    "digit_parity": N_("digit + parity"),
    "digit_five": N_("digit + 5 or more"),
    "digit_parity_five": N_("digit + parity + 5 or more"),
    "digit_angle": N_("digit + rotation angle"),
}
BODIES = {"medium": N_("medium (16-32-32)"), "small": N_("small (4-8-8)")}
WEIGHTINGS = {
    "fixed": N_("fixed, as set"),
    "uncertainty": N_("learned uncertainty (Kendall)"),
    "dwa": N_("dynamic weight average (DWA)"),
    "pcgrad": N_("gradient surgery (PCGrad)"),
}
# How the arms of a multi-task run train a task. An arm is a task and a scheme: "left digit · joint, as set".
TASK_ALONE, JOINT_EQUAL, JOINT = N_("alone"), N_("joint, equal weights"), N_("joint, as set")
FAIR = N_("alone, same total size")
SCHEMES = (TASK_ALONE, JOINT_EQUAL, JOINT, FAIR)


def arm_of(task: str, scheme: str) -> str:
    """The name of the arm that trains the task with id `task` in one of the SCHEMES."""
    return f"{TASK_LABELS[task]} · {scheme}"


def task_of(arm_name: str) -> str:
    """The id of the task of a multi-task arm; KeyError for any other arm."""
    label = arm_name.split(" · ")[0]
    return {text: name for name, text in TASK_LABELS.items()}[label]


def scheme_of(arm_name: str) -> str:
    """The scheme of a multi-task arm; KeyError for any other arm."""
    scheme = arm_name.split(" · ")[-1]
    return {text: text for text in SCHEMES}[scheme]


def _task_weight(label: str) -> Any:
    """The field α_i of one task; it counts only where that task is among the chosen ones."""
    return field(
        1.0, ge=0, le=10, step=0.1, symbol="αᵢ", label=label,
        help=N_("How much this task's loss counts in the joint loss; 0 leaves it out."),
    )  # fmt: skip


class MultitaskSettings(Settings):
    """What a multi-task run may vary. L = Σ α_i L_i: one shared body, a head for each task."""

    technique: ClassVar[str] = "multitask"
    module: ClassVar[str] = "kd_core.multitask"
    stages: ClassVar[Mapping[str, str]] = {
        "tasks": N_("1 · Make the tasks"),
        "networks": N_("2 · Train alone and jointly"),
    }
    shares: ClassVar[Mapping[str, float]] = {"tasks": 1.0}

    tasks: Literal["two_digits", "digit_parity", "digit_five", "digit_parity_five", "digit_angle"] = field(
        "two_digits", choices=TASK_SETS, label=N_("Tasks"),
        help=N_("What one network learns at the same time. Two overlapping digits: the left and the right one of "
                "an image, as in MultiMNIST."),
    )  # fmt: skip
    weight_left: float = _task_weight(N_("Weight of the left digit αᵢ"))
    weight_right: float = _task_weight(N_("Weight of the right digit αᵢ"))
    weight_digit: float = _task_weight(N_("Weight of the digit αᵢ"))
    weight_parity: float = _task_weight(N_("Weight of parity αᵢ"))
    weight_five: float = _task_weight(N_("Weight of at least five αᵢ"))
    weight_angle: float = _task_weight(N_("Weight of the rotation angle αᵢ"))
    weighting: Literal["fixed", "uncertainty", "dwa", "pcgrad"] = field(
        "fixed", choices=WEIGHTINGS, label=N_("Weighting"),
        help=N_("How the weighted losses are combined; none of these always wins."),
    )  # fmt: skip
    body: Literal["medium", "small"] = field(
        "medium", choices=BODIES, more=True, label=N_("Shared body"),
        help=N_("The layers that all tasks share; in a small body the tasks compete for room."),
    )  # fmt: skip
    train_size: int = field(
        1000, ge=50, le=55_000, step=50, log=True, label=N_("Labelled images"),
        help=N_("How many images each network sees, labelled for each of its tasks; drawn anew for each seed."),
    )  # fmt: skip
    epochs: int = field(
        20, ge=1, le=200, step=1, more=True, label=N_("Epochs"),
        help=N_("How often each network sees its images."),
    )  # fmt: skip
    seeds: int = field(
        5, ge=1, le=20, step=1, more=True, label=N_("Seeds"),
        help=N_("How many independent trials; each sets weights, order and the labelled images."),
    )  # fmt: skip
    batch_size: int = field(
        64, ge=8, le=1024, step=8, more=True, log=True, unit=N_("images"), label=N_("Batch size"),
        help=N_("Images in one training step."),
    )  # fmt: skip
    learning_rate: float = field(
        0.002, ge=1e-5, le=0.1, step=0.0005, more=True, log=True, label=N_("Learning rate"),
        help=N_("Adam's step size."),
    )  # fmt: skip
    seed: int = field(
        0, ge=0, le=1_000_000, step=1, more=True, log=True, label=N_("First seed"),
        help=N_("The trials use this seed and those that follow it."),
    )  # fmt: skip
    precision: Literal["auto", "float32", "bfloat16"] = field(
        "auto", more=True, label=N_("Arithmetic"),
        choices={"auto": N_("fastest here"), "float32": "float32", "bfloat16": "bfloat16"},
        help=N_("bfloat16 is faster only where the processor has it."),
    )  # fmt: skip
    device: Literal["auto", "cpu", "cuda", "mps"] = field(
        "auto", more=True, label=N_("Device"),
        choices={"auto": N_("fastest here"), "cpu": "CPU", "cuda": "CUDA", "mps": "Apple MPS"},
        help=N_("Where the networks train."),
    )  # fmt: skip

    @property
    def task_names(self) -> tuple[str, ...]:
        """The ids of the chosen tasks, in order."""
        return ("left", "right") if self.tasks == "two_digits" else tuple(self.tasks.split("_"))

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights α_i of the chosen tasks, in their order, as set."""
        return tuple(getattr(self, f"weight_{task}") for task in self.task_names)

    @property
    def convolves(self) -> bool:
        return True

    @property
    def effort(self) -> float:
        return float(self.seeds * self.epochs * self.train_size)

    @property
    def idle(self) -> frozenset[str]:
        """Weights of tasks that were not chosen; and the weighting, where only one task has a weight."""
        found = {f"weight_{task}" for task in TASK_LABELS if task not in self.task_names}
        return frozenset(found | ({"weighting"} if sum(weight > 0 for weight in self.weights) == 1 else set()))

    def check(self, data: Any) -> None:
        """Refuse what this data cannot give, and weights that leave nothing. Raises Problem."""
        there = len(data.train.labels)
        if self.train_size > there:
            raise Problem(
                N_("{given} labelled images were asked for, but the training set has {there}; choose fewer."),
                given=self.train_size,
                there=there,
            )
        if not any(self.weights):
            raise Problem(N_("All task weights are 0: nothing would be learned. Give at least one task a weight."))


# The arms of a meta-learning run; "from scratch" is the transfer run's word too.
MAML, FIRST_ORDER = N_("MAML"), N_("MAML, first order")
PRETRAINED, REPTILE = N_("joint pre-training"), N_("Reptile")
ORACLE = N_("oracle (knows amplitude and phase)")
CENTROID_PIXELS = N_("nearest centroid, pixels")
CENTROID_FEATURES = N_("nearest centroid, pre-trained features")

PROBLEMS = {
    "sinusoids": N_("sinusoids"),
    "digits": N_("digits never seen before"),
}
HELD_OUT = 3  # digits that no training task shows


class MetaSettings(Settings):
    """What a meta-learning run may vary. L_meta = Σ_i L_i(θ − α ∇L_i(θ; support); query)."""

    technique: ClassVar[str] = "meta_learning"
    module: ClassVar[str] = "kd_core.meta_learning"
    stages: ClassVar[Mapping[str, str]] = {
        "tasks": N_("1 · Draw the tasks"),
        "meta": N_("2 · Learn where to start"),
    }
    shares: ClassVar[Mapping[str, float]] = {"tasks": 1.0}

    problem: Literal["sinusoids", "digits"] = field(
        "sinusoids", choices=PROBLEMS, label=N_("Tasks"),
        help=N_("What the tasks are: curves to fit through a few points (amplitude 0.1 to 5, phase 0 to π), or a "
                "few digits to tell apart (seven are learned on, three held out)."),
    )  # fmt: skip
    shots: int = field(
        10, ge=1, le=500, step=1, log=True, symbol="K", label=N_("Examples K"),
        help=N_("Labelled examples to learn from in each task: points of a curve, or images of each digit."),
    )  # fmt: skip
    inner_lr: float = field(
        0.01, ge=1e-5, le=100, step=0.01, log=True, symbol="α", label=N_("Inner step size α"),
        help=N_("How far one adaptation step goes: θ − α ∇L on the task's own examples."),
    )  # fmt: skip
    inner_steps: int = field(
        1, ge=1, le=10, step=1, label=N_("Inner steps"),
        help=N_("Adaptation steps that the starting point is trained for, and after which arms are compared."),
    )  # fmt: skip
    ways: int = field(
        3, ge=2, le=10, step=1, symbol="N", label=N_("Digits per task N"),
        help=N_("How many digits a task tells apart; without effect on sinusoids."),
    )  # fmt: skip
    first_order: bool = field(
        False, more=True, label=N_("First order only"),
        help=N_("Leave second-order MAML out: its first-order shortcut takes its place in the verdict."),
    )  # fmt: skip
    reptile: bool = field(
        False, more=True, label=N_("One more arm: Reptile"),
        help=N_("Moves the starting point towards where a few plain gradient steps on each task lead."),
    )  # fmt: skip
    iterations: int = field(
        1500, ge=1, le=100_000, step=100, more=True, log=True, label=N_("Meta-steps"),
        help=N_("How often the starting point is moved, each time for a batch of tasks."),
    )  # fmt: skip
    meta_batch: int = field(
        25, ge=1, le=200, step=1, more=True, log=True, unit=N_("tasks"), label=N_("Tasks per meta-step"),
        help=N_("Tasks whose losses are added up in one meta-step."),
    )  # fmt: skip
    meta_lr: float = field(
        0.001, ge=1e-5, le=0.1, step=0.0005, more=True, log=True, label=N_("Outer learning rate"),
        help=N_("Adam's step size for the starting point, in every arm."),
    )  # fmt: skip
    queries: int = field(
        10, ge=1, le=500, step=1, more=True, log=True, label=N_("Queries"),
        help=N_("Examples per training task (for digits: per digit) on which the adapted network is judged."),
    )  # fmt: skip
    seeds: int = field(
        5, ge=1, le=20, step=1, more=True, label=N_("Seeds"),
        help=N_("How many independent trials; each sets first weights, all tasks and the digits held out."),
    )  # fmt: skip
    seed: int = field(
        0, ge=0, le=1_000_000, step=1, more=True, log=True, label=N_("First seed"),
        help=N_("The trials use this seed and those that follow it."),
    )  # fmt: skip
    precision: Literal["float32", "float64"] = field(
        "float32", more=True, label=N_("Arithmetic"), choices={"float32": "float32", "float64": "float64"},
        help=N_("float64 is slower; second derivatives do well in float32."),
    )  # fmt: skip
    device: Literal["cpu", "auto", "cuda", "mps"] = field(
        "cpu", more=True, label=N_("Device"),
        choices={"cpu": "CPU", "auto": N_("fastest here"), "cuda": "CUDA", "mps": "Apple MPS"},
        help=N_("Networks as small as the sinusoids' train fastest on the CPU."),
    )  # fmt: skip

    @property
    def effort(self) -> float:
        return float(self.seeds * self.iterations * self.meta_batch)

    @property
    def parts(self) -> tuple[str, ...]:
        """Each arm that a trial trains or starts, in order; the centroids come with joint pre-training."""
        wanted = {
            MAML: not self.first_order, FIRST_ORDER: True, REPTILE: self.reptile, PRETRAINED: True,
            ORACLE: self.problem == "sinusoids", SCRATCH: True,
        }  # fmt: skip
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    @property
    def idle(self) -> frozenset[str]:
        """Reptile is an arm beside the one that is judged; a curve has no digits."""
        return frozenset({"reptile"} | ({"ways"} if self.problem == "sinusoids" else set()))

    def check(self, data: Any) -> None:
        """Refuse what the digits in `data` cannot give. Raises Problem, which says what to change."""
        if self.problem != "digits":
            return
        if self.ways > HELD_OUT:
            raise Problem(
                N_("A task of {given} digits was asked for, but only {there} digits are held out; choose fewer."),
                given=self.ways,
                there=HELD_OUT,
            )
        wanted = self.shots + self.queries
        there = min(int(split.labels.bincount().min()) for split in (data.train, data.validation, data.test))
        if wanted > there:
            raise Problem(
                N_(
                    "A task needs {shots} examples and {queries} queries of each digit, {wanted} images, but a "
                    "part of {data} has only {there} of one; choose fewer."
                ),
                shots=self.shots,
                queries=self.queries,
                wanted=wanted,
                data=data.name,
                there=there,
            )


TECHNIQUES: dict[str, type[Settings]] = {
    "distillation": DistillationSettings,
    "transfer": TransferSettings,
    "multitask": MultitaskSettings,
    "meta_learning": MetaSettings,
}


@dataclass(frozen=True)
class Preset:
    """A named starting point: the fields that differ from the defaults, and whether it needs MNIST.

    measured: what came out when it was tried, as a sentence.
    """

    label: str
    help: str
    values: Mapping[str, Scalar]
    needs_mnist: bool = False
    measured: str = ""


DISTILLATION_LIMITS: dict[str, Preset] = {
    "logit_matching": Preset(
        N_("T = 50, α = 1: matching logits"),
        N_("The student copies the teacher's logits as they are, and sees no label."),
        {"temperature": 50.0, "alpha": 1.0},
    ),
    "plain": Preset(
        N_("T = 1, α = 0: plain training"),
        N_("The teacher has no influence: both students come out equal, to the last weight."),
        {"temperature": 1.0, "alpha": 0.0},
    ),
}

DISTILLATION_PRESETS: dict[str, Preset] = {
    "few_labels": Preset(
        N_("Few labels"),
        N_("Few labelled images: a teacher trained on all labels helps visibly."),
        {},
    ),
    "same_labels": Preset(
        N_("Teacher with no more labels"),
        N_("The teacher sees no other labels than the student: what is left of the gain?"),
        {"teacher_data": "same"},
    ),
    "why": Preset(
        N_("Why does it work?"),
        N_("Few labels, with three controls: label smoothing, shuffled answers, a teacher with the same labels."),
        {"arm_smoothing": True, "arm_shuffled": True, "arm_same_labels": True},
    ),
    "hard_teacher": Preset(
        N_("T = 1"),
        N_("The same run without softening: most of what the teacher knows stays hidden."),
        {"temperature": 1.0},
    ),
    "article": Preset(
        N_("The article"),
        N_("Its networks, T = 5, all labels, 5 epochs, batch 32, no labels in the loss (α = 1)."),
        {
            "temperature": 5.0,
            "alpha": 1.0,
            "train_size": 55_000,
            "epochs": 5,
            "batch_size": 32,
            "learning_rate": 0.001,
            "seeds": 3,
        },
        needs_mnist=True,
    ),
    "small_student": Preset(
        N_("A tiny student"),
        N_("Two layers of 30 units, 2,000 labels, 10 seeds: a small effect needs more trials."),
        {"student": "mlp30", "train_size": 2000, "epochs": 15, "seeds": 10},
        needs_mnist=True,
    ),
}

# Hinton, Vinyals, Dean 2015, section 3: all labels, its teacher of moved images, T = 20.
_HINTON: dict[str, Scalar] = {
    "teacher": "jittered",
    "teacher_epochs": 42,
    "student": "mlp800",
    "train_size": 55_000,
    "temperature": 20.0,
    "batch_size": 512,
    "schedule": "one_cycle",
    "seeds": 3,
}

HINTON_PRESETS: dict[str, Preset] = {
    "hinton": Preset(
        N_("Hinton's table"),
        N_("The paper's teacher and student at T = 20, all labels. Takes minutes."),
        {**_HINTON, "epochs": 26, "learning_rate": 4e-3},
        needs_mnist=True,
    ),
    "no_three": Preset(
        N_("No 3s"),
        N_(
            "The student never sees a 3. It learns what a "
            "3 is from the teacher, except for one bias. Takes minutes."
        ),
        {**_HINTON, "left_out": "3", "alpha": 1.0, "epochs": 30},
        needs_mnist=True,
    ),
    "only_7_8": Preset(
        N_("Only 7s and 8s"),
        N_("The student sees two digits of ten, and the teacher's answers to them. Takes minutes."),
        {**_HINTON, "left_out": "all_but_7_8", "alpha": 1.0, "epochs": 30},
        needs_mnist=True,
    ),
}

TRANSFER_LIMITS: dict[str, Preset] = {
    "fine_tuning": Preset(
        N_("λ = 0: fine-tuning"),
        N_("No pull: the L2-SP arm is the same as fine-tuning, to the last weight."),
        {"lam": 0.0},
    ),
    "extraction": Preset(
        N_("λ = 10: almost feature extraction"),
        N_("The old weights hardly move; their step size shrinks as λ grows, or they would swing and diverge."),
        {"lam": 10.0},
    ),
}

TRANSFER_PRESETS: dict[str, Preset] = {
    "few": Preset(N_("Few labels"), N_("New digits, few labels of each: what are the old weights worth?"), {}),
    "many": Preset(
        N_("Many labels"),
        N_("200 labels of each digit: what is left of the gain?"),
        {"labels_per_class": 200, "epochs": 10},
        needs_mnist=True,
    ),
    "other_writers": Preset(
        N_("Other writers"),
        N_("The same ten digits, from other writers and another scanner."),
        {"task": "uci"},
        needs_mnist=True,
    ),
    "random_labels": Preset(
        N_("A source of random labels"),
        N_("The source was trained on labels drawn at random: does it still help?"),
        {"source_kind": "random_labels"},
        measured=N_(
            "Measured, five seeds: fine-tuning gained 2.2 points over from scratch (95 % interval 0.3 to 4.0), "
            "about half of what real labels give; frozen, such weights cost 64 points."
        ),
    ),
    "shuffled_pixels": Preset(
        N_("A source of shuffled pixels"),
        N_("The source saw every pixel in another place: negative transfer?"),
        {"source_kind": "shuffled_pixels"},
        measured=N_(
            "Measured, five seeds: no detectable difference when fine-tuned, 1.0 points (95 % interval −1.5 to "
            "3.5); frozen, such weights cost 28 points."
        ),
    ),
    "listing": Preset(
        N_("The article's listing"),
        N_("VGG16 of ImageNet, frozen, digits at 32 pixels, a new top. Its weights are half a gigabyte to fetch."),
        {"task": "imagenet", "network": "vgg16", "image_size": 32},
    ),
    "lite0": Preset(
        N_("A small network of ImageNet"),
        N_("The same with EfficientNet-Lite0, digits at 96 pixels: are photographs of any use for digits?"),
        {"task": "imagenet", "network": "efficientnet_lite0", "image_size": 96},
        measured=N_(
            "Measured, five seeds: it lost to the article's CNN from scratch by 6.4 points (95 % interval 1.4 "
            "to 11.4)."
        ),
    ),
}

# Measured over five seeds, in points of accuracy against alone, with 95 % intervals. Two digits, on test images:
# left -3.1 (-5.8 to -0.5), right -3.5 (-5.5 to -1.5). On validation images: two digits, small body: left -21.7
# (-34.4 to -9.1), right -25.7 (-30.3 to -21.2); digit + angle: digit +0.4 (-0.3 to +1.1), angle -13.5 (-21.8 to
# -5.2); with angle weights of 3 and 10 the angle loses 7.4 and 4.7, the digit 0.2 and 2.5; digit + at least five:
# 0.0 (-0.8 to +0.7) and +0.5 (-0.7 to +1.7). No interval above zero was found in a dozen tries: the digit with at
# least five, parity, both or the angle, 100 to 2,000 images, medium and small body. Against networks of the
# same total size, digit + parity + at least five in the medium body gain 0.7 (0.4 to 1.1), 0.3 (0.0 to 0.5) and 0.8
# (-0.3 to +1.9): the only one of four such tries above zero.
MULTITASK_PRESETS: dict[str, Preset] = {
    "two_digits": Preset(
        N_("Two digits that fight"),
        N_("Two overlapping digits, one network: measured, both are read worse than by a network of their own."),
        {},
    ),
    "digit_five": Preset(
        N_("A pair that gets along"),
        N_(
            "Digit and at least five, 500 images: sharing takes half the parameters, and measured, neither task "
            "loses or gains detectably against alone. No pair that gains was found."
        ),
        {"tasks": "digit_five", "train_size": 500, "epochs": 30},
    ),
    "related": Preset(
        N_("Three that help each other"),
        N_(
            "Digit, parity and at least five, 500 images: measured on validation images, the digit is read better "
            "than by networks of the same total size; no gain over a whole network of its own was found."
        ),
        {"tasks": "digit_parity_five", "train_size": 500, "epochs": 30},
    ),
    "digit_angle": Preset(
        N_("Digit and angle"),
        N_(
            "Rotated digits, 500 images: measured, the digit neither gains nor loses detectably, and the angle "
            "gets worse."
        ),
        {"tasks": "digit_angle", "train_size": 500, "epochs": 30},
    ),
    "small_body": Preset(
        N_("A small body"),
        N_("Two overlapping digits in few shared units: measured, both lose far more than in the medium body."),
        {"body": "small"},
    ),
    "surgery": Preset(
        N_("Gradient surgery"),
        N_("Two digits with PCGrad: conflicting parts of the gradients are cut away. Does it help?"),
        {"weighting": "pcgrad"},
    ),
}

META_PRESETS: dict[str, Preset] = {
    "sinusoids": Preset(N_("Sinusoids"), N_("The paper's curves: what are ten points worth, after one step?"), {}),
    "more_steps": Preset(
        N_("Five inner steps"),
        N_("The start is trained for 5 steps of adaptation; first order and second order differ more."),
        {"inner_steps": 5, "iterations": 500},
    ),
    "five_points": Preset(N_("Five points"), N_("Only 5 points of each curve."), {"shots": 5}),
    # Ten seeds: each holds out other digits, and some triples are far harder than others.
    "digits": Preset(
        N_("New digits"),
        N_("Learn on seven digits, then tell the other three apart from 5 images of each."),
        {"problem": "digits", "shots": 5, "inner_lr": 0.1, "iterations": 300, "meta_batch": 8, "seeds": 10},
        needs_mnist=True,
    ),
    "one_image": Preset(
        N_("New digits from one image"),
        N_("The same with 1 image of each new digit."),
        {"problem": "digits", "shots": 1, "inner_lr": 0.1, "iterations": 300, "meta_batch": 8, "seeds": 10},
        needs_mnist=True,
    ),
}
