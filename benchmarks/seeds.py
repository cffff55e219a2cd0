"""What do five seeds cost in one run, against five runs of one seed each?

    python benchmarks/seeds.py [-n N] [--write]

Processor time of whole runs in this process, on one thread: training, evaluation and the statistics. The same seeds
are trained on both sides, and the runs of one seed come after a run that has warmed everything up. Then the jobs of
the smallest students alone, without what a run makes once: five seeds side by side, against the same five one after
another, as they are trained in larger students. They give the same numbers to the last bit.

Nothing else should be running.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from benchmarks.report import Claim, asked, claims_table, publish, where
from kd_core.data.digits import Digits, load
from kd_core.distillation import trainer
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.meta_learning.settings import MetaSettings
from kd_core.runs.assemble import drained, prepare, run, train, trainer_of
from kd_core.settings.base import Job, Settings

SEEDS = 5
ON_CPU = {"device": "cpu", "precision": "float32"}
# What is trained -> its settings, and how many times as much five runs should cost.
CASES: Mapping[str, tuple[Settings, float]] = {
    "meta-learning on sinusoids, 300 meta-steps": (MetaSettings(iterations=300), 3.0),
    "distillation, two layers of 30 units, 500 images, 30 epochs":
        (DistillationSettings(student="mlp30", **ON_CPU), 3.0),
    "distillation, the article's CNN, 500 images, 10 epochs": (DistillationSettings(epochs=10, **ON_CPU), 1.5),
}  # fmt: skip


def seconds(settings: Settings, data: Digits) -> float:
    """Processor time of a run."""
    start = time.process_time()
    for _event in run(trainer_of(settings.module), settings, data):
        pass
    return time.process_time() - start


def ratio(settings: Settings, data: Digits) -> float:
    """Five runs of one seed over one run of five."""
    alone = [settings.model_copy(update={"seed": seed, "seeds": 1}) for seed in range(SEEDS)]
    together = seconds(settings.model_copy(update={"seed": 0, "seeds": SEEDS}), data)
    return sum(seconds(each, data) for each in alone) / together


def side_by_side(job: str, data: Digits) -> float:
    """A job of five students of 30 units trained one after another, over the same five side by side."""
    settings = DistillationSettings(student="mlp30", seeds=SEEDS, **ON_CPU)
    shared = drained(prepare(trainer, settings, data))
    (asked_for,) = (one for one in settings.jobs if one.name == job)
    seeds = tuple(settings.trial_seeds)

    def took(some: Sequence[tuple[int, ...]], job: Job) -> float:
        start = time.process_time()
        for few in some:
            drained(train(trainer, settings, data, shared, few, job))
        return time.process_time() - start

    alone = took([(seed,) for seed in seeds], replace(asked_for, trials=1))
    return alone / took([seeds], asked_for)


def section(n: int) -> str:
    """The ratio of each case."""
    torch.set_num_threads(1)
    data = load()
    claims = []
    for what, (settings, target) in CASES.items():
        seconds(settings.model_copy(update={"seeds": 1}), data)
        ratios = [ratio(settings, data) for _ in range(n)]
        print(what, ratios, file=sys.stderr, flush=True)
        claims.append(Claim(what, ratios, target))
    for job in (ALONE, DISTILLED):
        ratios = [side_by_side(job, data) for _ in range(n)]
        print(job, ratios, file=sys.stderr, flush=True)
        claims.append(Claim(f"two layers of 30 units, {job}: one after another, over side by side", ratios, None))
    return f"""## Five seeds

Processor time of five runs of one seed, over that of one run of the same five seeds; one thread. Below it that of
the students' training alone.

{claims_table(claims)}

{where(["torch"])}"""


def main() -> None:
    """Measure, print, and write if asked to."""
    arguments = asked(__doc__, 5)
    publish({"seeds": section(arguments.n)}, arguments.write)


if __name__ == "__main__":
    main()
