"""Workers of a scheduler that others started (KD_SCHEDULER): used, survived when one dies, missed when gone."""

import os
import signal

import psutil
import pytest
from map_toy import MapToySettings, errors_of
from registry import registered
from test_queue import HERE, LONG, trial_pids, until
from toy_technique import ToySettings

from benchmarks import scale
from kd_core.distillation.settings import DISTILLED
from kd_core.messages import Problem
from kd_core.runs import workers as workers_module
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.sweep import Sweeps


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Where the technique of the maps writes down which trials it begins; before the workers start."""
    file = tmp_path_factory.mktemp("log") / "begun.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAP_TOY_LOG", str(file))
        with registered(MapToySettings, DISTILLED):
            yield file


@pytest.fixture(scope="module")
def cluster(log):
    """A scheduler and two workers, processes of their own: (address, scheduler, workers). The last test kills."""
    with scale.cluster(2, HERE) as (address, (scheduler, *workers)):
        yield address, scheduler, workers


def test_an_address_that_is_none_is_named():
    queue = Queue(env={"KD_SCHEDULER": "there:or:here"}, modules=("toy_technique",))
    view = queue.submit(ToySettings()).wait(180)
    assert view.state == "failed"
    assert "there:or:here" in str(view.problem)
    assert "KD_SCHEDULER" in str(view.problem)
    queue.close()


@pytest.mark.parametrize(("address", "consent", "asked"), [
    ("tcp://192.0.2.7:8786", "", True), ("tcp://lab.example:8786", "no", True),
    ("tcp://192.0.2.7:8786", "yes", False), ("tls://192.0.2.7:8786", "", False), ("tcp://127.0.0.1:1", "", False),
    ("tcp://localhost:1", "", False), ("tcp://127.evil.example:1", "", True), ("tcp://[::1]:1", "", False),
])  # fmt: skip
def test_nothing_goes_unencrypted_to_another_computer_without_a_yes(monkeypatch, address, consent, asked):
    monkeypatch.setenv(workers_module.CONSENT, consent)
    tried = []
    monkeypatch.setattr(workers_module, "_require_answer", tried.append)

    class Reached(Exception):
        pass

    def reach(*_args, **_named):
        raise Reached

    monkeypatch.setattr("distributed.Client", reach)
    made = workers_module.Workers({"KD_SCHEDULER": address})
    with pytest.raises(Problem if asked else Reached) as told:
        made.connect((), lambda _: None, lambda: None)
    assert tried == ([] if asked else [address])
    if asked:
        assert workers_module.CONSENT in str(told.value)
        assert "tcp:// is not encrypted" in str(told.value)


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
    until(lambda: after.warm)  # it heard from workers that were warm before it came
    assert after.submit(ToySettings()).wait(180).state == "finished"  # what was under way was stopped, not left
    plan = Plan.read("map_toy", ["x=1,3", "y=0.5,1"], {"seeds": 2, "pause": 0.05})
    view = Sweeps(after, url).start(plan).wait(180)
    after.close()
    store.close()
    assert (view.state, view.best.at) == ("finished", {"x": 3.0, "y": 0.5})
    for cell in view.cells:
        settings = MapToySettings(**cell.at)
        assert cell.measures == {seed: pytest.approx(errors_of(settings, seed) / 10) for seed in range(2)}
    lines = log.read_text().splitlines()
    assert len(lines) == 8
    assert {int(line.split()[-1]) for line in lines} == {worker.pid for worker in workers}


def test_runs_go_to_its_workers_and_one_may_die(cluster, tmp_path, capfd, monkeypatch):
    address, scheduler, workers = cluster
    before = psutil.Process().children()  # another module's pages may have workers of their own
    queue = Queue(env={"KD_SCHEDULER": address}, modules=("toy_technique",))
    handle = queue.submit(ToySettings(trials_end=str(tmp_path / "end")))
    pids = until(lambda: len(pids := trial_pids(handle)) == 2 and pids)
    assert set(pids.values()) == {worker.pid for worker in workers}
    assert set(psutil.Process().children()) <= set(before)
    os.kill(pids[1], signal.SIGKILL)
    (tmp_path / "end").touch()
    view = handle.wait(180)
    assert view.state == "finished"
    assert "A worker process died; the trial with seed 1 was started again." in map(str, view.notices)
    assert trial_pids(handle)[1] == pids[0]  # by the one that is left

    monkeypatch.setattr("kd_core.runs.queue.BEAT_SECONDS", 0.1)
    monkeypatch.setattr("kd_core.runs.queue.ALONE_SECONDS", 0.5)
    alone = queue.submit(ToySettings(steps=LONG))
    until(lambda: alone.view().state == "running")
    os.kill(pids[0], signal.SIGKILL)
    view = alone.wait(180)
    assert view.state == "failed"
    assert "has no worker for this run: start workers there" in str(view.problem)

    monkeypatch.setattr("kd_core.runs.queue.ALONE_SECONDS", 180)
    last = queue.submit(ToySettings(steps=LONG))
    until(lambda: queue._sent)
    scheduler.kill()
    view = last.wait(180)
    assert view.state == "failed"
    assert "The connection to the Dask scheduler (KD_SCHEDULER) was lost" in str(view.problem)
    view = queue.submit(ToySettings()).wait(180)
    assert view.state == "failed"
    assert f"The Dask scheduler {address} (KD_SCHEDULER) cannot be reached" in str(view.problem)
    queue.close()
    assert "Traceback" not in capfd.readouterr().err
