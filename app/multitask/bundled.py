"""What `assets/` carries for the multi-task page: a moment of conflict, and a sweep of the weights."""

from functools import cache
from typing import TypedDict

from app.results.bundled import asset
from kd_core.messages import Scalar


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
    """Multi-task learning over the weights of two tasks, recorded by `make assets`."""
    found: Sweep = asset("recorded-multitask-sweep.json")
    return found
