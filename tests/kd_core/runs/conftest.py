"""A store of their own for the tests that need one."""

import pytest

from kd_core.runs.store import Store


@pytest.fixture
def file(tmp_path):
    return tmp_path / "lab.db"


@pytest.fixture
def store(file):
    made = Store(f"sqlite:///{file}")
    yield made
    made.close()
