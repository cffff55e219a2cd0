"""A store that is imported when it is first asked for something: its database takes longer than a page."""

import threading
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from kd_core.runs.store import Store


class _Late:
    """Stands for `Store(url)`. Until it is used there is nothing to notice and no problem."""

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._real: Store | None = None

    @property
    def notices(self) -> Any:
        return self._real.notices if self._real else ()

    @property
    def problem(self) -> Any:
        return self._real.problem if self._real else None

    def close(self) -> None:
        if self._real:
            self._real.close()

    def __getattr__(self, name: str) -> Any:
        with self._lock:
            if self._real is None:
                from kd_core.runs.store import Store

                self._real = Store(self._url)
        return getattr(self._real, name)


def late_store(url: str | None = None) -> "Store":
    """`Store(url)`, imported with its first use."""
    return cast("Store", _Late(url))
