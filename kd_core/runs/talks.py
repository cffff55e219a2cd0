"""Where a talk stands, for its speaker: the projector's window and the speaker's, on another device too, share it.

    talks = Talks(store)
    key = talks.open(owner)                       # the owner's talk; whoever has the key may turn it
    talks.turn(key, "distillation", at=2, revealed=[0, 1])
    talks.place(key)                              # what both windows show

Both windows write where they are and read where the other is; the latest counts. Several servers may share the
database.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kd_core.messages import N_, Problem
from kd_core.runs.store import Store
from kd_core.runs.tables import Talk

PAUSE_SECONDS = 2 * 60 * 60.0  # without a turn, after which the clock stands: another talk begins
KEPT_SECONDS = 12 * 60 * 60.0  # since it was last turned
OPEN_TALKS = 200  # in one database


class NoTalk(Problem):
    """There is no such talk, or it was over long ago."""


@dataclass(frozen=True)
class Place:
    """Where a talk is. technique: "" before it has begun; at: the step, from 0, or how many there are once the last
    is left; changes: how often it changed; elapsed: seconds since the clock was started, None if it was not."""

    technique: str
    at: int
    revealed: list[int]
    changes: int
    elapsed: float | None


class Talks:
    """The talks of one store. now: seconds since 1970, UTC."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now

    def open(self, owner: str) -> str:
        """The key of the owner's talk, which is made if there is none. Raises Problem where too many are open."""
        if known := self.of(owner):
            return known
        key = secrets.token_urlsafe(12)

        def work(session: Session) -> str:
            session.execute(sa.delete(Talk).where(Talk.turned <= self._since))
            if (session.scalar(sa.select(sa.func.count()).select_from(Talk)) or 0) >= OPEN_TALKS:
                return "full"
            session.execute(sa.insert(Talk).values(key=key, owner=owner, turned=self._now()))
            return key

        try:
            made = self._store.within(work)
        except Problem:  # the other window has opened it at this moment; or the database is out of reach
            if known := self.of(owner):
                return known
            raise
        if made == "full":
            raise Problem(
                N_("{n} talks are open on this server, and no more may be; try again later."), n=OPEN_TALKS
            )
        return made

    def of(self, owner: str) -> str | None:
        """The key of the owner's talk, if it is open."""
        query = sa.select(Talk.key).where(Talk.owner == owner, Talk.turned > self._since)
        return self._store.within(lambda session: session.scalars(query).first() or "") or None

    def place(self, key: str) -> Place:
        """Where the talk is. Raises NoTalk."""
        return self._place(key, lambda session, talk: None)

    def turn(self, key: str, technique: str, at: int, revealed: Sequence[int], *, clock: bool = False) -> Place:
        """Put the talk where it is now; technique: "" leaves it where it is. clock: start the clock anew; the first
        turn starts it. Raises NoTalk."""

        def work(session: Session, talk: Talk) -> None:
            before = dict(technique=talk.technique, at=talk.at, revealed=talk.revealed)
            now = dict(technique=technique, at=at, revealed=sorted(set(revealed))) if technique else before
            is_turned = now != before
            begins = clock or (is_turned and bool(talk.technique) and self._begun(talk) is None)
            if not is_turned and not begins:
                return
            values: dict[str, Any] = now | {"turned": self._now(), "changes": Talk.changes + 1}
            values |= {"begun": self._now()} if begins else {}
            session.execute(sa.update(Talk).where(Talk.key == key).values(**values))
            session.refresh(talk)

        return self._place(key, work)

    def _place(self, key: str, work: Callable[[Session, Talk], None]) -> Place:
        def whole(session: Session) -> Place:
            talk = session.get(Talk, key)
            if talk is None or talk.turned <= self._since:
                return Place("", 0, [], -1, None)
            work(session, talk)
            begun = self._begun(talk)
            elapsed = None if begun is None else max(0.0, self._now() - begun)
            return Place(talk.technique, talk.at, talk.revealed, talk.changes, elapsed)

        found = self._store.within(whole)
        if found.changes < 0:
            raise NoTalk(
                N_("This talk is over, or its link was mistyped: open the speaker view from the talk again.")
            )
        return found

    def _begun(self, talk: Talk) -> float | None:
        return None if self._now() - talk.turned > PAUSE_SECONDS else talk.begun

    @property
    def _since(self) -> float:
        return self._now() - KEPT_SECONDS
