"""Consistency rules of multi-task learning: what the settings of an imported Result imply for its numbers."""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from app.history.consistent import SHORT, Claim, Rules, of_labels
from kd_core.multitask.settings import FAIR, JOINT, JOINT_EQUAL, TASK_ALONE, TASK_LABELS, arm_of, task_of
from kd_core.results.schema import ArmTrial, Result
from kd_core.results.statistics import delta_m


def further(result: Result, settings: Any) -> Iterator[Claim]:
    arms = {arm.name: (number, arm) for number, arm in enumerate(result.arms)}
    for number, arm in arms.values():
        yield Claim(f"arms.{number}.shared", arm.shared, "technique", False)
        yield from of_labels(result, arm, settings.train_size, None, "settings.train_size")
    first = settings.task_names[0]
    for scheme in (JOINT_EQUAL, JOINT, FAIR):
        number, arm = arms[arm_of(first, scheme)]
        for place in range(len(arm.trials)):
            errors, alone = ([arms[arm_of(task, s)][1].trials[place].test_errors for task in settings.task_names]
                             for s in (scheme, TASK_ALONE))  # fmt: skip
            said, where = arm.trials[place].measures.get("delta_m"), f"arms.{number}.trials.{place}.measures"
            yield Claim(f"{where}.delta_m", said, "arms.trials.test_errors", delta_m(errors, alone))
    number, joint = arms[arm_of(first, JOINT)]
    for place, trial in enumerate(joint.trials):
        yield from _of_conflict(settings, trial, f"arms.{number}.trials.{place}")
    if settings.weighting == "fixed" and set(settings.weights) == {1.0}:  # "as set" is "equal", to the last bit
        for task in settings.task_names:
            (mine, one), (its, other) = arms[arm_of(task, JOINT)], arms[arm_of(task, JOINT_EQUAL)]
            for place, (a, b) in enumerate(zip(one.trials, other.trials, strict=True)):
                for what in ("test_errors", "curve", "confusion", "mistakes", "gallery_logits"):
                    yield Claim(f"arms.{mine}.trials.{place}.{what}", getattr(a, what),
                                f"arms.{its}.trials.{place}.{what}", getattr(b, what))  # fmt: skip


def _of_conflict(settings: Any, trial: ArmTrial, here: str) -> Iterator[Claim]:
    """What was seen of the gradients: as many looks in every series, and the share of them in conflict."""
    steps, looked = settings.epochs * math.ceil(settings.train_size / settings.batch_size), len(
        trial.series.get("step", ()))  # fmt: skip
    for name, series in trial.series.items():
        yield Claim(f"len({here}.series.{name})", len(series), f"len({here}.series.step)", looked)
    pairs = list(combinations(settings.task_names, 2))
    names = [f"cosine, {a}, {b}" for a, b in pairs] if len(pairs) > 1 else ["cosine"]
    clashes = [[cosine < 0 for cosine in trial.series.get(name, ())] for name in names]
    if not looked or any(len(of_pair) != looked for of_pair in clashes):
        yield Claim(f"len({here}.series.cosine)", 0, f"len({here}.series.step)", max(1, looked))
        return
    follows = {"steps": steps, "steps looked at": looked,
               "share of steps in conflict": sum(map(any, zip(*clashes, strict=True))) / looked}  # fmt: skip
    for (a, b), of_pair in zip(pairs, clashes, strict=True):
        if len(pairs) > 1:
            follows[f"share of steps in conflict, {a}, {b}"] = sum(of_pair) / looked
    for name, value in follows.items():
        yield Claim(f"{here}.measures.{name}", trial.measures.get(name), f"{here}.series and settings", value)
    if settings.weighting == "fixed":
        for task, weight in zip(settings.task_names, settings.weights, strict=True):
            for said in set(trial.series.get(f"weight, {task}", ())):
                yield Claim(f"{here}.series.weight, {task}", said, f"settings.weight_{task}", weight, SHORT)


RULES = Rules(
    baseline=lambda main: arm_of(task_of(main), TASK_ALONE),
    end=lambda settings, arm: ("epochs", settings.epochs),
    scope=lambda result, arm: {"images": f"{arm.labels:,}"},
    further=further,
    task=task_of,
    lowest=lambda arm: -1000 if TASK_LABELS["angle"] in arm else 0,  # an angle may lie to either side
)
