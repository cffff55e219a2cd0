"""Rooms: a class guesses along with a talk, each device once a question. They are kept in the store's database.

    rooms = Rooms(store)
    code = rooms.open(owner)                          # the owner's room, three hours long
    rooms.show(owner, question, truth=None)           # what is asked now; with a truth, no guess is taken any more
    rooms.guess(code, question.name, "yes", device)   # may be changed until then
    rooms.state(code)                                 # what all its phones and the projector show

Several servers may share the database. A state is read from it at most five times a second, however many ask.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kd_core.messages import N_, Problem
from kd_core.runs.store import Store
from kd_core.runs.tables import Guess, Room

LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that looks like another: no 0, O, 1, I, L
LENGTH = 4
OPEN_SECONDS = 3 * 60 * 60
OPEN_ROOMS = 20  # in one database
DEVICES = 500  # that guess at one question
FRESH_SECONDS = 0.2  # how old a state may be


class NoRoom(Problem):
    """There is no such room, or it has closed."""


@dataclass(frozen=True)
class Question:
    """What a room is asked. name: of it in its talk; asks, options: by language; options: key -> words."""

    name: str
    asks: Mapping[str, str]
    options: Mapping[str, Mapping[str, str]]

    @property
    def words(self) -> dict[str, dict[str, object]]:
        """By language, as the phones read it."""
        return {
            language: {"ask": ask, "options": dict(self.options[language])} for language, ask in self.asks.items()
        }


@dataclass(frozen=True)
class State:
    """What a room's phones and projector show.

    version: another one for another state; guesses: how many there are; truth: the right option's key once it is
    shown, and then tally: key -> guesses.
    """

    version: str
    question: str | None = None
    words: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    truth: str | None = None
    guesses: int = 0
    tally: Mapping[str, int] = field(default_factory=dict)


class Rooms:
    """The rooms of one store. now: seconds since 1970, UTC."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._states: dict[str, tuple[float, State]] = {}  # code -> when it was read, and what
        self._lock = threading.Lock()

    # The speaker

    def open(self, owner: str) -> str:
        """The code of the owner's room, opened if there is none. Raises Problem where too many are open."""

        def work(session: Session) -> str:
            old = sa.select(Room.code).where(Room.opened <= self._since)
            session.execute(sa.delete(Guess).where(Guess.room.in_(old)))
            session.execute(sa.delete(Room).where(Room.opened <= self._since))
            known = session.scalars(sa.select(Room.code)).all()
            own = session.scalars(sa.select(Room.code).where(Room.owner == owner)).first()
            if own or len(known) >= OPEN_ROOMS:
                return own or ""
            code = ""
            while not code or code in known:
                code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
            session.execute(sa.insert(Room).values(code=code, owner=owner, opened=self._now(), changes=0, words={}))
            return code

        code = self._store.within(work)
        if not code:
            raise Problem(
                N_("{n} classes are open on this server, and no more may be; end one, or try again later."),
                n=OPEN_ROOMS,
            )
        return code

    def of(self, owner: str) -> str | None:
        """The code of the owner's open room, if there is one."""
        query = sa.select(Room.code).where(Room.owner == owner, Room.opened > self._since)
        return self._store.within(lambda session: session.scalars(query).first() or "") or None

    def show(self, owner: str, question: Question | None, truth: str | None = None) -> None:
        """Ask this in the owner's room, or nothing; truth: the right option's key, shown with the tally."""
        asked = dict(question=question and question.name, words=question.words if question else {}, truth=truth)

        def work(session: Session) -> bool:
            room = session.scalars(sa.select(Room).where(Room.owner == owner)).first()
            if room and asked != dict(question=room.question, words=room.words, truth=room.truth):
                change = sa.update(Room).where(Room.code == room.code)
                session.execute(change.values(changes=Room.changes + 1, **asked))
            return True

        self._store.within(work)

    def close(self, owner: str) -> None:
        """Forget the owner's room and its guesses."""

        def work(session: Session) -> bool:
            own = sa.select(Room.code).where(Room.owner == owner)
            session.execute(sa.delete(Guess).where(Guess.room.in_(own)))
            session.execute(sa.delete(Room).where(Room.owner == owner))
            return True

        self._store.within(work)

    # The class

    def guess(self, code: str, question: str, choice: str, device: str) -> None:
        """Take a device's guess, in place of its earlier one. Raises Problem where it can't be taken."""
        state = self.state(code)
        options = next(iter(state.words.values()), {}).get("options", {})
        asked = Room.code == code, Room.opened > self._since, Room.question == question, Room.truth.is_(None)
        own = Guess.room == code, Guess.question == question

        def work(session: Session) -> str:
            # First of all a change: it holds off all others that guess, or show the truth, until this is done.
            found = session.execute(sa.update(Room).where(*asked).values(changes=Room.changes + 1))
            if not found.rowcount:  # type: ignore[attr-defined]
                return "over"
            session.execute(sa.delete(Guess).where(*own, Guess.device == device))
            if (session.scalar(sa.select(sa.func.count()).where(*own)) or 0) >= DEVICES:
                return "full"
            session.execute(sa.insert(Guess).values(room=code, question=question, device=device, choice=choice))
            return "taken"

        if state.question == question and (not isinstance(options, Mapping) or choice not in options):
            raise Problem(N_("This is not one of the answers to the question that is asked now."))
        outcome = self._store.within(work)
        if outcome == "over":
            raise Problem(N_("The answer is shown already, or another question is asked: guesses are closed."))
        if outcome == "full":
            raise Problem(N_("{n} devices have guessed, and no more can."), n=DEVICES)

    def guesses(self, code: str, device: str) -> dict[str, str]:
        """What a device has guessed in a room, by question."""
        query = sa.select(Guess.question, Guess.choice).where(Guess.room == code, Guess.device == device)
        return self._store.within(lambda session: {row.question: row.choice for row in session.execute(query)})

    def state(self, code: str) -> State:
        """What the room shows. Raises NoRoom where there is none, or it has closed."""
        with self._lock:
            read, state = self._states.get(code, (0.0, State("")))
            if not 0 <= self._now() - read < FRESH_SECONDS:
                state = self._read(code, state)
                self._states[code] = self._now(), state
            return state

    @property
    def _since(self) -> float:
        return self._now() - OPEN_SECONDS

    def _read(self, code: str, known: State) -> State:
        """The state as it is in the database; `known` where nothing has changed."""

        def work(session: Session) -> State:
            room = session.get(Room, code)
            if room is None:
                return State("none")
            if room.opened <= self._since:
                return State("closed")
            version = f"{room.opened:.3f}-{room.changes}"
            if version == known.version:
                return known
            asked = Guess.room == code, Guess.question == room.question
            per_choice = sa.select(Guess.choice, sa.func.count()).where(*asked).group_by(Guess.choice)
            tally = {row[0]: row[1] for row in session.execute(per_choice)}
            shown = tally if room.truth is not None else {}
            return State(version, room.question, room.words, room.truth, sum(tally.values()), shown)

        found = self._store.within(work)
        if found.version in ("none", "closed"):
            self._states.pop(code, None)
        if found.version == "none":
            raise NoRoom(N_("There is no class with the code {code}; look at the screen again."), code=code[:20])
        if found.version == "closed":
            raise NoRoom(N_("This class has closed: it was open for three hours."))
        return found
