"""What runs are compared by: the validation curves of their main arms, and which runs may be compared at all.

Only validation is looked at here. The test set belongs to a run's own verdict: to choose among runs by it would
wear it out.
"""

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

from kd_core.distillation.settings import DISTILLED
from kd_core.messages import N_, Scalar
from kd_core.meta_learning.settings import FIRST_ORDER, MAML
from kd_core.multitask.settings import JOINT, TASK_SETS, MultitaskSettings, arm_of
from kd_core.results.schema import Arm, ArmTrial, Result
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import ANCHORED, BACKBONES, FROZEN, TUNED

# What the images are called in a Result, for those whose name is not a name in every language.
DATA_NAMES = (
    N_("MNIST two digits"), N_("MNIST turned"), N_("MNIST rotated"), N_("MNIST inverted"),
    N_("UCI digits two digits"), N_("UCI digits turned"), N_("UCI digits"),
)  # fmt: skip

Points = tuple[tuple[float, float], ...]  # (epoch, errors in percent) or (meta-step, loss)

# What makes another task of it, beside the data: errors on another task measure something else.
TASK_FIELDS = {
    "distillation": ("left_out",),
    "transfer": ("task",),
    "multitask": ("tasks",),
    "meta_learning": ("problem", "ways"),
}
# What decides which images (or tasks) a seed draws.
DRAWN_BY = {
    "distillation": ("train_size", "left_out"),
    "transfer": ("labels_per_class",),
    "multitask": ("train_size",),
    "meta_learning": ("shots", "queries"),
}


def main_arms(technique: str, settings: Mapping[str, Scalar], varied: Collection[str] = ()) -> tuple[str, ...]:
    """The arms that a run's question is about: the one its verdict names, of several tasks one each.

    varied: the settings that a map varies. λ pulls in one arm of transfer alone, which then is the one to judge by.
    """
    if technique == "multitask":
        tasks = settings.get("tasks")
        names = MultitaskSettings.parse({"tasks": tasks}).task_names if tasks in TASK_SETS else ()
        return tuple(arm_of(task, JOINT) for task in names)
    if technique == "transfer":
        backbone = settings.get("network") in BACKBONES
        if "lam" in varied and (settings.get("tune_backbone") or not backbone):
            return (ANCHORED,)
        if "base_learning_rate" in varied and settings.get("tune_backbone"):
            return (TUNED,)
        return (FROZEN,) if backbone else (TUNED,)
    if technique == "meta_learning":
        return (FIRST_ORDER,) if settings.get("first_order") else (MAML,)
    return (DISTILLED,)


def group(technique: str, settings: Mapping[str, Scalar], data: str | None) -> tuple[Scalar, ...]:
    """Runs of one group measure the same: one technique, one data set, one task. Others are never compared.

    data: the name of the images, or of what was made of them ("MNIST two digits").
    """
    # A run that was kept before a field came is as its default.
    specs = TECHNIQUES[technique].specs() if technique in TECHNIQUES else {}
    task = tuple(settings.get(field, specs[field].default) for field in TASK_FIELDS.get(technique, ()))
    if settings.get("problem") == "sinusoids":
        return technique, "", "sinusoids"
    base = next((name for name in ("MNIST", "UCI digits") if (data or "").startswith(name)), data or "")
    return technique, "MNIST" if task == ("uci",) else base, *task  # that task's source is always MNIST


def score(technique: str, settings: Mapping[str, Scalar], validation: Mapping[str, float]) -> float | None:
    """What a run is ranked by: its main arm's validation errors per 10,000, or loss; of several tasks the mean."""
    arms = main_arms(technique, settings)
    return fmean(validation[arm] for arm in arms) if arms and all(arm in validation for arm in arms) else None


def of_losses(result: Result) -> bool:
    """Whether its arms are compared by a loss and not by errors."""
    return result.measure != "errors"


def points(result: Result, trial: ArmTrial) -> Points:
    """One trial's validation curve: errors in percent, or the loss; empty where nothing was looked at."""
    if of_losses(result):
        steps, losses = trial.series.get("meta-steps", ()), trial.series.get("validation loss", ())
        return tuple(zip(steps, losses, strict=False))
    return tuple((epoch, 100 * errors / result.data.validation) for epoch, errors in trial.curve)


def curves(result: Result, arms: Sequence[str]) -> dict[int, Points]:
    """Seed -> the mean over `arms` of their validation curves; trials without one are left out."""
    found: dict[int, Points] = {}
    there = {arm.name: arm for arm in result.arms}
    if not arms or not all(name in there for name in arms):
        return {}
    for trial in there[arms[0]].trials:
        each = [points(result, t) for name in arms for t in there[name].trials if t.seed == trial.seed]
        if len(each) == len(arms) and all(each) and len({len(curve) for curve in each}) == 1:
            found[trial.seed] = tuple((at[0][0], fmean(y for _x, y in at)) for at in zip(*each, strict=True))
    return found


def ends(result: Result, arms: Sequence[str]) -> dict[int, float]:
    """Seed -> where `curves` ends: at the last epoch, never at the best one."""
    return {seed: curve[-1][1] for seed, curve in curves(result, arms).items()}


def per_10000(result: Result, arm: Arm) -> list[float]:
    """The arm's validation errors per 10,000 (or its loss) after the last epoch, trial by trial."""
    last = [points(result, trial)[-1][1] for trial in arm.trials if points(result, trial)]
    return last if of_losses(result) else [100 * percent for percent in last]
