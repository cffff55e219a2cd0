"""Prototypes: the mean image m_c of each class is a linear layer, since

    -||x - m_c||² = 2 x·m_c - ||m_c||² - ||x||²

and the last term is the same for all classes. Snell, Swersky, Zemel 2017, arXiv 1703.05175, without a network.
"""

import time
from collections.abc import Generator, Mapping
from math import nan

import torch
from kd_core.prototypes.settings import FREQUENT, PROTOTYPES
from kd_core.prototypes.settings import PrototypeSettings as Settings
from kd_core.prototypes.technique import PROTOTYPES_PAY
from torch import nn

from kd_core.data.digits import Digits, subset
from kd_core.messages import message
from kd_core.nn import cost
from kd_core.nn.evaluation import count_errors, predict
from kd_core.nn.networks import initialise
from kd_core.nn.seeding import seeded
from kd_core.results import records
from kd_core.results.events import Evaluation, Event, Step
from kd_core.results.schema import ArmTrial, Result
from kd_core.results.statistics import compared
from kd_core.runs.assemble import ArmFacts, Shared, dataset
from kd_core.settings.base import Job

VERSION = 1


def check(settings: Settings, data: Digits) -> None:
    """Nothing to refuse: every data set of the lab has a thousand images."""


def prepare(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The data as they are shown; nothing is trained."""
    yield Step("costs", PROTOTYPES, settings.seed, 1, 1, nan, 1.0)
    sizes = dataset(data)
    return Shared(loaded=sizes, data=sizes, gallery=records.gallery(data), notes=data.notices)


def train(
    settings: Settings, data: Digits, shared: Shared | None, seed: int, job: Job
) -> Generator[Event, None, Mapping[str, ArmTrial]]:
    """One arm: a linear layer that is computed and not trained."""
    began, (arm,) = time.perf_counter(), job.arms
    sample = subset(data.train.labels, settings.images, seeded(seed, "sample"))
    images, labels = data.train.images[sample].flatten(1), data.train.labels[sample]
    network = _network()
    with torch.no_grad():
        if arm == PROTOTYPES:
            means = torch.stack([images[labels == digit].mean(0) for digit in range(10)])
            network[1].weight.copy_(2 * means)
            network[1].bias.copy_(-means.square().sum(1))
        else:
            network[1].weight.zero_()
            network[1].bias.copy_(labels.bincount(minlength=10).float())
    errors = count_errors(predict(network, data.validation.images), data.validation.labels)
    yield Evaluation("means", arm, seed, 1, 1, errors, len(data.validation))
    yield Step("means", arm, seed, 1, 1, nan, 1.0)
    seconds = time.perf_counter() - began
    return {arm: records.arm_trial(network, data, seed, [(1, errors)], seconds)}


def describe(settings: Settings, shared: Shared, seed: int) -> Mapping[str, ArmFacts]:
    """Both arms: one linear layer each."""
    (linear,) = cost.costs_of([_network()], torch.zeros(1, 1, 28, 28))
    return {arm: ArmFacts("one linear layer", settings.images, linear) for arm in (PROTOTYPES, FREQUENT)}


def judge(settings: Settings, result: Result) -> Result:
    """The Result with its verdict."""
    better, worse = PROTOTYPES_PAY
    scope = (message("Every arm saw the same {images} images.", images=f"{settings.images:,}"),)
    said = compared(result, PROTOTYPES, FREQUENT, scope, better=better, worse=worse)
    return result.model_copy(update={"verdict": said})


def _network() -> nn.Sequential:
    with torch.device("meta"):  # torch's own initialisation would draw from the global generator
        network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    network.to_empty(device="cpu")
    initialise(network, seeded(0, "every value is computed"))
    return network
