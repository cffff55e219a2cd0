"""A stranger's image -> 28x28 grey bytes: as it is, or centred as the drawing pad and MNIST do."""

import io
import warnings
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from kd_core.data.npy import short
from kd_core.data.pixels import SIDE
from kd_core.messages import N_, Problem

Form = Literal["as_is", "pad"]

BOX, MIDDLE = 20, 14  # pixels of the longer side, and where the centre of mass comes to lie (LeCun et al. 1998)
FAINT = 0.1  # of the brightest pixel: what is darker is no ink, as the noise of a JPEG is not
BRIGHT = 127  # of 255: a mean above it is a bright ground
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff")


def decoded(content: bytes, name: str, formats: tuple[str, ...], most: int) -> np.ndarray:
    """The grey of an image file, uint8 [H, W]. most: pixels. Raises Problem, which names the file.

    Colour becomes luma (ITU-R 601); what is transparent shows white; 16 bits become 8; of a film the first picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of much that is odd but can be read
            with Image.open(io.BytesIO(content), formats=formats) as image:
                width, height = image.size
                if width * height > most:
                    raise too_large(name, width, height, most)
                return grey(ImageOps.exif_transpose(image))
    except Problem:
        raise
    except Exception as error:  # decoders of strangers' bytes raise nearly everything
        why = short(str(error).partition(" <")[0]) or type(error).__name__
        raise Problem(N_("{name} cannot be read as an image: {why}."), name=name, why=why) from None


def too_large(name: str, width: int, height: int, most: int) -> Problem:
    """What is said of an image with more than `most` pixels."""
    return Problem(N_("{name} has {width} x {height} pixels; at most {most} are possible."), name=name, width=width,
                   height=height, most=f"{most:,}")  # fmt: skip


def grey(image: Image.Image) -> np.ndarray:
    """The grey of an opened image of any mode: uint8 [H, W]."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        if not np.isfinite(values).all() or values.min() < 0 or values.max() > 65535:
            raise ValueError("its pixels are no numbers from 0 to 65535")
        return np.rint(values / 257).astype(np.uint8)
    if image.mode == "P" or image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    elif image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")  # CMYK, YCbCr, LAB, HSV
    return np.asarray(image.convert("L"))


def inverted(picture: np.ndarray, form: Form, invert: bool | None) -> bool:
    """Whether an image [H, W] is to be inverted; invert = None: in the pad's form, where its edges are bright."""
    if invert is None:
        return form == "pad" and float(np.median(_edge(picture))) > BRIGHT
    return invert


def made(picture: np.ndarray, form: Form) -> np.ndarray:
    """28x28 of an image uint8 [H, W], white on black where `form` is "pad"."""
    return centred(picture) if form == "pad" else fitted(picture)


def fitted(picture: np.ndarray) -> np.ndarray:
    """The image, its longer side made 28 and its aspect kept, amid its own ground: uint8 [28, 28]."""
    height, width = picture.shape
    if (height, width) == (SIDE, SIDE):
        return picture
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
    whole = np.full((SIDE, SIDE), round(float(np.median(_edge(picture)))), np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    whole[top : top + size[1], left : left + size[0]] = small
    return whole


def centred(picture: np.ndarray) -> np.ndarray:
    """What is bright, its longer side made 20 by area, its centre of mass moved to pixel 14: uint8 [28, 28].

    As `app/distillation/components/draw` has it, whole pixels move the centre to between 13.5 and 14.5.
    """
    ink = picture / np.float32(255)
    there = ink > FAINT * ink.max() if ink.max() > 0 else np.zeros(ink.shape, bool)
    if not there.any():
        return np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    step = max(box.shape) / BOX
    small = _averages(box.shape[0], step) @ box @ _averages(box.shape[1], step).T
    at = [
        int(np.clip(np.ceil(MIDDLE - 0.5 - _mass(small.sum(1 - axis)) - 1e-9), 0,
                    SIDE - np.ceil(box.shape[axis] / step - 1e-9)))
        for axis in (0, 1)
    ]  # fmt: skip
    whole = np.zeros((SIDE + BOX, SIDE + BOX))
    whole[at[0] : at[0] + BOX, at[1] : at[1] + BOX] = small
    return np.rint(255 * whole[:SIDE, :SIDE].clip(0, 1)).astype(np.uint8)


def _averages(size: int, step: float) -> np.ndarray:
    """[20, size]: the share of each pixel in each cell, `step` pixels wide."""
    cell, pixel = np.arange(BOX)[:, None] * step, np.arange(size)[None]
    overlap: np.ndarray = np.minimum(cell + step, pixel + 1) - np.maximum(cell, pixel)
    return overlap.clip(0) / step


def _mass(ink: np.ndarray) -> float:
    return float((np.arange(len(ink)) * ink).sum() / ink.sum())


def _edge(picture: np.ndarray) -> np.ndarray:
    """The pixels around an image."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
