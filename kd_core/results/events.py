"""What a run says while it works: `Step`s, `Evaluation`s and, exactly once and last, a `Result`.

Everything here is plain and frozen (numbers, strings, tuples), free of torch, and goes to JSON and
back without loss. Errors are counts, never rates: a count out of a known number of images is exact.
"""

import math
from dataclasses import dataclass

from kd_core.results.schema import Result


@dataclass(frozen=True, slots=True)
class Step:
    """One reported training step of one arm.

    stage: "teacher", "soft_targets" or "student"; progress: the share done so far, 0 to 1, of this trial
    or, before the trials, of this stage. How many Steps there are depends on the clock (at least four a
    second), the numbers of a run do not.
    """

    stage: str
    arm: str
    seed: int
    step: int
    steps: int
    loss: float
    progress: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Validation errors of one arm after `epoch` of `epochs` epochs: `errors` out of `size` images.

    loss: what was measured instead where nothing is classified; errors and size are 0 then. on_curve: errors, and
    images, of the sample on which the earlier points of a curve were counted, where these are not all.
    watched: of images that are watched while it trains the index in the test split and the logits, to 0.01.
    """

    stage: str
    arm: str
    seed: int
    epoch: int
    epochs: int
    errors: int
    size: int
    loss: float | None = None
    watched: tuple[tuple[int, tuple[float, ...]], ...] = ()
    on_curve: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Reporter:
    """Makes the events of one arm at one seed in one stage.

    span: the part of `Step.progress` that the arm's work fills.
    """

    stage: str
    arm: str
    seed: int
    span: tuple[float, float] = (0.0, 1.0)

    def step(self, step: int, steps: int, loss: float = math.nan) -> Step:
        """Step `step` of `steps`; work without a loss, as a download, leaves it out."""
        begin, end = self.span
        progress = begin + (end - begin) * step / steps
        return Step(self.stage, self.arm, self.seed, step, steps, loss, progress)

    def evaluation(self, epoch: int, epochs: int, errors: int, size: int, loss: float | None = None) -> Evaluation:
        """Validation errors, or the loss where nothing is classified, after `epoch` of `epochs` epochs."""
        return Evaluation(self.stage, self.arm, self.seed, epoch, epochs, errors, size, loss)


Event = Step | Evaluation | Result
