"""Workers of a scheduler that others started (KD_SCHEDULER): used, survived when one dies, missed when gone."""

import os
import signal

import psutil
import pytest
from test_queue import HERE, LONG, trial_pids, until
from toy_technique import ToySettings

from benchmarks import scale
from kd_core.runs.queue import Queue


@pytest.fixture
def cluster():
    """A scheduler and two workers, each a process of its own: (address, scheduler, workers)."""
    with scale.cluster(2, HERE) as (address, (scheduler, *workers)):
        yield address, scheduler, workers


def test_runs_go_to_its_workers_and_one_may_die(cluster, capfd):
    address, scheduler, workers = cluster
    queue = Queue(env={"KD_SCHEDULER": address}, modules=("toy_technique",))
    handle = queue.submit(ToySettings(steps=100))
    pids = until(lambda: len(pids := trial_pids(handle)) == 2 and pids)
    assert set(pids.values()) == {worker.pid for worker in workers}
    assert not [p for p in psutil.Process().children() if "kd_core.runs.cluster" in p.cmdline()]
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


def test_closing_the_queue_leaves_the_cluster_alone(cluster):
    address, scheduler, workers = cluster
    queue = Queue(env={"KD_SCHEDULER": address}, modules=("toy_technique",))
    handle = queue.submit(ToySettings(steps=LONG))
    until(lambda: handle.view().state == "running")
    queue.close()
    assert all(process.poll() is None for process in (scheduler, *workers))
    after = Queue(env={"KD_SCHEDULER": address}, modules=("toy_technique",))
    assert after.submit(ToySettings()).wait(20).state == "finished"  # what was under way was stopped, not left
    after.close()
