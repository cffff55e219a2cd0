"""Data that several tests share, and one thread so that numbers repeat to the last bit."""

import os
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import settings as of_properties
from streamlit.components.v2 import manifest_scanner
from xdist.scheduler import LoadFileScheduling

from kd_core import distillation
from kd_core.data.digits import Digits, Split, load_mnist, load_uci_digits
from kd_core.messages import Problem
from kd_core.meta_learning import tasks, training
from kd_core.nn import cost, teachers
from kd_core.results.schema import Result

# Every test process keeps its runs in a database of its own, never in the user's.
_FOLDER = tempfile.TemporaryDirectory(prefix="distillation-lab-tests-")
os.environ["KD_DATABASE_URL"] = f"sqlite:///{Path(_FOLDER.name) / 'lab.db'}"
# One worker for the pages of a test process, and for the server of its browser tests: there are two such processes.
os.environ.setdefault("KD_WORKERS", "1")

# A property is true or not; how long an example takes depends on what else the machine does.
of_properties.register_profile("lab", deadline=None)
of_properties.load_profile("lab")


# What takes longest begins first: of two processes neither then ends long before the other.
LONGEST = ("tests/browser/", "tests/contract/", "tests/test_pages.py", "tests/app/history/", "tests/kd_core/")


def pytest_collection_modifyitems(items):
    def place(item):
        return next((at for at, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))

    items.sort(key=place)


class _OneBrowser(LoadFileScheduling):
    """A file's tests go to one process, and all browser tests to the same: they share a server and a browser."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    return _OneBrowser(config, log)


@pytest.fixture(scope="session", autouse=True)
def _packages_are_scanned_once():
    """Each `AppTest` reads the metadata of every installed package, in search of components: a quarter of a second.

    No public switch turns that off; what is installed does not change while the tests run.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _latency_is_measured_briefly():
    """Of a tiny run's seconds most went into hundreds of timed passes, whose median no test looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "WARM_SECONDS", 0.0)
        patch.setattr(cost, "BLOCKS", 1)
        yield


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist() -> Digits:
    """Real MNIST; where no network answers and nothing is on disk, the tests that need it say so and skip."""
    try:
        return load_mnist()
    except Problem as problem:
        if os.environ.get("KD_REQUIRE_BROWSER"):  # continuous integration has a network: then it is a failure
            raise
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def uci() -> Digits:
    """The 1,797 UCI digits, always there."""
    return load_uci_digits()


@pytest.fixture(scope="session")
def tiny(uci: Digits) -> Digits:
    """A few real digits, for runs that take a second."""

    def cut(split: Split, size: int) -> Split:
        return Split(split.images[:size], split.labels[:size])

    return Digits(uci.name, cut(uci.train, 300), cut(uci.validation, 100), cut(uci.test, 100), uci.gallery[:4], ())


@pytest.fixture
def quick_teachers(monkeypatch):
    """Teachers of a small training set train for a quarter of the steps, where what they teach is not the point."""
    monkeypatch.setattr(teachers, "MIN_STEPS", 100)


@contextmanager
def of_few_tasks():
    """Ten test tasks and three step sizes to choose from: the digits' network is not quick."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tasks.TASKS, "test", 10)
        patch.setitem(tasks.TASKS, "validation", 4)
        patch.setattr(training, "RATES", (0.001, 0.01, 0.1))
        yield


@pytest.fixture
def few_tasks():
    with of_few_tasks():
        yield


@pytest.fixture(scope="session")
def small_result(uci: Digits) -> Result:
    """The Result of a real run: three small trials on all UCI digits, a teacher each, and a control."""
    settings = distillation.Settings(
        train_size=100, epochs=6, seeds=3, student="mlp30", teacher_data="same", arm_smoothing=True,
        precision="float32", device="cpu",
    )  # fmt: skip
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teachers, "MIN_STEPS", 150)
        *_, last = distillation.run(settings, uci)
    assert isinstance(last, Result)
    return last


@pytest.fixture(scope="session")
def without_threes(uci: Digits) -> Result:
    """The Result of a real trial whose students were shown no 3; its teacher trains for 100 steps, for speed."""
    settings = distillation.Settings(
        left_out="3", train_size=400, epochs=20, student="mlp30", teacher="mlp1200", seeds=1, temperature=8,
        alpha=1, precision="float32", device="cpu",
    )  # fmt: skip
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teachers, "MIN_STEPS", 100)
        *_, last = distillation.run(settings, uci)
    assert isinstance(last, Result)
    return last
