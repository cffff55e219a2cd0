"""A folder of images for each class, on disk or in a .zip; they may stand in folders train, validation and test."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from kd_core.data.npy import short
from kd_core.data.own.bounds import check_classes
from kd_core.data.own.files import File, Files
from kd_core.data.own.images import ENDINGS, decoded
from kd_core.data.own.reading import KINDS, Found, Reading, checked_names
from kd_core.messages import N_, Problem, message


def of_classes(files: Files, reading: Reading) -> Found:
    """A folder of images for each class; these may stand in folders train, validation (val) and test."""
    pictures = [file for file in files if file.parts[-1].lower().endswith(ENDINGS)]
    if not pictures:
        raise Problem(N_("There are no images: neither IDX files, as train-images-idx3-ubyte, nor files that end "
                         "in {known}."), known=", ".join(ENDINGS))  # fmt: skip
    reading.bounds.check_images(len(pictures))
    by_place = _by_place(pictures, files.folders)
    names = _in_order({name for _part, name in by_place})
    check_classes(len(names))
    parts: dict[str, tuple[list[np.ndarray], list[int]]] = defaultdict(lambda: ([], []))
    done = 0
    for (part, name), there in sorted(by_place.items()):
        images, labels = parts[part]
        for file in there:
            images.append(_picture(file, reading))
            labels.append(names.index(name))
            done += 1
            if done % 100 == 0:
                reading.told(done / len(pictures))
    said = []
    if len(files) > len(pictures):
        said.append(message("Left out, since their names do not end as those of images do: {n} files.",
                            n=len(files) - len(pictures)))  # fmt: skip
    made = {part: (np.stack(images)[:, None], np.array(labels)) for part, (images, labels) in parts.items()}
    return Found(made, checked_names(names), tuple(said))


def _picture(file: File, reading: Reading) -> np.ndarray:
    bounds = reading.bounds
    content = file.read(bounds.image)
    reading.unpacked += len(content)
    if reading.unpacked > bounds.unpacked:
        raise Problem(N_("The images unpack to more than {most} MB, which is too much here."),
                      most=f"{bounds.unpacked / 1e6:,.0f}")  # fmt: skip
    return reading.small(decoded(content, file.name, bounds.formats, bounds.pixels))


def _by_place(pictures: Sequence[File], every: set[tuple[str, ...]]) -> dict[tuple[str, str], list[File]]:
    """(split, class) -> its images; "train" where there are no splits. Raises Problem where folders are not so."""
    folders = {file.parts[:-1] for file in pictures}
    common = _common(folders)
    rest = {folder: folder[common:] for folder in folders}
    if len(folders) == 1 or any(not below for below in rest.values()):
        raise Problem(N_("Images stand beside the folders, or all in one; there must be a folder of images for "
                         "each class."))  # fmt: skip
    depths = {len(below) for below in rest.values()}
    has_splits = depths == {2} and all(below[0].lower() in KINDS for below in rest.values())
    if depths != {1} and not has_splits:
        at = max(rest.values(), key=len)
        raise Problem(N_("The folder {folder} is in no place for it; there must be a folder of images for each "
                         "class, which may stand in folders called train, validation and test."),
                      folder=short("/".join(at)))  # fmt: skip
    depth = common + max(depths)
    empty = sorted(folder for folder in every if len(folder) == depth and folder not in folders)
    if empty:
        raise Problem(N_("The folder {folder} has no images that can be read here; remove it, or put images "
                         "there."), folder=short("/".join(empty[0])))  # fmt: skip
    found: dict[tuple[str, str], list[File]] = defaultdict(list)
    for file in pictures:
        below = rest[file.parts[:-1]]
        found[KINDS[below[0].lower()] if has_splits else "train", below[-1]].append(file)
    if not any(part == "train" for part, _name in found):
        raise Problem(N_("There is no folder called train beside the others."))
    return found


def _common(folders: set[tuple[str, ...]]) -> int:
    """How many folders all of them begin with."""
    first, last = min(folders), max(folders)
    return next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )


def _in_order(names: set[str]) -> list[str]:
    """In alphabetical order, or in that of the numbers where all are numbers."""
    if all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)
