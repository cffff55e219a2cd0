"""The recorded files on the summary: which of them to ship under a budget of size or time."""

import streamlit as st

from app.distillation.components.budget import WORDS, budget
from app.distillation.sizes import files, sizes
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.results.bundled import recorded
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.settings.common import TEACHER


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
