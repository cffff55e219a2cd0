"""`add` and `add_upload`: a stranger's file of images becomes a data set, whole or not at all."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from kd_core.data.npy import short
from kd_core.data.own import fetching
from kd_core.data.own.arrays import is_idx, of_idx, of_npz
from kd_core.data.own.bounds import BY_PATH, UPLOAD, Bounds
from kd_core.data.own.files import of_folder, of_zip
from kd_core.data.own.folders import of_classes
from kd_core.data.own.images import Form
from kd_core.data.own.kept import OwnData, check_free, keep
from kd_core.data.own.reading import Found, Reading, numbered
from kd_core.data.own.splitting import brightness, findings, split_up
from kd_core.messages import N_, Message, Problem, message

Told = Callable[[float], object]  # is told how much is done, 0 to 1


def add(
    source: Path | str,
    name: str,
    *,
    seed: int = 0,
    form: Form = "as_is",
    invert: bool | None = None,
    classes: tuple[str, ...] = (),
    told: Told = lambda _done: None,
) -> OwnData:
    """Read a data set on this computer and keep it as `name`, for everybody who uses the lab here.

    source: a .npz or .zip file, a folder, or the name of a set that the lab can fetch (`fetching.SETS`); seed: by
    which splits are drawn where the source has none; form: "pad" centres what is there as the drawing pad does,
    "as_is" makes it 28x28; invert: swap white and black, None: where the pad's form needs it; classes: their names,
    in the order of their numbers. Raises Problem: one sentence on what is wrong and what to do.
    """
    check_free(name)
    path, reading = Path(source).expanduser(), Reading(BY_PATH, form, invert, told)
    if str(source) in fetching.SETS and not path.exists():
        found = fetching.SETS[str(source)](reading)
    else:
        try:
            found = _of_path(path, reading)
        except OSError as error:
            known = ", ".join(fetching.SETS)
            raise Problem(
                N_("{file} cannot be read ({why}); give a .npz or .zip file, a folder, or one of {known}."),
                file=str(source)[:200], why=error.strerror or str(error), known=known) from None  # fmt: skip
    return _kept(found, name, seed, reading, classes, "")


def add_upload(
    file: str,
    content: bytes,
    name: str,
    owner: str,
    *,
    images: int = UPLOAD.images,
    seed: int = 0,
    form: Form = "as_is",
    invert: bool | None = None,
    classes: tuple[str, ...] = (),
    told: Told = lambda _done: None,
    bounds: Bounds = UPLOAD,
) -> OwnData:
    """Read a file that somebody sent and keep it as `name`, to be seen by `owner` alone. As `add`; images: at most.

    file: its name, of which the ending counts. Raises Problem.
    """
    check_free(name)
    reading = Reading(bounds.with_images(images), form, invert, told)
    if len(content) > bounds.file:
        raise Problem(
            N_("This file has {given} MB; at most {most} MB can be uploaded. Make the images 28 x 28 first, or use "
               "python -m kd_core data add on your own computer."),
            given=f"{len(content) / 1e6:,.1f}", most=f"{bounds.file / 1e6:,.0f}",
        )  # fmt: skip
    found = _of_file(Path(file).suffix.lower(), io.BytesIO(content), len(content), reading)
    return _kept(found, name, seed, reading, classes, owner)


def _of_path(path: Path, reading: Reading) -> Found:
    if path.is_dir():
        files = of_folder(path, reading.bounds)
        return of_idx(files, reading) if is_idx(files) else of_classes(files, reading)
    with path.open("rb") as stream:
        return _of_file(path.suffix.lower(), stream, path.stat().st_size, reading)


def _of_file(ending: str, stream: BinaryIO, size: int, reading: Reading) -> Found:
    if not size:
        raise Problem(N_("This file is empty."))
    try:
        if ending == ".npz":
            return of_npz(stream, size, reading)
        if ending == ".zip":
            with of_zip(stream, reading.bounds) as files:
                return of_idx(files, reading) if is_idx(files) else of_classes(files, reading)
    except MemoryError:
        raise Problem(N_("This file needs more memory than there is; save fewer images.")) from None
    raise Problem(
        N_("A file that ends in {given} cannot be read; it may end in .npz or .zip. Images of classes in folders, "
           "or the four IDX files, are put into a .zip together."),
        given=short(ending) or "nothing",
    )  # fmt: skip


def _kept(found: Found, name: str, seed: int, reading: Reading, classes: tuple[str, ...], owner: str) -> OwnData:
    if classes:
        found = replace(numbered(found.parts, classes), said=found.said)
    parts = split_up(found.parts, found.names, seed)
    notices = findings(parts, found.names)
    if reading.invert is not True:
        notices += brightness(parts["train"][0])
    known = OwnData(
        name=name, classes=found.names, train=0, validation=0, test=0, digest="", owner=owner, notices=notices,
        said=(*found.said, *_said(found, {part: len(parts[part][1]) for part in parts}, seed, reading)),
    )  # fmt: skip
    return keep(known, parts)


def _said(found: Found, counts: dict[str, int], seed: int, reading: Reading) -> list[Message]:
    """What was done to the images."""
    said = []
    drawn = {part: n for part, n in counts.items() if part not in found.parts}
    if "test" in drawn and "validation" in drawn:
        said.append(message("It came without splits: {test} test and {validation} validation images were drawn "
                            "from all, class by class, with seed {seed}; equal images stay together.", seed=seed,
                            **drawn))  # fmt: skip
    elif drawn:
        ((part, n),) = drawn.items()
        said.append(message(
            "It came without a {split} split: {n} images were drawn from the training images, class by class, with "
            "seed {seed}.", split=message(part), n=n, seed=seed,
        ))  # fmt: skip
    if reading.resized:
        said.append(message("{n} images of other sizes were made 28 x 28.", n=reading.resized))
    if reading.turned:
        said.append(message("{n} images were inverted: white became black.", n=reading.turned))
    return said
