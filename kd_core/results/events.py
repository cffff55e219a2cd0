"""What a run says while it works: `Step`s, `Evaluation`s and, exactly once and last, a `Result`.

Everything here is plain and frozen (numbers, strings, tuples), free of torch, and goes to JSON and
back without loss. Errors are counts, never rates: a count out of a known number of images is exact.
"""

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

    loss: what was measured instead where nothing is classified; errors and size are 0 then.
    """

    stage: str
    arm: str
    seed: int
    epoch: int
    epochs: int
    errors: int
    size: int
    loss: float | None = None


Event = Step | Evaluation | Result
