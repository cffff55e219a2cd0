"""What the lab knows of transfer learning. No torch here."""

from collections.abc import Collection, Mapping

from kd_core.messages import N_, Scalar
from kd_core.sweeps.preset import SweepPreset
from kd_core.techniques import Command, Technique
from kd_core.transfer.settings import ANCHORED, BACKBONES, FROZEN, TUNED, TransferSettings
from kd_core.transfer.wording import BACKBONE, TRANSFER


def main_arms(settings: Mapping[str, Scalar], varied: Collection[str]) -> tuple[str, ...]:
    """Fine-tuning, or a frozen network of ImageNet; the arm that is pulled, where a sweep varies the pull."""
    backbone = settings.get("network") in BACKBONES
    if "lam" in varied and (settings.get("tune_backbone") or not backbone):
        return (ANCHORED,)
    if "base_learning_rate" in varied and settings.get("tune_backbone"):
        return (TUNED,)
    return (FROZEN,) if backbone else (TUNED,)


TECHNIQUE = Technique(
    name="transfer",
    title=N_("Transfer learning"),
    command="transfer",
    summary="train on few labels from scratch and from old weights, and say what these were worth",
    settings=TransferSettings,
    answers=(TRANSFER, BACKBONE),
    main_arms=main_arms,
    task_fields=("task",),
    sample_fields=("labels_per_class",),
    commands=(
        Command(
            "backbone", "fetch or hand over the weights of a network of ImageNet", "kd_core.transfer.commands"
        ),
    ),
    # The source of that task is always MNIST.
    task=lambda settings, images: ("MNIST" if settings["task"] == "uci" else images, settings["task"]),
    sweeps={
        "lambda_labels": SweepPreset(
            N_("λ × labels"),
            N_("The fewer the labels, the more firmly the old weights should be held: is that so?"),
            ("labels_per_class=2,5,10,20,50", "lam=0,0.001,0.01,0.1,1"), {"seeds": 3},
        ),
    },
)  # fmt: skip
