"""A run from the command line: carried out here or by workers, and its table."""

import sys

from kd_core.cli.progress import bar, show
from kd_core.messages import Problem
from kd_core.results.events import Step
from kd_core.results.schema import NOTHING, Result
from kd_core.runs.assemble import run, trainer_of
from kd_core.runs.queue import Limits, Queue
from kd_core.settings.base import Settings

MANY_ARMS = 6


def in_process(settings: Settings, threads: int = 1) -> Result:
    """The run, here. threads: 1, as a worker's, gives the same numbers to the last bit; more are sooner."""
    import torch

    from kd_core.data.digits import load
    from kd_core.nn.hardware import keep_memory

    torch.set_num_threads(threads)
    keep_memory()
    trainer, data = trainer_of(settings.module), load(say=lambda said: print(said, file=sys.stderr))
    trials = settings.model_dump()["seeds"]
    first = settings.model_dump()["seed"]
    with bar() as shown:
        for event in run(trainer, settings, data):
            if isinstance(event, Result):
                return event
            if isinstance(event, Step):
                done = event.seed - first + event.progress if event.stage == list(settings.stages)[-1] else 0.0
                show(shown, event.stage, done / trials)
    raise AssertionError("the run ended without a Result")


def in_queue(settings: Settings, workers: int | None) -> Result:
    queue = Queue({"KD_WORKERS": str(workers)} if workers else {}, limits=Limits(images=None))
    try:
        handle = queue.submit(settings)
        with bar() as shown:
            while not (view := handle.wait(0.3)).over:
                stages = [name for name, stage in view.stages.items() if stage.state == "running"]
                show(shown, stages[-1] if stages else view.state, view.progress)
        for notice in view.notices:
            print(notice, file=sys.stderr)
        if view.result is None:
            raise Problem("{why}", why=view.problem or view.state)
        return view.result
    finally:
        queue.close()


def _compared_by(result: Result) -> tuple[str, ...]:
    """The row of what the arms are compared by: errors, or another measure's means."""
    if result.measure == "errors":
        return "errors per 10,000", *(str(arm.errors_per_10000) for arm in result.arms)
    scores = [arm.score or NOTHING for arm in result.arms]
    halves = ["" if score.half_width is None else f" ± {score.half_width:.3f}" for score in scores]
    return result.measure, *(f"{score.mean:.3f}{half}" for score, half in zip(scores, halves, strict=True))


def table(result: Result) -> str:
    """The arms side by side and the verdict, as text."""
    rows: list[tuple[str, ...]] = [
        ("", *(arm.name for arm in result.arms)),
        _compared_by(result),
        ("labels it saw", *(f"{arm.labels:,}" for arm in result.arms)),
        ("parameters", *(f"{arm.cost.parameters:,}" for arm in result.arms)),
        ("multiply-adds", *(f"{arm.cost.multiply_adds:,}" for arm in result.arms)),
        ("bytes", *(f"{arm.cost.bytes:,}" for arm in result.arms)),
        ("latency, ms", *(f"{arm.cost.latency_ms:.2f}" for arm in result.arms)),
    ]
    if len(result.arms) > MANY_ARMS:  # a line each, or the lines would be longer than any screen
        rows = list(zip(*rows, strict=True))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if not i else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]  # fmt: skip
    tested = "Test images" if result.measure == "errors" else "Test tasks"
    spread = f"{tested}: {result.data.test:,} of {result.data.name}."
    if any((arm.score or arm.errors_per_10000).n > 1 for arm in result.arms):
        spread += " ± is a 95 % interval over the trials."
    return "\n".join([*lines, spread, "", str(result.verdict.text), *map(str, result.verdict.scope),
                      *(str(further.text) for further in result.comparisons)])  # fmt: skip
