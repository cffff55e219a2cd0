"""What is kept away from the first paint and from each rerun: slow imports, figures that there are, hidden tabs."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import streamlit as st

from app.figures import arms
from app.i18n.text import Translate
from app.results.bundled import recorded
from tests.pages import ENTRY, open_page

ROOT = Path(ENTRY).parent
HEAVY = ["pandas", "pyarrow", "scipy", "sklearn", "torch"]
FIRST_PAGE = """
import sys
from streamlit.testing.v1 import AppTest
from app.shell.start import import_pages_modules
import_pages_modules()
at = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not at.exception
print("overview", *(name for name in sys.argv[2:] if name in sys.modules))
at.switch_page("pages/distillation.py").run()
assert not at.exception and at.session_state["page"] == "Distillation"
print("distillation", *(name for name in sys.argv[2:] if name in sys.modules))
"""


def test_a_page_is_shown_without_the_heavy_packages():
    command = [sys.executable, "-c", FIRST_PAGE, ENTRY, *HEAVY]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert said == ["overview", "distillation"]


def test_the_entry_script_offers_the_app_that_streamlit_serves():
    assert isinstance(importlib.import_module("streamlit_app").app, st.App)


@pytest.fixture
def distillation():
    return open_page()


def test_a_rerun_makes_no_figure_that_there_is(distillation, monkeypatch):
    made = []
    finish = arms.finish
    monkeypatch.setattr(arms, "finish", lambda figure, **how: made.append(figure) or finish(figure, **how))
    distillation.run()
    distillation.slider(key="alpha").set_value(0.5).run()
    assert made == []
    distillation.number_input(key="temperature").set_value(7.5).run()
    assert not distillation.exception
    assert made == []  # what follows T is drawn in the browser
    arms.errors_by_arm.cache_clear()  # of what other tests have drawn
    arms.errors_by_arm(recorded("distillation"), Translate("en"))
    made.clear()
    same = recorded("distillation").model_copy(deep=True)
    arms.errors_by_arm(same, Translate("en"))
    assert made == []  # nor of an equal Result in an equal language
    arms.errors_by_arm(same.without_timings(), Translate("en"))
    arms.errors_by_arm(same, Translate("zh"))
    assert len(made) == 2


def test_only_the_open_tab_is_drawn(distillation):
    assert len(distillation.code) == 0
    assert distillation.get("plotly_chart")
    distillation.session_state["explained_distillation"] = "The article"
    distillation.run()
    assert len(distillation.code) == 3
