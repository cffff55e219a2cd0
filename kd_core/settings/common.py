"""What the settings of several techniques share. No torch here."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from kd_core.data.chosen import MNIST
from kd_core.data.own.kept import is_name
from kd_core.messages import N_, Problem
from kd_core.settings.fields import field

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

# Arms that several parts of the lab know: networks trained before the trials, and one from random weights.
TEACHER, SOURCE = N_("teacher"), N_("source model as it is")
SCRATCH = N_("from scratch")


# Headings behind "More".
TEACHING, LOSS, ARMS = N_("Teacher"), N_("Loss"), N_("Arms")
TRAINING, TRIALS = N_("Training"), N_("Trials and computing")


def _named(name: str) -> str:
    """`name`, if a data set may be called so. Raises ValueError."""
    if name != MNIST and not is_name(name):
        raise ValueError("no name of a data set")
    return name


DatasetName = Annotated[str, AfterValidator(_named)]  # whether it is there, the machine that trains will see
Precision = Literal["auto", "float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda", "mps"]


def seeds(help: str = N_("How many independent trials; each sets weights, order and the labelled images.")) -> Any:
    """The field `seeds`: how many trials."""
    return field(5, ge=1, le=20, step=1, more=TRIALS, label=N_("Seeds"), help=help)


def first_seed() -> Any:
    """The field `seed`: that of the first trial."""
    return field(
        0, ge=0, le=1_000_000, step=1, more=TRIALS, log=True, label=N_("First seed"),
        help=N_("The trials use this seed and those that follow it."),
    )  # fmt: skip


def batch_size(default: int) -> Any:
    """The field `batch_size`."""
    return field(
        default, ge=8, le=1024, step=8, more=TRAINING, log=True, unit=N_("images"), label=N_("Batch size"),
        help=N_("Images in one training step."),
    )  # fmt: skip


def learning_rate() -> Any:
    """The field `learning_rate` of what Adam trains."""
    return field(
        0.002, ge=1e-5, le=0.1, step=0.0005, more=TRAINING, log=True, label=N_("Learning rate"),
        help=N_("Adam's step size."),
    )  # fmt: skip


def dataset(help: str) -> Any:
    """The field `dataset`, of type DatasetName: MNIST, or the name of a data set that somebody has added."""
    return field(MNIST, open=True, choices={MNIST: "MNIST"}, later=True, label=N_("Data set"), help=help)


def require_images(asked: int, data: Any) -> None:
    """Raise Problem where more labelled images are asked for than the training set of `data` has."""
    there = len(data.train.labels)
    if asked > there:
        raise Problem(
            N_("{given} labelled images were asked for, but the training set has {there}; choose fewer."),
            given=asked, there=there,
        )  # fmt: skip
    classes = len(data.train.labels.unique())
    if asked < classes:
        raise Problem(
            N_("{given} labelled images cannot show each of the {classes} classes; choose at least {classes}."),
            given=asked, classes=classes,
        )  # fmt: skip


def precision() -> Any:
    """The field `precision`, of type Precision."""
    return field(
        "auto", more=TRIALS, label=N_("Arithmetic"),
        choices={"auto": N_("fastest here"), "float32": "float32", "bfloat16": "bfloat16"},
        help=N_("bfloat16 is faster only where the processor has it."),
    )  # fmt: skip


def device() -> Any:
    """The field `device`, of type Device."""
    return field(
        "auto", more=TRIALS, label=N_("Device"),
        choices={"auto": N_("fastest here"), "cpu": "CPU", "cuda": "CUDA", "mps": "Apple MPS"},
        help=N_("Where the networks train."),
    )  # fmt: skip
