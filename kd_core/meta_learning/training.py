"""How each arm of a meta-learning run gets its starting point: what it is trained on, and how, as a stream.

Every arm of a trial begins at the same first weights and is shown the same training tasks in the same order. Where
no step size is part of the training (joint pre-training, from scratch) it is chosen on validation tasks.
"""

import math
import statistics
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn

from kd_core.data.digits import Digits
from kd_core.messages import N_, Problem
from kd_core.meta_learning.adaptation import (
    STEPS,
    Objective,
    gradient,
    joint,
    maml,
    path,
    reptile,
    second_order_share,
)
from kd_core.meta_learning.settings import FIRST_ORDER, MAML, ORACLE, PRETRAINED, REPTILE
from kd_core.meta_learning.settings import MetaSettings as Settings
from kd_core.meta_learning.tasks import Episodes, Parameters, Sinusoids, Tasks, joined, problem_of
from kd_core.nn import cost
from kd_core.nn.optimizers import Adam
from kd_core.nn.seeding import seeded
from kd_core.nn.training import training_loop
from kd_core.results.events import Evaluation, Event, Reporter
from kd_core.settings.common import SCRATCH

RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # tried on validation tasks where none is given
EVALUATIONS = 10  # of the validation tasks in one training, at equal distances
SHARED = 10  # batches of tasks over which the second-order term's share is averaged


@dataclass
class Start:
    """Where an arm begins to adapt, and what it took to get there.

    problem: whose network it is; rate: its step size, None until it is chosen.
    """

    problem: Episodes
    parameters: dict[str, Tensor]
    rate: float | None
    curve: list[tuple[int, int]]
    looks: list[tuple[int, float]]
    seconds: float
    measures: dict[str, float]


@dataclass(frozen=True)
class Lesson:
    """How one arm is trained, and from where its network adapts (`start_from`)."""

    name: str
    problem: Episodes
    network: nn.Sequential
    objective: Objective
    start_from: Callable[[Parameters], dict[str, Tensor]]
    rate: float | None


def lesson_of(settings: Settings, data: Digits, seed: int, name: str) -> Lesson:
    """How the arm `name` is trained in the trial of `seed`."""
    problem = Sinusoids(settings, seed, told=True) if name == ORACLE else problem_of(settings, data, seed)
    first = seeded(seed, "first weights")  # equal in every arm whose network has the same shape
    if name in (PRETRAINED, ORACLE):
        return Lesson(name, problem, problem.joint_network(first), joint(problem), problem.start_from, None)
    objective = reptile(settings, problem) if name == REPTILE else maml(settings, problem, name == FIRST_ORDER)
    rate = None if name == SCRATCH else settings.inner_lr
    return Lesson(name, problem, problem.network(first), objective, dict, rate)


def train_starts(settings: Settings, lessons: Mapping[int, Lesson]) -> Generator[Event, None, dict[int, Start]]:
    """Train one arm's start in the trials of these seeds; "from scratch" stays at its first weights.

    Every arm is shown the same tasks. Where the problem is `batched`, each step is that of all trials, side by
    side, and one trial is trained beside its own copy: a batch of two or more matrices rounds each alike, however
    many there are, but one alone is multiplied in another way. An epoch of the training loop is one meta-step here;
    the first weights are evaluated too, as step 0.
    """
    seeds, first = tuple(lessons), next(iter(lessons.values()))
    rows = seeds * 2 if len(seeds) == 1 and first.problem.batched else seeds
    networks = [dict(lessons[seed].network.named_parameters()) for seed in rows]
    theta = {
        name: torch.stack([network[name].detach() for network in networks]).requires_grad_() for name in networks[0]
    }
    total = 0 if first.name == SCRATCH else settings.iterations
    starts = {seed: Start(one.problem, {}, one.rate, [], [], 0.0, {}) for seed, one in lessons.items()}
    descent = Adam(theta.values(), settings.meta_lr)
    streams = {seed: one.problem.stream(seeded(seed, "training tasks")) for seed, one in lessons.items()}
    validation = {seed: one.problem.fixed("validation") for seed, one in lessons.items()}
    reporters = [Reporter("meta", first.name, seed) for seed in seeds]
    seconds, began = list[float](), time.perf_counter()

    def draw() -> Iterator[Tasks]:
        tasks = {seed: next(stream) for seed, stream in streams.items()}
        yield joined([tasks[seed] for seed in rows])

    def step(number: int, tasks: Tasks) -> dict[Reporter, float]:
        before = time.perf_counter()
        losses = first.objective(theta, tasks)
        descent.zero_grad()
        losses.sum().backward()
        descent.step()
        values = losses.tolist()[: len(seeds)]
        seconds.append((time.perf_counter() - before) / len(seeds))
        for value in values:
            require_finite(settings, first, number, value)
        return dict(zip(reporters, values, strict=True))

    def evaluate(number: int) -> Iterator[Evaluation]:
        for row, (seed, reporter) in enumerate(zip(seeds, reporters, strict=True)):
            of_trial = lessons[seed].start_from({name: value[row].detach() for name, value in theta.items()})
            starts[seed].parameters = of_trial
            yield _evaluated(settings, first, starts[seed], validation[seed], reporter, number)

    yield from evaluate(0)
    due = {*range(0, total, max(1, math.ceil(total / EVALUATIONS))), total}
    yield from training_loop(step, draw, evaluate, epochs=total, steps=total, evaluated=due)
    took = (time.perf_counter() - began) / len(seeds)
    for row, (seed, start) in enumerate(starts.items()):
        start.parameters, start.seconds = {name: value.clone() for name, value in start.parameters.items()}, took
        start.rate = first.rate or _chosen_rate(settings, start, validation[seed])
        if total:
            learned = {name: value[row].detach().requires_grad_() for name, value in theta.items()}
            further = list(islice(streams[seed], SHARED))
            start.measures = {
                "seconds a meta-step": statistics.median(seconds),
                **_measured(settings, first, start.problem, learned, further),
            }
    return starts


def _measured(
    settings: Settings, lesson: Lesson, problem: Episodes, theta: Parameters, further: Sequence[Tasks]
) -> dict[str, float]:
    """What one trial's meta-gradient costs and is made of, on further batches of training tasks."""
    measures = {
        "megabytes a meta-step": cost.peak_megabytes(partial(gradient, lesson.objective, theta, further[0]))
    }
    if lesson.name in (MAML, FIRST_ORDER):
        shares = [second_order_share(settings, problem, theta, tasks) for tasks in further]
        measures["second-order share"] = statistics.fmean(shares)
    return measures


def require_finite(settings: Settings, lesson: Lesson, step: int, loss: float) -> None:
    """Raise a Problem that says what to change, unless `loss` at meta-step `step` is finite."""
    if math.isfinite(loss):
        return
    if lesson.rate is None:
        raise Problem(
            N_(
                "Training broke off ({arm}, meta-step {step}): the loss is not a finite number, for the outer "
                "learning rate {rate} is too large. Choose a smaller one."
            ),
            arm=lesson.name,
            step=step,
            rate=settings.meta_lr,
        )
    raise Problem(
        N_(
            "Training broke off ({arm}, meta-step {step}): the loss is not a finite number, for the inner step "
            "size α = {alpha} is too large. Choose a smaller one."
        ),
        arm=lesson.name,
        step=step,
        alpha=settings.inner_lr,
    )


def _losses(start: Start, tasks: Tasks, rate: float, steps: int = STEPS) -> list[float]:
    """Mean query loss over tasks after 0, 1, … `steps` steps of `rate`; infinite where it is not a number."""
    answers = path(start.problem, start.parameters, tasks.support, tasks.query[0], rate, steps)
    losses = [start.problem.criterion(each, tasks.query[1]).item() for each in answers]
    return [loss if math.isfinite(loss) else math.inf for loss in losses]


def _evaluated(
    settings: Settings, lesson: Lesson, start: Start, tasks: Tasks, reporter: Reporter, step: int
) -> Evaluation:
    """Validation tasks evaluated after `inner_steps`; an arm without a step size is given its best one."""
    n = settings.inner_steps
    rate = start.rate or min(RATES, key=lambda rate: _losses(start, tasks, rate, n)[n])
    answers = path(start.problem, start.parameters, tasks.support, tasks.query[0], rate, n)[n]
    loss = start.problem.criterion(answers, tasks.query[1]).item()
    require_finite(settings, lesson, step, loss)
    if not start.problem.classifies:
        start.looks.append((step, loss))
        return reporter.evaluation(step, settings.iterations, 0, 0, loss)
    errors, size = int((answers.argmax(2) != tasks.query[1]).sum()), tasks.query[1].numel()
    start.curve.append((step, errors))
    return reporter.evaluation(step, settings.iterations, errors, size)


def _chosen_rate(settings: Settings, start: Start, tasks: Tasks) -> float:
    """The step size of least loss after `inner_steps`, of those that ten steps do not make worse than none."""
    found = {rate: _losses(start, tasks, rate) for rate in RATES}
    kept = {rate: losses for rate, losses in found.items() if losses[-1] <= losses[0]}
    return min(kept, key=lambda rate: kept[rate][settings.inner_steps], default=RATES[0])
