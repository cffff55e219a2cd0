"""Hinton, Vinyals, Dean 2015, section 3, carried out: what the paper reports, and what comes out here.

"Distilling the Knowledge in a Neural Network", arXiv 1503.02531. The paper gives no batch size, step size or
number of epochs; ours are those of the presets. Its biases were tuned on the test set; ours are matched to the
class priors without a label, and tuned on the test set too, as said in each line.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from kd_core.distillation.presets import HINTON_PRESETS
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.results.events import Step
from kd_core.results.schema import Result
from kd_core.settings.common import TEACHER
from kd_core.sweeps.plan import presets as map_presets

if TYPE_CHECKING:
    from kd_core.sweeps.study import MapView

TABLE, WIDTHS, NO_THREE, ONLY_7_8 = "table", "widths", "no_three", "only_7_8"
PARTS = {
    TABLE: "2 x 1200 units teach 2 x 800: test errors",
    WIDTHS: "Temperature and the student's width",
    NO_THREE: "No 3s in the transfer set",
    ONLY_7_8: "Only 7s and 8s in the transfer set",
}
NEARER = {"teacher_epochs": 100, "test_time_augmentation": 1, "epochs": 30}  # than the table's preset to the paper
PLAN = map_presets()["hinton_widths"].plan


@dataclass(frozen=True)
class Line:
    """One figure: what it is, as the paper has it ("" where it has none), and ours, one of each seed."""

    what: str
    published: str
    ours: tuple[float, ...]
    unit: str = ""

    @property
    def told(self) -> str:
        """Ours as a person reads it: "104 ± 3 (101, 104, 107)", mean ± standard deviation; one seed as it is."""
        shown = [
            f"{value:.0f}" if abs(value) >= 20 or value == int(value) else f"{value:.1f}" for value in self.ours
        ]
        if len(self.ours) == 1:
            return f"{shown[0]}{self.unit}"
        return f"{fmean(self.ours):.1f}{self.unit} ± {stdev(self.ours):.1f} ({', '.join(shown)})"


def settings_of(part: str, quick: bool = False) -> tuple[DistillationSettings, ...]:
    """The runs of a part other than the map of widths, which is PLAN.

    The table's have one trial each and a teacher of its own, so that the teacher's errors too are a mean of three.
    quick: one teacher of fewer epochs is shared by three trials.
    """
    preset = DistillationSettings.parse(HINTON_PRESETS[{TABLE: "hinton"}.get(part, part)].values)
    if part != TABLE or quick:
        return (preset,)
    return tuple(
        preset.model_copy(update={**NEARER, "seed": seed, "seeds": 1, "teacher_seed": seed})
        for seed in preset.trial_seeds
    )


def teacher() -> Iterator[Step]:
    """Train the teacher that the other parts share and keep it, on all cores; nothing if it is kept already.

    A worker of the queue has one core for it, and would take twice as long on two.
    """
    import torch

    from kd_core.data.digits import load
    from kd_core.distillation import trainer as distillation
    from kd_core.nn.hardware import resolve

    settings = resolve(settings_of(TABLE, quick=True)[0].model_copy(update={"seeds": 1}))
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        for event in distillation.prepare(settings, load()):
            if isinstance(event, Step):
                yield event
    finally:
        torch.set_num_threads(threads)


def lines_of(part: str, results: Sequence[Result]) -> list[Line]:
    """The figures of the finished runs of a part."""
    return _READ[part](results)


def closed(result: Result) -> tuple[float, ...]:
    """The share of the errors between student alone and teacher that the distilled one closes, in %, by seed."""
    best = result.arm(TEACHER).trials[0].test_errors
    pairs = zip(_errors(result, ALONE), _errors(result, DISTILLED), strict=True)
    return tuple(100 * (alone - distilled) / (alone - best) for alone, distilled in pairs if alone != best)


def _table(results: Sequence[Result]) -> list[Line]:
    def errors(arm: str) -> tuple[float, ...]:
        return tuple(chain.from_iterable(_errors(result, arm) for result in results))

    return [
        Line("teacher, 2 x 1200, dropout, images moved by up to 2 pixels", "67", errors(TEACHER)),
        Line("student alone, 2 x 800", "146", errors(ALONE)),
        Line("distilled student, T = 20", "74", errors(DISTILLED)),
        Line("share of the gap closed", f"{100 * (146 - 74) / (146 - 67):.0f} %",
             tuple(chain.from_iterable(map(closed, results))), " %"),
    ]  # fmt: skip


def _no_three(results: Sequence[Result]) -> list[Line]:
    (result,) = results
    images = _measured(result, "left-out images")[0]
    right = tuple(100 * (1 - missed / images) for missed in _measured(result, "matched missed"))
    return [
        Line("errors, as trained", "206", _errors(result, DISTILLED)),
        Line(f"of the {images:.0f} threes wrong, as trained", "133", _series(result, "missed by shift")),
        Line("the 3's bias raised to match the class priors, by", "", _measured(result, "matched shift")),
        Line("errors, priors matched", "", _measured(result, "matched errors")),
        Line("threes wrong, priors matched", "", _measured(result, "matched missed")),
        Line("threes right, priors matched", "", right, " %"),
        Line("the 3's bias tuned on the test set, raised by", "3.5", _measured(result, "tuned shift")),
        Line("errors, tuned", "109", _measured(result, "tuned errors")),
        Line("threes wrong, tuned", "14", _measured(result, "tuned missed")),
    ]


def _only_7_8(results: Sequence[Result]) -> list[Line]:
    (result,) = results

    def share(errors: Sequence[float]) -> tuple[float, ...]:
        return tuple(100 * value / result.data.test for value in errors)

    return [
        Line("errors, as trained", "47.3 %", share(_errors(result, DISTILLED)), " %"),
        Line("7's and 8's biases lowered to match the class priors, by", "", _measured(result, "matched shift")),
        Line("errors, priors matched", "", share(_measured(result, "matched errors")), " %"),
        Line("7's and 8's biases tuned on the test set, lowered by", "7.6", _measured(result, "tuned shift")),
        Line("errors, tuned", "13.2 %", share(_measured(result, "tuned errors")), " %"),
    ]


_READ: Mapping[str, Callable[[Sequence[Result]], list[Line]]] = {
    TABLE: _table, NO_THREE: _no_three, ONLY_7_8: _only_7_8,
}  # fmt: skip


def best_temperatures(view: "MapView") -> dict[str, tuple[str, str]]:
    """Student -> the temperature with the fewest validation errors, and all that may be the best (95 %).

    Each student's temperatures are compared among themselves, all at once (`kd_core.results.multiple_comparisons`).
    """
    from kd_core.sweeps.table import judged, name_of

    found = {}
    for student in dict.fromkeys(str(cell.at["student"]) for cell in view.cells):
        own = view.model_copy(
            update={"cells": tuple(c for c in view.cells if c.at["student"] == student and c.measures)}
        )
        marks = judged(own)
        places = {name_of(cell): f"{cell.at['temperature']:g}" for cell in own.cells}
        best = min(marks, key=lambda name: marks[name].mean)
        found[student] = places[best], ", ".join(places[name] for name in places if marks[name].may_be_best)
    return found


def _errors(result: Result, arm: str) -> tuple[float, ...]:
    return tuple(float(trial.test_errors) for trial in result.arm(arm).trials)


def _measured(result: Result, name: str) -> tuple[float, ...]:
    return tuple(trial.measures[name] for trial in result.arm(DISTILLED).trials)


def _series(result: Result, name: str) -> tuple[float, ...]:
    return tuple(trial.series[name][0] for trial in result.arm(DISTILLED).trials)
