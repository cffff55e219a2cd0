"""Does a run get faster with more workers? The same run on a Dask cluster of one worker, of two, …

    python benchmarks/scale.py [--workers N ...] [--write]

Scheduler and workers are processes of their own, started as docs/deployment.md says for many machines, here all on
this one: so more workers than cores can gain nothing. The queue reaches them through KD_SCHEDULER. The numbers of
workers take turns, repetition by repetition, each with a new cluster that a small run has warmed.

The speed-up of N workers is the time of one over the time of N; the efficiency is that over N. Beside them stands
what the cores allow: loops of arithmetic that share nothing, as many at once as there are workers.

Nothing else should be running.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import Claim, claims_table, cores, publish, table, warn_if_busy, where
from kd_core.distillation.settings import DistillationSettings
from kd_core.runs.queue import Queue
from kd_core.runs.workers import SPEED

SEEDS = 8  # a number that one, two, four and eight workers share evenly
SETTINGS = {
    "article's CNN, 500 images": DistillationSettings(seeds=SEEDS),
    "two layers of 300, 500 images": DistillationSettings(seeds=SEEDS, student="mlp300"),
}
ARITHMETIC = "arithmetic alone, which shares nothing"
LOOP = """
import sys, time
began, total = time.perf_counter(), 0.0
for step in range(int(sys.argv[1])):
    total += step * 0.5
print(time.perf_counter() - began)
"""
WARM = DistillationSettings(seeds=2 * SEEDS, epochs=1)


@contextmanager
def cluster(
    workers: int, *search: str, apart: Sequence[Mapping[str, str]] = ()
) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """A scheduler with so many workers of one thread: its address, and the processes, the scheduler first.

    search: further folders where the workers find modules. apart: environment variables of each worker's own.
    """
    path = os.pathsep.join((str(Path(__file__).parent.parent), *search))
    env = {**os.environ, **SPEED, "PYTHONPATH": path}
    started: list[subprocess.Popen[str]] = []

    def start(what: str, *arguments: str, own: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dask", what, *arguments]
        started.append(subprocess.Popen(command, env=env | (own or {}), stderr=subprocess.PIPE, text=True))
        return started[-1]

    try:
        loopback = ("--host", "127.0.0.1")
        first = start("scheduler", *loopback, "--port", "0", "--dashboard-address", "127.0.0.1:0")
        address = _line(first, "Scheduler at:").split()[-1]
        alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
        for process in [start("worker", address, *loopback, *alone, own=own) for own in apart or [{}] * workers]:
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
    taken = {ARITHMETIC: arithmetic(workers)}
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


def arithmetic(workers: int, steps: int = 80_000_000) -> float:
    """Seconds of a loop of arithmetic in so many processes at once that each does its part of the steps."""
    part = [sys.executable, "-c", LOOP, str(steps // workers)]
    loops = [subprocess.Popen(part, stdout=subprocess.PIPE, text=True) for _ in range(workers)]
    return max(float(loop.communicate()[0]) for loop in loops)


def section(numbers: list[int], n: int) -> str:
    """The speed-up of each number of workers over one."""
    laps: dict[int, list[dict[str, float]]] = {workers: [] for workers in numbers}
    for repetition in range(n):
        for workers in numbers:
            laps[workers].append(lap(workers))
            print(f"{repetition + 1} of {n}, {workers} workers: {laps[workers][-1]}", file=sys.stderr, flush=True)
    names = (*SETTINGS, ARITHMETIC)
    ratios = {
        (name, workers): [one[name] / more[name] for one, more in zip(laps[1], laps[workers], strict=True)]
        for name in names for workers in numbers[1:]
    }  # fmt: skip
    claims = [Claim(f"{name}: speed-up of {of(workers)}", found, None) for (name, workers), found in ratios.items()]
    efficiency = [
        [name, *(f"{median(ratios[name, workers]) / workers:.0%}" for workers in numbers[1:])] for name in names
    ]
    rows = [[name, *(f"{median(one[name] for one in laps[workers]):.1f}" for workers in numbers)] for name in names]
    return f"""## More workers

One run of {SEEDS} trials on a Dask cluster of separate processes (KD_SCHEDULER), all on this machine. The last rows
are what its cores allow: loops of arithmetic, as many at once as there are workers.

{claims_table(claims)}

{table(["efficiency: speed-up / workers", *map(of, numbers[1:])], efficiency)}

{table(["seconds of one run", *map(of, numbers)], rows)}

{where(["torch", "distributed"])}"""


def of(workers: int) -> str:
    """So many workers, in words; more than there are cores are marked."""
    more = f" (more than the {cores()} cores)" if workers > cores() else ""
    return f"{workers} worker{'s' * (workers > 1)}{more}"


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("-n", type=int, default=2, help="repetitions (default 2)")
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    arguments = parser.parse_args()
    warn_if_busy()
    publish({"scale": section(sorted({1, *arguments.workers}), arguments.n)}, arguments.write)


if __name__ == "__main__":
    main()
