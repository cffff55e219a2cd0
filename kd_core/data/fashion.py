"""Fashion-MNIST as tensors: 28x28 photographs of clothes in ten classes, in the very form of MNIST.

Xiao, Rasul, Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
arXiv 1708.07747 (MIT licence). Where its files are, and their MD5, is torchvision's to say; on disk they lie as
torchvision lays them out, compressed, and every load checks them.
"""

import gzip
import hashlib
from collections.abc import Generator
from pathlib import Path

import numpy as np

from kd_core.data import download
from kd_core.data.digits import Digits, labels_of, split_of, two_of_each
from kd_core.data.vision import import_torchvision
from kd_core.messages import N_, Problem
from kd_core.paths import data_root, unwritable
from kd_core.results.events import Reporter, Step

NAME = "Fashion-MNIST"
VALIDATION = 5_000  # the last of the training images, as for MNIST


def folder() -> Path:
    """Where its four files are."""
    return data_root() / "FashionMNIST" / "raw"


def load() -> Digits:
    """Train 55,000 / validation 5,000 / test 10,000, normalised as MNIST is; labels 0 (T-shirt) to 9 (boot).

    Raises Problem where a file is not on disk, or is not what was published: `fetch` brings it.
    """
    parts = []
    for file, md5 in _published():
        content = _intact(file, md5)
        if content is None:
            raise Problem(N_("{file} of Fashion-MNIST is not in {folder}."), file=file, folder=str(folder()))
        parts.append(np.frombuffer(bytearray(gzip.decompress(content)), dtype=np.uint8))
    train_images, train_labels, test_images, test_labels = parts
    size = len(labels_of(train_labels))
    cut = size - min(VALIDATION, size // 10)
    train, validation = (split_of(train_images, train_labels, rows) for rows in (slice(cut), slice(cut, None)))
    test = split_of(test_images, test_labels)
    return Digits(NAME, train, validation, test, two_of_each(test.labels))


def fetch(reporter: Reporter) -> Generator[Step, None, None]:
    """Bring what is not on disk, told as Steps. Raises Problem, which says why that is impossible."""
    missing = [(file, md5) for file, md5 in _published() if _intact(file, md5) is None]
    mirrors = import_torchvision().datasets.FashionMNIST.mirrors
    for number, (file, md5) in enumerate(missing):
        try:
            urls = [mirror + file for mirror in mirrors]
            for done, total in download.from_mirrors(urls, folder() / file, "md5", md5):
                yield reporter.step(round(1000 * (number + done / total) / len(missing)), 1000)
        except download.NotFetched as problem:
            raise Problem(
                N_("Fashion-MNIST could not be fetched ({why}); put its four files {files} into {folder}, or "
                   "choose another task."),
                why=problem.message, folder=str(folder()), files=", ".join(name for name, _md5 in _published()),
            ) from None  # fmt: skip
        except OSError as error:
            raise unwritable(data_root(), error) from error


def _published() -> list[tuple[str, str]]:
    """File and MD5 of training images and labels, test images and labels."""
    resources: list[tuple[str, str]] = import_torchvision().datasets.FashionMNIST.resources
    return resources


def _intact(file: str, md5: str) -> bytes | None:
    try:
        content = (folder() / file).read_bytes()
    except OSError:
        return None
    return content if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5 else None
