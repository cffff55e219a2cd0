"""Files that lie, bombs, and damaged ones: one sentence, bounded memory, and nothing half kept."""

import gzip
import io
import os
import resource
import struct
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kd_core.data import own
from kd_core.data.own import adding, kept
from kd_core.data.own.adding import add_upload
from kd_core.data.own.bounds import UPLOAD
from kd_core.messages import Problem
from tests.kd_core.data.own.making import folders, idx, idx_files, keras, noise, npz, on_disk, png, zipped

IMAGES, LABELS = noise()
GOOD = folders({"train": (IMAGES, LABELS)}, splits=False)
SMALL = replace(UPLOAD, images=100, image=5_000, unpacked=30_000, pixels=10_000, decoded=50_000, array=250_000)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "own"


def changed(**files: bytes) -> bytes:
    return zipped(GOOD | files)


def with_head(head: str) -> bytes:
    """A .npz whose x_train says of itself what it likes."""
    array = io.BytesIO()
    array.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head) + 1) + head.encode() + b"\n" + bytes(100))
    good = zipfile.ZipFile(io.BytesIO(npz(y_train=LABELS)))
    return zipped({"x_train.npy": array.getvalue(), "y_train.npy": good.read("y_train.npy")})


def pickled() -> bytes:
    file = io.BytesIO()
    np.savez(file, x_train=np.array([{}], dtype=object), y_train=np.zeros(1, int))
    return file.getvalue()


def linked() -> bytes:
    content = io.BytesIO(zipped(GOOD))
    with zipfile.ZipFile(content, "a") as archive:
        link = zipfile.ZipInfo("top/0/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return content.getvalue()


def repacked(method: int) -> bytes:
    """A right .npz, packed by another method."""
    with zipfile.ZipFile(content := io.BytesIO(), "w", method) as archive:
        for name, array in {"x_train": IMAGES, "y_train": LABELS}.items():
            np.save(held := io.BytesIO(), array)
            archive.writestr(f"{name}.npy", held.getvalue())
    return content.getvalue()


def lying_size() -> bytes:
    """A .zip in whose list a file of 4 MB of zeros is said to have 10 bytes, and none of it to be packed away."""
    content = bytearray(zipped({"top/0/a.png": bytes(4_000_000)} | GOOD))
    at = content.find(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(content)


def damaged_middle() -> bytes:
    """A PNG whose compressed pixels are broken."""
    content = bytearray(png(IMAGES[0]))
    content[len(content) // 2 : len(content) // 2 + 40] = bytes(40)
    return bytes(content)


def bomb() -> bytes:
    return png(np.zeros((120, 100), np.uint8))


WRONG: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a shape of 10^12": (
        "a.npz",
        lambda: with_head("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000, 1000)}"),
        "should be .* and take 1,000,000,000,000 bytes",
    ),
    "code in a header": (
        "a.npz",
        lambda: with_head("__import__('os').system('true')"),
        "no array that numpy has saved",
    ),
    "packed by bzip2": ("a.npz", lambda: repacked(zipfile.ZIP_BZIP2), "packed in a way that is not read here"),
    "packed by LZMA": ("a.npz", lambda: repacked(zipfile.ZIP_LZMA), "packed in a way that is not read here"),
    "no .npy": ("a.npz", lambda: zipped({"x_train": b"1", "y_train": b"2"}), "needs x_train and y_train"),
    "images of text": ("a.npz", lambda: npz(x_train=np.full((4, 28, 28), "a"), y_train=LABELS[:4]), "of type <U1"),
    "pickle": ("a.npz", pickled, "refused, since pickle runs code"),
    "no arrays of ours": ("a.npz", lambda: npz(pixels=IMAGES), "needs x_train and y_train.*it has: pixels"),
    "no archive": ("a.npz", lambda: b"PK\x03\x04nonsense", "cannot be unpacked"),
    "cut off": ("a.npz", lambda: keras({"train": (IMAGES, LABELS)})[:-300], "cannot be unpacked|cut off"),
    "unlike lengths": ("a.npz", lambda: npz(x_train=IMAGES, y_train=LABELS[1:]), "36 images and 35 labels"),
    "labels of several": ("a.npz", lambda: npz(x_train=IMAGES, y_train=np.eye(36)), "one for each image"),
    "a table": ("a.npz", lambda: npz(x_train=IMAGES.reshape(36, -1), y_train=LABELS), "must be .N, height, width"),
    "NaN": ("a.npz", lambda: npz(x_train=IMAGES * np.nan, y_train=LABELS), "pixels from nan to nan"),
    "normalised": ("a.npz", lambda: npz(x_train=IMAGES / 100 - 0.5, y_train=LABELS), "before they are normalised"),
    "two scales": (
        "a.npz",
        lambda: npz(x_train=IMAGES / 255, y_train=LABELS, x_test=IMAGES, y_test=LABELS),
        "alike",
    ),
    "no images": ("a.npz", lambda: npz(x_train=IMAGES[:0], y_train=LABELS[:0]), "there are no images"),
    "one class": ("a.npz", lambda: npz(x_train=IMAGES, y_train=LABELS * 0), "classes is 1; 2 to 62"),
    "100 classes": (
        "a.npz",
        lambda: npz(x_train=np.repeat(IMAGES, 3, 0)[:100, :5, :5], y_train=np.arange(100) * 10**9),
        "classes is 100; 2 to 62",
    ),
    "a class without training": (
        "a.npz",
        lambda: npz(x_train=IMAGES, y_train=LABELS, x_test=IMAGES, y_test=LABELS + 1),
        "The class 3 has no training images",
    ),
    "an empty class": (
        "a.npz",
        lambda: npz(x_train=IMAGES, y_train=LABELS, class_names=np.array([*"abcd"])),
        "The class d has no images",
    ),
    "names missing": (
        "a.npz",
        lambda: npz(x_train=IMAGES, y_train=LABELS, class_names=np.array([*"ab"])),
        "2 names of classes, and labels of 3",
    ),
    "names alike": (
        "a.npz",
        lambda: npz(x_train=IMAGES, y_train=LABELS, class_names=np.array([*"aab"])),
        "Two classes are called a",
    ),
    "too many images": ("a.npz", lambda: keras({"train": noise(2, 51)}), "images is 102; at most 100"),
    "a class of two": (
        "a.zip",
        lambda: zipped(folders({"train": noise(3, 2)}, splits=False)),
        "different images .2.",
    ),
    "out of the zip": ("a.zip", lambda: changed(**{"../../0/1.png": b""}), "leads out of it"),
    "a link": ("a.zip", linked, "top/0/link.png is a symbolic link"),
    "an empty folder": ("a.zip", lambda: changed(**{"top/nobody/": b""}), "top/nobody has no images"),
    "an unread folder": ("a.zip", lambda: changed(**{"top/nobody/a.heic": b"1"}), "top/nobody has no images"),
    "all in one": ("a.zip", lambda: zipped({"a/1.png": b"", "a/2.png": b""}), "a folder of images for each class"),
    "beside the folders": ("a.zip", lambda: changed(**{"top/1.png": b""}), "a folder of images for each class"),
    "too deep": ("a.zip", lambda: changed(**{"top/0/b/1.png": b""}), "0/b is in no place for it"),
    "no images in it": ("a.zip", lambda: zipped({"a/1.txt": b""}), "There are no images"),
    "no pictures": ("a.zip", lambda: changed(**{"top/1/x.png": b"<svg/>"}), "1/x.png cannot be read as an image"),
    "a damaged image": ("a.zip", lambda: changed(**{"top/1/x.png": damaged_middle()}), "1/x.png cannot be read as"),
    "a cut image": ("a.zip", lambda: changed(**{"top/1/x.png": png(IMAGES[0])[:-60]}), "1/x.png cannot be read as"),
    "a TIFF": (
        "a.zip",
        lambda: changed(**{"top/1/x.tif": png(IMAGES[0], "TIFF")}),
        "x.tif cannot be read as an image",
    ),
    "too many pixels": (
        "a.zip",
        lambda: changed(**{"top/1/x.png": bomb()}),
        "has 100 x 120 pixels; at most 10,000",
    ),
    "pixels in all": (
        "a.zip",
        lambda: zipped(folders({"train": noise(2, 4, 90)}, splits=False)),
        "more than 5,000 bytes|more than 50,000 pixels",
    ),
    "a large file": ("a.zip", lambda: changed(**{"top/1/x.png": bytes(9_000)}), "has more than 5,000 bytes"),
    "large in all": (
        "a.zip",
        lambda: changed(**{f"top/1/x{n}.png": png(IMAGES[0]) + bytes(4000) for n in range(3)}),
        "unpack to more than",
    ),
    "a size that lies": ("a.zip", lying_size, "cannot be read"),
    "no zip": ("a.zip", lambda: b"nonsense", "cannot be unpacked"),
    "many files": ("a.zip", lambda: zipped({f"{'long' * 60}/{n}.png": b"" for n in range(1000)}), "too many files"),
    "IDX cut off": (
        "a.zip",
        lambda: zipped(
            idx_files({"train": (IMAGES, LABELS)}) | {"train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES)[:-9])}
        ),
        "should have 28,224 bytes .* and has 28,215",
    ),
    "IDX too long": (
        "a.zip",
        lambda: zipped(
            idx_files({"train": (IMAGES, LABELS)})
            | {"train-images-idx3-ubyte.gz": gzip.compress(idx(IMAGES) + bytes(10**6))}
        ),
        "should have 28,224 bytes .* and has > 28,224",
    ),
    "IDX of 10^18": (
        "a.zip",
        lambda: zipped(
            {
                "train-labels-idx1-ubyte": idx(LABELS),
                "train-images-idx3-ubyte": struct.pack(">4B3I", 0, 0, 8, 3, 10**6, 10**6, 10**6),
            }
        ),
        "take 1,000,000,",
    ),
    "IDX of floats": (
        "a.zip",
        lambda: zipped(
            {
                "train-labels-idx1-ubyte": idx(LABELS),
                "train-images-idx3-ubyte": struct.pack(">4B3I", 0, 0, 13, 3, 1, 1, 1),
            }
        ),
        "is no IDX file of bytes",
    ),
    "IDX without labels": (
        "a.zip",
        lambda: zipped({"train-images-idx3-ubyte": idx(IMAGES)}),
        "one file is missing",
    ),
    "IDX twice": (
        "a.zip",
        lambda: zipped({"train-images-idx3-ubyte": idx(IMAGES), "b/x-train-images-idx3-ubyte": idx(IMAGES)}),
        "two files of the same kind",
    ),
    "not gzip": (
        "a.zip",
        lambda: zipped({"train-labels-idx1-ubyte.gz": b"no", "train-images-idx3-ubyte": idx(IMAGES)}),
        "cannot be read",
    ),
    "empty": ("a.zip", lambda: b"", "This file is empty"),
    "another ending": ("a.tar", lambda: b"1", "ends in .tar cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_a_data_set_is_refused_in_one_sentence(case: str, root: Path) -> None:
    file, content, said = WRONG[case]
    with pytest.raises(Problem, match=said) as refused:
        add_upload(file, content(), "mine", "ada", bounds=SMALL)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400
    assert not list(root.glob("*"))
    assert own.names() == ()


def test_zeros_by_the_gigabyte_take_no_memory() -> None:
    with zipfile.ZipFile(packed := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("top/0/a.png", "w", force_zip64=True) as file:
            for _ in range(100):
                file.write(bytes(2**20))
        for name, content in GOOD.items():
            archive.writestr(name, content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Problem, match="more than 5,000 bytes"):
        add_upload("a.zip", packed.getvalue(), "mine", "ada", bounds=SMALL)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


def test_a_link_in_a_folder_is_not_followed_and_a_missing_file_is_said(tmp_path: Path) -> None:
    folder = on_disk(GOOD, tmp_path / "in")
    (folder / "top" / "0" / "link.png").symlink_to("/etc/passwd")
    with pytest.raises(Problem, match=r"top/0/link.png is a symbolic link"):
        own.add(folder, "mine")
    with pytest.raises(Problem, match=r"nowhere cannot be read \(No such file.*or one of uci, fashion-mnist"):
        own.add(tmp_path / "nowhere", "mine")
    (tmp_path / "tiff").mkdir()
    parts = {f"{label}/{at}.tif": png(IMAGES[label * 12 + at], "TIFF") for label in range(3) for at in range(5)}
    assert own.add(on_disk(parts, tmp_path / "tiff"), "mine").images == 15  # a path is its owner's


def test_nothing_is_left_where_writing_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = keras({"train": (IMAGES, LABELS)})
    real, calls = np.save, []

    def full(*given: object, **named: object) -> None:
        calls.append(given)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")
        real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(kept.np, "save", full)
    with pytest.raises(Problem, match="free some space"):
        add_upload("a.npz", good, "mine", "ada")
    assert not list(root.iterdir())
    monkeypatch.undo()
    monkeypatch.setenv("KD_DATA_DIR", str(root.parent))
    half = root / ".mine-1-1"
    half.mkdir()
    add_upload("a.npz", good, "mine", "ada")
    assert half.exists()  # another process may be at it
    os.utime(half, (time.time() - 2 * kept.HALF,) * 2)
    add_upload("a.npz", good, "other", "ada")
    assert own.names() == ("mine", "other")
    assert not half.exists()


def test_of_two_at_once_one_gets_the_name() -> None:
    good, said = keras({"train": (IMAGES, LABELS)}), []

    def one() -> None:
        try:
            said.append(add_upload("a.npz", good, "mine", "ada"))
        except Problem as problem:
            said.append(problem)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, own.OwnData) for one in said) == 1
    assert own.names() == ("mine",)
    assert all("already" in str(one) for one in said if isinstance(one, Problem))


def test_what_is_too_large_to_send_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "_of_file", None)
    with pytest.raises(Problem, match=r"has 0\.1 MB; at most 0 MB"):
        add_upload("a.npz", bytes(100_000), "mine", "ada", bounds=replace(SMALL, file=10_000))
