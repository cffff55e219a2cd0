"""What a network kept in a Result answers to an image: the lab's networks in numpy, so that no torch is needed."""

import numpy as np

from kd_core.export.layers import layers


def logits(weights: bytes, images: np.ndarray) -> np.ndarray:
    """Logits float32 [N, 10] for images float32 [N, 1, 28, 28] of a network kept as safetensors.

    Raises Problem for a network that is not of the form that `kd_core.export.layers` reads.
    """
    values, found = images, layers(weights)
    for number, layer in enumerate(found):
        if layer.convolves:
            values = np.maximum(_pooled(_convolved(values, layer.weight, layer.bias)), 0)
        else:
            values = values.reshape(len(values), -1) @ layer.weight.T + layer.bias
            values = values if number + 1 == len(found) else np.maximum(values, 0)
    return values


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
