"""A technique with a known best: it trains nothing, and "errs" by how far (x, y) is from (3, 0.5). No torch.

Where MAP_TOY_LOG names a file, every trial that begins writes a line there: x, y, pause, seed, process. While a
file beside it, called "held", is there, trials whose x is at least the number in it do not end.
"""

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, Literal

from kd_core.distillation.settings import DISTILLED
from kd_core.messages import Problem
from kd_core.results.events import Evaluation, Step
from kd_core.results.schema import NOTHING, ArmTrial, Cost
from kd_core.results.statistics import verdict
from kd_core.runs.assemble import ArmFacts, Shared, dataset
from kd_core.settings.base import Job
from kd_core.settings.base import Settings as Base
from kd_core.settings.fields import field

IMAGES = 100_000


class MapToySettings(Base):
    technique: ClassVar[str] = "map_toy"
    module: ClassVar[str] = "map_toy"
    stages: ClassVar[dict[str, str]] = {"student": "1"}
    shares: ClassVar[dict[str, float]] = {}

    x: float = field(1.0, ge=0, le=10, step=0.5, label="x", help="x")
    y: float = field(0.5, ge=0, le=1, step=0.1, label="y", help="y")
    kind: Literal["good", "broken"] = field("good", label="kind", help="kind", choices={"good": "g", "broken": "b"})
    pause: float = field(0.0, ge=0, le=10, step=0.1, label="pause", help="seconds an epoch")
    seeds: int = field(2, ge=1, le=20, step=1, label="seeds", help="seeds")
    seed: int = field(0, ge=0, le=1000, step=1, label="seed", help="seed")

    @property
    def jobs(self):
        return (Job(DISTILLED, (DISTILLED,)),)


VERSION = 1


def errors_of(settings, seed: int, epoch: int = 4) -> int:
    """Errors among IMAGES; a few depend on the seed, some go with the epochs."""
    far = (settings.x - 3) ** 2 + 10 * (settings.y - 0.5) ** 2
    return round(1000 + 500 * far + (37 * seed) % 11 + 3 * ((seed + round(settings.x)) % 2) + 100 * (4 - epoch))


def load_data():
    return SimpleNamespace(name="toys", notices=(), train=(0,), validation=range(IMAGES), test=(0,), classes=())


def check(settings, data):
    pass


def prepare(settings, data):
    yield from ()
    return Shared(loaded=dataset(data), data=dataset(data))


def held(file, x):
    return file.exists() and x >= float(file.read_text())


def train(settings, data, shared, seed, job):
    if settings.kind == "broken":
        raise Problem("The {kind} kind does not work.", kind=settings.kind)
    if log := os.environ.get("MAP_TOY_LOG"):
        with open(log, "a") as lines:
            lines.write(f"{settings.x} {settings.y} {settings.pause} {seed} {os.getpid()}\n")
        while held(Path(log).with_name("held"), settings.x):
            time.sleep(0.02)
            yield Step("student", DISTILLED, seed, 0, 4, 0.0, 0.0)
    curve = []
    for epoch in range(1, 5):
        time.sleep(settings.pause)
        yield Step("student", DISTILLED, seed, epoch, 4, 0.0, epoch / 4)
        curve.append((epoch, errors_of(settings, seed, epoch)))
        yield Evaluation("student", DISTILLED, seed, epoch, 4, curve[-1][1], IMAGES)
    return {DISTILLED: ArmTrial(seed=seed, curve=tuple(curve), seconds=0.0)}


def describe(settings, shared, seed):
    cost = Cost(parameters=1, multiply_adds=1, bytes=1, latency_ms=1.0)
    return {DISTILLED: ArmFacts("", 1, cost, teacher_labels=1)}


def judge(settings, result):
    return result.model_copy(update={"verdict": verdict("a", "b", NOTHING, ())})
