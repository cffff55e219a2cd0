"""Data sets of one's own: whatever form they come in, the same set; and what is said of them first."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from kd_core.data import own, pixels
from kd_core.data.digits import load_uci_digits
from kd_core.data.own.adding import add_upload
from kd_core.data.own.images import centred, fitted
from kd_core.messages import Problem
from kd_core.nn.teachers import kept_path
from tests import centring
from tests.kd_core.data.own.making import (
    folders,
    idx_files,
    keras,
    medmnist,
    noise,
    npz,
    on_disk,
    png,
    zipped,
)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def sent(content: bytes, name: str = "mine", file: str = "a.npz", owner: str = "ada", **options) -> own.OwnData:
    return add_upload(file, content, name, owner, **options)


def files_of(root: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "data" / "own" / name).glob("*.npy")}


def said(known: own.OwnData) -> str:
    return " ".join(map(str, known.notices))


def test_the_same_images_give_the_same_set_whatever_file_they_come_in(root: Path) -> None:
    uci = {part: pixels.uci_pixels(part) for part in ("train", "test")}
    shuffled = {}
    for part, (images, labels) in uci.items():
        order = np.random.default_rng(1).permutation(len(labels))
        shuffled[part] = images[order], labels[order]
    (root / "keras.npz").write_bytes(keras(uci))
    (root / "medmnist.npz").write_bytes(medmnist(shuffled))
    (root / "folders.zip").write_bytes(zipped(folders(shuffled)))
    sources = {
        "keras": root / "keras.npz",
        "medmnist": root / "medmnist.npz",
        "idx": on_disk(idx_files(shuffled), root / "idx"),
        "plain-idx": on_disk(idx_files(uci, packed=False), root / "plain"),
        "folders": on_disk(folders(uci), root / "folders"),
        "zip": root / "folders.zip",
    }
    found = {name: own.add(source, name) for name, source in sources.items()}
    assert len({known.digest for known in found.values()}) == 1
    assert len({hashlib.sha256(str(sorted(files_of(root, name).items())).encode()).digest() for name in found}) == 1
    assert found["zip"].classes == tuple("0123456789")
    assert (found["zip"].train, found["zip"].validation, found["zip"].test) == (1077, 120, 400)
    assert "120 images were drawn from the training images" in str(found["idx"].said[0])
    assert own.names() == tuple(sorted(sources)) == own.visible_to("anybody")
    with pytest.raises(Problem, match="already"):
        own.add("uci", "keras")
    with pytest.raises(Problem, match="is no data set called cats; there are folders"):
        own.load("cats")


def test_uci_digits_are_those_of_the_lab_and_load_as_tensors() -> None:
    known, theirs = own.add("uci", "uci"), load_uci_digits()
    digits = own.load("uci")
    assert (digits.name, digits.classes) == (f"own: uci ({known.digest[:10]})", theirs.classes)
    for part in ("train", "validation", "test"):
        mine, other = getattr(digits, part), getattr(theirs, part)
        assert len(mine) == len(other) == getattr(known, part)
        assert mine.labels.dtype == torch.int64
        assert mine.images.dtype == torch.float32
        nearest = torch.cdist(other.images.flatten(1), mine.images.flatten(1)).min(1)
        assert nearest.values.max() < 20 * 0.5 / 255 / 0.3081  # all that rounding 20 x 20 pixels to bytes can do
        assert (mine.labels[nearest.indices] == other.labels).float().mean() > 0.995
    assert [int(digits.test.labels[at]) for at in digits.gallery] == [label for label in range(10) for _ in "ab"]
    assert kept_path("small", digits, 1, "float32", "cpu").name.startswith("teacher-small-own-uci-")
    assert own.called(digits.name) == known
    assert own.called("own: uci (0123456789)") is None
    theirs = kept_path("small", digits, 1, "float32", "cpu")
    others = [theirs.with_name(theirs.name.replace("own-uci-", f"{of}-")) for of in ("own-uci-two", "uci")]
    theirs.parent.mkdir(exist_ok=True)
    for teacher in (theirs, *others):
        teacher.touch()
    own.remove("uci")
    assert own.names() == ()
    assert own.called(digits.name) is None
    assert sorted(theirs.parent.iterdir()) == sorted(others)


def test_what_is_drawn_is_stratified_keeps_equal_images_together_and_follows_the_seed() -> None:
    images, labels = noise(4, 50)
    images[1] = images[0]
    files = zipped(folders({"train": (images, labels)}, splits=False))
    known, again = sent(files, "a", "a.zip"), sent(files, "b", "b.zip")
    other = sent(files, "c", "c.zip", seed=1)
    assert known.digest == again.digest != other.digest
    assert (known.train, known.validation, known.test) == (140, 20, 40)
    for part, each in (("train", 35), ("validation", 5), ("test", 10)):
        counts = np.bincount(own.split("a", part)[1], minlength=4)
        assert abs(counts - each).max() <= 1
    assert "Leak" not in said(known)
    assert "Leak" not in said(other)
    assert own.visible_to("ada") == ("a", "b", "c")
    assert own.visible_to("bob") == ()


def test_what_is_wrong_with_a_set_is_said_first() -> None:
    images, labels = noise(3, 40)
    test, of_test = noise(3, 10, seed=1)
    parts = {"train": (np.r_[images, images[:1], 255 - images[:5]], np.r_[labels, 2, labels[:5]]),
             "test": (np.r_[test, images[:7]], np.r_[of_test, labels[:7]])}  # fmt: skip
    known = sent(keras(parts))
    assert "Leak: 7 of 37 images of the test split" in said(known)
    assert "under two labels: 1." in said(known)
    assert "only 37 images" in said(known)
    assert "unbalanced" not in said(known)
    assert "bright" not in said(known)
    assert own.load("mine").notices == known.notices
    keep = np.flatnonzero((labels < 2) | (np.arange(len(labels)) % 10 == 0))
    uneven = sent(keras({"train": (255 - images[keep], labels[keep]), "test": (test[:20], of_test[:20])}), "b")
    assert "2 has" in said(uneven)
    assert "No images of 2 in the test split" in said(uneven)
    assert "Few training images: 2 (" in said(uneven)
    assert "The images are bright" in said(uneven)
    dark = sent(keras({"train": (255 - images, labels)}), "c", invert=True)
    assert "bright" not in said(dark)
    assert "120 images were inverted" in str(dark.said[-1])
    assert np.array_equal(np.sort(own.split("c", "train")[0], axis=None)[-1], images.max())


def test_labels_of_any_numbers_and_names_of_classes() -> None:
    images, labels = noise(26, 4)
    assert sent(keras({"train": (images, labels + 1)}), "numbers").classes[::25] == ("1", "26")
    letters = tuple("abcdefghijklmnopqrstuvwxyz")
    assert sent(keras({"train": (images, labels + 1)}), "letters", classes=letters).classes == letters
    named = npz(x_train=images, y_train=labels, class_names=np.array(letters))
    assert sent(named, "named").classes == letters
    assert len(own.load("named").gallery) == 26  # one of each, where there are many
    order = ("10", "9", "a b")
    files = folders({"train": noise(3, 4)}, order, splits=False)
    assert sent(zipped(files), "sorted", "s.zip").classes == ("10", "9", "a b")
    files = folders({"train": noise(2, 4)}, ("10", "9"), splits=False)
    assert sent(zipped(files), "counted", "s.zip").classes == ("9", "10")


def test_pixels_of_0_to_1_of_16_bits_and_in_colour_are_those_of_0_to_255() -> None:
    images, labels = noise()
    images[0, 0, 0], images[0, 0, 1] = 255, 2
    known = {sent(keras({"train": (images, labels)})).digest}
    for name, kind in (("share", images / 255), ("float", images.astype(np.float32)),
                       ("wide", images.astype(np.uint16) * 257), ("last", images[..., None]),
                       ("colour", np.repeat(images[..., None], 3, 3))):  # fmt: skip
        known.add(sent(keras({"train": (kind, labels)}), name).digest)
    assert len(known) == 1


def test_the_pad_s_form_is_that_of_the_drawing_page(root: Path) -> None:
    ink = np.zeros((90, 60), np.uint8)
    ink[20:80, 12:20], ink[20:30, 12:45] = 255, 200
    assert abs(centred(ink).astype(int) - centring.of_image(ink)).max() <= 3
    paper = 255 - np.pad(ink, 7)
    labels = np.arange(8) % 2
    images = np.stack([np.roll(paper, shift, 1) for shift in (0, 1, -1, 2)] * 2)
    known = sent(keras(dict.fromkeys(("train", "validation", "test"), (images, labels))), form="pad")
    assert "24 images were inverted" in str(known.said[-1])
    assert all(np.array_equal(image[0], centred(ink)) for image in own.split("mine", "train")[0])
    assert not centred(np.zeros((9, 9), np.uint8)).any()
    wide = fitted(np.full((10, 40), 90, np.uint8))
    assert wide.shape == (28, 28)
    assert (wide == 90).all()
    assert "Leak" in said(known)
    assert "under two labels: 1." in said(known)


def test_a_set_that_was_changed_on_disk_is_not_used(root: Path) -> None:
    known = own.add("uci", "uci")
    path = root / "data" / "own" / "uci" / "train-images.npy"
    content = bytearray(path.read_bytes())
    content[-400] ^= 1
    path.write_bytes(content)
    with pytest.raises(Problem, match="damaged on disk; remove it"):
        own.load("uci")
    path.write_bytes(b"\x93NUMPY")
    with pytest.raises(Problem, match="damaged"):
        own.split("uci", "train")
    (path.parent / "set.json").write_text(known.model_dump_json().replace('"uci"', '"other"'))
    with pytest.raises(Problem, match="damaged"):
        own.describe("uci")
    own.remove("uci")


def test_a_name_is_part_of_addresses_and_folders() -> None:
    for name in ("", "..", "../x", "Cats", "a" * 33, "mnist", "a b", ".a", "ä"):
        with pytest.raises(Problem, match="cannot be the name of a data set"):
            own.add("uci", name)
        with pytest.raises(Problem):
            own.remove(name)


def test_sets_of_the_network_say_where_their_files_can_be_put(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    from kd_core.data import download
    from kd_core.data.own import fetching

    def refuse(*_args: object) -> None:
        raise download.NotFetched("no route")

    monkeypatch.setattr(download, "stream", refuse)
    for name, file in (("kmnist", "train-images-idx3-ubyte.gz"), ("emnist-letters", "gzip.zip")):
        with pytest.raises(Problem, match=f"could not be fetched \\(no route\\); put its file {file} into"):
            own.add(name, "x")
    monkeypatch.setattr(fetching, "_fetched", lambda *_: None)
    parts = {"train": noise(26, 4), "test": noise(26, 4, seed=1)}
    parts = {part: (images, labels + 1) for part, (images, labels) in parts.items()}
    packed = zipped({f"gzip/emnist-letters-{name.replace('t10k', 'test')}": file
                     for name, file in idx_files(parts).items()} | {"gzip/emnist-digits-train-x": b""})  # fmt: skip
    on_disk({"gzip.zip": packed}, root / "data" / "EMNIST" / "raw")
    known = own.add("emnist-letters", "letters")
    assert known.classes == tuple("abcdefghijklmnopqrstuvwxyz")
    first = {image.tobytes() for image in parts["test"][0].swapaxes(1, 2)}
    assert first == {image.tobytes() for image in own.split("letters", "test")[0]}  # upright
    on_disk(
        idx_files({"train": noise(10, 4), "test": noise(10, 2, seed=1)}), root / "data" / "FashionMNIST" / "raw"
    )
    assert own.add("fashion-mnist", "fashion").classes[:2] == ("T-shirt or top", "Trouser")


def test_images_of_every_kind_of_file_become_grey() -> None:
    image = noise(1, 1)[0][0]
    from PIL import Image

    grey = Image.fromarray(image)
    see_through = Image.merge("RGBA", [grey, grey, grey, Image.new("L", grey.size, 0)])
    files = {}
    for number, content in enumerate([
        png(image), png(grey.convert("RGB"), "BMP"), png(grey.convert("CMYK"), "JPEG", quality=95),
        png(image.astype(np.uint16) * 257), png(grey.convert("P")), png(see_through), png(grey.convert("1")),
        png(grey, "GIF"), png(grey, "WEBP", lossless=True),
    ]):  # fmt: skip
        files[f"a/{number}.png"] = content
        files[f"b/{number}.png"] = png(noise(1, 1, seed=number + 1)[0][0])
    sent(zipped(files), file="a.zip")
    images = np.concatenate([own.split("mine", part)[0][own.split("mine", part)[1] == 0]
                             for part in ("train", "validation", "test")])  # fmt: skip
    close = [abs(one[0].astype(int) - image).mean() < 3 for one in images]
    assert sum(close) == 7
    assert sum((one == 255).all() for one in images) == 1


def test_images_of_true_and_false_are_white_and_black():
    images, labels = noise()
    sent(keras({"train": (images > 60, labels)}))
    kept = np.concatenate([own.split("mine", part)[0] for part in ("train", "validation", "test")])
    assert set(np.unique(kept)) == {0, 255}
