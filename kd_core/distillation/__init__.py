"""Knowledge distillation: a small student learns from a large teacher's soft targets."""

from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.distillation.loss import distillation_loss, soft_targets
    from kd_core.distillation.settings import DistillationSettings as Settings
    from kd_core.distillation.trainer import RESULT_VERSION, join, prepare, run, trial

__all__ = ["RESULT_VERSION", "Settings", "distillation_loss", "join", "prepare", "run", "soft_targets", "trial"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer",
    "Settings": "settings:DistillationSettings",
    "distillation_loss": "loss",
    "join": "trainer",
    "prepare": "trainer",
    "run": "trainer",
    "soft_targets": "loss",
    "trial": "trainer",
})  # fmt: skip
