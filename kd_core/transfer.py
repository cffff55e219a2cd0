"""Transfer learning: a network starts a new task from the weights of an old one.

    L = L_new + lambda ||theta - theta_pre||²

theta are the transferred layers (all but the last), theta_pre what they were. Feature extraction freezes
them; fine-tuning goes on training them; lambda lies between: 0 is fine-tuning, infinity feature extraction.
Li, Grandvalet, Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks",
arXiv 1802.01483. Read from top to bottom: the penalty; the tasks; what trials share; one trial; the join.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core import cost, results, teachers
from kd_core.data import (
    Digits,
    Split,
    inverted,
    load_uci_digits,
    only,
    random_labels,
    rotated,
    shuffled_pixels,
    subset,
)
from kd_core.events import Arm, Cost, Dataset, Evaluation, Event, Interval, Result
from kd_core.messages import N_, Message, Problem, message
from kd_core.models import build, initialise
from kd_core.settings import ANCHORED, DECAYED, FROZEN, NETWORKS, SCRATCH, SOURCE, TUNED
from kd_core.settings import TransferSettings as Settings
from kd_core.statistics import CONFIDENCE, verdict
from kd_core.training import LossFn, count_errors, fit, predict, resolve_device, resolve_precision, seeded

RESULT_VERSION = 1  # raised when results of the same settings change meaning

SOURCE_SEED = 0  # one source network for all trials
MOMENTUM = 0.9
BETTER = N_(
    "Transfer helped: fine-tuning has {points} points more accuracy than training from scratch "
    "(95 % interval {low} to {high}, {n} paired trials)."
)
WORSE = N_(
    "Negative transfer: fine-tuning has {points} points less accuracy than training from scratch "
    "(95 % interval {low} to {high}, {n} paired trials)."
)
PAIRS = ((FROZEN, SCRATCH), (ANCHORED, SCRATCH), (ANCHORED, DECAYED))  # compared besides the verdict


def l2_sp_penalty(parameters: Mapping[str, Tensor], pretrained: Mapping[str, Tensor], lam: float) -> Tensor:
    """lam · sum ||theta - theta_pre||², a scalar, over the names in `pretrained`.

    Both map names to tensors of equal shapes; names that `pretrained` lacks (a new head) are left out, and
    no gradient reaches it. There is no factor 1/2: Li et al. and its ports write alpha / 2, so lam = alpha / 2.
    Give it clones: a `pretrained` that shares memory with `parameters` makes the penalty 0 for ever.
    Raises Problem unless lam is finite and at least 0, KeyError for a name that `parameters` lacks,
    ValueError for shapes that differ. Li et al. 2018, arXiv 1802.01483, eq. 2.
    """
    if not 0 <= lam < float("inf"):
        raise Problem(N_("lambda = {given} is not allowed; it must be a finite number from 0."), given=str(lam))
    if missing := [name for name in pretrained if name not in parameters]:
        raise KeyError(f"the network has no parameters {missing}; there are {list(parameters)}")
    total = torch.zeros(())
    for name, reference in pretrained.items():
        theta = parameters[name]
        if theta.shape != reference.shape:
            raise ValueError(f"{name} is {list(theta.shape)}, but {list(reference.shape)} was pretrained")
        total = total.to(theta) + (theta - reference.detach()).pow(2).sum()
    return lam * total


# The tasks


def tasks(settings: Settings, data: Digits) -> tuple[Digits, Digits]:
    """Source and target of `settings`, made of `data`; labels keep their meaning, 0 to 9."""
    if settings.task == "low_high":
        source, target = only(data, range(5)), only(data, range(5, 10))
    elif settings.task == "uci":
        if data.name != "MNIST":
            raise Problem(N_("This task needs MNIST, which could not be had here; choose another."))
        source, target = data, load_uci_digits()
    else:
        source, target = data, (rotated if settings.task == "rotated" else inverted)(data)
    if settings.source_kind == "random_labels":
        source = random_labels(source, seeded(SOURCE_SEED, "random labels"))
    if settings.source_kind == "shuffled_pixels":
        source = shuffled_pixels(source, seeded(SOURCE_SEED, "pixels"))
    return source, replace(target, notices=data.notices)


# What the trials of a run share


@dataclass(frozen=True)
class Shared:
    """What `prepare` makes once for all trials.

    source: the trained source network's weights; as_is: its arm on the target where both have the same
    classes, else None; source_data, data: what it was trained on, and the target.
    """

    source: dict[str, Tensor]
    as_is: Arm | None
    its_cost: Cost
    source_data: Dataset
    data: Dataset
    notes: tuple[Message, ...]
    source_created: str | None


def resolve(settings: Settings) -> Settings:
    """The same settings with device and precision "auto" replaced by what they mean on this machine."""
    device = resolve_device(settings.device)
    return settings.model_copy(
        update={"device": device, "precision": resolve_precision(settings.precision, device)}
    )


def prepare(settings: Settings, data: Digits) -> Shared:
    """What the trials share: the source network."""
    events = preparing(settings, data)
    while True:
        try:
            next(events)
        except StopIteration as stop:
            return stop.value


def preparing(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """`prepare` as a stream: yields the source's Steps and Evaluations and returns the Shared."""
    settings = resolve(settings)
    source, target = tasks(settings, data)
    settings.check(target)
    model = _build(settings, SOURCE_SEED)
    (its_cost,) = cost.costs_of([_build(settings, SOURCE_SEED, "cpu")], target.test.images[:1])
    trained = yield from teachers.obtain(
        model, f"source-{settings.network}", source, epochs=settings.source_epochs,
        order=seeded(SOURCE_SEED, "source order"),
        precision=settings.precision, device=settings.device, fresh=settings.fresh_source,
        arm=SOURCE, seed=SOURCE_SEED, stage="source",
    )  # fmt: skip
    as_is = None
    if settings.task != "low_high":
        done = results.arm_trial(model, target, SOURCE_SEED, trained.curve, trained.seconds)
        as_is = Arm(
            name=SOURCE, model=NETWORKS[settings.network], labels=0, teacher_labels=trained.labels, shared=True,
            cost=its_cost, trials=(done,), errors_per_10000=results.errors_per_10000([done], len(target.test)),
        )  # fmt: skip
    return Shared(
        trained.weights, as_is, its_cost, results.dataset(source), results.dataset(target), data.notices,
        trained.created if trained.kept else None,
    )  # fmt: skip


# One trial: every arm at one seed


def trial(settings: Settings, data: Digits, shared: Shared, seed: int) -> Iterator[Event]:
    """All arms at one seed, paired: the same target images, batch order and first weights of the new layer.

    Yields Steps and Evaluations, and last a Result of this one trial.
    """
    settings = resolve(settings)
    source, target = tasks(settings, data)
    if (results.dataset(source), results.dataset(target)) != (shared.source_data, shared.data):
        raise Problem(N_("The workers do not all have the same data; restart the lab, so that they load it anew."))
    started = time.perf_counter()
    size = settings.labels_per_class * len(target.train.labels.unique())
    sample = subset(target.train.labels, size, seeded(seed, "sample"))
    few = Split(target.train.images[sample], target.train.labels[sample].to(settings.device))
    arms = [] if shared.as_is is None else [shared.as_is]
    for place, (name, train) in enumerate(ARMS.items()):
        span = (place / len(ARMS), (place + 1) / len(ARMS))
        model, old_head = _start(settings, shared, seed, transferred=name != SCRATCH)
        curve, began = [], time.perf_counter()
        for event in train(settings, model, few, target, seed, name, span):
            if isinstance(event, Evaluation):
                curve.append((event.epoch, event.errors))
            yield event
        done = results.arm_trial(model, target, seed, curve, time.perf_counter() - began)
        measures = {"trainable parameters": float(_trainable(model, name))}
        if name != SCRATCH:
            measures |= _moved(model, shared.source) | {"source errors": _source_errors(model, old_head, source)}
        done = done.model_copy(update={"measures": measures})
        arms.append(Arm(
            name=name, model=NETWORKS[settings.network], labels=size, shared=False, cost=shared.its_cost,
            teacher_labels=None if name == SCRATCH else shared.source_data.train, trials=(done,),
            errors_per_10000=results.errors_per_10000([done], len(target.test)),
        ))  # fmt: skip
    yield _result(settings, target, arms, shared, time.perf_counter() - started)


def _start(settings: Settings, shared: Shared, seed: int, transferred: bool) -> tuple[nn.Sequential, nn.Linear]:
    """A network with a new last layer, its other layers the source's or drawn anew; and the source's last layer.

    The new last layer is the same in every arm of a trial.
    """
    model = _build(settings, seed)
    before = _build(settings, SOURCE_SEED)
    before.load_state_dict(shared.source)
    if transferred:
        model[:-1].load_state_dict(before[:-1].state_dict())
    initialise(model[-1], seeded(seed, "new layer"))
    old_head = before[-1]
    assert isinstance(old_head, nn.Linear)
    return model, old_head


Span = tuple[float, float]
Train = Callable[[Settings, nn.Sequential, Split, Digits, int, str, Span], Iterator[Event]]


def _extract(
    settings: Settings, model: nn.Sequential, few: Split, target: Digits, seed: int, arm: str, span: Span
) -> Iterator[Event]:
    """Train the new layer alone: what the frozen layers give is computed once, in evaluation mode, and kept."""
    base, head = model[:-1], model[-1:]
    seen, looked_at = predict(base, few.images), predict(base, target.validation.images)
    yield from fit(
        head, seen, _cross_entropy(few), (looked_at, target.validation.labels),
        optimizer=_sgd(settings, head), epochs=settings.epochs, batch_size=settings.batch_size,
        order=seeded(seed, "order"), precision=settings.precision, stage="target", arm=arm, seed=seed, span=span,
    )  # fmt: skip


def _tune(
    settings: Settings, model: nn.Sequential, few: Split, target: Digits, seed: int, arm: str, span: Span
) -> Iterator[Event]:
    """Train all layers: from scratch, or from the old weights with what the arm adds to the loss."""
    base = dict(model[:-1].named_parameters())
    rate = settings.learning_rate if arm == SCRATCH else settings.base_learning_rate
    decay = settings.weight_decay if arm == DECAYED else 0.0
    optimizer = _sgd(settings, model[-1], list(base.values()), rate, decay)
    yield from fit(
        model, few.images, _anchored(few, base, settings.lam) if arm == ANCHORED else _cross_entropy(few),
        (target.validation.images, target.validation.labels),
        optimizer=optimizer, epochs=settings.epochs, batch_size=settings.batch_size,
        order=seeded(seed, "order"), precision=settings.precision, stage="target", arm=arm, seed=seed, span=span,
    )  # fmt: skip


ARMS: dict[str, Train] = {SCRATCH: _tune, FROZEN: _extract, TUNED: _tune, DECAYED: _tune, ANCHORED: _tune}


def _cross_entropy(few: Split) -> LossFn:
    return lambda logits, batch: F.cross_entropy(logits, few.labels[batch])


def _anchored(few: Split, base: Mapping[str, Tensor], lam: float) -> LossFn:
    """L_new + lam ||theta - theta_pre||²; theta_pre is cloned, or it would move along."""
    pretrained = {name: theta.detach().clone() for name, theta in base.items()}
    new = _cross_entropy(few)
    return lambda logits, batch: new(logits, batch) + l2_sp_penalty(base, pretrained, lam)


def _sgd(
    settings: Settings, head: nn.Module, base: Sequence[nn.Parameter] = (), rate: float = 0.0, decay: float = 0.0
) -> torch.optim.Optimizer:
    """SGD with momentum (Adam would rescale lambda's pull); the new layer has weight decay in every arm."""
    groups = [dict(params=list(head.parameters()), lr=settings.learning_rate, weight_decay=settings.weight_decay)]
    if base:
        groups.append(dict(params=list(base), lr=rate, weight_decay=decay))
    return torch.optim.SGD(groups, momentum=MOMENTUM)


def _trainable(model: nn.Sequential, arm: str) -> int:
    trained = model[-1:] if arm == FROZEN else model
    return sum(p.numel() for p in trained.parameters())


def _moved(model: nn.Sequential, source: Mapping[str, Tensor]) -> dict[str, float]:
    """||theta - theta_pre|| of each transferred layer (weight and bias), by "distance, layer <number>"."""
    moved: dict[str, float] = {}
    layers = [place for place, layer in enumerate(model) if isinstance(layer, nn.Conv2d | nn.Linear)][:-1]
    for number, place in enumerate(layers, start=1):
        now = {name: p.detach().cpu() for name, p in model[place].named_parameters()}
        parts = [(theta - source[f"{place}.{name}"]).flatten() for name, theta in now.items()]
        moved[f"distance, layer {number}"] = float(torch.cat(parts).norm())
    return moved


def _source_errors(model: nn.Sequential, old_head: nn.Linear, source: Digits) -> float:
    """Errors per 10,000 source test images with the source's own last layer put back."""
    logits = predict(nn.Sequential(*list(model)[:-1], old_head), source.test.images)
    return 10_000 * count_errors(logits, source.test.labels) / len(source.test)


# The whole run


def join(settings: Settings, trials: Sequence[Result]) -> Result:
    """One Result of all trials: arms pooled by name, intervals, and the verdicts over paired differences."""
    settings = resolve(settings)
    trials = results.by_seed(trials, SCRATCH)
    first = trials[0]
    arms = [results.pool([result.arm(arm.name) for result in trials], first.data.test) for arm in first.arms]
    joined = first.model_copy(update={
        "settings": settings.model_dump(),
        "arms": tuple(arms),
        "provenance": first.provenance.model_copy(
            update={"seconds": sum(result.provenance.seconds for result in trials)}
        ),
    })  # fmt: skip
    return _judged(joined)


def run(settings: Settings, data: Digits) -> Iterator[Event]:
    """The whole run in this process: preparation, every trial in turn, and last the one Result."""
    settings = resolve(settings)
    shared = yield from preparing(settings, data)
    finished = []
    for seed in range(settings.seed, settings.seed + settings.seeds):
        for event in trial(settings, data, shared, seed):
            if isinstance(event, Result):
                finished.append(event)
            else:
                yield event
    yield join(settings, finished)


def _judged(result: Result) -> Result:
    """The same Result with its verdict and comparisons computed from its arms."""

    def difference(arm: str, baseline: str) -> Interval:
        return results.paired(result.arm(arm), result.arm(baseline), result.data.test)

    main = verdict(TUNED, SCRATCH, difference(TUNED, SCRATCH), _scope(result), better=BETTER, worse=WORSE)
    further = tuple(verdict(arm, baseline, difference(arm, baseline), ()) for arm, baseline in PAIRS)
    return result.model_copy(update={"verdict": main, "comparisons": further})


def _scope(result: Result) -> tuple[Message, ...]:
    """What the interval covers, what it does not, and who saw how many labels."""
    tuned = result.arm(TUNED)
    saw = message(
        "The source network saw {source} labels of the old task, each arm {target} of the new one.",
        source=f"{tuned.teacher_labels or 0:,}", target=f"{tuned.labels:,}",
    )  # fmt: skip
    if len(tuned.trials) == 1:
        return (saw,)
    varies = message(
        "From trial to trial the labelled images, the first weights and the batch order vary; "
        "the source network and the test set do not."
    )
    return varies, saw


def _result(settings: Settings, target: Digits, arms: Sequence[Arm], shared: Shared, seconds: float) -> Result:
    """The Result of a single trial; `join` makes the run's out of these."""
    nothing = Interval(mean=0.0, low=None, high=None, n=1, confidence=CONFIDENCE)
    return _judged(Result(
        technique=settings.technique,
        version=RESULT_VERSION,
        settings=settings.model_dump(),
        data=results.dataset(target),
        gallery=results.gallery(target),
        arms=tuple(arms),
        verdict=verdict(TUNED, SCRATCH, nothing, ()),
        notes=shared.notes,
        provenance=results.provenance(seconds, settings.device, shared.source_created),
    ))  # fmt: skip


def _build(settings: Settings, seed: int, device: str = "") -> nn.Sequential:
    role = "teacher" if settings.network == "large" else "student"
    return build("article", role, seeded(seed, "network"), device or settings.device)
