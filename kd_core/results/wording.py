"""Sentences of all verdicts, by which imported Results are checked."""

from kd_core.results import statistics
from kd_core.techniques import TECHNIQUES

PLAIN = ((statistics.BETTER, statistics.WORSE), (statistics.LOWER, statistics.HIGHER))


def answers() -> tuple[tuple[str, str], ...]:
    """Every pair of sentences (arm better, arm worse) that a verdict may be."""
    return *(pair for technique in TECHNIQUES.values() for pair in technique.answers), *PLAIN
