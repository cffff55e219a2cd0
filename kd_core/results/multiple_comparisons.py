"""Which of many cells may be the best: all of them tried at the same seeds, compared with the best at once.

Hsu 1981, "Simultaneous confidence intervals for all distances from the 'best'", Annals of Statistics 9(5), on a
randomized complete block design, whose blocks are the seeds: what a seed makes easier or harder for every cell is
taken out, and what is left is the noise that all cells are taken to share.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

CONFIDENCE = 0.95
FEWEST_SEEDS = 3  # with two, what a seed does to a cell cannot be told from what it does to all


@dataclass(frozen=True)
class Standing:
    """A cell against the best of all others: how much more (worse) its measure is, and what cannot be ruled out.

    mean: the cell's mean measure; above: its distance from the least of the other cells' means, below 0 for the
    best itself; low, high: the interval of that distance which holds for all cells at once, None where nothing
    can be said. It always reaches 0: a cell is somewhere from 0 to `high` worse than the best if low is 0, and
    certainly the best if high is.
    """

    mean: float
    above: float
    low: float | None
    high: float | None

    @property
    def may_be_best(self) -> bool:
        """Whether being the best can't be ruled out."""
        return self.low is None or self.low < 0

    @property
    def is_best(self) -> bool:
        """Whether it is detectably better than every other."""
        return self.high == 0


def standings(measures: Mapping[str, Mapping[int, float]], confidence: float = CONFIDENCE) -> dict[str, Standing]:
    """Every cell's `Standing`. measures: cell -> seed -> a measure of which less is better (errors, a log loss).

    With k cells at the same n seeds, the residuals r_ij = x_ij - mean_i - mean_j + mean leave

        s² = sum r_ij² / ((k - 1)(n - 1)),   distance_i = mean_i - min_{j != i} mean_j,
        h = d · s · sqrt(2 / n),   interval_i = [min(0, distance_i - h), max(0, distance_i + h)],

    d being Dunnett's one-sided critical value for k - 1 comparisons (`dunnett`). Only seeds that every cell has
    are blocks; where these are fewer than FEWEST_SEEDS, or all cells are equal in every residual, no interval is
    given: low and high are None. One cell has nothing to be compared with. Raises ValueError for a cell of no
    seeds.
    """
    if any(not of_cell for of_cell in measures.values()):
        raise ValueError("a cell without any measure cannot be compared; leave it out")
    if len(measures) < 2:
        return {name: Standing(_mean(list(v.values())), 0.0, None, None) for name, v in measures.items()}
    seeds = shared_seeds(measures)
    means = {name: _mean([v[s] for s in seeds] if seeds else list(v.values())) for name, v in measures.items()}
    half = _half_width(measures, seeds, confidence) if len(seeds) >= FEWEST_SEEDS else None
    found = {}
    for name, mean in means.items():
        above = mean - min(other for one, other in means.items() if one != name)
        ends = (None, None) if half is None else (min(0.0, above - half), max(0.0, above + half))
        found[name] = Standing(mean, above, *ends)
    return found


def shared_seeds(measures: Mapping[str, Mapping[int, float]]) -> list[int]:
    """The seeds that every cell has, in order."""
    return sorted(set.intersection(*(set(of_cell) for of_cell in measures.values()))) if measures else []


def _half_width(
    measures: Mapping[str, Mapping[int, float]], seeds: Sequence[int], confidence: float
) -> float | None:
    """d · s · sqrt(2 / n), or None where there is no spread to tell the precision from."""
    k, n = len(measures), len(seeds)
    rows = [[of_cell[seed] for seed in seeds] for of_cell in measures.values()]
    whole = _mean([value for row in rows for value in row])
    of_cell = [_mean(row) for row in rows]
    of_seed = [_mean([row[j] for row in rows]) for j in range(n)]
    squares = sum((rows[i][j] - of_cell[i] - of_seed[j] + whole) ** 2 for i in range(k) for j in range(n))
    freedom = (k - 1) * (n - 1)
    scale = max(abs(value) for row in rows for value in row) or 1.0
    if squares <= freedom * (1e-12 * scale) ** 2:
        return None
    return dunnett(k - 1, freedom, confidence) * math.sqrt(squares / freedom) * math.sqrt(2 / n)


@lru_cache(maxsize=256)
def dunnett(comparisons: int, freedom: int, confidence: float = CONFIDENCE) -> float:
    """Dunnett's one-sided critical value d: P(T_1 <= d, …, T_m <= d) = confidence.

    The m comparisons with one control share its noise (correlation 1/2) and the estimate of the spread, with
    `freedom` degrees of freedom nu:

        P = E_u E_z [Phi(sqrt(2) d u + z)^m],   z ~ N(0, 1),   nu u² ~ chi²(nu)

    Both expectations are integrals over 64 and 96 Gauss points. Dunnett 1955, JASA 50(272), eq. 3.
    """
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import chdtri, log_ndtr

    points, weights = np.polynomial.hermite_e.hermegauss(64)
    weights = weights / weights.sum()
    nodes, shares = np.polynomial.legendre.leggauss(96)
    quantiles = (nodes + 1) / 2  # u through its own quantiles: no tail is cut off
    u = np.sqrt(chdtri(freedom, 1 - quantiles) / freedom)

    def excess(d: float) -> float:
        inner = np.exp(comparisons * log_ndtr(math.sqrt(2) * d * u[:, None] + points[None, :])) @ weights
        return float(inner @ (shares / 2)) - confidence

    return float(brentq(excess, 0.0, 200.0, xtol=1e-8))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
