"""Knowledge distillation: a small student learns from a large teacher's soft answers.

    p_i = exp(z_i / T) / sum_j exp(z_j / T)
    L = alpha T² KL(p_teacher || p_student) + (1 - alpha) CE(labels, p_student at T = 1)

Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a Neural Network", arXiv 1503.02531.
Read from top to bottom: the loss; what the trials of a run share; one trial; the join.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.data.digits import Digits, subset
from kd_core.distillation import bugs, held_out, methods, wording
from kd_core.distillation.loss import unchecked_loss
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
from kd_core.messages import Message, message
from kd_core.nn import cost, teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.hardware import resolve
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.nn.training import LossFn, fit
from kd_core.results import records
from kd_core.results.events import Evaluation, Event, Step
from kd_core.results.schema import Arm, Cost, Dataset, Result, Verdict
from kd_core.results.statistics import verdict
from kd_core.runs.assemble import drained, in_turn, joined, require_same_data
from kd_core.runs.remembered import once, settings_but
from kd_core.settings.base import WHOLE
from kd_core.settings.common import STUDENTS, TEACHER, TEACHERS

RESULT_VERSION = 2  # raised when results of the same settings change meaning

CONTROLS = (SMOOTHED, SHUFFLED, EQUAL, BUGGED)
NOT_MEASURED = Cost(
    parameters=0, multiply_adds=0, bytes=0, latency_ms=0.0
)  # an arm's, until its trial is assembled
INNER = ("attention", "hints")  # methods that look into the teacher
OF_THE_LESSON = ("temperature", "alpha", "t_squared", "method_weight")  # no say but in how a student is taught

TEACHER_SEED = 0  # one teacher for all trials, so that trials added later share it
PREDICTED_AT_ONCE = 2000  # images between two Steps, so that a run can be stopped there too


# From a student to the loss it is taught with, and what is trained along with it
Lesson = Callable[[nn.Sequential], tuple[LossFn, list[nn.Parameter]]]


# What the trials of a run share


@dataclass(frozen=True)
class Shared:
    """What `prepare` makes once for all trials.

    teacher_logits [N_train, C], NaN for samples that no trial uses; teacher_inner [N_train, D], what a
    further method needs of its inner layers; teacher: its finished arm. None where every trial trains its
    own teacher (teacher_data = "same"). costs: arm name -> Cost.
    noisy_logits: seed -> logits [n, C] of the trial's images by the teacher in training mode, for that bug's arm.
    data: what the trials must be given too, since each worker loads its own.
    """

    teacher: Arm | None
    teacher_logits: Tensor | None
    teacher_inner: Tensor | None
    costs: dict[str, Cost]
    data: Dataset
    notes: tuple[Message, ...]
    teacher_created: str | None = None  # when, if it was kept from before this run
    noisy_logits: dict[int, Tensor] | None = None


def prepare(settings: Settings, data: Digits) -> Shared:
    """What the trials share: the teacher, its logits for the samples they use, and the costs."""
    return drained(preparing(settings, data))


def preparing(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """`prepare` as a stream: yields the teacher's Steps and Evaluations and returns the Shared."""
    settings.check(data)
    return (yield from once(
        ("shared", *settings_but(settings, *OF_THE_LESSON)), data, lambda: _preparing(settings, data),
        keep=lambda shared: shared.teacher is None or shared.teacher_created is not None,  # not "new" each time
    ))  # fmt: skip


def _preparing(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The same, made anew: teacher, logits, costs."""
    costs = dict(zip((TEACHER, ALONE), cost.costs_of(
        [_build(settings, arm, TEACHER_SEED, "cpu") for arm in (TEACHER, ALONE)], data.test.images[:1]
    ), strict=True))  # fmt: skip
    costs[EQUAL_TEACHER] = costs[TEACHER]
    costs |= dict.fromkeys((DISTILLED, *CONTROLS), costs[ALONE])  # distillation changes weights, not size
    if settings.teacher_data == "same":
        return Shared(None, None, None, costs, records.dataset(data), data.notices)
    model, arm, created = yield from _teacher(settings, data, costs[TEACHER])
    logits, inner = torch.full((len(data.train), 10), math.nan), None
    used = torch.cat([_sample(settings, data, seed) for seed in settings.trial_seeds]).unique()
    parts = used.split(PREDICTED_AT_ONCE)
    for part, indices in enumerate(parts):
        yield Step("soft_targets", TEACHER, TEACHER_SEED, part, len(parts), math.nan, part / len(parts))
        logits[indices] = predict(model, data.train.images[indices])
        if settings.method in INNER:
            rows = methods.inner(model, data.train.images[indices], settings.method)
            inner = torch.zeros(len(data.train), rows.shape[1]) if inner is None else inner
            inner[indices] = rows
    yield Step("soft_targets", TEACHER, TEACHER_SEED, len(parts), len(parts), math.nan, 1.0)
    noisy = {}
    if settings.bug == "training_mode":
        for seed in settings.trial_seeds:
            noisy[seed] = bugs.in_training_mode(model, data.train.images[_sample(settings, data, seed)], seed)
    return Shared(arm, logits, inner, costs, records.dataset(data), data.notices, created, noisy)


def _teacher(
    settings: Settings, data: Digits, its_cost: Cost
) -> Generator[Event, None, tuple[nn.Sequential, Arm, str | None]]:
    """The teacher of all labels, its arm, and when it was made if that was before this run."""
    model = _build(settings, TEACHER, TEACHER_SEED)
    teacher = yield from teachers.obtain(
        model, settings.teacher, data, epochs=settings.teacher_epochs, order=seeded(TEACHER_SEED, "teacher order"),
        precision=settings.precision, device=settings.device, fresh=settings.fresh_teacher,
        arm=TEACHER, seed=TEACHER_SEED,
    )  # fmt: skip
    done = records.arm_trial(model, data, TEACHER_SEED, teacher.curve, teacher.seconds)
    errors = records.errors_per_10000([done], len(data.test))
    arm = Arm(
        name=TEACHER, model=TEACHERS[settings.teacher], labels=teacher.labels, teacher_labels=None, shared=True,
        cost=its_cost, trials=(done,), errors_per_10000=errors,
    )  # fmt: skip
    return model, arm, teacher.created if teacher.kept else None


# One trial: every arm at one seed


def trial(settings: Settings, data: Digits, shared: Shared, seed: int) -> Iterator[Event]:
    """All arms at one seed, paired: every student gets the same labelled images, first weights and order.

    Yields Steps and Evaluations, and last a Result of this one trial.
    """
    started = time.perf_counter()
    arms = yield from part(settings, data, shared, seed)
    yield assembled(settings, data, shared, [arms], time.perf_counter() - started)


def part(
    settings: Settings, data: Digits, shared: Shared | None, seed: int, name: str = WHOLE
) -> Generator[Event, None, list[Arm]]:
    """One of a trial's `settings.parts`, or all of it: trains its arms, to the same numbers either way.

    shared: None for a part of `settings.unprepared`.
    """
    settings.check(data)
    if shared is not None:
        require_same_data(shared.data, records.dataset(data))
    sample = _sample(settings, data, seed)
    images, labels = data.train.images[sample], data.train.labels[sample].to(settings.device)
    planned = {WHOLE: settings.arms, EQUAL: (EQUAL_TEACHER, EQUAL)}.get(name, (name,))
    arms: list[Arm] = []

    def train(name: str, lesson: Lesson) -> Generator[Event, None, nn.Sequential]:
        span = (planned.index(name) / len(planned), (planned.index(name) + 1) / len(planned))
        model, arm = yield from _train_arm(settings, data, seed, name, images, lesson, span)
        arms.append(arm)
        return model

    def train_alone() -> Generator[Event, None, Arm]:
        yield from train(ALONE, labels_only)
        return arms.pop()

    def alone() -> Generator[Event, None, None]:
        key = (ALONE, seed, *settings_but(settings, "seed", "seeds", *OF_THE_LESSON))
        arms.append((yield from once(key, data, train_alone)))

    def labels_only(_model: nn.Sequential) -> tuple[LossFn, list[nn.Parameter]]:
        return lambda logits, batch: F.cross_entropy(logits, labels[batch]), []

    def distil_from(logits: Tensor, bug: str = "none") -> Lesson:
        answers = logits.to(settings.device)
        t, alpha = settings.temperature, settings.alpha

        def loss_fn(student_logits: Tensor, batch: Tensor) -> Tensor:
            given = (student_logits, answers[batch], labels[batch], t, alpha)
            if bug in bugs.OF_THE_LOSS:
                return bugs.loss(bug, *given, t_squared=settings.t_squared)
            return unchecked_loss(*given, t_squared=settings.t_squared)

        return lambda _model: (loss_fn, [])

    if name == ALONE:
        yield from alone()
        return arms
    assert shared is not None
    if shared.teacher is None:
        teacher = yield from train(TEACHER, labels_only)
        teacher_logits = predict(teacher, images)
        inner = methods.inner(teacher, images, settings.method) if settings.method in INNER else None
    else:
        assert shared.teacher_logits is not None
        teacher_logits = shared.teacher_logits[sample]
        inner = None if shared.teacher_inner is None else shared.teacher_inner[sample]
    if ALONE in planned:
        yield from alone()
    if DISTILLED in planned:
        lesson = distil_from(teacher_logits)
        if settings.method != "logits":
            lesson = _further(settings, lesson, teacher_logits.to(settings.device), labels, inner, seed)
        yield from train(DISTILLED, lesson)
    if SMOOTHED in planned:
        of_label = F.softmax(teacher_logits / settings.temperature, dim=-1).gather(1, labels.cpu().unsqueeze(1))
        off_label = 1 - of_label.double().mean().item()
        yield from train(SMOOTHED, distil_from(methods.smoothed_logits(labels, off_label, settings.temperature)))
    if SHUFFLED in planned:
        yield from train(SHUFFLED, distil_from(
            methods.shuffled_logits(teacher_logits, labels.cpu(), seeded(seed, "shuffle"))
        ))  # fmt: skip
    if EQUAL in planned:
        equal_teacher = yield from train(EQUAL_TEACHER, labels_only)
        yield from train(EQUAL, distil_from(predict(equal_teacher, images)))
    if BUGGED in planned:
        wrong = bugs.spoilt(settings.bug, teacher_logits, seeded(seed, "bug"))
        if settings.bug == "training_mode":
            by_seed = shared.noisy_logits
            wrong = by_seed[seed] if by_seed else bugs.in_training_mode(teacher, images, seed)
        yield from train(BUGGED, distil_from(wrong, settings.bug))
    return arms


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
    images: Tensor,
    lesson: Lesson,
    span: tuple[float, float],
) -> Generator[Event, None, tuple[nn.Sequential, Arm]]:
    """Train one arm on the trial's images; students start from equal weights and see one order."""
    model = _build(settings, name, seed)
    loss_fn, also = lesson(model)
    is_teacher = name in (TEACHER, EQUAL_TEACHER)
    jitter = teachers.RECIPES.get(settings.teacher, {}).get("jitter", 0) if is_teacher else 0
    curve, started = [], time.perf_counter()
    for event in fit(
        model, images, loss_fn, (data.validation.images, data.validation.labels),
        epochs=settings.epochs, batch_size=settings.batch_size, learning_rate=settings.learning_rate,
        schedule=settings.schedule, order=seeded(seed, "order"), precision=settings.precision, jitter=jitter,
        stage="teacher" if name == TEACHER else "student", arm=name, seed=seed, span=span, also=also,
    ):  # fmt: skip
        if isinstance(event, Evaluation):
            curve.append((event.epoch, event.errors))
        yield event
    done = records.arm_trial(model, data, seed, curve, time.perf_counter() - started)
    if settings.left_out != "none" and not is_teacher:
        done = held_out.looked_at(done, model, data, settings.left_out)
    errors = records.errors_per_10000([done], len(data.test))
    everything = len(data.train) if settings.teacher_data == "all" else len(images)
    behind = {**dict.fromkeys((DISTILLED, SHUFFLED, BUGGED), everything), EQUAL: len(images)}
    arm = Arm(
        name=name, model=_model_name(settings, name), labels=len(images),
        teacher_labels=behind.get(name), shared=False,
        cost=NOT_MEASURED, trials=(done,), errors_per_10000=errors,
    )  # fmt: skip
    return model, arm


def assembled(
    settings: Settings, data: Digits, shared: Shared, parts: Sequence[Sequence[Arm]], seconds: float
) -> Result:
    """The Result of a single trial, of all its parts; `join` makes the run's out of these."""
    arms = [arm.model_copy(update={"cost": shared.costs[arm.name]}) for trained in parts for arm in trained]
    for arm in arms:  # a student alone was trained by a worker that had not seen the preparation
        require_same_data(shared.data.test, sum(map(sum, arm.trials[0].confusion)))
    if shared.teacher is not None:
        arms.insert(0, shared.teacher)
    student, alone = (next(arm for arm in arms if arm.name == name) for name in (DISTILLED, ALONE))
    return Result(
        technique=settings.technique,
        version=RESULT_VERSION,
        settings=settings.model_dump(),
        data=records.dataset(data),
        gallery=records.gallery(data),
        arms=tuple(arms),
        verdict=_verdict(settings, student, alone, len(data.test)),
        notes=shared.notes,
        provenance=records.provenance(seconds, settings.device, shared.teacher_created),
    )


# The whole run


def join(settings: Settings, trials: Sequence[Result]) -> Result:
    """One Result of all trials: arms pooled by name, intervals, and the verdict over paired differences."""
    whole = joined(settings, trials, DISTILLED)
    student, alone = (whole.arm(name) for name in (DISTILLED, ALONE))
    controls = [arm for arm in whole.arms if arm.name in CONTROLS]
    notes = whole.notes
    if whole.arms[0].errors_per_10000.mean >= alone.errors_per_10000.mean:
        notes += (message("This teacher makes no fewer errors than the student alone: it has little to teach."),)
    if settings.bug == "training_mode" and settings.teacher == "article":
        notes += (message("This teacher has neither dropout nor batch norm: it answers the same in training mode, "
                          "and the bug changes nothing."),)  # fmt: skip
    return whole.model_copy(
        update={
            "notes": notes,
            "verdict": _verdict(settings, student, alone, whole.data.test),
            "comparisons": tuple(_compared(student, arm, whole.data.test) for arm in controls),
        }
    )


def run(settings: Settings, data: Digits) -> Iterator[Event]:
    """The whole run in this process: preparation, every trial in turn, and last the one Result."""
    settings = resolve(settings)
    yield from in_turn(
        settings,
        preparing(settings, data),
        lambda shared, seed: trial(settings, data, shared, seed),
        lambda finished: join(settings, finished),
    )


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


def _verdict(settings: Settings, student: Arm, alone: Arm, images: int) -> Verdict:
    """The run's main question: does the distilled student beat the one that was left alone?"""
    difference = records.paired(student, alone, images)
    better, worse = wording.DISTILLATION
    return verdict(DISTILLED, ALONE, difference, _scope(settings, student), better=better, worse=worse)


def _compared(student: Arm, control: Arm, images: int) -> Verdict:
    """The distilled student against a control, which has everything of it but what it controls for."""
    return verdict(student.name, control.name, records.paired(student, control, images), ())


def _sample(settings: Settings, data: Digits, seed: int) -> Tensor:
    """The training images that a trial's students see."""
    sample = subset(data.train.labels, settings.train_size, seeded(seed, "sample"))
    return sample[held_out.kept(data.train.labels[sample], settings.left_out)]


def _build(settings: Settings, arm: str, seed: int, device: str = "") -> nn.Sequential:
    is_teacher = arm in (TEACHER, EQUAL_TEACHER)
    role, name = ("teacher", settings.teacher) if is_teacher else ("student", settings.student)
    return build(name, role, seeded(seed, f"{role} weights"), device or settings.device)


def _model_name(settings: Settings, arm: str) -> str:
    return TEACHERS[settings.teacher] if arm in (TEACHER, EQUAL_TEACHER) else STUDENTS[settings.student]
