"""Transfer learning: a network starts a new task from the weights of an old one."""

from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.transfer.penalty import l2_sp_penalty
    from kd_core.transfer.settings import TransferSettings as Settings
    from kd_core.transfer.trainer import RESULT_VERSION, join, prepare, run, trial

__all__ = ["RESULT_VERSION", "Settings", "join", "l2_sp_penalty", "prepare", "run", "trial"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer",
    "Settings": "settings:TransferSettings",
    "join": "trainer",
    "l2_sp_penalty": "penalty",
    "prepare": "trainer",
    "run": "trainer",
    "trial": "trainer",
})  # fmt: skip
