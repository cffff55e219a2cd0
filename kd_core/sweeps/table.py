"""A map as text, for the command line: the grid with its marks, or a search's best cells."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kd_core.messages import Scalar
from kd_core.results.multiple_comparisons import FEWEST_SEEDS, Standing, standings
from kd_core.results.numbers import number
from kd_core.sweeps.study import Cell, MapView

SHOWN = 10  # cells of a search
MARKS = {"waiting": "…", "running": "…", "pruned": "pruned", "failed": "failed"}


def name_of(cell: Cell) -> str:
    """A cell's place in words: "temperature=4 alpha=0.9"."""
    return " ".join(f"{field}={_short(value)}" for field, value in cell.at.items())


def experiments(view: MapView) -> dict[str, Cell]:
    """The finished cells that can be compared, one of each experiment: cells that differ only in settings without
    effect there (α = 0 at T = 1 and T = 4) count once."""
    found: dict[str, Cell] = {}
    for cell in view.finished:
        if not view.losses or min(cell.measures.values()) > 0:
            found.setdefault(view.experiment(cell), cell)
    return found


def judged(view: MapView) -> dict[str, Standing]:
    """Every finished cell's `Standing`, by `name_of`; losses are compared by their logarithm to base ten.

    Cells of one experiment have one Standing.
    """
    scale = math.log10 if view.losses else float
    apart = experiments(view)
    found = standings({name: {seed: scale(v) for seed, v in c.measures.items()} for name, c in apart.items()})
    return {name_of(c): found[view.experiment(c)] for c in view.finished if view.experiment(c) in found}


def table(view: MapView) -> str:
    """The map: its measure in each cell, "*" where being the best cannot be ruled out, and what to make of it."""
    marks, best = judged(view), view.best
    what = "validation loss" if view.losses else "validation errors per 10,000"
    is_grid = not view.plan.trials and len(view.plan.axes) == 2
    lines = _grid(view, marks) if is_grid else _list(view, marks)
    said = [f"{what}, mean over {_seeds(view)} seeds"]
    if any(stands.low is not None for stands in marks.values()):
        said[0] += "; * may be the best (95 %, all cells at once)"
    elif marks:
        said.append(f"no interval: it takes two different cells with at least {FEWEST_SEEDS} seeds in common")
    if best is not None:
        said.append(f"best: {name_of(best)}, {number(view.centre(best))}")
    if view.problem:
        said.append(str(view.problem))
    return "\n".join([*lines, "", *said])


def as_json(view: MapView) -> dict[str, Any]:
    """The map as plain values: its plan, its cells, and how each stands against the best."""
    marks = judged(view)
    cells = []
    for cell in view.cells:
        stands = marks.get(name_of(cell)) if cell.state == "finished" else None
        cells.append({
            "at": dict(cell.at), "state": cell.state, "run": cell.run, "mean": cell.mean,
            "measures": {str(seed): value for seed, value in cell.measures.items()},
            "may_be_best": stands and stands.may_be_best, "above_best": stands and stands.above,
            "low": stands and stands.low, "high": stands and stands.high,
            "problem": str(cell.problem) if cell.problem else None,
        })  # fmt: skip
    return {"map": view.id, "state": view.state, "plan": view.plan.model_dump(), "measure":
            "validation loss" if view.losses else "validation errors per 10,000", "seconds": view.seconds,
            "cells": cells}  # fmt: skip


def _seeds(view: MapView) -> str:
    counts = {len(cell.measures) for cell in view.cells if cell.measures}
    return "/".join(map(str, sorted(counts))) or "no"


def _grid(view: MapView, marks: Mapping[str, Standing]) -> list[str]:
    down, across = view.plan.axes
    at = {tuple(cell.at.values()): cell for cell in view.cells}
    head = [f"{down.field} \\ {across.field}", *map(_short, across.values)]
    rows = [[_short(d), *(_text(view, at[d, a], marks) for a in across.values)] for d in down.values]
    return _aligned([head, *rows])


def _list(view: MapView, marks: Mapping[str, Standing]) -> list[str]:
    cells = sorted(view.cells, key=lambda c: (c.state != "finished", view.centre(c) if c.measures else 0.0))
    cells = cells[:SHOWN] if view.plan.trials else list(view.cells)
    head = [*(axis.field for axis in view.plan.axes), "mean"]
    return _aligned([head, *([*(_short(v) for v in c.at.values()), _text(view, c, marks)] for c in cells)])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _text(view: MapView, cell: Cell, marks: Mapping[str, Standing]) -> str:
    if cell.state != "finished" or cell.mean is None:
        return MARKS.get(cell.state, "")
    stands = marks.get(name_of(cell))
    return number(view.centre(cell)) + ("*" if stands and stands.low is not None and stands.may_be_best else "")


def _short(value: Scalar) -> str:
    return (
        f"{value:.4g}" if isinstance(value, float) else str(value).lower() if value in (True, False) else str(value)
    )
