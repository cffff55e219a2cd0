"""A run's tasks, and which of several runs' is next. No Dask here.

A run is prepared; its trials are trained, whole, or job by job (some jobs of several trials at once) and then
assembled; and they are joined.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeVar

from kd_core.results.schema import Dataset, Result
from kd_core.settings.base import Job, Settings

Run = TypeVar("Run")


@dataclass(frozen=True, eq=False)
class Task:
    """What one worker does at once. turn: its place among all runs' tasks; needs: whose answers it is given.

    seeds: of the trials that it works on, one unless it trains those of several at once.
    """

    what: Literal["prepare", "train", "trial", "assemble", "join"]
    turn: int
    needs: tuple["Task", ...] = ()
    seeds: tuple[int, ...] = ()
    job: Job | None = None

    @property
    def seed(self) -> int:
        """Of the one trial that it works on."""
        (seed,) = self.seeds
        return seed

    @property
    def ends_trial(self) -> bool:
        """Whether its answer is the Results of its trials, by seed."""
        return self.what in ("trial", "assemble")


class Tasks:
    """Those of one run: which can begin, and which are done.

    settings: the run's, resolved; divided: whether each job of a trial is a task; kept: trials that are not trained
    again, by seed. turn: that of the run among all; its trials take one turn after another, so that a long run lets
    later ones in between. data: what its workers must have loaded; None for a run that any may work on.
    """

    def __init__(
        self, settings: Settings, divided: bool, kept: Mapping[int, Result], turn: int, data: Dataset | None = None
    ) -> None:
        self.settings, self.kept, self.data = settings, kept, data
        self._left = self._all = _planned(
            settings, divided, [s for s in settings.trial_seeds if s not in kept], turn
        )
        self._done: set[Task] = set()
        self._spent: set[Task] = set()  # those of the done whose answers are forgotten
        self._deaths: Counter[Task] = Counter()

    @property
    def next(self) -> Task | None:
        """The earliest in turn of those that need nothing that is not there."""
        return min((task for task in self._left if self._done.issuperset(task.needs)), key=_turn, default=None)

    def begin(self, task: Task) -> None:
        """A worker was given it."""
        self._left = [other for other in self._left if other is not task]

    def end(self, task: Task) -> set[Task]:
        """It is done. Returns the tasks whose answers no other needs any more."""
        self._done.add(task)
        wanted = {need for other in self._all if other not in self._done for need in other.needs}
        spent = self._done - self._spent - wanted
        self._spent |= spent
        return spent

    def again(self, task: Task) -> int:
        """A worker died with it or with its answer: it is to be done again. Returns how often that was so."""
        self._done.discard(task)
        self._spent.discard(task)
        self._left = [other for other in self._all if other is task or other in self._left]
        for need in self._spent.intersection(task.needs):
            self.again(need)
        self._deaths[task] += 1
        return self._deaths[task]


def _turn(task: Task) -> int:
    return task.turn


def _planned(settings: Settings, divided: bool, seeds: Sequence[int], turn: int) -> list[Task]:
    """All tasks of a run that trains the trials of these seeds."""
    if not seeds:
        return [Task("join", turn)]
    prepare, turns = Task("prepare", turn), {seed: place for place, seed in enumerate(seeds, turn)}
    if not divided:
        most = max(job.trials for job in settings.jobs)
        trials = [Task("trial", turns[some[0]], (prepare,), some) for some in grouped(seeds, most)]
        return [prepare, *trials, Task("join", turn, tuple(trials))]
    longest_first = sorted(settings.jobs, key=lambda job: -job.effort)  # or a worker would wait for the last one
    trained = [
        Task("train", turns[some[0]], (prepare,) if job.prepared else (), some, job)
        for job in longest_first for some in grouped(seeds, job.trials)
    ]  # fmt: skip
    trials = [
        Task("assemble", turns[seed], (prepare, *(task for task in trained if seed in task.seeds)), (seed,))
        for seed in seeds
    ]
    return [prepare, *trained, *trials, Task("join", turn, tuple(trials))]


def grouped(seeds: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """The seeds in groups of at most `most`, in order and about equally many in each: 3 and 2 of 5 for 4."""
    groups = math.ceil(len(seeds) / most)
    size, more = divmod(len(seeds), groups)
    sizes = [size + (number < more) for number in range(groups)]
    return [tuple(seeds[end - size : end]) for size, end in zip(sizes, accumulate(sizes), strict=True)]


def following(runs: Mapping[Run, Tasks]) -> tuple[Run, Task] | None:
    """The task whose turn it is among all runs', and whose it is; of equals that of the run that came first."""
    ready = [(run, task) for run, tasks in runs.items() if (task := tasks.next) is not None]
    return min(ready, key=lambda one: one[1].turn, default=None)
