"""What the distillation page answers without a run: validation errors over T, α, labels and student.

`python -m assets.grid`, part of `make assets`. Each cell is trained by the run's own trainer at five seeds, all
other settings at their defaults; one process a core, each on one thread. Written are, cell by cell in the order of
`TEMPERATURES` x `ALPHAS`, the errors of each seed, and the first seed's logits of two test digits.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import cpu_count, get_context
from pathlib import Path
from typing import Any

import torch
from scipy.special import stdtrit

from assets.recording import HERE
from kd_core.data.digits import load_mnist
from kd_core.distillation import trainer
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.nn.hardware import resolve
from kd_core.results.provenance import provenance
from kd_core.results.statistics import CONFIDENCE
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.settings.base import Job

FILE = HERE / "recorded-grid.json"
TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 20.0)
# At α = 0 the distilled student is the student alone; at 0.1 it has most of what it has at 0.5, so that no straight
# line from 0 to 0.5 would do.
ALPHAS = (0.1, 0.5, 0.9, 1.0)
BARE = ((4.0, 0.5), (20.0, 0.5))  # (T, α) of the cells without T² in the loss
LABELS = (100, 500, 2_000)
STUDENTS = ("article", "mlp30")
ALONE_LABELS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)  # of the curve that says what a teacher is worth
SEEDS = 5
DIGITS = (0, 4027)  # of the test set: the clear seven and the one that looks like a 1, which the page shows first


def trained(settings: DistillationSettings, arm: str, shared: Any) -> dict[str, Any]:
    """One arm at the settings' first seed: its validation errors after the last epoch, its logits of `DIGITS`."""
    data, (seed,) = load_mnist(), settings.trial_seeds
    job = Job(arm, (arm,), prepared=arm != ALONE)
    done = drained(assemble.train(trainer, settings, data, shared, (seed,), job))[seed].arms[arm]
    digits = [done.gallery_logits[list(data.gallery).index(index)] for index in DIGITS]
    return {"errors": done.curve[-1][1], "logits": [[round(z, 2) for z in row] for row in digits]}


def measure(student: str, labels: int, seed: int) -> dict[str, Any]:
    """All cells of one student, number of labels and seed."""
    torch.set_num_threads(1)  # as a worker
    base = {"student": student, "train_size": labels, "seed": seed, "seeds": 1}
    first = resolve(DistillationSettings.parse(base))
    shared = drained(assemble.prepare(trainer, first, load_mnist()))
    found: dict[str, Any] = {"alone": trained(first, ALONE, shared), "distilled": [], "bare": []}
    if labels in LABELS:
        for t, alpha in product(TEMPERATURES, ALPHAS):
            settings = first.model_copy(update={"temperature": t, "alpha": alpha})
            found["distilled"].append(trained(settings, DISTILLED, shared))
        for t, alpha in BARE:
            settings = first.model_copy(update={"temperature": t, "alpha": alpha, "t_squared": False})
            found["bare"].append(trained(settings, DISTILLED, shared))
    return found


def record(students: Sequence[str] = STUDENTS, seeds: int = SEEDS, path: Path = FILE) -> None:
    """Measure every cell and write it; the largest begin first, so that no core waits at the end."""
    cells = [(student, labels, seed) for labels in reversed(ALONE_LABELS) for student in students
             for seed in range(seeds)]  # fmt: skip
    data = load_mnist()
    drained(assemble.prepare(trainer, resolve(DistillationSettings()), data))  # the teacher is kept from here on
    with ProcessPoolExecutor(cpu_count(), get_context("spawn")) as pool:
        found = dict(zip(cells, pool.map(measure, *zip(*cells, strict=True)), strict=True))

    def over_seeds(kind: str, student: str, labels: int) -> list[list[int]]:
        """Of each cell the validation errors of every seed."""
        by_seed = [[cell["errors"] for cell in found[student, labels, seed][kind]] for seed in range(seeds)]
        return [list(cell) for cell in zip(*by_seed, strict=True)]

    made = provenance(0.0, "cpu", None)
    settings = DistillationSettings().model_dump(
        exclude={"temperature", "alpha", "t_squared", "student", "train_size", "seeds", "seed"}
    )
    recorded = {
        "created": made.created, "processor": made.processor, "torch": made.torch, "version": trainer.VERSION,
        "settings": settings, "data": assemble.dataset(data).name, "images": len(data.validation), "seeds": seeds,
        "quantile": float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2)),
        "temperatures": TEMPERATURES, "alphas": ALPHAS, "labels": LABELS, "without_t_squared": BARE,
        "digits": DIGITS,
        "alone": {student: {labels: [found[student, labels, seed]["alone"]["errors"] for seed in range(seeds)]
                            for labels in ALONE_LABELS} for student in students},
        "distilled": {student: {labels: over_seeds("distilled", student, labels) for labels in LABELS}
                      for student in students},
        "without": {student: {labels: over_seeds("bare", student, labels) for labels in LABELS}
                    for student in students},
        "logits": {student: {labels: {
                       "alone": found[student, labels, 0]["alone"]["logits"],
                       "distilled": [cell["logits"] for cell in found[student, labels, 0]["distilled"]],
                   } for labels in LABELS} for student in students},
    }  # fmt: skip
    path.write_text(json.dumps(recorded, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    record()
