"""How long does a person wait for each technique's default run, and what takes the time?

    python benchmarks/defaults.py [--laps N] [--write]

The runs go through the queue, as the app's do, with warm workers and a kept teacher and source network, the four in
turn. Then one trial of each is trained in this process under a profiler that counts processor time, and what its
stages took is added up: the profiler makes Python itself slower, so these are shares and not seconds.

Nothing else should be running.
"""

import argparse
import cProfile
import pstats
import sys
import time
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from benchmarks.report import Claim, claims_table, publish, table, warn_if_busy, where
from kd_core.data import load
from kd_core.runs.queue import Queue
from kd_core.settings.base import Settings
from kd_core.techniques import TECHNIQUES

TARGETS = {"distillation": 12.0, "transfer": 20.0, "multitask": 20.0, "meta_learning": 20.0}  # seconds
LOOKS = "looks at gradients"
TRAINING = "optimisation steps"
STAGES = {  # stage -> functions that do its work, as (end of the file's name, function)
    TRAINING: [(f"{file}.py", "step") for file in ("nn/training", "multitask/network", "meta_learning/training")],
    LOOKS: [("multitask/gradient_conflict.py", "__call__")],
    "evaluation": [("nn/evaluation.py", "predict"), ("meta_learning/adaptation.py", "path")],
    "drawing of tasks and images": [
        ("meta_learning/tasks.py", "draw"), ("multitask/tasks.py", "make_split"), ("data/variants.py", "cut"),
    ],
    "latency and memory": [("nn/cost.py", "costs_of"), ("nn/cost.py", "peak_megabytes")],
}  # fmt: skip


def quick(settings: type[Settings]) -> Settings:
    """A run of a second or so, after which the worker has everything that it keeps."""
    return settings.parse({"seeds": 1, ("epochs" if "epochs" in settings.specs() else "iterations"): 1})


def lap(queue: Queue) -> dict[str, float]:
    """Seconds of each default run."""
    taken = {}
    for name, technique in TECHNIQUES.items():
        queue.submit(quick(technique.settings), again=True).wait(300)
        start = time.perf_counter()
        view = queue.submit(technique.settings(), again=True).wait(900)
        taken[name] = time.perf_counter() - start
        if view.state != "finished":
            raise SystemExit(f"A run ended as {view.state}: {view.problem}")
    return taken


def shares(name: str) -> dict[str, float]:
    """The share of each stage in the processor time of one trial of the default run."""
    torch.set_num_threads(1)
    run, settings, data = import_module(f"kd_core.{name}").run, TECHNIQUES[name].settings, load()
    list(run(quick(settings), data))
    profile = cProfile.Profile(time.process_time)
    start = time.process_time()
    profile.runcall(list, run(settings(seeds=1), data))
    whole = time.process_time() - start
    found = dict.fromkeys(STAGES, 0.0)
    for (file, _line, function), (_calls, _primitive, _own, spent, _callers) in pstats.Stats(profile).stats.items():
        for stage, functions in STAGES.items():
            if any(file.endswith(end) and function == called for end, called in functions):
                found[stage] += spent
    found[TRAINING] -= found[LOOKS]  # a step takes them
    return {stage: spent / whole for stage, spent in found.items()} | {"else": 1 - sum(found.values()) / whole}


def section(laps: int) -> str:
    """What default runs take, and their stages."""
    queue = Queue()
    while queue.calibration is None:
        time.sleep(0.1)
    taken = []
    for number in range(laps):
        taken.append(lap(queue))
        print(f"{number + 1} of {laps}: {taken[-1]}", file=sys.stderr, flush=True)
    workers = queue.lanes
    queue.close()
    claims = [Claim(f"{name}, seconds", [one[name] for one in taken], TARGETS.get(name), at_least=False, unit="s")
              for name in TECHNIQUES]  # fmt: skip
    parts = {name: shares(name) for name in TECHNIQUES}
    rows = [[stage, *(f"{100 * part[stage]:.0f} %" for part in parts.values())] for stage in [*STAGES, "else"]]
    return f"""## Default runs

Through the queue on {workers} warm workers, with a kept teacher and source network.

{claims_table(claims)}

Processor time of one trial of each, by stage:

{table(["stage", *TECHNIQUES], rows)}

{where(["torch", "distributed"])}"""


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--laps", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    asked = parser.parse_args()
    warn_if_busy()
    publish({"defaults": section(asked.laps)}, write=asked.write)


if __name__ == "__main__":
    main()
