"""Multi-task learning: several tasks share one body of layers, and each has a head of its own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.data.digits import Digits
    from kd_core.multitask.settings import MultitaskSettings as Settings
    from kd_core.multitask.trainer import VERSION as RESULT_VERSION
    from kd_core.multitask.weighting import (
        dwa_weights,
        gradient_cosines,
        project_conflicts,
        uncertainty_weighted,
        weighted_sum,
    )
    from kd_core.results.events import Event

__all__ = [
    "RESULT_VERSION", "Settings", "dwa_weights", "gradient_cosines",
    "project_conflicts", "run", "uncertainty_weighted", "weighted_sum",
]  # fmt: skip
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer:VERSION",
    "Settings": "settings:MultitaskSettings",
    "dwa_weights": "weighting",
    "gradient_cosines": "weighting",
    "project_conflicts": "weighting",
    "uncertainty_weighted": "weighting",
    "weighted_sum": "weighting",
})  # fmt: skip


def run(settings: "Settings", data: "Digits") -> "Iterator[Event]":
    """A whole run in this process: its events, and last the one Result."""
    from kd_core.multitask import trainer
    from kd_core.runs import assemble

    return assemble.run(trainer, settings, data)
