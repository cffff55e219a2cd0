"""What a step of a lesson is made of: a text, a prediction, the truth, and why. No Streamlit here.

A truth is always a function of recorded data or of a formula, and never a number that somebody typed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.figures.arms import softmax
from app.results.bundled import gallery
from kd_core.messages import N_, Scalar
from kd_core.results.numbers import fixed
from kd_core.settings.base import Settings

Guess = str | float | tuple[float, ...]
Values = Mapping[str, Scalar]
KINDS = {
    "worked": N_("A worked example"),
    "faded": N_("The same, with a gap for you to fill"),
    "belief": N_("A belief to test"),
    "free": N_("Your turn, with a goal"),
}


@dataclass(frozen=True)
class Choice:
    """One of a few answers. options: key -> words; truth: the key of the right one."""

    question: str
    options: Mapping[str, str]
    truth: Callable[[], str]

    def is_right(self, guess: Guess) -> bool:
        return guess == self.truth()


@dataclass(frozen=True)
class Number:
    """A number from low to high; right if it is no further than `close` from the truth.

    unit: words after it; digits: decimals of the truth as it is shown; typed: those that can be typed.
    """

    question: str
    low: float
    high: float
    step: float
    truth: Callable[[], float]
    close: float
    unit: str = ""
    digits: int = 1
    typed: int = 1

    def is_right(self, guess: Guess) -> bool:
        return isinstance(guess, float | int) and abs(guess - self.truth()) <= self.close

    def written(self, value: float) -> str:
        return fixed(value, self.digits)


@dataclass(frozen=True)
class Bars:
    """Ten probabilities, drawn: the teacher's for one gallery digit at `temperature`."""

    question: str
    place: int
    temperature: float
    close: float = 0.15

    def at(self, temperature: float) -> list[float]:
        return softmax(gallery()[self.place]["logits"], temperature)

    def truth(self) -> tuple[float, ...]:
        return tuple(self.at(self.temperature))

    def is_right(self, guess: Guess) -> bool:
        return isinstance(guess, tuple) and total_variation(guess, self.truth()) <= self.close


Ask = Choice | Number | Bars


def total_variation(p: Sequence[float], q: Sequence[float]) -> float:
    """½ Σ |p_i − q_i|: the share of probability that would have to move, 0 to 1."""
    return sum(abs(a - b) for a, b in zip(p, q, strict=True)) / 2


@dataclass(frozen=True)
class Goal:
    """What is to be reached with the real controls. says: the goal; now: where the settings stand, with the values
    of `at`; reached: whether these settings reach it."""

    says: str
    now: str
    at: Callable[[Settings], Values]
    reached: Callable[[Settings], bool]


@dataclass(frozen=True)
class Leads:
    """Where a step leads once it is done: a page of the lab, the words of the link, what its address says."""

    page: str
    label: str
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LessonStep:
    """One step. It is done when a guess is given and, if it has a goal, the goal is reached.

    text and reveals have holes, which `values` fills; sets: fields of the technique's settings that the step sets
    as a preset does; picture: the place in the gallery of the digit shown beside the text; pair: those that the
    live part shows after the guess; covers: whether the live part stays covered until then; leads: where one goes
    on with something of one's own.
    """

    kind: Literal["worked", "faded", "belief", "free"]
    title: str
    text: str
    ask: Ask
    reveals: str
    values: Callable[[], Values] = dict
    sets: Mapping[str, Scalar] = field(default_factory=dict)
    goal: Goal | None = None
    picture: int | None = None
    pair: tuple[int, int] | None = None
    covers: bool = False
    leads: Leads | None = None

    def is_done(self, guess: Guess | None, settings: Settings) -> bool:
        return guess is not None and (self.goal is None or self.goal.reached(settings))
