"""What the setting `dataset` names: MNIST, or what stands in for it, or a set that somebody has added."""

import platform
from functools import lru_cache
from typing import TYPE_CHECKING

from kd_core.data import own
from kd_core.messages import N_, Problem

if TYPE_CHECKING:
    from kd_core.data.digits import Digits

MNIST = "mnist"  # the setting's value for the lab's own data


def chosen(name: str, data: "Digits") -> "Digits":
    """The set called `name`, loaded once in this process; `data` itself, the lab's own, for MNIST.

    Raises Problem where this computer, which is to train, does not have it.
    """
    if name == MNIST:
        return data
    try:
        known = own.describe(name)
    except Problem:
        if name in own.names():  # damaged
            raise
        raise Problem(
            N_("The computer that trains ({host}) has no data set called {name}; add it there: python -m kd_core "
               "data add FILE --name {name}"),
            host=platform.node() or "–", name=name,
        ) from None  # fmt: skip
    return _loaded(name, known.digest)


def class_count(name: str) -> int:
    """How many classes the set called `name` has; ten, as the digits, where it is MNIST or not on this computer."""
    try:
        return 10 if name == MNIST else len(own.describe(name).classes)
    except Problem:
        return 10


@lru_cache(maxsize=2)
def _loaded(name: str, _digest: str) -> "Digits":
    return own.load(name)


def kept_under(name: str, data: str) -> str:
    """The data of a run of the set called `name` as the store has them, by which its answers are found.

    data: what the lab's own are called. Another set of this name has another digest, and never gets its answers.
    """
    if name == MNIST:
        return data
    try:
        return kept_as(own.describe(name).data_name, data)
    except Problem:  # not on this computer, so nothing of it is found
        return kept_as(f"own: {name}", data)


def is_own(data_name: str) -> bool:
    """Whether a Result's data are a set that somebody has added."""
    return data_name.startswith("own: ")


def kept_as(made: str, data: str) -> str:
    """The same of a Result whose data are called `made`. A transfer's source may be what stands in for MNIST."""
    if not is_own(made):
        return data or made
    return made if data in ("", "MNIST") else f"{made}, {data}"
