"""Data that several tests share, and one thread so that numbers repeat to the last bit.

What takes long to import is imported where it is used: of `make test` the process that hands out the tests would
import it too, before the others begin.
"""

import os
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings as of_properties
from xdist.scheduler import LoadFileScheduling

# Every test process keeps its runs in a database of its own, never in the user's.
_FOLDER = tempfile.TemporaryDirectory(prefix="distillation-lab-tests-")
os.environ["KD_DATABASE_URL"] = f"sqlite:///{Path(_FOLDER.name) / 'lab.db'}"
# Workers for the pages of a test process: two, which share a trial's jobs.
os.environ.setdefault("KD_WORKERS", "2")

# A property is true or not; how long an example takes depends on what else the machine does.
of_properties.register_profile("lab", deadline=None)
of_properties.load_profile("lab")


# What takes longest begins first: of two processes neither then ends long before the other.
LONGEST = ("tests/browser/", "tests/contract/", "tests/test_pages.py", "tests/app/", "tests/kd_core/runs/",
           "tests/kd_core/transfer/", "tests/kd_core/data/", "tests/kd_core/")  # fmt: skip
TOGETHER = {
    "tests/browser/": "browser",  # a server and a browser
    "tests/contract/": "pages", "tests/test_pages.py": "pages", "tests/app/": "pages",  # the workers of the pages
    # the trained Results of this file
    "tests/kd_core/distillation/test_held_out.py": "pages", "tests/kd_core/distillation/test_hinton.py": "pages",
    "tests/kd_core/export/": "pages", "tests/kd_core/runs/test_packing.py": "pages",
}  # fmt: skip


def pytest_collection_modifyitems(items):
    def place(item):
        return next((at for at, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))

    items.sort(key=place)


class _Shared(LoadFileScheduling):
    """A file's tests go to one process, and those that share what takes long to start to the same."""

    def _split_scope(self, nodeid: str) -> str:
        sharing = (group for begins, group in TOGETHER.items() if nodeid.startswith(begins))
        return next(sharing, super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config, log):
    return _Shared(config, log)


@pytest.fixture(scope="session", autouse=True)
def _packages_are_scanned_once():
    """Each `AppTest` reads the metadata of every installed package, in search of components: a quarter of a second.

    No public switch turns that off; what is installed does not change while the tests run.
    """
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _latency_is_measured_briefly():
    """Of a tiny run's seconds most went into hundreds of timed passes, whose median no test looks at."""
    from kd_core.nn import cost

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "WARM_SECONDS", 0.0)
        patch.setattr(cost, "BLOCKS", 1)
        yield


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist():
    """Real MNIST; where no network answers and nothing is on disk, the tests that need it say so and skip."""
    from kd_core.data.digits import load_mnist
    from kd_core.messages import Problem

    try:
        return load_mnist()
    except Problem as problem:
        if os.environ.get("KD_REQUIRE_BROWSER"):  # continuous integration has a network: then it is a failure
            raise
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def uci():
    """The 1,797 UCI digits, always there."""
    from kd_core.data.digits import load_uci_digits

    return load_uci_digits()


@pytest.fixture(scope="session")
def tiny(uci):
    """A few real digits, for runs that take a second."""
    from kd_core.data.digits import Digits, Split

    def cut(split: Split, size: int) -> Split:
        return Split(split.images[:size], split.labels[:size])

    return Digits(uci.name, cut(uci.train, 300), cut(uci.validation, 100), cut(uci.test, 100), uci.gallery[:4], ())


@pytest.fixture
def quick_teachers(monkeypatch):
    """Teachers of a small training set train for a quarter of the steps, where what they teach is not the point."""
    from kd_core.nn import teachers

    monkeypatch.setattr(teachers, "MIN_STEPS", 100)


@contextmanager
def of_few_tasks():
    """Ten test tasks and three step sizes to choose from: the digits' network is not quick."""
    from kd_core.meta_learning import tasks, training

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
def small_result(uci):
    """The Result of a real run: three small trials on all UCI digits, a teacher each, and a control."""
    return _result(uci, teacher_steps=150, train_size=100, epochs=6, seeds=3, teacher_data="same",
                   arm_smoothing=True)  # fmt: skip


@pytest.fixture(scope="session")
def without_threes(uci):
    """The Result of a real trial whose students were shown no 3."""
    return _result(uci, teacher_steps=100, left_out="3", train_size=400, epochs=20, teacher="mlp1200", seeds=1,
                   temperature=8, alpha=1)  # fmt: skip


def _result(digits, teacher_steps: int, **settings):
    """Of a run whose teachers train for so many steps, for speed."""
    import torch

    from kd_core import distillation
    from kd_core.nn import teachers
    from kd_core.results.schema import Result

    torch.set_num_threads(1)
    asked = distillation.Settings(**settings, student="mlp30", precision="float32", device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teachers, "MIN_STEPS", teacher_steps)
        *_, last = distillation.run(asked, digits)
    assert isinstance(last, Result)
    return last
