"""What the lab shows of a run with digits left out: the panel's counts, the figure, files, history, the page."""

import json

import numpy as np
import pandas as pd
import pytest

from app.distillation import held_out
from app.distillation.components.bias import OF_DIGITS, WORDS, words_for
from app.distillation.summary import epochs
from app.history import importing
from app.history.comparing import answer
from app.i18n.text import Translate
from app.reports import files, handout
from app.reports.figure_html import place
from app.results.bundled import recorded
from app.runs.server import store
from kd_core.distillation.settings import ALONE, DISTILLED, LEFT_OUT, SHIFTS, DistillationSettings
from kd_core.messages import Problem
from kd_core.results.comparability import group
from kd_core.sweeps import plan
from tests.pages import differing, open_page, texts
from tests.without_digits import IMAGES, without

EN, ZH = Translate("en"), Translate("zh")
SOME = [name for name in LEFT_OUT if name != "none"]


def test_a_run_with_all_digits_has_no_panel():
    assert held_out.panel(recorded("distillation")) is None


def test_the_panel_has_the_counts_of_a_real_run(without_threes):
    shown = held_out.panel(without_threes)
    assert (shown["left_out"], shown["test"], shown["n"]) == ("3", 400, 1)
    assert shown["shifts"] == list(SHIFTS)
    for name, arm in (("distilled", DISTILLED), ("alone", ALONE)):
        trial, student = without_threes.arm(arm).trials[0], shown["students"][name]
        right_on_threes = trial.confusion[3][3]
        trained, matched = student["points"]["trained"], student["points"]["matched"]
        assert trained == {
            "shift": [0.0],
            "errors": [trial.test_errors],
            "missed": [shown["images"] - right_on_threes],
        }
        assert matched["missed"] == [trial.measures["matched missed"]]
        assert student["points"]["tuned"]["errors"][0] == min(student["errors"][0])


@pytest.mark.parametrize("left_out", SOME)
def test_means_are_over_the_trials(left_out):
    result = without(left_out)
    shown = held_out.panel(result)
    assert (shown["images"], shown["n"]) == (IMAGES[left_out], 5)
    rows = np.array([t.series["errors by shift"] for t in result.arm(DISTILLED).trials])
    figure = held_out.errors_by_shift(result, EN)
    named = {trace.name: np.array(trace.y) for trace in figure.data if trace.name}
    assert len(figure.data) == 4 * (1 + 5)
    assert named["distilled student: all errors"] == pytest.approx(rows.mean(axis=0))
    missed = next(y for name, y in named.items() if name.startswith("distilled student: missed"))
    assert missed.min() >= held_out.AT_LEAST  # a logarithmic axis has no 0
    assert "missed" in place(figure, "alt")


@pytest.mark.parametrize("left_out", SOME)
def test_words_say_the_results_numbers_and_what_was_tuned(left_out):
    result = without(left_out)
    trials = result.arm(DISTILLED).trials
    found = IMAGES[left_out] - np.mean([t.measures["matched missed"] for t in trials])
    for _ in (EN, ZH):
        said = held_out.told(result, _)
        assert f"{found:,.0f}" in said
        assert f"{np.mean([t.measures['matched errors'] for t in trials]):,.0f}" in said
    assert "Tuned on the test set" in held_out.told(result, EN)
    assert "the verdict does not use it" in held_out.told(result, EN)
    published = EN(held_out.PUBLISHED[left_out], **held_out.PAPER[left_out])
    assert "tuned on the test set" in published
    expected = {"3": ["206", "133", "1,010", "3.5", "109", "14"], "all_but_7_8": ["47.3", "7.6", "13.2"]}[left_out]
    assert [number for number in expected if number not in published] == []
    assert set(words_for(left_out)) == set(WORDS) | set(OF_DIGITS["3"])


def test_the_report_and_the_table_of_trials_have_it():
    result = without("3")
    for _ in (EN, ZH):
        text = handout.html(result, _)
        assert _("Digits left out: errors over a shift of their biases") in text
        assert text.count("<figure") == handout.html(recorded("distillation"), _).count("<figure") + 1
    table = pd.DataFrame(files.rows(result))
    row = table[(table["arm"] == DISTILLED) & (table["seed"] == 2)].iloc[0]
    assert row["matched_missed"] == result.arm(DISTILLED).trials[2].measures["matched missed"]
    assert pd.isna(table[table["arm"] == "teacher"].iloc[0]["matched_missed"])
    assert "matched_missed" not in files.csv(recorded("distillation"))


def test_what_was_exported_comes_back(without_threes):
    assert importing.read(files.json(without_threes).encode()) == without_threes.without_networks()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda trial: trial["series"].pop("missed by shift"),
        lambda trial: trial["series"]["errors by shift"].pop(),
        lambda trial: trial["series"]["missed by shift"].__setitem__(3, 1011),
        lambda trial: trial["series"]["errors by shift"].__setitem__(3, 10_001),
        lambda trial: trial["series"]["errors by shift"].__setitem__(3, 0),  # fewer than are missed
        lambda trial: trial["measures"].pop("tuned shift"),
        lambda trial: trial["measures"].__setitem__("left-out images", 1009),
        lambda trial: trial["measures"].__setitem__("matched missed", -1),
    ],
)
def test_counts_that_cannot_be_are_refused(spoil, without_threes):
    record = json.loads(files.json(without_threes))
    spoil(next(arm for arm in record["arms"] if arm["name"] == DISTILLED)["trials"][0])
    with pytest.raises(Problem, match=r"cannot be drawn|contradicts itself"):
        importing.read(json.dumps(record).encode())


def test_other_digits_are_another_task():
    whole, part = recorded("distillation"), without("3")
    assert group("distillation", whole.settings, "MNIST") != group("distillation", part.settings, "MNIST")
    before = {name: value for name, value in whole.settings.items() if name != "left_out"}
    assert group("distillation", before, "MNIST") == group("distillation", whole.settings, "MNIST")
    assert answer(whole, part, "A", "B").kind == "none"
    assert "left_out" not in plan.varied(DistillationSettings)
    assert "schedule" in plan.varied(DistillationSettings)


def test_summary_and_verdict_say_which_digits_are_missing(without_threes):
    assert epochs(without("3"), EN).endswith("Digits left out: the 3")
    assert "left out" not in epochs(recorded("distillation"), EN)
    assert any("no student was shown: 3." in str(sentence) for sentence in without_threes.verdict.scope)


@pytest.fixture
def kept():
    """Both kinds of such a result in the store."""
    for left_out in SOME:
        result = without(left_out)
        store().finish(f"without-{left_out}", DistillationSettings(**result.settings), result, "MNIST", 9.0)
    yield
    for left_out in SOME:
        store().remove(f"without-{left_out}")


def test_the_page_shows_it_in_both_languages(kept):
    for left_out, language in zip(SOME, ("en", "zh"), strict=True):
        _ = Translate(language)
        at = open_page(run=f"without-{left_out}", lang=language)
        shown = texts(at)
        assert _(held_out.TITLES[left_out]) in shown
        assert _(held_out.PUBLISHED[left_out], **held_out.PAPER[left_out]) in shown
        assert at.selectbox(key="left_out").label == _("Digits left out")
        assert at.selectbox(key="left_out").options == [_(label) for label in LEFT_OUT.values()]
    summary = open_page("pages/summary.py", run="without-3")
    assert "Digits left out: the 3" in texts(summary)


def test_hintons_presets_stand_under_a_tab_of_their_own_and_show_what_is_recorded():
    at = open_page()
    assert EN(held_out.TITLES["3"]) not in texts(at)  # the recorded run saw all digits
    at.session_state["explained_distillation"] = "Hinton 2015, section 3"
    at.run()
    at.button(key="preset_no_three").click().run()
    assert not at.exception
    assert at.selectbox(key="left_out").value == "3"
    assert EN(held_out.TITLES["3"]) in texts(at)
    assert differing(at) == ""
