"""The live picture of the transfer page: accuracy over labels per class, from scratch and from old weights.

The curves are recorded; the marker, the question and its answer live in the browser. Python hears of the
number of labels once it is released, and of the guess never.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.components import mounted, released
from app.results.bundled import Digit
from app.transfer.bundled import LabelsCurve
from app.transfer.figures import OwnRun
from kd_core.messages import N_
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import TUNED

WORDS = {
    "title_asks": N_("Can old weights replace labels?"),
    "title": N_("Old weights replace labels, until there are enough labels"),
    # What is learned before and after, beside the chart.
    "before": N_("learned before"),
    "before_with": N_("with {source} labels"),
    "now": N_("to learn now"),
    "now_with": N_("with a few labels"),
    "weights": N_("weights move"),
    "digit": N_("handwritten {label}"),
    # The question, its choices, and its answer.
    "quiz": N_("Guess first"),
    "ask": N_("From how many labels per class does training from scratch catch up?"),
    "never": N_("never here"),
    "skip": N_("Skip"),
    "again": N_("Ask again"),
    "said": N_("You said {guess}."),
    "guess_and_fact": N_("{said} {fact}"),
    "caught_up": N_("From {labels} labels per class on, no gain can be detected any more: {gain} there."),
    "not_caught_up": N_("Never here: even at {labels} labels per class, old weights are still ahead by {gain}."),
    "no_gain": N_("No gain can be detected at any of these numbers of labels."),
    "overtaken": N_("From {labels} labels per class on, old weights no longer help: {gain} there."),
    "your_guess": N_("your guess"),
    # The marker: a slider and what it reads.
    "labels": N_("Labels per class"),
    "at": N_("at {labels} labels per class"),
    "at_one": N_("at 1 label per class"),
    "scratch": N_("from scratch"),
    "tuned": N_("fine-tuning"),
    "gain": N_("gain"),
    "loss": N_("loss: negative transfer"),
    "undetectable": N_("no detectable difference"),
    "points": N_("{points} points"),
    "points_interval": N_("{points} {interval}"),
    "percent": N_("{value} %"),
    "interval": N_("[{low}, {high}]"),
    # The chart.
    "x": N_("labels per class of the new task (log scale)"),
    "y": N_("test accuracy on {target}, %"),
    "mine": N_("your run"),
    "chart": N_("Accuracy over labels per class, from scratch and fine-tuned"),
    "note": N_("Recorded on {date}. Bands and brackets are 95 % intervals over {seeds} trials; only the marked "
               "numbers of labels were trained, the lines between them guide the eye."),
    "table": N_("All values"),
}  # fmt: skip

_mount = mounted(__file__, "chart", shared=("controls", "quiz", "svg"))


def labels_curve(
    curve: LabelsCurve,
    gallery: Sequence[Digit],
    *,
    labels: int,
    mine: OwnRun | None = None,
    covers: bool | None = None,
    words: Mapping[str, str],
    key: str,
    on_labels: Callable[[int], object] | None = None,
    talk: bool = False,
) -> None:
    """The two recorded curves, and a marker at the recorded point next to `labels`.

    `labels` leads: when it changes from one rerun to the next, the marker follows; while it stays, the marker
    keeps what the person chose. `mine` is drawn beside the curves. `covers` says whether they are
    covered while a lesson or a talk asks in place of the question; in a `talk` the picture stands alone.
    `on_labels(labels)` is called before the rerun that a release causes.
    """

    data: dict[str, Any] = {
        "labels": curve["labels"], "gain": curve["gain"], "seeds": curve["seeds"], "date": curve["created"][:10],
        "scratch": curve["arms"][SCRATCH], "tuned": curve["arms"][TUNED],
        "target": curve["data"], "source_labels": curve["source_labels"],
        "digits": [clearest(gallery, label)["pixels"] for label in range(10)],
        "at": labels, "heard": released(key, "labels")["number"], "mine": mine,
        "talk": talk, "covers": covers, "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data, told={"labels": (lambda told: int(told["labels"]), on_labels)})


def clearest(gallery: Sequence[Digit], label: int) -> Digit:
    """The digit of `label` whose logit stands furthest above the teacher's next one."""

    def margin(digit: Digit) -> float:
        others = [z for answer, z in enumerate(digit["logits"]) if answer != label]
        return digit["logits"][label] - max(others)

    return max((digit for digit in gallery if digit["label"] == label), key=margin)
