"""Result -> files to take away: CSV, JSON, a script that repeats the run, a network's weights.

Figures are saved by a button of their own.
"""

import csv as comma_separated
import io
from collections.abc import Mapping

from app.figures.depth import pairs
from kd_core.data.chosen import is_own
from kd_core.results.schema import Arm, ArmTrial, Result
from kd_core.results.statistics import agreement, calibration_error
from kd_core.settings.common import TEACHER
from kd_core.techniques import TECHNIQUES


def rows(result: Result) -> list[dict[str, object]]:
    """One row for each arm and trial, with everything that was measured; None where there is nothing."""
    teacher = next((arm for arm in result.arms if arm.name == TEACHER), None)
    made: list[dict[str, object]] = []
    counted = result.measure == "errors"
    for arm in result.arms:
        agreeing = _agreements(arm, teacher)
        for trial in arm.trials:
            share = agreeing.get(trial.seed)
            made.append({
                "technique": result.technique,
                "data": result.data.name,
                "arm": arm.name,
                "model": arm.model,
                "seed": trial.seed,
                "labels": arm.labels,
                "teacher_labels": arm.teacher_labels,
                "test_images": result.data.test,
                "test_errors": trial.test_errors if counted else None,
                "errors_per_10000": 10_000 * trial.test_errors / result.data.test if counted else None,
                "query_loss": None if counted else loss(result, trial),
                "expected_calibration_error": calibration_error(trial) if trial.bins else None,
                "agreement_with_teacher": None if share is None else share / result.data.test,
                "training_seconds": trial.seconds,
                "parameters": arm.cost.parameters,
                "multiply_adds": arm.cost.multiply_adds,
                "bytes": arm.cost.bytes,
                "latency_ms": arm.cost.latency_ms,
                **_of_left_out(trial),
            })  # fmt: skip
    return made


def _of_left_out(trial: ArmTrial) -> dict[str, float]:
    """What a shift of the biases of digits left out came to in a trial; nothing where none was left out."""
    if "left-out images" not in trial.measures:
        return {}
    return {name.replace(" ", "_").replace("-", "_"): value for name, value in trial.measures.items()}


def _agreements(arm: Arm, teacher: Arm | None) -> dict[int, int]:
    """Seed -> test images on which the arm answers as the teacher of its trial; empty for the teacher itself."""
    if teacher is None or arm.name == teacher.name:
        return {}
    return {trial.seed: agreement(trial, its) for trial, its in pairs(arm, teacher)}


def csv(result: Result) -> str:
    """`rows` as comma-separated values; without pandas, whose import takes much of a server's memory."""
    made = rows(result)
    columns = list(dict.fromkeys(name for row in made for name in row))
    text = io.StringIO()
    writer = comma_separated.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(made)
    return text.getvalue()


def json(result: Result) -> str:
    """The whole Result but for the networks' weights; `app.history.importing.read` reads it back.

    Without line breaks, which would make it four times as large.
    """
    return result.without_networks().model_dump_json()


def loss(result: Result, trial: ArmTrial) -> float:
    """A trial's query loss after the inner steps that its arms are compared at."""
    return trial.series["query loss"][int(result.settings["inner_steps"])]


def numbers(result: Result) -> dict[str, dict[int, float]]:
    """Arm -> seed -> its test errors, or its query loss where nothing is classified: what `script` repeats."""
    if result.measure == "errors":
        return {arm.name: {trial.seed: trial.test_errors for trial in arm.trials} for arm in result.arms}
    return {arm.name: {trial.seed: loss(result, trial) for trial in arm.trials} for arm in result.arms}


SCRIPT = '''\
"""Repeats a run of Distillation Lab through its public API and prints the same numbers.

Put it in the lab's own folder and run it there:

    .venv/bin/python {name}

The numbers below were made on {processor} with Python {python} and PyTorch {torch}. The same processor and versions
give the same numbers to the last digit; others may differ a little, and the script says so.
"""

import sys

try:
    import torch

    from kd_core import {technique} as technique
    from kd_core.data import {load}
except ImportError as missing:
    sys.exit(
        f"This needs Distillation Lab, and {{missing.name}} was not found here. "
        "Put the file in the lab's own folder and run it there: .venv/bin/python {name}"
    )

SETTINGS = {settings}
# {what} of each arm, by seed
RECORDED = {recorded}
VERSION = {version}  # of the results' meaning


def number(trial):
    return {number}


def main():
    torch.set_num_threads(1)  # as the lab's workers have it: more threads add in another order
    if technique.RESULT_VERSION != VERSION:
        print("This lab's results mean something else than those of the run; the numbers will differ.")
    *_, result = technique.run(technique.Settings(**SETTINGS), {load}())
    repeated = {{arm.name: {{trial.seed: number(trial) for trial in arm.trials}} for arm in result.arms}}
    for name, trials in repeated.items():
        for seed, found in trials.items():
            print(f"{{name}}, seed {{seed}}: {{found}}")
    print(result.verdict.text)
    same = repeated == RECORDED
    print("Every number is as it was." if same else "Not every number is as it was: other processor or versions?")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
'''


def script(result: Result) -> str:
    """A Python program that repeats the run and prints its numbers; it exits with 0 if they are the same.

    What a file brought in stands in it as checked settings or as literals only, so that nothing of it is run.
    Raises KeyError for an unknown technique, Problem for settings that are not allowed.
    """
    settings = TECHNIQUES[result.technique].settings.parse(result.settings)
    counted = result.measure == "errors"
    made = result.provenance
    uci = result.data.name.startswith("UCI digits") and result.settings.get("task") != "uci"
    uci = uci or result.settings.get("problem") == "sinusoids"
    load = "load" if is_own(result.data.name) else "load_uci_digits" if uci else "load_mnist"
    return SCRIPT.format(
        name=file_name(result, "repeat", "py"), technique=settings.technique, version=int(result.version),
        load=load,
        settings=_literal(settings.model_dump()), recorded=_literal(numbers(result)),
        what="test errors" if counted else "query loss",
        number="trial.test_errors" if counted else 'trial.series["query loss"][SETTINGS["inner_steps"]]',
        processor=_comment(made.processor), python=_comment(made.python), torch=_comment(made.torch),
    )  # fmt: skip


def _literal(values: Mapping[str, object]) -> str:
    """A dict as Python writes it, an entry a line."""
    return "{\n" + "".join(f"    {name!r}: {value!r},\n" for name, value in values.items()) + "}"


def _comment(text: str) -> str:
    """Words that cannot end the text they stand in."""
    return "".join(letter for letter in text if letter.isalnum() or letter in " .,+-()@_/")[:80]


def file_name(result: Result, what: str, ending: str) -> str:
    """A name that says where a file came from: distillation-distilled-student-seed-0.safetensors."""
    words = "".join(letter if letter.isalnum() else " " for letter in f"{result.technique} {what}").split()
    return f"{'-'.join(words)}.{ending}"
