"""The workers as the queue sees them, spoken to through Dask's client.

By default they live in a process of their own on this computer, which is started and ended here. Where
KD_SCHEDULER names a Dask scheduler (tcp://HOST:PORT, or tls:// with Dask's own settings for certificates), they
are that one's, on whatever machines: nothing is started or ended then.
"""

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kd_core
from kd_core.events import Result
from kd_core.messages import N_, Message, Problem, message
from kd_core.runs.handle import Handle
from kd_core.settings import WHOLE, Settings

START_SECONDS = 60
CLOSE_SECONDS = 8
REACH_SECONDS = 10  # for a scheduler to answer
COUNTED_SECONDS = 1.0
SILENT_SECONDS = 3.0  # without the connection to a scheduler, after which it is lost

# Set before the process starts: glibc would return large blocks to the system at each training step.
SPEED = {
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "10000000000",
    "OMP_NUM_THREADS": "1",
}


class Workers:
    """The workers, the connection to them, and the runs that they were given.

    env: environment variables for a process of our own; KD_SCHEDULER among them, or in ours, names another's.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._scheduler = env.get("KD_SCHEDULER") or os.environ.get("KD_SCHEDULER", "")
        self._process = None if self._scheduler else _started(env)
        self._client: Any = None
        self._watcher: threading.Thread | None = None
        self._closing = False
        self._number, self._counted = 1, -COUNTED_SECONDS
        self._futures: dict[Handle, list[Any]] = {}  # of the join and the trials; Dask keeps what they hold

    def connect(
        self, modules: Sequence[str], hear: Callable[[tuple[float, Any]], None], lost: Callable[[], None]
    ) -> None:
        """Connect to the workers, once they are there. `lost` is called if they end without being closed.

        Raises Problem, which says what to do.
        """
        if self._scheduler:
            _require_answer(self._scheduler)
        address = self._scheduler or self._own_address()
        from distributed import Client

        from kd_core.runs.work import TOPIC, Warm

        for name in ("distributed", "distributed.client", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters reaches the handles
        try:
            self._client = Client(address, set_as_default=False, timeout=REACH_SECONDS)
        except (OSError, ValueError, TypeError) as error:  # no Dask there; no certificate
            raise _unreachable(address, error) from None
        self._client.subscribe_topic(TOPIC, hear)
        self._client.register_plugin(Warm(modules))
        self._watcher = threading.Thread(target=self._watch, args=(lost,), name="queue-watch", daemon=True)
        self._watcher.start()

    def _own_address(self) -> str:
        """Where the process that was started here listens."""
        assert self._process is not None
        assert self._process.stdout is not None
        patience = threading.Timer(START_SECONDS, self._process.kill)
        patience.start()
        address = self._process.stdout.readline().decode().strip()
        patience.cancel()
        if not address:
            raise Problem(
                N_("The workers' process could not be started ({why}); the server's log may say more."),
                why=f"it ended with code {self._process.wait()}",
            )
        return address

    def _watch(self, lost: Callable[[], None]) -> None:
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.stdout.read()  # returns when the process has ended
        else:
            heard = time.monotonic()
            while not self._closing and time.monotonic() - heard < SILENT_SECONDS:
                if self.connected:
                    heard = time.monotonic()
                time.sleep(0.3)
        if not self._closing:
            lost()
            self.close()

    @property
    def connected(self) -> bool:
        """Whether they can be given anything. Where not, they are soon lost, or connected once more."""
        return bool(self._client.status == "running")

    @property
    def loss(self) -> Message:
        """What a person is told of a run whose workers are gone."""
        if self._scheduler:
            return message(
                "The connection to the Dask scheduler (KD_SCHEDULER) was lost, and this run with it. "
                "Start it again."
            )
        return message("The workers' process ended unexpectedly, and this run with it. Start it again.")

    def count(self) -> int:
        """How many workers there are, at least 1; asked of the scheduler once in COUNTED_SECONDS."""
        if time.monotonic() - self._counted >= COUNTED_SECONDS:
            self._number, self._counted = max(1, len(self._client.ncores())), time.monotonic()
        return self._number

    def runs(self) -> list[Handle]:
        """The runs that it was given and has not finished."""
        return list(self._futures)

    def send(
        self,
        handle: Handle,
        settings: Settings,
        turn: int,
        kept: Mapping[int, Result],
        done: Callable[[Any], None],
        trained: Callable[[int, Any], None],
    ) -> None:
        """Have the run done: the preparation, then its trials side by side, then the join.

        settings: the handle's, resolved. turn: the turn of its first task among those of all runs; its trials take
        one turn after another, so that a long run lets later ones in between. kept: trials that are not trained
        again, by seed. `trained(seed, future)` is called for each of the others, `done(future)` for the join.
        """
        graph, last, trials = _graph(handle, settings, kept)
        turns = {seed: -(turn + place) for place, seed in enumerate(trials)}
        priorities = {key: turns.get(key[2], -turn) if len(key) > 2 else -turn for key in graph}
        keys = [last, *trials.values()]
        joined, *others = self._client.get(graph, keys, sync=False, priority=priorities.__getitem__)
        self._futures[handle] = [joined, *others]
        joined.add_done_callback(done)
        for seed, future in zip(trials, others, strict=True):
            future.add_done_callback(partial(trained, seed))

    def drop(self, handle: Handle) -> None:
        """Cancel what has not started, and have what has started stop itself."""
        futures = self._futures.pop(handle, None)
        if futures is None or self._closing:
            return
        if futures[0].status != "finished":
            from distributed import Event as Flag

            from kd_core.runs.work import stop_flag

            Flag(stop_flag(handle.id), client=self._client).set()
            self._client.cancel(futures)

    def close(self) -> None:
        """Let go of the workers; a process that was started here ends, and every worker with it."""
        self._closing = True
        if self._client is not None:
            self._client.close(timeout=2)
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._watcher not in (None, threading.current_thread()):
            self._watcher.join(1)
        if self._process is not None:
            assert self._process.stdout is not None
            self._process.stdout.close()


def _require_answer(address: str) -> None:
    """Raise Problem unless something listens at tcp://HOST:PORT or tls://HOST:PORT.

    Asked before Dask is: a Client that found nobody leaves a thread behind, at each try.
    """
    parts = urlsplit(address)
    try:
        if parts.scheme not in ("tcp", "tls") or not parts.hostname or not parts.port:
            raise ValueError("it must be tcp://HOST:PORT or tls://HOST:PORT")
        socket.create_connection((parts.hostname, parts.port), timeout=REACH_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> Problem:
    return Problem(
        N_("The Dask scheduler {address} (KD_SCHEDULER) cannot be reached ({why}); start it, or unset KD_SCHEDULER "
           "to train on this computer."),
        address=address[:80], why=(str(error).strip().splitlines() or [type(error).__name__])[0][:160],
    )  # fmt: skip


def _started(env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """The process that hosts the workers of this computer."""
    path = [str(Path(kd_core.__file__).parents[1]), env.get("PYTHONPATH") or os.environ.get("PYTHONPATH")]
    search = {"PYTHONPATH": os.pathsep.join(part for part in path if part)}
    return subprocess.Popen(
        [sys.executable, "-m", "kd_core.runs.cluster"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **SPEED, **env, **search},
        start_new_session=True,  # Ctrl-C in a terminal is for the server, which then closes its end
    )


def _graph(
    handle: Handle, settings: Settings, kept: Mapping[int, Result]
) -> tuple[dict[Any, Any], Any, dict[int, Any]]:
    """The run as Dask tasks, the key of the last, and those of the trials that are to be trained, by seed.

    As "data producers" they wait in the scheduler, in order of priority, for a worker that has nothing
    to do. Other tasks are given out at once, to the worker that holds their input: a run's trials would
    all wait behind one another at the worker that prepared them, and be blamed for its death.
    """
    from dask._task_spec import Task, TaskRef

    from kd_core.runs import work

    def task(key: tuple[str | int, ...], function: Callable[..., Any], *args: Any) -> TaskRef:
        graph[key] = Task(key, function, *args, _data_producer=True)
        return TaskRef(key)

    graph: dict[Any, Any] = {}
    run = handle.id
    missing = [seed for seed in handle.seeds if seed not in kept]
    trials: dict[int, TaskRef] = {}
    if missing:
        prepared = task(("prepare", run), work.prepare, run, settings, handle.of_map)
        for seed in missing:
            if handle.parts == (WHOLE,):
                trials[seed] = task(("trial", run, seed), work.trial, run, settings, prepared, seed, handle.of_map)
            else:
                given = {name: None if name in settings.unprepared else prepared for name in handle.parts}
                parts = [task(("part", run, seed, name), work.part, run, settings, given[name], seed, name)
                         for name in given]  # fmt: skip
                trials[seed] = task(("trial", run, seed), work.assembled, settings, prepared, *parts)
    results = [kept.get(seed) or trials[seed] for seed in handle.seeds]
    joined = task(("join", run), work.join, settings, *results)
    return graph, joined.key, {seed: trial.key for seed, trial in trials.items()}
