"""`inspect`: what temperatures make of a teacher's logits in a file, as a table or as JSON."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from kd_core.cli.progress import bar, show
from kd_core.inspection.logits import Logits, from_probabilities
from kd_core.inspection.reading import read_file
from kd_core.inspection.recipes import RECIPES, written
from kd_core.inspection.report import Report, report
from kd_core.inspection.temperatures import HOTTEST, Estimate
from kd_core.messages import Problem
from kd_core.results.numbers import number

SHOWN = (1.0, 2.0, 4.0, 8.0, 20.0)
MOST_LISTED = 8


def offer_inspect(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument("file", metavar="FILE", type=Path,
                        help="logits [N, C]: .npz with logits and, by choice, labels, class_names, "
                        "student_logits; .safetensors likewise; .npy; .csv with a header of class names and a "
                        "column label")  # fmt: skip
    parser.add_argument("--probabilities", action="store_true",
                        help="the rows are probabilities: use their logarithms as logits")  # fmt: skip
    parser.add_argument("--rows", type=int, metavar="N", help="use N random rows; default: all")
    parser.add_argument("--alpha", type=float, default=0.9, metavar="α",
                        help="the weight on the teacher in the loss to paste, 0 to 1; default 0.9")  # fmt: skip
    parser.add_argument("--loss", choices=tuple(RECIPES), help="also print the distillation loss for this library")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def check_inspect(options: argparse.Namespace) -> None:
    """Raise Problem for what was asked wrongly."""
    if options.rows is not None and options.rows < 1:
        raise Problem("command line: rows = {given} is not allowed; it must be 1 or more.", given=options.rows)
    if not 0 <= options.alpha <= 1:
        raise Problem("command line: alpha = {given} is not allowed; it must be 0 to 1.", given=options.alpha)


def inspect(options: argparse.Namespace) -> int:
    """Read the file, and print what is in it and which T to begin with; the exit status."""
    logits = read_file(options.file)
    if logits.kind == "probabilities":
        if not options.probabilities:
            raise Problem(
                "The rows are probabilities, not logits: each adds up to 1. Save what the network gives before its "
                "softmax, or add --probabilities to use their logarithms."
            )
        logits = from_probabilities(logits)
    most = None if options.rows is None else options.rows * logits.classes
    with bar() as shown:
        found = report(logits, most, lambda share: show(shown, "temperatures", share))
    if options.json:
        print(json.dumps(as_json(found)))
        return 0
    for note in notes(found):
        print(note, file=sys.stderr)
    print(table(found))
    if options.loss:
        print("\n" + written(options.loss, found.suggested, options.alpha))
    return 0


def notes(found: Report) -> list[str]:
    """What must be known of the numbers before they are read."""
    logits, said = found.logits, []
    if logits.kind == "log-probabilities":
        said.append("The rows are log-probabilities: logits less a constant of each row, which no softmax sees.")
    if logits.floored:
        said.append(f"{logits.floored:,} probabilities were 0, which has no logarithm; they became "
                    f"{logits.floor:.1e}, and at high T look alike.")  # fmt: skip
    if found.used.rows < logits.rows:
        said.append(f"A random sample: {found.used.rows:,} of {logits.rows:,} rows.")
    return said


def table(found: Report) -> str:
    """The report as text."""
    curves, logits = found.found, found.used
    extra = {round(found.calibration.value, 2)} if found.calibration else set()
    chosen = [at for at, t in enumerate(curves.temperatures.tolist()) if t in {*SHOWN, *extra}]
    ece = curves.calibration_error
    columns: dict[str, list[str]] = {
        "T": [f"{curves.temperatures[at]:g}" for at in chosen],
        "entropy, nats": [f"{curves.entropy[at]:.3f}" for at in chosen],
        "e^H, classes": [number(float(curves.effective[at])) for at in chosen],
        "top class": [f"{100 * curves.top[at]:.1f} %" for at in chosen],
        "outside top": [f"{100 * curves.outside_top[at]:.1f} %" for at in chosen],
    }
    if curves.outside_label is not None and curves.nll is not None and ece is not None:
        columns |= {
            "outside label": [f"{100 * curves.outside_label[at]:.1f} %" for at in chosen],
            "NLL": [f"{curves.nll[at]:.3f}" for at in chosen],
            "ECE": [f"{100 * ece[at]:.1f} %" for at in chosen],
        }
    if found.student:
        columns["KL to student"] = [f"{found.student.kl[at]:.3f}" for at in chosen]
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(columns))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    head = f"{logits.rows:,} rows, {logits.classes:,} classes" + _right(logits)
    return "\n".join([head, "", *lines, "", *_said(found)])


def _right(logits: Logits) -> str:
    if logits.labels is None:
        return ", no labels"
    right = (logits.values.argmax(1) == logits.labels).mean()
    return f", {100 * right:.1f} % of the labels are the top class"


def _said(found: Report) -> list[str]:
    """The sentences under the table."""
    lines, advice, curves, names = [], found.advice, found.found, found.logits.names
    if found.logits.labels is None:
        lines.append("Without labels there is no calibration, and no mass outside the label.")
    elif found.calibration is None:
        lines.append(f"No T up to {HOTTEST:g} calibrates this teacher: every row is right, or the answers are no "
                     "better than chance.")  # fmt: skip
    else:
        lines.append(f"Best calibrated (least NLL) at T = {_estimate(found.calibration)}.")
    if advice.low is None or advice.high is None:
        lines.append(str(advice.why))
    else:
        lines.append(f"Begin between T = {_estimate(advice.low)} and T = {_estimate(advice.high)}, as at T = "
                     f"{found.suggested:g}: there 5 % to 50 % of the probability are outside the top class and e^H "
                     "is below half of the classes. A rule of thumb: validation errors of students "
                     "decide.")  # fmt: skip
    if found.student:
        lines.append(
            f"The student's top class is the teacher's in {100 * found.student.agreement:.1f} % of the rows."
        )
    at = int(abs(curves.temperatures - found.suggested).argmin())
    for one, other, p in pairs_at(found, at)[:MOST_LISTED]:
        lines.append(
            f"  {names[one]} looks like {names[other]}: {100 * p:.1f} % at T = {curves.temperatures[at]:g}"
        )
    return lines


def pairs_at(found: Report, at: int) -> list[tuple[int, int, float]]:
    """(class, other class, mean probability of the other) at one temperature, the most alike first."""
    if found.found.alike is None:
        return found.found.pairs[at]
    means = found.found.alike[at]
    every = [(i, j, float(means[i, j])) for i in range(len(means)) for j in range(len(means)) if i != j]
    return sorted(every, key=lambda pair: -pair[2])


def _estimate(one: Estimate) -> str:
    if math.isclose(one.low, one.high):  # at an end of the temperatures that were looked at
        return f"{one.value:g} or " + ("below" if one.value < 1 else "above")
    return f"{one.value:.2f} (95 % interval {one.low:.2f} to {one.high:.2f})"


def as_json(found: Report) -> dict[str, Any]:
    """The report as plain numbers: the curves over T, the estimates, the notes."""
    curves = found.found
    fields = ("entropy", "top", "outside_top", "outside_label", "nll", "effective", "calibration_error")
    values = {name: getattr(curves, name) for name in fields}
    student = found.student
    return {
        "rows": found.logits.rows, "rows_used": found.used.rows, "classes": found.logits.classes,
        "labels": found.logits.labels is not None, "kind": found.logits.kind, "notes": notes(found),
        "temperatures": curves.temperatures.tolist(),
        **{name: None if value is None else value.tolist() for name, value in values.items()},
        "calibration_temperature": _plain(found.calibration),
        "range": {"low": _plain(found.advice.low), "high": _plain(found.advice.high),
                  "why_not": None if found.advice.why is None else str(found.advice.why)},
        "suggested": found.suggested,
        "student": None if student is None else {
            "agreement": student.agreement, "kl": student.kl.tolist(), "soft": student.soft.tolist(),
            "soft_without_t_squared": student.bare.tolist(), "hard": student.hard,
            "degrees": None if student.degrees is None else student.degrees.tolist(),
        },
    }  # fmt: skip


def _plain(one: Estimate | None) -> dict[str, float] | None:
    return None if one is None else {"value": one.value, "low": one.low, "high": one.high}
