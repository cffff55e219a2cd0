"""How often a page asks how its run goes: the more pages ask, the less often each does."""

import math
import threading
import time

FASTEST, SLOWEST = 0.5, 3.0  # seconds between two polls of one page
TOGETHER = 16.0  # polls a second of all pages; each costs the server about 10 ms
FORGOTTEN_SECONDS = 8.0  # without a poll, after which a page is no longer counted


class Pace:
    """Counts who polls, over all sessions of a server."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def seconds(self, who: str) -> float:
        """Note that `who` polls, and say after how many seconds it may again: a multiple of half a second."""
        now = time.monotonic()
        with self._lock:
            self._seen[who] = now
            self._seen = {name: at for name, at in self._seen.items() if now - at < FORGOTTEN_SECONDS}
            wanted = len(self._seen) / TOGETHER
        return min(SLOWEST, max(FASTEST, math.ceil(2 * wanted) / 2))
