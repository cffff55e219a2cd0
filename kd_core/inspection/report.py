"""All that is said of a file of logits: the curves over T, the calibration temperature, the range to begin in."""

from collections.abc import Callable
from dataclasses import dataclass

from kd_core.inspection.logits import Logits, sampled
from kd_core.inspection.temperatures import (
    TEMPERATURES,
    Advice,
    Beside,
    Curves,
    Estimate,
    advice,
    beside,
    calibration_temperature,
    curves,
)


@dataclass(frozen=True, eq=False)
class Report:
    """What is said of `logits`, from `used`: all of their rows, or a random sample."""

    logits: Logits
    used: Logits
    found: Curves
    calibration: Estimate | None
    advice: Advice
    student: Beside | None

    @property
    def suggested(self) -> float:
        """A T to begin with: of those looked at, the one nearest to the geometric middle of the range; else 4."""
        if self.advice.low is None or self.advice.high is None:
            return 4.0
        middle = (self.advice.low.value * self.advice.high.value) ** 0.5
        return min(TEMPERATURES, key=lambda t: abs(t - middle))


def report(
    logits: Logits, most_values: int | None = None, progress: Callable[[float], object] = lambda _share: None
) -> Report:
    """The report on logits, on a random sample of rows of at most `most_values` values where that is given.
    `progress(share)` hears, from 0 to 1, how far it is.

    The curves have a point at each of TEMPERATURES, and one at the calibration temperature if it lies among them.
    """
    used = logits if most_values is None else sampled(logits, most_values)
    calibration = calibration_temperature(used)
    temperatures = {*TEMPERATURES}
    if calibration is not None and TEMPERATURES[0] <= calibration.value <= TEMPERATURES[-1]:
        temperatures.add(round(calibration.value, 2))
    in_order = sorted(temperatures)
    found = curves(used, in_order, progress)
    return Report(logits, used, found, calibration, advice(found, used.classes), beside(used, in_order))
