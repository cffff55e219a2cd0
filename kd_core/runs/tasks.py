"""What runs inside a worker: the preparation, trials or a job of theirs, or the join of a run, told as it happens.

A task sends its events to the queue on one topic, a few messages a second: a message carries every
Evaluation since the last one and the newest Step of each arm. Between two events of the technique it
looks whether the run was stopped. Only Problems leave a worker: other exceptions may need torch to be
unpickled, which the web process does without.
"""

import logging
import math
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from distributed import Event as Flag
from distributed import WorkerPlugin, get_worker

from kd_core.messages import N_, Problem
from kd_core.results.events import Evaluation, Event, Step
from kd_core.results.provenance import provenance
from kd_core.results.schema import Result
from kd_core.runs import assemble
from kd_core.runs.assemble import Shared, Trained, Trainer, trainer_of
from kd_core.runs.entry import machine_of
from kd_core.runs.handle import WHOLE
from kd_core.runs.remembered import remembering
from kd_core.settings.auto import Machine
from kd_core.settings.base import Job, Settings

if TYPE_CHECKING:
    from kd_core.data.digits import Digits

TOPIC = "runs"  # one for all runs: Dask never forgets a topic, and keeps its last 1,000 messages
HEARD = "heard"  # the topic on which a queue hears itself, so that it knows that it will hear the workers
EVERY = 0.25  # seconds between two messages of one task
POLL = 0.2  # seconds between two looks at the stop flag, which costs a few milliseconds

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)
_loading = threading.Lock()
_importing = threading.Lock()  # two threads that import torch at once would see half of it
_loaded: dict[Callable[[], "Digits"], "Digits"] = {}


class Stopped(Exception):
    """The run was stopped; nobody waits for this task's answer any more."""


def stop_flag(run: str) -> str:
    """The name of the cluster-wide flag that stops `run`."""
    return f"stop-{run}"


def plainly(work: Callable[P, T]) -> Callable[P, T]:
    """The same function; any exception but Stopped becomes a Problem without a cause or a trace."""

    @wraps(work)
    def plain(*args: P.args, **named: P.kwargs) -> T:
        try:
            return work(*args, **named)
        except Stopped:
            raise
        except Problem as problem:
            failure = Problem(problem.message.text, **problem.message.values)
        except Exception as error:
            _log.exception("a run failed")  # for the server's log; a person sees the sentence
            text = (str(error).strip().splitlines() or [""])[0][:200]
            failure = Problem(N_("The run broke off with {kind}: {what}"), kind=type(error).__name__, what=text)
        raise failure  # outside of the handlers: the original would travel along as its context

    return plain


@plainly
def prepare(run: str, settings: Settings, of_map: bool = False) -> tuple[Shared]:
    """What the run's trials share. of_map: what it has in common with the cells before it is not made again.

    In a tuple: Dask tells the web process the type of each answer, and this one's would import torch there.
    """
    report, trainer = _Report(run), _trainer(settings)
    with remembering(of_map):
        return (report.drain(assemble.prepare(trainer, settings, _data(trainer))),)


@plainly
def trials(
    run: str, settings: Settings, prepared: tuple[Shared], seeds: tuple[int, ...], of_map: bool = False
) -> dict[int, Result]:
    """All jobs of one trial, or of a few: seed -> its Result. of_map: as for `prepare`."""
    report, trainer = _Report(run, seeds), _trainer(settings)
    with remembering(of_map):
        results = report.drain(assemble.trials(trainer, settings, _data(trainer), *prepared, seeds))
    return dict(zip(seeds, results, strict=True))


@plainly
def train(
    run: str, settings: Settings, prepared: tuple[Shared] | None, seeds: tuple[int, ...], job: Job
) -> dict[int, Trained]:
    """One job of these trials, by seed. prepared: None for one that needs no preparation."""
    report, trainer = _Report(run, seeds, job.name), _trainer(settings)
    (shared,) = prepared or (None,)
    return report.drain(assemble.train(trainer, settings, _data(trainer), shared, seeds, job))


@plainly
def assembled(
    settings: Settings, prepared: tuple[Shared], seed: int, *jobs: dict[int, Trained]
) -> dict[int, Result]:
    """The Result of a trial whose jobs were trained apart, by its seed."""
    jobs_of_trial = [job[seed] for job in jobs]
    return {seed: assemble.assembled(_trainer(settings), settings, *prepared, seed, jobs_of_trial)}


@plainly
def join(settings: Settings, *trials: Mapping[int, Result]) -> Result:
    """The run's Result, made of its trials' (seed -> Result, some in each)."""
    return assemble.joined(_trainer(settings), settings, [result for some in trials for result in some.values()])


class Warm(WorkerPlugin):
    """Makes a worker ready before its first task: imports the techniques (and torch), loads the data.

    In a thread, so that the worker joins at once. Workers that replace a dead one get it too.
    """

    name = "warm"

    def __init__(self, modules: Sequence[str]) -> None:
        self.modules = tuple(modules)

    def setup(self, worker: Any) -> None:
        """Called by Dask in each worker."""
        threading.Thread(target=_warm, args=(worker, self.modules), daemon=True, name="warm").start()


def _warm(worker: Any, modules: Sequence[str]) -> None:
    """Tell the queue what is known here; a failure costs only time, since the run meets it again."""

    def tell(kind: str, **what: Any) -> None:
        worker.log_event(TOPIC, {"kind": kind, "pid": os.getpid(), **what})

    data, versions = None, {}
    try:
        trainers = {module: _imported(module) for module in modules}
        versions = {module: trainer.VERSION for module, trainer in trainers.items()}
        tell("machine", **_machine(), versions=versions)  # the data may take longer
        for trainer in trainers.values():
            data = _data(trainer)
    except Exception as error:
        _log.warning("a worker could not warm up: %s: %s", type(error).__name__, error)
    loaded = data and {"is": assemble.dataset(data).model_dump(), "notices": [n.model_dump() for n in data.notices]}
    tell("warm", worker=worker.address, data=loaded)
    tell("calibrated", seconds=_calibration())


def _calibration() -> float | None:
    """How fast this machine trains; None for techniques that need no torch."""
    if "torch" not in sys.modules:
        return None
    from kd_core.nn.calibration import calibrated

    return calibrated()


def _machine() -> dict[str, Any]:
    """What this machine can do, and device -> what two trials must share to be the same to the last bit."""
    machine = Machine()  # for trainers that need no torch
    if "torch" in sys.modules:
        from kd_core.nn.hardware import this_machine

        machine = this_machine()
    names = {device: machine_of(provenance(0.0, device, None)) for device in machine.devices}
    return {"machine": asdict(machine), "names": names}


def _imported(module: str) -> Trainer[Settings, Shared]:
    with _importing:
        return trainer_of(module)


def _trainer(settings: Settings) -> Trainer[Settings, Shared]:
    trainer = _imported(settings.module)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)  # one worker a core
    return trainer


def _data(trainer: Trainer[Settings, Shared]) -> "Digits":
    """The trainer's data, loaded once in this process; they never travel."""
    load: Callable[[], Digits] | None = getattr(trainer, "load_data", None)
    if load is None:
        from kd_core.data.digits import load as load_digits

        load = load_digits
    with _loading:  # the thread that warms up may be loading just now
        if load not in _loaded:
            _loaded[load] = load()
        return _loaded[load]


def _replaces(step: Step, other: Event) -> bool:
    return isinstance(other, Step) and (other.stage, other.arm, other.seed) == (step.stage, step.arm, step.seed)


class _Report:
    """Sends the events of one attempt at one task.

    seeds: of the trials that it works on, none for the preparation; job: which of their jobs, WHOLE for all.
    """

    def __init__(self, run: str, seeds: tuple[int, ...] = (), job: str = WHOLE) -> None:
        self._worker = get_worker()
        self._stop = Flag(stop_flag(run))
        # A task that runs again after its worker died is known by a new attempt.
        self._head = {
            "run": run, "seeds": seeds, "job": job, "attempt": secrets.token_hex(4), "pid": os.getpid(),
        }  # fmt: skip
        self._events: list[Step | Evaluation] = []
        self._sent = self._polled = -math.inf
        self._send("started")

    def drain(self, events: Generator[Event, None, T]) -> T:
        """Consume the technique's events and return what its generator returns. Raises Stopped."""
        try:
            while True:
                self._look()
                self._take(next(events))
        except StopIteration as end:
            self._flush()
            self._send("ended")
            return end.value
        finally:
            events.close()

    def _look(self) -> None:
        if time.monotonic() - self._polled >= POLL:
            try:
                stopped = self._stop.is_set()
            except Exception:  # the cluster is closing: nobody is left to ask, or to wait for an answer
                stopped = True
            if stopped:
                raise Stopped
            self._polled = time.monotonic()

    def _take(self, event: Event) -> None:
        assert not isinstance(event, Result)  # a run's alone, and it is not told
        if isinstance(event, Step):  # the newest of its series says it all
            self._events = [other for other in self._events if not _replaces(event, other)]
        self._events.append(event)
        if time.monotonic() - self._sent >= EVERY:
            self._flush()

    def _flush(self) -> None:
        if self._events:
            packed = [{"event": type(event).__name__, **asdict(event)} for event in self._events]
            self._send("events", events=packed)
            self._events = []
        self._sent = time.monotonic()

    def _send(self, kind: str, **more: Any) -> None:
        self._worker.log_event(TOPIC, {"kind": kind, **self._head, **more})
