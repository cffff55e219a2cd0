"""What a run would say, before any: measured errors, or losses, under the values that are set.

The numbers come from a recorded grid over one setting or two and are drawn in the browser; between two measured
settings they are interpolated, and marked so. A setting that the live picture has is asked of it; another one is
followed by `on_set`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import streamlit as st

from app.components import mounted, released
from app.controls.widgets import differences, follow
from app.i18n.text import Translate
from app.results.grids import Sides, grid
from kd_core.messages import N_, Scalar
from kd_core.settings.base import Settings
from kd_core.settings.fields import Spec

WORDS = {
    "exact": N_("Measured with {seeds} seeds, on {images} validation images of {data}."),
    "between": N_("Between measured settings: interpolated."),
    "outside": N_("Measured from {low} to {high}: shown is {shown}."),
    "gap": N_("Between {low} and {high} nothing is measured: shown is {shown}."),
    "broke": N_("At {where} training breaks off: the step is too large."),
    "beside": N_("Beside {where}, where training breaks off, nothing is shown."),
    "nothing": N_("All weights are 0: nothing would be learned."),
    "percent": N_("{value} %"),
}  # fmt: skip

# Of a difference in errors, and of a ratio of losses.
FEWER = {
    "better": N_("{value} points fewer errors"),
    "worse": N_("{value} points more errors"),
    "unclear": N_("no detectable difference"),
    "interval": N_("95 % interval of the gain: {low} to {high} points"),
}

Rows = Sequence[Sequence[Sides | None]]  # one for each mark of the first axis, with one for each of the second


@dataclass(frozen=True)
class Axis:
    """One setting, or the share of two: `fields` are their names.

    told: how its value is written, as in "T = {value}"; marks: the measured values, of a share those of the first
    where both add up to the last mark; gaps: (from which mark, which one is shown) where nothing is read up to the
    next; stops: where a hand may let it go, or `step`, else at two digits that count.
    """

    fields: tuple[str, ...]
    told: str
    label: str
    marks: Sequence[float]
    log: bool = False
    gaps: tuple[tuple[int, int], ...] = ()
    stops: Sequence[float] = ()
    step: float = 0


@dataclass(frozen=True)
class Line:
    """One arm: its name, how it looks, and what it came to. is_flat: the first setting has no say in it."""

    name: str
    colour: str
    cells: Rows
    dashed: bool = False
    is_flat: bool = False


@dataclass(frozen=True)
class Gain:
    """A difference of two arms, or a ratio, and the `words` for it: better, worse, unclear, interval, same."""

    cells: Rows
    words: Mapping[str, str]
    ratio: bool = False


@dataclass(frozen=True)
class Point:
    """Beside the grid: what one combination came to, line by line; `at` is its place on the axes."""

    at: tuple[float, ...]
    lines: Sequence[Sides | None]
    gains: Sequence[Sides | None]
    further: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Answers:
    """All that is measured.

    log: whether the lines' axis is logarithmic, as of losses; else they are percent. steady: whether it is the same
    at all values of the second setting. further: one more number a cell, in words "further" and "beyond", read by
    its logarithm. points: stand in place of the cells, and are not interpolated.
    """

    axes: Sequence[Axis]
    lines: Sequence[Line]
    gains: Sequence[Gain]
    seeds: int
    images: int
    data: str
    log: bool = False
    steady: bool = True
    further: Sequence[Sequence[Mapping[str, Any]]] = ()
    points: Sequence[Point] = ()


_mount = mounted(__file__, "chart", shared=("controls", "svg"))


def measured(
    answers: Answers,
    settings: Settings,
    _: Translate,
    *,
    words: Mapping[str, str],
    observed: Sequence[str] = (),
    own: Sequence[str] = (),
) -> None:
    """Draw `answers` at what is set.

    words: beside WORDS, in the reader's language, what `title`, `y`, `chart`, `further` and `beyond` are. observed:
    fields whose Streamlit sliders are followed under the hand; own: those that no live picture has, whose controls
    follow what is released here.
    """
    key, kind = "live_measured", type(settings)
    data: dict[str, Any] = asdict(answers) | {
        "values": {field: getattr(settings, field) for axis in answers.axes for field in axis.fields},
        "heard": {field: released(key, field)["number"] for field in own}, "observed": list(observed),
        "words": {name: _(text) for name, text in WORDS.items()} | dict(words),
    }  # fmt: skip
    told = {field: (partial(_value, kind.specs()[field]), follow(kind, field)) for field in own}
    _mount(key, data, told=told)


def answer_grid(
    answers: Callable[[Translate], Answers],
    settings: Settings,
    alike: Mapping[str, Mapping[str, str]],
    _: Translate,
    *,
    words: Mapping[str, str],
    varied: Collection[str],
    observed: Sequence[str] = (),
    own: Sequence[str] = (),
) -> None:
    """Draw what the technique's grid has at what is set, where it was made with the same values of `alike`.

    alike: field -> what its values are called; words: marked for translation; varied, observed, own: as above.
    """
    made = grid(settings.technique)["settings"]
    if any(getattr(settings, field) != made[field] for field in alike):
        what = ", ".join(_(names[str(made[field])]) for field, names in alike.items())
        st.caption(_("Measured beforehand is only “{what}”.", what=what))
        return
    with st.container(key="measured", border=True):
        told = {name: _(text) for name, text in words.items()}
        measured(answers(_), settings, _, words=told, observed=observed, own=own)
        unlike(made, settings, _, varied)


def _value(spec: Spec, told: Mapping[str, Any]) -> Any:
    """The value of a field that was released."""
    return spec.kind(told["value"])


def unlike(recorded: Mapping[str, Scalar], settings: Settings, _: Translate, varied: Collection[str] = ()) -> None:
    """Say in which settings a recording differs from what is set, but for those `varied` or without effect."""
    same = {*varied, *settings.idle, "seeds", "seed"}
    made = {**recorded} | {name: value for name, value in settings.model_dump().items() if name in same}
    if changed := differences(made, settings, _):
        st.caption(_("Measured with other settings than those set now: {what}.", what=changed))
