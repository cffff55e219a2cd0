"""Meta-learning: a starting point from which a few examples and a step or so are enough for a new task (MAML).

    theta'_i = theta - alpha ∇L_i(theta; support_i)          adapt to task i, once or more
    L_meta   = sum over tasks of L_i(theta'_i; query_i)      what the starting point theta is trained for

The gradient of L_meta passes through the adaptation, so it has second derivatives; first-order MAML leaves them
out. Finn, Abbeel, Levine 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", arXiv
1703.03400. The losses are in `adaptation`, the tasks in `tasks`, the arms' training in
`training`. Read from top to bottom: what is measured; what trials share; one job of a trial; what is said of the
arms.
"""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn

from kd_core.data.digits import Digits
from kd_core.messages import N_, Message, message
from kd_core.meta_learning.adaptation import STEPS, path
from kd_core.meta_learning.settings import (
    CENTROID_FEATURES,
    CENTROID_PIXELS,
    FIRST_ORDER,
    MAML,
    ORACLE,
    PRETRAINED,
    REPTILE,
)
from kd_core.meta_learning.settings import MetaSettings as Settings
from kd_core.meta_learning.tasks import (
    TASKS,
    Episodes,
    NewDigits,
    Parameters,
    Sinusoids,
    Tasks,
    centroid_logits,
    problem_of,
)
from kd_core.meta_learning.technique import NEW_DIGITS, SINUSOIDS
from kd_core.meta_learning.training import Lesson, Start, lesson_of, require_finite, train_starts
from kd_core.nn import cost
from kd_core.nn.evaluation import confusion
from kd_core.nn.seeding import seeded
from kd_core.results import records
from kd_core.results.events import Event, Reporter
from kd_core.results.schema import NOTHING, Arm, ArmTrial, Cost, Dataset, Interval, Result
from kd_core.results.statistics import compared, loss_verdict, paired_ratio, t_interval
from kd_core.runs import assemble
from kd_core.runs.assemble import ArmFacts, dataset
from kd_core.settings.base import Job
from kd_core.settings.common import SCRATCH

VERSION = 3

FEW = 3  # test tasks whose whole curves are kept


# What is measured: every arm adapts to the same tasks


def _tested(settings: Settings, lesson: Lesson, start: Start, seed: int) -> ArmTrial:
    """What is kept of one arm: how it does on the test tasks after 0 to 10 steps, and its starting point."""
    assert start.rate is not None
    tasks = start.problem.fixed("test")
    answers = path(start.problem, start.parameters, tasks.support, tasks.query[0], start.rate)
    weights = {name: value.cpu().contiguous() for name, value in start.parameters.items()}
    done = _kept(settings, start.problem, tasks, answers, seed)
    compared = done.series.get("query loss", (0.0,) * (STEPS + 1))[settings.inner_steps]
    require_finite(settings, lesson, settings.iterations, compared)
    return done.model_copy(update={
        "curve": tuple(start.curve), "seconds": start.seconds, "weights": save(weights),
        "measures": {**start.measures, "step size": start.rate},
        "series": {**done.series, "meta-steps": tuple(float(step) for step, _ in start.looks),
                   "validation loss": tuple(loss for _, loss in start.looks)} if start.looks else done.series,
    })  # fmt: skip


def _kept(settings: Settings, problem: Episodes, tasks: Tasks, answers: Sequence[Tensor], seed: int) -> ArmTrial:
    """Series and counts of `answers` [tasks, Q, …] after 0, 1, … steps."""
    judged = [problem.judge(each, tasks.query[1]) for each in answers]
    by_task = [each.nan_to_num(nan=math.inf, posinf=math.inf) for each in judged]  # where it diverged
    name = "query errors" if problem.classifies else "query loss"
    series = {
        "steps": tuple(map(float, range(len(answers)))),
        name: tuple(each.double().mean().item() for each in by_task),
        "by task, before": _short(by_task[0]),
        "by task, after": _short(by_task[settings.inner_steps]),
    }
    after = answers[settings.inner_steps]
    if isinstance(problem, NewDigits):
        series["held-out digits"] = tuple(map(float, problem.held_out))
        return _counted(tasks, answers[0], after, ArmTrial(seed=seed, seconds=0.0, series=series))
    for task in range(FEW):
        shown = {
            "support x": tasks.support[0][task, :, 0],
            "support y": tasks.support[1][task],
            "amplitude and phase": tasks.told[task],
            "before": answers[0][task],
            "after": after[task],
        }
        series |= {f"task {task + 1}, {what}": _short(values) for what, values in shown.items()}
    return ArmTrial(seed=seed, seconds=0.0, series=series)


def _short(values: Tensor) -> tuple[float, ...]:
    """Numbers to five digits that count: enough to draw, and a fraction of the bytes."""
    return tuple(float(f"{value:.5g}") for value in values.flatten().tolist())


def _counted(tasks: Tasks, before: Tensor, after: Tensor, done: ArmTrial) -> ArmTrial:
    """`done` with its answers counted: wrong ones, and the digits that were taken for each other.

    before, after: logits [tasks, Q, N]. mistakes: an image that several tasks show may come several times.
    """
    assert tasks.images is not None
    labels = tasks.query[1].cpu()
    first, said, true = (tasks.told.gather(1, which.cpu()) for which in (before.argmax(2), after.argmax(2), labels))
    wrong = (said != true).flatten().nonzero().flatten()
    shown = tasks.images[1].flatten()[wrong].tolist(), said.flatten()[wrong].tolist()
    few = {"support images": tasks.images[0], "query images": tasks.images[1], "before": first, "after": said}
    series = {
        f"task {task + 1}, {what}": _short(values[task]) for task in range(FEW) for what, values in few.items()
    }
    return done.model_copy(update={
        "test_errors": len(wrong),
        "confusion": confusion(F.one_hot(said.flatten(), 10), true.flatten()),
        "mistakes": tuple(zip(*shown, strict=True)),
        "bins": records.reliability(after.float().flatten(0, 1).cpu(), labels.flatten()),
        "series": {**done.series, **series},
    })  # fmt: skip


def _centroids(settings: Settings, problem: NewDigits, body: Parameters | None, seed: int) -> ArmTrial:
    """Nearest centroid on pixels or, with the pre-trained parameters `body`, on features; it takes no steps."""
    tasks = problem.fixed("test")

    def seen(inputs: Tensor) -> Tensor:
        return inputs.flatten(2) if body is None else problem.features(body, inputs)

    with torch.no_grad():
        support = seen(tasks.support[0]), tasks.support[1]
        answers = centroid_logits(support, seen(tasks.query[0]), settings.ways)
    return _kept(settings, problem, tasks, [answers] * (STEPS + 1), seed)


# What the trials of a run share


@dataclass(frozen=True, kw_only=True)
class Shared(assemble.Shared):
    """What `prepare` makes once for all trials. costs: arm -> Cost."""

    costs: Mapping[str, Cost]


def check(settings: Settings, data: Digits) -> None:
    """Raise Problem for what the digits cannot give."""
    settings.check(data)


def prepare(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """Try the tasks out, and measure the networks."""
    plain = settings.model_copy(update={"device": "cpu", "precision": "float32"})
    problem, first = problem_of(plain, data, settings.seed), seeded(settings.seed, "first weights")
    example = problem.fixed("test").query[0][0, :1]
    (network,) = cost.costs_of([problem.network(first)], example)
    costs = dict.fromkeys(settings.arms, network)
    if ORACLE in costs:
        told = Sinusoids(plain, settings.seed, told=True)
        (costs[ORACLE],) = cost.costs_of([told.network(first)], torch.zeros(1, 3))
    if isinstance(problem, NewDigits):
        centroids = nn.Sequential(nn.Flatten(), nn.Linear(example.numel(), settings.ways))  # as many numbers
        (costs[CENTROID_PIXELS],) = cost.costs_of([centroids], example)
    yield Reporter("tasks", MAML, settings.seed).step(1, 1)
    notes = data.notices if problem.classifies else ()
    return Shared(loaded=dataset(data), data=_sizes(settings, data.name), notes=notes, costs=costs)


# One job of a trial


def train(
    settings: Settings, data: Digits, shared: Shared | None, seed: int, job: Job
) -> Generator[Event, None, Mapping[str, ArmTrial]]:
    """Train one start, paired with all others at this seed: equal first weights and tasks."""
    trials = yield from train_trials(settings, data, shared, (seed,), job)
    return trials[seed]


def train_trials(
    settings: Settings, data: Digits, _shared: Shared | None, seeds: tuple[int, ...], job: Job
) -> Generator[Event, None, Mapping[int, Mapping[str, ArmTrial]]]:
    """The same in several trials, side by side."""
    name, *centroids = job.arms
    lessons = {seed: lesson_of(settings, data, seed, name) for seed in seeds}
    starts = yield from train_starts(settings, lessons)
    trials: dict[int, dict[str, ArmTrial]] = {}
    for seed, start in starts.items():
        done = trials[seed] = {name: _tested(settings, lessons[seed], start, seed)}
        if isinstance(start.problem, NewDigits):
            for centroid in centroids:
                body = start.parameters if centroid == CENTROID_FEATURES else None
                done[centroid] = _centroids(settings, start.problem, body, seed)
    return trials


# What is said of the arms


def describe(settings: Settings, shared: Shared, seed: int) -> dict[str, ArmFacts]:
    """The arms that a trial trains, in order."""
    each = settings.ways if settings.problem == "digits" else 1
    seen = settings.iterations * settings.meta_batch * each * (settings.shots + settings.queries)
    network = N_("two convolutions of 16") if each > 1 else N_("two layers of 40")
    models = {CENTROID_PIXELS: N_("means of pixels"), ORACLE: N_("two layers of 40, three inputs")}
    return {
        arm: ArmFacts(
            models.get(arm, network), each * settings.shots, shared.costs[arm],
            None if arm in (SCRATCH, CENTROID_PIXELS) else seen,
        )
        for arm in settings.arms
    }  # fmt: skip


def _with_score(settings: Settings, arm: Arm) -> Arm:
    """The arm of a problem without classes with its mean query loss after `inner_steps`, in place of errors."""
    return arm.model_copy(update={"score": t_interval(_losses(settings, arm)), "errors_per_10000": NOTHING})


def _losses(settings: Settings, arm: Arm) -> list[float]:
    """Query loss after `inner_steps`, trial by trial."""
    return [trial.series["query loss"][settings.inner_steps] for trial in arm.trials]


def _sizes(settings: Settings, data: str) -> Dataset:
    """What was learned from and judged on: tasks of sinusoids, or queries of the digits in `data`."""
    drawn = settings.iterations * settings.meta_batch
    if settings.problem == "sinusoids":
        return Dataset(name=N_("sinusoids"), train=drawn, validation=TASKS["validation"], test=TASKS["test"])
    queries = settings.ways * settings.queries
    validation, test = (TASKS[part] * queries for part in ("validation", "test"))
    return Dataset(name=data, train=drawn * queries, validation=validation, test=test)


def judge(settings: Settings, result: Result) -> Result:
    """The Result with its verdict and comparisons, and scores where nothing is classified."""
    main = FIRST_ORDER if settings.first_order else MAML
    rivals = [SCRATCH, FIRST_ORDER, REPTILE, CENTROID_PIXELS, CENTROID_FEATURES]
    there = [arm.name for arm in result.arms if arm.name in rivals and arm.name != main]
    scope = _scope(settings, result.arm(main))
    better, worse = NEW_DIGITS if settings.problem == "digits" else SINUSOIDS
    if settings.problem == "digits":
        return result.model_copy(update={
            "verdict": compared(result, main, PRETRAINED, scope, better=better, worse=worse),
            "comparisons": tuple(compared(result, main, name) for name in rivals if name in there),
        })  # fmt: skip

    arms = tuple(_with_score(settings, arm) for arm in result.arms)
    result = result.model_copy(update={"arms": arms, "measure": "query loss"})

    def ratio(baseline: str) -> Interval:
        return paired_ratio(_losses(settings, result.arm(main)), _losses(settings, result.arm(baseline)))

    return result.model_copy(update={
        "verdict": loss_verdict(main, PRETRAINED, ratio(PRETRAINED), scope, lower=better, higher=worse),
        "comparisons": tuple(loss_verdict(main, name, ratio(name), ()) for name in rivals if name in there),
    })  # fmt: skip


def _scope(settings: Settings, arm: Arm) -> tuple[Message, ...]:
    """What is compared and when, what varied, and who saw how much."""
    judged = message(
        "Compared on {tasks} new tasks a trial, {shots} labelled examples each; adaptation steps taken: {steps}.",
        steps=settings.inner_steps, tasks=TASKS["test"], shots=arm.labels,
    )  # fmt: skip
    saw = message(
        "MAML and joint pre-training saw the same training tasks, {labels} labels in all.",
        labels=f"{arm.teacher_labels or 0:,}",
    )
    if len(arm.trials) == 1:
        return judged, saw
    if settings.problem == "digits":
        varies = message("From trial to trial the digits held out, the first weights and all tasks vary.")
    else:
        varies = message("From trial to trial the first weights and all tasks vary, also those tested on.")
    return judged, varies, saw
