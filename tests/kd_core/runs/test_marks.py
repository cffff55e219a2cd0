"""Names, notes and deletions of runs: who may make them, what becomes of a deleted run, and of older databases."""

import sqlite3

import pytest

from app.results.bundled import recorded
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import Problem
from kd_core.runs.marks import KEPT_SECONDS, LONGEST_NAME, LONGEST_NOTE, Marks
from kd_core.runs.store import Store

SETTINGS = DistillationSettings(precision="float32", device="cpu", seeds=2)
RESULT = recorded("distillation").model_copy(update={"settings": SETTINGS.model_dump()})


@pytest.fixture
def marks(store):
    return Marks(store)


def keep(store, run, owner="ann", **more):
    store.begin(run, SETTINGS, owner, **more)
    store.finish(run, SETTINGS, RESULT, "MNIST", 12.5)


def test_a_name_and_a_note_are_kept_and_given_in_place_of_earlier_ones(store, file, marks):
    keep(store, "one")
    marks.describe("one", "ann", "small  student\n", "for Monday\x00's \u202eslides")
    entry = store.find("one")
    assert (entry.name, entry.note, entry.owner) == ("small student", "for Monday's slides", "ann")
    marks.describe("one", "ann", "", "学生")
    again = Store(f"sqlite:///{file}")
    assert (again.find("one").name, again.find("one").note) == ("", "学生")
    again.close()


@pytest.mark.parametrize(("name", "note"), [("x" * (LONGEST_NAME + 1), ""), ("", "x" * (LONGEST_NOTE + 1))])
def test_what_is_too_long_is_one_sentence_with_the_limit(store, marks, name, note):
    keep(store, "one")
    with pytest.raises(Problem, match=f"at most {len(name or note) - 1} characters"):
        marks.describe("one", "ann", name, note)
    assert store.find("one").name == ""


def test_only_whoever_started_a_run_may_name_or_delete_it(store, marks):
    keep(store, "one")
    store.add("theirs", RESULT, "bob")
    for run in ("one", "theirs"):
        with pytest.raises(Problem, match="Only whoever started"):
            marks.describe(run, "eve", "mine", "")
        with pytest.raises(Problem, match="Only whoever started"):
            marks.delete([run], "eve")
    marks.delete(["one"], "ann")
    with pytest.raises(Problem, match="too late"):
        marks.restore(["one"], "eve")
    assert store.find("one") is None
    keep(store, "old", owner="")  # of a lab that did not keep it: everybody's, as it is for Stop
    marks.describe("old", "eve", "found", "")
    assert store.find("old").name == "found"


def test_a_deleted_run_is_nowhere_until_that_is_undone(store, marks):
    keep(store, "one")
    keep(store, "two", owner="ann")
    marks.describe("two", "ann", "second", "")
    marks.delete(["two"], "ann")
    assert [entry.id for entry in store.history()] == ["one"]
    assert (store.find("two"), store.result("two")) == (None, None)
    assert store.answer(SETTINGS, RESULT.version, "MNIST")[0] == "one"
    marks.delete(["one"], "ann")
    assert store.answer(SETTINGS, RESULT.version, "MNIST") is None
    marks.restore(["one", "two"], "ann")
    assert {entry.id: entry.name for entry in store.history()} == {"one": "", "two": "second"}
    assert store.result("two") == RESULT
    with pytest.raises(Problem, match="deleted meanwhile"):
        marks.describe("three", "ann", "third", "")


def test_a_run_under_way_is_not_deleted_nor_are_those_chosen_with_it(store, marks):
    keep(store, "one")
    store.begin("going", SETTINGS, "ann")
    with pytest.raises(Problem, match="stop it first"):
        marks.delete(["one", "going"], "ann")
    assert {entry.id for entry in store.history()} == {"one", "going"}


def test_what_was_deleted_is_gone_for_good_after_a_day(store, file):
    now = 1000.0
    marks = Marks(store, lambda: now)
    for run in ("one", "two", "three"):
        keep(store, run)
    marks.delete(["one"], "ann")
    now += KEPT_SECONDS + 1
    marks.delete(["two"], "ann")
    with pytest.raises(Problem, match="kept for a day"):
        marks.restore(["one"], "ann")
    marks.restore(["two"], "ann")
    with sqlite3.connect(file) as raw:
        assert {run for (run,) in raw.execute("SELECT id FROM runs")} == {"two", "three"}
        assert not raw.execute("SELECT 1 FROM run_marks WHERE run = 'one'").fetchall()
    raw.close()


def test_a_result_that_was_deleted_may_be_read_in_again(store, marks):
    store.add("file", RESULT, "ann")
    marks.describe("file", "ann", "theirs", "")
    marks.delete(["file"], "ann")
    store.add("file", RESULT, "bob")
    entry = store.find("file")
    assert (entry.name, entry.owner) == ("", "bob")


def test_cells_of_maps_do_not_crowd_out_other_runs(store):
    plan = {"technique": "distillation", "axes": [{"field": "temperature", "values": [1.0, 4.0]}]}
    keep(store, "alone")
    for cell in range(6):
        keep(store, f"cell {cell}", plan=plan)
    listed = store.history(limit=1)
    assert len(listed) == 5
    assert listed[-1].id == "alone"
    assert listed[0].plan == plan


def test_a_database_of_an_earlier_lab_gains_the_table(store, file):
    keep(store, "one", owner="")
    store.close()
    with sqlite3.connect(file) as raw:
        raw.execute("DROP TABLE run_marks")
    raw.close()
    Marks(store).describe("one", "ann", "old", "")
    assert store.find("one").name == "old"
    assert store.problem is None


def test_a_database_out_of_reach_is_one_sentence():
    with pytest.raises(Problem, match="not kept at present"):
        Marks(Store("sqlite:////proc/nowhere/lab.db")).describe("one", "ann", "x", "")
    with pytest.raises(Problem, match="not kept at present"):
        Marks(Store("sqlite:////proc/nowhere/lab.db")).delete(["one"], "ann")
