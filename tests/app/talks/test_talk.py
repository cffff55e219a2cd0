"""The talks: each step draws in both languages, asks first and answers when told to; the address names it."""

import json
import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.special import softmax
from scipy.stats import entropy, t
from streamlit.testing.v1 import AppTest

from app.distillation.bundled import class_logits
from app.distillation.talk import bits_apart, most_alike, opinion
from app.figures.arms import errors_by_arm, learning_curves, live_curves
from app.figures.enlarged import LETTERS, MARKS, VALUES, enlarged, enlarged_option
from app.i18n.text import Translate
from app.meta_learning import lesson as meta_lesson
from app.meta_learning.figures import start_means
from app.meta_learning.talk import caught_up
from app.results.bundled import gallery, recorded
from app.rooms.routes import rooms
from app.runs.server import store
from app.talks.model import Stage, found
from app.talks.player import _answer, following
from app.techniques import talk
from app.transfer import lesson as transfer_lesson
from app.transfer.bundled import lambda_map
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.meta_learning.settings import MetaSettings
from kd_core.runs.rooms import NoRoom, Rooms
from kd_core.settings.common import TEACHER
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import TransferSettings
from tests.pages import open_page, texts


def at_step(technique: str, step: int, **address):
    return open_page(f"pages/{technique}.py", present="1", step=str(step), **address)


def turned(at, technique: str, step: int, *revealed: int):
    """As the browser has it after some keys: the step in the address, the steps whose answers are shown."""
    at.query_params["step"] = str(step)
    at.session_state[f"talk_revealed_{technique}"] = frozenset(number - 1 for number in revealed)
    return at.run()


def clicker_of(at) -> dict:
    """What the talk's buttons and keys are told."""
    (found,) = [part for part in at.get("bidi_component") if (part.key or "").startswith("talk_place_")]
    return json.loads(found.proto.json)[0]


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_step_asks_and_then_answers(technique, lang):
    _, at = Translate(lang), at_step(technique, 1, lang=lang)
    steps = talk(technique)
    for number, step in enumerate(steps, start=1):
        turned(at, technique, number)
        assert not at.exception
        assert at.title[0].value == _(step.title)  # it asks, if it has another to tell
        assert "…" in [text.value for text in at.markdown]
        covered = texts(at)
        turned(at, technique, number, number)
        assert not at.exception
        assert "…" not in [text.value for text in at.markdown]
        assert len(texts(at)) > len(covered)
        told = clicker_of(at)
        assert (told["at"], told["steps"], told["revealed"]) == (number - 1, len(steps), [number - 1])
        assert steps[told["runs_at"]].runs
        assert told["words"]["next"] == _("Next →")
        assert at.title[0].value == _(step.told or step.title)
        if step.of_result or step.source:
            result = step.source() if step.source else recorded(technique)
            assert _("recorded on {date}", date=result.provenance.created[:10]) in texts(at)


def test_talks_follow_each_other_and_the_summary_comes_last():
    names = [*TECHNIQUES, "summary"]
    for name, then in pairwise(names):
        assert following(name)[1] == then


def test_distillation_has_enough_steps_and_every_talk_one_run():
    assert {name: len(talk(name)) for name in TECHNIQUES} == {
        "distillation": 8, "transfer": 4, "multitask": 4, "meta_learning": 4,
    }  # fmt: skip
    for name in TECHNIQUES:
        assert sum(step.runs for step in talk(name)) == 1


@pytest.mark.parametrize("given", ["0", "9", "-1", "2.5", "x", "²", "99999999999999999999"])
def test_a_step_that_is_none_is_said_and_the_first_shown(given, monkeypatch):
    monkeypatch.setattr(
        "app.controls.address.SETTLED_SECONDS", 0.0
    )  # what the address says next, a person has typed
    at = at_step("distillation", 1)
    at.query_params["step"] = given
    at.run()
    assert not at.exception
    assert f"step = {given}" in at.warning[0].value
    assert at.title[0].value == talk("distillation")[0].title
    turned(at, "distillation", 2)
    assert at.title[0].value == talk("distillation")[1].title


def test_leaving_keeps_the_settings_and_drops_the_step():
    at = at_step("distillation", 3, temperature="8")
    at.button(key="talk_leave").click().run()
    assert not at.exception
    assert at.number_input(key="temperature").value == 8
    assert "step" not in at.query_params
    assert "present" not in at.query_params
    assert at.button(key="run")


def test_a_step_without_a_talk_is_dropped():
    at = open_page(step="3")
    assert "step" not in at.query_params
    assert not at.warning


# Question and answer of every step, by what the question asks for: the answer is of that kind, in that unit.
YES_NO = r"^(Yes|No)\b"
SHARE = r"\d+ % of the steps"
ASKED = {
    "distillation": [
        ("Will the teacher's answers be the same", "^(They differ|They look the same)"),
        ("Will T change which digit wins", "^T never changes"),
        ("Which digit looks most like another one to the teacher", r"labelled \d looks most like \d"),
        ("what becomes of the teacher's pull", r"[\d,]+ times shorter"),
        ("How many errors in 10,000", r"\d+ (fewer|more) errors in 10,000|no difference can be detected"),
        ("Whose answers will the distilled student's look like", "^(More like|Like neither)"),
        ("Which is smaller", "^Neither"),
        ("how much of the gain is left", r"errors in 10,000 by [+−\d].* labels, and by [+−\d]"),
    ],
    "transfer": [
        ("From how many labels per class", r"^(From \d+ labels per class|Never|No gain)"),
        (
            "which is more accurate",
            r"fine-tuning has [\d.]+ points (more|less) accuracy than training from scratch|detect",
        ),
        ("do the layers move more, or less", "^(Less|Not less):"),
        ("who has forgotten most", r"^On average “[\w, -]+”: .* [\d,]+ ± [\d,]+ errors in 10,000"),
    ],
    "multitask": [
        ("will both losses fall", "loss of “.*” (falls|rises).* loss of “.*” (falls|rises)"),
        (
            "better together with the other task, or alone",
            r"learned jointly it has [\d.]+ points (more|less) accuracy than alone|detect",
        ),
        ("In what share of the steps", SHARE),
        ("Is there a pair of weights that is best for both", YES_NO),
    ],
    "meta_learning": [
        ("which network is nearer", "^(About the same|MAML's|The jointly)"),
        (
            "Is “MAML” ahead of “joint pre-training” then",
            "its error is [\\d.]+ times (lower|higher) than that of joint|detect",
        ),
        ("Does the other start ever catch up", YES_NO),
        ("what does MAML's network draw", "curve for every task, with values from"),
    ],
}


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_an_answer_answers_its_question_in_its_unit(technique):
    _, at = Translate("en"), at_step(technique, 1)
    for number, (step, (asked, answered)) in enumerate(
        zip(talk(technique), ASKED[technique], strict=True), start=1
    ):
        turned(at, technique, number, number)
        said = [text.value for text in at.markdown]
        [question] = [number for number, text in enumerate(said) if asked in text]
        assert re.search(answered, said[question + 1].replace("*", "")), (step.title, said[question + 1])


# What a class may choose among, and which is right: what the answer itself says.
RIGHT = {
    "distillation": {1: "different", 2: "no", 4: "falls", 6: "teacher", 7: "neither"},
    "transfer": {1: "500", 2: "better", 3: "less", 4: "fine-tuning"},
    "multitask": {1: "one", 2: "worse", 4: "no"},
    "meta_learning": {1: "same", 2: "better", 3: "no"},
}


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_class_chooses_among_answers_of_which_one_is_right(technique):
    stage = Stage(TECHNIQUES[technique].settings(), recorded(technique), recorded=True, revealed=True)
    right = {}
    for number, step in enumerate(talk(technique), start=1):
        if step.choices:
            options = step.choices.options(stage)
            right[number] = step.choices.truth(stage)
            assert right[number] in options
            assert len(set(map(Translate("zh"), options.values()))) == len(options) > 1
            assert max(map(len, options)) <= 80  # what the store has room for
    assert right == RIGHT[technique]


def test_a_verdict_of_one_trial_is_right_by_its_sign():
    stage = Stage(DistillationSettings(), recorded("distillation"), recorded=True, revealed=True)
    assert found(stage) == "better"
    verdict = stage.result.verdict
    for mean, kind in ((0.1, "better"), (-0.1, "worse")):
        single = verdict.model_copy(
            update={"kind": "single", "difference": verdict.difference.model_copy(update={"mean": mean})}
        )
        assert found(replace(stage, result=stage.result.model_copy(update={"verdict": single}))) == kind


def test_a_class_is_opened_where_there_are_choices_follows_the_step_and_ends():
    at = at_step("distillation", 3)
    assert "talk_class_open" not in [button.key for button in at.button]
    turned(at, "distillation", 1)
    at.button(key="talk_class_open").click().run()
    assert not at.exception
    code = room_of_this_speaker_in(at)
    english = rooms().state(code)
    assert english.words["en"]["ask"] == "Both are labelled 7. Will the teacher's answers be the same?"
    assert english.words["zh"]["options"]["same"] == "一样"
    assert english.truth is None
    at.session_state["talk_revealed_distillation"] = frozenset({0})
    at.run()
    assert shown(code).truth == "different"
    turned(at, "distillation", 3)
    assert shown(code).question is None
    turned(at, "distillation", 2)
    assert shown(code).question == "distillation 2"
    at.button(key="talk_class_end").click().run()
    assert not at.exception
    assert at.button(key="talk_class_open")
    with pytest.raises(NoRoom):
        shown(code)


def room_of_this_speaker_in(at) -> str:
    (found,) = [part for part in at.get("bidi_component") if part.key == "talk_tally"]
    return json.loads(found.proto.json)[0]["address"].rpartition("/")[2]


def shown(code):
    """The room's state, read anew."""
    return Rooms(store()).state(code)


def test_while_a_run_is_trained_the_question_is_about_that_run_and_not_answered_by_another():
    stage = Stage(
        settings=DistillationSettings(), result=recorded("distillation"), recorded=True, revealed=True,
        running=DistillationSettings(train_size=120),
    )  # fmt: skip
    step = next(step for step in talk("distillation") if step.runs)
    assert "the same 120 labelled images" in step.ask(stage, Translate("en"))
    assert "500" not in step.ask(stage, Translate("en"))
    assert "fewer" not in _answer(step, stage, Translate("en"))
    assert "the same 500 labelled images" in step.ask(replace(stage, running=None), Translate("en"))


# What is said, against independent arithmetic


def test_errors_saved_are_the_mean_difference_of_the_trials():
    result = recorded("distillation")
    of = {arm.name: np.array([trial.test_errors for trial in arm.trials]) for arm in result.arms}
    saved = (of[ALONE] - of[DISTILLED]).mean() * 10_000 / result.data.test
    step = next(step for step in talk("distillation") if step.runs)
    stage = Stage(DistillationSettings(), result, recorded=True, revealed=True)
    assert f"{saved:.0f} fewer errors in 10,000" in step.answer(stage, Translate("en"))


def numbers_in(said: str) -> set[str]:
    return set(re.findall(r"[−+]?\d[\d,]*\.?\d*", said))


def test_lesson_talk_and_page_say_one_value_of_one_quantity():
    """Distances at one λ, and mean errors of the two starts: the same figures wherever they are said."""
    english = Translate("en")
    every = lambda_map()
    row = np.array(every["distance"][every["lams"].index(10.0)])
    moved = f"{np.sqrt((row**2).sum()):.2f}"
    assert transfer_lesson.LESSON[0].values()["then"] == moved
    said = talk("transfer")[2].answer(Stage(TransferSettings(), recorded("transfer"), True, True), english)
    assert moved in numbers_in(said)

    result = recorded("meta_learning")
    mean = {arm.name: np.mean([t.series["query loss"] for t in arm.trials], axis=0) for arm in result.arms}
    wanted = {f"{mean[name][step]:.2f}" for name in ("MAML", "joint pre-training") for step in (0, 1)}
    stage = Stage(MetaSettings(), result, recorded=True, revealed=True)
    first = talk("meta_learning")[0].answer(stage, english)
    assert wanted <= numbers_in(first)
    values = meta_lesson.LESSON[1].values()
    assert {values[name] for name in ("maml0", "maml1", "joint0", "joint1")} == wanted
    page = start_means()
    assert {f"{page[name][step].mean:.2f}" for name in page for step in (0, 1)} == wanted
    third = numbers_in(talk("meta_learning")[2].answer(stage, english))
    assert {f"{mean[name][1]:.2f}" for name in ("MAML", "joint pre-training")} <= third


def test_the_other_start_catches_up_where_the_interval_of_the_paired_ratios_reaches_zero():
    result = recorded("meta_learning")
    series = {arm.name: np.array([t.series["query loss"] for t in arm.trials]) for arm in result.arms}
    ratio = np.log10(series["joint pre-training"] / series["MAML"])[:, 1:]
    low = ratio.mean(0) - t.ppf(0.975, len(ratio) - 1) * ratio.std(0, ddof=1) / np.sqrt(len(ratio))
    assert (caught_up(result) is None) == (low[-1] > 0)
    behind = result.model_copy(update={"arms": tuple(
        arm.model_copy(update={"trials": tuple(
            trial.model_copy(update={"series": {**trial.series, "query loss": tuple(
                value if step < 4 else 1.0 for step, value in enumerate(trial.series["query loss"])
            )}}) for trial in arm.trials
        )}) for arm in result.arms
    )})  # fmt: skip
    assert caught_up(behind) == 4  # equal from there on


def test_the_digit_most_alike_is_the_largest_mean_off_the_diagonal():
    logits = np.array(class_logits())
    mean = softmax(logits / 4.0, axis=-1).mean(axis=1)
    np.fill_diagonal(mean, 0)
    label, answer, p = most_alike(4.0)
    assert (label, answer) == np.unravel_index(mean.argmax(), mean.shape)
    assert math.isclose(p, mean.max(), rel_tol=1e-9)


def test_opinion_names_the_first_two_answers():
    digit = next(digit for digit in gallery() if digit["index"] == 4027)
    p = softmax(np.array(digit["logits"]) / 4.0)
    first, second = np.argsort(p)[::-1][:2]
    assert opinion(digit["logits"], 4.0, Translate("en")) == (
        f"{first} with {p[first]:.2f} and {second} with {p[second]:.2f}"
    )


def test_distance_from_the_teacher_is_the_mean_divergence_in_bits():
    result = recorded("distillation")
    teacher, student = result.arm(TEACHER), result.arm(DISTILLED)
    expected = np.mean([
        entropy(softmax(np.array(theirs) / 4.0), softmax(np.array(mine) / 4.0), base=2)
        for trial in student.trials
        for mine, theirs in zip(trial.gallery_logits, teacher.trials[0].gallery_logits, strict=True)
    ])  # fmt: skip
    assert math.isclose(bits_apart(student, teacher, 4.0), expected, rel_tol=1e-6)


@pytest.mark.parametrize("figure", [errors_by_arm, learning_curves])
def test_an_enlarged_figure_has_larger_letters_and_the_same_numbers(figure):
    small = figure(recorded("distillation"), Translate("en"))
    before = small.to_json()
    large = enlarged(small, "#123456")
    assert large.layout.xaxis.tickfont.color == "#123456"
    assert small.to_json() == before  # the one that is kept stays as it is
    assert large.layout.font.size == LETTERS * small.layout.font.size
    assert large.layout.height is None
    for old, new in zip(small.data, large.data, strict=True):
        assert (
            json.loads(go.Figure(old).to_json())["data"][0]["x"]
            == json.loads(go.Figure(new).to_json())["data"][0]["x"]
        )


def test_values_at_bars_and_subscripts_are_read_from_the_back_row():
    small = (
        go.Figure(go.Bar(x=[1], y=[2], text=["2"]))
        .update_yaxes(title="θ<sub>pre</sub>")
        .update_layout(font_size=14)
    )
    large = enlarged(small)
    assert large.data[0].textfont.size == VALUES == 36
    assert large.layout.yaxis.title.text == 'θ<sub><span style="font-size: 28px">pre</span></sub>'


def test_enlarged_live_curves_keep_their_points():
    curves = {("student", DISTILLED, seed): ((0, 90, 100), (1, 40, 100)) for seed in (0, 1)}
    small = live_curves(curves, {}, dict.fromkeys(curves, 2), "student", Translate("en"))
    large = enlarged_option(small)
    assert [each["data"] for each in large["series"]] == [each["data"] for each in small["series"]]
    assert large["series"][-1]["lineStyle"]["width"] == MARKS * small["series"][-1]["lineStyle"]["width"]
    assert large["legend"]["textStyle"]["fontSize"] == large["xAxis"]["axisLabel"]["fontSize"] >= 28
    assert large["yAxis"]["max"] == small["yAxis"]["max"]
    assert "fontSize" not in small["yAxis"]["axisLabel"]  # what was given stays as it is
    assert large["yAxis"]["axisLabel"]["customValues"] == small["yAxis"]["axisLabel"]["customValues"]


def told_by_the_browser():
    """A script that is told a place, as the browser tells it, and then reads where the talk is."""
    import streamlit as st

    from app.components.clicker import Place
    from app.talks.player import _place, _revealed, _where
    from kd_core.distillation.settings import DistillationSettings

    for name, place in {"third": Place(2, frozenset({1, 2})), "over": Place(8, frozenset())}.items():
        st.button(name, key=name, on_click=_place, args=(DistillationSettings, 8, place))
    st.session_state["seen"] = _where(8), _revealed("distillation"), st.session_state.get("talk_over")


def test_what_the_browser_says_is_shown_and_an_address_that_lags_behind_turns_it_not_back(monkeypatch):
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 60.0)
    at = AppTest.from_function(told_by_the_browser, default_timeout=60).run()
    at.session_state["notices"] = {"step": "was wrong"}
    at.button(key="third").click().run()
    assert at.session_state["seen"] == (2, frozenset({1, 2}), None)
    assert at.query_params["step"] in ("3", ["3"])
    assert at.session_state["notices"] == {}  # what was wrong with the address is said once
    del at.query_params["step"]  # as a browser has it that has not heard yet
    at.run()
    assert at.session_state["seen"][0] == 2
    assert at.query_params["step"] in ("3", ["3"])
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 0.0)
    del at.query_params["step"]  # now it is the browser's Back
    at.run()
    assert at.session_state["seen"][0] == 0
    at.button(key="over").click().run()
    assert at.session_state["seen"][2] is True


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_after_the_last_step_the_next_page_follows(technique):
    at = at_step(technique, len(talk(technique)))
    assert clicker_of(at)["words"]["onward"] == f"{following(technique)[0]} →"
    at.session_state["talk_over"] = True  # the browser has gone on from the last step
    at.run()
    assert not at.exception
    then = dict(pairwise([*TECHNIQUES, "summary"]))[technique]
    assert at.title[0].value == (talk(then)[0].title if then in TECHNIQUES else "What distillation buys")


@pytest.mark.parametrize(("language", "key"), [("en", "nothing of ours"), ("zh", "\x00" + "*x*" * 5000)])
def test_the_speakers_view_of_a_talk_that_is_over_says_so_in_a_sentence(language, key):
    at = open_page("pages/distillation.py", lang=language, speaker=key)
    (error,) = at.error
    assert error.value == Translate(language)(
        "This talk is over, or its link was mistyped: open the speaker view from the talk again."
    )
    assert not at.button  # nothing of the page
