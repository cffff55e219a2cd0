"""How MNIST's digits were made, once more and in another way: what the drawing page's JavaScript is held to.

Ink is a function of the plane here, looked at on a fine grid under each of the 20x20 cells; in the browser it is a
picture of 280x280, averaged by area. The centre of mass is scipy's.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

Stroke = Sequence[Sequence[float]]
PEN = 1 / 12  # its width as a share of the pad, at most
WIDTH = 2.6  # of MNIST's strokes, where the longer side has 20 pixels
FINE = 12  # looks at each cell, along each side


def centred(ink: Callable[[np.ndarray, np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The 28x28 of ink(x, y) from 0 to 1 within the box from `low` to `high` ([x, y] each), as bytes.

    The longer side becomes 20 pixels; then whole pixels move the centre of mass to between 13.5 and 14.5.
    """
    step = (high - low).max() / 20
    looks = (np.arange(20 * FINE) + 0.5) / FINE * step
    x, y = np.meshgrid(low[0] + looks, low[1] + looks)
    inside = (x < high[0]) & (y < high[1])
    small = np.where(inside, ink(x, y), 0).reshape(20, FINE, 20, FINE).mean((1, 3))
    room = 28 - np.ceil((high - low)[::-1] / step - 1e-9)
    top, left = np.clip(np.ceil(13.5 - np.array(ndimage.center_of_mass(small)) - 1e-9), 0, room).astype(int)
    field = np.zeros((48, 48))
    field[top : top + 20, left : left + 20] = small
    return np.rint(255 * field[:28, :28]).astype(np.uint8)


def of_strokes(strokes: Sequence[Stroke], pen: float | None = None) -> np.ndarray:
    """The 28x28 of strokes of a round pen, points [x, y] from 0 to 1 across the pad.

    pen: its width; if it is not given PEN, or less where that would be more than WIDTH in the end.
    """
    points = np.concatenate([np.asarray(stroke, float) for stroke in strokes])
    if pen is None:
        pen = min(PEN, fitting(points))
    low, high = np.maximum(points.min(0) - pen / 2, 0), np.minimum(points.max(0) + pen / 2, 1)
    return centred(lambda x, y: _distance(strokes, x, y) <= pen / 2, low, high)


def fitting(points: np.ndarray) -> float:
    """The pen whose strokes through these points [x, y] are WIDTH pixels wide once the longer side is 20."""
    reach = float(np.ptp(points, axis=0).max())
    return reach / (20 / WIDTH - 1)


def of_image(image: np.ndarray) -> np.ndarray:
    """The 28x28 of an image of any size, its pixels bytes."""
    rows, columns = (np.flatnonzero((image > 0).any(axis)) for axis in (1, 0))
    low, high = np.array([columns[0], rows[0]], float), np.array([columns[-1], rows[-1]], float) + 1
    return centred(lambda x, y: _pixel(image, x, y) / 255, low, high)


def _pixel(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    height, width = image.shape
    return image[np.minimum(y.astype(int), height - 1), np.minimum(x.astype(int), width - 1)]


def _distance(strokes: Sequence[Stroke], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """From each point of the plane to the nearest stroke."""
    nearest = np.full(x.shape, np.inf)
    for stroke in strokes:
        for a, b in zip(stroke[: len(stroke) - 1] or stroke, stroke[1:] or stroke, strict=True):
            (ax, ay), (dx, dy) = a, np.subtract(b, a)
            squared = dx * dx + dy * dy
            along = np.clip(((x - ax) * dx + (y - ay) * dy) / squared, 0, 1) if squared else 0.0
            nearest = np.minimum(nearest, np.hypot(x - ax - along * dx, y - ay - along * dy))
    return nearest
