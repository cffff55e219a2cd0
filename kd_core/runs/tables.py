"""The tables of the store's database: runs, trials, networks, what people make of runs, the rooms of classes."""

from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: sa.JSON}


class Version(Table):
    __tablename__ = "lab_schema"
    version: Mapped[int] = mapped_column(primary_key=True)


class Run(Table):
    """One run. Times are seconds since 1970, UTC; `spoken` is when its server last said that it goes on."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    technique: Mapped[str] = mapped_column(sa.String(40), index=True)
    settings: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(sa.String(12), index=True)
    origin: Mapped[str] = mapped_column(sa.String(12))  # "trained" or "imported"
    created: Mapped[float] = mapped_column(index=True)
    spoken: Mapped[float]
    seconds: Mapped[float | None]  # from its first task to its Result
    key: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    data: Mapped[str | None] = mapped_column(sa.String(60))
    verdict: Mapped[dict[str, Any] | None]
    validation: Mapped[dict[str, Any] | None]
    problem: Mapped[dict[str, Any] | None]
    result: Mapped[bytes | None] = mapped_column(sa.LargeBinary)  # JSON without the networks, compressed


class Network(Table):
    """The first trial's network of one arm of a run, as a safetensors file."""

    __tablename__ = "networks"
    run: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    arm: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    safetensors: Mapped[bytes] = mapped_column(sa.LargeBinary)


class Trial(Table):
    """One finished trial, its networks among it. machine: what must be equal for trials to belong together."""

    __tablename__ = "finished_trials"
    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    seed: Mapped[int] = mapped_column(primary_key=True)
    machine: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    created: Mapped[float]
    result: Mapped[bytes] = mapped_column(sa.LargeBinary)


class Mark(Table):
    """What people make of a run: see `kd_core.runs.marks`. plan: of the map that it is a cell of."""

    __tablename__ = "run_marks"
    run: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(64), default="")
    name: Mapped[str] = mapped_column(sa.String(200), default="")
    note: Mapped[str] = mapped_column(sa.String(1000), default="")
    deleted: Mapped[float | None] = mapped_column(index=True)  # seconds since 1970, UTC
    plan: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))


class Room(Table):
    """A class that guesses along with a talk: see `kd_core.runs.rooms`. opened: seconds since 1970, UTC."""

    __tablename__ = "rooms"
    code: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(64), index=True)
    opened: Mapped[float]
    changes: Mapped[int]  # how often it or its guesses changed
    question: Mapped[str | None] = mapped_column(sa.String(80))
    words: Mapped[dict[str, Any]]
    truth: Mapped[str | None] = mapped_column(sa.String(80))


class Guess(Table):
    """What one device of a room guesses at one question."""

    __tablename__ = "guesses"
    room: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    question: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    device: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    choice: Mapped[str] = mapped_column(sa.String(80))


class Talk(Table):
    """Where a talk stands, for its speaker: see `kd_core.runs.talks`. turned, begun: seconds since 1970, UTC."""

    __tablename__ = "talks"
    key: Mapped[str] = mapped_column(sa.String(24), primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(64), unique=True)
    turned: Mapped[float]
    begun: Mapped[float | None]
    technique: Mapped[str] = mapped_column(sa.String(40), default="")
    at: Mapped[int] = mapped_column(default=0)
    revealed: Mapped[list[int]] = mapped_column(sa.JSON, default=list)
    changes: Mapped[int] = mapped_column(default=0)
