"""Multi-task learning: several tasks share one body of layers, and each has a head of its own.

    L = sum_i alpha_i L_i

One step along the joint gradient can help one task and hurt another: where their gradients on the shared
layers point in opposite directions, they conflict. Caruana 1997, "Multitask Learning"; Sener, Koltun 2018,
arXiv 1810.04650 (MultiMNIST). Read from top to bottom: what trials share; one network of a trial; what is said
of the arms. How losses and gradients are combined stands in `weighting`, the network and its training in
`network`, the look at its gradients in `gradient_conflict`, the images in `tasks`.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import ceil

import torch.nn.functional as F
from torch import Tensor

from kd_core.data.digits import Digits, pixels, subset
from kd_core.messages import N_, Message, Scalar, message
from kd_core.multitask.gradient_conflict import Conflict
from kd_core.multitask.network import WIDTHS, Combine, Joint, build, fair_widths, fit
from kd_core.multitask.settings import BODIES, FAIR, JOINT, SCHEMES, TASK_LABELS, arm_of, scheme_of, task_of
from kd_core.multitask.settings import JOINT_EQUAL as EQUAL
from kd_core.multitask.settings import TASK_ALONE as ALONE
from kd_core.multitask.settings import MultitaskSettings as Settings
from kd_core.multitask.tasks import (
    LARGEST_ANGLE,
    NEAR,
    TaskDigits,
    TaskSplit,
    in_degrees,
    make_split,
    name_of,
    wrong,
)
from kd_core.multitask.technique import MULTITASK
from kd_core.nn import cost
from kd_core.nn.evaluation import confusion, predict
from kd_core.nn.seeding import seeded
from kd_core.results import records
from kd_core.results.events import Evaluation, Event, Reporter
from kd_core.results.schema import Arm, ArmTrial, Cost, GalleryDigit, Result, Verdict
from kd_core.results.statistics import compared, delta_m
from kd_core.runs import assemble
from kd_core.runs.assemble import ArmFacts, dataset
from kd_core.runs.remembered import once, settings_but
from kd_core.settings.base import Job

VERSION = 3

ANGLE_ERROR = "mean absolute angle error"  # a measure, in degrees
WEIGHTING_FIELDS = (
    "weighting",
    *(f"weight_{task}" for task in TASK_LABELS),
)  # no say but in the networks trained as set
DATA_SEED = 0  # validation and test images are made once for all trials


# What the trials of a run share


@dataclass(frozen=True, kw_only=True)
class Shared(assemble.Shared):
    """What `prepare` makes once for all trials. costs: of each arm's network, in joint ones of all of it."""

    costs: Mapping[str, Cost]


def check(settings: Settings, data: Digits) -> None:
    """Raise Problem for what the data cannot give, and for weights that leave nothing."""
    settings.check(data)


def prepare(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The costs, and how the test images are shown."""
    key = ("shared", *settings_but(settings, *WEIGHTING_FIELDS))
    return (yield from once(key, data, lambda: _prepared(settings, data)))


def _prepared(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The same, made anew."""
    tasks = settings.task_names
    reporter = Reporter("tasks", arm_of(tasks[0], JOINT), settings.seed)
    yield reporter.step(0, 1)
    nets = {(scheme, task): _build(settings, scheme, task, settings.seed, "cpu")
            for scheme in (ALONE, FAIR) for task in tasks}  # fmt: skip
    nets[JOINT, ""] = _build(settings, JOINT, "", settings.seed, "cpu")
    found = dict(zip(nets, cost.costs_of(list(nets.values()), data.test.stored[:1]), strict=True))
    costs = {arm_of(task, scheme): found[scheme, task] for scheme in (ALONE, FAIR) for task in tasks}
    costs |= {arm_of(task, scheme): found[JOINT, ""] for scheme in (EQUAL, JOINT) for task in tasks}
    yield reporter.step(1, 1)
    _, test = _looked_at(tasks, data)
    return Shared(
        loaded=dataset(data), data=dataset(data).model_copy(update={"name": name_of(data, tasks)}),
        gallery=_gallery(test, data.gallery), notes=data.notices, costs=costs,
    )  # fmt: skip


# One network of a trial


def train(
    settings: Settings, data: Digits, _shared: Shared | None, seed: int, job: Job
) -> Generator[Event, None, Mapping[str, ArmTrial]]:
    """Train one network, paired with all others at this seed: the same images, batch order, and first weights."""
    key = (job, seed, *settings_but(settings, "seed", "seeds", *WEIGHTING_FIELDS))
    make = partial(train_scheme, settings, task_digits(settings, data, seed), seed, job)
    return (yield from (make() if scheme_of(job.arms[0]) == JOINT else once(key, data, make)))


def task_digits(settings: Settings, data: Digits, seed: int) -> TaskDigits:
    """The images of one trial with the targets of every task: `train` labelled images, drawn by the seed.

    Each split is made of its own digits only; validation and test are the same in every trial.
    """
    validation, test = _looked_at(settings.task_names, data)
    sample = subset(data.train.labels, settings.train_size, seeded(seed, "sample"))
    few = data.train.chosen(sample)
    tasks = settings.task_names
    return TaskDigits(
        name=name_of(data, tasks),
        train=make_split(few, tasks, lambda purpose: seeded(seed, f"train {purpose}")),
        validation=validation,
        test=test,
        gallery=data.gallery,
        notices=data.notices,
    )


@lru_cache(maxsize=1)  # for all jobs of a run
def _looked_at(tasks: tuple[str, ...], data: Digits) -> tuple[TaskSplit, TaskSplit]:
    """Validation and test images with the targets of these tasks."""
    return (
        make_split(data.validation, tasks, lambda purpose: seeded(DATA_SEED, f"validation {purpose}")),
        make_split(data.test, tasks, lambda purpose: seeded(DATA_SEED, f"test {purpose}")),
    )


def train_scheme(
    settings: Settings, digits: TaskDigits, seed: int, job: Job
) -> Generator[Event, None, dict[str, ArmTrial]]:
    """Train the network of a job; returns what is kept of it, by the name of each task's arm."""
    scheme = scheme_of(job.arms[0])
    arms = {task_of(arm): arm for arm in job.arms if scheme_of(arm) == scheme}
    tasks = tuple(arms)
    net = _build(settings, scheme, tasks[0], seed)
    weights = dict(zip(settings.task_names, settings.weights, strict=True)) if scheme == JOINT else {}
    combine = Combine(settings.weighting if scheme == JOINT else "fixed",
                      {task: weights.get(task, 1.0) for task in tasks}, seed, settings.device)  # fmt: skip
    look = None
    if scheme == JOINT:
        steps = settings.epochs * ceil(settings.train_size / settings.batch_size)
        look = Conflict(digits.train, steps, settings.batch_size, settings.precision, seed)
    curves: dict[str, list[Evaluation]] = {arm: [] for arm in arms.values()}
    began = time.perf_counter()
    for event in fit(
        net, digits.train, digits.validation, combine,
        {task: Reporter("networks", arm, seed) for task, arm in arms.items()},
        epochs=settings.epochs, batch_size=settings.batch_size, learning_rate=settings.learning_rate,
        order=seeded(seed, "order"), precision=settings.precision, look=look,
    ):  # fmt: skip
        if isinstance(event, Evaluation):
            curves[event.arm].append(event)
        yield event
    seconds = time.perf_counter() - began
    outputs = net.by_task(predict(net, digits.test.images))
    done = {arm: _tried(net, task, outputs[task], digits, seed, curves[arm], seconds) for task, arm in arms.items()}
    if look is not None:
        first = arms[tasks[0]]
        done[first] = done[first].model_copy(update={
            "series": {name: tuple(values) for name, values in look.series.items()},
            "measures": done[first].measures | look.measures(tasks),
        })  # fmt: skip
    if EQUAL in map(scheme_of, job.arms[len(tasks) :]):  # the same training: not a bit would differ
        done |= {arm_of(task, EQUAL): _unseen(done[arm]) for task, arm in arms.items()}
    return done


def _tried(
    net: Joint,
    task: str,
    outputs: Tensor,
    digits: TaskDigits,
    seed: int,
    curve: Sequence[Evaluation],
    seconds: float,
) -> ArmTrial:
    """What is kept of one head: its test errors and gallery outputs (degrees, for an angle), in float32."""
    targets, weights = digits.test.targets[task], records.kept_weights(net.single(task))
    if task != "angle":
        return records.judged(outputs, targets, digits.gallery, seed, curve, seconds, weights)
    answers = in_degrees(outputs)
    errors = wrong(task, outputs, targets).nonzero().flatten().tolist()
    return ArmTrial(
        seed=seed, **records.curve_fields(curve), test_errors=len(errors),
        confusion=confusion(F.one_hot(_tenth(answers), 9), _tenth(targets)),
        mistakes=tuple((at, round(float(answers[at]))) for at in errors), bins=(),
        gallery_logits=tuple((angle,) for angle in answers[list(digits.gallery)].tolist()),
        seconds=seconds, weights=weights,
        measures={ANGLE_ERROR: float((answers - targets).abs().mean())},
    )  # fmt: skip


def _unseen(trial: ArmTrial) -> ArmTrial:
    """The same trial without what was seen of its gradients, and without a second copy of its weights."""
    measures = {name: value for name, value in trial.measures.items() if name == ANGLE_ERROR}
    return trial.model_copy(update={"series": {}, "measures": measures, "weights": None})


def _tenth(degrees: Tensor) -> Tensor:
    """In which tenth degrees lie, 0 (from -45) to 8 (to 45): the classes of an angle's confusion."""
    return ((degrees + LARGEST_ANGLE) / 10).long().clamp(0, 8)


# What is said of the arms


def describe(settings: Settings, shared: Shared, seed: int) -> dict[str, ArmFacts]:
    """The arms that a trial trains, task by task."""
    arms = [arm_of(task, scheme) for task in settings.task_names for scheme in SCHEMES]
    return {arm: ArmFacts(_model_name(settings, arm), settings.train_size, shared.costs[arm]) for arm in arms}


def judge(settings: Settings, result: Result) -> Result:
    """The Result with delta_m; each task's joint arm against alone, the first being the verdict, equal and fair."""
    arms = _with_delta_m(settings, {arm.name: arm for arm in result.arms})
    result = result.model_copy(update={"arms": tuple(arms.values())})
    names, scope = settings.task_names, _scope(settings, result.arm(arm_of(settings.task_names[0], JOINT)))
    pairs = [(task, ALONE) for task in names]
    pairs += [(task, baseline) for task in names for baseline in (EQUAL, FAIR)]
    first, *further = [
        _compared(result, task, baseline, () if place else scope) for place, (task, baseline) in enumerate(pairs)
    ]
    return result.model_copy(update={"verdict": first, "comparisons": tuple(further)})


def _with_delta_m(settings: Settings, arms: Mapping[str, Arm]) -> dict[str, Arm]:
    """In every trial the first task's arm of a scheme also knows "delta_m", the scheme against each task alone."""
    judged, names = dict(arms), settings.task_names
    for scheme in (EQUAL, JOINT, FAIR):
        first = arms[arm_of(names[0], scheme)]
        trials = []
        for place, trial in enumerate(first.trials):
            errors, alone = (
                [arms[arm_of(task, each)].trials[place].test_errors for task in names] for each in (scheme, ALONE)
            )
            measures = trial.measures | {"delta_m": delta_m(errors, alone)}
            trials.append(trial.model_copy(update={"measures": measures}))
        judged[first.name] = first.model_copy(update={"trials": tuple(trials)})
    return judged


def _compared(result: Result, task: str, baseline: str, scope: tuple[Message, ...]) -> Verdict:
    """A task's joint arm against one of its baselines."""
    own = dict(zip(("better", "worse"), MULTITASK, strict=True)) if baseline == ALONE else {}
    words: dict[str, Scalar | Message] = {
        "task": TASK_LABELS[task], "arm": _said(task, JOINT), "baseline": _said(task, baseline),
    }  # fmt: skip
    return compared(result, arm_of(task, JOINT), arm_of(task, baseline), scope, words=words, **own)


def _said(task: str, scheme: str) -> Message:
    """The name of an arm in parts, so that each can be translated."""
    return message("{task} · {scheme}", task=TASK_LABELS[task], scheme=scheme)


def _scope(settings: Settings, joint: Arm) -> tuple[Message, ...]:
    """What the interval covers, what it does not, and who saw how many labels."""
    said = [message(
        "Every network saw the same {images} images: one alone with the labels of its task, a joint one with "
        "those of all tasks.", images=f"{joint.labels:,}",
    )]  # fmt: skip
    if "angle" in settings.task_names:
        said.append(message("An angle counts as right where it is off by no more than {near} degrees.",
                            near=f"{NEAR:g}"))  # fmt: skip
    if len(joint.trials) > 1:
        said.insert(0, message(
            "From trial to trial the labelled images, the first weights and the batch order vary; the test set "
            "does not."
        ))  # fmt: skip
    return tuple(said)


def _gallery(test: TaskSplit, shown: Sequence[int]) -> tuple[GalleryDigit, ...]:
    """The test images shown beside the numbers, as the networks see them, with every task's truth."""
    truths = list(test.targets.values())
    return tuple(
        GalleryDigit(index=index, label=int(truths[0][index]), pixels=tuple(row),
                     answers={task: float(truth[index]) for task, truth in test.targets.items()})
        for index, row in zip(shown, pixels(test.images[list(shown)]).tolist(), strict=True)
    )  # fmt: skip


def _build(settings: Settings, scheme: str, task: str, seed: int, device: str = "") -> Joint:
    """The network of a scheme: the joint one, one of `task` alone, or that with its share of the joint size."""
    names, widths = settings.task_names, WIDTHS[settings.body]
    if scheme == FAIR:
        widths = fair_widths(widths, names, task)
    return build(widths, [task] if scheme in (ALONE, FAIR) else names, seed, device or settings.device)


def _model_name(settings: Settings, arm: str) -> str:
    return N_("as wide as its share allows") if scheme_of(arm) == FAIR else BODIES[settings.body]
