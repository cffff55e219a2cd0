"""What every technique does with its trials alike: prepares for them, takes them in turn, joins them."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from kd_core.messages import N_, Problem
from kd_core.results import records
from kd_core.results.events import Event
from kd_core.results.schema import Result
from kd_core.settings.base import Settings

Shared = TypeVar("Shared")


def drained(events: Generator[Event, None, Shared]) -> Shared:
    """What the generator returns, its events unheard."""
    while True:
        try:
            next(events)
        except StopIteration as stop:
            return stop.value


def in_turn(
    settings: Settings,
    preparing: Generator[Event, None, Shared],
    trial: Callable[[Shared, int], Iterable[Event]],
    join: Callable[[Sequence[Result]], Result],
) -> Iterator[Event]:
    """A whole run in this process: preparation, `trial(shared, seed)` for every seed, and last the one Result."""
    shared = yield from preparing
    finished = []
    for seed in settings.trial_seeds:
        for event in trial(shared, seed):
            if isinstance(event, Result):
                finished.append(event)
            else:
                yield event
    yield join(finished)


def joined(settings: Settings, trials: Sequence[Result], arm: str) -> Result:
    """The trials' Results as one: arms pooled by name, times added up; its verdict is still the first trial's.

    Raises ValueError as `results.by_seed` does, for which `arm` is one that every trial has trained anew.
    """
    trials = records.by_seed(trials, arm)
    first = trials[0]
    arms = [records.pool([result.arm(one.name) for result in trials], first.data.test) for one in first.arms]
    seconds = sum(result.provenance.seconds for result in trials)
    return first.model_copy(
        update={
            "settings": settings.model_dump(),
            "arms": tuple(arms),
            "provenance": first.provenance.model_copy(update={"seconds": seconds}),
        }
    )


def require_same_data(prepared: Any, here: Any) -> None:
    """Raise Problem unless this worker has the data that the preparation had."""
    if prepared != here:
        raise Problem(N_("The workers do not all have the same data; restart the lab, so that they load it anew."))
