"""The recorded grid of distillation as numbers: errors, gain, what a teacher is worth in labels. No Streamlit."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import fmean
from typing import Any, TypedDict

import numpy as np

from app.results.bundled import Recorded, asset
from app.results.grids import sides
from kd_core.distillation.settings import DISTILLED
from kd_core.messages import N_
from kd_core.results.schema import Interval, Result
from kd_core.results.statistics import t_interval

WORTH = N_("{labels} labels with this teacher are worth about {worth} without it ({low} to {high}).")
BEYOND = N_("{labels} labels with this teacher are worth {low} or more without it.")
MACHINES = ("precision", "device")  # settings that the machine decides, and that rounding alone depends on
LEAST = 0.5  # errors, where none were made: their logarithm is needed


class Grid(Recorded):
    """Validation errors of students, as `assets/grid.py` describes them; numbers of labels are text, as in JSON."""

    images: int
    seeds: int
    quantile: float  # of Student's t for so many seeds: what makes a 95 % interval
    temperatures: list[float]
    alphas: list[float]
    labels: list[int]
    without_t_squared: list[tuple[float, float]]
    digits: list[int]
    alone: dict[str, dict[str, list[int]]]
    distilled: dict[str, dict[str, list[list[int]]]]
    without: dict[str, dict[str, list[list[int]]]]
    logits: dict[str, dict[str, dict[str, Any]]]


class Worth(TypedDict):
    """So many labels alone; beyond: the curve ends before, so it is at least that many."""

    mean: float
    low: float
    high: float
    beyond: bool


@cache
def grid() -> Grid:
    """What `make assets` recorded."""
    found: Grid = asset("recorded-grid.json")
    return found


def nearest_labels(labels: int) -> int:
    """The measured number of labels that is nearest on a logarithmic scale."""
    return min(grid()["labels"], key=lambda measured: abs(math.log(measured / labels)))


def interval(values: Sequence[float]) -> Interval:
    """As `t_interval`; of as many values as the grid has seeds without scipy, which no first page imports."""
    recorded = grid()
    return t_interval(values, quantile=recorded["quantile"] if len(values) == recorded["seeds"] else None)


def worth(errors: Sequence[int], alone: Mapping[int, Sequence[int]]) -> Worth:
    """How many labels a student alone needs for the errors that others came to, one for each seed.

    alone: number of labels -> errors of every seed. Between two numbers the logarithm of the mean errors is a
    straight line over that of the labels; where they do not fall, it is flat. The interval is Student's t over
    seeds, of log labels; the curve itself counts as known. Raises ValueError for a curve of fewer than two points.
    """
    if len(alone) < 2:
        raise ValueError(f"a curve needs two numbers of labels or more; {sorted(alone)} were given")
    labels = sorted(alone)
    curve = np.minimum.accumulate([max(fmean(alone[count]), LEAST) for count in labels])
    reached = np.interp(-np.log(np.maximum(errors, LEAST)), -np.log(curve), np.log(labels))
    found = interval(reached.tolist())
    low, high = (found.mean if side is None else side for side in (found.low, found.high))
    ends = math.log(labels[0]), math.log(labels[-1])
    return {
        "mean": math.exp(found.mean), "low": math.exp(max(low, ends[0])), "high": math.exp(min(high, ends[1])),
        "beyond": any(count < curve[-1] for count in errors) or high > ends[1],
    }  # fmt: skip


def worth_of(result: Result) -> Worth | None:
    """How many labels alone its distilled student is worth, by its validation errors; None where none is measured.

    That needs a student of the grid, its images, and all settings but T, α, T², labels and seeds as there.
    """
    recorded, student = grid(), str(result.settings["student"])
    alike = all(result.settings.get(name) == value for name, value in recorded["settings"].items()
                if name not in MACHINES)  # fmt: skip
    if student not in recorded["alone"] or not alike or result.data.name != recorded["data"]:
        return None
    return worth([trial.curve[-1][1] for trial in result.arm(DISTILLED).trials], _curve(student))


@cache
def answers(student: str, labels: int) -> dict[str, Any]:
    """What is measured of a student with so many labels, in percent of the validation images, cell by cell.

    "alone" is an interval; of each temperature and α (0 first, where distilled is alone) "cells" hold intervals of
    "errors", of "gain" in points over the student alone, paired by seed, and of "worth" in labels.
    """
    recorded = grid()
    images, of_labels = recorded["images"], str(labels)
    alone = recorded["alone"][student][of_labels]
    curve = _curve(student)

    def percent(errors: Sequence[int]) -> list[float]:
        return [100 * count / images for count in errors]

    def cell(errors: Sequence[int]) -> dict[str, Any]:
        gained = [a - b for a, b in zip(percent(alone), percent(errors), strict=True)]
        return {
            "errors": sides(interval(percent(errors))), "gain": sides(interval(gained)),
            "worth": worth(errors, curve),
        }  # fmt: skip

    by_alpha = len(recorded["alphas"])
    distilled = recorded["distilled"][student][of_labels]
    nothing = cell(alone) | {"worth": {"mean": labels, "low": labels, "high": labels, "beyond": False}}
    rows = [
        [nothing, *map(cell, distilled[row * by_alpha : (row + 1) * by_alpha])]
        for row in range(len(recorded["temperatures"]))
    ]
    without = zip(recorded["without_t_squared"], recorded["without"][student][of_labels], strict=True)
    return {
        "temperatures": recorded["temperatures"], "alphas": [0.0, *recorded["alphas"]], "labels": labels,
        "images": images, "alone": sides(interval(percent(alone))), "cells": rows,
        "without": [{"temperature": t, "alpha": alpha} | cell(errors) for (t, alpha), errors in without],
    }  # fmt: skip


def _curve(student: str) -> dict[int, list[int]]:
    """Number of labels -> the errors of every seed of a student alone."""
    return {int(count): errors for count, errors in grid()["alone"][student].items()}
