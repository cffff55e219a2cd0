"""The workers as the queue sees them, spoken to through Dask's client: each has one task of ours at a time.

By default they live in a process of their own on this computer, which is started and ended here. Where
KD_SCHEDULER names a Dask scheduler (tcp://HOST:PORT, or tls:// with Dask's own settings for certificates), they
are that one's, on whatever machines: nothing is started or ended then.
"""

import ipaddress
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kd_core
from kd_core.messages import N_, Message, Problem, message
from kd_core.runs.handle import Handle
from kd_core.runs.scheduling import Task, Tasks

START_SECONDS = 60
CLOSE_SECONDS = 8
REACH_SECONDS = 10  # for a scheduler to answer
COUNTED_SECONDS = 1.0
CONSENT = "KD_SCHEDULER_UNENCRYPTED"  # yes: what goes to a scheduler elsewhere may be read and forged
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
        self._given: dict[Handle, dict[Task, tuple[Any, str]]] = {}  # future, worker; Dask keeps what futures hold

    def connect(
        self, modules: Sequence[str], hear: Callable[[tuple[float, Any]], None], lost: Callable[[], None]
    ) -> None:
        """Connect to the workers, once they are there. `lost` is called if they end without being closed.

        Raises Problem, which says what to do.
        """
        if self._scheduler:
            _require_consent(self._scheduler)
            _require_answer(self._scheduler)
        address, keys = (self._scheduler, {}) if self._scheduler else self._own_address()
        from distributed import Client
        from distributed.security import Security

        from kd_core.runs.tasks import HEARD, TOPIC, Warm

        for name in ("distributed", "distributed.client", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters reaches the handles
        try:
            security = Security(require_encryption=True, **keys) if keys else None
            self._client = Client(address, security=security, set_as_default=False, timeout=REACH_SECONDS)
        except (OSError, ValueError, TypeError) as error:  # no Dask there; no certificate
            raise _unreachable(address, error) from None
        self._client.subscribe_topic(TOPIC, hear)
        # Warm workers, which another server has used, answer the plugin sooner than Dask has subscribed us.
        heard = threading.Event()
        self._client.subscribe_topic(HEARD, lambda _: heard.set())
        deadline = time.monotonic() + REACH_SECONDS
        while not heard.wait(0.02) and time.monotonic() < deadline:
            self._client.log_event(HEARD, "")
        self._client.register_plugin(Warm(modules))
        self._watcher = threading.Thread(target=self._watch, args=(lost,), name="queue-watch", daemon=True)
        self._watcher.start()

    def _own_address(self) -> tuple[str, dict[str, str]]:
        """Where the process that was started here listens, and what proves to it who we are, as Dask names it."""
        assert self._process is not None
        assert self._process.stdout is not None
        patience = threading.Timer(START_SECONDS, self._process.kill)
        patience.start()
        line = self._process.stdout.readline()
        patience.cancel()
        if not line:
            raise Problem(
                N_("The workers' process could not be started ({why}); the server's log may say more."),
                why=f"it ended with code {self._process.wait()}",
            )
        told = json.loads(line)
        certificate = told["certificate"]  # signed by itself: the only one that is trusted
        return told["address"], {
            "tls_ca_file": certificate, "tls_client_cert": certificate, "tls_client_key": told["key"],
        }  # fmt: skip

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

    @property
    def none_at_work(self) -> Message:
        """What a person is told of a run that no worker has taken up for a long time."""
        if self._scheduler:
            return message(
                "The Dask scheduler (KD_SCHEDULER) has no worker for this run: start workers there, with the data "
                "that the run was begun with, and start it again."
            )
        return message(
            "No worker process could be started for this run; the server's log may say why. Close what else runs "
            "on this computer, or restart the lab, and start the run again."
        )

    def count(self) -> int:
        """How many workers there are, at least 1; asked of the scheduler once in COUNTED_SECONDS."""
        if time.monotonic() - self._counted >= COUNTED_SECONDS:
            self._number, self._counted = max(1, len(self._client.ncores())), time.monotonic()
        return self._number

    def look(self) -> tuple[dict[Handle, set[Task]], list[str], set[str]]:
        """The tasks that died with a worker, or whose answers did, the workers without a task of ours, and all.

        Of those without, first the ones that have least to do for other servers.
        """
        doing = self._client.processing()
        at_work = {key for keys in doing.values() for key in keys}
        dead: dict[Handle, set[Task]] = {}
        busy: set[str] = set()
        for handle, answers in self._given.items():
            lost = dead[handle] = set()
            for task, (future, worker) in answers.items():  # what a task needs stands before it
                waits = future.status == "pending" and future.key not in at_work
                if future.status == "lost" or (waits and (worker not in doing or lost.intersection(task.needs))):
                    lost.add(task)
                elif future.status == "pending":
                    busy.add(worker)
        free = sorted((worker for worker in doing if worker not in busy), key=lambda one: len(doing[one]))
        return dead, free, set(doing)

    def give(self, handle: Handle, tasks: Tasks, task: Task, worker: str, ended: Callable[[Any], None]) -> None:
        """Have this worker do a task of the run; `ended(future)` is called when it is over, one way or another.

        Dask would give it to the worker that holds its input, behind what that one has to do, while others idle. So
        the worker is named; and as Dask may wait for ever for one that died, `look` tells what must be given anew.
        """
        answers = self._given.setdefault(handle, {})
        needed = [answers[need][0] for need in task.needs]  # they stay where they are
        function, *arguments = _asked(handle, tasks, task, needed)
        future = self._client.submit(function, *arguments, workers=[worker], pure=False)
        answers[task] = future, worker

        def over(future: Any) -> None:
            if self._given.get(handle, {}).get(task, (None, ""))[0] is future:  # else nobody waits for it any more
                ended(future)

        future.add_done_callback(over)

    def forget(self, handle: Handle, spent: Iterable[Task]) -> None:
        """Let go of these tasks and their answers, which nobody needs, or which died with their worker."""
        answers = self._given.get(handle, {})
        futures = [answers.pop(task)[0] for task in spent if task in answers]
        if left := [future for future in futures if future.status != "finished"]:
            self._client.cancel(left)

    def drop(self, handle: Handle) -> None:
        """Forget the run; what is under way of it stops itself."""
        left = [future for future, _ in self._given.pop(handle, {}).values() if future.status != "finished"]
        if left and not self._closing:
            from distributed import Event as Flag

            from kd_core.runs.tasks import stop_flag

            Flag(stop_flag(handle.id), client=self._client).set()
            self._client.cancel(left)

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


def _require_consent(address: str) -> None:
    """Raise Problem for tcp:// to another computer, unless somebody has said yes to that.

    What goes there is neither encrypted nor signed. Whoever reaches the scheduler can run code on its workers and,
    by what these answer, on this server.
    """
    parts = urlsplit(address)
    near = parts.hostname == "localhost" or _is_loopback(parts.hostname or "")
    if parts.scheme == "tcp" and not near and os.environ.get(CONSENT, "").lower() not in ("yes", "true", "1"):
        raise Problem(
            N_("The Dask scheduler {address} (KD_SCHEDULER) is on another computer, and tcp:// is not encrypted: "
               "whoever is in that network could run code here. Use tls://, or, in a network of your own, set "
               "{name} to yes."),
            address=address[:80], name=CONSENT,
        )  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


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


def _asked(handle: Handle, run_tasks: Tasks, task: Task, answers: Sequence[Any]) -> tuple[Any, ...]:
    """The function of `tasks` that does the task, and what it is given; answers: of the tasks that it needs."""
    from kd_core.runs import tasks

    run, settings = handle.id, run_tasks.settings
    if task.what == "prepare":
        return tasks.prepare, run, settings, handle.of_map
    if task.what == "trial":
        return tasks.trials, run, settings, answers[0], task.seeds, handle.of_map
    if task.what == "train":
        return tasks.train, run, settings, answers[0] if answers else None, task.seeds, task.job
    if task.what == "assemble":
        return tasks.assembled, settings, answers[0], task.seed, *answers[1:]
    return tasks.join, settings, dict(run_tasks.kept), *answers
