"""Multi-task learning: several tasks share one body of layers, and each has a head of its own.

    L = sum_i alpha_i L_i

One step along the joint gradient can help one task and hurt another: where their gradients on the shared
layers point in opposite directions, they conflict. Caruana 1997, "Multitask Learning"; Sener, Koltun 2018,
arXiv 1810.04650 (MultiMNIST). Read from top to bottom: what trials share; one trial; its arms; the join. How
losses and gradients are combined stands in `weighting`, the network and its training in `joint`, the look at
its gradients in `conflict`, the images in `tasks`.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, nan

import torch.nn.functional as F
from torch import Tensor

from kd_core.data.digits import Digits, Split, pixels, subset
from kd_core.messages import N_, Message, Scalar, message
from kd_core.multitask.gradient_conflict import Conflict
from kd_core.multitask.network import WIDTHS, Combine, Joint, Schedule, build, fair_widths, fit
from kd_core.multitask.settings import BODIES, FAIR, JOINT, TASK_LABELS, arm_of, scheme_of
from kd_core.multitask.settings import JOINT_EQUAL as EQUAL
from kd_core.multitask.settings import TASK_ALONE as ALONE
from kd_core.multitask.settings import MultitaskSettings as Settings
from kd_core.multitask.tasks import LARGEST_ANGLE, NEAR, TaskDigits, in_degrees, make_split, name_of, wrong
from kd_core.multitask.weighting import (
    dwa_weights,
    gradient_cosines,
    project_conflicts,
    uncertainty_weighted,
    weighted_sum,
)
from kd_core.multitask.wording import MULTITASK
from kd_core.nn import cost
from kd_core.nn.evaluation import confusion, predict
from kd_core.nn.hardware import resolve
from kd_core.nn.seeding import seeded
from kd_core.results import records
from kd_core.results.events import Evaluation, Event, Step
from kd_core.results.schema import Arm, ArmTrial, Cost, Dataset, GalleryDigit, Result, Verdict
from kd_core.results.statistics import delta_m, verdict
from kd_core.runs.assemble import drained, in_turn, joined, require_same_data
from kd_core.runs.remembered import once, settings_but

__all__ = [
    "RESULT_VERSION", "Settings", "Shared", "dwa_weights", "gradient_cosines", "join", "prepare", "preparing",
    "project_conflicts", "run", "trial", "uncertainty_weighted", "weighted_sum",
]  # fmt: skip

RESULT_VERSION = 1  # raised when results of the same settings change meaning

ANGLE_ERROR = "mean absolute angle error"  # a measure, in degrees
OF_THE_SUM = ("weighting", *(f"weight_{task}" for task in TASK_LABELS))  # no say but in the networks trained as set
DATA_SEED = 0  # validation and test images are made once for all trials


# What the trials of a run share


@dataclass(frozen=True)
class Shared:
    """What `prepare` makes once for all trials: the cost of each arm's network, and what the data are called."""

    costs: dict[str, Cost]
    data: Dataset
    notes: tuple[Message, ...]


def prepare(settings: Settings, data: Digits) -> Shared:
    """What the trials share: the costs."""
    return drained(preparing(settings, data))


def preparing(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """`prepare` as a stream: yields Steps and returns the Shared.

    A joint network's cost is that of all of it, in the arm of each of its tasks.
    """
    settings.check(data)
    key = ("shared", *settings_but(settings, *OF_THE_SUM))
    return (yield from once(key, data, lambda: _preparing(settings, data)))


def _preparing(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The same, made anew."""
    tasks = settings.task_names
    yield Step("tasks", arm_of(tasks[0], JOINT), settings.seed, 0, 1, nan, 0.0)
    nets = {(scheme, task): _build(settings, scheme, task, settings.seed, "cpu")
            for scheme in (ALONE, FAIR) for task in tasks}  # fmt: skip
    nets[JOINT, ""] = _build(settings, JOINT, "", settings.seed, "cpu")
    found = dict(zip(nets, cost.costs_of(list(nets.values()), data.test.images[:1]), strict=True))
    costs = {arm_of(task, scheme): found[scheme, task] for scheme in (ALONE, FAIR) for task in tasks}
    costs |= {arm_of(task, scheme): found[JOINT, ""] for scheme in (EQUAL, JOINT) for task in tasks}
    yield Step("tasks", arm_of(tasks[0], JOINT), settings.seed, 1, 1, nan, 1.0)
    return Shared(costs, _dataset(settings, data), data.notices)


# One trial: every arm at one seed


def trial(settings: Settings, data: Digits, shared: Shared, seed: int) -> Iterator[Event]:
    """All arms at one seed, paired: the same images, batch order, and first weights of body and each head.

    Yields Steps and Evaluations, and last a Result of this one trial.
    """
    require_same_data(shared.data, _dataset(settings, data))
    started = time.perf_counter()
    digits, names = task_digits(settings, data, seed), settings.task_names
    plans: list[tuple[str, tuple[str, ...]]] = [(scheme, (task,)) for scheme in (ALONE, FAIR) for task in names]
    plans += [(JOINT, names)] if _equal_as_set(settings) else [(EQUAL, names), (JOINT, names)]
    done: dict[str, ArmTrial] = {}
    for place, (scheme, tasks) in enumerate(plans):
        span = (place / len(plans), (place + 1) / len(plans))
        train = partial(_train, settings, digits, scheme, tasks, seed, span)
        key = (scheme, tasks, seed, span, *settings_but(settings, "seed", "seeds", *OF_THE_SUM))
        done |= yield from (train() if scheme == JOINT else once(key, data, train))
    if _equal_as_set(settings):  # the same training: not a bit would differ
        done |= {arm_of(task, EQUAL): _unseen(done[arm_of(task, JOINT)]) for task in names}
    done = _with_delta_m(done, names)
    arms = [
        Arm(
            name=name, model=_model_name(settings, name), labels=settings.train_size, teacher_labels=None,
            shared=False, cost=shared.costs[name], trials=(done[name],),
            errors_per_10000=records.errors_per_10000([done[name]], len(digits.test)),
        )
        for name in (arm_of(task, scheme) for task in names for scheme in (ALONE, EQUAL, JOINT, FAIR))
    ]  # fmt: skip
    yield _result(settings, digits, arms, shared, time.perf_counter() - started)


def task_digits(settings: Settings, data: Digits, seed: int) -> TaskDigits:
    """The images of one trial with the targets of every task: `train` labelled images, drawn by the seed.

    Each split is made of its own digits only; validation and test are the same in every trial.
    """
    sample = subset(data.train.labels, settings.train_size, seeded(seed, "sample"))
    few = Split(data.train.images[sample], data.train.labels[sample])
    tasks = settings.task_names
    return TaskDigits(
        name=name_of(data, tasks),
        train=make_split(few, tasks, lambda purpose: seeded(seed, f"train {purpose}")),
        validation=make_split(data.validation, tasks, lambda p: seeded(DATA_SEED, f"validation {p}")),
        test=make_split(data.test, tasks, lambda p: seeded(DATA_SEED, f"test {p}")),
        gallery=data.gallery,
        notices=data.notices,
    )


def _train(
    settings: Settings, digits: TaskDigits, scheme: str, tasks: Sequence[str], seed: int, span: tuple[float, float]
) -> Generator[Event, None, dict[str, ArmTrial]]:
    """Train one network on `tasks`; returns what is kept of it, by the name of each task's arm."""
    net = _build(settings, scheme, tasks[0], seed)
    schedule = _schedule(settings, seed)
    weights = dict(zip(settings.task_names, settings.weights, strict=True)) if scheme == JOINT else {}
    combine = Combine(settings.weighting if scheme == JOINT else "fixed",
                      {task: weights.get(task, 1.0) for task in tasks}, seed, settings.device)  # fmt: skip
    look = None
    if scheme == JOINT:
        steps = settings.epochs * ceil(settings.train_size / settings.batch_size)
        look = Conflict(digits.train, steps, settings.batch_size, settings.precision, seed)
    arms = {task: arm_of(task, scheme) for task in tasks}
    curves: dict[str, list[tuple[int, int]]] = {arm: [] for arm in arms.values()}
    began = time.perf_counter()
    for event in fit(net, digits.train, digits.validation, combine, schedule, arms, span, look):
        if isinstance(event, Evaluation):
            curves[event.arm].append((event.epoch, event.errors))
        yield event
    seconds = time.perf_counter() - began
    outputs = net.by_task(predict(net, digits.test.images))
    done = {
        arm: _judged(net, task, outputs[task], digits, seed, curves[arm], seconds) for task, arm in arms.items()
    }
    if look is not None:
        first = arms[tasks[0]]
        done[first] = done[first].model_copy(update={
            "series": {name: tuple(values) for name, values in look.series.items()},
            "measures": done[first].measures | look.measures(tasks),
        })  # fmt: skip
    return done


def _judged(
    net: Joint,
    task: str,
    outputs: Tensor,
    digits: TaskDigits,
    seed: int,
    curve: Sequence[tuple[int, int]],
    seconds: float,
) -> ArmTrial:
    """What is kept of one head: its test errors and gallery outputs (degrees, for an angle), in float32."""
    targets, weights = digits.test.targets[task], records.kept_weights(net.single(task))
    if task != "angle":
        return records.judged(outputs, targets, digits.gallery, seed, curve, seconds, weights)
    answers = in_degrees(outputs)
    errors = wrong(task, outputs, targets).nonzero().flatten().tolist()
    return ArmTrial(
        seed=seed, curve=tuple(curve), test_errors=len(errors),
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


def _with_delta_m(done: Mapping[str, ArmTrial], names: Sequence[str]) -> dict[str, ArmTrial]:
    """The first task's arm of every scheme also knows "delta_m", the scheme against each task alone."""
    judged = dict(done)
    for scheme in (EQUAL, JOINT, FAIR):
        errors, alone = ([done[arm_of(task, s)].test_errors for task in names] for s in (scheme, ALONE))
        first = done[arm_of(names[0], scheme)]
        measures = first.measures | {"delta_m": delta_m(errors, alone)}
        judged[arm_of(names[0], scheme)] = first.model_copy(update={"measures": measures})
    return judged


# The whole run


def join(settings: Settings, trials: Sequence[Result]) -> Result:
    """One Result of all trials: arms pooled by name, intervals, and the verdicts over paired differences."""
    whole = joined(settings, trials, arm_of(settings.task_names[0], JOINT))
    verdicts = _verdicts(settings, {arm.name: arm for arm in whole.arms}, whole.data.test)
    return whole.model_copy(update={"verdict": verdicts[0], "comparisons": tuple(verdicts[1:])})


def run(settings: Settings, data: Digits) -> Iterator[Event]:
    """The whole run in this process: preparation, every trial in turn, and last the one Result."""
    settings = resolve(settings)
    yield from in_turn(
        settings,
        preparing(settings, data),
        lambda shared, seed: trial(settings, data, shared, seed),
        lambda finished: join(settings, finished),
    )


def _verdicts(settings: Settings, arms: Mapping[str, Arm], images: int) -> list[Verdict]:
    """Each task's joint arm against alone, the first being the run's verdict; then against equal and fair."""

    def compared(task: str, baseline: str, scope: tuple[Message, ...]) -> Verdict:
        own = dict(zip(("better", "worse"), MULTITASK, strict=True)) if baseline == ALONE else {}
        mine, theirs = arm_of(task, JOINT), arm_of(task, baseline)
        words: dict[str, Scalar | Message] = {
            "task": TASK_LABELS[task],
            "arm": _said(task, JOINT),
            "baseline": _said(task, baseline),
        }
        difference = records.paired(arms[mine], arms[theirs], images)
        return verdict(mine, theirs, difference, scope, words=words, **own)

    pairs = [(task, ALONE) for task in settings.task_names]
    pairs += [(task, baseline) for task in settings.task_names for baseline in (EQUAL, FAIR)]
    scope = _scope(settings, arms[arm_of(settings.task_names[0], JOINT)])
    return [compared(task, baseline, () if place else scope) for place, (task, baseline) in enumerate(pairs)]


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


def _result(settings: Settings, digits: TaskDigits, arms: Sequence[Arm], shared: Shared, seconds: float) -> Result:
    """The Result of a single trial; `join` makes the run's out of these."""
    verdicts = _verdicts(settings, {arm.name: arm for arm in arms}, len(digits.test))
    return Result(
        technique=settings.technique,
        version=RESULT_VERSION,
        settings=settings.model_dump(),
        data=shared.data,
        gallery=_gallery(digits, settings.task_names),
        arms=tuple(arms),
        verdict=verdicts[0],
        comparisons=tuple(verdicts[1:]),
        notes=shared.notes,
        provenance=records.provenance(seconds, settings.device, None),
    )


def _gallery(digits: TaskDigits, tasks: Sequence[str]) -> tuple[GalleryDigit, ...]:
    """The test images shown beside the numbers, as the networks see them, with every task's truth."""
    shown = pixels(digits.test.images[list(digits.gallery)]).tolist()
    return tuple(
        GalleryDigit(index=index, label=int(digits.test.targets[tasks[0]][index]), pixels=tuple(row),
                     answers={task: float(digits.test.targets[task][index]) for task in tasks})
        for index, row in zip(digits.gallery, shown, strict=True)
    )  # fmt: skip


def _dataset(settings: Settings, data: Digits) -> Dataset:
    """As `results.dataset`, with the name of what the tasks make of the data."""
    return records.dataset(data).model_copy(update={"name": name_of(data, settings.task_names)})


def _schedule(settings: Settings, seed: int) -> Schedule:
    return Schedule(
        epochs=settings.epochs, batch_size=settings.batch_size, learning_rate=settings.learning_rate,
        precision=settings.precision, seed=seed, stage="networks",
    )  # fmt: skip


def _equal_as_set(settings: Settings) -> bool:
    """Whether "as set" is "equal weights", to the last bit."""
    return settings.weighting == "fixed" and set(settings.weights) == {1.0}


def _build(settings: Settings, scheme: str, task: str, seed: int, device: str = "") -> Joint:
    """The network of a scheme: the joint one, one of `task` alone, or that with its share of the joint size."""
    names, widths = settings.task_names, WIDTHS[settings.body]
    if scheme == FAIR:
        widths = fair_widths(widths, names, task)
    return build(widths, [task] if scheme in (ALONE, FAIR) else names, seed, device or settings.device)


def _model_name(settings: Settings, arm: str) -> str:
    return N_("as wide as its share allows") if scheme_of(arm) == FAIR else BODIES[settings.body]
