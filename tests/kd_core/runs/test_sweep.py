"""Maps through a real queue, with a technique whose best is known: they fill, stop, resume, search and refuse."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean

import psutil
import pytest
from map_toy import IMAGES, MapToySettings, errors_of
from registry import registered
from test_queue import HERE, until

from kd_core.distillation.settings import DISTILLED
from kd_core.messages import Problem
from kd_core.runs.limits import Limits
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.sweeps import table
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.sweep import Sweeps

AXES = ["x=1,3,4", "y=0.5,1"]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('maps') / 'lab.db'}"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Where the technique writes down which trials it begins."""
    return tmp_path_factory.mktemp("log") / "begun.txt"


@pytest.fixture
def held(log):
    """While this file is there, the last two of AXES' cells do not end."""
    file = log.with_name("held")
    file.write_text("4")
    yield file
    file.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def queue(url, log):
    store = Store(url)
    env = {"PYTHONPATH": HERE, "KD_WORKERS": "2", "MAP_TOY_LOG": str(log)}
    with registered(MapToySettings, DISTILLED):
        queue = Queue(env, ("map_toy",), store=store, limits=Limits(queue=10))
        until(lambda: queue.warm, 60)
        yield queue
        queue.close()
        store.close()


@pytest.fixture
def sweeps(queue, url):
    made = Sweeps(queue, url)
    yield made
    made.close()


def plan(*axes, trials=0, seeds=2, **settings):
    return Plan.read("map_toy", axes or AXES, {"seeds": seeds, **settings}, trials)


def runs(url):
    with sqlite3.connect(url.removeprefix("sqlite:///")) as raw:
        return raw.execute("SELECT count(*) FROM runs WHERE technique = 'map_toy'").fetchone()[0]


def test_every_cell_is_a_run_and_its_measures_are_that_runs(sweeps, queue):
    asked = plan(seeds=3)
    view = sweeps.start(asked).wait(180)
    assert (view.state, view.done, view.problem) == ("finished", 6, None)
    assert [cell.at for cell in view.cells] == asked.grid()
    for cell in view.cells:
        settings = MapToySettings(**cell.at, seeds=3)
        wanted = {seed: 10_000 * errors_of(settings, seed) / IMAGES for seed in range(3)}
        assert cell.measures == pytest.approx(wanted)
        assert queue.find(cell.run).view().result.settings == settings.model_dump()
    assert view.best.at == {"x": 3.0, "y": 0.5}
    assert view.best.mean == pytest.approx(fmean(view.best.measures.values()))
    stands = table.judged(view)
    assert stands[table.name_of(view.best)].is_best
    assert "best: x=3 y=0.5" in table.table(view)


def test_the_same_map_again_and_cells_of_another_map_cost_nothing(sweeps, queue, url, monkeypatch):
    first = sweeps.start(plan()).wait(180)
    before = runs(url)
    monkeypatch.setattr(queue, "submit", lambda *_, **__: pytest.fail("no cell needs a run"))
    view = sweeps.start(plan()).wait(180)
    assert (view.state, view.done) == ("finished", 6)
    other = sweeps.start(plan("y=0.5,1", "x=3,4")).wait(180)  # another map of the same cells
    assert other.state == "finished"
    assert all(cell.seconds == 0 for cell in other.cells)
    known = {table.name_of(cell): (cell.run, cell.measures) for cell in first.cells}
    for cell in other.cells:
        assert (cell.run, cell.measures) == known[f"x={cell.at['x']:g} y={cell.at['y']:g}"]
    assert runs(url) == before


def test_a_map_that_is_stopped_goes_on_where_it_was_also_on_another_server(sweeps, queue, url, held):
    asked = plan(pause=0.001)
    sweep = sweeps.start(asked)
    until(lambda: sweep.view().done >= 3)
    sweep.stop()
    stopped = sweep.wait(180)
    held.unlink()
    assert stopped.state == "stopped"
    assert 3 <= stopped.done < 6
    assert {cell.state for cell in stopped.cells} == {"finished", "waiting"}
    other = Sweeps(queue, url)
    found = other.view(asked.key())
    assert (found.state, found.done) == ("interrupted", stopped.done)
    assert found.cells == tuple(c.model_copy(update={"run": c.run if c.measures else None}) for c in stopped.cells)
    resumed = other.start(asked).wait(180)
    assert (resumed.state, resumed.done) == ("finished", 6)
    kept = {table.name_of(c): c.run for c in stopped.cells if c.state == "finished"}
    assert {table.name_of(c): c.run for c in resumed.cells if table.name_of(c) in kept} == kept
    assert [name for name, _plan, _when in other.known()].count(asked.key()) == 1


SERVER = """
import sys
from registry import registered
from map_toy import MapToySettings
from kd_core.sweeps.plan import Plan
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.sweeps.sweep import Sweeps
from registry import registered
url, plan = sys.argv[1], Plan.model_validate_json(sys.argv[2])
with registered(MapToySettings, "distilled student"):
    queue = Queue(modules=("map_toy",), store=Store(url))
    sweep = Sweeps(queue, url).start(plan)
    while (view := sweep.wait(0.02)).state == "running":
        print(view.done, flush=True)
"""


@pytest.mark.proof
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_map_survives_the_death_of_its_server_and_trains_no_finished_cell_again(sweeps, url, log, held):
    asked = plan(pause=0.002)
    path = os.pathsep.join((str(Path(__file__).parents[3]), HERE))
    env = {**os.environ, "PYTHONPATH": path, "KD_WORKERS": "2", "MAP_TOY_LOG": str(log)}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, url, asked.model_dump_json()], env=env, stdout=subprocess.PIPE, text=True
    )
    while int(server.stdout.readline()) < 3:  # the fourth's join may wait behind the two that are held
        pass
    family = psutil.Process(server.pid).children(recursive=True)
    assert len(family) >= 3
    server.send_signal(signal.SIGKILL)
    server.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    held.unlink()
    kept = Store(url)
    finished = [e.settings for e in kept.history() if e.state == "finished" and e.settings.get("pause") == 0.002]
    kept.close()
    assert 3 <= len(finished) < 6

    resumed = sweeps.start(asked).wait(180)  # by another process: this one
    trained = begun(log, 0.002)
    assert len(trained) == 12
    assert {trained[at["x"], at["y"], seed] for at in finished for seed in range(2)} == {1}
    # What each of its two workers had in hand was begun anew, or had just finished and nobody had written down yet.
    assert trained.total() <= 12 + 4
    assert max(trained.values()) <= 2
    whole = sweeps.start(plan(pause=0.003)).wait(180)  # the same errors, and nobody dies
    assert begun(log, 0.003).total() == 12
    assert (resumed.state, whole.state) == ("finished", "finished")
    assert [(c.at, c.state, c.measures) for c in resumed.cells] == [
        (c.at, c.state, c.measures) for c in whole.cells
    ]


def begun(log, pause):
    """(x, y, seed) -> how often a trial of it was begun, as the technique has written down."""
    lines = (tuple(map(float, line.split())) for line in log.read_text().splitlines())
    return Counter((x, y, seed) for x, y, slept, seed, _process in lines if slept == pause)


def test_a_failed_cell_says_why_and_the_others_go_on(sweeps):
    view = sweeps.start(plan("kind=good,broken", "x=1,2")).wait(180)
    assert [cell.state for cell in view.cells] == ["finished", "finished", "failed", "failed"]
    assert str(view.cells[2].problem) == "The broken kind does not work."
    assert table.table(view).count("failed") == 2


@pytest.mark.proof
def test_a_search_finds_the_known_best_and_gives_hopeless_cells_up(sweeps, url):
    view = sweeps.start(plan("x=0,10", "y=0,1", trials=40, seeds=3, pause=0.01)).wait(120)
    assert (view.state, len(view.cells)) == ("finished", 40)
    assert view.best.at["x"] == pytest.approx(3, abs=0.8)
    assert view.best.at["y"] == pytest.approx(0.5, abs=0.25)
    pruned = [cell for cell in view.cells if cell.state == "pruned"]
    assert pruned
    finished = [cell for cell in view.cells if cell.state == "finished"]
    assert len(pruned) + len(finished) == 40
    assert not any(cell.measures for cell in pruned)
    again = Sweeps(sweeps._queue, url).view(view.id)
    assert {c.state for c in again.cells} == {"finished", "pruned"}
    assert len(again.cells) == 40


def test_one_map_a_person_and_one_that_is_too_large_for_this_server(sweeps, queue):
    mine = sweeps.start(plan("x=5,6", "y=0.1,0.2", pause=0.3), "me")
    assert sweeps.of("me") is mine
    with pytest.raises(Problem, match="You have a map under way"):
        sweeps.start(plan("x=7,8", "y=0.1,0.2"), "me")
    assert sweeps.start(plan("x=5,6", "y=0.1,0.2", pause=0.3), "you") is mine  # the same map is watched
    mine.stop()
    mine.wait(180)
    queue.limits = Limits(images=1)
    with pytest.raises(Problem, match="this server allows 1 a run"):
        sweeps.start(plan("x=7,8", "y=0.1,0.2"))
    queue.limits = Limits()


def test_a_database_that_cannot_be_used_leaves_maps_in_memory(queue, tmp_path):
    (tmp_path / "file").write_text("")
    sweeps = Sweeps(queue, f"sqlite:///{tmp_path / 'file' / 'lab.db'}")
    view = sweeps.start(plan("x=1,2", "y=0.5,1")).wait(180)
    assert view.state == "finished"
    assert "Maps are not kept at present" in str(sweeps.problem)
    sweeps.close()


def test_trials_of_an_older_database_are_still_there(tmp_path):
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as raw:  # version 1, as it was
        raw.execute("CREATE TABLE lab_schema (version INTEGER PRIMARY KEY)")
        raw.execute("INSERT INTO lab_schema VALUES (1)")
        raw.execute(
            "CREATE TABLE trials (key VARCHAR(64), seed INTEGER, machine VARCHAR(200), created FLOAT, result BLOB,"
            " PRIMARY KEY (key, seed, machine))"
        )
        raw.execute("INSERT INTO trials VALUES ('k', 1, 'm', 0.0, x'00')")
    store = Store(f"sqlite:///{file}")
    assert store.history() == []
    assert store.problem is None
    with sqlite3.connect(file) as raw:
        assert raw.execute("SELECT key, seed FROM finished_trials").fetchall() == [("k", 1)]
    store.close()
