"""pandas in one piece: who imports it and who draws a figure take turns.

Plotly takes pandas from `sys.modules` as soon as it is there, though another session's thread be in the middle of
its import; then it fails at the first name that pandas does not have yet. Once pandas is imported nobody waits.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

_turn = threading.RLock()
_imported = threading.Event()


def pandas() -> ModuleType:
    """The module; its first import takes half a second."""
    with _turn:
        whole = import_module("pandas")
        _imported.set()
    return whole


@contextmanager
def drawing() -> Iterator[None]:
    """Around what uses Plotly."""
    if _imported.is_set():
        yield
        return
    with _turn:
        yield
