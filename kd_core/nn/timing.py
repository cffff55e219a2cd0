"""How long a call takes, compared fairly on a machine that does other things too. No torch here."""

import statistics
import time
from collections.abc import Callable, Sequence


def latencies_ms(calls: Sequence[Callable[[], object]], blocks: int, block: int) -> list[float]:
    """Median milliseconds of each of `calls`, made `blocks` times `block` times.

    They take turns in blocks, so that a change of the machine's speed affects all of them; the median ignores the
    calls in which something else had the processor.
    """
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(blocks):
        for call, mine in zip(calls, times, strict=True):
            for _ in range(block):
                start = time.perf_counter()
                call()
                mine.append(time.perf_counter() - start)
    return [1000 * statistics.median(mine) for mine in times]
