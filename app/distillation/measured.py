"""The recorded grid on its page: what is measured of the settings, and in which it differs from them."""

from typing import Any

import streamlit as st

from app.controls.widgets import differences
from app.distillation.components.measured import WORDS, measured
from app.distillation.grid import answers, grid, nearest_labels
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.results.bundled import gallery
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.settings.common import STUDENTS, TEACHER


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
    with st.container(key="measured", border=True):
        measured(
            answers(settings.student, labels), _digits(settings.student, labels),
            temperature=settings.temperature, alpha=settings.alpha, t_squared=settings.t_squared,
            seeds=recorded["seeds"], data_name=recorded["data"],
            words={key: _(text) for key, text in WORDS.items()}, key="live_measured",
            colours={"teacher": COLOURS[TEACHER], "alone": COLOURS[ALONE], "distilled": COLOURS[DISTILLED]},
        )  # fmt: skip
        varied = ("temperature", "alpha", "t_squared", "student", "seeds", "seed", "fresh_teacher")
        made = recorded["settings"] | {name: getattr(settings, name) for name in varied} | {"train_size": labels}
        if changed := differences(made, settings, _):
            st.caption(_("Measured with other settings than those set now: {what}.", what=changed))
