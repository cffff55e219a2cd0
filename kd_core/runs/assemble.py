"""A run out of its trials, and a trial out of its jobs: what all techniques do alike. No torch here.

    shared  = prepare(trainer, settings, data)                        once
    trained = train(trainer, settings, data, shared, seeds, job)      each of settings.jobs, at each seed
    result  = assembled(trainer, settings, shared, seed, trained)     one trial's Result
    result  = joined(trainer, settings, results)                      the run's

`run` does all of it in this process, the queue's workers the same in theirs; the numbers are equal to the last bit.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from kd_core.data.chosen import chosen as choose
from kd_core.messages import N_, Message, Problem
from kd_core.results.events import Event, Step
from kd_core.results.provenance import provenance
from kd_core.results.schema import NOTHING, Arm, ArmTrial, Cost, Dataset, GalleryDigit, Result, Verdict
from kd_core.results.statistics import errors_per_10000
from kd_core.runs.scheduling import grouped
from kd_core.settings.base import Job, Settings

if TYPE_CHECKING:
    from kd_core.data.digits import Digits

T = TypeVar("T")
UNJUDGED = Verdict(kind="single", arm="", baseline="", difference=NOTHING, text=Message(text=""), scope=())


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What a preparation makes once for all trials; each technique adds what its own jobs need.

    loaded: the data as this worker loaded them, which all others must have too. data, gallery, notes: as the
    Result shows them. arms: networks that serve every trial; created: when, if they were kept from an earlier run.
    """

    loaded: Dataset
    data: Dataset
    gallery: tuple[GalleryDigit, ...] = ()
    notes: tuple[Message, ...] = ()
    arms: tuple[Arm, ...] = ()
    created: str | None = None


@dataclass(frozen=True)
class ArmFacts:
    """What a Result says of an arm beside its numbers: its network, how many labels it and its teacher saw."""

    model: str
    labels: int
    cost: Cost
    teacher_labels: int | None = None


@dataclass(frozen=True)
class Trained:
    """The answer of one job at one seed. seconds: its part of the job's; data: what its worker had loaded."""

    arms: Mapping[str, ArmTrial]
    seconds: float
    data: Dataset


S = TypeVar("S", bound=Settings)
Asked = TypeVar("Asked", bound=Settings, contravariant=True)
Made = TypeVar("Made", bound=Shared)
Given = TypeVar("Given", bound=Shared, contravariant=True)


class Trainer(Protocol[Asked, Made]):
    """What each `kd_core/<technique>/trainer.py` offers, as a module. Its jobs are the settings' own.

    VERSION: raised when results of the same settings change meaning.
    """

    VERSION: int

    def check(self, settings: Asked, data: "Digits", /) -> None:
        """Raise Problem for what the data cannot give."""

    def prepare(self, settings: Asked, data: "Digits", /) -> Generator[Event, None, Made]:
        """What all trials share."""
        ...

    def train(
        self, settings: Asked, data: "Digits", shared: Made | None, seed: int, job: Job, /
    ) -> Generator[Event, None, Mapping[str, ArmTrial]]:
        """Train a job's arms; progress is that of the job. shared: None at most for jobs that need none."""
        ...

    def describe(self, settings: Asked, shared: Made, seed: int, /) -> Mapping[str, ArmFacts]:
        """All arms that a trial trains, in the order of its Result."""
        ...

    def judge(self, settings: Asked, result: Result, /) -> Result:
        """The Result with everything that is computed from several arms or trials, of one trial or of all."""
        ...


class SideBySide(Protocol[Asked, Given]):
    """What a trainer offers beside that, whose settings have jobs of several `trials`."""

    def train_trials(
        self, settings: Asked, data: "Digits", shared: Given | None, seeds: tuple[int, ...], job: Job, /
    ) -> Generator[Event, None, Mapping[int, Mapping[str, ArmTrial]]]:
        """As `train`, at several seeds at once, by seed; its numbers are the same whichever others there are."""
        ...


def trainer_of(module: str) -> Trainer[Settings, Shared]:
    """The trainer whose module `Settings.module` names; it may import torch."""
    return cast("Trainer[Settings, Shared]", import_module(module))


def run(trainer: Trainer[S, Made], settings: S, data: "Digits") -> Iterator[Event]:
    """A whole run in this process: preparation, every trial in turn, and last the one Result."""
    from kd_core.nn.hardware import resolve

    settings = resolve(settings)
    shared = yield from prepare(trainer, settings, data)
    finished = []
    for seeds in grouped(settings.trial_seeds, max(job.trials for job in settings.jobs)):
        finished += yield from trials(trainer, settings, data, shared, seeds)
    yield joined(trainer, settings, finished)


def prepare(trainer: Trainer[S, Made], settings: S, data: "Digits") -> Generator[Event, None, Made]:
    """What all trials share. Raises Problem for what the data cannot give."""
    trainer.check(settings, data)
    return (yield from trainer.prepare(settings, data))


def trial(
    trainer: Trainer[S, Made], settings: S, data: "Digits", shared: Made, seed: int
) -> Generator[Event, None, Result]:
    """All jobs of one trial in turn, and its Result. The progress of its Steps rises to 1 over all of them."""
    (result,) = yield from trials(trainer, settings, data, shared, (seed,))
    return result


def trials(
    trainer: Trainer[S, Made], settings: S, data: "Digits", shared: Made, seeds: tuple[int, ...]
) -> Generator[Event, None, list[Result]]:
    """As `trial`, of several seeds."""
    trained: dict[int, list[Trained]] = {seed: [] for seed in seeds}
    before, whole = 0.0, sum(job.effort for job in settings.jobs)
    for job in settings.jobs:
        for some in grouped(seeds, job.trials):
            events = train(trainer, settings, data, shared, some, job)
            done = yield from _within(events, before / whole, (before + job.effort) / whole)
            for seed in some:
                trained[seed].append(done[seed])
        before += job.effort
    return [assembled(trainer, settings, shared, seed, jobs) for seed, jobs in trained.items()]


def train(
    trainer: Trainer[S, Made], settings: S, data: "Digits", shared: Made | None, seeds: tuple[int, ...], job: Job
) -> Generator[Event, None, dict[int, Trained]]:
    """One job, of several trials where it is one that trains them at once: seed -> its answer.

    shared: None where the job needs none, and the preparation may not be done.
    """
    here = dataset(chosen(settings, data))
    if shared is None:
        trainer.check(settings, data)
    else:
        require_same_data(shared.loaded, here)
    started = time.perf_counter()
    if job.trials > 1:
        side_by_side = cast("SideBySide[S, Made]", trainer)
        by_seed = yield from side_by_side.train_trials(settings, data, shared, seeds, job)
    else:
        (seed,) = seeds
        by_seed = {seed: (yield from trainer.train(settings, data, shared, seed, job))}
    seconds = (time.perf_counter() - started) / len(seeds)
    return {seed: Trained(arms, seconds, here) for seed, arms in by_seed.items()}


def assembled(trainer: Trainer[S, Made], settings: S, shared: Made, seed: int, jobs: Sequence[Trained]) -> Result:
    """The Result of the trial at one seed, whose jobs these are. Raises Problem where workers had other data."""
    for job in jobs:
        require_same_data(shared.loaded, job.data)
    done = {name: one for job in jobs for name, one in job.arms.items()}
    trained = [
        Arm(
            name=name, model=facts.model, labels=facts.labels, teacher_labels=facts.teacher_labels, shared=False,
            cost=facts.cost, trials=(done[name],),
            errors_per_10000=errors_per_10000([done[name]], shared.data.test),
        )
        for name, facts in trainer.describe(settings, shared, seed).items()
    ]  # fmt: skip
    device = getattr(settings, "device", "cpu")
    return trainer.judge(settings, Result(
        technique=settings.technique,
        version=trainer.VERSION,
        settings=settings.model_dump(),
        data=shared.data,
        gallery=shared.gallery,
        arms=(*shared.arms, *trained),
        verdict=UNJUDGED,
        notes=shared.notes,
        provenance=provenance(sum(job.seconds for job in jobs), device, shared.created),
    ))  # fmt: skip


def joined(trainer: Trainer[S, Made], settings: S, trials: Sequence[Result]) -> Result:
    """The trials' Results as one: arms pooled by name, times added up, and judged.

    Raises ValueError where there are none, a seed comes twice, or they differ in more than seeds.
    """
    trials = _by_seed(trials)
    first = trials[0]
    arms = [_pool([result.arm(one.name) for result in trials], first.data.test) for one in first.arms]
    seconds = sum(result.provenance.seconds for result in trials)
    return trainer.judge(settings, first.model_copy(update={
        "settings": settings.model_dump(),
        "arms": tuple(arms),
        "provenance": first.provenance.model_copy(update={"seconds": seconds}),
    }))  # fmt: skip


def _pool(arms: Sequence[Arm], images: int) -> Arm:
    """One Arm of the trials of several; one network that served them all is counted once."""
    first = arms[0]
    if first.shared:
        return first
    trials = tuple(t for arm in arms for t in arm.trials)
    trials = (trials[0], *(t.model_copy(update={"weights": None}) for t in trials[1:]))
    return first.model_copy(update={"trials": trials, "errors_per_10000": errors_per_10000(trials, images)})


def _by_seed(trials: Sequence[Result]) -> list[Result]:
    """The trials' Results in the order of their seeds. Raises ValueError for such as must not be joined."""

    def seeds(result: Result) -> list[int]:
        return next(([t.seed for t in arm.trials] for arm in result.arms if not arm.shared), [])

    def kind(result: Result) -> str:
        settings = {name: value for name, value in result.settings.items() if name not in ("seed", "seeds")}
        return f"{result.technique} {result.version} {result.data} {settings}"

    ordered = sorted(trials, key=seeds)
    every = [seed for result in ordered for seed in seeds(result)]
    if not every or len(set(every)) < len(every):
        raise ValueError(f"trials of different seeds are needed; seeds {every} were given")
    kinds = {kind(result) for result in ordered}
    if len(kinds) > 1:
        raise ValueError(f"trials of equal settings, version and data are needed; {len(kinds)} kinds were given")
    return ordered


def dataset(data: "Digits") -> Dataset:
    """The name, sizes and classes of `data`."""
    return Dataset(
        name=data.name, train=len(data.train), validation=len(data.validation), test=len(data.test),
        classes=data.classes,
    )  # fmt: skip


def chosen(settings: Settings, data: "Digits") -> "Digits":
    """What a run of these settings is on: `data`, the lab's own, or the set that they name. Raises Problem."""
    return choose(settings.dataset_name, data)


def require_same_data(prepared: Dataset, here: Dataset) -> None:
    """Raise Problem unless this worker has the data that the preparation had."""
    if prepared != here:
        raise Problem(N_("The workers do not all have the same data; restart the lab, so that they load it anew."))


def drained(events: Generator[Event, None, T]) -> T:
    """What the generator returns, its events unheard."""
    while True:
        try:
            next(events)
        except StopIteration as stop:
            return stop.value


def _within(events: Generator[Event, None, T], begin: float, end: float) -> Generator[Event, None, T]:
    """The same events and value; the progress of Steps, 0 to 1, is moved to between `begin` and `end`."""
    try:
        while True:
            event = next(events)
            if isinstance(event, Step):
                event = replace(event, progress=begin + (end - begin) * event.progress)
            yield event
    except StopIteration as stop:
        return stop.value
    finally:
        events.close()
