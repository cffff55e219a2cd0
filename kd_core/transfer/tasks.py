"""Source and target of a transfer run, made of the data."""

from dataclasses import replace

from kd_core.data import fashion
from kd_core.data.digits import Digits, load_uci_digits
from kd_core.data.variants import inverted, only, random_labels, rotated, shuffled_pixels
from kd_core.messages import N_, Problem
from kd_core.nn.seeding import seeded
from kd_core.runs.assemble import chosen
from kd_core.transfer.settings import OWN
from kd_core.transfer.settings import TransferSettings as Settings

SOURCE_SEED = 0  # one source network for all trials


def target_of(settings: Settings, data: Digits) -> Digits:
    """What has to be learned now. Raises Problem where `data` is too little for it."""
    if settings.pair == OWN:
        target = chosen(settings, data)
        return replace(target, notices=(*data.notices, *target.notices))
    if settings.pair == "low_high":
        return only(data, range(5, 10))
    if settings.pair == "uci":
        if data.name != "MNIST":
            raise Problem(N_("This task needs MNIST, which could not be had here; choose another."))
        return replace(load_uci_digits(), notices=data.notices)
    if settings.pair in ("rotated", "inverted"):
        return (rotated if settings.pair == "rotated" else inverted)(data)
    return data


def source_of(settings: Settings, data: Digits) -> Digits:
    """What the lab's own networks have learned first. Raises Problem where it is not on disk."""
    source = data
    if settings.pair == "low_high":
        source = only(data, range(5))
    elif settings.pair == "fashion":
        source = fashion.load()
    if settings.source_kind == "random_labels":
        return random_labels(source, seeded(SOURCE_SEED, "random labels"))
    if settings.source_kind == "shuffled_pixels":
        return shuffled_pixels(source, seeded(SOURCE_SEED, "pixels"))
    return source
