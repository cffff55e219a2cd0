"""The data sets that people brought, as they are kept: `data_root()/own/<name>/`.

    set.json             OwnData: classes, counts, digest, owner
    train-images.npy     uint8 [N, 1, 28, 28], likewise validation-images.npy and test-images.npy
    train-labels.npy     int64 [N], from 0, likewise

Images of a split are ordered by their contents, so whatever file they came in, the set is the same to the last bit.
No torch, but in `load`.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from kd_core.data.npy import short
from kd_core.data.pixels import SIDE, SPLITS
from kd_core.messages import N_, Message, Problem
from kd_core.paths import data_root, slug, teachers_root, unwritable

if TYPE_CHECKING:
    from kd_core.data.digits import Digits, Split

# Of a folder on every system, and part of an address; with a digest and what stands in for MNIST, 60 letters.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}", re.ASCII)
TAKEN = ("auto", "mnist", "own")  # names with another meaning
SET = "set.json"
MADE = re.compile(rf"own: ({NAME.pattern}) \(([0-9a-f]{{10}})\)", re.ASCII)  # how a Result names such data
HALF = 24 * 60 * 60  # seconds after which what a killed process left half written is cleared

Arrays = tuple[np.ndarray, np.ndarray]  # images uint8 [N, 1, 28, 28] and labels int64 [N]


class OwnData(BaseModel):
    """What is known of a data set without reading its images.

    train, validation, test: how many images; digest: SHA-256 of all images, labels, splits and class names; owner:
    who alone sees it, "" for everybody; added: when, UTC in ISO 8601; notices: what to know before a number is
    believed; said: what was done to the images.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    classes: tuple[str, ...]
    train: int
    validation: int
    test: int
    digest: str
    owner: str = ""
    added: str = ""
    notices: tuple[Message, ...] = ()
    said: tuple[Message, ...] = ()

    @property
    def data_name(self) -> str:
        """What `Digits` and a Result call it. The digest is part of it, so another set never gets its answers."""
        return f"own: {self.name} ({self.digest[:10]})"

    @property
    def images(self) -> int:
        """Of all splits."""
        return self.train + self.validation + self.test


def root() -> Path:
    """The folder of all sets."""
    return data_root() / "own"


def names() -> tuple[str, ...]:
    """The names of all sets of this computer, in alphabetical order; () where none can be read."""
    try:
        return tuple(sorted(at.name for at in root().iterdir() if is_name(at.name) and (at / SET).is_file()))
    except (OSError, Problem):
        return ()


def every() -> list[OwnData]:
    """All sets that can be read."""
    found = []
    for name in names():
        with suppress(Problem):  # damaged, or removed at this moment
            found.append(describe(name))
    return found


def usable_by(person: str) -> list[OwnData]:
    """The sets that `person` may see and train on: their own, and those that the command line added."""
    return [known for known in every() if known.owner in ("", person)]


def visible_to(person: str) -> tuple[str, ...]:
    """The names of these."""
    return tuple(known.name for known in usable_by(person))


def uploaded(person: str | None = None) -> list[OwnData]:
    """The sets that `person` has sent; by default those of everybody, but not those of the command line."""
    return [known for known in every() if known.owner and person in (None, known.owner)]


def check_usable(name: str, person: str) -> None:
    """Raise Problem, as for a set that is not there, where it is somebody else's. person: "" may use all sets."""
    if person and describe(name).owner not in ("", person):
        raise _missing(name)


def quota(person: str) -> tuple[int, int, float]:
    """How many sets this person has sent, how many all have, and the MB that these take."""
    every = uploaded()
    mine = sum(known.owner == person for known in every)
    return mine, len(every), sum(known.images for known in every) * (SIDE * SIDE + 8) / 1e6


def called(data_name: str) -> OwnData | None:
    """The set that a Result's data name means; None where it is none of these, was removed or was replaced."""
    found = MADE.fullmatch(data_name)
    if not found:
        return None
    try:
        known = describe(found[1])
    except Problem:
        return None
    return known if known.data_name == data_name else None


def describe(name: str) -> OwnData:
    """What is known of a set. Raises Problem where there is none of this name, or where it is damaged."""
    at = _folder(name) / SET
    try:
        stat = at.stat()
        return _described(name, at, stat.st_mtime_ns, stat.st_ino)
    except OSError:
        raise _missing(name) from None


@lru_cache(maxsize=256)
def _described(name: str, at: Path, _changed: int, _file: int) -> OwnData:
    """What the file says. A set is never changed, but another one may stand in its place."""
    try:
        known = OwnData.model_validate_json(at.read_bytes())
        if known.name != name:
            raise ValueError("another name")
    except (ValidationError, ValueError):
        raise _damaged(name) from None
    return known


def split(name: str, part: str) -> Arrays:
    """One of SPLITS: images uint8 [N, 1, 28, 28], memory-mapped, and labels int64 [N]. Raises Problem."""
    known = describe(name)
    at, count = _folder(name), getattr(known, part)
    try:
        images = np.load(at / f"{part}-images.npy", mmap_mode="c", allow_pickle=False)
        labels = np.load(at / f"{part}-labels.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise _damaged(name) from None
    right = images.dtype == np.uint8 and labels.dtype == np.int64
    if not right or images.shape != (count, 1, SIDE, SIDE) or labels.shape != (count,):
        raise _damaged(name)
    return images, labels


def load(name: str) -> "Digits":
    """The set as tensors, its images memory-mapped; normalised as MNIST is. Raises Problem.

    Nothing is made of files that are not what was added: their SHA-256 is compared.
    """
    import torch

    from kd_core.data.digits import Digits, Split
    from kd_core.data.stored import StoredImages

    known = describe(name)
    parts = {part: split(name, part) for part in SPLITS}
    if digest(known.classes, parts) != known.digest:
        raise _damaged(name)

    def tensors(part: str) -> "Split":
        images, labels = parts[part]
        return Split(StoredImages(torch.from_numpy(images)), torch.from_numpy(labels))

    train, validation, test = map(tensors, SPLITS)
    shown = gallery(parts["test"][1], len(known.classes))
    return Digits(known.data_name, train, validation, test, shown, known.notices, known.classes)


def gallery(labels: np.ndarray, classes: int) -> tuple[int, ...]:
    """Places of test images shown beside the numbers: the first two of each class, or one where there are many."""
    each = 2 if classes <= 12 else 1
    return tuple(int(at) for label in np.unique(labels) for at in np.flatnonzero(labels == label)[:each])


def keep(known: OwnData, parts: Mapping[str, Arrays]) -> OwnData:
    """Write a set whole or not at all; what it says of counts, digest and date is filled in here.

    parts: images and labels of each of SPLITS. Raises Problem where the name is taken or nothing can be written.
    """
    at, here = _folder(known.name), root()
    check_free(known.name)
    known = known.model_copy(update={
        **{part: len(parts[part][1]) for part in SPLITS}, "digest": digest(known.classes, parts),
        "added": datetime.now(UTC).isoformat(timespec="seconds"),
    })  # fmt: skip
    partial = here / f".{known.name}-{os.getpid()}-{time.time_ns()}"  # beside it: the rename stays on one disk
    try:
        here.mkdir(parents=True, exist_ok=True)
        _clear(here)
        partial.mkdir()
        for part in SPLITS:
            images, labels = parts[part]
            np.save(partial / f"{part}-images.npy", np.ascontiguousarray(images, np.uint8), allow_pickle=False)
            np.save(partial / f"{part}-labels.npy", np.ascontiguousarray(labels, np.int64), allow_pickle=False)
        (partial / SET).write_text(known.model_dump_json(indent=1), encoding="utf-8")
        check_free(known.name)
        partial.rename(at)
    except OSError as error:
        check_free(known.name)  # another process was faster
        raise unwritable(here, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return known


def check_free(name: str) -> None:
    """Raise Problem where `name` cannot be given to a new set."""
    if _folder(name).exists():
        raise Problem(N_("There is a data set called {name} already; choose another name, or remove that one "
                         "first."), name=name)  # fmt: skip


def remove(name: str) -> None:
    """Delete a set, also a damaged one, and the teachers that were trained on it and kept.

    Raises Problem where there is none of this name, or that fails.
    """
    at = _folder(name)
    if not at.is_dir():
        raise _missing(name)
    gone = root() / f".{name}-{os.getpid()}-{time.time_ns()}"
    try:
        at.rename(gone)  # so that it is gone at once, and never there by half
        shutil.rmtree(gone)
        for teacher in _teachers(name):
            teacher.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(root(), error) from error


def _teachers(name: str) -> list[Path]:
    """The teachers kept of a set of this name, whatever its digest: `kd_core/nn/teachers.py` names their files."""
    of_set = re.compile(rf"teacher-[^-]+-own-{slug(name)}-[0-9a-f]{{10}}-\d+-\d+epochs-.*", re.ASCII)
    return [at for at in teachers_root().glob("teacher-*") if of_set.fullmatch(at.name)]


def digest(classes: tuple[str, ...], parts: Mapping[str, Arrays]) -> str:
    """SHA-256 of class names, and of each split's images and labels."""
    said = hashlib.sha256(json.dumps([*classes]).encode())
    for part in SPLITS:
        images, labels = parts[part]
        said.update(f"{part} {len(labels)}".encode())
        said.update(np.ascontiguousarray(images, np.uint8).data)
        said.update(np.ascontiguousarray(labels, "<i8").data)
    return said.hexdigest()


def is_name(name: str) -> bool:
    """Whether a set may be called so."""
    return bool(NAME.fullmatch(name)) and name not in TAKEN


def _folder(name: str) -> Path:
    """Where a set of this name is, or would be. Raises Problem for a name that none can have."""
    if not is_name(name):
        raise Problem(
            N_("{name} cannot be the name of a data set; use up to 30 of a–z, 0–9, - and _, beginning with a "
               "letter or a digit, and not one of {taken}."),
            name=short(name) or "–", taken=", ".join(TAKEN),
        )  # fmt: skip
    return root() / name


def _missing(name: str) -> Problem:
    there = ", ".join(name for name in visible_to("")[:10])
    if not there:
        return Problem(N_("There is no data set called {name}, and no other; add one with python -m kd_core data "
                          "add FILE --name {name}."), name=name)  # fmt: skip
    return Problem(N_("There is no data set called {name}; there are {there}. Add one with python -m kd_core data "
                      "add FILE --name {name}."), name=name, there=there)  # fmt: skip


def _damaged(name: str) -> Problem:
    return Problem(N_("The data set {name} is damaged on disk; remove it with python -m kd_core data remove "
                      "{name}, and add it again."), name=name)  # fmt: skip


def _clear(here: Path) -> None:
    """Delete what killed processes left half written a day ago or earlier."""
    for at in here.glob(".*"):
        if at.is_dir() and time.time() - at.stat().st_mtime > HALF:
            shutil.rmtree(at, ignore_errors=True)
