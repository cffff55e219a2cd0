"""What the cells of a map have in common is made once in each worker: `once` remembers it, where that is wanted.

    with remembering(True):
        arm = yield from once(("alone", seed, *settings_but(settings, "temperature")), data, training)

The student alone is the same at every temperature, to the last bit; so is a teacher's answer. A part is known by
every setting but those that are named as having no say in it: a field that comes later counts, until somebody has
thought about it. Its events are told again, and the seconds it took are those that were measured.

Off unless it is asked for: a run that somebody watches trains all its arms. What no run trains, the answers of a
teacher that was found on disk, is remembered `always`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from kd_core.results.events import Event
from kd_core.settings.base import Settings

MOST = 32  # parts: four arms of five seeds, and what their trials share. A large network takes 6 MB

T = TypeVar("T")


@dataclass(frozen=True)
class _Part:
    """data: of this process, which it was made with."""

    data: Any
    events: tuple[Event, ...]
    value: Any


_wanted: ContextVar[bool] = ContextVar("remembering", default=False)
_lock = threading.Lock()
_parts: OrderedDict[Hashable, _Part] = OrderedDict()


@contextmanager
def remembering(wanted: bool) -> Iterator[None]:
    """Whether `once` remembers within; never yield inside it from a generator, the mode would leak."""
    before = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(before)


def settings_but(settings: Settings, *without: str) -> tuple[Hashable, ...]:
    """Technique and fields as part of a key, without those named. The settings must be resolved."""
    return settings.technique, *sorted(settings.model_dump(exclude=set(without)).items())


def once(
    key: Hashable,
    data: Any,
    make: Callable[[], Generator[Event, None, T]],
    keep: Callable[[T], bool] = lambda made: True,
    *,
    always: bool = False,
) -> Generator[Event, None, T]:
    """The events and the value of `make()`, or those of the last time for an equal key and the same data.

    keep: whether what was made is worth remembering. Nothing is remembered of what was broken off. always: also
    where remembering was not asked for.
    """
    if not (always or _wanted.get()):
        return (yield from make())
    with _lock:
        part = _parts.get(key)
        if part is not None:
            _parts.move_to_end(key)
    if part is not None and part.data is data:
        yield from part.events
        return cast(T, part.value)
    events: list[Event] = []
    making = make()
    try:
        while True:
            events.append(next(making))
            yield events[-1]
    except StopIteration as end:
        value: T = end.value
    finally:
        making.close()
    if keep(value):
        with _lock:
            _parts[key] = _Part(data, tuple(events), value)
            _parts.move_to_end(key)
            while len(_parts) > MOST:
                _parts.popitem(last=False)
    return value


def forget() -> None:
    """Forget everything."""
    with _lock:
        _parts.clear()
