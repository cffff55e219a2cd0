"""Transfer learning: a network starts a new task from the weights of an old one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.data.digits import Digits
    from kd_core.results.events import Event
    from kd_core.transfer.penalty import l2_sp_penalty
    from kd_core.transfer.settings import TransferSettings as Settings
    from kd_core.transfer.trainer import VERSION as RESULT_VERSION

__all__ = ["RESULT_VERSION", "Settings", "l2_sp_penalty", "run"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer:VERSION",
    "Settings": "settings:TransferSettings",
    "l2_sp_penalty": "penalty",
})  # fmt: skip


def run(settings: "Settings", data: "Digits") -> "Iterator[Event]":
    """A whole run in this process: its events, and last the one Result."""
    from kd_core.runs import assemble
    from kd_core.transfer import trainer

    return assemble.run(trainer, settings, data)
