"""Multi-task learning: several tasks share one body of layers, and each has a head of its own."""

from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.multitask.settings import MultitaskSettings as Settings
    from kd_core.multitask.trainer import RESULT_VERSION, join, prepare, run, trial
    from kd_core.multitask.weighting import (
        dwa_weights,
        gradient_cosines,
        project_conflicts,
        uncertainty_weighted,
        weighted_sum,
    )

__all__ = [
    "RESULT_VERSION",
    "Settings",
    "dwa_weights",
    "gradient_cosines",
    "join",
    "prepare",
    "project_conflicts",
    "run",
    "trial",
    "uncertainty_weighted",
    "weighted_sum",
]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer",
    "Settings": "settings:MultitaskSettings",
    "dwa_weights": "weighting",
    "gradient_cosines": "weighting",
    "join": "trainer",
    "prepare": "trainer",
    "project_conflicts": "weighting",
    "run": "trainer",
    "trial": "trainer",
    "uncertainty_weighted": "weighting",
    "weighted_sum": "weighting",
})  # fmt: skip
