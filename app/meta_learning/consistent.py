"""Consistency rules of meta-learning: what the settings of an imported Result imply for its numbers."""

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from app.history.consistent import SHORT, Claim, Rules, of_labels
from kd_core.meta_learning.settings import (
    CENTROID_FEATURES,
    CENTROID_PIXELS,
    PRETRAINED,
)
from kd_core.results.comparability import of_losses
from kd_core.results.schema import ArmTrial, Result
from kd_core.settings.common import SCRATCH


def further(result: Result, settings: Any) -> Iterator[Claim]:
    each = settings.ways if settings.problem == "digits" else 1
    drawn = settings.iterations * settings.meta_batch
    queries = each * settings.queries if settings.problem == "digits" else 1
    yield Claim("data.train", result.data.train, "settings", drawn * queries)
    for number, arm in enumerate(result.arms):
        yield Claim(f"arms.{number}.shared", arm.shared, "technique", False)
        seen = drawn * each * (settings.shots + settings.queries)
        behind = None if arm.name in (SCRATCH, CENTROID_PIXELS) else seen
        yield from of_labels(result, arm, each * settings.shots, behind, "settings")
        for place, trial in enumerate(arm.trials):
            yield from _of_adaptation(result, settings, trial, queries, f"arms.{number}.trials.{place}")


def _of_adaptation(result: Result, settings: Any, trial: ArmTrial, queries: int, here: str) -> Iterator[Claim]:
    """Means over tasks are those of the tasks, before and after as many steps as are set."""
    name = "query loss" if of_losses(result) else "query errors"
    path, steps = trial.series.get(name, ()), trial.series.get("steps", ())
    counted = list(map(float, range(len(path))))
    yield Claim(f"{here}.series.steps", list(steps), f"len({here}.series.{name})", counted)
    for when, at in (("before", 0), ("after", settings.inner_steps)):
        by_task = trial.series.get(f"by task, {when}", ())
        place = f"{here}.series.by task, {when}"
        yield Claim(f"len({place})", len(by_task) * queries, "data.test", result.data.test)
        if by_task and at < len(path):
            yield Claim(f"mean({place})", fmean(by_task), f"{here}.series.{name}.{at}", path[at], SHORT)
    if not of_losses(result) and settings.inner_steps < len(path):
        share = trial.test_errors / result.data.test
        yield Claim(f"{here}.series.{name}.{settings.inner_steps}", path[settings.inner_steps],
                    f"{here}.test_errors", share)  # fmt: skip


RULES = Rules(
    baseline=lambda main: PRETRAINED,
    # From scratch is not trained at all.
    end=lambda settings, arm: ("iterations", 0 if arm.name == SCRATCH else settings.iterations),
    scope=lambda result, arm: {
        "labels": f"{arm.teacher_labels or 0:,}", "shots": str(arm.labels),
        "steps": str(result.settings.get("inner_steps")),
    },
    further=further,
    measure=lambda settings: "query loss" if settings.problem == "sinusoids" else "errors",
    repeats=True,
    untrained=(CENTROID_PIXELS, CENTROID_FEATURES),
)  # fmt: skip
