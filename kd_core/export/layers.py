"""A kept network as its layers, in numpy: what the web process and the export know of a network, without torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from safetensors import SafetensorError, deserialize

from kd_core.data.pixels import SIDE
from kd_core.messages import N_, Problem

_TYPES = {"F32": "<f4", "F16": "<f2", "F64": "<f8"}  # safetensors' names of numpy's types, little-endian
WRAPPERS = ("module.", "_orig_mod.")
OTHER = N_(
    "This kind of network cannot be read here: its tensors are not those of convolutions and dense layers in a "
    "row, named 0.weight, 0.bias, 2.weight and so on. Use it where it was trained."
)


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
    dimensions are a convolution without padding with 2x2 pooling and ReLU, two are a dense layer, with ReLU after
    each but the last. So are `networks.article_cnn` and `mlp`. float16, bfloat16 and float64 become float32;
    what DataParallel or torch.compile have put before the names is taken off. Raises Problem for others, for
    layers that do not fit each other or images of 28x28, and for numbers of another type or that are not finite.
    """
    try:
        read = deserialize(weights)
    except SafetensorError:
        raise Problem(N_("This is no safetensors file.")) from None
    own = unwrapped(name for name, _ in read)
    tensors = {own[name]: _numbers(name, **about) for name, about in read}
    found = [
        {name.split(".")[1]: tensors[name] for name in names}
        for _, names in groupby(sorted(tensors, key=_place), key=_place)
    ]
    shapes = [layer["weight"].ndim if set(layer) == {"weight", "bias"} else 0 for layer in found]
    if not shapes or shapes != sorted(shapes, reverse=True) or set(shapes) - {2, 4}:
        raise Problem(OTHER)
    made = [Layer(layer["weight"], layer["bias"]) for layer in found]
    _require_fit(made)
    return made


def _numbers(name: str, dtype: str, shape: list[int], data: bytes) -> np.ndarray:
    """A tensor of a safetensors file as float32. Raises Problem."""
    if dtype == "BF16":  # the upper half of a float32
        values = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif dtype in _TYPES:
        with np.errstate(over="ignore"):  # what is too large for float32 is refused below
            values = np.frombuffer(data, _TYPES[dtype]).astype(np.float32)
    else:
        raise Problem(
            N_("The tensor {name} has numbers of the type {given}; float32, float16, bfloat16 and float64 can be "
               "read, so save the network before it is quantised."),
            name=name[:80], given=dtype,
        )  # fmt: skip
    if not np.isfinite(values).all():
        raise Problem(
            N_("The tensor {name} holds numbers that are not finite in float32, so the network answers nothing; "
               "train it anew, with a smaller learning rate."),
            name=name[:80],
        )  # fmt: skip
    return values.reshape(shape)


def _require_fit(found: Sequence[Layer]) -> None:
    """Raise Problem unless each layer takes what the one before it gives, the first one an image or numbers."""
    channels, height, width = 1, SIDE, SIDE
    given = found[0].weight.shape[1]  # of dense layers: as many numbers as they want
    for number, layer in enumerate(found, start=1):
        outputs, inputs, *window = layer.weight.shape
        gives = channels if layer.convolves else given
        if inputs != gives or layer.bias.shape != (outputs,) or min(inputs, outputs) < 1:
            raise Problem(
                N_("Layer {number} does not fit: its weight is {weight} and its bias {bias}, so it takes {takes} "
                   "inputs where {gives} arrive. Networks of grey images of 28x28 can be read, whose convolutions "
                   "have no padding and 2x2 pooling behind each, and dense networks of numbers."),
                number=number, weight=str(list(layer.weight.shape)), bias=str(list(layer.bias.shape)),
                takes=inputs, gives=gives,
            )  # fmt: skip
        if layer.convolves:
            channels, height, width = outputs, (height - window[0] + 1) // 2, (width - window[1] + 1) // 2
            if min(*window, height, width) < 1:
                raise Problem(N_("Layer {number} leaves nothing of an image of 28x28."), number=number)
            given = channels * height * width
        else:
            given = outputs


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
    if not first.isdecimal() or len(rest) != 1:
        raise Problem(OTHER)
    return int(first)
