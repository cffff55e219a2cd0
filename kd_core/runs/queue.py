"""The queue: takes Settings, returns a Handle at once, and has the work done by the workers' process.

    queue = Queue()
    handle = queue.submit(settings)
    handle.view()    # state, place, stages, curves so far
    handle.stop()

With a store, settings that were run before are answered from it, and trials that are there are not trained again.
Runs wait in a fair order: of those who wait, whoever was served longest ago goes next, and the trials of the runs
under way take turns.

Imported by the web process: no torch here, and Dask is imported in the background, so that a page can
be shown meanwhile. One thread does everything that may take time, in order.
"""

import atexit
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from statistics import median
from typing import TYPE_CHECKING, Any

from kd_core.data import own
from kd_core.data.chosen import MNIST, kept_as, kept_under
from kd_core.messages import N_, Message, Problem, Scalar, message
from kd_core.results.schema import Dataset, Result
from kd_core.runs.entry import BEAT_SECONDS, OF_MAP
from kd_core.runs.handle import Handle, View
from kd_core.runs.limits import Limits
from kd_core.runs.scheduling import Task, Tasks, following
from kd_core.runs.workers import CLOSE_SECONDS, Workers
from kd_core.settings.auto import Machine, require_device, resolved
from kd_core.settings.base import Settings
from kd_core.techniques import TECHNIQUES

if TYPE_CHECKING:
    from kd_core.runs.store import Store

__all__ = ["Data", "Handle", "Limits", "Queue", "View"]

KEPT = 200  # handles that can still be found …
KEPT_WITH_STORE = 64  # … where a store finds them too: of a class of thirty, what each has shown and has under way
PATIENCE = 30.0  # seconds for the workers to say what they know; then runs are sent with what was said so far
DEATHS = 3  # of workers that one task may cost; then it is given up
NEARLY, ALIKE = 1.5, 10  # times the effort, up to which one run tells how long another takes: well, and roughly
ALONE_SECONDS = 120.0  # that runs wait without any worker at work on them; one that died is replaced far sooner
RETRY_SECONDS = 60.0  # workers that ended sooner after their start are not started again until a run needs them

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Known:
    """What the workers said: what their machine can do, and is, by device; the version of each trainer's results.

    Until they have said it: a plain processor, of which nothing is known.
    """

    machine: Machine = field(default_factory=Machine)
    names: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Data:
    """What the workers said of their data: which they are, and what a person should know about them."""

    loaded: Dataset
    notices: tuple[Message, ...]

    @property
    def name(self) -> str:
        """Of the data set."""
        return self.loaded.name


class Queue:
    """Runs wait here for the workers. Close it, or end the process.

    env: more environment variables for the workers; modules: the techniques that they make ready;
    rest: seconds before the workers start, unless a run is submitted earlier: a server's first page, which is
    drawn meanwhile, needs the same processor. store: where finished runs and trials are kept; limits: see there.
    """

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        modules: Sequence[str] | None = None,
        rest: float = 0.0,
        store: "Store | None" = None,
        limits: Limits | None = None,
    ) -> None:
        self._env = dict(env or {})
        self._modules = modules or tuple(one.settings.module for one in TECHNIQUES.values())
        self._store, self.limits = store, limits or Limits()
        self._changed = threading.Condition()  # the one lock, of the queue and its handles
        self._handles: OrderedDict[str, Handle] = OrderedDict()
        self._waiting: list[Handle] = []  # not sent yet, in the order of their submission
        self._sent: dict[Handle, Tasks] = {}  # under way at the workers
        self._turn = 0  # counts the runs that were sent and the trials that were trained
        self._served: dict[str, int] = {}  # owner -> the turn at which a run of theirs was last sent
        self._workers: Workers | None = None
        self._started = 0.0  # when the workers were last started
        self._at_work = 0.0  # when a worker was last seen at a task of ours, or could first be given one
        self._loaded: dict[str, tuple[Dataset | None, tuple[Message, ...]]] = {}  # by worker, and its notices
        self._known = _Known()
        self._calibration: float | None = None
        self._warm = self._closed = False
        self._orders: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        later = threading.Timer(rest, self._orders.put, (self._ready,))
        later.daemon = True
        later.start()
        self._thread = threading.Thread(target=self._serve, name="queue", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def data(self) -> Data | None:
        """What is known about the data; None until a worker has loaded it.

        Where workers have different data, as machines of a cluster may, it is the largest; the others are named.
        """
        told = list(self._loaded.items())  # at once: other threads add to it
        there = [(loaded, notices) for _, (loaded, notices) in told if loaded is not None]
        if not there:
            return None
        largest, notices = max(there, key=lambda one: one[0].train)
        others = (message(
            "The worker {worker} has {other}, not {data}: it is given nothing. {why}", worker=worker,
            other=loaded.name, data=largest.name, why=notices[0] if notices else "",
        ) for worker, (loaded, notices) in told if loaded not in (None, largest))  # fmt: skip
        return Data(largest, (*notices, *others))

    @property
    def calibration(self) -> float | None:
        """How fast a worker trains, in seconds (`kd_core.nn.calibration`); None until one has measured it."""
        return self._calibration

    @property
    def warm(self) -> bool:
        """Whether a worker is ready, so that a run starts at once."""
        return self._warm

    @property
    def lanes(self) -> int:
        """How many runs are worked on at once: as many as there are workers, 1 while that is not known."""
        workers = self._workers
        return workers.count() if workers is not None and self._warm and not self._closed else 1

    def submit(
        self, settings: Settings, owner: str = "", again: bool = False, *, plan: Mapping[str, Any] | None = None
    ) -> Handle:
        """Put a run in the queue. Returns at once, also while the workers are still starting.

        owner: who asks, of whom one run at a time is taken ("" is nobody in particular, and not counted). again:
        train it even if its Result is stored. plan: of the map that the run is a cell of; an owner may have several
        of these, and their workers remember what they have in common. Raises Problem for what the limits do not
        allow.
        """
        handle = Handle(settings, self._changed, self._ahead, self._free, owner, again, of_map=plan is not None)
        with self._changed:
            self._check(settings, owner, of_map=plan is not None)
            self._handles[handle.id] = handle
            over = [key for key, kept in self._handles.items() if not kept.under_way]
            for key in over[: max(0, len(self._handles) - (KEPT if self._store is None else KEPT_WITH_STORE))]:
                del self._handles[key]
            self._waiting.append(handle)
            if self._closed:
                handle.fail(message("The queue is closed; start the program again."))
        self._orders.put(partial(self._admit, handle, plan))
        return handle

    def refusal(self, settings: Settings, owner: str = "") -> Message | None:
        """Why a run of these settings would not be taken at this moment; None if it would."""
        try:
            with self._changed:
                self._check(settings, owner, of_map=False)
        except Problem as problem:
            return problem.message
        return None

    def _check(self, settings: Settings, owner: str, of_map: bool) -> None:
        """Raise Problem for a run that the limits do not allow."""
        self.limits.check_size(settings)
        if settings.dataset_name != MNIST:
            own.check_usable(settings.dataset_name, owner.removeprefix(OF_MAP))
        if owner and not of_map and self.of(owner):
            raise Problem(N_("You have a run under way; stop it, or wait until it is finished."))
        self.limits.check_queue(sum(waiting.under_way for waiting in self._waiting))

    def stored(self, asked: Sequence[Settings]) -> list[tuple[str, Result] | None]:
        """Id and Result (without networks) of each of these settings of one technique, where the store has it.

        One look for all: a map asks so. None too while the workers have not said what "auto" means here.
        """
        version = self._version(asked[0]) if asked else None
        if self._store is None or (data := self.data) is None or version is None:
            return [None] * len(asked)
        settings = [resolved(one, self._known.machine) for one in asked]
        return self._store.answers(settings, version, kept_under(settings[0].dataset_name, data.name))

    def find(self, run: str) -> Handle | None:
        """The run of this id, also one of an earlier or another server, or None if it is not known (any more)."""
        with self._changed:
            handle = self._handles.get(run)
        return handle or self._recalled(run)

    def forget(self, run: str) -> None:
        """Let go of a run that is over: the store was told to delete it."""
        with self._changed:  # a run that was answered from the store is known by its own name too
            gone = [key for key, handle in self._handles.items() if run in (key, handle.kept_as)]
            for key in gone:
                if not self._handles[key].under_way:
                    del self._handles[key]

    def _recalled(self, run: str) -> Handle | None:
        """A run that only the store knows."""
        entry = self._store.find(run) if self._store is not None else None
        if entry is None or self._store is None:
            return None
        try:
            settings = TECHNIQUES[entry.technique].settings.parse(entry.settings)
        except (KeyError, Problem):  # of a lab that had other settings
            return None
        handle = Handle(settings, self._changed, self._ahead, self._free)
        handle.recall(entry, self._store.result(run))
        if not handle.under_way:
            with self._changed:
                self._handles[run] = handle
        return handle

    def of(self, owner: str) -> Handle | None:
        """The owner's run that is under way, or None."""
        with self._changed:
            return next((h for h in self._handles.values() if h.owner == owner and h.under_way), None)

    def close(self) -> None:
        """Stop every run and end the workers. Safe to repeat."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            under_way = [handle for handle in self._handles.values() if handle.under_way]
            workers = self._workers
        atexit.unregister(self.close)
        for handle in under_way:
            handle.stop()
            if self._store is not None:
                self._store.end(handle.id, "interrupted")
        self._orders.put(None)
        if workers is not None:
            workers.close()
        self._thread.join(CLOSE_SECONDS)

    # The order

    def _next(self, waiting: Sequence[Handle], served: Mapping[str, int]) -> Handle:
        """Who goes next of those who wait: whoever was served longest ago, and of equals the first to come."""
        return min(waiting, key=lambda handle: served.get(handle.owner, -1) if handle.owner else -1)

    def _ahead(self, handle: Handle) -> tuple[int, float | None]:
        """How many runs are before `handle`, and how many seconds these may take, if that can be said."""
        before = [other for other in self._sent if other.under_way and other is not handle]
        if handle in self._sent:
            before = before[: list(self._sent).index(handle)]
        else:
            waiting, served = [other for other in self._waiting if other.under_way], dict(self._served)
            while waiting and (first := self._next(waiting, served)) is not handle:
                waiting.remove(first)
                served[first.owner] = self._turn + len(before)
                before.append(first)
        lengths = [other.expected and max(0.0, other.expected - other.seconds) for other in before]
        known = [length for length in lengths if length is not None]
        return len(before), sum(known) if before and len(known) == len(lengths) else None

    # In the queue's own thread

    def _serve(self) -> None:
        spoken = 0.0
        while True:
            try:
                order = self._orders.get(timeout=BEAT_SECONDS)
            except Empty:
                order = self._dispatch
            if order is None:
                return
            try:
                order()
                if time.monotonic() - spoken >= BEAT_SECONDS:
                    spoken = time.monotonic()
                    self._heartbeat()
            except Exception as error:  # the thread must outlive any of them
                if not self._closed:
                    _log.error("%s: %s", type(error).__name__, error)

    def _heartbeat(self) -> None:
        """Tell the store which runs go on, and end those that take too long."""
        under_way = [handle for handle in (*self._waiting, *self._sent) if handle.under_way]
        if self._store is not None:
            self._store.heartbeat({h.id: "running" if h in self._sent else "queued" for h in under_way})
        for handle in under_way:
            if handle.seconds > 60 * self.limits.minutes:
                self._fail(handle, message(
                    "The run was ended after {minutes} minutes, the limit of this server. What it had finished is "
                    "kept: start it again and it goes on from there, or choose a smaller one.",
                    minutes=f"{self.limits.minutes:g}",
                ))  # fmt: skip

    def _ready(self) -> Workers:
        """The workers; started if there are none. Raises Problem if they can't be."""
        with self._changed:
            if self._closed:
                raise Problem(N_("The queue is closed; start the program again."))
            workers = self._workers
            if workers is not None:
                return workers
            workers = self._workers = Workers(self._env)
            self._started = time.monotonic()
        try:
            workers.connect(self._modules, self._hear, lambda: self._lost(workers))
        except Exception as error:
            with self._changed:
                self._workers = None
            workers.close()
            if isinstance(error, Problem):
                raise
            raise Problem(
                N_("The workers' process could not be started ({why}); the server's log may say more."),
                why=str(error),
            ) from error
        return workers

    def _admit(self, handle: Handle, plan: Mapping[str, Any] | None) -> None:
        """A run has come: write it down, see how long like ones took, and whether it is its turn already."""
        if self._store is not None and handle.under_way:  # not one that was answered together with those before it
            self._store.begin(handle.id, handle.settings, handle.owner.removeprefix(OF_MAP), plan)
            found = expected_seconds(handle.settings, self._store.durations(handle.technique))
            handle.expected = handle.expected if found is None else found
        self._dispatch()

    def _dispatch(self) -> None:
        """Send runs, as many as there are workers, and give each worker that has no task the next of theirs."""
        if any(handle.under_way for handle in self._waiting):
            self._send_waiting()
        workers = self._workers
        if not self._sent or workers is None or not workers.connected:
            return
        known = set(self._loaded)  # before the look: one that joins meanwhile is not taken for gone
        dead, free, there = workers.look()
        for worker in known - there:
            self._loaded.pop(worker, None)
        for handle, lost in dead.items():
            workers.forget(handle, lost)
            deaths = [self._sent[handle].again(task) for task in lost if handle in self._sent]
            if max(deaths, default=0) > DEATHS:
                self._fail(handle, message(
                    "Worker processes died again and again in this run; the machine may be short of memory. "
                    "Choose a smaller run, or start the lab with fewer workers: KD_WORKERS=1."
                ))  # fmt: skip
        for worker in free:
            here, _ = self._loaded.get(worker, (None, ()))
            found = following({
                handle: tasks for handle, tasks in self._sent.items()
                if handle.under_way and tasks.data in (None, here)
            })  # fmt: skip
            if found is not None:
                self._give(*found, worker, workers)
                free = [other for other in free if other != worker]
        if len(free) < len(there):
            self._at_work = time.monotonic()
        elif time.monotonic() - self._at_work > ALONE_SECONDS:
            for handle in list(self._sent):
                self._fail(handle, workers.none_at_work)

    def _send_waiting(self) -> None:
        """Answer from the store what is there; send runs while a worker may have nothing to do."""
        try:
            workers = self._ready()
        except Problem as problem:
            for handle in self._waiting:
                self._fail(handle, problem.message)
            return
        if not workers.connected:
            return  # nothing is given to those that are about to be missed
        if not self._warm and time.monotonic() - self._started < PATIENCE:
            return  # they soon say what "auto" means, and which data there is
        for handle in list(self._waiting):
            if not handle.looked_up:  # once: with many waiting, each look at all of them would keep the server busy
                handle.looked_up = self._answer(handle)
        lanes = workers.count()
        # Beside a map's cells, of which each is short, one more: no worker waits while a cell is joined and stored.
        while len(self._sent) < lanes + any(sent.of_map for sent in self._sent):
            with self._changed:
                self._waiting = [handle for handle in self._waiting if handle.under_way]
                if not self._waiting:
                    return
                handle = self._next(self._waiting, self._served)
            self._answer(handle)  # somebody else's run of the same settings may have ended meanwhile
            tasks = self._planned(handle)
            with self._changed:
                self._waiting.remove(handle)
                self._served[handle.owner] = self._turn
                if tasks is not None:
                    self._at_work = self._at_work if self._sent else time.monotonic()
                    self._turn += 1
                    self._sent[handle] = tasks

    def _version(self, settings: Settings) -> int | None:
        """The version of the results of such settings; None while the workers have not said."""
        return self._known.versions.get(settings.module)

    def _answer(self, handle: Handle) -> bool:
        """Finish a run whose Result is in the store; False where that can't be looked up yet."""
        if self._store is None or handle.again:
            return True
        version = self._version(handle.settings)
        if (data := self.data) is None or version is None:
            return False
        found = self._store.answer(
            resolved(handle.settings, self._known.machine), version,
            kept_under(handle.settings.dataset_name, data.name),
        )  # fmt: skip
        if found is not None:
            run, result = found
            self._store.remove(handle.id)
            with self._changed:
                self._handles[run] = handle
            handle.finish(result, stored=(run, datetime.fromisoformat(result.provenance.created)))
        return True

    def _planned(self, handle: Handle) -> Tasks | None:
        """The tasks of a run: all but the trials of it that the store has. None if it is over, or can't be done."""
        if not handle.under_way:
            return None
        settings, version = resolved(handle.settings, self._known.machine), self._version(handle.settings)
        try:
            require_device(settings, self._known.machine)
        except Problem as problem:
            self._fail(handle, problem.message)
            return None
        kept: dict[int, Result] = {}
        data = self.data
        if self._store is not None and data is not None and version is not None and not handle.again:
            name = self._known.names.get(settings.model_dump().get("device", "cpu"), "")
            kept = self._store.trials(settings, version, kept_under(settings.dataset_name, data.name), name)
            handle.keep(kept)
        return Tasks(settings, handle.divided, kept, self._turn + 1, data.loaded if data else None)

    def _give(self, handle: Handle, task: Task, worker: str, workers: Workers) -> None:
        tasks = self._sent[handle]
        tasks.begin(task)
        try:
            workers.give(handle, tasks, task, worker, partial(self._ended, handle, task, workers))
        except Exception as error:  # Dask's, when the workers end at this very moment
            _log.error("%s: %s", type(error).__name__, error)
            self._fail(handle, workers.loss)

    def _did(self, handle: Handle, task: Task, workers: Workers) -> None:
        """A task is done: on with those that waited for it."""
        self._turn += len(task.seeds) if task.ends_trial else 0
        if handle in self._sent:
            workers.forget(handle, self._sent[handle].end(task))
        self._dispatch()

    def _over(self, handle: Handle, workers: Workers | None) -> None:
        """Nothing more will come of this run."""
        with self._changed:
            self._sent.pop(handle, None)
        if workers is not None and not self._closed:
            workers.drop(handle)
        view = handle.view()
        if self._store is not None and not self._closed and view.state in ("stopped", "failed"):
            self._store.end(handle.id, view.state, view.problem)
        self._dispatch()

    def _finish(self, handle: Handle, result: Result) -> None:
        """Keep the Result, then show it: whoever sees it may rely on it being kept."""
        if self._store is not None and handle.under_way:
            settings = handle.settings.model_validate(result.settings)
            data = kept_as(result.data.name, self._data_of(handle))
            self._store.finish(handle.id, settings, result, data, handle.seconds)
        handle.finish(result)
        self._over(handle, self._workers)

    def _keep(self, handle: Handle, seed: int, result: Result) -> None:
        if self._store is not None and (data := self._data_of(handle)):
            settings = handle.settings.model_validate(result.settings)
            self._store.keep_trial(settings, kept_as(result.data.name, data), seed, result)

    def _data_of(self, handle: Handle) -> str:
        """The name of the data that its workers loaded; empty where none has said."""
        tasks = self._sent.get(handle)
        loaded = tasks.data if tasks is not None else self.data and self.data.loaded
        return loaded.name if loaded is not None else ""

    # In any thread

    def _fail(self, handle: Handle, problem: Message) -> None:
        if handle.fail(problem):
            self._free(handle)

    def _free(self, handle: Handle) -> None:
        """Free the workers from a run that nobody waits for."""
        self._orders.put(partial(self._over, handle, self._workers))

    def _hear(self, told: tuple[float, Mapping[str, Any]]) -> None:
        _, news = told
        if news["kind"] == "machine":
            self._known = _Known(Machine(**news["machine"]), news["names"], news["versions"])
        elif news["kind"] == "calibrated":
            self._calibration = news["seconds"]
        elif news["kind"] == "warm":
            loaded = news["data"] and Dataset.model_validate(news["data"]["is"])
            notices = [Message.model_validate(notice) for notice in news["data"]["notices"]] if loaded else ()
            self._loaded[news["worker"]] = loaded, tuple(notices)
            self._warm = True
            self._orders.put(self._dispatch)
        elif handle := self._handles.get(news["run"]):  # else it is another server's, at the same scheduler
            handle.take(news)

    def _ended(self, handle: Handle, task: Task, workers: Workers, future: Any) -> None:
        """A task of a run is over, one way or another."""
        if future.status == "finished":
            self._orders.put(partial(self._did, handle, task, workers))  # first: a worker waits
            if task.ends_trial:
                for seed, result in future.result().items():
                    self._orders.put(partial(self._keep, handle, seed, result))
            elif task.what == "join":
                self._orders.put(partial(self._finish, handle, future.result()))
        elif future.status == "error":
            self._fail(handle, _problem(future.exception()))
        elif future.status != "lost" or not workers.connected:  # lost with its worker alone, it is given anew
            self._fail(handle, workers.loss)

    def _lost(self, workers: Workers) -> None:
        """The workers' process has ended by itself. Another is started, unless this one was short-lived."""
        with self._changed:
            if self._workers is workers:
                self._workers, self._warm = None, False
            lost = list(self._sent)
        for run in lost:
            self._fail(run, workers.loss)
        if time.monotonic() - self._started > RETRY_SECONDS:
            self._orders.put(self._ready)


def expected_seconds(settings: Settings, earlier: Sequence[tuple[Mapping[str, Scalar], float]]) -> float | None:
    """How long a run may take, from like ones that took so many seconds: their median pace times its `effort`.

    Like are those of the same task and about the same effort (NEARLY), else of at most ALIKE times more or less: a
    tiny run's seconds tell of starting it. None if there were none. Settings that can't be read are left out.
    """
    known = []
    technique = TECHNIQUES.get(settings.technique)
    task = technique.task_fields if technique else ()
    for values, seconds in earlier:
        with suppress(Problem):
            run = type(settings).parse(values)
            if all(getattr(run, name) == getattr(settings, name) for name in task):
                known.append((run.effort, seconds))
    for most in (NEARLY, ALIKE):
        paces = [took / effort for effort, took in known if 1 / most <= effort / settings.effort <= most]
        if paces:
            return median(paces) * settings.effort
    return None


def _problem(error: BaseException) -> Message:
    """What a person is told of an exception that ended a run."""
    if isinstance(error, Problem):
        return error.message
    return message("The run broke off with {kind}: {what}", kind=type(error).__name__, what=str(error)[:200])
