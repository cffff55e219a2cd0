"""Images as tensors: MNIST, the UCI digits and Fashion-MNIST, and digits made of digits."""

from typing import TYPE_CHECKING

from kd_core.lazy import offering

if TYPE_CHECKING:
    from kd_core.data.digits import Digits, Split, fetch, load, load_mnist, load_uci_digits, subset

__all__ = ["Digits", "Split", "fetch", "load", "load_mnist", "load_uci_digits", "subset"]
__getattr__ = offering(__name__, dict.fromkeys(__all__, "digits"))
