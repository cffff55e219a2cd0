"""Digits made of digits: some of the classes, turned, inverted, with shuffled pixels or random labels."""

from collections.abc import Callable
from dataclasses import replace

import torch

from kd_core.data.digits import Digits, Split, two_of_each
from kd_core.data.pixels import MEAN, STD


def only(digits: Digits, classes: range) -> Digits:
    """The digits of some classes, named "MNIST 5-9"; labels stay what they are."""

    def cut(split: Split) -> Split:
        return split.chosen((split.labels >= classes.start) & (split.labels < classes.stop))

    name = f"{digits.name} {classes.start}-{classes.stop - 1}"
    return _derived(digits, name, cut)


def rotated(digits: Digits) -> Digits:
    """Every image turned by a quarter, anticlockwise."""
    return _derived(
        digits, f"{digits.name} rotated", lambda s: s.changed(lambda images: images.rot90(1, (2, 3)).contiguous())
    )


def inverted(digits: Digits) -> Digits:
    """Black on white: a pixel p of 0 to 1 becomes 1 - p."""
    white = (1 - 2 * MEAN) / STD
    return _derived(digits, f"{digits.name} inverted", lambda s: s.changed(lambda images: white - images))


def shuffled_pixels(digits: Digits, generator: torch.Generator) -> Digits:
    """Every image's pixels moved about in one and the same way: strokes and neighbourhoods are gone."""
    order = torch.randperm(28 * 28, generator=generator)
    return _derived(
        digits,
        f"{digits.name} shuffled pixels",
        lambda s: s.changed(lambda images: images.flatten(2)[..., order].view_as(images)),
    )


def random_labels(digits: Digits, generator: torch.Generator) -> Digits:
    """Every label replaced by one of the same classes drawn at random, whatever the image shows."""
    classes = digits.train.labels.unique()

    def drawn(split: Split) -> Split:
        return Split(split.stored, classes[torch.randint(len(classes), (len(split),), generator=generator)])

    return _derived(digits, f"{digits.name} random labels", drawn)


def _derived(digits: Digits, name: str, change: Callable[[Split], Split]) -> Digits:
    train, validation, test = (change(split) for split in (digits.train, digits.validation, digits.test))
    gallery = two_of_each(test.labels)
    return replace(digits, name=name, train=train, validation=validation, test=test, gallery=gallery)
