"""The store: every finished Result, every finished trial, which runs were under way, and the rooms of classes.

    store = Store()                                # SQLite in the user's data folder, or KD_DATABASE_URL
    store.answer(settings, version, data)          # the newest Result of exactly these settings, or None
    store.trials(settings, version, data, machine) # the trials that need not be trained again, by seed

A Result belongs to `Settings.key`: technique, result version, data and every field; a trial to `trials_key`, which
leaves out which seeds there are. So more seeds of the same settings find the trials that there are. Where
nothing can be kept (a full disk, a read-only folder, a database out of reach) the lab goes on without, and
`problem` says why.
"""

import errno
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, defer

from kd_core.messages import N_, Message, Problem, Scalar, message
from kd_core.paths import FULL, database_file
from kd_core.results.packing import pack, pack_whole, unpack, unpack_whole, with_networks
from kd_core.results.schema import Result
from kd_core.results.statistics import validation
from kd_core.runs.entry import UNDER_WAY, Entry, State, machine_of
from kd_core.runs.tables import Mark, Network, Run, Table, Trial, Version
from kd_core.settings.base import Settings

SCHEMA = 2
# What makes a database of version n one of n + 1. 1: Optuna, whose maps are kept here too, has a table "trials".
MIGRATIONS: Mapping[int, Sequence[str]] = {1: ("ALTER TABLE trials RENAME TO finished_trials",)}
CELLS = 4  # so many cells of maps to a run are listed
SILENT_SECONDS = 15.0  # after which a run that nobody speaks for was interrupted
WAIT_SECONDS = 5  # for another process that is writing

T = TypeVar("T")
_DELETED = sa.select(Mark.run).where(Mark.deleted.is_not(None))
_IS_THERE = Run.id.not_in(_DELETED)


def default_url() -> str:
    """KD_DATABASE_URL if it is set, else a SQLite file in the user's data folder. Raises Problem without a home."""
    given = os.environ.get("KD_DATABASE_URL", "")
    return given or f"sqlite:///{database_file()}"


class Store:
    """Finished runs and trials in one database. Never raises because of it: see `problem`.

    notices: what happened to the database when it was opened, for a person.
    problem: why nothing is kept at present; None while all is well.
    """

    def __init__(self, url: str | None = None) -> None:
        self.notices: tuple[Message, ...] = ()
        self._unread: Message | None = None
        self._unwritten: Message | None = None
        self._url = url or ""
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    @property
    def problem(self) -> Message | None:
        """Why nothing is kept; reading from a full disk goes well, and does not end that."""
        return self._unwritten or self._unread

    # Runs as they go

    def begin(self, run: str, settings: Settings, owner: str = "", plan: Mapping[str, Any] | None = None) -> None:
        """A run was put in the queue. owner: who asked for it; plan: of the map that it is a cell of."""
        now = time.time()
        values = dict(
            id=run, technique=settings.technique, settings=settings.model_dump(), state="queued", origin="trained",
            created=now, spoken=now,
        )  # fmt: skip

        def work(session: Session) -> None:
            session.execute(sa.insert(Run).values(**values))
            _put_mark(session, run, owner, plan)

        self._write(work)

    def heartbeat(self, runs: Mapping[str, str]) -> None:
        """These runs (id -> state) go on; call it every BEAT_SECONDS."""

        def work(session: Session) -> None:
            for run, state in runs.items():
                session.execute(sa.update(Run).where(Run.id == run).values(state=state, spoken=time.time()))

        if runs:
            self._write(work)

    def end(self, run: str, state: State, problem: Message | None = None) -> None:
        """A run was stopped or has failed."""
        told = problem.model_dump() if problem else None
        self._write(
            lambda session: session.execute(sa.update(Run).where(Run.id == run).values(state=state, problem=told))
        )

    def finish(self, run: str, settings: Settings, result: Result, data: str, seconds: float) -> None:
        """A run's Result. settings: as the Result has them, resolved; data: what the workers loaded, by name."""
        values = _columns(result) | dict(
            state="finished", seconds=seconds, key=settings.key(result.version, data), data=data
        )

        def work(session: Session) -> None:
            now = time.time()
            known = session.scalars(sa.select(Run.created).where(Run.id == run)).first()
            session.execute(sa.delete(Run).where(Run.id == run))
            row = dict(id=run, technique=result.technique, origin="trained", created=known or now, spoken=now)
            session.execute(sa.insert(Run).values(**row, **values))
            _put_networks(session, run, result)

        self._write(work)

    def remove(self, run: str) -> None:
        """Forget a run: it was answered by an earlier one."""
        self._write(lambda session: _forget(session, run))

    def add(self, run: str, result: Result, owner: str = "") -> None:
        """A Result that came from outside. It is listed and shown, and never given as an answer to settings.

        One that was deleted comes back without its name.
        """
        now = time.time()
        values = _columns(result) | dict(
            id=run, technique=result.technique, state="finished", origin="imported", created=now, spoken=now,
            seconds=result.provenance.seconds, data=result.data.name,
        )  # fmt: skip

        def work(session: Session) -> None:
            if session.scalars(_DELETED.where(Mark.run == run)).first():
                _forget(session, run)
            session.execute(sa.insert(Run).values(**values))
            _put_mark(session, run, owner)
            _put_networks(session, run, result)

        self._write(work)
        if self.problem:
            raise Problem("{why}", why=self.problem)

    # Trials

    def keep_trial(self, settings: Settings, data: str, seed: int, result: Result) -> None:
        """One finished trial of (resolved) settings; an earlier one of the same machine gives way."""
        key, machine = settings.trials_key(result.version, data), machine_of(result.provenance)
        same = (Trial.key == key, Trial.seed == seed, Trial.machine == machine)
        row = dict(key=key, seed=seed, machine=machine, created=time.time(), result=pack_whole(result))

        def work(session: Session) -> None:
            session.execute(sa.delete(Trial).where(*same))
            session.execute(sa.insert(Trial).values(**row))

        self._write(work)

    def trials(self, settings: Settings, version: int, data: str, machine: str) -> dict[int, Result]:
        """The finished trials of `settings` by seed, for those of its seeds that there are."""
        key, seeds = settings.trials_key(version, data), list(settings.trial_seeds)
        query = sa.select(Trial.seed, Trial.result).where(
            Trial.key == key, Trial.machine == machine, Trial.seed.in_(seeds)
        )
        rows = self._read(lambda session: session.execute(query).all()) or []
        found = {seed: unpack_whole(packed) for seed, packed in rows}
        return {seed: result for seed, result in found.items() if result is not None}

    # What there is

    def answer(self, settings: Settings, version: int, data: str) -> tuple[str, Result] | None:
        """Id and Result, its networks included, of the newest finished run of exactly these (resolved) settings."""
        (found,) = self.answers([settings], version, data)
        if found is None:
            return None
        run, result = found
        return run, with_networks(result, self._read(lambda session: _networks(session, run)) or {})

    def answers(self, asked: Sequence[Settings], version: int, data: str) -> list[tuple[str, Result] | None]:
        """`answer` for many (resolved) settings with one look, each without its networks."""
        keys = [settings.key(version, data) for settings in asked]
        query = (
            sa.select(Run.key, Run.id, Run.result)
            .where(Run.key.in_(keys), Run.state == "finished", Run.origin == "trained", _IS_THERE)
            .order_by(Run.created)
        )
        rows = self._read(lambda session: session.execute(query).all()) or []
        newest = {key: (run, packed) for key, run, packed in rows}
        found = {key: (run, packed and unpack(packed)) for key, (run, packed) in newest.items()}
        return [(run, result) if result else None for run, result in (found.get(key, ("", None)) for key in keys)]

    def result(self, run: str) -> Result | None:
        """A finished run's Result with its networks, or None."""

        def work(session: Session) -> tuple[bytes | None, dict[str, bytes]]:
            packed = session.scalars(sa.select(Run.result).where(Run.id == run, _IS_THERE)).first()
            return packed, _networks(session, run)

        packed, networks = self._read(work) or (None, {})
        result = unpack(packed) if packed else None
        return result and with_networks(result, networks)

    def find(self, run: str) -> Entry | None:
        """What is known of one run, or None."""
        found = self._entries(Run.id == run)
        return found[0] if found else None

    def history(self, limit: int = 500) -> list[Entry]:
        """The newest runs, newest first; the cells of maps beside them, up to CELLS times as many."""
        singly, of_maps = Mark.plan.is_(None), Mark.plan.is_not(None)
        found = self._entries(singly, limit=limit) + self._entries(of_maps, limit=CELLS * limit)
        return sorted(found, key=lambda entry: entry.created, reverse=True)

    def durations(self, technique: str, limit: int = 20) -> list[tuple[Mapping[str, Scalar], float]]:
        """Settings and seconds of the newest finished runs of a technique on this database."""
        query = (
            sa.select(Run.settings, Run.seconds)
            .where(Run.technique == technique, Run.state == "finished", Run.origin == "trained")
            .order_by(Run.created.desc())
            .limit(limit)
        )
        rows = self._read(lambda session: session.execute(query).all()) or []
        return [(settings, seconds) for settings, seconds in rows if seconds]

    def within(self, work: Callable[[Session], T]) -> T:
        """Do `work` in one transaction, for rooms; what it returns is not None. Raises Problem where the database
        can't."""
        done, problem = self._try(work)
        if done is None:
            raise Problem("{why}", why=problem or "")
        return done

    def close(self) -> None:
        """Let the database go; the next use opens it again."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _entries(self, *where: Any, limit: int = 1) -> list[Entry]:
        query = sa.select(Run, Mark).outerjoin(Mark, Mark.run == Run.id).where(*where, Mark.deleted.is_(None))
        query = query.order_by(Run.created.desc()).limit(limit).options(defer(Run.result))
        return self._read(lambda session: [_entry(*row) for row in session.execute(query)]) or []

    def _read(self, work: Callable[[Session], T]) -> T | None:
        """What `work` finds in one transaction; None and a `problem` where the database can't."""
        found, self._unread = self._try(work)
        return found

    def _write(self, work: Callable[[Session], object]) -> None:
        """Do `work` in one transaction; a `problem` where the database can't."""
        _, self._unwritten = self._try(work)
        if self._unwritten is None:
            self._unread = None

    def _try(self, work: Callable[[Session], T]) -> tuple[T | None, Message | None]:
        try:
            with Session(self._opened()) as session, session.begin():
                return work(session), None
        except Problem as problem:
            return None, problem.message
        except (SQLAlchemyError, OSError) as error:
            return None, message(
                "Runs are not kept at present: the database {where} answers “{why}”. What is on the screen stays; "
                "{remedy}, and new runs are kept again.",
                where=_shown(self._url),
                why=_why(error),
                remedy=_remedy(error),
            )

    def _opened(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                self._url = self._url or default_url()
                self._engine, notice = _open(self._url)
                self.notices = (notice,) if notice else ()
            return self._engine


def _columns(result: Result) -> dict[str, Any]:
    """The columns of a run that follow from its Result."""
    return dict(
        settings=result.settings,
        verdict=result.verdict.text.model_dump(),
        validation=validation(result),
        result=pack(result),
    )


def _put_mark(session: Session, run: str, owner: str, plan: Mapping[str, Any] | None = None) -> None:
    if owner or plan:
        session.execute(sa.insert(Mark).values(run=run, owner=owner, plan=plan and dict(plan)))


def _forget(session: Session, run: str) -> None:
    session.execute(sa.delete(Network).where(Network.run == run))
    session.execute(sa.delete(Run).where(Run.id == run))
    session.execute(sa.delete(Mark).where(Mark.run == run))


def _put_networks(session: Session, run: str, result: Result) -> None:
    rows = [dict(run=run, arm=arm, safetensors=weights) for arm, weights in result.networks().items()]
    if rows:
        session.execute(sa.insert(Network), rows)


def _networks(session: Session, run: str) -> dict[str, bytes]:
    """Arm -> its network, of a run."""
    found = session.scalars(sa.select(Network).where(Network.run == run))
    return {network.arm: network.safetensors for network in found}


def _entry(row: Run, mark: Mark | None) -> Entry:
    silent = row.state in UNDER_WAY and time.time() - row.spoken > SILENT_SECONDS
    state: Any = "interrupted" if silent else row.state
    return Entry(
        id=row.id,
        technique=row.technique,
        settings=row.settings,
        state=state,
        origin=row.origin,
        created=datetime.fromtimestamp(row.created, UTC),
        seconds=row.seconds,
        data=row.data,
        verdict=Message.model_validate(row.verdict) if row.verdict else None,
        validation=row.validation or {},
        problem=Message.model_validate(row.problem) if row.problem else None,
        owner=mark.owner if mark else "",
        name=mark.name if mark else "",
        note=mark.note if mark else "",
        plan=mark.plan if mark else None,
    )


# Opening


def _open(url: str) -> tuple[sa.Engine, Message | None]:
    """The database, made or brought up to date; and what a person should know of it. Raises Problem."""
    try:
        engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except (ArgumentError, ImportError) as error:  # no such driver, or not a URL
        raise Problem(
            N_("KD_DATABASE_URL = {url} cannot be used ({why}); write sqlite:///FILE, or "
               "postgresql+psycopg://… with requirements-postgres.txt installed."),
            url=_shown(url), why=_why(error),
        ) from None  # fmt: skip
    if engine.dialect.name != "sqlite":
        _bring_up_to_date(engine)
        return engine, None
    sa.event.listen(engine, "connect", _set_up_sqlite)
    file = Path(engine.url.database or "")
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.exists() and not _is_sound(engine):
        engine.dispose()
        aside = _set_aside(file)
        engine = sa.create_engine(url)
        sa.event.listen(engine, "connect", _set_up_sqlite)
        _bring_up_to_date(engine)
        return engine, message(
            "The database of earlier runs was damaged. It was kept aside as {file}, and a new one was started.",
            file=aside.name,
        )
    _bring_up_to_date(engine)
    return engine, None


def _set_up_sqlite(connection: Any, _: Any) -> None:
    """Readers and one writer at a time, in several processes."""
    connection.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _is_sound(engine: sa.Engine) -> bool:
    """Whether a SQLite file can be read; one that is merely locked or forbidden is."""
    try:
        with engine.connect() as connection:
            return connection.execute(sa.text("PRAGMA quick_check(1)")).scalar() == "ok"
    except DatabaseError as error:
        return not any(sign in str(error.orig) for sign in ("not a database", "malformed", "corrupt"))


def _set_aside(file: Path) -> Path:
    """Rename a damaged database, with what SQLite has beside it."""
    aside = file.with_name(f"{file.stem}-damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}{file.suffix}")
    file.rename(aside)
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            file.with_name(file.name + ending).rename(aside.with_name(aside.name + ending))
    return aside


def _bring_up_to_date(engine: sa.Engine) -> None:
    """Create what is missing, and apply MIGRATIONS to an older database, all in one transaction.

    Raises Problem for a database of a newer lab, which this one must not write to; the engine is let go then.
    """
    try:
        _migrate(engine)
    except Exception:
        engine.dispose()  # the next use opens it anew
        raise


def _migrate(engine: sa.Engine) -> None:
    for last in (False, True):
        try:
            with engine.begin() as connection:
                if engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # nobody else's writing comes between
                Version.__table__.create(connection, checkfirst=True)  # type: ignore[attr-defined]
                version = connection.execute(sa.select(Version.version)).scalar()
                if version is not None and version > SCHEMA:
                    raise Problem(
                        N_("The database {where} was written by a newer version of the lab; update the lab, or "
                           "name another database in KD_DATABASE_URL."), where=_shown(str(engine.url)),
                    )  # fmt: skip
                for step in range(version or SCHEMA, SCHEMA):
                    for statement in MIGRATIONS[step]:
                        connection.execute(sa.text(statement))
                Table.metadata.create_all(connection)
                connection.execute(sa.delete(Version))
                connection.execute(sa.insert(Version).values(version=SCHEMA))
            return
        except (DBAPIError, IntegrityError):  # another server was making it at this moment
            if last:
                raise
            time.sleep(0.3)


def _shown(url: str) -> str:
    """A database's address as a person may see it: no password; of SQLite the file's path."""
    try:
        known = sa.make_url(url)
    except ArgumentError:
        return url[:40]
    return str(known.database or "") if known.drivername.startswith("sqlite") else known.render_as_string()


def _remedy(error: BaseException) -> Message:
    """What a person can do about a database that fails so."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    said, number = str(cause).lower(), getattr(cause, "errno", None)
    if "is full" in said or number in FULL:
        return message("free some space on its disk")
    if "readonly" in said or "unable to open" in said or number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return message(
            "let the lab's user write to this file and its folder, or start the lab with another database in the "
            "environment variable KD_DATABASE_URL"
        )
    if "locked" in said:
        return message("end the other process that writes to it")
    return message(
        "put that right, or start the lab with another database in the environment variable KD_DATABASE_URL"
    )


def _why(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return (str(cause).strip().splitlines() or [type(error).__name__])[0][:160]
