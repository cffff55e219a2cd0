"""Consistency rules of transfer learning: what the settings of an imported Result imply for its numbers."""

from collections.abc import Iterator
from typing import Any

from app.history.consistent import Claim, Rules, of_labels
from kd_core.results.schema import Result
from kd_core.settings.common import SCRATCH, SOURCE
from kd_core.transfer.settings import FROZEN, OWN


def prepared(settings: Any) -> list[str]:
    """The source network as it is, where source and target have the same classes."""
    return [] if settings.has_backbone or settings.pair in ("low_high", "fashion", OWN) else [SOURCE]


def further(result: Result, settings: Any) -> Iterator[Claim]:
    rows = [sum(row) for row in result.arms[0].trials[0].confusion]
    few = settings.labels_per_class * sum(row > 0 for row in rows)
    behind = next((arm.teacher_labels for arm in result.arms if arm.name not in (SCRATCH, SOURCE)), None)
    for number, arm in enumerate(result.arms):
        labels = 0 if arm.name == SOURCE else few
        yield Claim(f"arms.{number}.shared", arm.shared, f"arms.{number}.name", arm.name == SOURCE)
        source = "settings.labels_per_class and the other arms"
        yield from of_labels(result, arm, labels, None if arm.name == SCRATCH else behind, source)
        for place, trial in enumerate(arm.trials):
            here, trained = f"arms.{number}.trials.{place}.measures", trial.measures.get("trainable parameters")
            if trained is not None and arm.name != FROZEN:
                yield Claim(f"{here}.trainable parameters", trained, f"arms.{number}.cost", arm.cost.parameters)
            if arm.name == FROZEN:
                moved = [value for name, value in trial.measures.items() if name.startswith("distance")]
                yield Claim(f"max({here}.distance)", max(moved, default=0.0), f"arms.{number}.name", 0.0)


RULES = Rules(
    prepared=prepared,
    baseline=lambda main: SCRATCH,
    end=lambda settings, arm: (
        ("source_epochs", settings.source_epochs) if arm.shared else ("epochs", settings.epochs)
    ),
    scope=lambda result, arm: {"source": f"{arm.teacher_labels or 0:,}", "target": f"{arm.labels:,}"},
    further=further,
)
