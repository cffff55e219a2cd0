"""Prototypes: a class is recognised by the mean of a few images of it."""

from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.prototypes.settings import PrototypeSettings as Settings
    from kd_core.prototypes.trainer import RESULT_VERSION, run

__all__ = ["RESULT_VERSION", "Settings", "run"]
__getattr__ = offering(__name__, {
    "RESULT_VERSION": "trainer",
    "Settings": "settings:PrototypeSettings",
    "run": "trainer",
})  # fmt: skip
