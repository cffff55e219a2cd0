"""What runs are compared by: the validation curves of their main arms, and which runs may be compared at all.

Only validation is looked at here. The test set belongs to a run's own verdict: to choose among runs by it would
wear it out.
"""

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

from kd_core.messages import N_, Scalar
from kd_core.results.schema import Arm, ArmTrial, Result
from kd_core.techniques import TECHNIQUES

# What the images are called in a Result, for those whose name is not a name in every language.
DATA_NAMES = (
    N_("MNIST two digits"), N_("MNIST turned"), N_("MNIST rotated"), N_("MNIST inverted"),
    N_("UCI digits two digits"), N_("UCI digits turned"), N_("UCI digits"),
)  # fmt: skip

Points = tuple[tuple[float, float], ...]  # (epoch, errors in percent) or (meta-step, loss)


def main_arms(technique: str, settings: Mapping[str, Scalar], varied: Collection[str] = ()) -> tuple[str, ...]:
    """The arms that a run's question is about: the one its verdict names, of several tasks one each.

    varied: the settings that a sweep varies, which may move the question to another arm. None for a technique that
    the lab does not know: a store may hold runs of another version.
    """
    return TECHNIQUES[technique].main_arms(settings, varied) if technique in TECHNIQUES else ()


def group(technique: str, settings: Mapping[str, Scalar], data: str | None) -> tuple[Scalar, ...]:
    """Runs of one group measure the same: one technique, one data set, one task. Others are never compared.

    data: the name of the images, or of what was made of them ("MNIST two digits").
    """
    images = next((name for name in ("MNIST", "UCI digits") if (data or "").startswith(name)), data or "")
    return TECHNIQUES[technique].group(settings, images) if technique in TECHNIQUES else (technique, images)


def score(technique: str, settings: Mapping[str, Scalar], validation: Mapping[str, float]) -> float | None:
    """What a run is ranked by: its main arm's validation errors per 10,000, or loss; of several tasks the mean."""
    arms = main_arms(technique, settings)
    return fmean(validation[arm] for arm in arms) if arms and all(arm in validation for arm in arms) else None


def of_losses(result: Result) -> bool:
    """Whether its arms are compared by a loss and not by errors."""
    return result.measure != "errors"


def drawn(result: Result, trial: ArmTrial) -> list[tuple[int, int, int]]:
    """One trial's validation curve as counts, all on the same images: (epoch, errors, images)."""
    if trial.curve_images is None or trial.curve_end is None:
        return [(epoch, errors, result.data.validation) for epoch, errors in trial.curve]
    *before, (last, _) = trial.curve
    return [(epoch, errors, trial.curve_images) for epoch, errors in (*before, (last, trial.curve_end))]


def points(result: Result, trial: ArmTrial) -> Points:
    """One trial's validation curve as drawn: errors in percent, or the loss; empty where nothing was looked at."""
    if of_losses(result):
        steps, losses = trial.series.get("meta-steps", ()), trial.series.get("validation loss", ())
        return tuple(zip(steps, losses, strict=False))
    return tuple((epoch, 100 * errors / images) for epoch, errors, images in drawn(result, trial))


def end(result: Result, trial: ArmTrial) -> float:
    """What a trial with a curve is ranked by: its last errors on the whole validation split in percent, or loss."""
    return points(result, trial)[-1][1] if of_losses(result) else 100 * trial.curve[-1][1] / result.data.validation


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
    """Seed -> the mean over `arms` of their `end`: after the last epoch, never the best one."""
    there = [trial for name in arms for arm in result.arms if arm.name == name for trial in arm.trials]
    return {seed: fmean(end(result, t) for t in there if t.seed == seed) for seed in curves(result, arms)}


def per_10000(result: Result, arm: Arm) -> list[float]:
    """The arm's validation errors per 10,000 (or its loss) after the last epoch, trial by trial."""
    last = [end(result, trial) for trial in arm.trials if points(result, trial)]
    return last if of_losses(result) else [100 * percent for percent in last]
