"""What `assets/` carries for the multi-task page: a moment of conflict, and the grid over the weights."""

from functools import cache
from typing import TypedDict

from app.results.bundled import asset
from app.results.grids import grid, sides
from kd_core.messages import Scalar
from kd_core.multitask.settings import JOINT, TASK_ALONE, arm_of
from kd_core.results.statistics import t_interval


class RecordedStep(TypedDict):
    """A moment of a real multi-task run: two tasks' gradients, and what steps along their weighted sums did.

    losses, norms: of both tasks; cosine: between their gradients in `parameters` shared weights; change[i][j]:
    how both losses changed after a step of `step_size` with weights[i] and weights[j].
    """

    tasks: list[str]
    losses: list[float]
    norms: list[float]
    cosine: float
    parameters: int
    step_size: float
    weights: list[float]
    change: list[list[list[float]]]
    images: int
    at_step: int


class Errors(TypedDict):
    """Errors per 10,000 with their interval."""

    mean: float
    low: float | None
    high: float | None


class Sweep(TypedDict):
    """Validation errors of two tasks by id over pairs of their `weights`, and of each alone."""

    version: int
    tasks: list[str]
    weights: list[list[float]]
    errors: dict[str, list[Errors]]
    alone: dict[str, Errors]
    seeds: int
    settings: dict[str, Scalar]


@cache
def recorded_step() -> RecordedStep:
    """The moment of conflict of the multi-task page, recorded by `make assets`."""
    step: RecordedStep = asset("recorded-multitask-step.json")
    return step


@cache
def sweep() -> Sweep:
    """The recorded grid over the weights of two tasks, per 10,000 images."""
    recorded = grid("multitask")
    tasks = ["left", "right"]

    def errors(arm: str) -> list[Errors]:
        per_10000 = (
            [10_000 * count / recorded["images"] for count in cell or ()] for cell in recorded["arms"][arm]
        )
        found = (sides(t_interval(each, quantile=recorded["quantile"])) for each in per_10000)
        return [Errors(mean=each["mean"] or 0.0, low=each["low"], high=each["high"]) for each in found]

    return {
        "version": recorded["version"], "tasks": tasks, "seeds": recorded["seeds"],
        "settings": recorded["settings"],
        "weights": [[left, round(2 - left, 1)] for left in recorded["axes"]["weight_left"]],
        "errors": {task: errors(arm_of(task, JOINT)) for task in tasks},
        "alone": {task: errors(arm_of(task, TASK_ALONE))[0] for task in tasks},
    }  # fmt: skip
