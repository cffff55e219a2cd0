"""Knowledge distillation: a small student learns from a large teacher's soft answers.

    p_i = exp(z_i / T) / sum_j exp(z_j / T)
    L = alpha T² KL(p_teacher || p_student) + (1 - alpha) CE(labels, p_student at T = 1)

Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a Neural Network", arXiv 1503.02531.
Read from top to bottom: what the trials of a run share; one job of a trial; what is said of the arms.
"""

import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.data.digits import Digits, subset
from kd_core.data.stored import Images
from kd_core.distillation import bugs, held_out, methods
from kd_core.distillation.loss import mean_cross_entropy, unchecked_loss
from kd_core.distillation.settings import (
    ALONE,
    BUGGED,
    DIGITS_LEFT_OUT,
    DISTILLED,
    EQUAL,
    EQUAL_TEACHER,
    SHUFFLED,
    SMOOTHED,
)
from kd_core.distillation.settings import DistillationSettings as Settings
from kd_core.distillation.technique import DISTILLATION
from kd_core.messages import Message, message
from kd_core.nn import cost, teachers
from kd_core.nn.evaluation import predict_each
from kd_core.nn.moves import mean_over_moves
from kd_core.nn.networks import CLASSES, build
from kd_core.nn.seeding import seeded
from kd_core.nn.side_by_side import LossesFn, fit_side_by_side
from kd_core.nn.training import CURVE_IMAGES, LossFn, curve_of, fit
from kd_core.results import records
from kd_core.results.events import Event, Reporter
from kd_core.results.schema import Arm, ArmTrial, Cost, Result
from kd_core.results.statistics import compared, errors_per_10000
from kd_core.runs import assemble
from kd_core.runs.assemble import ArmFacts, chosen, dataset
from kd_core.runs.remembered import once, settings_but
from kd_core.settings.base import Job
from kd_core.settings.common import STUDENTS, TEACHER, TEACHERS

VERSION = 3

CONTROLS = (SMOOTHED, SHUFFLED, EQUAL, BUGGED)
INNER = ("attention", "hints")  # methods that look into the teacher
LOSS_FIELDS = ("temperature", "alpha", "t_squared", "method_weight")  # they change only how a student is taught

TEACHES_LITTLE = message("This teacher makes no fewer errors than the student alone: it has little to teach.")
NOTHING_TO_SWITCH = message(
    "This teacher has neither dropout nor batch norm: it answers the same in training mode, and the bug changes "
    "nothing."
)

PREDICTED_AT_ONCE = 2000  # images between two Steps, so that a run can be stopped there too


# From a student to the loss it is taught with, and what is trained along with it
Lesson = Callable[[nn.Sequential], tuple[LossFn, list[nn.Parameter]]]


# What the trials of a run share


@dataclass(frozen=True, kw_only=True)
class Shared(assemble.Shared):
    """What `prepare` makes once for all trials. arms: the teacher, unless each trial trains its own.

    costs: arm name -> Cost; labels: seed -> how many labelled images the trial's students see.
    teacher_logits [N_train, C], NaN for samples that no trial uses; teacher_inner [N_train, D], what a
    further method needs of its inner layers: None where every trial trains its own teacher (teacher_data = "same").
    noisy_logits: seed -> logits [n, C] of the trial's images by the teacher in training mode, for that bug's arm.
    """

    costs: Mapping[str, Cost]
    labels: Mapping[int, int]
    teacher_logits: Tensor | None = None
    teacher_inner: Tensor | None = None
    noisy_logits: Mapping[int, Tensor] | None = None


def check(settings: Settings, data: Digits) -> None:
    """Raise Problem for what the data or the networks cannot give."""
    settings.check(chosen(settings, data))


def prepare(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The teacher, its logits for the samples that the trials use, and the costs."""
    data = chosen(settings, data)
    return (yield from once(
        ("shared", *settings_but(settings, *LOSS_FIELDS)), data, lambda: _prepared(settings, data),
        keep=lambda shared: not shared.arms or shared.created is not None,  # not "new" each time
    ))  # fmt: skip


def _prepared(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The same, made anew: teacher, logits, costs."""
    roles = (TEACHER, ALONE)
    networks = [network_of(settings, arm, 0, "cpu", len(data.classes)) for arm in roles]
    costs = dict(zip(roles, cost.costs_of(networks, data.test.stored[:1]), strict=True))
    costs[EQUAL_TEACHER] = costs[TEACHER]
    costs |= dict.fromkeys((DISTILLED, *CONTROLS), costs[ALONE])  # distillation changes weights, not size
    samples = {seed: _sample(settings, data, seed) for seed in settings.trial_seeds}
    shared = Shared(
        loaded=dataset(data), data=dataset(data), gallery=records.gallery(data), notes=data.notices, costs=costs,
        labels={seed: len(sample) for seed, sample in samples.items()},
    )  # fmt: skip
    if settings.teacher_data == "same":
        return shared
    model, arm, created = yield from obtain_teacher(settings, data, costs[TEACHER])
    logits, inner = torch.full((len(data.train), len(data.classes)), math.nan), None
    used = torch.cat([*samples.values()]).unique()
    moves = settings.test_time_augmentation
    parts = used.split(PREDICTED_AT_ONCE // (2 * moves + 1) ** 2)
    reporter = Reporter("soft_targets", TEACHER, settings.teacher_seed)
    for part, indices in enumerate(parts):
        yield reporter.step(part, len(parts))
        logits[indices] = mean_over_moves(model, data.train.stored[indices], moves)
        if settings.method in INNER:
            rows = methods.inner(model, data.train.stored[indices], settings.method)
            inner = torch.zeros(len(data.train), rows.shape[1]) if inner is None else inner
            inner[indices] = rows
    yield reporter.step(len(parts), len(parts))
    noisy = {}
    if settings.bug == "training_mode":
        for seed, sample in samples.items():
            noisy[seed] = bugs.in_training_mode(model, data.train.chosen(sample).stored, seed)
    return replace(
        shared, arms=(arm,), created=created, teacher_logits=logits, teacher_inner=inner, noisy_logits=noisy
    )


def obtain_teacher(
    settings: Settings, data: Digits, its_cost: Cost
) -> Generator[Event, None, tuple[nn.Sequential, Arm, str | None]]:
    """The teacher of all labels, its arm, and when it was made if that was before this run.

    It has a seed of its own: one teacher for all trials, so that trials added later share it.
    """
    seed = settings.teacher_seed
    model = network_of(settings, TEACHER, seed, classes=len(data.classes))
    teacher = yield from teachers.obtain(
        model, settings.teacher, data, Reporter("teacher", TEACHER, seed),
        epochs=settings.teacher_epochs, seed=seed, order=seeded(seed, "teacher order"),
        precision=settings.precision, device=settings.device, fresh=settings.fresh_teacher,
    )  # fmt: skip
    key = (TEACHER, settings.teacher, settings.teacher_epochs, seed, settings.precision, settings.device,
           teacher.created)  # fmt: skip
    done = yield from once(key, data, lambda: _tested(model, data, seed, teacher), always=teacher.kept)
    errors = errors_per_10000([done], len(data.test))
    arm = Arm(
        name=TEACHER, model=TEACHERS[settings.teacher], labels=teacher.labels, teacher_labels=None, shared=True,
        cost=its_cost, trials=(done,), errors_per_10000=errors,
    )  # fmt: skip
    return model, arm, teacher.created if teacher.kept else None


def _tested(
    model: nn.Sequential, data: Digits, seed: int, teacher: teachers.Teacher
) -> Generator[Event, None, ArmTrial]:
    """What is kept of the teacher, its answers to the test images among it; no event tells of it."""
    yield from ()
    return records.arm_trial(model, data, seed, teacher.curve, teacher.seconds)


# One job of a trial


def train(
    settings: Settings, data: Digits, shared: Shared | None, seed: int, job: Job
) -> Generator[Event, None, Mapping[str, ArmTrial]]:
    """Train the arms of a job, paired with all others at this seed: equal images, first weights and order."""
    data = chosen(settings, data)
    sample = _sample(settings, data, seed)
    seen = data.train.chosen(sample)
    images, labels = seen.stored, seen.labels.to(settings.device)
    planned = job.arms
    done: dict[str, ArmTrial] = {}

    def train_arm(name: str, lesson: Lesson) -> Generator[Event, None, nn.Sequential]:
        span = (planned.index(name) / len(planned), (planned.index(name) + 1) / len(planned))
        model, done[name] = yield from _train_arm(settings, data, seed, name, images, lesson, span)
        return model

    def train_alone() -> Generator[Event, None, ArmTrial]:
        yield from train_arm(ALONE, labels_only)
        return done[ALONE]

    def alone() -> Generator[Event, None, None]:
        key = (ALONE, seed, *settings_but(settings, "seed", "seeds", *LOSS_FIELDS))
        done[ALONE] = yield from once(key, data, train_alone)

    def labels_only(_model: nn.Sequential) -> tuple[LossFn, list[nn.Parameter]]:
        return _taught(settings, labels), []

    def distil_from(logits: Tensor, bug: str = "none") -> Lesson:
        return lambda _model: (_taught(settings, labels, logits.to(settings.device), bug), [])

    if planned == (ALONE,):
        yield from alone()
        return done
    assert shared is not None
    if shared.teacher_logits is None:
        teacher = yield from train_arm(TEACHER, labels_only)
        teacher_logits = mean_over_moves(teacher, images, settings.test_time_augmentation)
        inner = methods.inner(teacher, images, settings.method) if settings.method in INNER else None
    else:
        teacher_logits = shared.teacher_logits[sample]
        inner = None if shared.teacher_inner is None else shared.teacher_inner[sample]
    if ALONE in planned:
        yield from alone()
    if DISTILLED in planned:
        lesson = distil_from(teacher_logits)
        if settings.method != "logits":
            lesson = _further(settings, lesson, teacher_logits.to(settings.device), labels, inner, seed)
        yield from train_arm(DISTILLED, lesson)
    for control in (SMOOTHED, SHUFFLED):
        if control in planned:
            yield from train_arm(control, distil_from(_answers(settings, control, teacher_logits, labels, seed)))
    if EQUAL in planned:
        equal_teacher = yield from train_arm(EQUAL_TEACHER, labels_only)
        logits = mean_over_moves(equal_teacher, images, settings.test_time_augmentation)
        yield from train_arm(EQUAL, distil_from(logits))
    if BUGGED in planned:
        wrong = bugs.spoilt(settings.bug, teacher_logits, seeded(seed, "bug"))
        if settings.bug == "training_mode":
            by_seed = shared.noisy_logits
            wrong = by_seed[seed] if by_seed else bugs.in_training_mode(teacher, images, seed)
        yield from train_arm(BUGGED, distil_from(wrong, settings.bug))
    return done


def train_trials(
    settings: Settings, data: Digits, shared: Shared | None, seeds: tuple[int, ...], job: Job
) -> Generator[Event, None, Mapping[int, Mapping[str, ArmTrial]]]:
    """As `train`, of a job of several trials: their students side by side."""
    (name,), data = job.arms, chosen(settings, data)
    samples = [_sample(settings, data, seed) for seed in seeds]
    seen = data.train.chosen(torch.cat(samples))
    answers = None
    if name != ALONE:
        assert shared is not None
        assert shared.teacher_logits is not None
        answers = torch.cat([
            _answers(settings, name, shared.teacher_logits[sample], data.train.labels[sample], seed)
            for seed, sample in zip(seeds, samples, strict=True)
        ])  # fmt: skip
    make = partial(_train_each, settings, data, seeds, name, seen.stored, _taught(settings, seen.labels, answers))
    key = (ALONE, seeds, *settings_but(settings, "seed", "seeds", *LOSS_FIELDS))
    done = yield from (once(key, data, make) if name == ALONE else make())
    return {seed: {name: trial} for seed, trial in done.items()}


def _taught(settings: Settings, labels: Tensor, answers: Tensor | None = None, bug: str = "none") -> LossFn:
    """The loss of labels [N] and, if given, answers [N, C]: of logits [..., B, C] and their positions [..., B]."""
    t, alpha = settings.temperature, settings.alpha

    def loss_fn(logits: Tensor, batch: Tensor) -> Tensor:
        if answers is None:
            return mean_cross_entropy(logits, labels[batch])
        given = (logits, answers[batch], labels[batch], t, alpha)
        if bug in bugs.OF_THE_LOSS:
            return bugs.loss(bug, *given, t_squared=settings.t_squared)
        return unchecked_loss(*given, t_squared=settings.t_squared)

    return loss_fn


def _answers(settings: Settings, arm: str, teacher_logits: Tensor, labels: Tensor, seed: int) -> Tensor:
    """What the student `arm` is taught in the trial of `seed`: the teacher's logits [N, C], or a control's."""
    if arm == SMOOTHED:
        of_label = F.softmax(teacher_logits / settings.temperature, dim=-1).gather(1, labels.cpu().unsqueeze(1))
        off_label = 1 - of_label.double().mean().item()
        return methods.smoothed_logits(labels, off_label, settings.temperature, teacher_logits.shape[1])
    if arm == SHUFFLED:
        return methods.shuffled_logits(teacher_logits, labels.cpu(), seeded(seed, "shuffle"))
    return teacher_logits


def _further(
    settings: Settings, plain: Lesson, teacher_logits: Tensor, labels: Tensor, inner: Tensor | None, seed: int
) -> Lesson:
    """The lesson of a further method: DKD in the place of the soft targets, or an inner layer beside them."""
    t, alpha, beta = settings.temperature, settings.alpha, settings.method_weight

    def decoupled(logits: Tensor, batch: Tensor) -> Tensor:
        soft = methods.unchecked_decoupled_loss(logits, teacher_logits[batch], labels[batch], t, beta)
        scale = 1.0 if settings.t_squared else 1 / (t * t)
        return alpha * scale * soft + (1 - alpha) * F.cross_entropy(logits, labels[batch])

    def lesson(model: nn.Sequential) -> tuple[LossFn, list[nn.Parameter]]:
        if inner is None:
            return decoupled, []
        target = inner.to(settings.device)
        return methods.beside(settings.method, plain(model)[0], target, beta, model, seeded(seed, "regressor"))

    return lesson


def _train_arm(
    settings: Settings,
    data: Digits,
    seed: int,
    name: str,
    images: Images,
    lesson: Lesson,
    span: tuple[float, float],
) -> Generator[Event, None, tuple[nn.Sequential, ArmTrial]]:
    """Train one arm on the trial's images; students start from equal weights and see one order."""
    model = network_of(settings, name, seed, classes=len(data.classes))
    loss_fn, also = lesson(model)
    is_teacher = name in (TEACHER, EQUAL_TEACHER)
    jitter = teachers.RECIPES.get(settings.teacher, {}).get("jitter", 0) if is_teacher else 0
    started = time.perf_counter()
    curve = yield from curve_of(fit(
        model, images, loss_fn, (data.validation.stored, data.validation.labels),
        Reporter("teacher" if name == TEACHER else "student", name, seed, span),
        epochs=settings.epochs, batch_size=settings.batch_size, learning_rate=settings.learning_rate,
        schedule=settings.schedule, order=seeded(seed, "order"), precision=settings.precision, jitter=jitter,
        also=also, watched=dict(zip(data.gallery, data.test.stored[list(data.gallery)], strict=True)),
        curve_images=CURVE_IMAGES,
    ))  # fmt: skip
    done = records.arm_trial(model, data, seed, curve, time.perf_counter() - started)
    if settings.left_out != "none" and not is_teacher:
        done = held_out.looked_at(done, model, data, settings.left_out)
    return model, done


def _train_each(
    settings: Settings, data: Digits, seeds: tuple[int, ...], name: str, images: Images, losses_fn: LossesFn
) -> Generator[Event, None, dict[int, ArmTrial]]:
    """`_train_arm` at several seeds, side by side: seed -> what is kept. images: the trials', one after another."""
    classes = len(data.classes)
    models = {Reporter("student", name, seed): network_of(settings, name, seed, classes=classes) for seed in seeds}
    started = time.perf_counter()
    curve = yield from curve_of(fit_side_by_side(
        models, images, losses_fn, (data.validation.stored, data.validation.labels),
        epochs=settings.epochs, batch_size=settings.batch_size, learning_rate=settings.learning_rate,
        schedule=settings.schedule, orders=[seeded(seed, "order") for seed in seeds],
        watched=dict(zip(data.gallery, data.test.stored[list(data.gallery)], strict=True)),
        curve_images=CURVE_IMAGES,
    ))  # fmt: skip
    curves = {seed: [one for one in curve if one.seed == seed] for seed in seeds}
    seconds = (time.perf_counter() - started) / len(seeds)
    logits = predict_each([*models.values()], data.test.stored)
    return {
        seed: records.judged(answers, data.test.labels, data.gallery, seed, curves[seed], seconds,
                             records.kept_weights(model))
        for seed, model, answers in zip(seeds, models.values(), logits, strict=True)
    }  # fmt: skip


# What is said of the arms


def describe(settings: Settings, shared: Shared, seed: int) -> dict[str, ArmFacts]:
    """The arms that a trial trains, in order."""
    labels = shared.labels[seed]
    everything = shared.loaded.train if settings.teacher_data == "all" else labels
    of_teacher = {**dict.fromkeys((DISTILLED, SHUFFLED, BUGGED), everything), EQUAL: labels}
    return {
        arm: ArmFacts(_model_name(settings, arm), labels, shared.costs[arm], of_teacher.get(arm))
        for arm in settings.arms
    }


def judge(settings: Settings, result: Result) -> Result:
    """The Result with its verdict (is the distilled student better than the one alone?), comparisons and notes."""
    scope, (better, worse) = _scope(settings, result.arm(DISTILLED)), DISTILLATION
    controls = [arm.name for arm in result.arms if arm.name in CONTROLS]
    teacher, alone = (result.arm(name).errors_per_10000.mean for name in (TEACHER, ALONE))
    remarks = [TEACHES_LITTLE] if teacher >= alone else []
    remarks += [NOTHING_TO_SWITCH] if settings.bug == "training_mode" and settings.teacher == "article" else []
    others = [note for note in result.notes if note not in (TEACHES_LITTLE, NOTHING_TO_SWITCH)]  # those of a trial
    return result.model_copy(update={
        "verdict": compared(result, DISTILLED, ALONE, scope, better=better, worse=worse),
        "comparisons": tuple(compared(result, DISTILLED, name) for name in controls),
        "notes": (*others, *remarks),
    })  # fmt: skip


def _scope(settings: Settings, student: Arm) -> tuple[Message, ...]:
    """What the interval covers, what it does not, and who saw how many labels."""
    saw = message("The teacher saw {teacher} labels, each student {student}.",
                  teacher=f"{student.teacher_labels or 0:,}", student=f"{student.labels:,}")  # fmt: skip
    unshown: tuple[Message, ...] = ()
    if settings.left_out != "none":
        digits = ", ".join(map(str, DIGITS_LEFT_OUT[settings.left_out]))
        unshown = (message("Digits that no student was shown: {digits}. The errors count all ten digits, with no "
                           "bias raised.", digits=digits),)  # fmt: skip
    if len(student.trials) == 1:
        return saw, *unshown
    if settings.teacher_data == "same":
        varies = message(
            "From trial to trial the labelled images, the first weights, the batch order and the teacher "
            "vary; the test set does not."
        )
    else:
        varies = message(
            "From trial to trial the labelled images, the first weights and the batch order vary; "
            "the teacher and the test set do not."
        )
    return varies, saw, *unshown


def _sample(settings: Settings, data: Digits, seed: int) -> Tensor:
    """The training images that a trial's students see."""
    sample = subset(data.train.labels, settings.train_size, seeded(seed, "sample"))
    return sample[held_out.kept(data.train.labels[sample], settings.left_out)]


def network_of(settings: Settings, arm: str, seed: int, device: str = "", classes: int = CLASSES) -> nn.Sequential:
    """An arm's untrained network with an output for each class, its first weights drawn by the seed."""
    is_teacher = arm in (TEACHER, EQUAL_TEACHER)
    role, name = ("teacher", settings.teacher) if is_teacher else ("student", settings.student)
    return build(name, role, seeded(seed, f"{role} weights"), device or settings.device, classes)


def _model_name(settings: Settings, arm: str) -> str:
    return TEACHERS[settings.teacher] if arm in (TEACHER, EQUAL_TEACHER) else STUDENTS[settings.student]
