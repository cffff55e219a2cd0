"""What a test needs that a machine may lack."""

import os
from typing import NoReturn

import pytest


def missing(what: str, variable: str) -> NoReturn:
    """Skip with this sentence, or fail where `variable` is set: continuous integration has everything."""
    if os.environ.get(variable):
        pytest.fail(f"{what}; {variable} is set")
    pytest.skip(what)
