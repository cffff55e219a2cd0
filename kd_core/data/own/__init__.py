"""Data sets that a person brings: read from strangers' files, kept on disk, loaded as MNIST is."""

from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.data.own.adding import add
    from kd_core.data.own.kept import (
        OwnData,
        called,
        check_usable,
        describe,
        load,
        names,
        remove,
        split,
        usable_by,
        visible_to,
    )

__all__ = ["OwnData", "add", "called", "check_usable", "describe", "load", "names", "remove", "split", "usable_by",
           "visible_to"]  # fmt: skip
__getattr__ = offering(__name__, dict.fromkeys(__all__, "kept") | {"add": "adding"})
