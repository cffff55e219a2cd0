"""A run's jobs, and which of several runs' is next. No Dask here.

A run is prepared; its trials are trained, whole, or in parts that are then assembled; and they are joined.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from kd_core.results.schema import Result
from kd_core.settings.base import WHOLE, Settings

Run = TypeVar("Run")


@dataclass(frozen=True, eq=False)
class Job:
    """What one worker does at once. turn: its place among all runs' jobs; needs: whose answers it is given."""

    what: Literal["prepare", "part", "trial", "assemble", "join"]
    turn: int
    needs: tuple["Job", ...] = ()
    seed: int = 0
    part: str = WHOLE

    @property
    def ends_trial(self) -> bool:
        """Whether its answer is the Result of one trial."""
        return self.what in ("trial", "assemble")


class Jobs:
    """Those of one run: which can begin, and which are done.

    settings: the run's, resolved; parts: of a trial, as its handle has them; kept: trials that are not trained
    again, by seed. turn: that of the run among all; its trials take one turn after another, so that a long run lets
    later ones in between.
    """

    def __init__(self, settings: Settings, parts: Sequence[str], kept: Mapping[int, Result], turn: int) -> None:
        self.settings, self.kept = settings, kept
        self._left = self._all = _planned(settings, parts, [s for s in settings.trial_seeds if s not in kept], turn)
        self._done: set[Job] = set()
        self._spent: set[Job] = set()  # those of the done whose answers are forgotten
        self._deaths: Counter[Job] = Counter()

    @property
    def next(self) -> Job | None:
        """The earliest in turn of those that need nothing that is not there."""
        return min((job for job in self._left if self._done.issuperset(job.needs)), key=_turn, default=None)

    def begin(self, job: Job) -> None:
        """A worker was given it."""
        self._left = [other for other in self._left if other is not job]

    def end(self, job: Job) -> set[Job]:
        """It is done. Returns the jobs whose answers no other needs any more."""
        self._done.add(job)
        wanted = {need for other in self._all if other not in self._done for need in other.needs}
        spent = self._done - self._spent - wanted
        self._spent |= spent
        return spent

    def again(self, job: Job) -> int:
        """A worker died with it or with its answer: it is to be done again. Returns how often that was so."""
        self._done.discard(job)
        self._spent.discard(job)
        self._left = [other for other in self._all if other is job or other in self._left]
        for need in self._spent.intersection(job.needs):
            self.again(need)
        self._deaths[job] += 1
        return self._deaths[job]


def _turn(job: Job) -> int:
    return job.turn


def _planned(settings: Settings, parts: Sequence[str], seeds: Sequence[int], turn: int) -> list[Job]:
    """All jobs of a run that trains the trials of these seeds."""
    if not seeds:
        return [Job("join", turn)]
    jobs = [prepare := Job("prepare", turn)]
    for place, seed in enumerate(seeds, turn):
        if tuple(parts) == (WHOLE,):
            jobs.append(Job("trial", place, (prepare,), seed))
            continue
        trained = [
            Job("part", place, () if part in settings.unprepared else (prepare,), seed, part) for part in parts
        ]
        jobs += [*trained, Job("assemble", place, (prepare, *trained), seed)]
    return [*jobs, Job("join", turn, tuple(job for job in jobs if job.ends_trial))]


def following(runs: Mapping[Run, Jobs]) -> tuple[Run, Job] | None:
    """The job whose turn it is among all runs', and whose it is; of equals that of the run that came first."""
    ready = [(run, job) for run, jobs in runs.items() if (job := jobs.next) is not None]
    return min(ready, key=lambda one: one[1].turn, default=None)
