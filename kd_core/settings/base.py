"""Settings: what a person may choose. One frozen model a technique, and the only place that says
what a field is called, what it may be and what it means: widgets, URL, command line, JSON, validation
and docs are read off these models. No torch here: the web process imports this.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from kd_core.data.chosen import MNIST
from kd_core.messages import N_, Problem, Scalar
from kd_core.settings.fields import Spec, written

# How a number is written; Python itself would take "1_0" for 10.
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True)
class Job:
    """The arms of one trial that one worker trains together.

    prepared: whether it needs what the run's preparation makes; effort: its share of a trial's time, in any unit.
    trials: how many trials' jobs of this name a worker trains at once, where small networks side by side take
    little more time than one.
    """

    name: str
    arms: tuple[str, ...]
    prepared: bool = True
    effort: float = 1.0
    trials: int = 1


class Settings(BaseModel):
    """Base of every technique's settings: frozen, no unknown fields, no NaN or infinity.

    stages: what a run goes through, as its events name it, with the words that a person reads. The last is
    what the trials do; those before it make the preparation, each about `shares` of its time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    technique: ClassVar[str]
    module: ClassVar[str]
    stages: ClassVar[Mapping[str, str]]
    shares: ClassVar[Mapping[str, float]]

    @classmethod
    def specs(cls) -> dict[str, Spec]:
        """Every field's `Spec` by name, in the order of the class."""
        return dict(_specs(cls))

    @classmethod
    def parse(cls, values: Mapping[str, Any], source: str = "settings") -> Self:
        """Settings from raw values (strings are read as numbers); `source` says where they came from.

        Raises Problem naming the field, the value given, the values allowed and the source.
        """
        specs = cls.specs()
        for name, value in values.items():
            kind = specs[name].kind if name in specs else None
            if isinstance(value, bool) and kind not in (None, bool):  # pydantic would take true for 1
                raise cls._not_allowed(name, written(value), source)
            if isinstance(value, str) and kind in (int, float) and not _NUMBER.fullmatch(value):
                raise cls._not_allowed(name, value, source)
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise cls._problem(error, source) from None

    @classmethod
    def parse_json(cls, text: str | bytes, source: str = "JSON") -> Self:
        """Settings from a JSON object. Raises Problem, also for text that is no JSON object."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise Problem(
                N_("{source}: this is not a JSON object of settings; write for example {example}."),
                source=source,
                example='{"temperature": 4}',
            )
        return cls.parse(values, source)

    @classmethod
    def _problem(cls, error: ValidationError, source: str) -> Problem:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            return Problem(
                N_("{source}: there is no setting called {name}; there are {known}."),
                source=source,
                name=name[:60],
                known=", ".join(cls.model_fields),
            )
        return cls._not_allowed(name, str(first["input"]), source)

    @classmethod
    def _not_allowed(cls, name: str, given: str, source: str) -> Problem:
        return Problem(
            N_("{source}: {name} = {given} is not allowed; it must be {allowed}."),
            source=source,
            name=name,
            given=given[:60],
            allowed=cls.specs()[name].allowed,
        )

    @property
    def dataset_name(self) -> str:
        """The data set, read off the field `dataset`; the lab's own where there is no such field."""
        return str(getattr(self, "dataset", MNIST))

    @property
    def trial_seeds(self) -> range:
        """The seed of each trial, read off the fields `seed`, the first, and `seeds`, how many."""
        first, trials = getattr(self, "seed", 0), getattr(self, "seeds", 1)
        return range(first, first + trials)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs of each trial, in order. They need nothing of one another: several workers may share a trial."""
        raise NotImplementedError

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms that each trial trains, job by job."""
        return tuple(arm for job in self.jobs for arm in job.arms)

    @property
    def convolves(self) -> bool:
        """Whether the article's networks do most of the work: `auto.resolved` goes by it."""
        return False

    @property
    def effort(self) -> float:
        """About how many images (or tasks) the run trains on, each counted as often as it is seen."""
        return float(len(self.trial_seeds))

    @property
    def idle(self) -> frozenset[str]:
        """The fields that change nothing in the arm a run's question is about, as the others are set."""
        return frozenset()

    @property
    def experiment(self) -> str:
        """The same for settings that differ in `idle` fields only: their main arm comes out the same."""
        return json.dumps(self.model_dump(exclude=set(self.idle)), sort_keys=True)

    def key(self, version: int, data: str) -> str:
        """The hash under which a Result of these settings is kept: technique, result version, data, fields.

        Raises ValueError while a field is still "auto": what that means differs from machine to machine.
        """
        return self._hash(version, data, self.model_dump())

    def trials_key(self, version: int, data: str) -> str:
        """The hash under which a trial of these settings is kept: as `key`, without which seeds there are."""
        return self._hash(version, data, self.model_dump(exclude={"seed", "seeds"}))

    def _hash(self, version: int, data: str, fields: dict[str, Any]) -> str:
        if "auto" in fields.values():
            raise ValueError("settings must be resolved before they are hashed; a field is still 'auto'")
        specs = self.specs()
        counted = {n: v for n, v in fields.items() if not (specs[n].later and v == specs[n].default)}
        record = {**counted, "": [self.technique, version, data]}
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


@cache
def _specs(owner: type[Settings]) -> dict[str, Spec]:
    """Read off a class once: pages and estimates ask hundreds of times."""
    return {name: _spec(owner, name, info) for name, info in owner.model_fields.items()}


def _spec(owner: type[Settings], name: str, info: FieldInfo) -> Spec:
    plain: dict[str, Any] = dict(
        symbol="", unit="", step=None, log=False, more=False, group="", later=False, open=False, choices={},
        marks={},
    )  # fmt: skip
    extra: Any = plain | dict(info.json_schema_extra or {})  # type: ignore[arg-type]
    kind: Any = info.annotation
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None)
    kind = type(get_args(kind)[0]) if get_args(kind) else kind
    return Spec(
        owner=owner, name=name, kind=kind, default=info.default, label=info.title or name,
        help=info.description or "", low=low, high=high, **extra,
    )  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """A named starting point: the fields that differ from the defaults, and whether it needs MNIST."""

    label: str
    help: str
    values: Mapping[str, Scalar]
    needs_mnist: bool = False
