"""What is known of one run: a handle that is fed by the queue, and snapshots of it for whoever looks."""

import math
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from types import MappingProxyType
from typing import Any, Literal

from kd_core.messages import Message, message
from kd_core.results.comparability import drawn
from kd_core.results.events import Evaluation, Step
from kd_core.results.schema import Result
from kd_core.runs.entry import UNDER_WAY, Entry, State
from kd_core.settings.base import Settings

Series = tuple[str, str, int]  # stage, arm, seed

WHOLE = ""  # in the place of a job's name: all jobs of a trial
FIRST_ESTIMATE = 1.0  # seconds of trials before their pace tells the time left
ALMOST = 0.99  # the most progress of a run that is not over


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the run's stages: "waiting", "running" or "done", and the share done, 0 to 1."""

    state: Literal["waiting", "running", "done"]
    share: float


@dataclass(frozen=True, slots=True)
class View:
    """One moment of a run: a snapshot that never changes.

    id: under which it is found again. place: how many runs are ahead of it while it is queued, else 0.
    wait: seconds until it is about to begin, where runs like it tell. progress: 0 to 1, the time that has passed
    over the time that is expected in all; it goes back when a part has to be done again. seconds_left: None while
    nothing can be said.
    stored: its Result was there already, of this date.
    curves: (stage, arm, seed) -> ((epoch, validation errors, images), …), of the newest attempt.
    loss_curves: (stage, arm, seed) -> ((epoch, validation loss), …), where losses are looked at, not errors.
    epochs: (stage, arm, seed) -> how many epochs that curve will have.
    losses: (stage, arm, seed) -> the newest training loss. problem: why it failed.
    watched: (stage, arm, seed) -> ((index in the test split, logits), …) of the newest Evaluation that tells them.
    """

    id: str
    state: State
    place: int
    wait: float | None
    stages: Mapping[str, Stage]
    progress: float
    seconds_elapsed: float
    seconds_left: float | None
    curves: Mapping[Series, tuple[tuple[int, int, int], ...]]
    loss_curves: Mapping[Series, tuple[tuple[int, float], ...]]
    epochs: Mapping[Series, int]
    losses: Mapping[Series, float]
    trials_done: int
    trials: int
    notices: tuple[Message, ...]
    problem: Message | None
    result: Result | None
    stored: datetime | None = None
    watched: Mapping[Series, tuple[tuple[int, tuple[float, ...]], ...]] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to this run."""
        return self.state not in UNDER_WAY


@dataclass
class _Task:
    """The newest attempt at one task: the preparation, a trial or one of its jobs."""

    attempt: str = ""
    shares: dict[str, float] = field(default_factory=dict)
    progress: float = 0.0
    done: bool = False
    curves: dict[Series, list[tuple[int, int, int]]] = field(default_factory=dict)
    loss_curves: dict[Series, list[tuple[int, float]]] = field(default_factory=dict)
    epochs: dict[Series, int] = field(default_factory=dict)
    losses: dict[Series, float] = field(default_factory=dict)
    watched: dict[Series, tuple[tuple[int, tuple[float, ...]], ...]] = field(default_factory=dict)

    def take(self, event: Step | Evaluation) -> None:
        if event.stage not in self.shares:
            self.shares = dict.fromkeys(self.shares, 1.0) | {event.stage: 0.0}
        series = (event.stage, event.arm, event.seed)
        if isinstance(event, Evaluation):
            if event.loss is None:
                on_curve = event.on_curve or (event.errors, event.size)
                self.curves.setdefault(series, []).append((event.epoch, *on_curve))
            else:
                self.loss_curves.setdefault(series, []).append((event.epoch, event.loss))
            self.epochs[series] = event.epochs
            if event.watched:
                self.watched[series] = event.watched
            return
        self.shares[event.stage] = event.step / event.steps
        self.progress = event.progress
        if math.isfinite(event.loss):
            self.losses[series] = event.loss


class Handle:
    """One submitted run: its id (which nobody can guess), its settings, and how it is going.

    owner: who submitted it, "" for nobody in particular; again: it is trained even if its Result is stored.
    of_map: one of many alike, whose workers remember what they have in common; there are trials enough for all
    workers, and none is divided into its jobs.
    """

    def __init__(
        self,
        settings: Settings,
        changed: threading.Condition,
        ahead: Callable[["Handle"], tuple[int, float | None]],
        stop: Callable[["Handle"], None],
        owner: str = "",
        again: bool = False,
        of_map: bool = False,
    ) -> None:
        self.id = secrets.token_urlsafe(9)
        self.owner, self.again = owner, again
        self.of_map = of_map
        self.expected: float | None = None  # seconds, as like runs took
        self.looked_up = False  # in the store, for its answer
        self.settings = settings
        self.technique = settings.technique
        self.submitted = time.time()
        self._changed = changed
        self._ahead = ahead
        self._free_workers = stop
        self._state: State = "queued"
        self.seeds = settings.trial_seeds
        self._preparation = _Task()
        self.divided = not of_map and len(settings.jobs) > 1
        self._efforts = {job.name: job.effort for job in settings.jobs} if self.divided else {WHOLE: 1.0}
        self._trials = {seed: {job: _Task() for job in self._efforts} for seed in self.seeds}
        self._started = self._ended = 0.0
        self._trials_started: float | None = None
        self._notices: list[Message] = []
        self._problem: Message | None = None
        self._result: Result | None = None
        self._stored: datetime | None = None
        self._known_as = self.id  # in the store
        self._progress = 0.0  # the most that was shown

    @property
    def under_way(self) -> bool:
        """Whether it is queued or running."""
        return self._state in UNDER_WAY

    @property
    def state(self) -> State:
        """As in its view."""
        return self._state

    def stop(self) -> None:
        """Stop the run, at once: what it has shown so far stays, its workers are freed. Safe to repeat."""
        if self._end("stopped"):
            self._free_workers(self)

    def wait(self, timeout: float | None = None) -> View:
        """The view once the run is over, or after `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self.under_way, timeout)
            return self.view()

    # Fed by the queue

    def finish(self, result: Result, stored: tuple[str, datetime] | None = None) -> None:
        """The run's Result has arrived, or was `stored`, as the run of that id; ignored if it is over."""
        with self._changed:
            if stored and self.under_way:
                self._known_as, self._stored = stored
            self._end("finished", result=result)

    def keep(self, trials: Mapping[int, Result]) -> None:
        """These trials (seed -> Result) were trained before and are not trained again."""
        with self._changed:
            for seed, result in trials.items():
                self._trials[seed] = {job: _Task("kept", done=True) for job in self._efforts}
                self._take_curves(result)
            if trials:
                self._notices.append(
                    message("Trials kept from earlier runs of these settings: {n}; only the others are trained.",
                            n=len(trials))
                )  # fmt: skip

    def recall(self, entry: Entry, result: Result | None) -> None:
        """Be the run that the store knows: over, interrupted, or under way on another server."""
        self.id = self._known_as = entry.id
        self.submitted = entry.created.timestamp()
        self._state, self._problem, self._stored = entry.state, entry.problem, entry.created
        self._started, self._ended = 1.0, 1.0 + (entry.seconds or 0.0)
        if result is not None:
            self._result = result
            self._take_curves(result)
        elif entry.state == "finished":
            self._state, self._problem = "failed", message("Its record in the store can no longer be read.")
        elif entry.state == "interrupted":
            self._problem = message(
                "The lab ended in the middle of this run. What it had finished is kept: start it again, and it "
                "goes on from there."
            )
        elif self.under_way:
            self._notices.append(
                message("This run is under way on another server of this lab; its result will be shown here.")
            )

    def _take_curves(self, result: Result) -> None:
        """The validation curves of every trial in `result`, as its Evaluations drew them."""
        last = list(self.settings.stages)[-1]
        for arm in result.arms:
            for trial in arm.trials:
                if not arm.shared and trial.curve and trial.seed in self._trials:
                    points = drawn(result, trial)
                    task = next(iter(self._trials[trial.seed].values()))
                    task.curves[last, arm.name, trial.seed] = points
                    task.epochs[last, arm.name, trial.seed] = points[-1][0]

    def fail(self, problem: Message) -> bool:
        """The run can't go on, for the reason given; False if it was over already."""
        return self._end("failed", problem=problem)

    def take(self, told: Mapping[str, Any]) -> None:
        """What one of its tasks tells: it "started", these "events", it "ended"."""
        with self._changed:
            if not self.under_way:
                return
            if told["kind"] == "started":
                self._begin(told["seeds"], told["job"], told["attempt"])
            events = [_unpacked(event) for event in told.get("events", ())]
            for seed in told["seeds"] or (None,):
                task = self._task(seed, told["job"])
                if task.attempt == told["attempt"]:
                    for event in events:
                        if seed in (None, event.seed):
                            task.take(event)
                    task.done = told["kind"] == "ended"
            self._changed.notify_all()

    def _task(self, seed: int | None, job: str) -> _Task:
        """Of the trial at `seed`; the preparation, which has none."""
        return self._preparation if seed is None else self._trials[seed][job]

    def _begin(self, seeds: Sequence[int], job: str, attempt: str) -> None:
        """A task starts; if it had started before, its worker died and it begins from nothing."""
        if self._task(next(iter(seeds), None), job).attempt:
            again = message("A worker process died; the preparation was started again.")
            if seeds:
                again = message("A worker process died; the trial with seed {seed} was started again.",
                                seed=", ".join(map(str, seeds)))  # fmt: skip
            self._notices.append(again)
            self._progress = 0.0
        if self._state == "queued":
            self._state, self._started = "running", time.monotonic()
        if not seeds:
            self._preparation = _Task(attempt)
            return
        for seed in seeds:
            self._trials[seed][job] = _Task(attempt)
        if self._trials_started is None:
            self._trials_started = time.monotonic()

    def _end(self, state: State, result: Result | None = None, problem: Message | None = None) -> bool:
        with self._changed:
            if not self.under_way:
                return False
            self._state, self._result, self._problem = state, result, problem
            self._ended = time.monotonic()
            self._changed.notify_all()
            return True

    # Seen by everyone else

    @property
    def kept_as(self) -> str:
        """Its id in the store: its own, or that of the run whose Result answered it."""
        return self._known_as

    def view(self) -> View:
        """How the run is going, at this moment."""
        with self._changed:
            tasks = (self._preparation, *self._in_trials())
            efforts = tuple(self._efforts.values())
            trials = [fmean(map(_progress, jobs.values()), efforts) for jobs in self._trials.values()]
            finished = self._state == "finished"
            place, wait = self._ahead(self) if self._state == "queued" else (0, None)
            left = self._left(trials)
            self._progress = max(self._progress, min(self._share_done(left, trials), ALMOST))
            return View(
                id=self._known_as,
                state=self._state,
                place=place,
                wait=wait,
                stages=MappingProxyType({stage: self._stage(stage) for stage in self.settings.stages}),
                progress=1.0 if finished else self._progress,
                seconds_elapsed=self.seconds,
                seconds_left=left,
                curves=MappingProxyType({s: tuple(c) for task in tasks for s, c in task.curves.items()}),
                loss_curves=MappingProxyType({s: tuple(c) for task in tasks for s, c in task.loss_curves.items()}),
                epochs=MappingProxyType({s: n for task in tasks for s, n in task.epochs.items()}),
                losses=MappingProxyType({s: loss for task in tasks for s, loss in task.losses.items()}),
                trials_done=len(trials) if finished else sum(map(_is_done, self._trials.values())),
                trials=len(trials),
                notices=tuple(self._notices),
                problem=self._problem,
                result=self._result,
                stored=self._stored,
                watched=MappingProxyType({s: seen for task in tasks for s, seen in task.watched.items()}),
            )

    def _in_trials(self) -> list[_Task]:
        return [task for jobs in self._trials.values() for task in jobs.values()]

    def _stage(self, name: str) -> Stage:
        """A stage that nobody spoke of (a teacher that was kept) is done once a later one has begun."""
        trials = self._in_trials()
        names = list(self.settings.stages)
        in_trials = name == names[-1] or any(name in trial.shares for trial in trials)
        tasks = trials if in_trials else [self._preparation]
        share = sum(_share(task, name, name == names[-1]) for task in tasks) / len(tasks)
        later = names[names.index(name) + 1 :]
        passed = self._preparation.done or any(stage in self._preparation.shares for stage in later)
        if self._state == "finished" or share == 1 or (passed and not in_trials):
            return Stage("done", 1.0)
        begins = name == names[0] and not in_trials and bool(self._preparation.attempt)  # nothing told of it yet
        return Stage("running" if begins or any(name in task.shares for task in tasks) else "waiting", share)

    @property
    def seconds(self) -> float:
        """How long it has been running, or ran."""
        if not self._started:
            return 0.0
        return (self._ended or time.monotonic()) - self._started

    def _left(self, trials: list[float]) -> float | None:
        """Seconds still to go: at first those that runs like it took, and later more and more by its own pace.

        The pace is that of its trials; the preparation's says nothing of theirs.
        """
        if self._state == "finished":
            return 0.0
        if self._state != "running":
            return None
        promised = None if self.expected is None else max(0.0, self.expected - self.seconds)
        done, spent = sum(trials), time.monotonic() - (self._trials_started or math.inf)
        if not self._preparation.done or not done or spent < FIRST_ESTIMATE:
            return promised
        by_pace, weight = spent * (len(trials) - done) / done, done / len(trials)
        return by_pace if promised is None else weight * by_pace + (1 - weight) * promised

    def _share_done(self, left: float | None, trials: list[float]) -> float:
        """Time that has passed over all that is expected; while that is unknown, the part of the work that is done.

        Once the preparation is done, the second until the trials' pace is known adds nothing.
        """
        if left is not None and self._state == "running":
            return self.seconds / (self.seconds + left) if self.seconds + left else 0.0
        prepared = self._preparation
        if prepared.done:
            return 0.0
        before = sum(self.settings.shares.get(stage, 0) * share for stage, share in prepared.shares.items())
        return (before + sum(trials)) / (1 + len(trials))


def _is_done(jobs: Mapping[str, _Task]) -> bool:
    return all(task.done for task in jobs.values())


def _progress(task: _Task) -> float:
    return 1.0 if task.done else task.progress


def _share(task: _Task, stage: str, is_last: bool) -> float:
    """The share of `stage` that is done. The last one's is its trial's: the arms train one after the other."""
    if stage not in task.shares:
        return 0.0
    return _progress(task) if task.done or is_last else task.shares[stage]


def _unpacked(told: Mapping[str, Any]) -> Step | Evaluation:
    values = {name: value for name, value in told.items() if name != "event"}
    return Step(**values) if told["event"] == "Step" else Evaluation(**values)
