"""A sweep worth making, as a technique names it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kd_core.messages import Scalar


@dataclass(frozen=True)
class SweepPreset:
    """label: its name; help: what it asks; axes, settings and trials as `Plan.read` takes them."""

    label: str
    help: str
    axes: tuple[str, ...]
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    trials: int = 0
