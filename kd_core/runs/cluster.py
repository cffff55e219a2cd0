"""The workers' own process: `python -m kd_core.runs.cluster` hosts a Dask cluster on this machine.

It prints the scheduler's address and keys as its one line of output, and ends, with every worker, when its
standard input closes or on SIGTERM. So it cannot outlive whoever started it, not even one that was
killed: the system closes the pipe. Loopback only; no dashboard; no torch in this process.

Whoever reaches a Dask scheduler or worker can have it run code. So all of them speak TLS with a key made for this
start alone, which stays in memory and in pipes between these processes: no other user of the computer has it.

Where processes cannot share a lock, as in a container without /dev/shm, Dask can start none: then one worker trains
here, in a thread, and torch is in this process after all.
"""

import json
import logging
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from kd_core.runs.memory import memory_limit

NICE = 5  # a page is answered before a training step is made, and yet training goes on
WORKER_BYTES, SERVER_BYTES = 450_000_000, 300_000_000  # that a worker, and the rest, may come to use
CLOSE_SECONDS = 5  # then the workers are left to end by themselves: they notice that their parent has gone

# What fails reaches the queue anyway. Dask's profile of every task, and its look at each event loop 50 times a
# second, nobody reads: they take a part of the time from training. And a worker that died is waited for, however
# long its successor takes to start: after 15 seconds, little on a busy machine, Dask does without it for ever.
DASK = {
    "DASK_LOGGING": str(dict.fromkeys(["distributed", "distributed.client", "tornado.application"], "critical")),
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__TICK__CYCLE": "5s",
    "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1 day",
}


def main() -> None:
    """Host the cluster until standard input closes or SIGTERM or SIGINT arrives."""
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    # Before the workers start, so that a parent that dies meanwhile is not missed.
    threading.Thread(target=_await_end_of_input, args=(ended,), daemon=True).start()
    for option, value in DASK.items():  # before Dask is imported, which reads them then
        os.environ.setdefault(option, value)
    workers, apart = _workers(), _locks_are_shared()
    if not apart:
        workers = 1
        print("This system lets no processes share a lock, so one worker trains, not several. On Linux they need "
              "a folder /dev/shm that can be written.", file=sys.stderr)  # fmt: skip
    _step_back()
    # Workers inherit standard output, and what they print would fill a pipe that nobody reads.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import dask
    from distributed import LocalCluster
    from distributed.security import Security

    # The HTTP server that Dask starts even without its dashboard has nothing to say, on any free port.
    dask.config.set({f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")})
    security = Security.temporary()
    cluster = LocalCluster(
        security=security,
        n_workers=workers,
        threads_per_worker=1,
        processes=apart,
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
        # Dask would pause or kill a worker on its share of the memory; torch alone may exceed that.
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    )
    try:
        keys = {"key": security.tls_client_key, "certificate": security.tls_client_cert}
        print(json.dumps({"address": cluster.scheduler_address} | keys), file=answer, flush=True)
        ended.wait()
    finally:
        with suppress(TimeoutError):  # on a busy machine
            cluster.close(timeout=CLOSE_SECONDS)


def _locks_are_shared() -> bool:
    """Whether processes can share a lock, as Dask's do; on Linux these are in /dev/shm."""
    try:
        multiprocessing.get_context("spawn").Lock()
    except (OSError, ImportError):
        return False
    return True


def _step_back() -> None:
    """Leave the processor to the server and the browser first; alone on it, training is as fast as before.

    Of thirty people's polls on two cores the slowest twentieth takes 0.3 s so, without the second part 0.8, without
    either 0.9. A default run beside another busy process takes twice its time, also without the second part.
    """
    if hasattr(os, "nice"):
        os.nice(NICE)
    with suppress(OSError):  # where Linux shares time among sessions, and this process has its own
        Path("/proc/self/autogroup").write_text(str(NICE))


def _await_end_of_input(ended: threading.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would be held at exit
        pass
    ended.set()


def _workers() -> int:
    """How many workers: KD_WORKERS if it is set, else one for each core this process may use and has memory for."""
    given = os.environ.get("KD_WORKERS", "")
    if not given:
        from dask.system import CPU_COUNT

        return max(1, min(int(CPU_COUNT), (memory_limit() - SERVER_BYTES) // WORKER_BYTES))
    if not given.isdecimal() or int(given) < 1:
        sys.exit(f"KD_WORKERS = {given!r} is not allowed; it must be a whole number from 1")
    return int(given)


if __name__ == "__main__":
    main()
