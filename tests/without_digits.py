"""A result with digits left out, made up of the recorded one: counts that no training is needed for."""

from app.results.bundled import recorded
from kd_core.distillation.settings import ALONE, DIGITS_LEFT_OUT, DISTILLED, SHIFTS
from kd_core.results.schema import ArmTrial, Result

IMAGES = {"3": 1010, "all_but_7_8": 7998}  # in MNIST's test set


def without(left_out: str) -> Result:
    """The recorded result as if `left_out` had been: five trials that differ, errors that fall and rise again."""
    assert DIGITS_LEFT_OUT[left_out]
    result = recorded("distillation")
    arms = tuple(
        arm.model_copy(
            update={"trials": tuple(_trial(t, IMAGES[left_out], arm.name == DISTILLED) for t in arm.trials)}
        )
        if arm.name in (ALONE, DISTILLED)
        else arm
        for arm in result.arms
    )
    settings = {**result.settings, "left_out": left_out}
    return result.model_copy(update={"settings": settings, "arms": arms})


def _trial(trial: ArmTrial, images: int, taught: bool) -> ArmTrial:
    fall, start = (12, 3 * images // 4 + 7 * trial.seed) if taught else (0, images - trial.seed)
    missed = [max(0, start - fall * step) for step in range(len(SHIFTS))]
    errors = [m + 100 + trial.seed + (step * step // 9 if taught else 0) for step, m in enumerate(missed)]
    tuned = min(range(len(SHIFTS)), key=errors.__getitem__)
    measures = {
        "left-out images": images, "matched shift": 4.23 + trial.seed / 8, "matched errors": errors[0] - 91,
        "matched missed": missed[0] - 91, "tuned shift": SHIFTS[tuned], "tuned errors": errors[tuned],
        "tuned missed": missed[tuned],
    }  # fmt: skip
    series = {"errors by shift": tuple(errors), "missed by shift": tuple(missed)}
    return trial.model_copy(update={"measures": measures, "series": series, "test_errors": errors[0]})
