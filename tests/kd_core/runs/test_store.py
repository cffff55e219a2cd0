"""The store: what is kept is found again, by the same settings only, whatever happens to the database."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest
from optuna.storages import InMemoryStorage
from sqlalchemy.exc import OperationalError

from app.results.bundled import recorded
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import message
from kd_core.meta_learning.settings import MetaSettings
from kd_core.runs import store as store_module
from kd_core.runs.entry import machine_of
from kd_core.runs.store import SCHEMA, Store
from kd_core.sweeps.study import opened

SETTINGS = DistillationSettings(precision="float32", device="cpu", seeds=2)


@pytest.fixture
def result():
    """A real Result with a network in it, as one of SETTINGS."""
    whole = recorded("distillation")
    arms = tuple(
        arm.model_copy(update={"trials": tuple(
            t.model_copy(update={"weights": b"safetensors" if not i else None}) for i, t in enumerate(arm.trials)
        )})
        for arm in whole.arms
    )  # fmt: skip
    return whole.model_copy(update={"arms": arms, "settings": SETTINGS.model_dump()})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "folder" / "lab.db"


def test_a_finished_run_is_the_answer_to_the_same_settings_and_to_no_others(store, file, result):
    store.begin("one", SETTINGS)
    assert store.answer(SETTINGS, result.version, "MNIST") is None
    store.finish("one", SETTINGS, result, "MNIST", 12.5)
    assert store.answer(SETTINGS, result.version, "MNIST") == ("one", result)
    for other, version, data in (
        (SETTINGS.model_copy(update={"temperature": 5.0}), result.version, "MNIST"),
        (SETTINGS.model_copy(update={"seeds": 3}), result.version, "MNIST"),
        (SETTINGS, result.version + 1, "MNIST"),
        (SETTINGS, result.version, "UCI digits"),
    ):
        assert store.answer(other, version, data) is None
    again = Store(f"sqlite:///{file}")
    assert again.answer(SETTINGS, result.version, "MNIST") == ("one", result)
    again.close()


def test_many_settings_are_answered_with_one_look(store, result):
    warmer, unknown = (SETTINGS.model_copy(update={"temperature": t}) for t in (7.0, 9.0))
    store.begin("one", SETTINGS)
    store.finish("one", SETTINGS, result, "MNIST", 12.5)
    store.finish("two", warmer, result, "MNIST", 12.5)
    time.sleep(0.01)
    store.finish("three", SETTINGS, result, "MNIST", 12.5)
    store.add("theirs", result)
    asked = [unknown, warmer, SETTINGS, SETTINGS]
    bare = result.without_networks()
    assert store.answers(asked, result.version, "MNIST") == [None, ("two", bare), ("three", bare), ("three", bare)]
    assert store.answers(asked, result.version + 1, "MNIST") == [None] * 4
    for settings, answer in zip(asked, store.answers(asked, result.version, "MNIST"), strict=True):
        alone = store.answer(settings, result.version, "MNIST")
        assert (answer and answer[0]) == (alone and alone[0])


def test_networks_lie_beside_the_record(store, file, result):
    store.begin("one", SETTINGS)
    store.finish("one", SETTINGS, result, "MNIST", 12.5)
    with sqlite3.connect(file) as raw:
        kept = dict(raw.execute("SELECT arm, safetensors FROM networks").fetchall())
    raw.close()
    assert kept == result.networks()
    assert len(kept) == len(result.arms)


def test_the_history_lists_runs_newest_first_with_what_they_were(store, result):
    store.begin("one", SETTINGS)
    store.finish("one", SETTINGS, result, "MNIST", 12.5)
    store.begin("two", MetaSettings())
    store.end("two", "failed", message("Seed {seed} is unlucky.", seed=3))
    two, one = store.history()
    assert (two.id, two.state, str(two.problem)) == ("two", "failed", "Seed 3 is unlucky.")
    assert (one.id, one.state, one.seconds, one.data) == ("one", "finished", 12.5, "MNIST")
    assert one.verdict == result.verdict.text
    arm = result.arms[-1]
    errors = [trial.curve[-1][1] for trial in arm.trials]
    assert one.validation[arm.name] == pytest.approx(10_000 * sum(errors) / len(errors) / result.data.validation)
    assert one.settings == SETTINGS.model_dump()


def test_trials_are_found_by_seed_for_the_same_machine(store, result):
    for seed in (0, 1, 5):
        store.keep_trial(SETTINGS, "MNIST", seed, result)
    more, machine = SETTINGS.model_copy(update={"seeds": 3}), machine_of(result.provenance)
    assert store.trials(more, result.version, "MNIST", machine) == {0: result, 1: result}
    assert store.trials(more, result.version, "MNIST", "another") == {}
    assert store.trials(more, result.version + 1, "MNIST", machine) == {}


def test_a_run_that_nobody_speaks_for_was_interrupted(store, monkeypatch):
    store.begin("one", SETTINGS)
    store.begin("two", SETTINGS)
    monkeypatch.setattr(store_module, "SILENT_SECONDS", 0.2)
    time.sleep(0.3)
    store.heartbeat({"two": "running"})
    assert store.find("one").state == "interrupted"
    assert store.find("two").state == "running"


def test_an_imported_result_is_listed_and_answers_nothing(store, result):
    store.add("theirs", result)
    assert store.find("theirs").origin == "imported"
    assert store.result("theirs") == result
    assert store.answer(SETTINGS, result.version, "MNIST") is None
    assert store.durations("distillation") == []


def test_a_damaged_file_is_kept_aside_named_and_replaced(store, file, result):
    store.begin("one", SETTINGS)
    store.close()
    for path in file.parent.glob("lab.db-*"):
        path.unlink()
    file.write_bytes(b"not a database at all" * 1000)
    store.begin("two", SETTINGS)
    assert store.problem is None
    aside = [path for path in file.parent.iterdir() if "damaged" in path.name]
    assert len(aside) == 1
    assert aside[0].read_bytes().startswith(b"not a database")
    assert aside[0].name in str(store.notices[0])
    assert [entry.id for entry in store.history()] == ["two"]


def test_a_page_of_rubbish_inside_is_noticed_too(store, file, result):
    for run in range(30):
        store.begin(str(run), SETTINGS)
        store.finish(str(run), SETTINGS, result, "MNIST", 1.0)
    store.close()
    with sqlite3.connect(file) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:8192] + b"\xff" * 65536 + whole[8192 + 65536 :])
    store.begin("new", SETTINGS)
    assert store.problem is None
    assert "damaged" in str(store.notices[0])


def test_a_full_disk_is_one_sentence_and_the_lab_goes_on(store, result):
    store.begin("one", SETTINGS)

    def keep_small(connection, _):
        connection.execute("PRAGMA max_page_count = 20")  # SQLite's own "disk is full"

    store_module.sa.event.listen(store._engine, "connect", keep_small)
    store._engine.dispose()
    store.finish("one", SETTINGS, result, "MNIST", 1.0)
    assert "full" in str(store.problem)
    assert "\n" not in str(store.problem)
    store_module.sa.event.remove(store._engine, "connect", keep_small)
    store._engine.dispose()
    store.finish("one", SETTINGS, result, "MNIST", 1.0)
    assert store.problem is None
    assert store.result("one") == result


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = Store(f"sqlite:///{tmp_path / 'file' / 'lab.db'}")
    store.begin("one", SETTINGS)
    assert "Runs are not kept at present" in str(store.problem)
    assert str(tmp_path / "file" / "lab.db") in str(store.problem)
    assert store.history() == []


@pytest.mark.parametrize(
    ("said", "remedy"),
    [("unable to open database file", "KD_DATABASE_URL"),
     ("attempt to write a readonly database", "KD_DATABASE_URL"),
     ("database or disk is full", "free some space on its disk"),
     ("database is locked", "end the other process that writes to it")],
)  # fmt: skip
def test_the_sentence_says_what_to_do_about_this_very_failure(store, file, monkeypatch, said, remedy):
    def fails(_session):
        raise OperationalError("INSERT", {}, sqlite3.OperationalError(said))

    store._write(fails)
    assert f"the database {file} answers “{said}”" in str(store.problem)
    assert store.history() == []  # reading goes well, and does not end that nothing is kept
    assert remedy in str(store.problem)
    assert ("free some space" in str(store.problem)) == ("full" in said)


def test_a_folder_of_somebody_elses_names_the_path_and_another_way(monkeypatch, tmp_path):
    def forbidden(*_arguments, **_options):
        raise PermissionError(13, "Permission denied")

    store = Store(f"sqlite:///{tmp_path / 'theirs' / 'lab.db'}")
    monkeypatch.setattr(store_module.Path, "mkdir", forbidden)
    store.begin("one", SETTINGS)
    assert str(tmp_path / "theirs" / "lab.db") in str(store.problem)
    assert "let the lab's user write" in str(store.problem)


def test_without_a_home_folder_the_sentence_names_the_variable(monkeypatch):
    def homeless(*_arguments):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("KD_DATABASE_URL", raising=False)
    monkeypatch.setattr("kd_core.paths.platformdirs.user_data_path", homeless)
    store = Store()
    store.begin("one", SETTINGS)
    assert "set the environment variable KD_DATABASE_URL to sqlite:////FOLDER/lab.db" in str(store.problem)
    assert store.history() == []
    storage, problem = opened(None)
    assert isinstance(storage, InMemoryStorage)
    assert "KD_DATABASE_URL" in str(problem)


@pytest.mark.parametrize("url", ["nonsense", "mysql://nobody@nowhere/lab", "postgresql+nodriver://u:secret@h/lab"])
def test_an_address_that_cannot_be_used_is_named_without_its_password(url):
    store = Store(url)
    store.begin("one", SETTINGS)
    assert "KD_DATABASE_URL" in str(store.problem)
    assert "secret" not in str(store.problem)


def test_a_database_of_a_newer_lab_is_left_alone(store, file):
    store.begin("one", SETTINGS)
    store.close()
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE lab_schema SET version = ?", (SCHEMA + 1,))
    raw.close()
    store.begin("two", SETTINGS)
    assert "newer version" in str(store.problem)
    with sqlite3.connect(file) as raw:
        assert raw.execute("SELECT id FROM runs").fetchall() == [("one",)]
    raw.close()


def write_from_two_servers(url):
    """Two processes open a new database at once and write fifty runs each; all of them are there."""
    program = (
        "import sys, kd_core.runs.store as s\n"
        "from kd_core.distillation.settings import DistillationSettings as D\n"
        "store = s.Store(sys.argv[1])\n"
        "for n in range(50): store.begin(sys.argv[2] + str(n), D())\n"
        "assert store.problem is None, store.problem\n"
    )
    servers = [
        subprocess.Popen([sys.executable, "-c", program, url, name], cwd=Path(__file__).parents[3]) for name in "ab"
    ]
    assert [server.wait(180) for server in servers] == [0, 0]
    store = Store(url)
    assert len(store.history()) == 100
    store.close()


def test_two_servers_on_one_new_database(file):
    write_from_two_servers(f"sqlite:///{file}")


def test_many_threads_may_write(store):
    threads = [threading.Thread(target=store.begin, args=(str(n), SETTINGS)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.problem is None
    assert len(store.history()) == 20


def test_a_record_that_no_longer_fits_is_no_answer(store, file, result):
    store.begin("one", SETTINGS)
    store.finish("one", SETTINGS, result, "MNIST", 1.0)
    strange = json.loads(result.model_dump_json()) | {"from the future": 1}
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE runs SET result = ?", (zlib.compress(json.dumps(strange).encode()),))
    raw.close()
    assert store.answer(SETTINGS, result.version, "MNIST") is None
    assert store.problem is None
