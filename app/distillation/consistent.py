"""Consistency rules of distillation: what the settings of an imported Result imply for its numbers."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.history.consistent import Claim, Rules, of_labels
from kd_core.distillation.settings import ALONE, DIGITS_LEFT_OUT, EQUAL, EQUAL_TEACHER, SHIFTS, SMOOTHED
from kd_core.results.schema import ArmTrial, Result
from kd_core.settings.common import TEACHER


def further(result: Result, settings: Any) -> Iterator[Claim]:
    one_for_all = settings.teacher_data == "all"
    student = result.arm(ALONE)
    most = settings.train_size  # of these, digits left out are none
    few = student.labels if settings.left_out != "none" else most
    yield Claim(f"“{ALONE}”.labels", student.labels, "settings.train_size", min(student.labels, most))
    everything = result.data.train if one_for_all else few
    for number, arm in enumerate(result.arms):
        here = f"arms.{number}"
        teaches = arm.name == TEACHER
        yield Claim(f"{here}.shared", arm.shared, "settings.teacher_data", teaches and one_for_all)
        behind = {**dict.fromkeys((TEACHER, EQUAL_TEACHER, ALONE, SMOOTHED)), EQUAL: few}.get(arm.name, everything)
        yield from of_labels(result, arm, everything if teaches else few, behind, "settings and data.train")
        if settings.left_out != "none" and arm.trials[0].measures:
            for place, trial in enumerate(arm.trials):
                yield from _of_left_out(DIGITS_LEFT_OUT[settings.left_out], trial, f"{here}.trials.{place}")


def _of_left_out(digits: Sequence[int], trial: ArmTrial, here: str) -> Iterator[Claim]:
    """At no shift errors are those of the run; the tuned shift is that of the fewest errors."""
    errors, missed = (trial.series.get(f"{what} by shift", ()) for what in ("errors", "missed"))
    yield Claim(f"len({here}.series.errors by shift)", len(errors), "the lab's shifts", len(SHIFTS))
    yield Claim(f"len({here}.series.missed by shift)", len(missed), "the lab's shifts", len(SHIFTS))
    if len(errors) != len(SHIFTS) or len(missed) != len(SHIFTS) or len(trial.confusion) <= max(digits):
        return
    yield Claim(f"{here}.series.errors by shift.0", errors[0], f"{here}.test_errors", trial.test_errors)
    own = [(digit, trial.confusion[digit]) for digit in digits]
    lost = sum(sum(row) - row[digit] for digit, row in own)
    yield Claim(f"{here}.series.missed by shift.0", missed[0], f"{here}.confusion", lost)
    tuned = min(range(len(SHIFTS)), key=errors.__getitem__)
    follows = {"left-out images": sum(sum(row) for _, row in own), "tuned shift": SHIFTS[tuned],
               "tuned errors": errors[tuned], "tuned missed": missed[tuned]}  # fmt: skip
    for name, value in follows.items():
        yield Claim(f"{here}.measures.{name}", trial.measures.get(name), f"{here}.series and confusion", value)


RULES = Rules(
    prepared=lambda settings: [TEACHER],  # or each trial, where it learns from the labels of that trial
    baseline=lambda main: ALONE,
    end=lambda settings, arm: (
        ("teacher_epochs", settings.teacher_epochs) if arm.shared else ("epochs", settings.epochs)
    ),
    scope=lambda result, arm: {"teacher": f"{arm.teacher_labels or 0:,}", "student": f"{arm.labels:,}"},
    further=further,
)
