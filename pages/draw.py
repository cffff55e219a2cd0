"""Draw a digit: what the networks see of it, and what teacher, student alone and distilled student answer."""

import streamlit as st

from app.address import page_link
from app.bundled import gallery, recorded
from app.components.draw import WORDS, draw
from app.controls import follow, remember, value
from app.frame import opening
from app.sketch import DrawSettings, networks, one_of_each, provenance
from app.watch import finished
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
        on_temperature=follow("temperature"),
    )
page_link("distillation", _("Distil a student of your own"), icon=":material/arrow_forward:")
