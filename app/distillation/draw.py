"""Which networks answer on the page where a digit is drawn, and what its address may ask for."""

from collections.abc import Callable, Sequence
from typing import ClassVar, TypedDict

from app.results.bundled import Digit
from kd_core.data.pixels import MNIST
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.export.layers import layers
from kd_core.messages import N_, Problem
from kd_core.results.schema import Result
from kd_core.settings.base import Settings
from kd_core.settings.common import TEACHER
from kd_core.settings.fields import field

KINDS = {"teacher": TEACHER, "alone": ALONE, "distilled": DISTILLED}


class DrawSettings(Settings):
    """How the page is opened; the address carries it as it carries a run's settings."""

    technique: ClassVar[str] = "draw"

    temperature: float = field(
        4.0, ge=0.5, le=50, step=0.1, symbol="T", label=N_("Temperature T"),
        help=N_("Divides the logits before the softmax: 1 leaves them as they are, more softens them."),
    )  # fmt: skip


class Network(TypedDict):
    """A network that answers, numbers as they are written.

    kind: as in KINDS; labels: that it saw; errors: of `test` digits; weights: a safetensors file.
    """

    kind: str
    name: str
    labels: str
    errors: str
    test: str
    weights: bytes


def networks(result: Result, _: Callable[..., str]) -> list[Network]:
    """Teacher, student alone and distilled student of a distillation run's first trial, in this order.

    Raises Problem where the run has no such networks, or they saw no MNIST digits.
    """
    if result.data.name != MNIST:
        raise Problem("That run's networks have not seen MNIST's digits.")
    found: list[Network] = []
    for kind, name in KINDS.items():
        arm = next((arm for arm in result.arms if arm.name == name), None)
        trial = arm.trials[0] if arm else None
        if arm is None or trial is None or trial.weights is None:
            raise Problem("The result of that run contains no networks.")
        layers(trial.weights)
        found.append({
            "kind": kind, "name": _(name), "labels": f"{arm.labels:,}", "errors": f"{trial.test_errors:,}",
            "test": f"{result.data.test:,}", "weights": trial.weights,
        })  # fmt: skip
    return found


def one_of_each(gallery: Sequence[Digit]) -> list[Digit]:
    """The gallery's first digit of each label, 0 to 9."""
    return [next(digit for digit in gallery if digit["label"] == label) for label in range(10)]


def provenance(result: Result, is_recorded: bool, _: Callable[..., str]) -> str:
    """Which networks answer, and why their answers to one drawing decide nothing."""
    values = dict(
        date=result.provenance.created[:10], seed=result.arm(DISTILLED).trials[0].seed,
        large=f"{result.arm(TEACHER).cost.parameters:,}", small=f"{result.arm(DISTILLED).cost.parameters:,}",
        t=f"{result.settings['temperature']:g}", alpha=f"{result.settings['alpha']:g}",
        test=f"{result.data.test:,}",
    )  # fmt: skip
    made = (
        _("These networks are those of the recorded run of {date}, its first trial (seed {seed}).", **values)
        if is_recorded
        else _("These networks are those of the run of {date}, its first trial (seed {seed}).", **values)
    )
    return " ".join([
        made,
        _("The teacher has {large} parameters, each student {small}; the distilled one learned at T = {t} with "
          "teacher weight α = {alpha}.", **values),
        _("The examples are chosen for what they show. How much better a network is, the run's verdict says, on "
          "{test} digits.", **values),
    ])  # fmt: skip
