"""What a run of prototypes may vary, and the names of its arms. No torch here."""

from collections.abc import Mapping
from typing import ClassVar

from kd_core.messages import N_
from kd_core.settings.base import Job, Settings
from kd_core.settings.fields import field

PROTOTYPES, FREQUENT = N_("nearest prototype"), N_("most frequent class")


class PrototypeSettings(Settings):
    """What a run may vary."""

    technique: ClassVar[str] = "prototypes"
    module: ClassVar[str] = "kd_core.prototypes.trainer"
    stages: ClassVar[Mapping[str, str]] = {
        "costs": N_("1 · Measure the networks"),
        "means": N_("2 · Average the images"),
    }
    shares: ClassVar[Mapping[str, float]] = {"costs": 1.0}

    images: int = field(
        100, ge=50, le=1000, step=50, log=True, label=N_("Labelled examples"),
        help=N_("How many labelled images the means are made of; drawn anew for each seed."),
    )  # fmt: skip
    seeds: int = field(3, ge=1, le=20, step=1, more=True, label=N_("Seeds"), help=N_("How many trials."))
    seed: int = field(
        0, ge=0, le=1_000_000, step=1, more=True, log=True, label=N_("First seed"),
        help=N_("The trials use this seed and those that follow it."),
    )  # fmt: skip

    @property
    def jobs(self) -> tuple[Job, ...]:
        return Job(PROTOTYPES, (PROTOTYPES,)), Job(FREQUENT, (FREQUENT,), prepared=False)
