"""The recorded grids as numbers: what settings came to with their intervals, cell by cell. No Streamlit."""

import math
from collections.abc import Sequence
from functools import cache

from app.results.bundled import Recorded, asset
from kd_core.results.schema import Interval
from kd_core.results.statistics import t_interval

Sides = dict[str, float | None]
Cells = list[list[float] | None]  # of each the value of every seed; None where training broke off


class Grid(Recorded):
    """Validation errors, or losses, over one or two settings, as `assets/grids.py` records them.

    images: how many validation images, or tasks, each value is of; quantile: of Student's t for so many seeds, what
    makes a 95 % interval; arms: cell by cell, the first axis slowest, or over the second axis alone.
    """

    images: int
    seeds: int
    quantile: float
    axes: dict[str, list[float]]
    arms: dict[str, Cells]


@cache
def grid(technique: str) -> Grid:
    """What `make assets` recorded of the technique."""
    found: Grid = asset(f"recorded-{technique}-grid.json")
    return found


def sides(found: Interval, digits: int = 3) -> Sides:
    """Mean and bounds, short."""
    return {side: None if (value := getattr(found, side)) is None else round(value, digits)
            for side in ("mean", "low", "high")}  # fmt: skip


def _sides(values: Sequence[float], recorded: Grid, digits: int = 3) -> Sides:
    return sides(t_interval(values, quantile=recorded["quantile"]), digits)


def percent(cells: Cells, recorded: Grid) -> list[Sides | None]:
    """Errors of each cell in percent of the images, with intervals."""
    scale = 100 / recorded["images"]
    return [None if cell is None else _sides([scale * count for count in cell], recorded) for cell in cells]


def fewer(cells: Cells, baseline: Cells, recorded: Grid) -> list[Sides | None]:
    """How many points fewer errors each cell has than the baseline's, paired by seed."""
    scale = 100 / recorded["images"]
    gained = [[scale * (b - a) for a, b in zip(cell, other, strict=True)] if cell and other else None
              for cell, other in zip(cells, baseline, strict=True)]  # fmt: skip
    return [None if gain is None else _sides(gain, recorded) for gain in gained]


def losses(cells: Cells, recorded: Grid) -> list[Sides | None]:
    """Losses of each cell, by their logarithms as runs are compared: geometric means with their intervals."""
    return [None if cell is None else _exponential([math.log(loss) for loss in cell], recorded) for cell in cells]


def ratios(cells: Cells, baseline: Cells, recorded: Grid) -> list[Sides | None]:
    """How many times the baseline's loss each cell's is, paired by seed."""
    logs = [[math.log(a / b) for a, b in zip(cell, other, strict=True)] if cell and other else None
            for cell, other in zip(cells, baseline, strict=True)]  # fmt: skip
    return [None if ratio is None else _exponential(ratio, recorded) for ratio in logs]


def _exponential(logs: Sequence[float], recorded: Grid) -> Sides:
    found = _sides(logs, recorded, 6)
    return {side: None if value is None else float(f"{math.exp(value):.5g}") for side, value in found.items()}


def rows(cells: Sequence[Sides | None], columns: int) -> list[list[Sides | None]]:
    """The cells as rows, one for each value of the first axis."""
    return [list(cells[at : at + columns]) for at in range(0, len(cells), columns)]
