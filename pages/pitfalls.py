"""Conventions and bugs: the same T and α as others write them, and six well-known bugs with the check for each."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.controls.address import page_link
from app.controls.widgets import controls, follow, value
from app.distillation import pitfalls
from app.distillation.article import chips
from app.distillation.components.pitfalls import WORDS
from app.distillation.components.pitfalls import pitfalls as live
from app.distillation.pitfalls import PitfallSettings
from app.runs.panel import launch
from app.runs.visitor import sign_in_needed
from app.shell.frame import opening
from kd_core.messages import N_

_ = opening(
    N_("Conventions and bugs"),
    N_(
        "The same T and α mean different losses in different libraries, and a few lines of loss have room for "
        "well-known bugs: see what each does, and the **check** that would have caught it."
    ),
    PitfallSettings,
)
page_link("distillation", _("What the loss is for: the distillation page"), icon=":material/school:")


def take(chosen: Mapping[str, Any]) -> None:
    """Give what was settled in the live part to the settings of this page."""
    for name, given in chosen.items():
        follow(PitfallSettings, name)(given)


with st.container(key="live"):
    asked = live(
        pitfalls.recorded_bugs()["batch"],
        conventions=pitfalls.conventions_in_words(_),
        bugs=pitfalls.bugs_in_words(_),
        checks=pitfalls.checks_in_words(_),
        chosen={name: value(PitfallSettings, name) for name in PitfallSettings.specs()},
        may_run=not sign_in_needed(),
        words={key: _(text) for key, text in WORDS.items()},
        key="live_pitfalls",
        on_chosen=take,
    )
controls(PitfallSettings, _, without=PitfallSettings.specs())  # drawn above; the address carries them
if asked:
    launch(pitfalls.run_settings(*asked), "distillation")

chips("4.1", "5.1", _=_)
