"""The images themselves, for the web process: pixels, labels and network inputs without torch.

MNIST is memory-mapped from the files on disk, so that only the images that are looked at are read. The
UCI digits are those of `kd_core.data.load_uci_digits`, whose scaling and split stand here.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from kd_core.messages import Problem
from kd_core.paths import MNIST_FILES, mnist_folder

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels, scaled to 0-1
SIDE = 28  # of every image, in pixels
MNIST, UCI = "MNIST", "UCI digits"
SPLITS = ("train", "validation", "test")


def test_images(name: str) -> np.ndarray:
    """The test images of the data set `name`, as they are seen: uint8 [N, 28, 28].

    Raises Problem where they are not on this computer, or are made in a way that only torch can repeat.
    """
    if (brought := _brought(name, "test")) is not None:
        return brought[0][:, 0]
    base, change = _parts(name)
    images = np.rint(255 * _uci()[0]).astype(np.uint8) if base == UCI else _idx(MNIST_FILES[2], 16)
    images = images.reshape(-1, SIDE, SIDE)
    if change == "rotated":
        return np.rot90(images, axes=(1, 2))
    if change == "inverted":
        return 255 - images
    return images[_chosen(base, change)] if change else images


def test_labels(name: str) -> np.ndarray:
    """The labels of `test_images`: uint8 [N]. Raises Problem as it does."""
    if (brought := _brought(name, "test")) is not None:
        return brought[1].astype(np.uint8)
    base, change = _parts(name)
    labels = _uci()[1] if base == UCI else _idx(MNIST_FILES[3], 8)
    return labels[_chosen(base, change)] if "-" in change else labels


def network_inputs(name: str, indices: Sequence[int]) -> np.ndarray:
    """Test images as the networks see them, (pixel/255 - 0.1307) / 0.3081: float32 [n, 1, 28, 28]."""
    return normalised(test_pixels(name, indices))


def normalised(images: np.ndarray) -> np.ndarray:
    """What the networks are trained on, of pixels from 0 to 1: (pixel - 0.1307) / 0.3081, of the same shape."""
    inputs: np.ndarray = (images - np.float32(MEAN)) / np.float32(STD)
    return inputs


def test_pixels(name: str, indices: Sequence[int]) -> np.ndarray:
    """Test images from 0 (black) to 1 (white): float32 [n, 1, 28, 28]. Raises Problem as `test_images` does."""
    if name == UCI:
        images = _uci()[0][list(indices)]
    else:
        images = test_images(name)[list(indices)].astype(np.float32) / np.float32(255)
    return images[:, None]


def training_pixels(name: str, count: int) -> np.ndarray:
    """The first `count` training images from 0 (black) to 1 (white): float32 [count, 1, 28, 28].

    Raises Problem as `test_images` does.
    """
    if (brought := _brought(name, "train")) is not None:
        return brought[0][:count].astype(np.float32) / np.float32(255)
    base, change = _parts(name)
    if base == UCI:
        images = _uci_images("train")[:count].astype(np.float32)
    else:
        images = _idx(MNIST_FILES[0], 16, 60_000).reshape(-1, SIDE, SIDE)[: 4 * count]
        if "-" in change:
            images = images[_within(_idx(MNIST_FILES[1], 8, 60_000)[: 4 * count], change)]
        images = images[:count].astype(np.float32) / np.float32(255)
    if change == "rotated":
        images = np.rot90(images, axes=(1, 2))
    if change == "inverted":
        images = 1 - images
    return images[:, None]


def _brought(name: str, split: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Images uint8 [N, 1, 28, 28] and labels of a set that somebody has added; None where it is none, or gone.

    Who may see them is not asked here.
    """
    from kd_core.data import own

    known = own.called(name)
    return None if known is None else own.split(known.name, split)


def _parts(name: str) -> tuple[str, str]:
    """The data set's base and what was done to it, as `kd_core.data` names it: ("MNIST", "5-9")."""
    for base in (MNIST, UCI):
        change = name.removeprefix(base).strip()
        if name.startswith(base) and (change in ("", "rotated", "inverted") or re.fullmatch(r"\d-\d", change)):
            return base, change
    raise Problem("The images of the data set “{name}” cannot be shown here.", name=name)


def _chosen(base: str, classes: str) -> np.ndarray:
    """Which test images are of the digits "5-9"."""
    return _within(test_labels(base), classes)


def _within(labels: np.ndarray, classes: str) -> np.ndarray:
    first, last = map(int, classes.split("-"))
    return (labels >= first) & (labels <= last)


def uci_split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices of train (the rest), validation (200) and test (400) for all UCI labels: fixed and stratified."""
    from sklearn.model_selection import train_test_split  # a second to import, so only where it is used

    order = np.arange(len(labels))
    rest, test = train_test_split(order, test_size=400, stratify=labels, random_state=0)
    train, validation = train_test_split(rest, test_size=200, stratify=labels[rest], random_state=0)
    return train, validation, test


def _idx(file: str, head: int, count: int = 10_000) -> np.ndarray:
    """The bytes of one of MNIST's files of `count` images after its `head`, mapped and not read."""
    path = mnist_folder() / file
    size = count * (SIDE * SIDE if head == 16 else 1)
    if not _is_file(path, head + size):
        raise Problem(
            "The images cannot be shown: MNIST is not in {folder}. Fetch it with “python -m kd_core data”.",
            folder=str(path.parent),
        )
    return np.memmap(path, dtype=np.uint8, mode="r", offset=head, shape=(size,))


def _is_file(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


@cache
def _uci() -> tuple[np.ndarray, np.ndarray]:
    """The test images, float32 [400, 28, 28] from 0 to 1, and their labels."""
    from sklearn.datasets import load_digits

    labels = load_digits().target
    return _uci_images("test"), labels[uci_split(labels)[2]].astype(np.uint8)


def _uci_images(split: str) -> np.ndarray:
    """The images of one of SPLITS, float32 [n, 28, 28] from 0 to 1."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = uci_split(digits.target)[SPLITS.index(split)]
    spread = _bilinear(8, 20)
    large = spread @ (digits.images[chosen] / 16) @ spread.T
    return np.pad(large, ((0, 0), (4, 4), (4, 4))).astype(np.float32)


def uci_pixels(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The UCI digits of "train", "validation" or "test" as bytes: uint8 [n, 28, 28], and their labels."""
    from sklearn.datasets import load_digits

    labels = load_digits().target
    images = np.rint(255 * _uci_images(split)).astype(np.uint8)
    return images, labels[uci_split(labels)[SPLITS.index(split)]].astype(np.int64)


def _bilinear(small: int, large: int) -> np.ndarray:
    """[large, small]: enlarges by linear interpolation between pixel centres, as torch does by default."""
    place = ((np.arange(large) + 0.5) * small / large - 0.5).clip(0, small - 1)
    weights: np.ndarray = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(small)))
    return weights
