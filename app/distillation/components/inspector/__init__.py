"""A teacher's logits under one temperature: a sample's bars, means over T, calibration, classes alike, the loss.

The bars are computed in the browser from a sample of rows. What is a mean over all rows comes with them at every
temperature that the slider has. Python hears of T and α once they are released.
"""

from collections.abc import Callable, Mapping
from typing import Any

from app.components import mounted, released
from kd_core.messages import N_

WORDS = {
    "temperature": N_("Temperature T"),
    "sharper": N_("sharper"),
    "flatter": N_("flatter"),
    "presets": N_("Quick temperatures"),
    "calibrated": N_("calibrated"),
    # One sample.
    "sample": N_("One sample"),
    "kinds": N_("Which samples are listed"),
    "all": N_("All"),
    "unsure": N_("Most unsure"),
    "wrong": N_("Wrong"),
    "between": N_("Between two classes"),
    "search": N_("Search by row or class"),
    "list": N_("Samples"),
    "option": N_("row {row}: answer {answer}"),
    "option_label": N_("row {row}: label {label}, answer {answer}"),
    "listed": N_("{n} of {shown} samples that the browser has; the file has {rows} rows."),
    "none": N_("No sample of those that the browser has fits."),
    "bars": N_("The most probable classes of row {row}"),
    "bar": N_("{name}: {live} at T = {T}, {plain} at T = 1"),
    "others": N_("{n} others"),
    "label": N_("the label"),
    "live": N_("at T = {T}"),
    "plain": N_("at T = 1"),
    "log": N_("Log scale"),
    # Means over the rows.
    "mean": N_("Mean over {rows} rows"),
    "chart": N_("Means over T: top class, mass outside it or the label, effective classes"),
    "top": N_("probability of the top class"),
    "outside_top": N_("mass outside the top class"),
    "outside_label": N_("mass outside the label"),
    "effective_is": N_("effective number of classes, of {classes}"),
    "entropy": N_("entropy H, nats"),
    "nll": N_("negative log-likelihood"),
    "ece": N_("calibration error (ECE)"),
    "range": N_("range to begin in"),
    "drag": N_("Drag in the chart, or the slider above: it is the same T."),
    # Calibration.
    "reliability": N_("How sure, and how often right, at T = {T}"),
    "sure": N_("how sure: the largest probability, %"),
    "right": N_("how often right, %"),
    "reliability_says": N_("On the dotted line the teacher is right as often as it says. The larger a point, the "
                           "more rows; bins of fewer than {few} are hollow."),
    # Which classes look alike.
    "alike": N_("Which classes look alike at T = {T}"),
    "alike_says": N_("Each row is the mean answer to the samples of one class; the diagonal has no colour, so that "
                     "what the labels do not say has it all: up to {most}."),
    "alike_pairs": N_("Of {classes} classes, the pairs in which the mean answer to the first gives most to the "
                      "second. Classes with fewer than {few} rows are left out."),
    "pair": N_("{one} looks like {other}"),
    "cell": N_("{one}, answered {other}: {p}"),
    # Beside a student.
    "student": N_("Beside your student, at T = {T}"),
    "agreement": N_("The student's top class is the teacher's in {share} of the rows. Mean KL(teacher ‖ student) "
                    "at this T: {kl}."),
    "gradients": N_("Mean length of the gradient at the student's logits over T"),
    "soft": N_("soft, with T²"),
    "bare": N_("soft, without T²"),
    "hard": N_("hard (labels)"),
    "gradient": N_("gradient length (log scale)"),
    "angle": N_("Soft and hard gradient point {degrees} degrees apart on average: up to 90 they help each other."),
    "weighted": N_("Weighted by α = {alpha}, the soft part is {with} times as long as the hard one; without T² "
                   "{without} times."),
    "conventions": N_("What others make of T = {T}, α = {alpha}"),
    "source": N_("Source"),
    "formula": N_("Loss"),
    "value": N_("Loss here"),
    "there": N_("Write there"),
    "ours": N_("this lab"),
    # What to do.
    "todo": N_("What to do"),
    "alpha": N_("Teacher weight α"),
    "library": N_("Library"),
    "copy": N_("Copy"),
    "copied": N_("Copied"),
    "code": N_("The loss for {library}, with T = {T} and α = {alpha}"),
    "inside": N_("T = {T} is inside the range."),
    "below": N_("T = {T} is below the range: the soft targets are close to the labels."),
    "above": N_("T = {T} is above the range: the soft targets are close to uniform, their differences small."),
}  # fmt: skip

_mount = mounted(__file__, "sample", "means", "student", shared=("controls", "svg", "viridis"))


def inspector(
    facts: Mapping[str, Any],
    *,
    temperature: float,
    alpha: float,
    said: Mapping[str, str],
    code: Mapping[str, Mapping[str, str]],
    conventions: list[dict[str, str]],
    colours: Mapping[str, str],
    words: Mapping[str, str],
    key: str,
    on_chosen: Callable[[Mapping[str, float]], object],
) -> None:
    """The picture of `facts`, as `app.distillation.teacher.facts` makes them.

    temperature, alpha: what is set; they lead when they change from one rerun to the next. said: the sentences on
    the file and on what to do. code: "title" and "text" of the loss for each library, with $T, $alpha and $rest.
    `on_chosen` is called with temperature and alpha before the rerun of a settled change.
    """

    def read(told: Mapping[str, float]) -> dict[str, float]:
        return {"temperature": float(told["temperature"]), "alpha": float(told["alpha"])}

    data: dict[str, Any] = {
        "facts": dict(facts), "chosen": {"temperature": temperature, "alpha": alpha},
        "heard": released(key, "chosen")["number"], "said": dict(said), "code": dict(code),
        "conventions": conventions, "colours": dict(colours), "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data, told={"chosen": (read, on_chosen)})
