"""How many requests a second one device, or one address, may send to the pages for phones."""

import threading
import time
from collections.abc import Callable

REMEMBERED = 10_000  # of whom it is known what they have left, before those with all of it are forgotten


class Rate:
    """At most `burst` requests at once and `per_second` a second in the long run, each (a token bucket)."""

    def __init__(self, per_second: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._now = per_second, burst, now
        self._left: dict[str, tuple[float, float]] = {}  # who -> requests left, and when that was
        self._lock = threading.Lock()

    def allows(self, who: str) -> bool:
        """Note one request, and say whether it is within the limit."""
        with self._lock:
            now = self._now()
            if len(self._left) >= REMEMBERED:
                self._left = {
                    name: entry for name, entry in self._left.items() if self._after(entry, now) < self._burst
                }
            left = self._after(self._left.get(who, (self._burst, now)), now)
            self._left[who] = (left - 1 if left >= 1 else left, now)
            return left >= 1

    def _after(self, entry: tuple[float, float], now: float) -> float:
        """What is left now of what was left then."""
        left, then = entry
        return min(self._burst, left + (now - then) * self._per_second)
