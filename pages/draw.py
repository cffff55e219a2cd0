"""Draw a digit: what the networks see of it, and what teacher, student alone and distilled student answer."""

import streamlit as st

from app.controls.address import page_link
from app.controls.widgets import follow, remember, value
from app.distillation.components.draw import WORDS, draw
from app.distillation.draw import DrawSettings, networks, one_of_each, provenance
from app.results.bundled import gallery, recorded
from app.runs.shown import finished
from app.shell.frame import opening, presenting
from kd_core.messages import N_, Problem

_ = opening(
    N_("Draw a digit"),
    N_("Three networks look at **your** handwriting: the large teacher, a small student trained alone, and the "
       "same student distilled from the teacher."),
    DrawSettings,
)  # fmt: skip

example = recorded("distillation")
result = finished("distillation", _) or example
try:
    answering = networks(result, _)
except Problem as problem:
    st.info(_.escaped(problem.message) + " " + _("The recorded networks answer instead."))
    result, answering = example, networks(example, _)

temperature = value(DrawSettings, "temperature")
remember(DrawSettings, {"temperature": temperature})
with st.container(key="draw"):
    draw(
        answering,
        one_of_each(gallery()),
        temperature=temperature,
        note=provenance(result, result is example, _),
        words={key: _(text) for key, text in WORDS.items()},
        key="live_draw",
        on_temperature=follow(DrawSettings, "temperature"),
        talk=presenting(),
    )
if not presenting():
    page_link("distillation", _("Distil a student of your own"), icon=":material/arrow_forward:")
