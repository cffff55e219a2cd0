"""Prototypes: a class is recognised by the mean of a few images of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.prototypes.settings import PrototypeSettings as Settings
    from kd_core.prototypes.trainer import VERSION as RESULT_VERSION

    from kd_core.data.digits import Digits
    from kd_core.results.events import Event

__all__ = ["RESULT_VERSION", "Settings", "run"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer:VERSION",
    "Settings": "settings:PrototypeSettings",
})  # fmt: skip


def run(settings: "Settings", data: "Digits") -> "Iterator[Event]":
    """A whole run in this process: its events, and last the one Result."""
    from kd_core.prototypes import trainer

    from kd_core.runs import assemble

    return assemble.run(trainer, settings, data)
