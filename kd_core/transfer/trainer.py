"""Transfer learning: a network starts a new task from the weights of an old one.

    L = L_new + lambda ||theta - theta_pre||²

theta are the transferred layers (all but the last), theta_pre what they were. Feature extraction freezes
them; fine-tuning goes on training them; lambda lies between: 0 is fine-tuning, infinity feature extraction.
Li, Grandvalet, Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks",
arXiv 1802.01483. Read from top to bottom: what trials share; one arm of a trial; the same with a network of
ImageNet as the source; what is said of the arms.
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.data import fashion
from kd_core.data.digits import Digits, Split, subset
from kd_core.data.own.kept import gallery
from kd_core.messages import Message, message
from kd_core.nn import cost, teachers
from kd_core.nn.evaluation import count_errors, predict
from kd_core.nn.networks import CLASSES, build, initialise
from kd_core.nn.optimizers import SGD, Group
from kd_core.nn.seeding import seeded
from kd_core.nn.training import CURVE_IMAGES, LossFn, curve_of, fit
from kd_core.results import records
from kd_core.results.events import Event, Reporter, Step
from kd_core.results.schema import Arm, ArmTrial, Cost, Dataset, Result
from kd_core.results.statistics import compared, errors_per_10000
from kd_core.runs import assemble
from kd_core.runs.assemble import ArmFacts, chosen, dataset
from kd_core.runs.remembered import once, settings_but
from kd_core.settings.base import Job
from kd_core.settings.common import SCRATCH, SOURCE
from kd_core.transfer import backbones
from kd_core.transfer.feature_cache import features
from kd_core.transfer.penalty import l2_sp_penalty
from kd_core.transfer.settings import ANCHORED, DECAYED, FROZEN, IMAGENET_LABELS, NETWORKS, OWN, TUNED
from kd_core.transfer.settings import TransferSettings as Settings
from kd_core.transfer.tasks import SOURCE_SEED, source_of, target_of
from kd_core.transfer.technique import BACKBONE, TRANSFER

VERSION = 3
MOMENTUM = 0.9
STEADY = 5e-4  # the largest step size times lambda: beyond it the anchored weights swing, and diverge
PAIRS = ((FROZEN, SCRATCH), (ANCHORED, SCRATCH), (ANCHORED, DECAYED))  # compared besides the verdict

# With a network of ImageNet
RIVAL = "large"  # the network that is trained from scratch
PIXELS = 10_000 * 32**2  # looked at in the test split: larger images, fewer of them; a VGG16 takes 25 s for these
TUNED_SHARE = 10  # a network that is trained too has no kept features: so many times fewer images
FEWEST = 500
PASSES = 9  # timed for the latency: one takes up to a quarter of a second
BACKBONE_PAIRS = ((TUNED, SCRATCH), (TUNED, FROZEN), (ANCHORED, DECAYED))  # where it is fine-tuned


# What the trials of a run share


@dataclass(frozen=True, kw_only=True)
class Shared(assemble.Shared):
    """What `prepare` makes once for all trials. arms: the source network as it is, where the classes are the same.

    source: its weights (none of ImageNet's: each worker reads those from disk); source_data: what it was trained
    on; labels: how many each arm sees; costs: by network. known: not so for weights of a network of ImageNet that
    are not the published ones (`backbones.doubt`).
    """

    source: Mapping[str, Tensor]
    source_data: Dataset
    labels: int
    costs: Mapping[str, Cost]
    known: bool = True


def check(settings: Settings, data: Digits) -> None:
    """Raise Problem for what the target or the network cannot give."""
    settings.check(target_of(settings, data))


def prepare(settings: Settings, data: Digits) -> Generator[Event, None, Shared]:
    """The source network and the costs."""
    target = target_of(settings, data)
    if settings.has_backbone:
        return (yield from _prepared_backbone(settings, data, target))
    return (yield from once(
        ("shared", target.name, *settings_but(settings, "lam")), data, lambda: _prepared(settings, data, target),
        keep=lambda shared: shared.created is not None,  # not "new" each time
    ))  # fmt: skip


def _prepared(settings: Settings, data: Digits, target: Digits) -> Generator[Event, None, Shared]:
    """The same with one of the lab's own networks, made anew."""
    reporter = Reporter("source", SOURCE, SOURCE_SEED)
    if settings.pair == "fashion":
        yield from fashion.fetch(reporter)
    source = source_of(settings, data)
    model = _build(settings, SOURCE_SEED)
    new = _build(settings, SOURCE_SEED, "cpu", len(target.classes))
    (its_cost,) = cost.costs_of([new], target.test.stored[:1])
    trained = yield from teachers.obtain(
        model, f"source-{settings.network}", source, reporter,
        epochs=settings.source_epochs, order=seeded(SOURCE_SEED, "source order"),
        precision=settings.precision, device=settings.device, fresh=settings.fresh_source,
    )  # fmt: skip
    as_is: tuple[Arm, ...] = ()
    if settings.pair not in ("low_high", "fashion", OWN):
        done = records.arm_trial(model, target, SOURCE_SEED, trained.curve, trained.seconds)
        as_is = (Arm(
            name=SOURCE, model=NETWORKS[settings.network], labels=0, teacher_labels=trained.labels, shared=True,
            cost=its_cost, trials=(done,), errors_per_10000=errors_per_10000([done], len(target.test)),
        ),)  # fmt: skip
    return Shared(
        loaded=dataset(chosen(settings, data)), data=dataset(target), gallery=records.gallery(target),
        notes=target.notices,
        arms=as_is, created=trained.created if trained.kept else None, source=trained.weights,
        source_data=dataset(source), labels=_labels(settings, target), costs={settings.network: its_cost},
    )  # fmt: skip


def _labels(settings: Settings, target: Digits) -> int:
    """How many labelled images of the target an arm sees."""
    return settings.labels_per_class * len(target.train.labels.unique())


# One arm of a trial


def train(
    settings: Settings, data: Digits, shared: Shared | None, seed: int, job: Job
) -> Generator[Event, None, Mapping[str, ArmTrial]]:
    """Train one arm, paired with all others at this seed: equal target images, batch order and new last layer."""
    (arm,), stamp = job.arms, chosen(settings, data).name
    target = _target_at(settings, data, seed, stamp)
    if settings.has_backbone:
        return {arm: (yield from _backbone_arm(settings, target, seed, arm))}
    source = None if arm == SCRATCH else shared
    weights = source and backbones.digest(source.source)
    key = (arm, seed, stamp, weights, *settings_but(settings, "seed", "seeds", "lam"))
    make = partial(_train, settings, data, source, target, seed, arm)
    return {arm: (yield from (make() if arm == ANCHORED else once(key, data, make)))}


@lru_cache(maxsize=1)  # the arms of a trial train one after another
def _target_at(settings: Settings, data: Digits, seed: int, _stamp: str) -> Digits:
    """The target with the labelled images of one trial alone to train on, the same for all its arms.

    _stamp: the name of what is chosen, which changes with its content.
    """
    target = target_of(settings, data)
    target = _looked_at(settings, target) if settings.has_backbone else target
    sample = subset(target.train.labels, _labels(settings, target), seeded(seed, "sample"))
    few = target.train.chosen(sample)
    few = Split(few.stored, few.labels.to(settings.device))
    return replace(target, train=few)


@lru_cache(maxsize=1)
def _source_test(settings: Settings, data: Digits) -> tuple[Dataset, Split]:
    """What the source network has learned from, and the images on which it is tried again."""
    source = source_of(settings, data)
    return dataset(source), source.test


def _start(settings: Settings, source: Shared | None, seed: int, classes: int = CLASSES) -> nn.Sequential:
    """A network of so many classes whose layers but the last are the source's or, without one, drawn anew.

    The new last layer is the same in every arm of a trial.
    """
    model = _build(settings, seed, classes=classes)
    initialise(model[-1], seeded(seed, "new layer"))
    if source is not None:
        model[:-1].load_state_dict(_source_model(settings, source)[:-1].state_dict())
    return model


def _source_model(settings: Settings, source: Shared) -> nn.Sequential:
    """The source network, with its own last layer."""
    model = _build(settings, SOURCE_SEED)
    model.load_state_dict(source.source)
    return model


@dataclass(frozen=True)
class Frozen:
    """What the frozen layers give, [N, D], for the images that every trial is measured on.

    source_errors: the source network's own, per 10,000 test images of the old task.
    """

    validation: Tensor
    test: Tensor
    source_errors: float


def _frozen(settings: Settings, data: Digits, shared: Shared, target: Digits) -> Generator[Event, None, Frozen]:
    """The same in all trials, so made once in each worker."""

    def made() -> Generator[Event, None, Frozen]:
        yield from ()
        model = _source_model(settings, shared)
        validation, test = (predict(model[:-1], split.stored) for split in (target.validation, target.test))
        return Frozen(validation, test, _source_errors(settings, model, data, shared))

    key = ("frozen", backbones.digest(shared.source), target.name, settings.pair, settings.source_kind)
    return (yield from once((*key, settings.network, settings.device), data, made, always=True))


def _extract(
    settings: Settings, model: nn.Sequential, target: Digits, reporter: Reporter, frozen: Frozen
) -> Iterator[Event]:
    """Train the new layer alone: what the frozen layers give is computed once, in evaluation mode, and kept."""
    base, head = model[:-1], model[-1:]
    yield from fit(
        head, predict(base, target.train.stored), _cross_entropy(target.train),
        (frozen.validation, target.validation.labels),
        reporter, optimizer=_sgd(settings, head), epochs=settings.epochs, batch_size=settings.batch_size,
        order=seeded(reporter.seed, "order"), precision=settings.precision, curve_images=CURVE_IMAGES,
    )  # fmt: skip


def _tune(settings: Settings, model: nn.Sequential, target: Digits, reporter: Reporter) -> Iterator[Event]:
    """Train all layers: from scratch, or from the old weights with what the arm adds to the loss."""
    few, base, arm = target.train, dict(model[:-1].named_parameters()), reporter.arm
    rate = settings.learning_rate if arm == SCRATCH else _base_rate(settings, arm)
    decay = settings.weight_decay if arm == DECAYED else 0.0
    optimizer = _sgd(settings, model[-1], list(base.values()), rate, decay)
    yield from fit(
        model, few.stored, _anchored(few, base, settings.lam) if arm == ANCHORED else _cross_entropy(few),
        (target.validation.stored, target.validation.labels), reporter,
        optimizer=optimizer, epochs=settings.epochs, batch_size=settings.batch_size,
        order=seeded(reporter.seed, "order"), precision=settings.precision, curve_images=CURVE_IMAGES,
    )  # fmt: skip


def _base_rate(settings: Settings, arm: str) -> float:
    """Step size of the transferred layers: what is set, or less where lambda is large."""
    if arm != ANCHORED or not settings.lam:
        return settings.base_learning_rate
    return min(settings.base_learning_rate, STEADY / settings.lam)


def _train(
    settings: Settings, data: Digits, shared: Shared | None, target: Digits, seed: int, arm: str
) -> Generator[Event, None, ArmTrial]:
    """Train one arm, from scratch without `shared`. lambda has a say in ANCHORED alone."""
    model = _start(settings, shared, seed, len(target.classes))
    reporter, began = Reporter("target", arm, seed), time.perf_counter()
    measures = {"trainable parameters": float(_trainable(model, arm))}
    if shared is not None and arm == FROZEN:
        frozen = yield from _frozen(settings, data, shared, target)
        curve = yield from curve_of(_extract(settings, model, target, reporter, frozen))
        seconds, logits = time.perf_counter() - began, predict(model[-1:], frozen.test)
        weights = records.kept_weights(model)
        done = records.judged(logits, target.test.labels, target.gallery, seed, curve, seconds, weights)
        measures |= _moved(model, shared.source, _transferred(model)) | {"source errors": frozen.source_errors}
        return done.model_copy(update={"measures": measures})
    curve = yield from curve_of(_tune(settings, model, target, reporter))
    done = records.arm_trial(model, target, seed, curve, time.perf_counter() - began)
    if shared is not None:
        measures |= _moved(model, shared.source, _transferred(model))
        measures["source errors"] = _source_errors(settings, model, data, shared)
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
) -> SGD:
    """SGD with momentum (Adam would rescale lambda's pull); the new layer has weight decay in every arm."""
    groups = [Group([*head.parameters()], settings.learning_rate, settings.weight_decay)]
    if base:
        groups.append(Group(base, rate, decay))
    return SGD(groups, MOMENTUM)


def _trainable(model: nn.Sequential, arm: str) -> int:
    trained = model[-1:] if arm == FROZEN else model
    return sum(p.numel() for p in trained.parameters())


def _moved(model: nn.Module, before: Mapping[str, Tensor], layers: Iterable[Sequence[str]]) -> dict[str, float]:
    """||theta - theta_pre|| of each of `layers`, names of its parameters, by "distance, layer <number>"."""
    now = {name: p.detach().cpu() for name, p in model.named_parameters()}
    return {
        f"distance, layer {number}": float(torch.cat([(now[n] - before[n]).flatten() for n in names]).norm())
        for number, names in enumerate(layers, start=1)
    }


def _transferred(model: nn.Sequential) -> list[list[str]]:
    """The names of the parameters, weight and bias, of each layer but the last."""
    places = [place for place, layer in enumerate(model) if isinstance(layer, nn.Conv2d | nn.Linear)][:-1]
    return [[f"{place}.{name}" for name, _ in model[place].named_parameters()] for place in places]


def _source_errors(settings: Settings, model: nn.Sequential, data: Digits, source: Shared) -> float:
    """Errors per 10,000 source test images with the source's own last layer put back."""
    learned, test = _source_test(settings, data)
    assemble.require_same_data(source.source_data, learned)
    logits = predict(nn.Sequential(*list(model)[:-1], _source_model(settings, source)[-1]), test.stored)
    return 10_000 * count_errors(logits, test.labels) / len(test)


# The same with a network of ImageNet as the source, against the article's CNN from scratch


def _prepared_backbone(settings: Settings, data: Digits, target: Digits) -> Generator[Event, None, Shared]:
    """The weights on disk, and what the frozen network gives for the images that every trial is measured on."""
    reporter = Reporter("source", FROZEN, SOURCE_SEED)
    weights = yield from backbones.obtain(settings.network, reporter)
    base = backbones.build(settings.network, settings.image_size, weights)
    (rival,) = cost.costs_of([_rival(settings, SOURCE_SEED, len(target.classes), "cpu")], target.test.stored[:1])
    seen = _looked_at(settings, target)
    key, images = _key(settings, weights), len(seen.validation) + len(seen.test)
    base, size = base.to(settings.device), settings.image_size
    first = yield from features(base, seen.validation.stored, key, size, reporter, part=(0, images))
    yield from features(base, seen.test.stored, key, size, reporter, part=(len(seen.validation), images))
    top = backbones.top(first.shape[1], seeded(SOURCE_SEED, "new layer"), classes=len(target.classes))
    whole = nn.Sequential(base.cpu(), top)
    (large,) = cost.costs_of([whole], target.test.stored[:1], warm=0.0, blocks=1, block=PASSES)
    doubt = backbones.doubt(settings.network)
    learned = Dataset(name="ImageNet", train=IMAGENET_LABELS, validation=0, test=0)
    notes = (*([doubt] if doubt else []), *target.notices, *_cut(settings, target, seen))
    return Shared(
        loaded=dataset(chosen(settings, data)), data=dataset(seen), gallery=records.gallery(seen), notes=notes,
        source={},
        source_data=learned, labels=_labels(settings, target), costs={RIVAL: rival, settings.network: large},
        known=doubt is None,
    )  # fmt: skip


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
        Split(split.stored[:size], split.labels[:size])
        for split, size in ((target.validation, most // 2), (target.test, most))
    )
    shown = gallery(test.labels.numpy(), len(target.classes)) if len(test) < len(target.test) else target.gallery
    return replace(target, validation=validation, test=test, gallery=shown)


def _key(settings: Settings, weights: Mapping[str, Tensor]) -> str:
    return f"{settings.network}-{settings.image_size}-{backbones.digest(weights)[:16]}"


def _backbone_arm(settings: Settings, target: Digits, seed: int, arm: str) -> Generator[Event, None, ArmTrial]:
    """Train one arm: the article's CNN from scratch, a new top on the frozen network, or that network too."""
    base, weights, reporter = None, {}, Reporter("target", arm, seed)
    if arm != SCRATCH:
        weights = yield from backbones.obtain(settings.network, reporter)
    began = time.perf_counter()
    if arm == SCRATCH:
        model = _rival(settings, seed, len(target.classes))
    else:
        base = backbones.build(settings.network, settings.image_size, weights).to(settings.device)
        width = predict(base, target.train.stored[:1]).shape[1]
        head = backbones.top(width, seeded(seed, "new layer"), settings.device, len(target.classes))
        model = nn.Sequential(head) if arm == FROZEN else nn.Sequential(base, head)
    if base is not None and arm == FROZEN:
        first, reporter = replace(reporter, span=(0.0, 0.5)), replace(reporter, span=(0.5, 1.0))
        target = yield from _as_features(settings, base, _key(settings, weights), target, first)
    curve = yield from curve_of(_tune(settings, model, target, reporter))
    done = records.arm_trial(model, target, seed, curve, time.perf_counter() - began)
    measures = {"trainable parameters": float(sum(p.numel() for p in model.parameters()))}
    if base is not None and arm != FROZEN:
        before = backbones.build(settings.network, settings.image_size, weights).state_dict()
        measures |= _moved(base, before, backbones.layers(settings.network, base))
    # A top without its base answers no digit, so it is not kept.
    kept = done.weights if arm == SCRATCH else None
    return done.model_copy(update={"measures": measures, "weights": kept})


def _as_features(
    settings: Settings, base: nn.Module, key: str, target: Digits, reporter: Reporter
) -> Generator[Step, None, Digits]:
    """The target with what the frozen `base` gives in the place of images."""
    found = []
    for split in (target.train, target.validation, target.test):  # the last two have been kept by the preparation
        made = yield from features(base, split.stored, key, settings.image_size, reporter)
        found.append(Split(made, split.labels))
    return replace(target, train=found[0], validation=found[1], test=found[2])


def _rival(settings: Settings, seed: int, classes: int, device: str = "") -> nn.Sequential:
    """The article's CNN, drawn anew."""
    return _build(settings.model_copy(update={"network": RIVAL}), seed, device, classes)


# What is said of the arms


def describe(settings: Settings, shared: Shared, seed: int) -> dict[str, ArmFacts]:
    """The arms that a trial trains, in order."""
    facts = {}
    for arm in settings.arms:
        network = RIVAL if settings.has_backbone and arm == SCRATCH else settings.network
        model = NETWORKS[network] if shared.known or arm == SCRATCH else backbones.UNKNOWN[network]
        of_source = shared.source_data.train if shared.known and arm != SCRATCH else None
        facts[arm] = ArmFacts(model, shared.labels, shared.costs[network], of_source)
    return facts


def judge(settings: Settings, result: Result) -> Result:
    """The Result with its verdict and comparisons."""
    there = {arm.name for arm in result.arms}
    asked, (better, worse) = (FROZEN, BACKBONE) if settings.has_backbone else (TUNED, TRANSFER)
    main = compared(result, asked, SCRATCH, _scope(result, asked), better=better, worse=worse)
    pairs = [pair for pair in (BACKBONE_PAIRS if settings.has_backbone else PAIRS) if there.issuperset(pair)]
    further = tuple(compared(result, arm, baseline) for arm, baseline in pairs)
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


def _build(settings: Settings, seed: int, device: str = "", classes: int = CLASSES) -> nn.Sequential:
    role = "teacher" if settings.network == "large" else "student"
    return build("article", role, seeded(seed, "network"), device or settings.device, classes)
