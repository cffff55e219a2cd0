"""What a network kept in a Result answers to an image: the lab's networks in numpy, so that no torch is needed."""

from itertools import groupby

import numpy as np
from safetensors.numpy import load

from kd_core.messages import Problem


def layers(weights: bytes) -> list[dict[str, np.ndarray]]:
    """The layers of a network kept as safetensors, each its "weight" and "bias".

    They are read off the tensors, in the order of their names ("0.weight", "0.bias", "3.weight", …): four
    dimensions are a 3x3 convolution without padding with 2x2 pooling and ReLU, two are a dense layer, with
    ReLU after each but the last. So are `kd_core.models.article_cnn` and `mlp`. Raises Problem for others.
    """
    tensors = load(weights)
    found = [
        {name.split(".")[1]: tensors[name] for name in names}
        for _, names in groupby(sorted(tensors, key=_place), key=_place)
    ]
    shapes = [layer["weight"].ndim if set(layer) == {"weight", "bias"} else 0 for layer in found]
    if not shapes or shapes != sorted(shapes, reverse=True) or set(shapes) - {2, 4}:
        raise Problem("This kind of network can only be asked where it was trained.")
    return found


def logits(weights: bytes, images: np.ndarray) -> np.ndarray:
    """Logits float32 [N, 10] for images float32 [N, 1, 28, 28]; raises Problem as `layers` does."""
    found = layers(weights)
    values = images
    for number, layer in enumerate(found):
        if layer["weight"].ndim == 4:
            values = np.maximum(_pooled(_convolved(values, layer["weight"], layer["bias"])), 0)
        else:
            values = values.reshape(len(values), -1) @ layer["weight"].T + layer["bias"]
            values = values if number + 1 == len(found) else np.maximum(values, 0)
    return values


def _place(name: str) -> int:
    first, *rest = name.split(".")
    if not first.isdigit() or len(rest) != 1:
        raise Problem("This kind of network can only be asked where it was trained.")
    return int(first)


def _convolved(images: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """[N, C, H, W] and [D, C, k, k] -> [N, D, H - k + 1, W - k + 1]."""
    windows = np.lib.stride_tricks.sliding_window_view(images, weight.shape[2:], axis=(2, 3))
    convolved: np.ndarray = np.einsum("nchwij,dcij->ndhw", windows, weight, optimize=True) + bias[:, None, None]
    return convolved


def _pooled(images: np.ndarray) -> np.ndarray:
    """The largest of each 2x2 window; an odd last row or column is left out."""
    n, channels, height, width = images.shape
    cut = images[:, :, : height // 2 * 2, : width // 2 * 2]
    largest: np.ndarray = cut.reshape(n, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))
    return largest
