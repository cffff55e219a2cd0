"""The live picture of the distillation page: two digits, the teacher's opinions of them, one temperature.

Everything that follows the slider is computed in the browser from the teacher's logits. Python hears of
the temperature once it is released, and of the guesses never.
"""

import base64
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.components import mounted, released
from app.results.bundled import Digit
from kd_core.messages import N_

WORDS = {
    # The heading while both digits carry the same label, and while they do not; as long as the bars are covered it
    # asks. "" leaves it out.
    "title": N_("One label, different opinions"),
    "title_asks": N_("One label, one opinion?"),
    "title_other": N_("Two labels, two opinions"),
    "title_other_asks": N_("Two labels, two opinions?"),
    # The slider: its accessible name, what its two ends do to the bars, its quick choices.
    "temperature": N_("Temperature T"),
    "sharper": N_("sharper"),
    "flatter": N_("flatter"),
    "presets": N_("Quick temperatures"),
    # Two guesses before the facts, in the strip under the slider.
    "quiz": N_("Guess first"),
    "ask_bars": N_("Both are labelled {label}. Will the teacher's bars be the same?"),
    "ask_bars_other": N_("A is labelled {label}, B is labelled {other}. Will the teacher's bars be the same?"),
    "same": N_("The same"),
    "different": N_("Different"),
    "said_same": N_("You said the same."),
    "said_different": N_("You said different."),
    # {a} and {b} are "opinion" or "opinions"; with nothing guessed, the fact stands alone.
    "differ": N_("They differ: at T = {T}, A is {a}; B is {b}."),
    "alike": N_("They look the same: at T = {T}, A is {a}; B is {b}."),
    "opinion": N_("{digit} with {p}"),
    "opinions": N_("{digit} with {p} and {second} with {q}"),
    "ask_winner": N_("Drag T. Will it change which digit wins?"),
    "yes": N_("Yes"),
    "no": N_("No"),
    "said_yes": N_("You said yes. No:"),
    "said_no": N_("You said no. Right:"),
    "said_nothing": N_("No:"),
    "winner": N_("T never changes the order. From T = {min} to {max}, A stays {a} and B stays {b}; only the "
                 "distances change."),
    "sweeping": N_("Watch the bars: T runs to {low}, to {high} and back."),
    "guess_and_fact": N_("{said} {fact}"),
    "skip": N_("Skip"),
    "again": N_("Ask again"),
    # A panel. {side} is A or B, {label} the digit's label.
    "label": N_("Label"),
    "digit_alt": N_("Digit {side}: handwritten, labelled {label}"),
    "chart": N_("Teacher's probabilities for digit {side}"),
    "bar": N_("{digit}: {live} at T = {T}, {plain} at T = 1"),
    "top": N_("Top class"),
    "entropy": N_("Entropy, bits"),
    "uniform": N_("all equal: 0.1"),
    # The switch of scales, and what the axes and the matrix's legend are then called.
    "hint": N_("Dark knowledge is in the small values."),
    "scale": N_("Scale"),
    "linear": N_("Linear"),
    "log": N_("Log"),
    "axis_linear": N_("Probability"),
    "axis_log": N_("Probability, log scale"),
    # The strip of digits.
    "gallery": N_("Choose digit"),
    "pick": N_("{label}, number {number} of {count}: show as digit {side}"),
    # Below: the loss with its values, and every probability as a table.
    "loss": N_("Loss"),
    "alpha": N_("Teacher weight α"),
    "kl": N_("KL(teacher ‖ student)"),
    "ce": N_("CE(label, student)"),
    "table": N_("All values"),
    "digit": N_("Digit"),
    # The matrix of mean soft targets. A row is a label, a column an answer.
    "matrix": N_("Which digits look alike to the teacher"),
    "answer": N_("The teacher's answer"),
    "strongest": N_("At T = {T}, a digit labelled {label} looks most like {answer}: {p}."),
    "matrix_says": N_("Each row is the teacher's mean answer to {count} validation images of one label. Off the "
                      "diagonal is what the labels do not say, and what the student can learn."),
    "cell": N_("Label {label}, answer {answer}: {p}"),
    "pointed": N_("Point at a cell for its exact value."),
}  # fmt: skip


def _packed(classes: Sequence[Sequence[Sequence[float]]]) -> str:
    """Logits as 16-bit hundredths in base64: less than half of their JSON, and they travel with each rerun."""
    hundredths = [round(100 * z) for images in classes for logits in images for z in logits]
    return base64.b64encode(struct.pack(f"<{len(hundredths)}h", *hundredths)).decode()


_mount = mounted(__file__, "quiz", "matrix", shared=("controls", "quiz", "svg", "viridis"))


def soft_targets(
    gallery: Sequence[Digit],
    *,
    temperature: float,
    alpha: float,
    t_squared: bool = True,
    classes: Sequence[Sequence[Sequence[float]]] | None = None,
    pair: tuple[int, int],
    covers: bool | None = None,
    words: Mapping[str, str],
    key: str,
    on_temperature: Callable[[float], object] | None = None,
    talk: str | None = None,
) -> None:
    """Two digits of the gallery with softmax(logits / T), T on a slider.

    `temperature` leads: when it changes from one rerun to the next, the slider follows; while it stays,
    the slider keeps what the person chose. `alpha` and `t_squared` are shown in the loss.
    `classes` is the teacher's logits by [label][image][digit], for the matrix of mean soft targets; without
    them there is none.
    `pair` is the positions in `gallery` shown first. `covers` says whether the answer is covered while a lesson
    or a talk asks in place of the two guesses; with None they are asked.
    `on_temperature(T)` is called before the rerun that a release causes.
    `talk` shows one picture and its control alone: the "gallery", the "temperature" or the "matrix".
    """

    data: dict[str, Any] = {
        "gallery": list(gallery), "temperature": temperature, "heard": released(key, "temperature")["number"],
        "alpha": alpha, "t_squared": t_squared, "classes": None if classes is None else _packed(classes),
        "pair": list(pair), "talk": talk, "covers": covers, "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data, told={"temperature": (lambda told: float(told["T"]), on_temperature)})
