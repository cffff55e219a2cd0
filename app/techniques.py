"""How each technique is shown: what the shared pages, figures and reports ask its wing for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import plotly.graph_objects as go

from app.i18n.text import Translate
from kd_core.messages import N_
from kd_core.results.schema import Result, Verdict
from kd_core.techniques import NAMES

if TYPE_CHECKING:
    from app.history.consistent import Rules
    from app.lessons.model import LessonStep
    from app.talks.model import Step


class Style(NamedTuple):
    """How an arm looks wherever it appears: colour, Plotly's dash and marker, and a bar's pattern."""

    colour: str
    dash: str
    marker: str
    pattern: str


class Card(NamedTuple):
    """What the overview says of a technique: what moves, in a sentence how, and a drawing as SVG."""

    moves: str
    sentence: str
    drawing: str


# A picture of a report: what stands above it, the picture, and HTML that stands below it.
Drawing = tuple[str, go.Figure, str]


@dataclass(frozen=True)
class TechniqueView:
    """What the lab shows of one technique; `app/<name>/view.py` has it.

    drawings: a Result -> the pictures of its report. drawn: draws what its page has besides, for a Result from
    outside, of which a part may be missing. further: the verdicts beside the main one -> their heading; titles: of
    the page's two charts, "errors" and "curves"; tabs: the detail tabs it has, None for all. pair: two test
    images whose bars stand beside the live curve, where its runs watch them; words: of `app.glossary`, which
    its page explains.
    """

    card: Card
    drawings: Callable[[Result, Translate], Iterable[Drawing]]
    drawn: Callable[[Result], None]
    further: Callable[[Sequence[Verdict]], str] = lambda told: N_("Further comparisons")
    titles: Mapping[str, str] = field(
        default_factory=lambda: {
            "errors": N_("Errors on the test set, every trial"),
            "curves": N_("Errors on the validation set while training"),
        }
    )
    tabs: tuple[str, ...] | None = None
    pair: tuple[int, ...] = ()
    words: tuple[str, ...] = ()


@cache
def view(name: str) -> TechniqueView:
    """The view of the technique called `name`."""
    found: TechniqueView = import_module(f"app.{name}.view").VIEW
    return found


def lesson(name: str) -> "tuple[LessonStep, ...]":
    """The steps of its lesson."""
    steps: tuple[LessonStep, ...] = import_module(f"app.{name}.lesson").LESSON
    return steps


def talk(name: str) -> "tuple[Step, ...]":
    """The steps of its talk."""
    steps: tuple[Step, ...] = import_module(f"app.{name}.talk").STEPS
    return steps


def rules(name: str) -> "Rules":
    """What follows from its settings in a Result of it."""
    found: Rules = import_module(f"app.{name}.consistent").RULES
    return found


@cache
def styles() -> dict[str, Style]:
    """Arm -> its style, technique by technique; within one in the order in which live curves are drawn."""
    return {arm: style for name in NAMES for arm, style in import_module(f"app.{name}.styles").STYLES.items()}
