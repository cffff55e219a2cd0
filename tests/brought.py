"""Data sets as somebody adds them: the UCI digits, and 26 made-up letters."""

import string
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from kd_core.data.own.kept import SPLITS, OwnData, keep
from kd_core.paths import data_root

LETTERS = tuple(string.ascii_uppercase)
SIZES = {"train": 520, "validation": 130, "test": 260}


@contextmanager
def folder(at: Path):
    """Data are kept below `at`; MNIST, if it is there, and what is compiled are those of this computer."""
    with pytest.MonkeyPatch.context() as patch:
        for shared in ("MNIST", "compiled"):
            if (data_root() / shared).exists():
                (at / shared).symlink_to(data_root() / shared)
        patch.setenv("KD_DATA_DIR", str(at))
        yield at


def add_letters(name="letters", owner="", noise=110, seed=0, classes=LETTERS) -> OwnData:
    """Images of as many classes as there are names: a blurred pattern each, with noise."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (len(classes), 1, 7, 7))
    patterns = small.repeat(4, 2).repeat(4, 3)
    parts = {}
    for part in SPLITS:
        labels = np.arange(SIZES[part]) % len(classes)
        images = patterns[labels] + rng.normal(0, noise, (len(labels), 1, 28, 28))
        parts[part] = images.clip(0, 255).astype(np.uint8), labels.astype(np.int64)
    return keep(_set(name, classes, owner), parts)


def add_uci(uci, name="uci", owner="") -> OwnData:
    """The UCI digits."""
    from kd_core.data.digits import pixels

    splits = {part: getattr(uci, part) for part in SPLITS}
    parts = {
        part: (pixels(split.images).numpy().reshape(-1, 1, 28, 28), split.labels.numpy())
        for part, split in splits.items()
    }
    return keep(_set(name, tuple("0123456789"), owner), parts)


def _set(name: str, classes: tuple[str, ...], owner: str) -> OwnData:
    return OwnData(name=name, classes=classes, train=0, validation=0, test=0, digest="", owner=owner)
