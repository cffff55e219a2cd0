"""What the lab knows of transfer learning. No torch here."""

from collections.abc import Collection, Mapping

from kd_core.data.chosen import MNIST
from kd_core.messages import N_, Scalar
from kd_core.techniques import Command, SweepPreset, Technique
from kd_core.transfer.presets import TRANSFER_LIMITS, TRANSFER_PRESETS
from kd_core.transfer.settings import ANCHORED, BACKBONES, FROZEN, OWN, TUNED, TransferSettings


def main_arms(settings: Mapping[str, Scalar], varied: Collection[str]) -> tuple[str, ...]:
    """Fine-tuning, or a frozen network of ImageNet; the arm that is pulled, where a sweep varies the pull."""
    backbone = settings.get("network") in BACKBONES
    if "lam" in varied and (settings.get("tune_backbone") or not backbone):
        return (ANCHORED,)
    if "base_learning_rate" in varied and settings.get("tune_backbone"):
        return (TUNED,)
    return (FROZEN,) if backbone else (TUNED,)


def task(settings: Mapping[str, Scalar], images: str) -> tuple[Scalar, ...]:
    """Source and target. Of the task "uci" the source is always MNIST; one's own images are a task of their own."""
    if settings["dataset"] != MNIST:
        return images, OWN
    return "MNIST" if settings["task"] == "uci" else images, settings["task"]


# Sentences of the verdict, in pairs: arm better, arm worse.
TRANSFER = (
    N_("Transfer helped: fine-tuning has {points} points more accuracy than training from scratch "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Negative transfer: fine-tuning has {points} points less accuracy than training from scratch "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip
BACKBONE = (
    N_("ImageNet helped: a new top on the frozen network has {points} points more accuracy than the article's CNN "
       "trained from scratch on the same labels (95 % interval {low} to {high}, {n} paired trials)."),
    N_("ImageNet did not help: a new top on the frozen network has {points} points less accuracy than the "
       "article's CNN trained from scratch on the same labels (95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip

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
    quick={"seeds": 3, "epochs": 20, "labels_per_class": 20},
    presets=(TRANSFER_PRESETS, TRANSFER_LIMITS),
    commands=(
        Command(
            "backbone", "fetch or hand over the weights of a network of ImageNet", "kd_core.transfer.commands"
        ),
    ),
    task=task,
    sweeps={
        "lambda_labels": SweepPreset(
            N_("λ × labels"),
            N_("The fewer the labels, the more firmly the old weights should be held: is that so?"),
            ("labels_per_class=2,5,10,20,50", "lam=0,0.001,0.01,0.1,1"), {"seeds": 3},
        ),
    },
)  # fmt: skip
