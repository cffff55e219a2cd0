"""Images as arrays of numbers: numpy's .npz as of Keras and MedMNIST, and the IDX files of MNIST's relatives."""

import gzip
import math
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import BinaryIO

import numpy as np
from PIL import Image

from kd_core.data.npy import UNZIPPING, directory, read_member, short, texts
from kd_core.data.own.bounds import Bounds
from kd_core.data.own.files import File
from kd_core.data.own.images import grey, too_large
from kd_core.data.own.reading import KINDS, Found, Reading, numbered
from kd_core.data.pixels import SIDE
from kd_core.messages import N_, Problem

KERAS = {"train": ("x_train", "y_train"), "validation": ("x_val", "y_val"), "test": ("x_test", "y_test")}
MEDMNIST = {"train": ("train_images", "train_labels"), "validation": ("val_images", "val_labels"),
            "test": ("test_images", "test_labels")}  # fmt: skip
IDX = re.compile(r"(?:^|[-_.])(train|t10k|test|val)[-_.](images|labels)[-_.]idx([13])[-_.]ubyte(\.gz)?$", re.I)
LIST = 2**16  # bytes of an .npz's list of arrays


def of_npz(stream: BinaryIO, size: int, reading: Reading) -> Found:
    """Keras's x_train, y_train, x_test, y_test, or MedMNIST's train_images, train_labels, val_images, …."""
    if directory(stream, size) > LIST:
        raise Problem(N_("This .npz file lists too many arrays; save images and labels alone."))
    try:
        with zipfile.ZipFile(stream) as archive:
            there = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
            form = next((form for form in (KERAS, MEDMNIST) if there.issuperset(form["train"])), None)
            if form is None:
                raise Problem(
                    N_("This .npz file needs x_train and y_train, or train_images and train_labels; it has: "
                       "{saved}."),
                    saved=", ".join(sorted(map(short, there))[:6]) or "–")  # fmt: skip
            parts, most = {}, reading.bounds.array
            for done, (part, (of_images, of_labels)) in enumerate(form.items()):
                if of_images in there and of_labels in there:
                    labels = _labels(read_member(archive, of_labels, most), of_labels)
                    parts[part] = (_images(read_member(archive, of_images, most), of_images, reading), labels)
                    _check_alike(of_images, *parts[part])
                reading.told((done + 1) / len(form))
            names = texts(read_member(archive, "class_names", most)) if "class_names" in there else []
    except UNZIPPING as error:
        raise Problem(N_("This .npz file cannot be unpacked: {why}"), why=short(str(error)) or "–") from None
    return numbered(parts, names)


def _labels(labels: np.ndarray, name: str) -> np.ndarray:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise Problem(
            N_("{name} must be whole numbers, one for each image, the number of its class; {type} {shape} was "
               "given."),
            name=name, type=short(str(labels.dtype)), shape=short(str(list(labels.shape))))  # fmt: skip
    if len(labels) and max(-int(labels.min()), int(labels.max())) > 2**62:
        raise Problem(N_("{name} has numbers too large for those of classes."), name=name)
    return labels.astype(np.int64)


def _check_alike(name: str, images: np.ndarray, labels: np.ndarray) -> None:
    if len(images) != len(labels):
        raise Problem(N_("{name}: {images} images and {labels} labels; there must be as many of both."), name=name,
                      images=f"{len(images):,}", labels=f"{len(labels):,}")  # fmt: skip
    if not len(images):
        raise Problem(N_("{name}: there are no images."), name=name)


def _images(images: np.ndarray, name: str, reading: Reading) -> np.ndarray:
    """uint8 [N, 1, 28, 28] of an array [N, H, W], [N, H, W, 1], 3 (colour) or 4 (and transparency)."""
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3, 4)):
        raise Problem(N_("{name} must be [N, height, width], or with 1, 3 or 4 colours at the end; {shape} was "
                         "given."), name=name, shape=short(str(list(images.shape))))  # fmt: skip
    if images.dtype.kind not in "fiub":
        raise Problem(N_("{name} are of type {type}; save pixels as whole numbers from 0 to 255."), name=name,
                      type=short(str(images.dtype)))  # fmt: skip
    reading.bounds.check_images(len(images))
    if not images.size:
        raise Problem(N_("{name}: there are no images."), name=name)
    if images[0].size > reading.bounds.pixels:
        raise too_large(name, images.shape[2], images.shape[1], reading.bounds.pixels)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    to_bytes = _bytes(images, name, reading)
    if images.shape[1:] == (SIDE, SIDE) and reading.form == "as_is":
        whole = np.concatenate([to_bytes(images[at : at + 4096]) for at in range(0, len(images), 4096)])
        reading.turned += len(whole) if reading.invert else 0
        return (255 - whole if reading.invert else whole)[:, None]
    small = np.empty((len(images), 1, SIDE, SIDE), np.uint8)
    for at in range(len(images)):
        one = to_bytes(images[at])
        small[at, 0] = reading.small(one if one.ndim == 2 else grey(Image.fromarray(one)))
    return small


def _bytes(images: np.ndarray, name: str, reading: Reading) -> Callable[[np.ndarray], np.ndarray]:
    """What makes bytes of these numbers: of 0 to 255, 0 to 1 or 16 bits, whichever the first array has."""
    low, high = float(images.min()), float(images.max())
    if not reading.scale:
        is_share = images.dtype.kind in "fb" and high <= 1
        reading.scale = "share" if is_share else "byte" if high <= 255 else "16 bits"
    most = {"share": 1, "byte": 255, "16 bits": 65535}[reading.scale]
    if not 0 <= low <= high <= most or (most == 65535 and images.dtype.kind == "f"):  # also where one is NaN
        raise Problem(
            N_("{name} has pixels from {low} to {high}; save them from 0 to 255, or from 0 to 1, in all arrays "
               "alike and before they are normalised."), name=name, low=f"{low:g}", high=f"{high:g}")  # fmt: skip
    if images.dtype == np.uint8 and most == 255:
        return lambda part: part
    return lambda part: np.rint(part.astype(np.float64) * (255 / most)).astype(np.uint8)


# IDX


def is_idx(files: Sequence[File]) -> bool:
    """Whether these are IDX files rather than images."""
    return any(IDX.search(file.parts[-1]) for file in files)


def of_idx(files: Sequence[File], reading: Reading) -> Found:
    """The files of MNIST's relatives, packed (.gz) or not: train-images-idx3-ubyte and so on."""
    found: dict[tuple[str, str], File] = {}
    for file in files:
        match = IDX.search(file.parts[-1])
        if match:
            key = KINDS[match[1].lower()], match[2].lower()
            other = found.get(key)
            names = {one.parts[-1].removesuffix(".gz") for one in (file, other) if one}
            if len(names) > 1:
                raise Problem(N_("There are two files of the same kind, {one} and {other}; leave one of them."),
                              one=file.name, other=other.name if other else "")  # fmt: skip
            if other is None or not match[4]:  # what is not packed is read, where both are there
                found[key] = file
    parts = {}
    for part in ("train", "validation", "test"):
        there = [found.get((part, kind)) for kind in ("images", "labels")]
        if not any(there) and part != "train":
            continue
        if not all(there):
            raise Problem(N_("Of the {split} split one file is missing; there must be one of images and one of "
                             "labels, called as {images} and {labels}."), split=part,
                          images=f"{part}-images-idx3-ubyte", labels=f"{part}-labels-idx1-ubyte")  # fmt: skip
        of_images, of_labels = (file for file in there if file)
        labels = _idx(of_labels, 1, reading.bounds).astype(np.int64)
        parts[part] = (_images(_idx(of_images, 3, reading.bounds), of_images.name, reading), labels)
        _check_alike(of_images.name, *parts[part])
        reading.told(len(parts) / 3)
    return numbered(parts, ())


def _idx(file: File, dimensions: int, bounds: Bounds) -> np.ndarray:
    """The array of an IDX file: 0, 0, 8 (bytes), the number of dimensions, the length of each, and the bytes."""
    try:
        with file.open() as raw, gzip.open(raw) if file.parts[-1].lower().endswith(".gz") else raw as stream:
            head = stream.read(4 + 4 * dimensions)
            if head[:4] != bytes([0, 0, 8, dimensions]) or len(head) < 4 + 4 * dimensions:
                raise Problem(N_("{name} is no IDX file of bytes in {n} dimensions."), name=file.name, n=dimensions)
            shape = struct.unpack(f">{dimensions}I", head[4:])
            need = math.prod(shape)
            if need > bounds.array:
                raise Problem(N_("{name} take {need} bytes; at most {most} can be read. Save fewer rows."),
                              name=file.name, need=f"{need:,}", most=f"{bounds.array:,}")  # fmt: skip
            content = bytearray()
            while chunk := stream.read(min(2**20, need + 1 - len(content))):
                content += chunk
    except UNZIPPING as error:
        raise Problem(N_("{name} cannot be read: {why}"), name=file.name,
                      why=short(str(error)) or type(error).__name__) from None  # fmt: skip
    if len(content) != need:
        raise Problem(N_("{name} should have {need} bytes after its header, as that says, and has {there}."),
                      name=file.name, need=f"{need:,}",
                      there=f"{len(content):,}" if len(content) < need else f"> {need:,}")  # fmt: skip
    return np.frombuffer(content, np.uint8).reshape(shape)
