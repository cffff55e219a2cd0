"""What the lab knows of multi-task learning. No torch here."""

from collections.abc import Collection, Mapping

from kd_core.messages import N_, Scalar
from kd_core.multitask.presets import MULTITASK_PRESETS
from kd_core.multitask.settings import JOINT, TASK_SETS, MultitaskSettings, arm_of
from kd_core.techniques import SweepPreset, Technique


def main_arms(settings: Mapping[str, Scalar], varied: Collection[str]) -> tuple[str, ...]:
    """Each task, learned jointly as set."""
    tasks = settings.get("tasks")
    names = MultitaskSettings.parse({"tasks": tasks}).task_names if tasks in TASK_SETS else ()
    return tuple(arm_of(task, JOINT) for task in names)


# Sentences of the verdict, in pairs: arm better, arm worse.
MULTITASK = (
    N_("Sharing helped “{task}”: learned jointly it has {points} points more accuracy than alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
    N_("Sharing hurt “{task}”: learned jointly it has {points} points less accuracy than alone "
       "(95 % interval {low} to {high}, {n} paired trials)."),
)  # fmt: skip

TECHNIQUE = Technique(
    name="multitask",
    title=N_("Multi-task learning"),
    command="multitask",
    summary="train tasks alone and with one shared body, and say what sharing was worth to each",
    settings=MultitaskSettings,
    answers=(MULTITASK,),
    main_arms=main_arms,
    task_fields=("tasks",),
    sample_fields=("train_size",),
    quick={"seeds": 3, "epochs": 8, "train_size": 1000},
    presets=(MULTITASK_PRESETS,),
    sweeps={
        "task_weights": SweepPreset(
            N_("Two task weights"),
            N_("Only the ratio of two weights should matter, apart from the size of the step."),
            ("weight_left=0.1,0.3,1,3", "weight_right=0.1,0.3,1,3"), {"seeds": 3},
        ),
    },
)  # fmt: skip
