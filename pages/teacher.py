"""Your teacher's logits: what temperatures make of them, which T to begin with, and the loss to paste."""

from collections.abc import Mapping

import streamlit as st

from app.controls.widgets import controls, follow, value
from app.distillation import teacher
from app.distillation.components.inspector import WORDS, inspector
from app.distillation.teacher import TeacherSettings
from app.shell.frame import opening
from kd_core.messages import N_

_ = opening(
    N_("Your teacher's logits"),
    N_("Give the logits of **a teacher of your own**, and see what each temperature makes of them: which T to "
       "begin with, how sure that is, and the loss to paste."),
    TeacherSettings,
)  # fmt: skip


def take(chosen: Mapping[str, float]) -> None:
    """Give what was settled in the live part to the settings of this page."""
    for name, given in chosen.items():
        follow(TeacherSettings, name)(given)


source = controls(TeacherSettings, _, without={"temperature", "alpha"}).source  # these two: in the live part
shown = teacher.own_file(_) if source == "own" else teacher.example(source)
if shown:
    with st.container(key="inspector"):
        inspector(
            shown.facts,
            temperature=value(TeacherSettings, "temperature"),
            alpha=value(TeacherSettings, "alpha"),
            said={"facts": " ".join(map(_, shown.said)), "advice": " ".join(map(_, shown.advice))},
            code=teacher.code(),
            conventions=teacher.conventions(_),
            colours=teacher.colours(),
            words={key: _(text) for key, text in WORDS.items()},
            key="live_inspector",
            on_chosen=take,
        )
teacher.how_to_write(_)
