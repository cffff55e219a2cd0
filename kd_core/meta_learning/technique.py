"""What the lab knows of meta-learning. No torch here."""

from collections.abc import Mapping

from kd_core.messages import N_, Scalar
from kd_core.meta_learning.presets import META_PRESETS
from kd_core.meta_learning.settings import FIRST_ORDER, MAML, MetaSettings
from kd_core.techniques import SweepPreset, Technique


def task(settings: Mapping[str, Scalar], images: str) -> tuple[Scalar, ...]:
    """Sinusoids need no images; tasks of digits differ by how many these are."""
    if settings["problem"] == "sinusoids":
        return "", "sinusoids"
    return images, settings["problem"], settings["ways"]


# Sentences of the verdict, in pairs: arm better, arm worse.
SINUSOIDS = (
    N_("MAML starts where learning is easy: after adapting, its error is {times} times lower than that of joint "
       "pre-training (95 % interval {low} to {high} times, {n} paired trials)."),
    N_("MAML did not pay: after adapting, its error is {times} times higher than that of joint pre-training "
       "(95 % interval {low} to {high} times, {n} paired trials)."),
)  # fmt: skip
NEW_DIGITS = (
    N_("MAML starts where learning is easy: after adapting to new digits it has {points} points more accuracy than "
       "joint pre-training (95 % interval {low} to {high}, {n} paired trials)."),
    N_("MAML did not pay: after adapting to new digits it has {points} points less accuracy than joint "
       "pre-training (95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip

TECHNIQUE = Technique(
    name="meta_learning",
    title=N_("Meta-learning"),
    command="meta",
    summary="learn a starting point that learns from few examples, and say what it was worth",
    settings=MetaSettings,
    answers=(SINUSOIDS, NEW_DIGITS),
    main_arms=lambda settings, varied: (FIRST_ORDER,) if settings.get("first_order") else (MAML,),
    task_fields=("problem", "ways"),
    sample_fields=("shots", "queries"),
    quick={"seeds": 3, "iterations": 500},
    presets=(META_PRESETS,),
    counts=N_("meta-step"),
    task=task,
    sweeps={
        "inner": SweepPreset(
            N_("Inner step size × steps"),
            N_("Few large steps, or many small ones? Judged by the loss on new tasks."),
            ("inner_lr=0.003,0.01,0.03", "inner_steps=1,3,5"), {"seeds": 3, "iterations": 500},
        ),
    },
)  # fmt: skip
