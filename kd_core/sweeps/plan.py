"""What a map varies: one or two settings over a grid, or any settings searched; all others stay as they are.

    plan = Plan.read("distillation", ["temperature=1,2,4,8", "alpha=0:1:5"], {"student": "mlp30"})
    plan.cells()    # the Settings of every cell of the grid

No torch and no Optuna here: the web process and the command line read it.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from kd_core.data.chosen import MNIST, kept_under
from kd_core.messages import N_, Problem, Scalar
from kd_core.settings.base import Settings
from kd_core.settings.fields import Spec, written
from kd_core.techniques import TECHNIQUES

MOST_CELLS = 400
MOST_SEARCHED = 6  # settings at once
# What says where and how often, adds an arm that no cell is judged by, or makes another task.
NOT_VARIED = {"seed", "seeds", "precision", "device", "fresh_teacher", "fresh_source", "bug", "dataset"}


class Axis(BaseModel):
    """One setting and the values it takes, in order."""

    model_config = ConfigDict(frozen=True)

    field: str
    values: tuple[Scalar, ...]

    def __str__(self) -> str:
        return f"{self.field}={','.join(written(value) for value in self.values)}"


class Plan(BaseModel):
    """A map. settings: of the technique, without the axes' fields.

    trials: how many cells a search may try between the least and the largest value of each axis; 0 is the grid,
    every combination of the axes' values.
    """

    model_config = ConfigDict(frozen=True)

    technique: str
    axes: tuple[Axis, ...]
    settings: dict[str, Scalar] = {}
    trials: int = 0

    @classmethod
    def read(
        cls, technique: str, axes: Sequence[str], settings: Mapping[str, Scalar] | None = None, trials: int = 0
    ) -> Self:
        """A plan from axes as a person writes them; `check` has been called. Raises Problem."""
        if technique not in TECHNIQUES:
            raise Problem(
                N_("There is no technique called {given}; there are {known}."),
                given=technique[:40], known=", ".join(TECHNIQUES),
            )  # fmt: skip
        known = TECHNIQUES[technique].settings
        read = tuple(_axis(known, text) for text in axes if text.strip())
        varied = {axis.field for axis in read}
        kept = {name: value for name, value in (settings or {}).items() if name not in varied}
        plan = cls(technique=technique, axes=read, settings=kept, trials=trials)
        plan.check()
        return plan

    @property
    def varied(self) -> frozenset[str]:
        """The fields that its axes vary."""
        return frozenset(axis.field for axis in self.axes)

    def check(self) -> None:
        """Raise Problem, which says what to change, for a plan that nobody can carry out."""
        fields = [axis.field for axis in self.axes]
        if not fields:
            raise Problem(N_("A map needs at least one setting to vary."))
        if len(set(fields)) < len(fields):
            twice = next(name for name in fields if fields.count(name) > 1)
            raise Problem(N_("{name} is varied twice; choose two different settings."), name=twice)
        if not self.trials and len(fields) > 2:
            raise Problem(
                N_("A grid has one or two settings, and {n} were given; search them instead."), n=len(fields)
            )
        if self.trials and len(fields) > MOST_SEARCHED:
            raise Problem(N_("A search takes at most {most} settings, and {n} were given."),
                          most=MOST_SEARCHED, n=len(fields))  # fmt: skip
        for axis in self.axes:
            if len(axis.values) < 2:
                raise Problem(N_("{name} has fewer than two different values to try."), name=axis.field)
        cells = self.trials or math.prod(len(axis.values) for axis in self.axes)
        if cells > MOST_CELLS:
            raise Problem(N_("This map would have {n} cells; at most {most} are allowed. Choose fewer values."),
                          n=f"{cells:,}", most=MOST_CELLS)  # fmt: skip
        if not self.trials:
            for at in self.grid():
                self.settings_at(at)

    def grid(self) -> list[dict[str, Scalar]]:
        """The axes' values in every cell, the first axis slowest."""
        fields = [axis.field for axis in self.axes]
        return [dict(zip(fields, values, strict=True)) for values in product(*(axis.values for axis in self.axes))]

    def settings_at(self, at: Mapping[str, Scalar]) -> Settings:
        """The Settings of the cell where the axes have these values. Raises Problem for what is not allowed."""
        return TECHNIQUES[self.technique].settings.parse({**self.settings, **at}, N_("the map"))

    def cells(self) -> list[Settings]:
        """The Settings of every cell of the grid."""
        return [self.settings_at(at) for at in self.grid()]

    def key(self) -> str:
        """The same for plans that ask the same: what a stored map is found by."""
        whole = TECHNIQUES[self.technique].settings.parse(self.settings).model_dump()
        asked: dict[str, Any] = {name: value for name, value in whole.items() if name not in self.varied}
        if asked.get("dataset") == MNIST:  # maps are older than this setting
            del asked["dataset"]
        elif "dataset" in asked:  # another set of the same name makes another map
            asked["dataset"] = kept_under(asked["dataset"], "")
        record = [self.technique, [[axis.field, list(axis.values)] for axis in self.axes], asked, self.trials]
        if "lam" in self.varied:  # such maps were once judged by an arm that λ does not touch
            record.append("judged by L2-SP")
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:24]


class MapPreset(BaseModel):
    """A map worth making: its name, what it asks, and its plan."""

    model_config = ConfigDict(frozen=True)

    label: str
    help: str
    plan: Plan


def varied(technique: type[Settings]) -> dict[str, Spec]:
    """The settings that a map may vary: what is learned and how, not where; never the task, whose errors differ."""
    left_out = NOT_VARIED.union(TECHNIQUES[technique.technique].task_fields)
    specs = technique.specs().items()
    return {name: spec for name, spec in specs if name not in left_out and not name.startswith("arm_")}


def _axis(technique: type[Settings], text: str) -> Axis:
    """An axis from "temperature=1,2,4" or "temperature=1:16:5", five values from 1 to 16."""
    name, found, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not found or not values.strip():
        raise Problem(
            N_("“{given}” is no setting with values; write for example {example}."),
            given=text[:60], example="temperature=1,2,4,8",
        )  # fmt: skip
    specs = varied(technique)
    if name not in specs:
        raise Problem(
            N_("{name} cannot be varied in a map of {technique}; these can: {known}."),
            name=name[:40], technique=technique.technique, known=", ".join(specs),
        )  # fmt: skip
    spec = specs[name]
    words = _spread(spec, values) if ":" in values else values.split(",")
    read = [
        getattr(technique.parse({name: word}, N_("the map")), name)
        for word in map(_plain, filter(str.strip, words))
    ]
    return Axis(field=name, values=tuple(dict.fromkeys(read)))


def _plain(word: str) -> Any:
    """A word as `Settings.parse` takes it."""
    word = word.strip()
    return {"true": True, "false": False}.get(word.lower(), word)


def _spread(spec: Spec, text: str) -> list[str]:
    """The values of "low:high:count", evenly spread; by equal factors where the setting spans magnitudes."""
    try:
        low, high, count = (float(part) for part in text.split(":"))
        count = int(count)
    except (ValueError, OverflowError):
        raise Problem(
            N_("{name}: “{given}” is no range; write low:high:count, for example {example}."),
            name=spec.name, given=text[:60], example="1:16:5",
        ) from None  # fmt: skip
    if spec.kind not in (int, float) or not (low < high and math.isfinite(low) and math.isfinite(high)):
        raise Problem(N_("{name}: the range {given} is empty; its first number must be the smaller one."),
                      name=spec.name, given=text[:60])  # fmt: skip
    if not 2 <= count <= MOST_CELLS:
        raise Problem(N_("{name}: a range takes 2 to {most} values, and {n} were asked for."),
                      name=spec.name, most=MOST_CELLS, n=count)  # fmt: skip
    shares = [place / (count - 1) for place in range(count)]
    by_factors = spec.log and low > 0
    spread = [low * (high / low) ** s if by_factors else low + (high - low) * s for s in shares]
    return [written(round(value) if spec.kind is int else float(f"{value:.4g}")) for value in spread]


@cache
def presets() -> dict[str, MapPreset]:
    """The maps worth making, by name, technique by technique."""
    return {
        name: MapPreset(
            label=preset.label,
            help=preset.help,
            plan=Plan.read(one.name, preset.axes, preset.settings, preset.trials),
        )
        for one in TECHNIQUES.values()
        for name, preset in one.sweeps.items()
    }
