"""The page of maps as a script: the recorded map, a real small one, what its address says, and what is refused."""

import pytest
from streamlit.testing.v1 import AppTest

from app.i18n.text import Translate
from app.results.bundled import recorded, recorded_map
from app.runs.server import queue
from app.sweeps import figures
from app.sweeps.page import sweeps
from kd_core.results.multiple_comparisons import standings
from kd_core.settings.common import STUDENTS
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.plan import presets as map_presets
from kd_core.sweeps.study import Cell
from kd_core.sweeps.sweep import measures
from kd_core.sweeps.table import judged, name_of
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import ANCHORED, TUNED
from tests.pages import open_page, texts

ENGLISH, CHINESE = Translate("en"), Translate("zh")
PAGE = "pages/sweep.py"
TINY = {"axis": ["temperature=1,4", "alpha=0.5,1"],
        "with": "student=mlp30,train_size=50,epochs=1,seeds=2"}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _forget_the_sweeps():
    sweeps.clear()
    yield
    sweeps.clear()


def page_of(**address) -> AppTest:
    return open_page(PAGE, **address)


def html(at: AppTest) -> str:
    return "\n".join(str(element.proto.body) for element in at.get("html"))


@pytest.mark.parametrize("language", [ENGLISH, CHINESE])
def test_the_recorded_map_stands_there_with_what_it_allows_to_say(language):
    at = page_of(lang=language.language)
    view = recorded_map()
    assert len(view.cells) == 36
    assert html(at).count("<td") == 36
    assert figures.summary(view, language) in texts(at)
    assert at.query_params["axis"] == [str(axis) for axis in map_presets()["temperature_alpha"].plan.axes]
    assert len(at.get("plotly_chart")) == 2
    best = at.selectbox(key="map_cell").value
    assert best == name_of(view.best)


def test_a_small_map_is_made_and_every_cell_opens_its_run():
    at = page_of(**TINY)
    assert "has not been made yet" in texts(at)
    at.button(key="run").click().run()
    [(key, plan, _when)] = sweeps().known()
    view = sweeps().find(key).wait(120)
    assert view.state == "finished", view.problem
    at.run()
    assert not at.exception
    assert figures.summary(view, ENGLISH) in texts(at)
    shown = html(at)
    for cell in view.cells:
        assert f"run={cell.run}" in shown
        result = queue().find(cell.run).view().result
        assert (result.settings["temperature"], result.settings["alpha"]) == tuple(cell.at.values())
    assert at.button(key="run").disabled
    again = page_of(**TINY)  # the address is the state
    assert "4 of 4 cells" in texts(again)
    assert figures.parameters(plan, view.cells[0], run=False)["temperature"] == "1"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ({"axis": ["temperature=1,2", "temperature=3,4"]}, "temperature is varied twice"),
        ({"axis": ["temperature=4:1:3"]}, "4:1:3 is empty"),
        ({"axis": ["seed=1,2"]}, "seed cannot be varied"),
        ({"axis": ["temperature=1,2"], "with": "magic=1"}, "there is no setting called magic"),
        ({"axis": ["temperature=1,2"], "technique": "alchemy"}, "no technique called alchemy"),
        ({"axis": ["temperature=1,2"], "trials": "many"}, "trials = many, which is no whole number"),
        ({"axis": ["temperature=1,2"], "trials": "1000000"}, "1,000,000 cells"),
    ],
)
def test_a_map_that_cannot_be_is_named_and_another_shown(address, said):
    at = page_of(**address)
    [warning] = [w.value for w in at.warning]
    assert said in warning.replace("\\", "")
    assert "another is shown" in warning
    assert html(at).count("<td") == 36


def test_what_is_typed_wrongly_is_one_sentence_and_nothing_can_be_started():
    at = page_of()
    at.text_input(key="map_values_1").set_value("1, 2, giant").run()
    [error] = [e.value for e in at.error]
    assert "temperature = giant is not allowed" in error.replace("\\", "")
    assert not any(button.key == "run" for button in at.button)
    at.text_input(key="map_values_1").set_value("1, 2").run()
    assert not at.error
    at.selectbox(key="map_technique").set_value("transfer").run()  # its own settings, its own first map
    assert not at.exception
    assert at.selectbox(key="map_field_0").value == "labels_per_class"


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_the_other_settings_have_the_widgets_of_the_techniques_page(technique):
    at = page_of()
    at.selectbox(key="map_technique").set_value(technique).run()
    at.toggle(key="map_others").set_value(True).run()
    assert not at.exception
    here, page = widgets(at), widgets(open_page(f"pages/{technique}.py", lang="en"))
    varied = {at.selectbox(key=f"map_field_{row}").value for row in range(2)}
    names = set(TECHNIQUES[technique].settings.specs()) - varied - {"seeds"}
    assert {key for key in here if key.startswith(f"map_{technique}_")} == {f"map_{technique}_{n}" for n in names}
    both = names & page.keys()
    assert both
    for name in both:
        mine, its = here[f"map_{technique}_{name}"], page[name]
        assert (type(mine), mine.label, mine.help) == (type(its), its.label, its.help)


def widgets(at: AppTest) -> dict:
    kinds = ("selectbox", "toggle", "slider", "select_slider", "number_input")
    return {widget.key: widget for kind in kinds for widget in at.get(kind) if widget.key}


def with_of(at: AppTest) -> str:
    given = at.query_params["with"]
    return given if isinstance(given, str) else ",".join(given)


def test_another_setting_goes_into_the_map_and_its_address():
    at = page_of(axis=["temperature=1,4"])
    at.toggle(key="map_others").set_value(True).run()
    at.selectbox(key="map_distillation_student").set_value("mlp300").run()
    assert not at.error
    assert with_of(at) == "student=mlp300,seeds=5"
    [expander] = [e for e in at.get("expander") if "Temperature" in e.label]
    assert f"Student: {STUDENTS['mlp300']}" in expander.label
    assert "mlp300" not in expander.label  # a value by its label
    at.toggle(key="map_others").set_value(False).run()
    assert with_of(at) == "student=mlp300,seeds=5"  # what is not drawn stays set
    at.selectbox(key="map_field_0").set_value("student").run()  # varied now, and no longer set
    at.text_input(key="map_values_0").set_value("mlp30, mlp300").run()
    assert with_of(at) == "seeds=5"


@pytest.mark.parametrize(
    "given",
    ["student=mlp30,epochs=7", "student=mlp30 epochs=7", "student = mlp30; epochs = 7", "student=mlp30，epochs=7"],
)
def test_settings_in_the_address_may_be_separated_as_one_likes(given):
    at = page_of(axis=["temperature=1,4"], **{"with": given})
    assert not at.warning
    assert not at.error
    assert with_of(at) == "student=mlp30,epochs=7,seeds=5"


def test_every_preset_can_be_taken():
    at = page_of()
    for name, preset in map_presets().items():
        at.button(key=f"map_preset_{name}").click().run()
        assert not at.exception
        assert not at.error
        assert at.query_params["axis"] == [str(axis) for axis in preset.plan.axes]


def test_only_a_real_difference_is_marked():
    view = recorded_map()
    marks = judged(view)
    worse = [cell for cell in view.cells if not marks[name_of(cell)].may_be_best]
    drawn = figures.heat(view, ENGLISH)
    assert drawn.count('class="may"') == (36 - len(worse) if worse else 1)
    for seeds in (1, 2):
        few = with_cells(view, {name_of(c): {s: c.measures[s] for s in range(seeds)} for c in view.cells})
        assert f"Seeds per cell: {seeds}. At least 3 are needed" in figures.summary(few, ENGLISH)
        assert "detectably" not in figures.summary(few, ENGLISH) + figures.heat(few, ENGLISH)
        assert figures.heat(few, ENGLISH).count('class="may"') == 1


def with_cells(view, measures, **changes):
    """The map with these measures by the cells' names; a cell that is not named is waiting."""
    cells = tuple(
        cell.model_copy(update={"measures": measures[name_of(cell)]} if name_of(cell) in measures else
                        {"measures": {}, "state": "waiting"})
        for cell in view.cells
    )  # fmt: skip
    return view.model_copy(update={"cells": cells, **changes})


def small_map(*axes, measures, **changes):
    plan = Plan.read("distillation", axes, {"seeds": 3})
    cells = tuple(Cell(at=at, state="finished") for at in plan.grid())
    return with_cells(recorded_map().model_copy(update={"plan": plan, "cells": cells}), measures, **changes)


def test_a_map_that_was_stopped_after_one_cell_says_that_there_is_nothing_to_compare():
    view = small_map("temperature=1,4", "alpha=0.5,1", state="stopped",
                     measures={"temperature=1 alpha=0.5": {0: 90.0, 1: 80.0}})  # fmt: skip
    said = figures.summary(view, ENGLISH)
    assert said.startswith("Best cell so far: Temperature T 1, Teacher weight α 0.5 (85).")
    assert said.endswith("There is nothing to compare it with yet.")
    assert "seed" not in said.lower()


def test_cells_that_differ_in_a_setting_without_effect_are_one_experiment():
    same, other = {0: 100.0, 1: 120.0, 2: 110.0}, {0: 190.0, 1: 215.0, 2: 204.0}
    view = small_map("temperature=1,4", "alpha=0,1", measures={
        "temperature=1 alpha=0": same, "temperature=4 alpha=0": same,
        "temperature=1 alpha=1": other, "temperature=4 alpha=1": {s: 2 * v for s, v in other.items()},
    })  # fmt: skip
    marks = judged(view)
    assert marks["temperature=1 alpha=0"] == marks["temperature=4 alpha=0"]
    assert marks["temperature=1 alpha=0"].is_best
    said = figures.summary(view, ENGLISH)
    assert "detectably better than each of the 2 others" in said
    assert "4 cells are 3 experiments" in said
    assert figures.heat(view, ENGLISH).count(f"<small>{figures.BEST}</small>") == 2
    three = standings({"0": same, "1": other, "2": {s: 2 * v for s, v in other.items()}})
    assert marks["temperature=1 alpha=1"] == three["1"]


@pytest.mark.parametrize("scale", [0.01, 0.2, 1.0, 5.0])
def test_sentence_and_intervals_say_the_same(scale):
    """What the sentence calls detectable is so in the words of every cell, and its words never straddle zero."""
    noise = [[3, -2, 1], [-4, 1, 2], [0, 3, -3], [2, 0, -1]]
    names = [f"temperature={t} alpha={a}" for t in (1, 4) for a in (0.5, 1)]
    measures = {
        name: {seed: 400 + 8 * place + 10 * scale * shift for seed, shift in enumerate(noise[place])}
        for place, name in enumerate(names)
    }
    view = small_map("temperature=1,4", "alpha=0.5,1", measures=measures)
    said, marks = figures.summary(view, ENGLISH), judged(view)
    words = {name: figures.interval(marks[name], view, ENGLISH) for name in names}
    may = [name for name in names if words[name].startswith(("may be", "the best"))]
    assert may == [name for name in names if marks[name].may_be_best]
    assert (
        ("better than each" in said) == (len(may) == 1) == any("the best, detectably" in w for w in words.values())
    )
    assert (f"{len(may)} of 4, outlined" in said) == (1 < len(may) < 4)
    assert ("No other can be told apart" in said) == (len(may) == 4)


def test_a_map_of_lambda_is_judged_by_the_arm_that_lambda_pulls():
    result = recorded("transfer")
    tuned = measures(result, Plan.read("transfer", ["labels_per_class=2,10"]))
    pulled = measures(result, Plan.read("transfer", ["lam=0,0.01"]))
    for arm, found in ((TUNED, tuned), (ANCHORED, pulled)):
        wanted = {t.seed: 10_000 * t.curve[-1][1] / result.data.validation for t in result.arm(arm).trials}
        assert found == pytest.approx(wanted)


def test_a_losss_map_is_compared_by_factors():
    plan = map_presets()["inner"].plan
    cell = recorded_map().cells[0]
    seeds = [{s: 10.0 ** (-place / 9 - s / 50 * (place % 2)) for s in range(3)} for place in range(9)]
    cells = tuple(
        cell.model_copy(update={"at": at, "measures": m}) for at, m in zip(plan.grid(), seeds, strict=True)
    )
    view = recorded_map().model_copy(update={"plan": plan, "cells": cells, "losses": True})
    said = figures.summary(view, ENGLISH)
    assert said.startswith("Best cell: Inner step size α 0.03, Inner steps 5")
    assert "times" in figures.heat(view, ENGLISH)
