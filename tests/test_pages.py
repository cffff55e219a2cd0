"""Every page as a script: it draws without an exception, in both languages, and says what is wrong."""

import json
import re
import time

import pytest
from streamlit.testing.v1 import AppTest

from app.distillation.article import CITED
from app.distillation.summary import sentence
from app.figures.arms import COLOURS
from app.i18n.text import Translate
from app.reports.handout import html
from app.results.bundled import durations, gallery, recorded, recorded_preset
from app.results.scope import QUICK
from app.results.tabs import TABS
from app.runs.server import limits, queue, store
from kd_core.distillation.settings import DistillationSettings
from kd_core.runs.queue import Queue
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import TransferSettings
from tests.pages import ENTRY, differing, open_page, started, texts

PAGES = ["pages/overview.py", "pages/distillation.py", "pages/transfer.py", "pages/multitask.py",
         "pages/meta_learning.py", "pages/draw.py", "pages/teacher.py", "pages/data.py", "pages/pitfalls.py",
         "pages/history.py"]  # fmt: skip
TINY = dict(student="mlp30", train_size=50, epochs=1, seeds=2)
TINY_DIGITS = dict(problem="digits", shots=1, iterations=1, meta_batch=1, queries=1, seeds=1)
TINY_TRANSFER = dict(task="low_high", labels_per_class=2, epochs=1, seeds=2, source_epochs=1, network="small")


def test_what_a_click_set_is_not_taken_back_by_what_the_browser_still_shows(monkeypatch):
    at = open_page(**TINY)
    at.button(key="preset_hard_teacher").click().run()
    assert at.number_input(key="temperature").value == 1
    at.number_input(key="temperature").set_value(4.0)  # as a browser says that has not heard of it yet
    at.button(key="run").click().run()
    assert at.number_input(key="temperature").value == 1
    assert started(at).settings.temperature == 1  # and so for a run that is asked for at once
    started(at).stop()

    at.run()  # now it has
    at.number_input(key="temperature").set_value(4.0).run()
    assert at.number_input(key="temperature").value == 4
    at.button(key="preset_hard_teacher").click().run()
    at.number_input(key="temperature").set_value(5.0).run()  # a person's own
    assert at.number_input(key="temperature").value == 5
    at.button(key="preset_hard_teacher").click().run()
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 0.0)
    at.number_input(key="temperature").set_value(5.0).run()  # later than a browser can be late
    assert at.number_input(key="temperature").value == 5


def test_controls_follow_an_address_that_a_person_moved_and_none_that_lags(monkeypatch):
    at = open_page(temperature="8", alpha="0.5")
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 60.0)
    at.number_input(key="temperature").set_value(9.0).run()
    at.query_params["temperature"] = "8"  # as a browser has it that has not heard yet
    at.run()
    assert at.number_input(key="temperature").value == 9
    assert at.query_params["temperature"] in ("9", ["9"])
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 0.0)
    at.query_params["temperature"] = "8"  # late, with a widget that was changed after it
    at.number_input(key="temperature").set_value(10.0).run()
    assert at.number_input(key="temperature").value == 10
    for temperature in ("8", "4.5"):  # now it is the browser's Back
        at.query_params["temperature"] = temperature
        at.run()
        assert at.number_input(key="temperature").value == float(temperature)
    at.query_params.clear()
    at.run()
    assert (at.number_input(key="temperature").value, at.slider(key="alpha").value) == (4, 0.9)


def test_what_was_set_under_more_holds_when_it_is_closed():
    at = open_page(train_size="60", precision="float32")
    at.selectbox(key="teacher_data").select("same").run()
    at.session_state["more"] = False
    at.run()
    assert "teacher_data" not in {widget.key for widget in at.selectbox}  # not drawn
    at.button(key="run").click().run()
    assert not at.exception
    asked = started(at).settings
    assert (asked.teacher_data, asked.precision, asked.train_size) == ("same", "float32", 60)
    assert at.query_params["teacher_data"] == "same"
    started(at).stop()
    at.session_state["more"] = True
    assert at.run().selectbox(key="teacher_data").value == "same"


@pytest.mark.parametrize("technique", TECHNIQUES.values(), ids=list(TECHNIQUES))
def test_what_is_under_more_stands_in_groups_with_a_heading(technique):
    groups = {spec.group for spec in technique.settings.specs().values() if spec.more}
    assert "" not in groups
    at = open_page(f"pages/{technique.name}.py")
    headings = [one.value for one in at.expander[0].markdown if one.value.startswith("**")]
    assert len(headings) == len(set(headings))
    assert {heading.strip("*") for heading in headings} <= groups
    assert {"Training", "Trials and computing"} <= {heading.strip("*") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_page_draws(page, language):
    at = open_page(page, lang=language)
    assert at.title[0].value
    assert at.session_state["lang"] == language
    said, cited = texts(at), Translate(language)(CITED)
    has_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in said.replace(CITED, ""))  # its title is Chinese
    assert has_chinese == (language == "zh")
    assert "《一切皆是映射：模型蒸馏和知识转移在神经网络中的实践》" in cited
    chips = said.count("**§")  # what a chip opens begins with its section, and cites the article
    assert said.count(cited) == (1 if page == PAGES[0] else chips)
    assert (chips > 0) == (page in PAGES[1:5] or page == "pages/pitfalls.py")


def test_first_paint_shows_the_recorded_verdict():
    shown = texts(open_page())
    assert "Distillation helped" in shown
    assert "recorded on" in shown


def test_settings_come_from_the_address():
    at = open_page(temperature="8", alpha="0.5", student="mlp300", epochs="3")
    assert at.number_input(key="temperature").value == 8
    assert at.slider(key="alpha").value == 0.5
    assert at.selectbox(key="student").value == "mlp300"
    assert "Temperature T 4 → 8" in texts(at)  # what is shown is not what is set
    assert not at.warning


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", "0"), ("temperature", "-3"), ("temperature", "nan"), ("temperature", "abc"),
     ("temperature", "1e9"), ("alpha", "1.5"), ("train_size", "0"), ("train_size", "1000000000"),
     ("student", "resnet"), ("fresh_teacher", "perhaps"), ("epochs", "1_0")],
)  # fmt: skip
def test_bad_value_in_the_address_is_named_and_the_default_used(name, value):
    at = open_page(**{name: value})
    (warning,) = at.warning
    assert f"{name} = {value}" in warning.value
    default = DistillationSettings.specs()[name].default
    widget = next(
        w for kind in (at.number_input, at.slider, at.selectbox, at.toggle) for w in kind if w.key == name
    )
    assert widget.value == default
    assert "**" not in warning.value
    assert at.run().warning  # it is not gone with the next rerun


def test_unknown_parameter_and_language_are_named():
    at = open_page(temprature="4", lang="tlh")
    assert {"temprature" in w.value or "lang = tlh" in w.value for w in at.warning} == {True}
    assert len(at.warning) == 2


def test_what_an_address_says_is_shown_as_typed_not_as_markdown():
    at = open_page(temperature="![i](http://a.example/b.png)", alpha="**x** $y$")
    shown = " ".join(w.value for w in at.warning)
    assert "![i](" not in shown
    assert "**x**" not in shown
    assert r"\*\*x\*\* \$y\$" in shown


def test_a_parameter_given_twice_is_named():
    at = AppTest.from_file(ENTRY, default_timeout=60).run()
    at.switch_page("pages/distillation.py")
    at.query_params["temperature"] = ["4", "9"]
    at.run()
    assert "more than once (4, 9)" in at.warning[0].value
    assert at.number_input(key="temperature").value == 4


def test_a_value_off_its_step_is_the_same_everywhere():
    at = open_page(alpha="0.555", temperature="4.05")
    assert at.slider(key="alpha").value == 0.555
    assert at.slider(key="alpha").proto.format == "%.3f"  # 0.56 would not be what is run
    assert at.number_input(key="temperature").value == 4.05
    assert not at.warning
    assert "Teacher weight α 0.9 → 0.555" in texts(at)
    assert "Temperature T 4 → 4.05" in texts(at)
    live = next(
        json.loads(part.proto.json)[0] for part in at.get("bidi_component") if part.key == "live_soft_targets"
    )
    assert (live["alpha"], live["temperature"]) == (0.555, 4.05)
    assert at.query_params["alpha"] in ("0.555", ["0.555"])


def test_many_unknown_parameters_make_one_notice():
    at = open_page(**{f"x{i}": "1" for i in range(8)})
    (warning,) = at.warning
    assert "x0, x1, x2 …" in warning.value


def test_unknown_run_is_explained():
    assert "No run of this lab has the name in this address" in texts(open_page(run="nobody"))


def test_pages_keep_their_settings_apart():
    at = open_page(epochs="7", seeds="3")
    at.switch_page("pages/transfer.py")
    at.query_params.clear()
    at.run()
    specs = TransferSettings.specs()
    assert at.slider(key="epochs").value == specs["epochs"].default
    assert at.number_input(key="batch_size").value == specs["batch_size"].default
    at.slider(key="epochs").set_value(9).run()
    at.switch_page("pages/distillation.py")
    at.query_params.clear()
    at.query_params["seeds"] = "4"  # a link says so
    at.run()
    assert (at.slider(key="epochs").value, at.slider(key="seeds").value) == (7, 4)
    at.switch_page("pages/transfer.py")
    at.query_params.clear()
    assert at.run().slider(key="epochs").value == 9
    at.switch_page("pages/meta_learning.py")
    at.query_params.clear()
    assert at.run().selectbox(key="precision").value == "float32"


def test_a_language_that_is_not_chosen_is_never_written_into_the_address():
    at = open_page(temperature="8")
    at.session_state["lang"] = None  # as happens when the browser goes back while the page is drawn
    at.run()
    assert not at.exception
    assert "lang" not in at.query_params


def test_presets_set_every_field():
    at = open_page(temperature="8")
    at.button(key="preset_same_labels").click().run()
    assert at.number_input(key="temperature").value == 4
    assert at.selectbox(key="teacher_data").value == "same"


def test_a_preset_shows_its_recorded_result_and_leaves_no_other_settings_verdict_standing():
    en = Translate("en")
    of_default, of_preset = recorded("distillation"), recorded_preset("distillation", "hard_teacher")
    own = of_default.model_copy(update={"settings": of_default.settings | {"temperature": 8.0}})
    store().add("run at eight", own)
    at = open_page(run="run at eight", temperature="8")
    assert en(own.verdict.text) in texts(at)
    at.button(key="preset_hard_teacher").click().run()
    assert en(of_preset.verdict.text) in texts(at)
    assert en(own.verdict.text) not in texts(at)
    assert differing(at) == ""
    assert "run" not in at.query_params
    assert any("recorded on" in badge.value for badge in at.markdown)
    at.slider(key="alpha").set_value(0.5).run()
    assert en(of_preset.verdict.text) in texts(at)  # the nearest that there is, and in what it differs
    assert differing(at) == "Teacher weight α 0.9 → 0.5"
    at.button(key="preset_few_labels").click().run()
    assert en(of_default.verdict.text) in texts(at)


def test_a_preset_leaves_a_run_of_its_own_settings_and_one_under_way_where_they_are():
    of_preset = recorded_preset("distillation", "hard_teacher")
    store().add("hard teacher here", of_preset)
    at = open_page(run="hard teacher here", temperature="1")
    at.button(key="preset_hard_teacher").click().run()
    assert at.query_params["run"] in ("hard teacher here", ["hard teacher here"])
    at = open_page(**{name: str(value) for name, value in {**TINY, "epochs": 100, "seeds": 20}.items()})
    at.button(key="run").click().run()
    handle = started(at)
    at.button(key="preset_hard_teacher").click().run()
    assert started(at) is handle
    assert handle.under_way
    until = time.monotonic() + 60
    while not handle.view().watched and time.monotonic() < until:
        time.sleep(0.1)
    at.run()
    live = next(part.proto.body for part in at.get("html") if "live-digits" in part.proto.body)
    assert live.count("<li ") % len(gallery()) == 0  # each arm that has told something
    assert f"of {len(gallery())} right" in live
    handle.stop()


def test_presentation_has_no_sidebar():
    assert open_page().sidebar.button
    presented = open_page(present="1")
    assert not presented.sidebar.button
    assert not presented.sidebar.segmented_control


@pytest.mark.proof
def test_a_talk_runs_where_the_run_is_watched_and_its_result_answers():
    at = open_page(present="1", step="2", **{name: str(value) for name, value in TINY.items()})
    at.button(key="talk_run").click().run()
    assert at.title[0].value == "Does the student learn more?"
    result = started(at).wait(180).result
    at.run()
    assert not at.exception
    at.session_state["talk_revealed_distillation"] = frozenset({4})
    at.run()
    assert sentence(result, Translate("en")) in texts(at)
    assert "recorded on" not in texts(at)


def test_run_to_its_verdict_and_a_run_that_cannot_be():
    at = open_page(**{name: str(value) for name, value in TINY.items()})
    at.button(key="run").click().run()
    assert not at.exception
    view = started(at).wait(180)
    assert view.state == "finished", view.problem
    at.run()
    shown = texts(at)
    assert str(view.result.verdict.text) in shown
    assert "recorded on" not in shown

    at.number_input(key="temperature").set_value(9).run()
    at.button(key="run").click().run()
    assert started(at).wait(180).state == "finished"
    at.run()
    figure = json.loads(next(c for c in at.get("plotly_chart") if c.key == "curves").proto.spec)
    ghosts = [trace for trace in figure["data"] if trace.get("name") == "previous run"]
    assert len(ghosts) == sum(not arm.shared for arm in view.result.arms)
    for ghost in ghosts:
        trials = [trial for arm in view.result.arms if COLOURS[arm.name] == ghost["line"]["color"]
                  for trial in arm.trials]  # fmt: skip
        ends = [trial.curve[-1][1] if trial.curve_end is None else trial.curve_end for trial in trials]
        images = trials[0].curve_images or view.result.data.validation
        assert ghost["y"][-1] == pytest.approx(100 * sum(ends) / len(ends) / images)

    there = queue().data
    too_many = DistillationSettings(**{**TINY, "train_size": 55_000})
    if there.name != "MNIST":
        assert "choose fewer" in str(queue().submit(too_many).wait(30).problem)


def test_a_page_says_how_long_a_run_takes_here(monkeypatch):
    monkeypatch.setattr(Queue, "calibration", None)
    monkeypatch.setattr(Queue, "lanes", 4)
    monkeypatch.setattr(store(), "durations", lambda technique: [])
    assert "s here." not in texts(open_page())  # nothing tells
    there = durations()
    monkeypatch.setattr(Queue, "calibration", 3 * there["calibration"])  # three times as slow, with four workers
    (_settings, seconds), (quickly, of_a_look) = there["runs"]["distillation"]
    assert TECHNIQUES["distillation"].is_quick(quickly)
    whole, quick = (3 * taken * there["workers"] / 4 for taken in (seconds, of_a_look))
    said = re.search(r"About (\S+) s here, a quick look (\S+) s\.", texts(open_page()))
    assert [float(number) for number in said.groups()] == pytest.approx([whole, quick], rel=0.05)  # two digits
    monkeypatch.setattr(store(), "durations", lambda technique: [({"seeds": 5}, 30.0), ({"seeds": 10}, 60.0)])
    at = open_page(seeds="10")
    assert "worker processes of this computer. About 60 s here, a quick look 9 s." in texts(at)
    assert "About 30 s here." in at.button(key="preset_hard_teacher").help


def test_a_stored_answer_says_so_and_is_trained_again_or_added_to():
    address = {name: str(value) for name, value in {**TINY, "train_size": 51}.items()}
    first = open_page(**address)
    first.button(key="run").click().run()
    result = started(first).wait(180).result
    at = open_page(**address)  # somebody else, later
    at.button(key="run").click().run()
    assert started(at).wait(20).result == result
    at.run()
    assert not at.exception
    assert f"stored on {result.provenance.created[:10]}" in texts(at)
    at.button(key="more_seeds").click().run()
    assert at.slider(key="seeds").value == 7
    more = started(at).wait(180)
    assert more.result.verdict.difference.n == 7
    assert {seed for _, _, seed in more.losses} == {2, 3, 4, 5, 6}
    again = open_page(**address)
    again.button(key="run").click().run()
    started(again).wait(20)
    again.run()
    again.button(key="again").click().run()
    trained = started(again).wait(180)
    assert trained.stored is None
    assert trained.losses
    assert trained.result.without_timings() == result.without_timings()


def test_an_interrupted_run_is_found_by_its_link_and_started_again():
    settings = DistillationSettings(**{**TINY, "train_size": 52})
    store().begin("interrupted", settings)
    store().end("interrupted", "interrupted")
    at = open_page(run="interrupted")
    assert "The lab ended in the middle of this run" in texts(at)
    at.button(key="restart").click().run()
    view = started(at).wait(180)
    assert view.result.settings["train_size"] == 52


def test_one_run_a_person_and_the_way_to_it():
    at = open_page(**{name: str(value) for name, value in {**TINY, "epochs": 100, "seeds": 20}.items()})
    at.button(key="run").click().run()
    handle = started(at)
    at.switch_page("pages/meta_learning.py").run()
    at.button(key="run").click().run()
    assert any("You have a run under way" in warning.value for warning in at.warning)
    ways = [link.proto.query_string for link in at.get("page_link") if "run=" in link.proto.query_string]
    assert ways
    assert all(handle.id in way for way in ways)
    somebody = open_page(run=handle.id)
    assert "You are watching somebody else's run." in texts(somebody)
    assert "The run of this link" in somebody.info[0].value  # at the top
    assert "](#run)" in somebody.info[0].value  # the way to it
    astray = open_page("pages/transfer.py", run=handle.id)
    assert "belongs to another page" in texts(astray)
    assert any(handle.id in link.proto.query_string for link in astray.get("page_link"))
    assert not [button for button in somebody.button if button.key == "stop"]
    handle.stop()
    assert handle.wait(30).over
    at.run()
    assert not at.exception
    assert not [warning for warning in at.warning if "under way" in warning.value]  # true no longer, said no longer
    somebody.run()
    assert "has ended without a result" in texts(somebody)


def test_where_there_is_a_sign_in_only_who_is_signed_in_starts_runs():
    def opened(user, **address):
        at = AppTest.from_file(ENTRY, default_timeout=60)
        at.user = user
        at.run()
        at.switch_page(PAGES[1])
        for name, value in address.items():
            at.query_params[name] = value
        return at.run()

    out = opened({"is_logged_in": False})
    assert out.button(key="run").disabled
    assert out.button(key="sign_in").label == "Sign in to start runs"
    assert "recorded on" in texts(out)  # and yet everything is shown
    out.session_state["asked"] = (
        "distillation",
        False,
    )  # as by a part of the page that a browser was made to press
    assert "run" not in out.run().query_params
    out.button(key="sign_in").click().run()  # this server has no `[auth]`
    assert not out.exception
    assert [said.value.partition(":")[0] for said in out.error] == ["Nobody can sign in here at present"]
    assert not out.run().error
    account = {"is_logged_in": True, "iss": "https://issuer.example", "sub": "4711"}
    at = opened(account, epochs="200", seeds="20", train_size="53")
    assert not [button for button in at.button if str(button.key).startswith("sign_in")]
    assert at.button(key="sign_out").label == "Sign out"
    assert "Signed in as 4711." in [said.value for said in at.sidebar.caption]
    at.button(key="run").click().run()
    handle = started(at)
    guest = opened({"is_logged_in": False}, run=handle.id)
    assert "You are watching somebody else's run." in texts(guest)
    elsewhere = opened(account, run=handle.id)  # another browser, the same account
    elsewhere.button(key="stop").click().run()
    assert handle.view().state == "stopped"


@pytest.mark.parametrize("page", PAGES)
def test_a_limit_that_cannot_be_read_is_named(page, monkeypatch):
    monkeypatch.setenv("KD_MAX_QUEUE", "many")
    limits.clear()
    try:
        at = open_page(page)
        assert ("KD_MAX_QUEUE = many is not allowed" in texts(at)) == (page in PAGES[1:5])  # which start runs
        assert queue() is not None
    finally:
        monkeypatch.undo()
        limits.clear()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_quick_look_is_a_part_of_what_is_set_and_says_so(language):
    _ = Translate(language)
    at = open_page(lang=language, student="mlp30", train_size="60", epochs="16", temperature="8")
    at.button(key="quick").click().run()
    handle = started(at)
    asked = DistillationSettings(student="mlp30", train_size=60, epochs=15, temperature=8, seeds=3)
    assert handle.settings.model_copy(update={"device": "auto", "precision": "auto"}) == asked
    if language == "en":  # else the store answers at once
        assert "A quick look at what is set, with less of it: Seeds 5 → 3, Epochs 16 → 15." in texts(at)
    result = handle.wait(180).result
    shown = texts(at.run())
    assert not at.exception
    assert at.slider(key="epochs").value == 16, "what is set stays for a whole run"
    assert _(result.verdict.text) in shown
    assert _("quick look") in shown
    assert _(QUICK) in shown
    assert f"{_('Epochs')} 15 → 16" in shown
    assert _(QUICK) in html(result, _)
    small = open_page(epochs="2", seeds="2")
    assert small.button(key="quick").disabled, "what is set is no more than a quick look"
    assert _(QUICK) not in texts(small)


@pytest.mark.proof
def test_a_tiny_run_on_digits_reaches_its_verdict():
    at = open_page("pages/meta_learning.py", **{name: str(value) for name, value in TINY_DIGITS.items()})
    at.button(key="run").click().run()
    view = started(at).wait(90)
    assert view.state == "finished", view.problem
    shown = texts(at.run())
    assert not at.exception
    assert str(view.result.verdict.text) in shown


@pytest.mark.parametrize("kind", ["worse", "better"])
def test_negative_transfer_is_called_so(kind):
    result = recorded("transfer")
    store().add(kind, result.model_copy(update={"verdict": result.verdict.model_copy(update={"kind": kind})}))
    at = open_page("pages/transfer.py", run=kind)
    assert ("Negative transfer." in " ".join(error.value for error in at.error)) == (kind == "worse")


def test_only_the_chosen_tasks_weights_are_asked_for():
    at = open_page("pages/multitask.py")
    keys = {slider.key for slider in at.slider}
    assert {"weight_left", "weight_right"} <= keys
    assert not {"weight_digit", "weight_angle"} & keys
    at.selectbox(key="tasks").set_value("digit_angle").run()
    keys = {slider.key for slider in at.slider}
    assert {"weight_digit", "weight_angle"} <= keys
    assert "weight_left" not in keys
    at.slider(key="weight_digit").set_value(0.0).run()
    at.slider(key="weight_angle").set_value(0.0).run()
    at.button(key="run").click().run()
    problem = started(at).wait(180).problem
    assert "All task weights are 0" in str(problem)
    at.run()
    assert not at.exception
    assert any("All task weights are 0" in error.value for error in at.error)


def test_lambda_slides_over_marks_and_keeps_what_an_address_says():
    at = open_page("pages/transfer.py", lam="0.03")
    slider = at.select_slider(key="lam")
    assert slider.value == 0.03
    assert slider.options[0].startswith("0 · fine-tuning")
    slider.set_value(0.1).run()
    assert at.select_slider(key="lam").value == 0.1
    assert at.query_params["lam"] in ("0.1", ["0.1"])
    at.button(key="preset_extraction").click().run()
    assert at.select_slider(key="lam").value == 10
    at.button(key="preset_few").click().run()
    assert at.select_slider(key="lam").value == 0.01
    assert "lam" not in at.query_params
    assert not at.exception


def test_a_network_of_imagenet_that_cannot_be_had_is_one_sentence():
    address = {**TINY_TRANSFER, "task": "imagenet", "network": "large"}
    at = open_page("pages/transfer.py", **{name: str(value) for name, value in address.items()})
    at.button(key="run").click().run()
    assert started(at).wait(180).state == "failed"
    at.run()
    assert "photographs are not here" in " ".join(error.value for error in at.error)
    at.button(key="preset_listing").click().run()
    assert at.selectbox(key="network").value == "vgg16"
    assert at.slider(key="image_size").value == 32
    assert not at.exception


def test_a_run_is_found_again_after_a_visit_to_another_page():
    at = open_page(**{name: str(value) for name, value in {**TINY, "epochs": 100, "seeds": 20}.items()})
    at.button(key="run").click().run()
    handle = started(at)
    at.switch_page(PAGES[0])
    at.query_params.clear()
    at.run()
    at.switch_page(PAGES[1]).run()
    assert started(at).id == handle.id
    assert at.number_input(key="train_size").value == 50
    at.slider(key="alpha").set_value(0.5).run()
    assert "This run keeps the settings it was started with" in texts(at)
    at.button(key="stop").click().run()
    assert handle.view().state == "stopped"


def test_stop_leaves_the_curves_and_says_so():
    at = open_page(student="article", epochs="200", seeds="20", train_size="2000")
    at.button(key="run").click().run()
    handle = started(at)
    deadline = time.monotonic() + 60
    while not handle.view().curves and time.monotonic() < deadline:
        time.sleep(0.1)
    at.run()
    at.button(key="stop").click().run()
    assert handle.view().state == "stopped"
    at.run()
    assert "Stopped after" in texts(at)
    assert not at.exception


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_tab_behind_a_result_draws(language):
    at, _ = open_page(lang=language), Translate(language)
    charts = dict(digit=0, changes=0, confusion=1, calibration=2, agreement=2, cost=1, export=0)
    assert list(charts) == list(TABS)
    for name, drawn in charts.items():
        at.session_state["tab"] = _(TABS[name])
        at.run()
        assert not at.exception, name
        assert at.session_state["open_tab"] == name
        tab = next(tab for tab in at.tabs if tab.label == _(TABS[name]))
        assert len(tab.get("plotly_chart")) == drawn, name
        assert tab.caption or name == "digit"
        assert [part.key for part in tab.get("bidi_component")] == ["answers"] * (name == "digit")
        others = [tab for tab in at.tabs if tab.label in map(_, TABS.values()) and tab.label != _(TABS[name])]
        assert not any(tab.children for tab in others)
    wanted = ("A report to pass on (HTML)", "Every trial (CSV)", "The whole result (JSON)",
              "A script that repeats it (Python)", "Weights of the first trial (safetensors)",
              "The same as ONNX", "All of it with a model card (zip)")  # fmt: skip
    assert [button.label for button in at.get("download_button")] == [_(label) for label in wanted]


def test_own_choice_of_images_is_answered_kept_and_bad_input_named():
    at = open_page()
    at.segmented_control(key="digit_from").set_value("own").run()
    numbers = at.text_input(key="own_images_distillation")
    numbers.set_value("0, 4027，321 0").run()
    assert not at.exception
    tab = next(tab for tab in at.tabs if tab.label == TABS["digit"])
    assert len(tab.get("plotly_chart")) == 3
    assert "first trial's networks" in texts(at)
    at.session_state["tab"] = TABS["cost"]
    at.run()
    at.session_state["tab"] = TABS["digit"]
    at.run()
    assert at.text_input(key="own_images_distillation").value == "0, 4027，321 0"
    for bad, said in {
        "10000": "“10000” is no test image", "-1": "“-1” is no test image", "seven": "“seven” is no test image",
        "": "Write the number", "1 2 3 4 5 6 7 8 9": "9 images are too many",
    }.items():  # fmt: skip
        at.text_input(key="own_images_distillation").set_value(bad).run()
        assert said in texts(at)
    for button in at.button:
        if button.label in ("Surprise me", "One they disagree on"):
            button.click().run()
            assert 0 <= int(at.text_input(key="own_images_distillation").value) < 10_000
            assert not at.exception


def test_without_the_files_the_page_says_so_in_place_of_images(monkeypatch, tmp_path):
    at = open_page()
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    for name in ("changes", "confusion"):
        at.session_state["tab"] = TABS[name]
        at.run()
        assert not at.exception
        assert "The images cannot be shown" in texts(at)


def test_pitfalls_take_their_address_and_say_what_is_wrong_with_it():
    at = open_page("pages/pitfalls.py", temperature="8", bug="reversed", alpha="0.5")
    assert not at.warning
    assert at.session_state["bug"] == "reversed"
    assert at.session_state["temperature"] == 8
    (warning,) = open_page("pages/pitfalls.py", bug="none").warning
    assert "bug = none" in warning.value


def test_the_overview_has_a_drawing_of_each_way():
    at = open_page(PAGES[0])
    drawn = [element.proto.body for element in at.get("html") if "data:image/svg+xml" in element.proto.body]
    assert len(drawn) == 4
