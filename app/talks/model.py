"""What a talk is made of: steps, frozen, and what their pictures are drawn from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import plotly.graph_objects as go
import streamlit as st

from app.controls.widgets import redraw_in_language
from app.figures.arms import errors_by_arm
from app.figures.enlarged import enlarged
from app.i18n.text import Translate
from app.results.chart import chart
from kd_core.messages import Scalar
from kd_core.results.schema import Result
from kd_core.settings.base import Settings

INKS = {"light": "#1b2430", "dark": "#f2f4f7"}  # for figures: Streamlit's grey is too faint for a room
T = TypeVar("T", int, float, str)


@dataclass(frozen=True)
class Stage:
    """What a step shows: the settings that are set, a Result (recorded or not), whether the answer is shown.

    running: the settings of a run that is trained here and shown in place of the Result; None where none is.
    """

    settings: Settings
    result: Result
    recorded: bool
    revealed: bool
    running: Settings | None = None

    @property
    def shown(self) -> Mapping[str, Scalar]:
        """The settings of the run that is shown: the one under way, else that of the Result."""
        return self.running.model_dump() if self.running is not None else self.result.settings


@dataclass(frozen=True)
class Choices:
    """What a class may answer to a step's question.

    options: key -> words, marked for translation; truth: the key of the right one, from recorded data, the stage's
    Result or a formula.
    """

    options: Callable[[Stage], Mapping[str, str]]
    truth: Callable[[Stage], str]


@dataclass(frozen=True)
class Step:
    """One picture, one control, one question. picture draws both; runs: it is where a run is watched.

    title: asks while the answer is covered; told: the title that takes its place then, if there is another.
    title, told, sentence: marked for translation; ask, answer: translated, with the stage's numbers.
    of_result: the picture is that of the stage's Result, which is badged where it was recorded;
    source: the answer is about another Result, which always was.
    choices: the answers among which a class chooses, where the question has such.
    notes: what the speaker may say, marked for translation; until: the minute of a talk of ten minutes by which
    it is left, 0 for a step that such a talk leaves out.
    """

    title: str
    sentence: str
    picture: Callable[[Stage, Translate], None]
    ask: Callable[[Stage, Translate], str]
    answer: Callable[[Stage, Translate], str]
    told: str = ""
    runs: bool = False
    of_result: bool = True
    source: Callable[[], Result] | None = None
    choices: Choices | None = None
    notes: str = field(kw_only=True)
    until: int = 0


def found(stage: Stage) -> str:
    """What the verdict of the stage's Result found: "better", "worse" or "undetectable". One trial has no interval:
    then it is whether its difference lies above 0."""
    verdict = stage.result.verdict
    return verdict.kind if verdict.kind != "single" else "better" if verdict.difference.mean > 0 else "worse"


def show(stage: Stage, figure: Callable[[], go.Figure], key: str, alt: str) -> None:
    """A figure as large as the screen allows once the answer is shown, and its place until then."""
    with st.container(key="talk_chart"):
        if stage.revealed:
            ink = INKS.get(st.context.theme.type or "")
            chart(enlarged(figure(), ink), f"talk_{key}", alt, height="stretch")
        else:
            st.html('<div class="talk-cover" aria-hidden="true">?</div>')


def errors(stage: Stage, _: Translate) -> None:
    """The picture of a run that counts errors."""
    show(stage, lambda: errors_by_arm(stage.result, _), "errors", _("Errors on the test set, every trial"))


def choice(label: str, options: Sequence[T] | Mapping[T, str], key: str, default: T, _: Translate) -> T:
    """The step's one control: one of a few values, side by side."""
    names = dict(options) if isinstance(options, Mapping) else {value: f"{value:g}" for value in options}
    if st.session_state.get(key) not in names:
        st.session_state[key] = default
    redraw_in_language(key, _)
    chosen: T | None = st.segmented_control(label, list(names), key=key, required=True,
                                            format_func=names.__getitem__, persist_state="session")  # fmt: skip
    return default if chosen is None else chosen
