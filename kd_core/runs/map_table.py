"""A map as text, for the command line: the grid with its marks, or a search's best cells."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kd_core.best import Standing, standings
from kd_core.messages import Scalar
from kd_core.runs.map_study import Cell, MapView

SHOWN = 10  # cells of a search
MARKS = {"waiting": "…", "running": "…", "pruned": "pruned", "failed": "failed"}


def name_of(cell: Cell) -> str:
    """A cell's place in words: "temperature=4 alpha=0.9"."""
    return " ".join(f"{field}={_short(value)}" for field, value in cell.at.items())


def judged(view: MapView) -> dict[str, Standing]:
    """Every finished cell's `Standing`, by `name_of`; losses are compared by their logarithm to base ten."""
    cells = [cell for cell in view.cells if cell.state == "finished" and cell.measures]
    if view.losses:
        cells = [cell for cell in cells if min(cell.measures.values()) > 0]
    scale = math.log10 if view.losses else float
    return standings({name_of(c): {seed: scale(v) for seed, v in c.measures.items()} for c in cells})


def table(view: MapView) -> str:
    """The map: its measure in each cell, "*" where being the best cannot be ruled out, and what to make of it."""
    marks, best = judged(view), view.best
    what = "validation loss" if view.losses else "validation errors per 10,000"
    is_grid = not view.plan.trials and len(view.plan.axes) == 2
    lines = _grid(view, marks) if is_grid else _list(view, marks)
    said = [f"{what}, mean over {_seeds(view)} seeds; * may be the best (95 %, all cells at once)"]
    if best is not None:
        said.append(f"best: {name_of(best)}, {_number(best.mean)}")
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
    rows = [[_short(d), *(_text(at[d, a], marks) for a in across.values)] for d in down.values]
    return _aligned([head, *rows])


def _list(view: MapView, marks: Mapping[str, Standing]) -> list[str]:
    cells = sorted(view.cells, key=lambda cell: (cell.state != "finished", cell.mean or 0.0))
    cells = cells[:SHOWN] if view.plan.trials else list(view.cells)
    head = [*(axis.field for axis in view.plan.axes), "mean"]
    return _aligned([head, *([*(_short(v) for v in c.at.values()), _text(c, marks)] for c in cells)])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _text(cell: Cell, marks: Mapping[str, Standing]) -> str:
    if cell.state != "finished" or cell.mean is None:
        return MARKS.get(cell.state, "")
    stands = marks.get(name_of(cell))
    return _number(cell.mean) + ("*" if stands and stands.low is not None and stands.may_be_best else "")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 10 else f"{value:.3g}"


def _short(value: Scalar) -> str:
    return (
        f"{value:.4g}" if isinstance(value, float) else str(value).lower() if value in (True, False) else str(value)
    )
