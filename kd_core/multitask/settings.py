"""What a multi-task run may vary, and the names of its arms. No torch here."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from kd_core.messages import N_, Problem
from kd_core.settings import common
from kd_core.settings.base import Job, Settings
from kd_core.settings.fields import field

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
    module: ClassVar[str] = "kd_core.multitask.trainer"
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
    weight_left: float = _task_weight(N_("Left digit: weight αᵢ"))
    weight_right: float = _task_weight(N_("Right digit: weight αᵢ"))
    weight_digit: float = _task_weight(N_("Digit: weight αᵢ"))
    weight_parity: float = _task_weight(N_("Parity: weight αᵢ"))
    weight_five: float = _task_weight(N_("At least five: weight αᵢ"))
    weight_angle: float = _task_weight(N_("Rotation angle: weight αᵢ"))
    weighting: Literal["fixed", "uncertainty", "dwa", "pcgrad"] = field(
        "fixed", choices=WEIGHTINGS, label=N_("Weighting"),
        help=N_("How the weighted losses are combined; none of these always wins."),
    )  # fmt: skip
    body: Literal["medium", "small"] = field(
        "medium", choices=BODIES, more=common.TRAINING, label=N_("Shared body"),
        help=N_("The layers that all tasks share; in a small body the tasks compete for room."),
    )  # fmt: skip
    train_size: int = field(
        1000, ge=50, le=55_000, step=50, log=True, label=N_("Labelled images"),
        help=N_("How many images each network sees, labelled for each of its tasks; drawn anew for each seed."),
    )  # fmt: skip
    epochs: int = field(
        20, ge=1, le=200, step=1, more=common.TRAINING, label=N_("Epochs"),
        help=N_("How often each network sees its images."),
    )  # fmt: skip
    seeds: int = common.seeds()
    batch_size: int = common.batch_size(64)
    learning_rate: float = common.learning_rate()
    seed: int = common.first_seed()
    precision: common.Precision = common.precision()
    device: common.Device = common.device()

    @property
    def task_names(self) -> tuple[str, ...]:
        """The ids of the chosen tasks, in order."""
        return ("left", "right") if self.tasks == "two_digits" else tuple(self.tasks.split("_"))

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights α_i of the chosen tasks, in their order, as set."""
        return tuple(getattr(self, f"weight_{task}") for task in self.task_names)

    @property
    def equal_as_set(self) -> bool:
        """Whether "as set" is "equal weights", to the last bit: one network is trained for both then."""
        return self.weighting == "fixed" and set(self.weights) == {1.0}

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Each network: the arms of one task, or a joint one's of all. None needs more than the data.

        The smallest come last, so that no worker has much to do when others have nothing left.
        """
        fair, alone = ([(arm_of(task, scheme),) for task in self.task_names] for scheme in (FAIR, TASK_ALONE))
        equal, as_set = (tuple(arm_of(task, scheme) for task in self.task_names) for scheme in (JOINT_EQUAL, JOINT))
        joint = [(*as_set, *equal)] if self.equal_as_set else [equal, as_set]
        return tuple(Job(arms[0], arms, prepared=False) for arms in (*fair, *joint, *alone))

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
        common.require_images(self.train_size, data)
        if not any(self.weights):
            raise Problem(N_("All task weights are 0: nothing would be learned. Give at least one task a weight."))
