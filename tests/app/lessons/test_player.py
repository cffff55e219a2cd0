"""A lesson on its page: walked step by step, left and taken up again, in the address, offered where it may be."""

import json
from itertools import pairwise

import pytest
from streamlit.testing.v1 import AppTest

from app.distillation import lesson
from app.i18n.text import Translate
from app.lessons.model import Bars, Choice
from app.meta_learning import lesson as meta_learning
from app.multitask import lesson as multitask
from app.transfer import lesson as transfer
from kd_core.techniques import TECHNIQUES
from tests.pages import open_page, texts

LESSONS = {
    "distillation": lesson.LESSON,
    "transfer": transfer.LESSON,
    "multitask": multitask.LESSON,
    "meta_learning": meta_learning.LESSON,
}
# What reaches the goal of each lesson's free play.
REACHED = {
    "distillation": {"temperature": 8.0},
    "transfer": {"labels_per_class": 200},
    "multitask": {"weight_left": 0.7, "weight_right": 2.0},
    "meta_learning": {"inner_lr": 0.5},
}


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button if button.key}


def guess(at: AppTest, technique: str, number: int) -> None:
    """Give a guess that is wrong, as a person does; bars, which only a browser draws, are handed to the session."""
    ask = LESSONS[technique][number].ask
    if isinstance(ask, Choice):
        press(at, f"lesson_guess_{number}_{next(key for key in ask.options if key != ask.truth())}")
    elif isinstance(ask, Bars):
        at.session_state[f"lesson_{technique}"].guesses[number] = tuple([0.1] * 10)
        at.run()
    else:
        at.number_input(key=f"lesson_number_{number}").set_value(float(ask.low))
        press(at, f"lesson_answer_{number}")


@pytest.mark.parametrize(
    ("technique", "language"), [*((technique, "en") for technique in LESSONS), ("distillation", "zh")]
)  # the browser's long test walks all in both
def test_every_step_is_walked(technique, language):
    at = open_page(f"pages/{technique}.py", lang=language)
    press(at, "lesson_take")
    steps, settings, _ = LESSONS[technique], TECHNIQUES[technique].settings, Translate(language)
    for number, step in enumerate(steps):
        assert at.query_params["lesson"] in (str(number + 1), [str(number + 1)])
        for name, wish in step.sets.items():
            assert at.session_state[name] == wish, "the step sets the real control"
        why = _(step.reveals, **step.values())
        assert why not in texts(at), "nothing is told before the guess"
        guess(at, technique, number)
        if step.goal:
            assert why not in texts(at), "nor before the goal"
            assert not at.session_state[f"lesson_{technique}"].reached & {number}
            for name, value in REACHED[technique].items():
                kind = at.slider if any(w.key == name for w in at.slider) else at.number_input
                kind(key=name).set_value(settings.specs()[name].kind(value))
            at.run()
            assert number in at.session_state[f"lesson_{technique}"].reached
        assert why in texts(at)
        last = number == len(steps) - 1
        press(at, "lesson_finish" if last else "lesson_next")
    assert "lesson" not in at.query_params
    assert at.button(key="lesson_take").label == _("Take the lesson again")
    given = len(steps)
    good = at.session_state[f"lesson_{technique}"].over[0]
    assert _("{good} of your {n} guesses were right or close.", good=good, n=given) in texts(at)
    following = dict(pairwise([*TECHNIQUES, "summary"]))[technique]
    assert following in {link.proto.page for link in at.get("page_link")}
    live = [json.loads(part.proto.json)[0] for part in at.get("bidi_component") if "live" in (part.key or "")]
    assert {told["covers"] for told in live if "covers" in told} == {False}  # what it asked is not asked again
    assert not at.session_state[f"lesson_{technique}"].guesses, "finished: it begins anew"


def test_a_guess_is_kept_beside_the_truth_and_says_why():
    at = press(open_page(), "lesson_take")
    assert "lesson_take" not in keys(at)
    assert "the winner changes for" not in texts(at)
    press(at, "lesson_guess_0_other")
    html = " ".join(str(each.proto) for each in at.get("html"))
    assert "Your guess" in html
    assert "The truth" in html
    assert "**No.**" in texts(at)
    assert "the winner changes for 0 of the 24" in texts(at)
    press(press(at, "lesson_next"), "lesson_back")
    assert "the winner changes for 0 of the 24" in texts(at)  # kept
    press(at, "lesson_leave")
    assert "lesson" not in at.query_params
    press(at, "lesson_take")
    assert "the winner changes for 0 of the 24" in texts(at)  # also outside


def test_the_address_leads_to_a_step_and_a_wrong_one_is_named():
    at = open_page(lesson="5", temperature="7")
    assert "α T² KL(teacher ‖ student)" in texts(at)
    assert at.number_input(key="temperature").value == 7  # what the address says stays
    for wrong in ("9", "0", "two"):
        at = open_page(lesson=wrong)
        assert f"lesson = {wrong}" in at.warning[0].value
        assert "lesson_take" in keys(at)


def test_back_leads_to_the_step_before_and_an_address_that_lags_does_not(monkeypatch):
    at = press(press(open_page(), "lesson_take"), "lesson_next")
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 60.0)
    press(at, "lesson_next")
    at.query_params["lesson"] = "2"  # as a browser has it that has not heard yet
    at.run()
    assert at.query_params["lesson"] in ("3", ["3"])
    assert "lesson_answer_2" in keys(at)
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 0.0)
    for step in ("2", "1", "2"):  # now it is the browser's Back, and Forward
        at.query_params["lesson"] = step
        at.run()
        assert at.query_params["lesson"] in (step, [step])
        assert at.session_state["lesson_distillation"].at == int(step) - 1
    del at.query_params["lesson"]
    at.run()
    assert "lesson_take" in keys(at)


def test_no_offer_while_presenting_and_a_lesson_waits_on_another_page():
    assert "lesson_take" not in keys(open_page(present="1"))
    at = press(open_page(), "lesson_take")
    press(at, "lesson_next")
    at.switch_page("pages/transfer.py")
    at.query_params.clear()
    at.run()
    assert "lesson_take" in keys(at)
    at.switch_page("pages/distillation.py")
    at.query_params.clear()
    at.run()
    assert not at.exception
    assert at.query_params["lesson"] in ("2", ["2"])


def test_a_number_is_asked_for_before_it_counts():
    at = open_page(lesson="3")
    press(at, "lesson_answer_2")
    assert "Type a number first." in texts(at)
    assert 2 not in at.session_state["lesson_distillation"].guesses
