"""Meta-learning: a starting point from which a few examples and steps are enough for a new task."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.data.digits import Digits
    from kd_core.meta_learning.adaptation import adapt, meta_loss
    from kd_core.meta_learning.settings import MetaSettings as Settings
    from kd_core.meta_learning.trainer import VERSION as RESULT_VERSION
    from kd_core.results.events import Event

__all__ = ["RESULT_VERSION", "Settings", "adapt", "meta_loss", "run"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer:VERSION",
    "Settings": "settings:MetaSettings",
    "adapt": "adaptation",
    "meta_loss": "adaptation",
})  # fmt: skip


def run(settings: "Settings", data: "Digits") -> "Iterator[Event]":
    """A whole run in this process: its events, and last the one Result."""
    from kd_core.meta_learning import trainer
    from kd_core.runs import assemble

    return assemble.run(trainer, settings, data)
