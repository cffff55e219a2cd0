"""Ten probabilities to draw by hand: a guess of what a teacher answers, and then the truth behind it.

The bars follow the hand in the browser. Python hears of them once, when they are handed in.
"""

from collections.abc import Callable, Mapping, Sequence

from app.components import mounted
from kd_core.messages import N_

WORDS = {
    "draw": N_("Drag the bars, or use the arrow keys."),
    "bar": N_("Your bar for digit {digit}, in percent"),
    "sum": N_("Together {sum} %; they are scaled to 100 %."),
    "answer": N_("That is my guess"),
    "before": N_("at T = 1"),
    "guess": N_("your guess"),
    "truth": N_("the teacher, at T = {t}"),
    "both": N_("Digit {digit}: your guess {guess}, the teacher {truth}"),
}

_mount = mounted(__file__)


def bars(
    before: Sequence[float],
    temperature: float,
    *,
    guess: Sequence[float] | None,
    truth: Sequence[float] | None,
    words: Mapping[str, str],
    key: str,
    on_guess: Callable[[tuple[float, ...]], object],
) -> None:
    """Ten bars to draw, with the probabilities `before` at T = 1 behind them; with a guess, that and the truth.

    `on_guess(p)` is called once with ten numbers that add up to 1, before the rerun that handing in causes.
    """

    def read(told: Sequence[float]) -> tuple[float, ...]:
        drawn = [max(0.0, float(height)) for _, height in zip(before, told, strict=True)]
        return tuple(height / sum(drawn) for height in drawn)

    data = {
        "before": list(before), "temperature": temperature, "guess": guess and list(guess),
        "truth": truth and list(truth), "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data, told={"bars": (read, on_guess)})
