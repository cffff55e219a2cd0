"""Does a run get faster with more workers? The same run on a Dask cluster of one worker, of two, …

    python benchmarks/scale.py [--workers N ...] [--write]

Scheduler and workers are processes of their own, started as docs/deployment.md says for many machines, here all on
this one: so more workers than cores can gain nothing. The queue reaches them through KD_SCHEDULER. The numbers of
workers take turns, repetition by repetition, each with a new cluster that a small run has warmed.

Nothing else should be running.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import Claim, claims_table, publish, table, warn_if_busy, where
from kd_core.distillation.settings import DistillationSettings
from kd_core.runs.queue import Queue
from kd_core.runs.workers import SPEED

SEEDS = 8  # a number that one, two, four and eight workers share evenly
SETTINGS = {
    "article's CNN, 500 images": DistillationSettings(seeds=SEEDS),
    "two layers of 300, 500 images": DistillationSettings(seeds=SEEDS, student="mlp300"),
}
WARM = DistillationSettings(seeds=2 * SEEDS, epochs=1)


@contextmanager
def cluster(workers: int, *search: str) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A scheduler with so many workers of one thread: its address, and the processes, the scheduler first.

    search: further folders where the workers find modules.
    """
    path = os.pathsep.join((str(Path(__file__).parent.parent), *search))
    env = {**os.environ, **SPEED, "PYTHONPATH": path}
    started: list[subprocess.Popen[str]] = []

    def start(what: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dask", what, *arguments]
        started.append(subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True))
        return started[-1]

    try:
        loopback = ("--host", "127.0.0.1")
        first = start("scheduler", *loopback, "--port", "0", "--dashboard-address", "127.0.0.1:0")
        address = _line(first, "Scheduler at:").split()[-1]
        alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
        for process in [start("worker", address, *loopback, *alone) for _ in range(workers)]:
            _line(process, "Registered")
        yield address, started
    finally:
        for process in reversed(started):
            process.kill()
            process.communicate()


def _line(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise SystemExit(f"A part of the cluster ended before it said “{words}”.")


def lap(workers: int) -> dict[str, float]:
    """Seconds of each run on a warm cluster of so many workers."""
    taken = {}
    with cluster(workers) as (address, _):
        queue = Queue({"KD_SCHEDULER": address})
        try:
            queue.submit(WARM).wait(300)
            for name, settings in SETTINGS.items():
                start = time.perf_counter()
                view = queue.submit(settings).wait(600)
                taken[name] = time.perf_counter() - start
                if view.state != "finished":
                    raise SystemExit(f"A run ended as {view.state}: {view.problem}")
        finally:
            queue.close()
    return taken


def section(numbers: list[int], n: int) -> str:
    """The speed-up of each number of workers over one."""
    laps: dict[int, list[dict[str, float]]] = {workers: [] for workers in numbers}
    for repetition in range(n):
        for workers in numbers:
            laps[workers].append(lap(workers))
            print(f"{repetition + 1} of {n}, {workers} workers: {laps[workers][-1]}", file=sys.stderr, flush=True)
    claims = [
        Claim(f"{name}: 1 worker / {workers} workers",
              [one[name] / more[name] for one, more in zip(laps[numbers[0]], laps[workers], strict=True)], None)
        for name in SETTINGS
        for workers in numbers[1:]
    ]  # fmt: skip
    rows = [
        [name, *(f"{median(one[name] for one in laps[workers]):.1f}" for workers in numbers)] for name in SETTINGS
    ]
    return f"""## More workers

One run of {SEEDS} trials on a Dask cluster of separate processes (KD_SCHEDULER), all on this machine.

{claims_table(claims)}

{table(["seconds of one run", *(f"{workers} worker{'s' * (workers > 1)}" for workers in numbers)], rows)}

{where(["torch", "distributed"])}"""


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, *range(2, (os.cpu_count() or 1) + 1)])
    parser.add_argument("-n", type=int, default=2, help="repetitions (default 2)")
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    arguments = parser.parse_args()
    warn_if_busy()
    publish({"scale": section(sorted({1, *arguments.workers}), arguments.n)}, arguments.write)


if __name__ == "__main__":
    main()
