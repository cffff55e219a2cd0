"""A technique that trains nothing: it sleeps, reports, and fails when it is told to. No torch.

The loss it reports is the pid of the process it runs in, so that tests can see (and kill) the worker. Whatever is
to be seen, or done, while it is under way: it waits before its last step for a file that the test writes then.
"""

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

from kd_core.messages import Problem, message
from kd_core.results.events import Evaluation, Step
from kd_core.results.schema import NOTHING, ArmTrial, Cost, Verdict
from kd_core.runs.assemble import ArmFacts, Shared, dataset
from kd_core.settings.base import Job, Settings


class ToySettings(Settings):
    technique: ClassVar[str] = "toy"
    module: ClassVar[str] = "toy_technique"
    stages: ClassVar[dict[str, str]] = {"teacher": "1", "soft_targets": "2", "student": "3"}
    shares: ClassVar[dict[str, float]] = {"teacher": 0.9, "soft_targets": 0.1}

    seed: int = 0
    seeds: int = 2
    preparation: int = 10  # steps
    steps: int = 10  # of a trial
    pause: float = 0.02
    failure: str = ""
    preparation_ends: str = ""  # the file that the preparation waits for; "" for none
    trials_end: str = ""  # the file that every trial waits for, or its own, "…{seed}"
    device: str = "auto"
    divided: bool = False

    @property
    def jobs(self):
        student, other = Job("student", ("student",)), Job("other", ("other",), prepared=False)
        return (student, other) if self.divided else (student,)


VERSION = 1


def load_data():
    return SimpleNamespace(name="toy data", notices=(message("These are {what}.", what="toys"),), train=(0,),
                           validation=(0,), test=(0,), classes=())  # fmt: skip


def missing(file):
    return bool(file) and not Path(file).exists()


def check(settings, data):
    pass


def prepare(settings, data):
    if settings.failure == "preparation":
        raise Problem("There is no teacher for {data}.", data=data.name)
    steps = settings.preparation
    for step in range(1, steps + 1):
        time.sleep(settings.pause)
        while step == steps and missing(settings.preparation_ends):
            time.sleep(settings.pause)
            yield Step("teacher", "teacher", 0, step - 1, steps, float(os.getpid()), (step - 1) / steps)
        yield Step("teacher", "teacher", 0, step, steps, float(os.getpid()), step / steps)
    yield Evaluation("teacher", "teacher", 0, 1, 1, 7, 100)
    yield Step("soft_targets", "teacher", 0, 1, 1, float("nan"), 1.0)
    return Shared(loaded=dataset(data), data=dataset(data), notes=data.notices)


def train(settings, data, shared, seed, job):
    name = job.name
    assert name == "other" or shared.data.name == data.name
    assert settings.device == "cpu"
    for step in range(1, settings.steps + 1):
        time.sleep(settings.pause)
        done = step / settings.steps
        while step == settings.steps and missing(settings.trials_end.format(seed=seed)):
            time.sleep(settings.pause)
            before = step - 1
            yield Step("student", name, seed, before, settings.steps, float(os.getpid()), before / settings.steps)
        yield Step("student", name, seed, step, settings.steps, float(os.getpid()), done)
        yield Evaluation("student", name, seed, step, settings.steps, settings.steps - step, 100)
    if settings.failure == "problem":
        raise Problem("Seed {seed} is unlucky; choose another.", seed=seed)
    if settings.failure == "error":
        raise RuntimeError("a surprise\nwith a second line")
    if settings.failure == "death":
        os.kill(os.getpid(), signal.SIGKILL)
    return {name: ArmTrial(seed=seed, seconds=settings.steps * settings.pause)}


def describe(settings, shared, seed):
    cost = Cost(parameters=1, multiply_adds=1, bytes=1, latency_ms=1.0)
    return {job.name: ArmFacts("a toy", 1, cost) for job in settings.jobs}


def judge(settings, result):
    difference = NOTHING.model_copy(update={"n": len(result.arms[0].trials)})
    text = message("Nothing.")
    return result.model_copy(update={
        "verdict": Verdict(kind="single", arm="a", baseline="b", difference=difference, text=text, scope=())
    })  # fmt: skip
