"""The recorded grid on its page: what is measured of the settings, and in which it differs from them."""

from functools import cache
from typing import Any

import streamlit as st

from app.components.measured import FEWER, Answers, Axis, Gain, Line, Point, measured, unlike
from app.distillation.components.two_digits import WORDS as DIGIT_WORDS
from app.distillation.components.two_digits import two_digits
from app.distillation.grid import BEYOND, WORTH, answers, grid, nearest_labels
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.results.bundled import gallery
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.messages import N_
from kd_core.settings.common import STUDENTS, TEACHER

WORDS = {
    "title": N_("Measured beforehand: the errors at each T and α"),
    "chart": N_("Validation errors over T, as measured"),
    "y": N_("validation errors, %"),
    "points": N_("Without T² only {points} is measured: shown is {shown}."),
}
GAIN = {**FEWER, "same": N_("At α = 0 nobody listens to the teacher: both students are the same.")}


@cache
def _answers(student: str, labels: int, t_squared: bool, _: Translate) -> Answers:
    """What is measured of a student with so many labels."""
    recorded, found = grid(), answers(student, labels)
    axes = (  # at α = 0.05 errors are nearer to those at 0.1 than to those at 0: no straight line in between
        Axis(("temperature",), "T = {value}", _("Temperature T"), found["temperatures"], log=True, step=0.1),
        Axis(("alpha",), "α = {value}", "α", found["alphas"], gaps=((0, 1),)),
    )
    alone = [[found["alone"]] * len(found["alphas"])] * len(found["temperatures"])
    cells, without = found["cells"], () if t_squared else found["without"]
    return Answers(
        axes,
        (Line(_("student alone"), COLOURS[ALONE], alone, dashed=True, is_flat=True),
         Line(_("distilled student"), COLOURS[DISTILLED], [[cell["errors"] for cell in row] for row in cells])),
        [Gain([[cell["gain"] for cell in row] for row in cells], {name: _(text) for name, text in GAIN.items()})],
        recorded["seeds"], recorded["images"], recorded["data"],
        further=[[cell["worth"] for cell in row] for row in cells],
        points=[Point((cell["temperature"], cell["alpha"]), (found["alone"], cell["errors"]), (cell["gain"],),
                      cell["worth"]) for cell in without],
    )  # fmt: skip


def _digits(student: str, labels: int) -> list[dict[str, Any]]:
    """The two digits of the grid, with the logits of teacher and students."""
    recorded = grid()
    logits, shown = recorded["logits"][student][str(labels)], {digit["index"]: digit for digit in gallery()}
    return [
        {"label": shown[index]["label"], "pixels": shown[index]["pixels"],
         "logits": {"teacher": shown[index]["logits"], "alone": logits["alone"][at],
                    "distilled": [cell[at] for cell in logits["distilled"]]}}
        for at, index in enumerate(recorded["digits"])
    ]  # fmt: skip


def answer_measured(settings: DistillationSettings, _: Translate) -> None:
    """The measured errors of both students at these settings, where the grid has this student."""
    recorded = grid()
    if settings.student not in recorded["alone"]:
        there = ", ".join(_(STUDENTS[name]) for name in recorded["alone"])
        st.caption(_("Measured beforehand are other students: {students}.", students=there))
        return
    labels = nearest_labels(settings.train_size)
    worth = {name: text.replace("{labels}", f"{labels:,}").replace("{worth}", "{mean}")
             for name, text in (("further", _(WORTH)), ("beyond", _(BEYOND)))}  # fmt: skip
    with st.container(key="measured", border=True):
        measured(
            _answers(settings.student, labels, settings.t_squared, _), settings, _,
            words={name: _(text) for name, text in WORDS.items()} | worth,
        )  # fmt: skip
        if settings.t_squared:
            two_digits(
                _digits(settings.student, labels), recorded["temperatures"], [0.0, *recorded["alphas"]],
                temperature=settings.temperature, alpha=settings.alpha, key="live_two_digits",
                words={name: _(text) for name, text in DIGIT_WORDS.items()},
                colours={"teacher": COLOURS[TEACHER], "alone": COLOURS[ALONE], "distilled": COLOURS[DISTILLED]},
            )  # fmt: skip
        varied = ("temperature", "alpha", "t_squared", "student", "fresh_teacher")
        unlike(recorded["settings"] | {"train_size": labels}, settings, _, varied)
