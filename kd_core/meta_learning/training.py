"""How each arm of a meta-learning run gets its starting point: what it is trained on, and how, as a stream.

Every arm of a trial begins at the same first weights and is shown the same training tasks in the same order. Where
no step size is part of the training (joint pre-training, from scratch) it is chosen on validation tasks.
"""

import math
import statistics
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial

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
from kd_core.meta_learning.tasks import Episodes, Parameters, Sinusoids, Tasks, problem_of
from kd_core.nn import cost
from kd_core.nn.seeding import seeded
from kd_core.nn.training import adam, training_loop
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


def train_start(settings: Settings, lesson: Lesson, seed: int) -> Generator[Event, None, Start]:
    """Train one arm's start; "from scratch" stays at its first weights. Every arm is shown the same tasks.

    An epoch of the training loop is one meta-step here; the first weights are evaluated too, as step 0.
    """
    theta = dict(lesson.network.named_parameters())
    total = 0 if lesson.name == SCRATCH else settings.iterations
    start = Start(lesson.problem, {}, lesson.rate, [], [], 0.0, {})
    descent = adam(theta.values(), settings.meta_lr)
    order, began, seconds = seeded(seed, "training tasks"), time.perf_counter(), list[float]()
    validation, reporter = lesson.problem.fixed("validation"), Reporter("meta", lesson.name, seed)

    def draw(batches: int) -> list[Tasks]:
        return [lesson.problem.draw(settings.meta_batch, order) for _ in range(batches)]

    def step(number: int, tasks: Tasks) -> dict[Reporter, float]:
        before = time.perf_counter()
        loss = lesson.objective(theta, tasks)
        descent.zero_grad()
        loss.backward()
        descent.step()
        value = loss.item()
        seconds.append(time.perf_counter() - before)
        require_finite(settings, lesson, number, value)
        return {reporter: value}

    def evaluate(number: int) -> Iterator[Evaluation]:
        start.parameters = {k: v.detach() for k, v in lesson.start_from(theta).items()}
        yield _evaluated(settings, lesson, start, validation, reporter, number)

    yield from evaluate(0)
    due = {*range(0, total, max(1, math.ceil(total / EVALUATIONS))), total}
    yield from training_loop(step, partial(draw, 1), evaluate, epochs=total, steps=total, evaluated=due)
    start.parameters = {name: value.clone() for name, value in start.parameters.items()}
    start.seconds = time.perf_counter() - began
    start.rate = lesson.rate or _chosen_rate(settings, start, validation)
    if total:
        further = draw(SHARED)
        start.measures = {
            "seconds a meta-step": statistics.median(seconds),
            "megabytes a meta-step": cost.peak_megabytes(partial(gradient, lesson.objective, theta, further[0])),
        }
        if lesson.name in (MAML, FIRST_ORDER):
            shares = [second_order_share(settings, lesson.problem, theta, tasks) for tasks in further]
            start.measures["second-order share"] = statistics.fmean(shares)
    return start


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
