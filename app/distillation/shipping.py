"""The summary's pictures: the files that could be shipped under a budget, and its two screens in a talk."""

import streamlit as st

from app.controls.widgets import redraw_in_language
from app.distillation.components.budget import WORDS, budget
from app.distillation.sizes import files, sizes
from app.distillation.summary import plainly, three_columns, worth_in_labels
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.results.bundled import recorded
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.messages import N_
from kd_core.results.schema import Result
from kd_core.settings.common import TEACHER

VIEWS = {"bought": N_("What it bought"), "ship": N_("What to ship")}


def answer_budget(_: Translate) -> None:
    """Every recorded file over its size or its time, and the best within the budget that is dragged there."""
    of, machine = sizes(), sizes()["times"]["machine"]
    facts = {
        "seeds": of["seeds"], "labels": f"{of['settings']['train_size']:,}", "data": of["data"],
        "teacher_labels": f"{recorded('distillation').arm(TEACHER).labels:,}",
        "validation": f"{of['images']['validation']:,}", "test": f"{of['images']['test']:,}",
        "processor": machine["processor"], "date": machine["created"][:10], "version": machine["onnxruntime"],
    }  # fmt: skip
    with st.container(key="budget", border=True):
        budget(
            files(), facts, words={key: _(text) for key, text in WORDS.items()}, key="budget_line",
            colours={"teacher": COLOURS[TEACHER], "alone": COLOURS[ALONE], "distilled": COLOURS[DISTILLED]},
        )  # fmt: skip


def in_a_talk(result: Result, _: Translate) -> None:
    """The summary for a room, a screen at a time: the sentence, and either the table or the budget."""
    st.header(plainly(result, _), anchor=False)
    st.session_state.setdefault("summary_view", "bought")
    redraw_in_language("summary_view", _)
    view = st.segmented_control(_("What is shown"), list(VIEWS), key="summary_view", required=True,
                                format_func=lambda name: _(VIEWS[name]), label_visibility="collapsed",
                                persist_state="session")  # fmt: skip
    if view == "ship":
        answer_budget(_)
        return
    st.html(three_columns((result,), _))
    if worth := worth_in_labels(result, _):
        st.markdown(worth)
