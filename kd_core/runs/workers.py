"""The workers' process as the queue sees it: started, spoken to through Dask's client, ended."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import kd_core
from kd_core.events import Result
from kd_core.runs.handle import Handle

START_SECONDS = 60
CLOSE_SECONDS = 8

# Set before the process starts: glibc would return large blocks to the system at each training step.
SPEED = {
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "10000000000",
    "OMP_NUM_THREADS": "1",
}


class Workers:
    """The workers' process, the connection to it, and the runs that it was given."""

    def __init__(self, env: Mapping[str, str]) -> None:
        path = [str(Path(kd_core.__file__).parents[1]), env.get("PYTHONPATH") or os.environ.get("PYTHONPATH")]
        search = {"PYTHONPATH": os.pathsep.join(part for part in path if part)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kd_core.runs.cluster"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **SPEED, **env, **search},
            start_new_session=True,  # Ctrl-C in a terminal is for the server, which then closes its end
        )
        self._client: Any = None
        self._watcher: threading.Thread | None = None
        self._closing = False
        self._futures: dict[Handle, list[Any]] = {}  # of the join and the trials; Dask keeps what they hold

    def connect(
        self, modules: Sequence[str], hear: Callable[[tuple[float, Any]], None], lost: Callable[[], None]
    ) -> None:
        """Wait for the process and connect to it. `lost` is called if it ends without being closed."""
        assert self._process.stdout is not None
        patience = threading.Timer(START_SECONDS, self._process.kill)
        patience.start()
        address = self._process.stdout.readline().decode().strip()
        patience.cancel()
        if not address:
            raise OSError(f"it ended with code {self._process.wait()}")
        from distributed import Client

        from kd_core.runs.work import TOPIC, Warm

        for name in ("distributed", "distributed.client", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters reaches the handles
        self._client = Client(address, set_as_default=False, timeout=10)
        self._client.subscribe_topic(TOPIC, hear)
        self._client.register_plugin(Warm(modules))
        self._watcher = threading.Thread(target=self._watch, args=(lost,), name="queue-watch", daemon=True)
        self._watcher.start()

    def _watch(self, lost: Callable[[], None]) -> None:
        assert self._process.stdout is not None
        self._process.stdout.read()  # returns when the process has ended
        if not self._closing:
            lost()
            self.close()

    def count(self) -> int:
        """How many workers there are now, at least 1."""
        return max(1, len(self._client.ncores()))

    def runs(self) -> list[Handle]:
        """The runs that it was given and has not finished."""
        return list(self._futures)

    def send(
        self,
        handle: Handle,
        turn: int,
        kept: Mapping[int, Result],
        done: Callable[[Any], None],
        trained: Callable[[int, Any], None],
    ) -> None:
        """Have the run done: the preparation, then its trials side by side, then the join.

        turn: the turn of its first task among those of all runs; its trials take one turn after another, so that
        a long run lets later ones in between. kept: trials that are not trained again, by seed. `trained(seed,
        future)` is called for each of the others, `done(future)` for the join.
        """
        graph, last, trials = _graph(handle, kept)
        turns = {key: -(turn + place) for place, key in enumerate(trials.values())}
        priorities = {key: turns.get(key, -turn) for key in graph}
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
        """End the process, and every worker with it."""
        self._closing = True
        if self._client is not None:
            self._client.close(timeout=2)
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._watcher not in (None, threading.current_thread()):
            self._watcher.join(1)
        assert self._process.stdout is not None
        self._process.stdout.close()


def _graph(handle: Handle, kept: Mapping[int, Result]) -> tuple[dict[Any, Any], Any, dict[int, Any]]:
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
        prepared = task(("prepare", run), work.prepare, run, handle.settings)
        trials = {seed: task(("trial", run, seed), work.trial, run, prepared, seed) for seed in missing}
    results = [kept.get(seed) or trials[seed] for seed in handle.seeds]
    joined = task(("join", run), work.join, handle.settings, *results)
    return graph, joined.key, {seed: trial.key for seed, trial in trials.items()}
