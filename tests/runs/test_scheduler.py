"""Workers of a scheduler that others started (KD_SCHEDULER): used, survived when one dies, missed when gone."""

import os
import signal

import psutil
import pytest
from map_toy import MapToySettings, errors_of
from test_queue import HERE, LONG, trial_pids, until
from toy_technique import ToySettings

from benchmarks import scale
from kd_core.plan import Plan
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.runs.sweep import Sweeps
from kd_core.settings import TECHNIQUES


@pytest.fixture
def log(tmp_path, monkeypatch):
    """Where the technique of the maps writes down which trials it begins; before the workers start."""
    monkeypatch.setenv("MAP_TOY_LOG", str(tmp_path / "begun.txt"))
    monkeypatch.setitem(TECHNIQUES, "map_toy", MapToySettings)
    return tmp_path / "begun.txt"


@pytest.fixture
def cluster(log):
    """A scheduler and two workers, each a process of its own: (address, scheduler, workers)."""
    with scale.cluster(2, HERE) as (address, (scheduler, *workers)):
        yield address, scheduler, workers


def test_runs_go_to_its_workers_and_one_may_die(cluster, capfd):
    address, scheduler, workers = cluster
    before = psutil.Process().children()  # another module's pages may have workers of their own
    queue = Queue(env={"KD_SCHEDULER": address}, modules=("toy_technique",))
    handle = queue.submit(ToySettings(steps=100))
    pids = until(lambda: len(pids := trial_pids(handle)) == 2 and pids)
    assert set(pids.values()) == {worker.pid for worker in workers}
    assert set(psutil.Process().children()) <= set(before)
    os.kill(pids[1], signal.SIGKILL)
    view = handle.wait(40)
    assert view.state == "finished"
    assert "A worker process died; the trial with seed 1 was started again." in map(str, view.notices)
    assert trial_pids(handle)[1] == pids[0]  # by the one that is left

    last = queue.submit(ToySettings(steps=LONG))
    until(lambda: last.view().state == "running")
    scheduler.kill()
    view = last.wait(20)
    assert view.state == "failed"
    assert "The connection to the Dask scheduler (KD_SCHEDULER) was lost" in str(view.problem)
    view = queue.submit(ToySettings()).wait(40)
    assert view.state == "failed"
    assert f"The Dask scheduler {address} (KD_SCHEDULER) cannot be reached" in str(view.problem)
    queue.close()
    assert "Traceback" not in capfd.readouterr().err


def test_an_address_that_is_none_is_named():
    queue = Queue(env={"KD_SCHEDULER": "there:or:here"}, modules=("toy_technique",))
    view = queue.submit(ToySettings()).wait(20)
    assert view.state == "failed"
    assert "there:or:here" in str(view.problem)
    assert "KD_SCHEDULER" in str(view.problem)
    queue.close()


def test_closing_the_queue_leaves_the_cluster_alone_and_a_map_goes_to_it(cluster, log, tmp_path):
    address, scheduler, workers = cluster
    queue = Queue(env={"KD_SCHEDULER": address}, modules=("toy_technique",))
    handle = queue.submit(ToySettings(steps=LONG))
    until(lambda: handle.view().state == "running")
    queue.close()
    assert all(process.poll() is None for process in (scheduler, *workers))
    url = f"sqlite:///{tmp_path / 'lab.db'}"
    store = Store(url)
    after = Queue(env={"KD_SCHEDULER": address}, modules=("toy_technique", "map_toy"), store=store)
    assert after.submit(ToySettings()).wait(60).state == "finished"  # what was under way was stopped, not left
    plan = Plan.read("map_toy", ["x=1,3", "y=0.5,1"], {"seeds": 2, "pause": 0.05})
    view = Sweeps(after, url).start(plan).wait(60)
    after.close()
    store.close()
    assert (view.state, view.best.at) == ("finished", {"x": 3.0, "y": 0.5})
    for cell in view.cells:
        settings = MapToySettings(**cell.at)
        assert cell.measures == {seed: pytest.approx(errors_of(settings, seed) / 10) for seed in range(2)}
    lines = log.read_text().splitlines()
    assert len(lines) == 8
    assert {int(line.split()[-1]) for line in lines} == {worker.pid for worker in workers}
