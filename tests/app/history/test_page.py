"""The history's page as a script: what it lists, what its address means, and what becomes of a file."""

import json
from html import escape

import pytest

from app.history import importing, marking, page, table
from app.i18n.text import Translate, markdown
from app.reports import files, handout
from app.results.bundled import recorded
from app.runs import panel, seen, shown
from kd_core.data import own
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import message
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.sweeps.plan import Plan
from kd_core.techniques import TECHNIQUES
from tests.pages import open_page, texts

PAGE = "pages/history.py"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store of its own, and a queue whose workers never start."""
    made = Store(f"sqlite:///{tmp_path / 'lab.db'}")
    queue = Queue(rest=10**6, store=made)
    for module in (panel, page, marking, shown):
        monkeypatch.setattr(module, "store", lambda: made)
    for module in (panel, shown):
        monkeypatch.setattr(module, "queue", lambda: queue)
    yield made
    queue.close()
    made.close()


def keep(store, run, technique="distillation", owner="", plan=None, data="MNIST", **changes):
    result = recorded(technique)
    settings = TECHNIQUES[technique].settings(**result.settings | changes)
    store.begin(run, settings, owner, plan)
    made = result.data.model_copy(update={"name": data})
    result = result.model_copy(update={"settings": settings.model_dump(), "data": made})
    store.finish(run, settings, result, data, 12.5)


@pytest.fixture
def filled(store):
    keep(store, "one")
    keep(store, "two", temperature=8.0)
    keep(store, "three", "multitask")
    store.begin("four", DistillationSettings())
    store.end(
        "four", "failed", message("The workers' process ended unexpectedly, and this run with it. Start it again.")
    )
    return store


def test_an_empty_history_says_so_and_leads_to_a_page(store):
    at = open_page(PAGE)
    assert "Nothing has been run here yet" in texts(at)
    assert not at.dataframe
    assert at.file_uploader


def test_a_store_out_of_reach_says_so_in_its_own_words(store, monkeypatch):
    nowhere = Store("sqlite:////proc/nowhere/lab.db")
    monkeypatch.setattr(page, "store", lambda: nowhere)
    at = open_page(PAGE)
    assert "Runs are not kept at present" in texts(at)
    assert "Nothing has been run" not in texts(at)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_run_is_a_row_and_two_are_compared(filled, language):
    _ = Translate(language)
    at = open_page(PAGE, lang=language, runs="two,one")
    table = at.dataframe[0].value
    assert list(table["technique"]) == [
        _("Distillation"),
        _("Multi-task learning"),
        _("Distillation"),
        _("Distillation"),
    ]
    assert list(table["state"]) == [_("failed"), *[_("finished")] * 3]
    assert _("Temperature T") + " 8" in table["settings"][2]
    assert table["verdict"][0].startswith(
        _("The workers' process ended unexpectedly, and this run with it. Start it again.")
    )
    shown = texts(at)
    assert _("No difference at all between {b} and {a} on validation data.", a="A", b="B") in shown
    assert _("Paired: {n} trials with equal seeds, which drew equal data.", n=5) in shown
    assert len(at.get("plotly_chart")) == 1
    assert at.query_params["runs"] in ("two,one", ["two,one"])  # as the rows stand
    assert not at.warning


HOSTILE = "*b* :red[x] <i>[y](//z)"


def test_a_run_is_named_and_the_name_stands_wherever_the_run_does(filled):
    at = open_page(PAGE, runs="one")
    at.text_input(key="run_name one").set_value(HOSTILE)
    at.text_input(key="run_note one").set_value("=for the 30th")
    at.button(key="FormSubmitter:describe-Save").click().run()
    assert not at.exception
    assert at.dataframe[0].value["name"][3] == f"{HOSTILE} · =for the 30th"
    assert "'=for the 30th" in table.csv(filled.history(), {})
    compared = open_page(PAGE, runs="one,two")
    assert any(markdown(HOSTILE) in link.proto.label for link in compared.get("page_link"))
    html = " ".join(part.proto.body for part in compared.get("html"))
    assert escape(HOSTILE) in html
    assert HOSTILE not in html
    at = open_page("pages/distillation.py", run="one")
    assert markdown(HOSTILE) in texts(at)
    result = panel.queue().find("one").view().result
    report = handout.html(result, Translate("en"), "", (HOSTILE, "<b>"))
    assert f"<h1>{escape(HOSTILE)}</h1>" in report
    assert "<b>" not in report


def test_a_deleted_run_is_gone_from_its_link_too_and_undo_brings_it_back(filled):
    assert panel.queue().find("one")  # the server has it in its memory
    at = open_page(PAGE, runs="one,two")
    at.button(key="delete_runs").click().run()
    assert len(at.dataframe[0].value) == 2
    assert "Deleted: 2 runs." in texts(at)
    assert "mistyped, or the run was deleted" in texts(open_page("pages/distillation.py", run="one"))
    at.button(key="undo_delete").click().run()
    assert len(at.dataframe[0].value) == 4
    assert "Deleted" not in texts(at)
    assert panel.queue().find("one")


def test_somebody_elses_run_can_be_looked_at_only(filled):
    keep(filled, "theirs", owner="somebody")
    at = open_page(PAGE, runs="theirs")
    assert "Only whoever started a run may name or delete it." in texts(at)
    assert not at.text_input
    assert at.button(key="delete_runs").disabled
    at = open_page(PAGE, runs="theirs,one")
    at.button(key="delete_runs").click().run()
    assert filled.find("theirs")
    assert not filled.find("one")


def test_runs_on_somebody_elses_data_set_are_not_listed(store, monkeypatch):
    """Its name may say what nobody else is to know."""
    monkeypatch.setattr(seen, "visitor", lambda: "me")
    monkeypatch.setattr(own, "usable_by", lambda person: [])
    monkeypatch.setattr(own, "visible_to", lambda person: ())
    for run, owner in (("theirs", "somebody"), ("mine", "me"), ("nobodys", "")):
        keep(store, run, owner=owner, data="own: pets (0123456789)", dataset="pets")
    store.begin("waiting", DistillationSettings(dataset="pets"), "somebody")
    keep(store, "of_digits", owner="somebody")
    at = open_page(PAGE)
    assert sorted(at.dataframe[0].value["settings"]) == ["Data set pets", "Data set pets", "all at their defaults"]


def test_cells_of_a_set_that_was_replaced_stay_apart(store):
    plan = Plan.read("distillation", ["temperature=1,2"], {"dataset": "pets"})
    for place, digest in enumerate(("0123456789", "abcdefabcd")):
        for temperature in (1.0, 2.0):
            keep(store, f"cell {place} {temperature}", plan=plan.model_dump(), data=f"own: pets ({digest})",
                 dataset="pets", temperature=temperature)  # fmt: skip
    at = open_page(PAGE)
    assert [words.split(";")[0] for words in at.dataframe[0].value["settings"]] == 2 * [
        "Map of Temperature T, 2 cells"
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_maps_cells_are_one_row_that_opens(filled, language):
    _ = Translate(language)
    plan = Plan.read("distillation", ["temperature=1,2,4", "alpha=0,0.5"], {"seeds": 3})
    for place, cell in enumerate(plan.grid()):
        keep(filled, f"cell{place}", plan=plan.model_dump(), **cell)
    at = open_page(PAGE, lang=language, runs=f"map-{plan.key()},one")
    shown_rows = at.dataframe[0].value
    assert len(shown_rows) == 5
    alpha = DistillationSettings.specs()["alpha"].label
    row = shown_rows.iloc[0]
    assert row["settings"].startswith(_("Map of {axes}, {n} cells", axes=f"{_('Temperature T')} × {_(alpha)}", n=6))
    assert row["state"] == f"6 {_('finished')}"
    assert row["open"].startswith("sweep?technique=distillation&axis=temperature%3D1%2C2%2C4&axis=alpha%3D0%2C0.5")
    assert _("The cells of a map are compared on its own page; to compare some here, show its cells.") in texts(at)
    at.button(key=f"open map-{plan.key()}").click().run()
    assert len(at.dataframe[0].value) == 11
    assert at.dataframe[0].value["settings"][1].startswith("↳ " + _("Temperature T"))
    assert f"map-{plan.key()}" in str(at.query_params["maps"])
    assert len(open_page(PAGE, maps=f"map-{plan.key()}").dataframe[0].value) == 11
    at.button(key="delete_runs").click().run()
    assert len(at.dataframe[0].value) == 3
    at.button(key="undo_delete").click().run()
    assert len(at.dataframe[0].value) == 11


def test_an_unknown_run_in_the_address_is_one_sentence_as_typed(filled):
    at = open_page(PAGE, runs="one,nobody,**x**")
    (warning,) = at.warning
    assert "not among those listed here: nobody, " in warning.value
    assert "**x**" not in warning.value
    assert "Tick two or more" in texts(at)
    assert at.query_params["runs"] in ("one", ["one"])


def test_what_cannot_be_compared_gets_no_verdict(filled):
    at = open_page(PAGE, runs="one,three,four")
    shown = texts(at)
    assert "No verdict between B and A" in shown
    assert "without a result are left out" in shown


def test_filters_stand_in_the_address_and_bad_ones_are_named(filled):
    at = open_page(PAGE, show="multitask")
    assert len(at.dataframe[0].value) == 1
    at.selectbox(key="show").set_value("all").run()
    at.selectbox(key="state").set_value("ended").run()
    assert at.query_params["state"] in ("ended", ["ended"])
    assert len(at.dataframe[0].value) == 1
    assert "order = sideways" in open_page(PAGE, order="sideways").warning[0].value


def test_ticks_outlive_a_filter(filled):
    at = open_page(PAGE, runs="one,two")
    at.selectbox(key="show").set_value("distillation").run()
    assert set(str(at.query_params["runs"]).strip("[]'").split(",")) == {"one", "two"}
    assert not at.exception


def test_back_ticks_what_was_ticked_before_and_an_address_that_lags_does_not(filled, monkeypatch):
    at = open_page(PAGE, runs="one,two")
    at.session_state["runs_table"] = {"selection": {"rows": [2], "columns": [], "cells": []}}  # two, alone
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 60.0)
    at.run()
    assert at.query_params["runs"] in ("two", ["two"])
    at.query_params["runs"] = "two,one"  # as a browser has it that has not heard yet
    at.run()
    assert at.query_params["runs"] in ("two", ["two"])
    monkeypatch.setattr("app.controls.address.SETTLED_SECONDS", 0.0)
    for ticked in ("two,one", "two", "one"):  # now it is the browser's Back, and Forward
        at.query_params["runs"] = ticked
        at.run()
        assert at.query_params["runs"] in (ticked, [ticked])
        assert ("Side by side" in texts(at)) == ("," in ticked)


def test_a_file_is_read_in_marked_and_never_twice(filled):
    at = open_page(PAGE)
    content = files.json(recorded("transfer")).encode()
    at.file_uploader(key="import_file").upload("result.json", content, "application/json").run()
    assert not at.exception
    assert "marked as imported" in " ".join(said.value for said in at.success)
    table = at.dataframe[0].value
    assert list(table["state"]).count("imported") == 1
    (imported,) = (e for e in filled.history() if e.origin == "imported")
    assert imported.id in str(at.query_params["runs"])
    again = open_page(PAGE)
    again.file_uploader(key="import_file").upload("again.json", content, "application/json").run()
    assert sum(e.origin == "imported" for e in filled.history()) == 1
    shown = texts(open_page("pages/transfer.py", run=imported.id))
    assert str(recorded("transfer").verdict.text) in shown


@pytest.mark.parametrize("technique", list(TECHNIQUES))
def test_an_imported_result_is_drawn_on_its_page_and_marked(store, technique):
    store.add("imported-x", importing.read(files.json(recorded(technique)).encode()))
    at = open_page(f"pages/{technique}.py", run="imported-x")
    assert str(recorded(technique).verdict.text) in texts(at)
    assert "nobody here has trained it" in texts(at)
    at.session_state["tab"] = "Export"
    at.run()
    assert not at.exception
    assert len(at.get("download_button")) >= 3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_bad_file_is_one_sentence(filled, language):
    at = open_page(PAGE, lang=language)
    record = json.loads(files.json(recorded("transfer")))
    record["settings"]["lam"] = "<script>*x*"
    for content in (b"\x00\x01", b"{}", json.dumps(record).encode()):
        at.file_uploader(key="import_file").set_value(("x.json", content, "application/json")).run()
        assert not at.exception
        (error,) = at.error
        assert "*x*" not in error.value.replace("\\*", "")
    assert not any(e.origin == "imported" for e in filled.history())
