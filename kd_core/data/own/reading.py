"""How a file of images is read, whatever its form, and what comes of it: splits, labels from 0, classes' names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kd_core.data.npy import short
from kd_core.data.own.bounds import Bounds, check_classes
from kd_core.data.own.images import Form, inverted, made
from kd_core.data.own.kept import Arrays
from kd_core.data.pixels import SIDE
from kd_core.messages import N_, Message, Problem

KINDS = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
         "validation": "validation", "test": "test", "testing": "test", "t10k": "test"}  # fmt: skip


@dataclass
class Reading:
    """How images are to be read, and how many there may be; `done` of 1 is told as they are."""

    bounds: Bounds
    form: Form = "as_is"
    invert: bool | None = None
    told: Callable[[float], object] = lambda _done: None
    turned: int = 0  # how many were inverted
    resized: int = 0  # how many were not 28x28
    decoded: int = 0  # pixels so far
    unpacked: int = 0  # bytes so far
    scale: str = field(default="", repr=False)  # what the numbers of arrays mean, decided by the first

    def small(self, grey: np.ndarray) -> np.ndarray:
        """28x28 of an image uint8 [H, W]."""
        if grey.shape != (SIDE, SIDE):
            self.resized += 1
            self.decoded += grey.size
        if self.decoded > self.bounds.decoded:
            raise Problem(N_("The images have more than {most} pixels together, which is too many here; make them "
                             "smaller first."), most=f"{self.bounds.decoded:,.0f}")  # fmt: skip
        if inverted(grey, self.form, self.invert):
            self.turned += 1
            grey = 255 - grey
        return made(grey, self.form)


@dataclass(frozen=True)
class Found:
    """parts: images and labels of each split there is, "train" always; names: of classes; said: what was done."""

    parts: dict[str, Arrays]
    names: tuple[str, ...]
    said: tuple[Message, ...] = ()


def numbered(parts: dict[str, tuple[np.ndarray, np.ndarray]], names: Sequence[str]) -> Found:
    """Labels of any numbers become 0, 1, …; without `names` a class is called by its number. Raises Problem."""
    every = np.unique(np.concatenate([np.unique(labels) for _images, labels in parts.values()]))
    check_classes(len(every))
    if names and len(names) != len(every):
        if len(names) > len(every) and every[0] >= 0 and every[-1] < len(names):
            empty = sorted(set(range(len(names))) - set(every.tolist()))
            raise Problem(N_("The class {name} has no images."), name=short(str(names[empty[0]])))
        raise Problem(N_("There are {given} names of classes, and labels of {wanted} classes."), given=len(names),
                      wanted=len(every))  # fmt: skip
    there = {part: (images, np.searchsorted(every, labels).astype(np.int64))
             for part, (images, labels) in parts.items()}  # fmt: skip
    return Found(there, checked_names(names or [str(number) for number in every.tolist()]))


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of classes as they are shown: 1 to 40 printable characters, no two alike. Raises Problem."""
    clean = tuple(" ".join(name.split()) for name in names)
    for name in clean:
        if not 1 <= len(name) <= 40 or not name.isprintable():
            raise Problem(N_("A class is called {name}; a name has 1 to 40 letters, digits or signs."),
                          name=short(name) or "–")  # fmt: skip
        if clean.count(name) > 1:
            raise Problem(N_("Two classes are called {name}."), name=name)
    return clean
