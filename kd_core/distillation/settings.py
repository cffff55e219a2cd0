"""What a distillation run may vary, and the names of its arms. No torch here."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from kd_core.data.chosen import MNIST
from kd_core.messages import N_, Problem
from kd_core.settings import common
from kd_core.settings.base import Job, Settings
from kd_core.settings.fields import field

SCHEDULES = {"constant": N_("constant"), "one_cycle": N_("up, then down to 0 (one cycle)")}
LEFT_OUT = {"none": N_("none"), "3": N_("the 3"), "all_but_7_8": N_("all but 7 and 8")}
DIGITS_LEFT_OUT: dict[str, tuple[int, ...]] = {"none": (), "3": (3,), "all_but_7_8": (0, 1, 2, 3, 4, 5, 6, 9)}
SIDE_BY_SIDE = 5  # trials of the smallest students that one worker trains as one batch
SHIFTS = tuple(step / 10 for step in range(151))  # of the left-out digits' biases, as a run measures them

# The arms of a distillation run, by the names that its events, Result and figures use.
ALONE, DISTILLED = N_("student alone"), N_("distilled student")

# Its controls: what else could explain the gain.
SMOOTHED, SHUFFLED = N_("label smoothing"), N_("shuffled soft targets")
EQUAL_TEACHER, EQUAL = N_("teacher, same labels"), N_("distilled, same labels")
BUGGED = N_("distilled with a bug")

# Well-known bugs of distillation code; `kd_core.distillation.bugs` has each as a few lines.
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
    module: ClassVar[str] = "kd_core.distillation.trainer"
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
        "article", choices=common.STUDENTS, label=N_("Student"), help=N_("The small network."),
    )  # fmt: skip
    dataset: common.DatasetName = common.dataset(
        N_("What is learned: MNIST's digits, or images that somebody has added.")
    )
    teacher_data: Literal["all", "same"] = field(
        "all", more=common.TEACHING, label=N_("Teacher's labels"),
        choices={"all": N_("all training images"), "same": N_("the same as the student")},
        help=N_("Which labels the teacher was trained on: all there are, or only the student's own."),
    )  # fmt: skip
    t_squared: bool = field(
        True, more=common.LOSS, label=N_("T² in the loss"),
        help=N_("Without it the teacher's part of the gradient vanishes like 1/T² as T grows."),
    )  # fmt: skip
    arm_smoothing: bool = field(
        False, more=common.ARMS, label=N_("Control: label smoothing"),
        help=N_("One more student: targets as soft as the teacher's on average, all wrong digits alike."),
    )  # fmt: skip
    arm_shuffled: bool = field(
        False, more=common.ARMS, label=N_("Control: shuffled soft targets"),
        help=N_("One more student; its teacher's probabilities for the wrong digits are shuffled, image by image."),
    )  # fmt: skip
    arm_same_labels: bool = field(
        False, more=common.ARMS, label=N_("Control: teacher with the same labels"),
        help=N_("One more teacher that sees the student's labels only, and one more student distilled from it."),
    )  # fmt: skip
    method: Literal["logits", "decoupled", "attention", "hints"] = field(
        "logits", choices=METHODS, more=common.LOSS, label=N_("Distillation method"),
        help=N_("The teacher's softened answers alone, or something from its inner layers as well."),
    )  # fmt: skip
    method_weight: float = field(
        1.0, ge=0, le=1000, step=0.5, more=common.LOSS, log=True, symbol="β", label=N_("Method's weight β"),
        help=N_("Weight of the term that a further method adds; it has no effect with soft targets alone."),
    )  # fmt: skip
    bug: Literal["none", "no_t_squared", "mean", "reversed", "training_mode", "shuffled", "double_softmax"] = field(
        "none", choices=BUGS, more=common.ARMS, later=True, label=N_("Arm with a bug"),
        help=N_("One more student, distilled with a well-known bug: see the page “Conventions and bugs”."),
    )  # fmt: skip
    epochs: int = field(
        30, ge=1, le=200, step=1, more=common.TRAINING, label=N_("Epochs"),
        help=N_("How often each student sees its images."),
    )  # fmt: skip
    left_out: Literal["none", "3", "all_but_7_8"] = field(
        "none", choices=LEFT_OUT, more=common.TRAINING, later=True, label=N_("Digits left out"),
        help=N_("Digits that no student is shown: it can know them from the teacher's soft targets alone."),
    )  # fmt: skip
    schedule: Literal["constant", "one_cycle"] = field(
        "constant", choices=SCHEDULES, more=common.TRAINING, later=True, label=N_("Learning-rate schedule"),
        help=N_("The students' learning rate: constant, or up in the first 30 % of the steps and then down to 0."),
    )  # fmt: skip
    seeds: int = common.seeds()
    batch_size: int = common.batch_size(64)
    learning_rate: float = common.learning_rate()
    seed: int = common.first_seed()
    teacher: Literal["article", "mlp1200", "jittered"] = field(
        "article", choices=common.TEACHERS, more=common.TEACHING, label=N_("Teacher"),
        help=N_("The large network."),
    )  # fmt: skip
    teacher_epochs: int = field(
        5, ge=1, le=100, step=1, more=common.TEACHING, label=N_("Teacher's epochs"),
        help=N_(
            "How often a teacher trained on all labels sees them; any other teacher trains as long as the student."
        ),
    )  # fmt: skip
    test_time_augmentation: int = field(
        0, ge=0, le=2, step=1, more=common.TEACHING, later=True, unit=N_("pixels"),
        label=N_("Teacher's test-time augmentation"),
        help=N_("The soft targets are the mean of the teacher's logits over all copies of an image moved by up to "
                "this many pixels: 9 copies for 1, 25 for 2. The student sees the image as it is."),
    )  # fmt: skip
    teacher_seed: int = field(
        0, ge=0, le=1_000_000, step=1, more=common.TEACHING, log=True, later=True, label=N_("Teacher's seed"),
        help=N_("Sets the first weights and the batch order of a teacher trained on all labels."),
    )  # fmt: skip
    fresh_teacher: bool = field(
        False, more=common.TEACHING, label=N_("Train the teacher live"),
        help=N_("Train the teacher in this run even if one with these settings is kept."),
    )  # fmt: skip
    precision: common.Precision = common.precision()
    device: common.Device = common.device()

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that each trial trains, in order."""
        own_teacher = self.teacher_data == "same"
        equal = self.arm_same_labels and not own_teacher  # else the distilled student is this control
        wanted = {
            common.TEACHER: own_teacher, ALONE: True, DISTILLED: True, SMOOTHED: self.arm_smoothing,
            SHUFFLED: self.arm_shuffled, EQUAL_TEACHER: equal, EQUAL: equal, BUGGED: self.bug != "none",
        }  # fmt: skip
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Each arm with the teacher that it needs; all together where several need the trial's own teacher."""
        if common.TEACHER in self.arms:
            return (Job("all arms", self.arms),)
        equal = Job(EQUAL, (EQUAL_TEACHER, EQUAL), effort=2.0)
        return tuple(
            equal if arm == EQUAL else
            Job(arm, (arm,), prepared=arm != ALONE, trials=1 if arm == BUGGED else self._side_by_side)
            for arm in self.arms if arm != EQUAL_TEACHER  # a student alone has no teacher
        )  # fmt: skip

    @property
    def _side_by_side(self) -> int:
        """How many trials' students train as one batch. Larger ones gain little: their time goes into products."""
        plain = self.method == "logits" and self.left_out == "none"  # else trials differ in size
        here = self.device == "cpu" and self.precision == "float32"
        return SIDE_BY_SIDE if self.student == "mlp30" and plain and here else 1

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
        found |= {"teacher_epochs", "teacher_seed"} if self.teacher_data == "same" else set()
        if self.alpha == 0:
            found |= {"temperature", "t_squared"}
            if self.method in ("logits", "decoupled"):  # the others have a term of their own beside α
                found |= {"method", "method_weight", "teacher", "teacher_data", "teacher_epochs", "teacher_seed",
                          "test_time_augmentation"}  # fmt: skip
        return frozenset(found)

    def check(self, data: Any) -> None:
        """Refuse what this data or these networks cannot give. Raises Problem, which says what to change."""
        common.require_images(self.train_size, data)
        if self.method == "attention" and not self.student == self.teacher == "article":
            raise Problem(
                N_("Attention maps need convolutions in both networks: choose the article's, or another method.")
            )
        if self.bug != "none" and self.method != "logits":
            raise Problem(
                N_(
                    "The arm with a bug learns from soft targets: set “Distillation method” to these, or leave it "
                    "out."
                )
            )
        if self.bug == "training_mode" and self.test_time_augmentation:
            raise Problem(
                N_("The bug “teacher in training mode” is shown without test-time augmentation: set “Teacher's "
                   "test-time augmentation” to 0.")
            )  # fmt: skip
        if self.left_out != "none" and self.dataset != MNIST:
            raise Problem(N_("“Digits left out” are MNIST's: set it to none, or “Data set” back to MNIST."))
        if self.left_out != "none" and self.teacher_data == "same":
            raise Problem(
                N_("A teacher trained on the student's labels does not know the digits left out either: give it "
                   "all training images.")
            )  # fmt: skip
