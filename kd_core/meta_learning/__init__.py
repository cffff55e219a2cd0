"""Meta-learning: a starting point from which a few examples and steps are enough for a new task."""

from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.meta_learning.adaptation import adapt, meta_loss
    from kd_core.meta_learning.settings import MetaSettings as Settings
    from kd_core.meta_learning.trainer import RESULT_VERSION, join, prepare, run, trial

__all__ = ["RESULT_VERSION", "Settings", "adapt", "join", "meta_loss", "prepare", "run", "trial"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer",
    "Settings": "settings:MetaSettings",
    "adapt": "adaptation",
    "join": "trainer",
    "meta_loss": "adaptation",
    "prepare": "trainer",
    "run": "trainer",
    "trial": "trainer",
})  # fmt: skip
