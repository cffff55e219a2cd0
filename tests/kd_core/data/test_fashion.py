"""Fashion-MNIST: the right files are read, anything else is one sentence; no network is asked here."""

import gzip
import hashlib

import numpy as np
import pytest
import torch

from kd_core.data import download, fashion
from kd_core.data.vision import import_torchvision
from kd_core.messages import Problem
from kd_core.nn import teachers
from kd_core.results.events import Reporter
from kd_core.results.schema import Result
from kd_core.runs import assemble
from kd_core.transfer import trainer as tr
from kd_core.transfer.settings import TransferSettings

REPORTER = Reporter("source", "x", 0)
FASHION = TransferSettings(
    task="fashion", labels_per_class=2, epochs=1, seeds=1, source_epochs=1, network="small", precision="float32",
    device="cpu",
)  # fmt: skip


def idx(array: np.ndarray) -> bytes:
    """The IDX format as LeCun's page describes it: 0, 0, type 8, dimensions, their sizes big-endian, the values."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def made(monkeypatch, tmp_path):
    """Four small files of the right format, published as torchvision would, and nothing on disk yet."""
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    g = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte.gz": g.integers(0, 256, (200, 28, 28)),
        "train-labels-idx1-ubyte.gz": np.arange(200) % 10,
        "t10k-images-idx3-ubyte.gz": g.integers(0, 256, (50, 28, 28)),
        "t10k-labels-idx1-ubyte.gz": np.arange(50) % 10,
    }
    files = {name: idx(array) for name, array in arrays.items()}
    kind = import_torchvision().datasets.FashionMNIST
    monkeypatch.setattr(kind, "resources", [(name, hashlib.md5(data).hexdigest()) for name, data in files.items()])
    monkeypatch.setattr(kind, "mirrors", ["http://first.example/", "http://second.example/"])
    return files, arrays


@pytest.fixture
def on_disk(made):
    fashion.folder().mkdir(parents=True)
    for name, content in made[0].items():
        (fashion.folder() / name).write_bytes(content)
    return made


def test_published_files_are_torchvisions_four():
    names = [file for file, _md5 in fashion._published()]
    assert [name[:14] for name in names] == ["train-images-i", "train-labels-i", "t10k-images-id", "t10k-labels-id"]
    assert all(len(md5) == 32 for _file, md5 in fashion._published())


def test_images_and_labels_are_those_of_the_files(on_disk):
    data, (_files, arrays) = fashion.load(), on_disk
    assert (len(data.train), len(data.validation), len(data.test)) == (180, 20, 50)
    expected = (arrays["t10k-images-idx3-ubyte.gz"] / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(data.test.images[:, 0], torch.tensor(expected, dtype=torch.float32))
    assert data.validation.labels.tolist() == [label % 10 for label in range(180, 200)]
    assert data.name == "Fashion-MNIST"


def test_missing_files_come_from_the_first_mirror_that_has_them(made, monkeypatch):
    asked = []

    def stream(url, path, algorithm, digest):
        asked.append(url)
        if "first" in url:
            raise download.NotFetched("gone")
        assert algorithm == "md5"
        content = made[0][path.name]
        assert hashlib.md5(content).hexdigest() == digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        yield len(content), len(content)

    monkeypatch.setattr(download, "stream", stream)
    shares = [step.progress for step in fashion.fetch(REPORTER)]
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert len(asked) == 8
    assert len(fashion.load().test) == 50
    assert not list(fashion.fetch(REPORTER))  # once is enough


def test_damaged_files_and_no_network_are_one_sentence(on_disk, monkeypatch, tiny):
    (fashion.folder() / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(Problem, match=r"t10k-labels-idx1-ubyte\.gz of Fashion-MNIST is not in"):
        fashion.load()

    def down(*_arguments, **_options):
        raise OSError("Name or service not known")

    monkeypatch.setattr(download.urllib.request, "urlopen", down)
    with pytest.raises(Problem, match=r"could not be fetched \(Name or service not known\).*another task"):
        list(assemble.run(tr, FASHION, tiny))


def test_clothes_are_a_source_for_digits(on_disk, monkeypatch, tiny):
    monkeypatch.setattr(teachers, "MIN_STEPS", 1)
    result = list(assemble.run(tr, FASHION, tiny))[-1]
    assert isinstance(result, Result)
    assert [arm.name for arm in result.arms] == [
        job.name for job in FASHION.jobs
    ]  # as it is, it could not name a digit
    assert result.arm(tr.TUNED).teacher_labels == 180
    assert result.data.name == tiny.name
    source = tr.source_of(FASHION.model_copy(update={"source_kind": "shuffled_pixels"}), tiny)
    assert source.name == "Fashion-MNIST shuffled pixels"
