"""The lesson of multi-task learning: two gradients added by hand, a cosine below zero, and what sharing costs."""

from collections.abc import Sequence
from statistics import fmean

from app.lessons.model import Choice, Goal, LessonStep, Number, Values
from app.multitask.bundled import recorded_step
from app.results.bundled import recorded
from kd_core.messages import N_
from kd_core.results.numbers import fixed, signed
from kd_core.settings.base import Settings

HALF = 0.5  # the first task's weight in the faded example
FREE_WEIGHT = 2.0  # the second task's in free play
SHARE = "share of steps in conflict"


def products() -> tuple[float, float, float]:
    """g1·g1, g1·g2 and g2·g2 of the recorded step's two gradients."""
    step = recorded_step()
    first, second = step["norms"]
    return first**2, first * second * step["cosine"], second**2


def slope(task: int, weights: Sequence[float]) -> float:
    """g_task · (w1 g1 + w2 g2): above 0 the task's loss falls, to first order."""
    first, mixed, second = products()
    own, other = (first, mixed) if task == 0 else (mixed, second)
    return weights[0] * own + weights[1] * other


def measured(weights: Sequence[float]) -> list[float]:
    """How both losses changed after a step along the sum with the recorded weights next to `weights`."""
    step = recorded_step()
    offered = step["weights"]
    first, second = (min(range(len(offered)), key=lambda at: abs(offered[at] - w)) for w in weights)
    return step["change"][first][second]


def both_fall(weights: Sequence[float]) -> bool:
    return all(change < 0 for change in measured(weights))


def pairs_where_both_fall() -> list[tuple[float, float]]:
    """Every recorded pair of weights whose step made both losses fall."""
    offered = recorded_step()["weights"]
    return [(first, second) for first in offered for second in offered if both_fall((first, second))]


def _free_weight() -> float:
    """The middle of the first task's weights that help both at the second's FREE_WEIGHT."""
    return fmean(first for first, second in pairs_where_both_fall() if second == FREE_WEIGHT)


def _set(settings: Settings) -> tuple[float, float]:
    values = settings.model_dump()
    first, second = (float(values[f"weight_{task}"]) for task in recorded_step()["tasks"])
    return first, second


def _basics() -> Values:
    step, (first, mixed, second) = recorded_step(), products()
    return {
        "parameters": f"{step['parameters']:,}", "n1": f"{step['norms'][0]:.2f}", "n2": f"{step['norms'][1]:.2f}",
        "cosine": fixed(step["cosine"], 2), "aa": fixed(first, 2), "ab": fixed(mixed, 2), "bb": fixed(second, 2),
        "sum1": fixed(slope(0, (1, 1)), 2), "sum2": fixed(slope(1, (1, 1)), 2),
        "left": signed(measured((1, 1))[0], 4), "right": signed(measured((1, 1))[1], 4),
        "half": f"{HALF:g}", "half2": fixed(slope(1, (HALF, 1)), 2),
        "half_right": signed(measured((HALF, 1))[1], 4),
        "size": f"{step['step_size']:g}",
    }  # fmt: skip


def _cosine_says() -> Values:
    step = recorded_step()
    cosine, (first, second) = step["cosine"], step["norms"]
    return {
        "cosine": fixed(cosine, 2), "all": len(step["weights"]) ** 2, "both": len(pairs_where_both_fall()),
        "low": f"{-cosine * second / first:.3f}", "high": f"{second / (-cosine * first):.3f}",
    }  # fmt: skip


def _now(settings: Settings) -> Values:
    first, second = _set(settings)
    left, right = measured((first, second))
    return {"w1": f"{first:g}", "w2": f"{second:g}", "left": signed(left, 4), "right": signed(right, 4)}


def _gain() -> Values:
    result = recorded("multitask")
    difference = result.verdict.difference
    shares = [t.measures[SHARE] for t in result.arm(result.verdict.arm).trials if SHARE in t.measures]
    return {
        "points": fixed(difference.mean, 2), "low": fixed(float(difference.low or 0), 2),
        "high": fixed(float(difference.high or 0), 2), "n": difference.n, "date": result.provenance.created[:10],
        "share": f"{100 * fmean(shares):.0f}", "labels": f"{result.arm(result.verdict.arm).labels:,}",
    }  # fmt: skip


def _right_at_once() -> str:
    change = measured((1, 1))[1]
    return "falls" if change < 0 else "rises" if change > 0 else "stays"


LESSON = (
    LessonStep(
        kind="worked",
        title=N_("One step, two losses"),
        text=N_(
            "Two tasks share {parameters} weights. Their gradients have lengths {n1} (left digit) and {n2} (right "
            "digit), and the cosine between them is {cosine}. A small step down along g₁ + g₂ lowers a task's loss "
            "if its own gradient has a positive product with that sum. For the left digit: g₁·g₁ + g₁·g₂ = {aa} + "
            "({ab}) = {sum1}, positive. Its loss falls."
        ),
        ask=Choice(
            N_("And the loss of the right digit, at weights 1 and 1?"),
            {"falls": N_("It falls"), "rises": N_("It rises"), "stays": N_("It stays")},
            _right_at_once,
        ),
        reveals=N_(
            "g₂·g₂ + g₁·g₂ = {bb} + ({ab}) = {sum2}. Measured after one step of size {size}: left {left}, right "
            "{right}. The longer gradient wins; the shorter one cannot outweigh it."
        ),
        values=_basics,
        sets={"weight_left": 1.0, "weight_right": 1.0},
        covers=True,
    ),
    LessonStep(
        kind="faded",
        title=N_("Now you: half the weight"),
        text=N_(
            "Give the left digit a weight of {half}. The step now goes along {half} g₁ + g₂. For the right digit's "
            "loss take {half} g₁·g₂ + g₂·g₂, with g₁·g₂ = {ab} and g₂·g₂ = {bb}."
        ),
        ask=Number(
            N_("What does it come to?"), -3, 3, 0.05, lambda: slope(1, (HALF, 1)), close=0.06, digits=2, typed=2,
        ),
        reveals=N_(
            "{half} × ({ab}) + {bb} = {half2}: below zero, so the right digit's loss still rises (measured "
            "{half_right}). Half the weight is still too much."
        ),
        values=_basics,
        sets={"weight_left": HALF, "weight_right": 1.0},
        covers=True,
    ),
    LessonStep(
        kind="belief",
        title=N_("A cosine below zero"),
        text=N_(
            "The cosine between the two gradients is {cosine}: they point almost in opposite directions. They are "
            "in conflict."
        ),
        ask=Choice(
            N_("Must every joint step then hurt one of the two tasks?"),
            {"yes": N_("Yes, always"), "no": N_("No, not always")},
            lambda: "no" if pairs_where_both_fall() else "yes",
        ),
        reveals=N_(
            "Of {all} pairs of weights that were tried, {both} made **both** losses fall. To first order that is "
            "so where $\\alpha_\\text{{left}} / \\alpha_\\text{{right}}$ lies between {low} and {high}. A cosine "
            "below zero says that the tasks pull apart at this step. It does not say that the step does harm: that "
            "depends on lengths and weights too."
        ),
        values=_cosine_says,
        sets={"weight_left": 1.0, "weight_right": 1.0},
        covers=True,
    ),
    LessonStep(
        kind="free",
        title=N_("Find a step that helps both"),
        text=N_(
            "So there are weights for which both losses fall. First guess, then set both weights below, with the "
            "sliders beside the arrows, until both bars point to the left."
        ),
        ask=Number(
            N_("If the right digit's weight is {right}, which weight of the left digit makes both fall?"), 0, 2,
            0.1, _free_weight, close=0.1,
        ),
        reveals=N_(
            "At {right} it takes about {left}: the long gradient needs a small weight. Methods such as gradient "
            "surgery look for such steps by themselves: the preset is below. Whether that pays in accuracy is "
            "another question, and a run answers it."
        ),
        values=lambda: {"right": f"{FREE_WEIGHT:g}", "left": f"{_free_weight():.1f}"},
        sets={"weight_left": 1.0, "weight_right": FREE_WEIGHT},
        goal=Goal(
            N_("Goal: both losses fall."),
            N_("With weights {w1} and {w2}: left {left}, right {right}."),
            _now,
            lambda settings: both_fall(_set(settings)),
        ),
        covers=True,
    ),
    LessonStep(
        kind="belief",
        title=N_("And is sharing worth it?"),
        text=N_(
            "Recorded on {date}: one network learns both overlapping digits from {labels} images, and another of "
            "the same body learns the left digit alone. In {share} % of the steps that were looked at, the cosine "
            "was below zero."
        ),
        ask=Number(
            N_("How many points of accuracy does the left digit gain by sharing? (Below 0: it loses.)"), -15, 15,
            0.5, lambda: recorded("multitask").verdict.difference.mean, close=1.0, unit=N_("points"), digits=2,
        ),
        reveals=N_(
            "{points} points (95 % interval {low} to {high}, {n} paired trials). In the other steps the "
            "tasks pulled the same way, and sharing still cost accuracy: a cosine is a hint, errors are the "
            "verdict. What sharing saves is parameters."
        ),
        values=_gain,
        sets={"weight_left": 1.0, "weight_right": 1.0},
    ),
)  # fmt: skip
