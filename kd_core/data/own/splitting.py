"""Images ordered by their contents, the splits that are missing drawn, and what is wrong with the lot.

Nothing here depends on the order in which a file had its images, nor on a library's random numbers: whichever split
an image is drawn into follows from a hash of its pixels and the seed. Equal images are drawn into one split.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from kd_core.data.own.images import BRIGHT
from kd_core.data.own.kept import Arrays
from kd_core.data.pixels import SPLITS
from kd_core.messages import N_, Message, Problem, message

SHARES = {"test": (0.2, 10_000), "validation": (0.1, 5_000)}  # of all images, and at most so many
FEW_EACH = 20  # training images of a class: fewer are said
FEW_TEST = 200  # test images: fewer are said
UNEVEN = 5.0  # the largest class over the smallest: more is said
LISTED = 5  # classes that a sentence names


def hashes(images: np.ndarray) -> list[bytes]:
    """SHA-256 of each of images [N, 1, 28, 28]."""
    return [hashlib.sha256(image.tobytes()).digest() for image in images]


def ordered(images: np.ndarray, labels: np.ndarray) -> Arrays:
    """The same images and labels in the order of their hashes, equal images in that of their labels."""
    found = hashes(images)
    order = sorted(range(len(labels)), key=lambda at: (found[at], labels[at]))
    return images[order], labels[order]


def split_up(parts: Mapping[str, Arrays], names: Sequence[str], seed: int) -> dict[str, Arrays]:
    """Images and labels of all of SPLITS, each ordered; those that are missing are drawn from the training images.

    Raises Problem where a class is too small for that, or is not in the training images.
    """
    made = {part: ordered(*parts[part]) for part in SPLITS if part in parts}
    images, labels = made["train"]
    absent = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 0)
    if len(absent):
        raise Problem(N_("The class {name} has no training images."), name=names[int(absent[0])])
    missing = [part for part in SHARES if part not in made]
    to = drawn(images, labels, missing, names, seed)
    return {part: (images[to == part], labels[to == part]) if part in ("train", *missing) else made[part]
            for part in SPLITS}  # fmt: skip


def drawn(
    images: np.ndarray, labels: np.ndarray, missing: Sequence[str], names: Sequence[str], seed: int
) -> np.ndarray:
    """Into which split each image comes, an array of names [N]: "train", or one of `missing`.

    Stratified: each class gives the same share, one image at least. Images must be ordered.
    """
    to = np.full(len(labels), "train", dtype="U10")
    if not missing:
        return to
    alike: dict[bytes, list[int]] = {}
    for at, found in enumerate(hashes(images)):
        alike.setdefault(found, []).append(at)
    by_rank = sorted(alike, key=lambda found: hashlib.sha256(f"{seed} ".encode() + found).digest())
    for label, name in enumerate(names):
        groups = [alike[found] for found in by_rank if labels[alike[found][0]] == label]
        if len(groups) < len(missing) + 1:
            raise Problem(
                N_("The class {name} has too few different images ({given}); {least} are needed, to learn from one "
                   "and to be tested with others."),
                name=name, given=len(groups), least=len(missing) + 1,
            )  # fmt: skip
        of_class = sum(map(len, groups))
        for number, part in enumerate(missing):
            share, most = SHARES[part]
            quota, taken = max(1, round(min(share, most / len(labels)) * of_class)), 0
            while taken < quota and len(groups) > len(missing) - number:
                group = groups.pop()
                to[group] = part
                taken += len(group)
    return to


def findings(parts: Mapping[str, Arrays], names: Sequence[str]) -> tuple[Message, ...]:
    """What a person must know before they believe a number: too small, unbalanced, leaks, two labels for one."""
    return (*_sizes(parts, names), *_leaks(parts))


def _sizes(parts: Mapping[str, Arrays], names: Sequence[str]) -> list[Message]:
    said = []
    counts = {part: np.bincount(labels, minlength=len(names)) for part, (_images, labels) in parts.items()}
    train, test = counts["train"], len(parts["test"][1])
    few = [f"{name} ({count})" for name, count in zip(names, train, strict=True) if count < FEW_EACH]
    if few:
        said.append(message("Few training images: {classes}. What is learned from so few differs from seed to "
                            "seed.", classes=_listed(few)))  # fmt: skip
    if test < FEW_TEST:
        said.append(message("The test split has only {n} images: one image more or less is {points} points of its "
                            "error rate.", n=test, points=f"{100 / test:.1f}"))  # fmt: skip
    for part, words in (("validation", N_("validation")), ("test", N_("test"))):
        absent = [name for name, count in zip(names, counts[part], strict=True) if not count]
        if absent:
            said.append(message("No images of {classes} in the {split} split: how well these are told is not seen.",
                                classes=_listed(absent), split=message(words)))  # fmt: skip
    if train.max() > UNEVEN * train.min():
        share = 100 * counts["test"][train.argmax()] / test
        said.append(message(
            "The classes are unbalanced: {most} has {n} training images and {least} has {few}. Who always answers "
            "{most} is right on {share} % of the test images, without having looked.",
            most=names[int(train.argmax())], n=int(train.max()), least=names[int(train.argmin())],
            few=int(train.min()), share=f"{share:.1f}",
        ))  # fmt: skip
    return said


def _leaks(parts: Mapping[str, Arrays]) -> list[Message]:
    said = []
    found = {part: hashes(images) for part, (images, _labels) in parts.items()}
    trained = set(found["train"])
    for part, words in (("test", N_("test")), ("validation", N_("validation"))):
        leaked = sum(one in trained for one in found[part])
        if leaked:
            said.append(message(
                "Leak: {n} of {all} images of the {split} split are training images too, to the last pixel. They "
                "were left where they are; the error rate looks better than it is.",
                n=leaked, all=len(found[part]), split=message(words),
            ))  # fmt: skip
    pairs = {
        (one, label) for part in parts for one, label in zip(found[part], parts[part][1].tolist(), strict=True)
    }
    twice = len(pairs) - len({one for one, _label in pairs})
    if twice:
        said.append(
            message("Images that are there under two labels: {n}. No network can be right about both.", n=twice)
        )
    return said


def brightness(images: np.ndarray) -> tuple[Message, ...]:
    """What is said of training images on bright ground."""
    mean = float(np.mean(images))
    if mean <= BRIGHT:
        return ()
    return (message("The images are bright (mean {mean} of 255), as ink on white paper, and were left so; MNIST is "
                    "white on black. To use networks that have learned from MNIST, add them inverted.",
                    mean=f"{mean:.0f}"),)  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", …" if len(names) > LISTED else "")
