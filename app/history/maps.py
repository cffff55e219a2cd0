"""A map's cells as one row of the history, which can be opened."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kd_core.data.chosen import is_own
from kd_core.messages import Scalar
from kd_core.results.comparability import score
from kd_core.runs.entry import Entry
from kd_core.sweeps.plan import Plan


@dataclass(frozen=True)
class Fold:
    """A map, and those of its cells that are listed, the newest first. id: of its row.

    key: the plan's, with the data of a set that somebody has added: another one may have taken its name since.
    """

    key: str
    plan: Plan
    cells: tuple[Entry, ...]

    @property
    def id(self) -> str:
        return f"map-{self.key}"

    @property
    def technique(self) -> str:
        return self.plan.technique

    @property
    def best(self) -> Entry | None:
        """The finished cell with the fewest validation errors, or the lowest loss."""
        scores = {
            place: value
            for place, cell in enumerate(self.cells)
            if (value := score(cell.technique, cell.settings, cell.validation)) is not None
        }
        return self.cells[min(scores, key=scores.__getitem__)] if scores else None


Row = Entry | Fold


def fold(entries: Sequence[Entry], opened: Collection[str]) -> list[Row]:
    """The entries in their order, each map in the place of its first cell; its cells follow if it is `opened`."""
    plans = {entry.id: plan for entry in entries if (plan := plan_of(entry))}
    distinct = {id(plan): plan for plan in plans.values()}  # cells of a map share its plan
    plain = {which: plan.key() for which, plan in distinct.items()}
    keys = {entry.id: _key(plain[id(plans[entry.id])], entry.data) for entry in entries if entry.id in plans}
    cells: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.id in plans:
            cells.setdefault(keys[entry.id], []).append(entry)
    rows: list[Row] = []
    for entry in entries:
        if entry.id not in plans:
            rows.append(entry)
        elif found := cells.pop(key := keys[entry.id], None):
            newest = tuple(sorted(found, key=lambda cell: cell.created, reverse=True))
            whole = Fold(key, plans[entry.id], newest)
            rows += [whole, *(found if whole.id in opened else ())]
    return rows


def _key(key: str, data: str | None) -> str:
    """What the cells of one row share. A cell that was never trained has no data, and is of today's."""
    of_set = re.search(r"\(([0-9a-f]{10})\)", data) if data and is_own(data) else None
    return f"{key}-{of_set[1]}" if of_set else key


def plan_of(entry: Entry) -> Plan | None:
    """The map that a run is a cell of; None for a run of its own, or of a lab that had other settings."""
    return _plan(json.dumps(entry.plan, sort_keys=True)) if entry.plan else None


@lru_cache(maxsize=200)
def _plan(text: str) -> Plan | None:
    try:
        plan = Plan.model_validate_json(text)
        plan.check()
    except ValueError:  # pydantic's and Problem are ValueErrors
        return None
    return plan


def axes_of(cell: Entry, plan: Plan) -> Mapping[str, Scalar]:
    """Where a cell stands on the axes of its map."""
    return {axis.field: cell.settings[axis.field] for axis in plan.axes if axis.field in cell.settings}
