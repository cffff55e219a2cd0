"""The talks: each step draws in both languages, asks first and answers when told to; the address names it."""

import json
import math
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.special import softmax
from scipy.stats import entropy

from app.bundled import class_logits, gallery, recorded
from app.enlarged import LETTERS, MARKS, enlarged, enlarged_option
from app.figures import errors_by_arm, learning_curves, live_curves
from app.talk import NEXT, steps_of
from app.talks.distillation import bits_apart, most_alike, opinion
from app.text import Translate
from kd_core.settings import DISTILLED, TEACHER, TECHNIQUES
from tests.test_pages import open_page, texts


def at_step(technique: str, step: int, **address):
    return open_page(f"pages/{technique}.py", present="1", step=str(step), **address)


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_step_asks_and_then_answers(technique, lang):
    _, at = Translate(lang), at_step(technique, 1, lang=lang)
    for number, step in enumerate(steps_of(technique), start=1):
        assert not at.exception
        assert at.title[0].value == _(step.title)
        assert "…" in [text.value for text in at.markdown]
        covered = texts(at)
        at.button(key="talk_reveal").click().run()
        assert not at.exception
        assert "…" not in [text.value for text in at.markdown]
        assert len(texts(at)) > len(covered)
        if step.of_result or step.source:
            result = step.source() if step.source else recorded(technique)
            assert _("recorded on {date}", date=result.provenance.created[:10]) in texts(at)
        if number < len(steps_of(technique)):
            at.button(key="talk_next").click().run()


def test_talks_follow_each_other_and_the_summary_comes_last():
    names = [*TECHNIQUES, "summary"]
    for name, following in pairwise(names):
        assert NEXT[name][1] == f"pages/{following}.py"


def test_distillation_has_enough_steps_and_every_talk_one_run():
    assert {name: len(steps_of(name)) for name in TECHNIQUES} == {
        "distillation": 8, "transfer": 4, "multitask": 4, "meta_learning": 4,
    }  # fmt: skip
    for name in TECHNIQUES:
        assert sum(step.runs for step in steps_of(name)) == 1


@pytest.mark.parametrize("given", ["0", "9", "-1", "2.5", "x", "²", "99999999999999999999"])
def test_a_step_that_is_none_is_said_and_the_first_shown(given):
    at = at_step("distillation", 1)
    at.query_params["step"] = given
    at.run()
    assert not at.exception
    assert f"step = {given}" in at.warning[0].value
    assert at.title[0].value == steps_of("distillation")[0].title
    at.button(key="talk_next").click().run()
    assert not at.warning  # said once
    assert at.query_params["step"] in ("2", ["2"])


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


# What is said, against independent arithmetic


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


def test_enlarged_live_curves_keep_their_points():
    curves = {("student", DISTILLED, seed): ((0, 90, 100), (1, 40, 100)) for seed in (0, 1)}
    small = live_curves(curves, {}, dict.fromkeys(curves, 2), "student", Translate("en"))
    large = enlarged_option(small)
    assert [each["data"] for each in large["series"]] == [each["data"] for each in small["series"]]
    assert large["series"][-1]["lineStyle"]["width"] == MARKS * small["series"][-1]["lineStyle"]["width"]
    assert large["yAxis"]["max"] == small["yAxis"]["max"]
    assert "fontSize" not in small["yAxis"]["axisLabel"]  # what was given stays as it is
    assert large["yAxis"]["axisLabel"]["customValues"] == small["yAxis"]["axisLabel"]["customValues"]


def test_an_address_that_lags_behind_the_page_just_turned_turns_it_not_back(monkeypatch):
    monkeypatch.setattr("app.address.SETTLED_SECONDS", 60.0)
    at = at_step("distillation", 1)
    at.button(key="talk_next").click().run()
    del at.query_params["step"]  # as a browser has it that has not heard yet
    at.run()
    assert at.title[0].value == steps_of("distillation")[1].title
    assert at.query_params["step"] in ("2", ["2"])
    monkeypatch.setattr("app.address.SETTLED_SECONDS", 0.0)
    del at.query_params["step"]  # now it is the browser's Back
    at.run()
    assert at.title[0].value == steps_of("distillation")[0].title
