"""A kept network as its layers, in numpy: what the web process and the export know of a network, without torch."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from kd_core.messages import N_, Problem

WRAPPERS = ("module.", "_orig_mod.")
OTHER = N_("This kind of network can only be asked where it was trained.")


@dataclass(frozen=True)
class Layer:
    """Weight [D, C, k, k] and bias [D] of a convolution, or weight [D, C] and bias [D] of a dense layer."""

    weight: np.ndarray
    bias: np.ndarray

    @property
    def convolves(self) -> bool:
        return self.weight.ndim == 4


def layers(weights: bytes) -> list[Layer]:
    """The layers of a network kept as safetensors, first to last.

    They are read off the tensors, in the order of their names ("0.weight", "0.bias", "3.weight", …): four
    dimensions are a 3x3 convolution without padding with 2x2 pooling and ReLU, two are a dense layer, with
    ReLU after each but the last. So are `kd_core.models.article_cnn` and `mlp`. Raises Problem for others.
    """
    try:
        tensors = load(weights)
    except SafetensorError:
        raise Problem(N_("This is no safetensors file.")) from None
    found = [
        {name.split(".")[1]: tensors[name] for name in names}
        for _, names in groupby(sorted(tensors, key=_place), key=_place)
    ]
    shapes = [layer["weight"].ndim if set(layer) == {"weight", "bias"} else 0 for layer in found]
    if not shapes or shapes != sorted(shapes, reverse=True) or set(shapes) - {2, 4}:
        raise Problem(OTHER)
    return [Layer(layer["weight"], layer["bias"]) for layer in found]


def unwrapped(names: Iterable[str]) -> dict[str, str]:
    """Each of a state dict's names -> the network's own, without what a wrapper has put before all of them.

    torch's DataParallel puts "module.", torch.compile "_orig_mod."; what begins only some of the names is theirs.
    """
    given = list(names)
    own = dict(zip(given, given, strict=True))
    while before := next((w for w in WRAPPERS if own and all(n.startswith(w) for n in own.values())), ""):
        own = {name: inner.removeprefix(before) for name, inner in own.items()}
    return own


def _place(name: str) -> int:
    first, *rest = name.split(".")
    if not first.isdigit() or len(rest) != 1:
        raise Problem(OTHER)
    return int(first)
