"""The same images in every form that people have them in."""

import gzip
import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

Parts = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by split: uint8 [N, 28, 28] and labels


def noise(classes: int = 3, each: int = 12, side: int = 28, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images [N, side, side] of noise, no two alike, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    return random.integers(0, 120, (len(labels), side, side), dtype=np.uint8), labels


def npz(**arrays: np.ndarray) -> bytes:
    """A .npz file."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def keras(parts: Parts) -> bytes:
    """x_train, y_train, …"""
    short = {"train": "train", "validation": "val", "test": "test"}
    return npz(**{f"x_{short[part]}": images for part, (images, _) in parts.items()},
               **{f"y_{short[part]}": labels for part, (_, labels) in parts.items()})  # fmt: skip


def medmnist(parts: Parts) -> bytes:
    """train_images, train_labels [N, 1], …"""
    short = {"train": "train", "validation": "val", "test": "test"}
    return npz(**{f"{short[part]}_images": images for part, (images, _) in parts.items()},
               **{f"{short[part]}_labels": labels[:, None].astype(np.uint8)
                  for part, (_, labels) in parts.items()})  # fmt: skip


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes."""
    head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def idx_files(parts: Parts, packed: bool = True) -> dict[str, bytes]:
    """The files of MNIST's relatives, by name."""
    short, found = {"train": "train", "validation": "val", "test": "t10k"}, {}
    for part, (images, labels) in parts.items():
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            file = f"{short[part]}-{name}-ubyte"
            found[file + ".gz" * packed] = gzip.compress(idx(array), 1) if packed else idx(array)
    return found


def png(image: np.ndarray | Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """An image file."""
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def folders(parts: Parts, names: tuple[str, ...] = tuple("0123456789"), splits: bool = True) -> dict[str, bytes]:
    """A folder of images for each class, in that of its split."""
    return {f"top/{part + '/' if splits else ''}{names[label]}/{at}.png": png(image)
            for part, (images, labels) in parts.items()
            for at, (image, label) in enumerate(zip(images, labels, strict=True))}  # fmt: skip


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A .zip file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            archive.writestr(name, file)
    return content.getvalue()


def on_disk(files: Mapping[str, bytes], folder: Path) -> Path:
    """The files in a folder; returns that."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
