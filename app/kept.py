"""Figures are made once: the same Result, values and language give the figure that was made before."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar


MOST = 24  # figures of one function; the one asked for longest ago gives way

P = ParamSpec("P")
R = TypeVar("R")


def kept(make: Callable[P, R]) -> Callable[P, R]:
    """`make`, a pure function, with a memory. What it returns must not be changed afterwards.

    A Result is known by being the same object, not by its thousands of numbers; it is held, so that no other can
    take its place. A translator counts as its language.
    """
    made: OrderedDict[Any, tuple[Any, R]] = OrderedDict()
    lock = threading.Lock()

    @wraps(make)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> R:
        key = (*map(_name, args), *((name, _name(value)) for name, value in kwargs.items()))
        with lock:
            if key in made:
                made.move_to_end(key)
                return made[key][1]
        result = make(*args, **kwargs)
        with lock:
            made[key] = ((args, kwargs), result)
            if len(made) > MOST:
                made.popitem(last=False)
        return result

    return remembered


def _name(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | tuple | None):
        return value
    language = getattr(value, "language", None)
    return (type(value), id(value) if language is None else language)
