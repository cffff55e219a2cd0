"""Data sets by their names: the UCI digits, which come with scikit-learn, and MNIST's relatives from the network.

Where the files are and what their MD5 is, torchvision says. Fashion-MNIST: Xiao, Rasul, Vollgraf 2017, MIT licence.
Kuzushiji-MNIST: Clanuwat et al. 2018, CC BY-SA 4.0. EMNIST: Cohen, Afshar, Tapson, van Schaik 2017, public domain.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.data import download, pixels
from kd_core.data.own.arrays import of_idx
from kd_core.data.own.files import File, of_folder, of_zip
from kd_core.data.own.reading import Found, Reading, numbered
from kd_core.messages import N_, Problem
from kd_core.paths import data_root, unwritable

LETTERS = "emnist-letters-"  # how their files begin in EMNIST's archive


def _uci(reading: Reading) -> Found:
    """The UCI digits as the lab has them elsewhere, in the same splits."""
    parts = {part: pixels.uci_pixels(part) for part in ("train", "validation", "test")}
    small = {
        part: np.stack([reading.small(image) for image in images])[:, None] for part, (images, _) in parts.items()
    }
    return numbered({part: (small[part], labels) for part, (_, labels) in parts.items()}, ())


def _fashion(reading: Reading) -> Found:
    """Fashion-MNIST."""
    return _relative("FashionMNIST", "Fashion-MNIST", reading)


def _kmnist(reading: Reading) -> Found:
    """Kuzushiji-MNIST: ten hiragana in old handwriting."""
    return _relative("KMNIST", "KMNIST", reading)


def _relative(name: str, title: str, reading: Reading) -> Found:
    """A set in the very files of MNIST."""
    known = _known(name)
    folder = data_root() / name / "raw"
    resources: Sequence[tuple[str, str]] = known.resources
    for number, (file, md5) in enumerate(resources):
        span = (number / len(resources), (number + 1) / len(resources))
        _fetched(title, [mirror + file for mirror in known.mirrors], folder / file, md5, reading, span)
    names = {file for file, _md5 in resources}
    found = of_idx([file for file in of_folder(folder, reading.bounds) if file.parts[-1] in names], reading)
    return numbered(found.parts, [name.replace("/", " or ") if name == "T-shirt/top" else name
                                  for name in known.classes])  # fmt: skip


def _letters(reading: Reading) -> Found:
    """The letters of EMNIST, upper and lower case alike: 26 classes. Its images lie on their side."""
    known = _known("EMNIST")
    path = data_root() / "EMNIST" / "raw" / "gzip.zip"
    _fetched("EMNIST (560 MB)", [known.url], path, known.md5, reading, (0, 1))
    with path.open("rb") as stream, of_zip(stream, reading.bounds) as files:
        letters = [File((file.parts[-1].removeprefix(LETTERS),), file.open) for file in files
                   if file.parts[-1].startswith(LETTERS)]  # fmt: skip
        found = of_idx(letters, reading)
    upright = {part: (images.swapaxes(2, 3).copy(), labels) for part, (images, labels) in found.parts.items()}
    return numbered(upright, [name for name in known.classes_split_dict["letters"] if len(name) == 1])


SETS: dict[str, Callable[[Reading], Found]] = {
    "uci": _uci, "fashion-mnist": _fashion, "kmnist": _kmnist, "emnist-letters": _letters,
}  # fmt: skip


def _known(name: str) -> Any:
    """torchvision's class of that name, which says where its files are."""
    from kd_core.data.vision import import_torchvision  # with torch, so only where something is fetched

    return getattr(import_torchvision().datasets, name)


def _fetched(
    title: str, urls: Sequence[str], path: Path, md5: str, reading: Reading, span: tuple[float, float]
) -> None:
    """Have a file on disk. Raises Problem, which says why that is impossible."""
    if _md5(path) == md5:
        return
    try:
        for done, total in download.from_mirrors(urls, path, "md5", md5):
            reading.told(span[0] + (span[1] - span[0]) * done / max(1, total))
    except download.NotFetched as problem:
        raise Problem(
            N_("{set} could not be fetched ({why}); put its file {file} into {folder}, or add a data set that is "
               "on this computer, as uci is."),
            set=title, why=problem.message, file=path.name, folder=str(path.parent),
        ) from None  # fmt: skip
    except OSError as error:
        raise unwritable(data_root(), error) from error


def _md5(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return ""
