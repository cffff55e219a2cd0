"""Knowledge distillation: a small student learns from a large teacher's soft targets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.data.digits import Digits
    from kd_core.distillation.loss import distillation_loss, soft_targets
    from kd_core.distillation.settings import DistillationSettings as Settings
    from kd_core.distillation.trainer import VERSION as RESULT_VERSION
    from kd_core.results.events import Event

__all__ = ["RESULT_VERSION", "Settings", "distillation_loss", "run", "soft_targets"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer:VERSION",
    "Settings": "settings:DistillationSettings",
    "distillation_loss": "loss",
    "soft_targets": "loss",
})  # fmt: skip


def run(settings: "Settings", data: "Digits") -> "Iterator[Event]":
    """A whole run in this process: its events, and last the one Result."""
    from kd_core.distillation import trainer
    from kd_core.runs import assemble

    return assemble.run(trainer, settings, data)
