"""What the scripts of this folder share: a queue, and Results and numbers made short."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from kd_core.results.records import BINS
from kd_core.results.schema import Arm, ArmTrial, Bin, Interval, Result
from kd_core.runs.queue import Handle, Queue

HERE = Path(__file__).parent


def warm_queue() -> Queue:
    """The app's queue and workers, warm; to be closed."""
    queue = Queue()
    while not queue.warm:
        time.sleep(0.1)
    time.sleep(5)  # the other workers warm up too, and would disturb the latency
    return queue


def finished(handle: Handle) -> Result:
    """Wait for a run, and print its verdict. Raises SystemExit if it does not finish."""
    view = handle.wait(3600)
    if view.result is None:
        raise SystemExit(f"the run ended as {view.state}: {view.problem}")
    print(view.result.verdict.text, f"{view.seconds_elapsed:.1f} s")
    return view.result


def with_few_networks(result: Result) -> Result:
    """The same Result with the networks of the verdict's two arms only: all would be most of what is bundled."""
    kept = (result.verdict.arm, result.verdict.baseline)

    def light(arm: Arm) -> Arm:
        trials = tuple(trial.model_copy(update={"weights": None}) for trial in arm.trials)
        return arm if arm.name in kept else arm.model_copy(update={"trials": trials})

    return result.model_copy(update={"arms": tuple(map(light, result.arms))})


def without_networks(result: Result) -> Result:
    """The same Result without networks, with logits and sums of confidence to two decimals.

    A sum stays between those that its bin's edges allow.
    """

    def short(place: int, of: Bin) -> Bin:
        low, high = (of.count * edge / BINS for edge in (place, place + 1))
        return of.model_copy(update={"confidence": min(max(round(of.confidence, 2), low), high)})

    def light(trial: ArmTrial) -> ArmTrial:
        logits = tuple(tuple(round(z, 2) for z in row) for row in trial.gallery_logits)
        bins = tuple(short(place, each) for place, each in enumerate(trial.bins))
        return trial.model_copy(update={"weights": None, "gallery_logits": logits, "bins": bins})

    arms = (arm.model_copy(update={"trials": tuple(map(light, arm.trials))}) for arm in result.arms)
    return result.model_copy(update={"arms": tuple(arms)})


def sides(interval: Interval) -> dict[str, float | None]:
    """Mean and bounds, to three decimals."""
    return {side: rounded(getattr(interval, side)) for side in ("mean", "low", "high")}


def columns(intervals: Sequence[Interval]) -> dict[str, list[float | None]]:
    """Intervals of errors per 10,000 as three columns."""
    return {side: [rounded(getattr(interval, side)) for interval in intervals] for side in ("mean", "low", "high")}


def rounded(number: float | None) -> float | None:
    """To three decimals."""
    return None if number is None else round(number, 3)


def all_short(numbers: Iterable[float]) -> list[float]:
    """Five significant digits of each."""
    return [short(number) for number in numbers]


def short(number: float) -> float:
    """`number` to five digits that count."""
    return float(f"{number:.5g}")
