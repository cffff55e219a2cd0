"""How long does a map take, how busy are its workers, and what does the same map cost again?

    python benchmarks/sweep.py [-n N] [--write]

The page's first map, 6 x 6 of T and α with a small student and three seeds, through the queue with one worker a
core, each time in a new database. The workers' time is looked at twice: the share of it in which they had a task in
hand, as Dask recorded it, and the processor time that they used, which the server's own work on the same cores and
any other process takes away from.
"Again" is the same map in the same database, asked of a Sweeps that has not seen it: the store answers.

Nothing else should be running.
"""

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from distributed import get_task_stream

from benchmarks.report import Claim, asked, claims_table, publish, where
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.plan import presets as map_presets
from kd_core.sweeps.sweep import Sweeps

SECONDS, BUSY, AGAIN = 25.0, 0.9, 2.0
PLAN = map_presets()["temperature_alpha"].plan


def turned(plan: Plan) -> Plan:
    """The same cells as another map: the axes change places."""
    return plan.model_copy(update={"axes": plan.axes[::-1]})


def lap() -> tuple[float, float, float, float, float]:
    """Seconds of the map, shares of its workers' time (with a task; used), seconds of the same and of its cells."""
    workers = os.cpu_count() or 1
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'lab.db'}"
        store = Store(url)
        queue = Queue({"KD_WORKERS": str(workers)}, store=store)
        try:
            while not queue.warm:
                time.sleep(0.1)
            time.sleep(5)  # the other workers warm up too
            used = _worker_seconds()
            start = time.perf_counter()
            sweeps = Sweeps(queue, url)
            with get_task_stream(client=queue._workers._client) as stream:
                view = sweeps.start(PLAN).wait()
                taken = time.perf_counter() - start
                busy = (_worker_seconds() - used) / (workers * taken)
            at_work = _task_seconds(stream.data) / (workers * taken)
            if view.state != "finished":
                raise SystemExit(f"The map ended as {view.state}: {view.problem}")
            again = _seconds(Sweeps(queue, url), PLAN)
            return taken, at_work, busy, again, _seconds(Sweeps(queue, url), turned(PLAN))
        finally:
            queue.close()
            store.close()


def _seconds(sweeps: Sweeps, plan: Plan) -> float:
    start = time.perf_counter()
    view = sweeps.start(plan).wait()
    assert view.state == "finished", view.problem
    return time.perf_counter() - start


def _task_seconds(stream: list[dict[str, Any]]) -> float:
    """How long the workers computed, all of them together."""
    spans = [span for task in stream for span in task["startstops"] if span["action"] == "compute"]
    return float(sum(span["stop"] - span["start"] for span in spans))


def _worker_seconds() -> float:
    """Processor time of all processes that this one has started, themselves included."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(time.user + time.system for time in times)


def section(n: int) -> str:
    """The map's seconds, how busy its workers were, and the same again."""
    laps = []
    for repetition in range(n):
        laps.append(lap())
        print(f"{repetition + 1} of {n}: {laps[-1]}", file=sys.stderr, flush=True)
    taken, at_work, busy, again, other = (list(values) for values in zip(*laps, strict=True))
    claims = [
        Claim(f"{len(PLAN.grid())} cells of 3 seeds", taken, SECONDS, at_least=False, unit="s"),
        Claim("share of their time that the workers had a task", at_work, BUSY, unit=""),
        Claim("processor time they used, over the time that they had", busy, BUSY, unit=""),
        Claim("the same map again", again, AGAIN, at_least=False, unit="s"),
        Claim("the same cells in another map, from the store", other, AGAIN, at_least=False, unit="s"),
    ]
    return f"""## A map

T x α, {len(PLAN.axes[1].values)} x {len(PLAN.axes[0].values)} cells, two layers of 30 units, 500 images, 30 epochs,
three seeds, one worker a core.

{claims_table(claims)}

{where(["torch", "distributed", "optuna"])}"""


def main() -> None:
    """Measure, print, and write if asked to."""
    arguments = asked(__doc__, 5)
    publish({"map": section(arguments.n)}, arguments.write)


if __name__ == "__main__":
    main()
