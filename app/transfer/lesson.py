"""The lesson of transfer: what λ pulls, what old weights are worth and when, what a frozen layer still does."""

import math
from collections.abc import Mapping
from statistics import fmean

from app.lessons.model import Choice, Goal, Leads, LessonStep, Number, Values
from app.results.bundled import recorded
from app.transfer.bundled import lambda_map, recorded_curve
from app.transfer.figures import FORGOTTEN, moved_in_all
from kd_core.messages import N_
from kd_core.results.numbers import fixed, signed
from kd_core.results.schema import Verdict
from kd_core.settings.base import Settings
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import FROZEN, TUNED

WORKED_LAM, FADED_LAM, LARGE_LAM = 0.01, 1.0, 10.0
LITTLE = 1.0  # points: the goal for the gain
BATCHES, MOMENTUM = 20, 0.1  # of a batch norm; the momentum is PyTorch's default
LEAKED, TRUE_ACCURACY = 25, 80  # percent: of the test images, those that were trained on; right on the others


def moved(lam: float) -> list[float]:
    """How far each transferred layer moved from its old weights, recorded at `lam`."""
    every = lambda_map()
    return every["distance"][every["lams"].index(lam)]


def squared(lam: float) -> float:
    """‖θ − θ_pre‖² over all transferred layers, recorded at `lam`."""
    return moved_in_all(lam) ** 2


def running_mean(batches: int, batch_mean: float, *, training: bool, momentum: float = MOMENTUM) -> float:
    """A batch norm's running mean, 0 at first, after batches of one mean: m ← (1 − momentum) m + momentum x in
    training mode, which after n batches is (1 − (1 − momentum)^n) x; in evaluation mode it stays."""
    mean = 0.0
    for _batch in range(batches if training else 0):
        mean = (1 - momentum) * mean + momentum * batch_mean
    return mean


def measured_with_a_leak(leaked: float, accuracy: float) -> float:
    """Test accuracy in percent where `leaked` % of the test images are known by heart, and `accuracy` % of the
    others are right."""
    return leaked + (100 - leaked) * accuracy / 100


def place_of(labels: float) -> int:
    """Which recorded number of labels is next to `labels`, on the logarithmic axis."""
    offered = recorded_curve()["labels"]
    return min(range(len(offered)), key=lambda at: abs(math.log(offered[at] / labels)))


def gain(labels: float) -> float:
    """Fine-tuning over from scratch in points, at the recorded number of labels next to `labels`."""
    return recorded_curve()["gain"][place_of(labels)]["points"]


def labels_for(points: float) -> int:
    """The fewest recorded labels per class from which on the gain stays below `points`."""
    curve = recorded_curve()
    large = [at for at, each in enumerate(curve["gain"]) if each["points"] >= points]
    return curve["labels"][max(large) + 1]


def forgotten(arm: str) -> float:
    """Errors per 10,000 of an arm's network on the source, mean over trials."""
    return fmean(trial.measures[FORGOTTEN] for trial in recorded("transfer").arm(arm).trials)


def _labels(settings: Settings) -> int:
    return int(settings.model_dump()["labels_per_class"])


def _gain_now(settings: Settings) -> Values:
    at = recorded_curve()["labels"][place_of(_labels(settings))]
    return {"labels": at, "gain": signed(gain(at), 1)}


def _written(lam: float) -> Mapping[str, str]:
    first, second, third = moved(lam)
    return {"d1": f"{first:.3f}", "d2": f"{second:.3f}", "d3": f"{third:.3f}", "square": f"{squared(lam):.3f}",
            "penalty": f"{lam * squared(lam):.3f}"}  # fmt: skip


def _worked() -> Values:
    return {
        **_written(WORKED_LAM), "lam": f"{WORKED_LAM:g}", "large": f"{LARGE_LAM:g}",
        "then": fixed(moved_in_all(LARGE_LAM), 2), "now": fixed(moved_in_all(WORKED_LAM), 2),
    }  # fmt: skip


def _faded() -> Values:
    ratio = FADED_LAM * squared(FADED_LAM) / (WORKED_LAM * squared(WORKED_LAM))
    return {
        **_written(FADED_LAM), "lam": f"{FADED_LAM:g}", "before": f"{WORKED_LAM * squared(WORKED_LAM):.3f}",
        "times": f"{ratio:.1f}", "larger": f"{FADED_LAM / WORKED_LAM:g}", "small": f"{WORKED_LAM:g}",
    }  # fmt: skip


def _frozen() -> Verdict:
    return next(v for v in recorded("transfer").comparisons if (v.arm, v.baseline) == (FROZEN, SCRATCH))


def _frozen_says() -> Values:
    d = _frozen().difference
    return {
        "points": signed(d.mean, 1), "low": signed(d.low or 0, 1), "high": signed(d.high or 0, 1), "n": d.n,
        "labels": recorded("transfer").settings["labels_per_class"],
    }  # fmt: skip


LESSON = (
    LessonStep(
        kind="worked",
        title=N_("What λ pulls on"),
        text=N_(
            "L2-SP adds $\\lambda \\lVert \\theta - \\theta_\\text{{pre}} \\rVert^2$ to the loss: a pull from the "
            "new weights $\\theta$ to the old ones, $\\theta_\\text{{pre}}$. Recorded at λ = {lam}: the three old "
            "layers moved by {d1}, {d2} and {d3}. Squared and added up that is {square}, so the penalty at the end "
            "was {lam} × {square} = {penalty}."
        ),
        ask=Choice(
            N_("With λ = {large}, where do the old layers end up?"),
            {"old": N_("Nearer to the old weights"), "zero": N_("Nearer to zero"),
             "far": N_("Further from the old weights")},
            lambda: "old" if squared(LARGE_LAM) < squared(WORKED_LAM) else "far",
        ),
        reveals=N_(
            "In all they moved by {then} at λ = {large}, and by {now} at λ = {lam}. Plain weight decay pulls to "
            "**zero**, away from what was learned; L2-SP pulls to the **old weights**."
        ),
        values=_worked,
        sets={"lam": WORKED_LAM},
    ),
    LessonStep(
        kind="faded",
        title=N_("Now you: the penalty at a larger λ"),
        text=N_(
            "At λ = {lam} the three layers moved by {d1}, {d2} and {d3}. The penalty is λ times the sum of their "
            "squares."
        ),
        ask=Number(
            N_("What is the penalty at the end?"), 0, 1, 0.01, lambda: FADED_LAM * squared(FADED_LAM), close=0.01,
            digits=3, typed=3,
        ),
        reveals=N_(
            "{lam} × {square} = {penalty}. At λ = {small} it was {before}: λ is {larger} times larger and the "
            "penalty only {times} times. The weights give way until moving further costs more than it gains."
        ),
        values=_faded,
        sets={"lam": FADED_LAM},
    ),
    LessonStep(
        kind="free",
        title=N_("When are old weights no longer worth much?"),
        text=N_(
            "With 1 label of each new digit, old weights gain {first} points of accuracy. With more labels the new "
            "task can be learned from scratch. First guess, then drag the marker below until the gain is less than "
            "{points} point."
        ),
        ask=Number(
            N_("From how many labels per class does the gain stay below {points} point?"), 1, 500, 1,
            lambda: labels_for(LITTLE), close=40, digits=0, typed=0,
        ),
        reveals=N_(
            "From {labels} labels per class on, of those recorded. Old weights stand in for labels: the fewer "
            "labels there are, the more the old weights are worth. With many labels transfer is not wrong, only "
            "unnecessary."
        ),
        values=lambda: {"first": f"{gain(1):.1f}", "points": f"{LITTLE:g}", "labels": labels_for(LITTLE)},
        sets={"labels_per_class": 5},
        goal=Goal(
            N_("Goal: a gain below {points} point."),
            N_("At {labels} labels per class it is {gain}."),
            _gain_now,
            lambda settings: gain(_labels(settings)) < LITTLE,
        ),
        covers=True,
    ),
    LessonStep(
        kind="belief",
        title=N_("Frozen is safe?"),
        text=N_(
            "Feature extraction freezes the layers that learned 0 to 4 and trains a new last layer for 5 to 9, on "
            "{labels} labels of each. From scratch, everything is trained on the same few labels."
        ),
        ask=Choice(
            N_("Which has more accuracy on the new digits?"),
            {"better": N_("The frozen layers"), "worse": N_("From scratch"),
             "undetectable": N_("No detectable difference")},
            lambda: _frozen().kind,
        ),
        reveals=N_(
            "Frozen layers: {points} points (95 % interval {low} to {high}, {n} paired trials). The features that "
            "tell 0 to 4 apart lack some that 5 to 9 need, and a frozen layer cannot learn them. Start from old "
            "weights, and let them move."
        ),
        values=_frozen_says,
        sets={"labels_per_class": 10, "lam": WORKED_LAM},
    ),
    LessonStep(
        kind="belief",
        title=N_("Does a frozen batch norm stay frozen?"),
        text=N_(
            "A pretrained network has a batch norm whose running mean is 0. All its weights are frozen: nothing "
            "gets a gradient. The new images have a mean of 1 there, and {n} batches of them pass through in "
            "training mode."
        ),
        ask=Choice(
            N_("Is the layer still what it was?"),
            {"same": N_("Yes: nothing was trained"), "moved": N_("No: it has changed")},
            lambda: "same" if running_mean(BATCHES, 1.0, training=True) == 0 else "moved",
        ),
        reveals=N_(
            "Its running mean is now $1 - {rest}^{{{n}}}$ = {mean}: it is a statistic, and no gradient is needed "
            "to move it. **Frozen weights are not enough: freeze the statistics too**, that is, use evaluation "
            "mode, where it stays {held}. The small network of this page has no batch norm; EfficientNet-Lite0 has "
            "one, and is kept in evaluation mode here."
        ),
        values=lambda: {
            "n": BATCHES, "rest": f"{1 - MOMENTUM:g}", "mean": f"{running_mean(BATCHES, 1.0, training=True):.3f}",
            "held": f"{running_mean(BATCHES, 1.0, training=False):g}",
        },
    ),
    LessonStep(
        kind="belief",
        title=N_("What happens to the old task?"),
        text=N_(
            "A network knows 0 to 4: with its layers frozen it makes {frozen} errors per 10,000 on them. It is "
            "fine-tuned on 5 to 9, and then its old last layer is put back."
        ),
        ask=Number(
            N_("How many errors per 10,000 does it make on 0 to 4 now?"), 0, 10_000, 100, lambda: forgotten(TUNED),
            close=400, digits=0, typed=0,
        ),
        reveals=N_(
            "{tuned}, mean over {n} trials. Nobody asked it to remember. λ is one way to ask: “What is forgotten” "
            "below shows every arm."
        ),
        values=lambda: {
            "frozen": fixed(forgotten(FROZEN)), "tuned": fixed(forgotten(TUNED)),
            "n": len(recorded("transfer").arm(TUNED).trials),
        },
    ),
    LessonStep(
        kind="belief",
        title=N_("Images of your own"),
        text=N_(
            "You bring photographs of your own. Without your noticing, {leaked} % of the test images are among the "
            "training images, too. A network that knows its training images by heart is right on all of these, and "
            "on {accuracy} % of the images that are new to it."
        ),
        ask=Number(
            N_("Which test accuracy do you measure, in percent?"), 0, 100, 1,
            lambda: measured_with_a_leak(LEAKED, TRUE_ACCURACY), close=0.5, unit=N_("%"), digits=0, typed=0,
        ),
        reveals=N_(
            "{leaked} + {rest} × {accuracy} / 100 = {measured} %: {extra} points that are not there on new images. "
            "This is called a **leak**. When you add images, the lab counts equal ones across the splits and says "
            "so before any training, and also what is too small or unbalanced. Then they are a target like 5 to 9."
        ),
        values=lambda: {
            "leaked": LEAKED, "accuracy": TRUE_ACCURACY, "rest": 100 - LEAKED,
            "measured": f"{measured_with_a_leak(LEAKED, TRUE_ACCURACY):g}",
            "extra": f"{measured_with_a_leak(LEAKED, TRUE_ACCURACY) - TRUE_ACCURACY:g}",
        },
        leads=Leads("data", N_("Bring images of your own")),
    ),
)  # fmt: skip
