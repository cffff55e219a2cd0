"""Transfer learning: a network starts a new task from the weights of an old one.

    L = L_new + lambda ||theta - theta_pre||²

theta are the transferred layers (all but the last), theta_pre what they were. Feature extraction freezes
them; fine-tuning goes on training them; lambda lies between: 0 is fine-tuning, infinity feature extraction.
Li, Grandvalet, Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks",
arXiv 1802.01483. Read from top to bottom: the penalty; the tasks; what trials share; one trial; the same with
a network of ImageNet as the source; the join.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.data import fashion
from kd_core.data.digits import Digits, Split, subset
from kd_core.messages import Message, message
from kd_core.nn import cost, teachers
from kd_core.nn.evaluation import count_errors, predict
from kd_core.nn.hardware import resolve
from kd_core.nn.networks import build, initialise
from kd_core.nn.seeding import seeded
from kd_core.nn.training import LossFn, fit
from kd_core.results import records
from kd_core.results.events import Evaluation, Event, Step
from kd_core.results.schema import Arm, ArmTrial, Cost, Dataset, Interval, Result
from kd_core.results.statistics import CONFIDENCE, verdict
from kd_core.runs.assemble import drained, in_turn, joined, require_same_data
from kd_core.runs.remembered import once, settings_but
from kd_core.settings.common import SCRATCH, SOURCE
from kd_core.transfer import backbones, wording
from kd_core.transfer.feature_cache import features
from kd_core.transfer.penalty import l2_sp_penalty
from kd_core.transfer.settings import ANCHORED, BACKBONES, DECAYED, FROZEN, IMAGENET_LABELS, NETWORKS, TUNED
from kd_core.transfer.settings import TransferSettings as Settings
from kd_core.transfer.tasks import SOURCE_SEED, source_of, target_of, tasks

RESULT_VERSION = 2  # raised when results of the same settings change meaning
MOMENTUM = 0.9
STEADY = (
    5e-4  # the largest step size times lambda: beyond it momentum makes the anchored weights swing, and diverge
)
PAIRS = ((FROZEN, SCRATCH), (ANCHORED, SCRATCH), (ANCHORED, DECAYED))  # compared besides the verdict

# With a network of ImageNet
RIVAL = "large"  # the network that is trained from scratch
PIXELS = 10_000 * 32**2  # looked at in the test split: larger images, fewer of them; a VGG16 takes 25 s for these
TUNED_SHARE = 10  # a network that is trained too has no kept features: so many times fewer images
FEWEST = 500
BACKBONE_PAIRS = ((TUNED, SCRATCH), (TUNED, FROZEN), (ANCHORED, DECAYED))  # where it is fine-tuned


# The tasks


# What the trials of a run share


@dataclass(frozen=True)
class Shared:
    """What `prepare` makes once for all trials.

    source: the trained source network's weights (none of ImageNet's: each worker reads those from disk); as_is:
    its arm on the target where both have the same classes, else None; costs: by network; source_data, data:
    what it was trained on, and the target; known: not so
    for weights of a network of ImageNet that are not the published ones (`backbones.doubt`).
    """

    source: dict[str, Tensor]
    as_is: Arm | None
    costs: dict[str, Cost]
    source_data: Dataset
    data: Dataset
    notes: tuple[Message, ...]
    source_created: str | None
    known: bool = True


def prepare(settings: Settings, data: Digits) -> Shared:
    """What the trials share: the source network."""
    return drained(preparing(settings, data))


def preparing(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """`prepare` as a stream: yields the source's Steps and Evaluations and returns the Shared."""
    target = target_of(settings, data)
    settings.check(target)
    if settings.has_backbone:
        return (yield from _preparing_backbone(settings, target))
    return (yield from once(
        ("shared", *settings_but(settings, "lam")), data, lambda: _preparing(settings, data, target),
        keep=lambda shared: shared.source_created is not None,  # not "new" each time
    ))  # fmt: skip


def _preparing(settings: Settings, data: Digits, target: Digits) -> Generator[Event, None, Shared]:
    """The same with one of the lab's own networks, made anew."""
    if settings.task == "fashion":
        yield from fashion.fetch(stage="source", arm=SOURCE, seed=SOURCE_SEED)
    source = source_of(settings, data)
    model = _build(settings, SOURCE_SEED)
    (its_cost,) = cost.costs_of([_build(settings, SOURCE_SEED, "cpu")], target.test.images[:1])
    trained = yield from teachers.obtain(
        model, f"source-{settings.network}", source, epochs=settings.source_epochs,
        order=seeded(SOURCE_SEED, "source order"),
        precision=settings.precision, device=settings.device, fresh=settings.fresh_source,
        arm=SOURCE, seed=SOURCE_SEED, stage="source",
    )  # fmt: skip
    as_is = None
    if settings.task not in ("low_high", "fashion"):
        done = records.arm_trial(model, target, SOURCE_SEED, trained.curve, trained.seconds)
        as_is = Arm(
            name=SOURCE, model=NETWORKS[settings.network], labels=0, teacher_labels=trained.labels, shared=True,
            cost=its_cost, trials=(done,), errors_per_10000=records.errors_per_10000([done], len(target.test)),
        )  # fmt: skip
    return Shared(
        trained.weights, as_is, {settings.network: its_cost}, records.dataset(source), records.dataset(target),
        data.notices,
        trained.created if trained.kept else None,
    )  # fmt: skip


# One trial: every arm at one seed


def trial(settings: Settings, data: Digits, shared: Shared, seed: int) -> Iterator[Event]:
    """All arms at one seed, paired: the same target images, batch order and first weights of the new layer.

    Yields Steps and Evaluations, and last a Result of this one trial.
    """
    if settings.has_backbone:
        yield from _backbone_trial(settings, data, shared, seed)
        return
    source, target = tasks(settings, data)
    require_same_data((shared.source_data, shared.data), (records.dataset(source), records.dataset(target)))
    started = time.perf_counter()
    few = _few(settings, target, seed)
    arms = [] if shared.as_is is None else [shared.as_is]
    for place, name in enumerate(ARMS):
        span = (place / len(ARMS), (place + 1) / len(ARMS))
        train = partial(_train, settings, shared, few, source, target, seed, name, span)
        key = (name, seed, backbones.digest(shared.source), *settings_but(settings, "seed", "seeds", "lam"))
        done = yield from (train() if name == ANCHORED else once(key, data, train))
        arms.append(Arm(
            name=name, model=NETWORKS[settings.network], labels=len(few), shared=False,
            cost=shared.costs[settings.network],
            teacher_labels=None if name == SCRATCH else shared.source_data.train, trials=(done,),
            errors_per_10000=records.errors_per_10000([done], len(target.test)),
        ))  # fmt: skip
    yield _result(settings, target, arms, shared, time.perf_counter() - started)


def _few(settings: Settings, target: Digits, seed: int) -> Split:
    """The target's labelled images of one trial, the same for all its arms."""
    size = settings.labels_per_class * len(target.train.labels.unique())
    sample = subset(target.train.labels, size, seeded(seed, "sample"))
    return Split(target.train.images[sample], target.train.labels[sample].to(settings.device))


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
    rate = settings.learning_rate if arm == SCRATCH else _base_rate(settings, arm)
    decay = settings.weight_decay if arm == DECAYED else 0.0
    optimizer = _sgd(settings, model[-1], list(base.values()), rate, decay)
    yield from fit(
        model, few.images, _anchored(few, base, settings.lam) if arm == ANCHORED else _cross_entropy(few),
        (target.validation.images, target.validation.labels),
        optimizer=optimizer, epochs=settings.epochs, batch_size=settings.batch_size,
        order=seeded(seed, "order"), precision=settings.precision, stage="target", arm=arm, seed=seed, span=span,
    )  # fmt: skip


def _base_rate(settings: Settings, arm: str) -> float:
    """Step size of the transferred layers: what is set, or less where lambda is large."""
    if arm != ANCHORED or not settings.lam:
        return settings.base_learning_rate
    return min(settings.base_learning_rate, STEADY / settings.lam)


ARMS: dict[str, Train] = {SCRATCH: _tune, FROZEN: _extract, TUNED: _tune, DECAYED: _tune, ANCHORED: _tune}


def _train(
    settings: Settings, shared: Shared, few: Split, source: Digits, target: Digits, seed: int, name: str, span: Span
) -> Generator[Event, None, ArmTrial]:
    """Train one arm, yielding its events, and return what is kept of it. lambda has a say in ANCHORED alone."""
    model, old_head = _start(settings, shared, seed, transferred=name != SCRATCH)
    curve, began = [], time.perf_counter()
    for event in ARMS[name](settings, model, few, target, seed, name, span):
        if isinstance(event, Evaluation):
            curve.append((event.epoch, event.errors))
        yield event
    done = records.arm_trial(model, target, seed, curve, time.perf_counter() - began)
    measures = {"trainable parameters": float(_trainable(model, name))}
    if name != SCRATCH:
        measures |= _moved(model, shared.source) | {"source errors": _source_errors(model, old_head, source)}
    return done.model_copy(update={"measures": measures})


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


# The same with a network of ImageNet as the source, against the article's CNN from scratch


def _preparing_backbone(settings: Settings, target: Digits) -> Generator[Event, None, Shared]:
    """The weights on disk, and what the frozen network gives for the images that every trial is measured on."""
    about: dict[str, Any] = dict(stage="source", arm=FROZEN, seed=SOURCE_SEED)
    weights = yield from backbones.obtain(settings.network, **about)
    base = backbones.build(settings.network, settings.image_size, weights)
    (rival,) = cost.costs_of([_rival(settings, SOURCE_SEED, "cpu")], target.test.images[:1])
    seen = _looked_at(settings, target)
    key, images = _key(settings, weights), len(seen.validation) + len(seen.test)
    first = yield from features(
        base.to(settings.device), seen.validation.images, key, settings.image_size, part=(0, images), **about
    )
    yield from features(
        base, seen.test.images, key, settings.image_size, part=(len(seen.validation), images), **about
    )
    whole = nn.Sequential(base.cpu(), backbones.top(first.shape[1], seeded(SOURCE_SEED, "new layer")))
    costs = {RIVAL: rival, settings.network: backbones.cost_of(whole.eval(), target.test.images[:1])}
    doubt = backbones.doubt(settings.network)
    learned = Dataset(name="ImageNet", train=IMAGENET_LABELS, validation=0, test=0)
    notes = (*([doubt] if doubt else []), *target.notices, *_cut(settings, target, seen))
    return Shared({}, None, costs, learned, records.dataset(seen), notes, None, known=doubt is None)


def _cut(settings: Settings, target: Digits, seen: Digits) -> tuple[Message, ...]:
    """A note where not all test images are looked at."""
    if len(seen.test) == len(target.test):
        return ()
    return (message(
        "Errors are counted on the first {seen} of the {all} test images: the network of ImageNet is slow at "
        "{size} pixels, or where it is trained too.",
        seen=f"{len(seen.test):,}", all=f"{len(target.test):,}", size=settings.image_size,
    ),)  # fmt: skip


def _looked_at(settings: Settings, target: Digits) -> Digits:
    """The target with as many images to measure on as there is time for: the first ones, so that numbers stay."""
    most = PIXELS // settings.image_size**2 // 100 * 100
    most = max(FEWEST, most // TUNED_SHARE if settings.tune_backbone else most)
    validation, test = (
        Split(split.images[:size], split.labels[:size])
        for split, size in ((target.validation, most // 2), (target.test, most))
    )
    shown: Sequence[int] = target.gallery
    if len(test) < len(target.test):
        shown = [int(i) for label in test.labels.unique() for i in (test.labels == label).nonzero().flatten()[:2]]
    return replace(target, validation=validation, test=test, gallery=tuple(shown))


def _key(settings: Settings, weights: Mapping[str, Tensor]) -> str:
    return f"{settings.network}-{settings.image_size}-{backbones.digest(weights)[:16]}"


def _backbone_trial(settings: Settings, data: Digits, shared: Shared, seed: int) -> Iterator[Event]:
    """All arms at one seed: the article's CNN from scratch, a new top on the frozen network, and by choice more."""
    target = _looked_at(settings, target_of(settings, data))
    require_same_data(shared.data, records.dataset(target))
    started = time.perf_counter()
    few = _few(settings, target, seed)
    weights = yield from backbones.obtain(settings.network, stage="target", arm=FROZEN, seed=seed)
    labels = shared.source_data.train if shared.known else None
    names = [SCRATCH, FROZEN, *((TUNED, DECAYED, ANCHORED) if settings.tune_backbone else ())]
    arms = []
    for place, name in enumerate(names):
        span = (place / len(names), (place + 1) / len(names))
        own = RIVAL if name == SCRATCH else settings.network
        done = yield from _backbone_arm(settings, weights, few, target, seed, name, span)
        arms.append(Arm(
            name=name, model=NETWORKS[own] if name == SCRATCH or shared.known else backbones.UNKNOWN[own],
            labels=len(few), shared=False, cost=shared.costs[own],
            teacher_labels=None if name == SCRATCH else labels,
            trials=(done,),
            errors_per_10000=records.errors_per_10000([done], len(target.test)),
        ))  # fmt: skip
    yield _result(settings, target, arms, shared, time.perf_counter() - started)


def _backbone_arm(
    settings: Settings, weights: Mapping[str, Tensor], few: Split, target: Digits, seed: int, arm: str, span: Span
) -> Generator[Event, None, ArmTrial]:
    """Train one arm, yielding its events, and return what is kept of it."""
    began = time.perf_counter()
    if arm == SCRATCH:
        model = _rival(settings, seed)
    else:
        base = backbones.build(settings.network, settings.image_size, weights).to(settings.device)
        width = predict(base, few.images[:1]).shape[1]
        head = backbones.top(width, seeded(seed, "new layer"), settings.device)
        model = nn.Sequential(head) if arm == FROZEN else nn.Sequential(base, head)
    if arm == FROZEN:
        few, target = yield from _as_features(settings, base, _key(settings, weights), few, target, seed, span)
        span = (sum(span) / 2, span[1])
    curve = []
    for event in _tune(settings, model, few, target, seed, arm, span):
        if isinstance(event, Evaluation):
            curve.append((event.epoch, event.errors))
        yield event
    done = records.arm_trial(model, target, seed, curve, time.perf_counter() - began)
    measures = {"trainable parameters": float(sum(p.numel() for p in model.parameters()))}
    if arm not in (SCRATCH, FROZEN):
        measures |= _moved_backbone(settings, base, weights)
    # A top without its base answers no digit, so it is not kept.
    kept = done.weights if arm == SCRATCH else None
    return done.model_copy(update={"measures": measures, "weights": kept})


def _as_features(
    settings: Settings, base: nn.Module, key: str, few: Split, target: Digits, seed: int, span: Span
) -> Generator[Step, None, tuple[Split, Digits]]:
    """The labelled images and the target with what the frozen `base` gives in the place of images."""
    found = []
    for split in (few, target.validation, target.test):  # the last two have been kept by the preparation
        made = yield from features(
            base, split.images, key, settings.image_size, stage="target", arm=FROZEN, seed=seed,
            span=(span[0], sum(span) / 2),
        )  # fmt: skip
        found.append(Split(made, split.labels))
    return found[0], replace(target, validation=found[1], test=found[2])


def _moved_backbone(settings: Settings, base: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, float]:
    """||theta - theta_pre|| of each layer of a fine-tuned backbone, by "distance, layer <number>"."""
    before = backbones.build(settings.network, settings.image_size, weights).state_dict()
    now = {name: p.detach().cpu() for name, p in base.named_parameters()}
    return {
        f"distance, layer {number}": float(
            torch.cat([(now[name] - before[name]).flatten() for name in names]).norm()
        )
        for number, names in enumerate(backbones.layers(settings.network, base), start=1)
    }


def _rival(settings: Settings, seed: int, device: str = "") -> nn.Sequential:
    """The article's CNN, drawn anew."""
    return _build(settings.model_copy(update={"network": RIVAL}), seed, device)


# The whole run


def join(settings: Settings, trials: Sequence[Result]) -> Result:
    """One Result of all trials: arms pooled by name, intervals, and the verdicts over paired differences."""
    return _judged(joined(settings, trials, SCRATCH))


def run(settings: Settings, data: Digits) -> Iterator[Event]:
    """The whole run in this process: preparation, every trial in turn, and last the one Result."""
    settings = resolve(settings)
    yield from in_turn(
        settings,
        preparing(settings, data),
        lambda shared, seed: trial(settings, data, shared, seed),
        lambda finished: join(settings, finished),
    )


def _judged(result: Result) -> Result:
    """The same Result with its verdict and comparisons computed from its arms."""

    def difference(arm: str, baseline: str) -> Interval:
        return records.paired(result.arm(arm), result.arm(baseline), result.data.test)

    backbone, there = result.settings["network"] in BACKBONES, {arm.name for arm in result.arms}
    asked, (better, worse) = (FROZEN, wording.BACKBONE) if backbone else (TUNED, wording.TRANSFER)
    main = verdict(asked, SCRATCH, difference(asked, SCRATCH), _scope(result, asked), better=better, worse=worse)
    pairs = [pair for pair in (BACKBONE_PAIRS if backbone else PAIRS) if there.issuperset(pair)]
    further = tuple(verdict(arm, baseline, difference(arm, baseline), ()) for arm, baseline in pairs)
    return result.model_copy(update={"verdict": main, "comparisons": further})


def _scope(result: Result, arm: str) -> tuple[Message, ...]:
    """What the interval covers, what it does not, and who saw how many labels."""
    tuned = result.arm(arm)
    saw = message(
        "The source network saw {source} labels of the old task, each arm {target} of the new one.",
        source=f"{tuned.teacher_labels:,}", target=f"{tuned.labels:,}",
    ) if tuned.teacher_labels is not None else message(
        "How many labels the source network saw is not known; each arm saw {target} of the new task.",
        target=f"{tuned.labels:,}",
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
        data=records.dataset(target),
        gallery=records.gallery(target),
        arms=tuple(arms),
        verdict=verdict(FROZEN, SCRATCH, nothing, ()),
        notes=shared.notes,
        provenance=records.provenance(seconds, settings.device, shared.source_created),
    ))  # fmt: skip


def _build(settings: Settings, seed: int, device: str = "") -> nn.Sequential:
    role = "teacher" if settings.network == "large" else "student"
    return build("article", role, seeded(seed, "network"), device or settings.device)
