"""What people make of runs: a name, a note, and deletion that can be undone.

    marks = Marks(store)
    marks.describe(run, owner, name="small student", note="for Monday's slides")
    marks.delete([run], owner)        # gone from every list, and given as an answer no longer
    marks.restore([run], owner)       # for KEPT_SECONDS; then it is gone for good

They stand beside the runs in a table of their own, so a database of an earlier lab gains them when it is opened.
Whoever started a run, or read it in, may do this. A run of which that is not known is everybody's, as for Stop: it
was made before the store kept it.
"""

import time
import unicodedata
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kd_core.messages import N_, Problem
from kd_core.runs.entry import Entry, may_change
from kd_core.runs.store import Store
from kd_core.runs.tables import Mark, Network, Run

LONGEST_NAME, LONGEST_NOTE = 60, 280  # characters
KEPT_SECONDS = 24 * 60 * 60.0  # of a deleted run
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # letters that turn the direction of others


class Marks:
    """The names, notes and deletions in one store. now: seconds since 1970, UTC."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store, self._now = store, now

    def describe(self, run: str, owner: str, name: str, note: str) -> None:
        """Give a run a name and a note, in place of the earlier ones. Raises Problem where that can't be done."""
        name, note = plain(name), plain(note)
        if len(name) > LONGEST_NAME:
            raise Problem(N_("A name has at most {most} characters, and this one {given}; shorten it."),
                          most=LONGEST_NAME, given=len(name))  # fmt: skip
        if len(note) > LONGEST_NOTE:
            raise Problem(N_("A note has at most {most} characters, and this one {given}; shorten it."),
                          most=LONGEST_NOTE, given=len(note))  # fmt: skip
        entry = self._store.find(run)
        if entry is None and self._store.problem:
            raise Problem("{why}", why=self._store.problem)
        if entry is None:
            raise Problem(N_("This run was deleted meanwhile."))
        _check(entry, owner)
        self._store.within(lambda session: _put(session, run, name=name, note=note))

    def delete(self, runs: Sequence[str], owner: str) -> None:
        """Delete runs that are over, until `restore`. Raises Problem, and deletes none, if one may not be."""
        found = [entry for run in runs if (entry := self._store.find(run))]
        for entry in found:
            _check(entry, owner)
            if entry.under_way:
                raise Problem(N_("A run that is under way cannot be deleted; stop it first."))

        def work(session: Session) -> bool:
            purge(session, self._now() - KEPT_SECONDS)
            for entry in found:
                _put(session, entry.id, deleted=self._now())
            return True

        self._store.within(work)

    def restore(self, runs: Sequence[str], owner: str) -> None:
        """Undo the deletion of runs. Raises Problem where they are gone for good."""
        own = Mark.run.in_(list(runs)), Mark.owner.in_(("", owner)), Mark.deleted.is_not(None)

        def work(session: Session) -> int:
            found = session.execute(sa.update(Mark).where(*own).values(deleted=None))
            return int(found.rowcount)  # type: ignore[attr-defined]

        if self._store.within(work) < len(runs):
            raise Problem(N_("It is too late to undo this: deleted runs are kept for a day."))


def plain(text: str) -> str:
    """Words on one line, without letters that control or turn the text around them."""
    words = " ".join(text.split())
    return "".join(a for a in words if unicodedata.category(a) not in ("Cc", "Cs") and a not in TURNING).strip()


def purge(session: Session, before: float) -> None:
    """Delete for good what was deleted before then. Its trials stay: they may be those of other runs, too."""
    old = list(session.scalars(sa.select(Mark.run).where(Mark.deleted < before)))
    if old:
        session.execute(sa.delete(Network).where(Network.run.in_(old)))
        session.execute(sa.delete(Run).where(Run.id.in_(old)))
        session.execute(sa.delete(Mark).where(Mark.run.in_(old)))


def _check(entry: Entry, owner: str) -> None:
    if not may_change(entry, owner):
        raise Problem(N_("Only whoever started a run may name or delete it."))


def _put(session: Session, run: str, **values: object) -> bool:
    """Set values of a run's mark, which is made if there is none."""
    found = session.execute(sa.update(Mark).where(Mark.run == run).values(**values))
    if not found.rowcount:  # type: ignore[attr-defined]
        session.execute(sa.insert(Mark).values(run=run, **values))
    return True
