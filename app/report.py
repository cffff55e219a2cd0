"""Result -> files to take away: CSV, JSON, a network's weights. Figures are saved by their own camera button."""

from typing import TYPE_CHECKING

from app.depth import pairs
from kd_core.events import Arm, Result
from kd_core.settings import TEACHER
from kd_core.statistics import agreement, calibration_error

if TYPE_CHECKING:
    import pandas as pd


def table(result: Result) -> "pd.DataFrame":
    """One row for each arm and trial, with everything that was measured."""
    import pandas as pd  # takes half a second: not before somebody asks for it

    teacher = next((arm for arm in result.arms if arm.name == TEACHER), None)
    rows = []
    for arm in result.arms:
        agreeing = _agreements(arm, teacher)
        for trial in arm.trials:
            share = agreeing.get(trial.seed)
            rows.append({
                "technique": result.technique,
                "data": result.data.name,
                "arm": arm.name,
                "model": arm.model,
                "seed": trial.seed,
                "labels": arm.labels,
                "teacher_labels": arm.teacher_labels,
                "test_images": result.data.test,
                "test_errors": trial.test_errors,
                "errors_per_10000": 10_000 * trial.test_errors / result.data.test,
                "expected_calibration_error": calibration_error(trial),
                "agreement_with_teacher": None if share is None else share / result.data.test,
                "training_seconds": trial.seconds,
                "parameters": arm.cost.parameters,
                "multiply_adds": arm.cost.multiply_adds,
                "bytes": arm.cost.bytes,
                "latency_ms": arm.cost.latency_ms,
            })  # fmt: skip
    return pd.DataFrame(rows).astype({"teacher_labels": "Int64"})


def _agreements(arm: Arm, teacher: Arm | None) -> dict[int, int]:
    """Seed -> test images on which the arm answers as the teacher of its trial; empty for the teacher itself."""
    if teacher is None or arm.name == teacher.name:
        return {}
    return {trial.seed: agreement(trial, its) for trial, its in pairs(arm, teacher)}


def csv(result: Result) -> str:
    """`table` as comma-separated values."""
    return str(table(result).to_csv(index=False))


def json(result: Result) -> str:
    """The whole Result but for the networks' weights; `Result.model_validate_json` reads it back."""
    return result.without_networks().model_dump_json(indent=1)


def file_name(result: Result, what: str, ending: str) -> str:
    """A name that says where a file came from: distillation-distilled-student-seed-0.safetensors."""
    words = "".join(letter if letter.isalnum() else " " for letter in f"{result.technique} {what}").split()
    return f"{'-'.join(words)}.{ending}"
