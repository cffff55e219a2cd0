"""The store on a real PostgreSQL server, which this file starts for itself: two labs share it, and it may go away.

Skipped without PostgreSQL's programs and `requirements-postgres.txt`; with KD_REQUIRE_POSTGRES that is a failure.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from test_store import write_from_two_servers

from app.results.bundled import recorded
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import Problem
from kd_core.runs.entry import machine_of
from kd_core.runs.marks import Marks
from kd_core.runs.rooms import Question, Rooms
from kd_core.runs.store import SCHEMA, Store
from tests.browser.conftest import free_port
from tests.missing import missing

SETTINGS = DistillationSettings.parse(recorded("distillation").settings)


def programs():
    """The folder of PostgreSQL's programs; Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Server:
    """A PostgreSQL server of its own folder and port, on loopback."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        # It refuses to run as root; Debian's package brings a user for it.
        self.rights = {"user": "postgres", "group": "postgres"} if os.name == "posix" and not os.geteuid() else {}
        if self.rights:
            shutil.chown(folder, "postgres", "postgres")
        self.call("initdb", "-D", folder / "data", "-A", "trust", "-U", "lab", "--no-sync", "-E", "UTF8")

    def call(self, program, *arguments):
        subprocess.run([programs() / program, *arguments], check=True, capture_output=True, cwd=self.folder,
                       timeout=60, **self.rights)  # fmt: skip

    def start(self):
        options = f"-p {self.port} -h 127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self.call("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self):
        self.call("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    @property
    def url(self):
        return f"postgresql+psycopg://lab:secret@127.0.0.1:{self.port}/postgres"


@pytest.fixture(scope="module")
def server():
    try:
        import psycopg  # noqa: F401
    except ImportError:
        missing("psycopg is missing; install requirements-postgres.txt", "KD_REQUIRE_POSTGRES")
    if not programs():
        missing("PostgreSQL's programs were not found", "KD_REQUIRE_POSTGRES")
    with tempfile.TemporaryDirectory(prefix="lab-postgres-") as folder:
        running = Server(Path(folder), free_port())
        running.start()
        yield running
        running.stop()


@pytest.fixture
def store(server):
    made = Store(server.url)
    yield made
    made.close()


def test_runs_trials_and_networks_come_back_as_they_were(store):
    result = recorded("distillation")
    arms = tuple(
        arm.model_copy(
            update={"trials": (arm.trials[0].model_copy(update={"weights": b"\x00net"}), *arm.trials[1:])}
        )
        for arm in result.arms
    )
    result = result.model_copy(update={"arms": arms})
    store.begin("one", SETTINGS)
    assert store.find("one").state == "queued"
    store.heartbeat({"one": "running"})
    store.finish("one", SETTINGS, result, "MNIST", 12.5)
    assert store.problem is None
    assert store.answer(SETTINGS, result.version, "MNIST") == ("one", result)
    assert store.durations("distillation") == [(result.settings, 12.5)]
    (entry,) = store.history()
    assert (entry.id, entry.state, str(entry.verdict)) == ("one", "finished", str(result.verdict.text))
    store.keep_trial(SETTINGS, "MNIST", 3, result)
    store.keep_trial(SETTINGS, "MNIST", 3, result)  # an earlier one gives way
    assert store.trials(SETTINGS, result.version, "MNIST", machine_of(result.provenance)) == {3: result}
    store.add("theirs", result)
    assert store.find("theirs").origin == "imported"
    store.remove("one")
    assert store.find("one") is None


def test_two_servers_write_into_one_new_database(server):
    subprocess.run([programs() / "createdb", "-h", "127.0.0.1", "-p", str(server.port), "-U", "lab", "shared"],
                   check=True, timeout=30)  # fmt: skip
    write_from_two_servers(server.url.replace("/postgres", "/shared"))


def test_a_server_that_goes_away_is_one_sentence_and_is_found_again(server, store):
    store.begin("before", SETTINGS)
    server.stop()
    store.begin("meanwhile", SETTINGS)
    assert "Runs are not kept at present" in str(store.problem)
    assert "secret" not in str(store.problem)
    assert "\n" not in str(store.problem)
    assert store.history() == []
    server.start()
    store.begin("after", SETTINGS)
    assert store.problem is None
    assert {"before", "after"} <= {entry.id for entry in store.history()}


def test_the_version_of_the_schema_is_in_it(server, store):
    import psycopg

    store.history()
    with psycopg.connect(server.url.replace("+psycopg", "")) as raw:
        assert raw.execute("SELECT version FROM lab_schema").fetchall() == [(SCHEMA,)]
        raw.execute("UPDATE lab_schema SET version = %s", (SCHEMA + 1,))
    later = Store(server.url)
    later.begin("late", SETTINGS)
    assert "newer version" in str(later.problem)
    assert "secret" not in str(later.problem)
    with psycopg.connect(server.url.replace("+psycopg", "")) as raw:
        raw.execute("UPDATE lab_schema SET version = %s", (SCHEMA,))


def test_phones_at_two_servers_guess_in_one_room(store, server):
    there = Store(server.url)
    question = Question("talk 1", {"en": "Will it?"}, {"en": {"yes": "Yes", "no": "No"}})
    here, beside = Rooms(store), Rooms(there)
    code = here.open("speaker")
    here.show("speaker", question)
    for rooms, choice, device in ((here, "yes", "a"), (beside, "no", "b"), (beside, "no", "a")):
        rooms.guess(code, question.name, choice, device)
    here.show("speaker", question, truth="no")
    assert Rooms(there).state(code).tally == {"no": 2}
    here.close("speaker")
    assert beside.of("speaker") is None
    there.close()


def test_names_and_deletions_are_kept_and_undone(store):
    result = recorded("distillation")
    store.begin("named", SETTINGS, "ann", plan={"technique": "distillation"})
    store.finish("named", SETTINGS, result, "MNIST", 12.5)
    marks = Marks(store)
    marks.describe("named", "ann", "学生\x00", "a note")
    entry = store.find("named")
    assert (entry.name, entry.note, entry.plan) == ("学生", "a note", {"technique": "distillation"})
    marks.delete(["named"], "ann")
    assert store.find("named") is None
    marks.restore(["named"], "ann")
    assert "named" in {entry.id for entry in store.history()}
    Marks(store, lambda: 0.0).delete(["named"], "ann")
    marks.delete([], "ann")  # a day later, what was deleted goes for good
    with pytest.raises(Problem):
        marks.restore(["named"], "ann")
