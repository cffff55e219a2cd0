"""Cells of the recorded grids: arms trained at other settings than the defaults, each by the run's own trainer."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import cpu_count, get_context
from pathlib import Path
from typing import Any

import torch
from scipy.special import stdtrit

from assets.recording import short
from kd_core.data.digits import load_mnist
from kd_core.messages import Problem
from kd_core.nn.hardware import resolve
from kd_core.results.provenance import provenance
from kd_core.results.schema import ArmTrial
from kd_core.results.statistics import CONFIDENCE
from kd_core.runs import assemble
from kd_core.runs.assemble import drained, trainer_of
from kd_core.runs.remembered import remembering
from kd_core.settings.base import Job, Settings

SEEDS = 5
Part = tuple[Job, Settings]  # what is trained, and at which settings; their seeds say which trials
Measured = dict[tuple[str, Settings], list[float] | None]  # of each arm and settings


def last(trial: ArmTrial) -> float:
    """What a trial is ranked by: its last errors on the whole validation split, or its last validation loss."""
    return short(trial.series["validation loss"][-1]) if "validation loss" in trial.series else trial.curve[-1][1]


def trained(part: Part) -> dict[str, list[float] | None]:
    """Of each arm of a job `last` of every seed; None where training broke off. Preparations are shared."""
    torch.set_num_threads(1)  # as a worker
    job, settings = part[0], resolve(part[1])
    data, trainer = load_mnist(), trainer_of(settings.module)
    seeds = tuple(settings.trial_seeds)
    found: dict[int, assemble.Trained] = {}
    with remembering(True):
        shared = drained(assemble.prepare(trainer, settings, data)) if job.prepared else None
        try:
            for some in [seeds] if job.trials > 1 else [(seed,) for seed in seeds]:
                found |= drained(assemble.train(trainer, settings, data, shared, some, job))
        except Problem as problem:
            print(problem, flush=True)
            return dict.fromkeys(job.arms)
    return {arm: [last(found[seed].arms[arm]) for seed in seeds] for arm in job.arms}


def measured(cells: Sequence[tuple[str, Settings]]) -> Measured:
    """What arms come to at these settings, one process a core. A job of several arms is trained once."""
    parts = dict.fromkeys(
        (next(job for job in settings.jobs if arm in job.arms), settings) for arm, settings in cells
    )
    each = sorted(parts, key=lambda part: part[1].effort, reverse=True)  # so that no core waits at the end
    with ProcessPoolExecutor(cpu_count(), get_context("spawn")) as pool:
        done = pool.map(trained, each)
        return {(arm, part[1]): ends for part, arms in zip(each, done, strict=True) for arm, ends in arms.items()}


def record(
    path: Path, base: Settings, axes: Mapping[str, Sequence[Any]], arms: Mapping[str, Sequence[Settings]]
) -> None:
    """Train each arm at each of its settings and write `last` of every seed, cell by cell.

    axes: name -> the values that are varied. base: the settings that do not vary.
    """
    trainer, data, made = trainer_of(base.module), load_mnist(), provenance(0.0, "cpu", None)
    shared = drained(assemble.prepare(trainer, resolve(base), data))  # a source network is kept from here on
    found = measured([(arm, settings) for arm, cells in arms.items() for settings in cells])
    varied = {field for cells in arms.values() for one in cells for field, value in one.model_dump().items()
              if value != getattr(base, field)}  # fmt: skip
    recorded = {
        "created": made.created, "processor": made.processor, "torch": made.torch, "version": trainer.VERSION,
        "settings": base.model_dump(exclude={*varied, "seeds", "seed"}), "data": shared.data.name,
        "images": shared.data.validation, "seeds": len(base.trial_seeds),
        "quantile": float(stdtrit(len(base.trial_seeds) - 1, (1 + CONFIDENCE) / 2)), "axes": axes,
        "arms": {arm: [found[arm, settings] for settings in cells] for arm, cells in arms.items()},
    }  # fmt: skip
    path.write_text(json.dumps(recorded, separators=(",", ":")) + "\n", encoding="utf-8")
