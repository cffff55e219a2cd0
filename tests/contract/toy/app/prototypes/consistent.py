"""What follows from its settings in a Result: for the check of those that come from outside."""

from collections.abc import Iterator
from typing import Any

from kd_core.prototypes.settings import FREQUENT

from app.history.consistent import Claim, Rules, of_labels
from kd_core.results.schema import Result


def further(result: Result, settings: Any) -> Iterator[Claim]:
    """Every arm saw as many labels as are set."""
    for arm in result.arms:
        yield from of_labels(result, arm, settings.images, None, "settings.images")


RULES = Rules(
    baseline=lambda main: FREQUENT,
    end=lambda settings, arm: ("one look", 1),
    scope=lambda result, arm: {"images": f"{arm.labels:,}"},
    further=further,
)
