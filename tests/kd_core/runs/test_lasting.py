"""Runs that last: answered from the store, pooled, interrupted and gone on with, in a fair order, within limits."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from registry import registered
from test_queue import HERE, LONG, trial_pids, until
from toy_technique import ToySettings

from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import Problem, message
from kd_core.meta_learning.settings import MetaSettings
from kd_core.results.schema import Result
from kd_core.runs import store as store_module
from kd_core.runs.handle import Handle
from kd_core.runs.limits import Limits
from kd_core.runs.queue import Queue, expected_seconds
from kd_core.runs.store import Store

ENV = {"PYTHONPATH": HERE, "KD_WORKERS": "2"}


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'lab.db'}"


@pytest.fixture(scope="module", autouse=True)
def _toys_are_known():
    with registered(ToySettings):
        yield


def opened(url, workers=2, **limits):
    return Queue(
        env={**ENV, "KD_WORKERS": str(workers)},
        modules=("toy_technique",),
        store=Store(url),
        limits=Limits(**limits),
    )


@pytest.fixture(scope="module")
def queue(url):
    queue = opened(url, queue=3, images=1000)
    yield queue
    queue.close()


def test_the_same_settings_are_answered_at_once_with_their_date(queue):
    first = queue.submit(ToySettings(seed=10)).wait(180)
    assert (first.state, first.stored) == ("finished", None)
    second = queue.submit(ToySettings(seed=10))
    view = second.wait(180)
    assert view.state == "finished"
    assert view.result == first.result
    assert view.stored == datetime.fromisoformat(first.result.provenance.created)
    assert not view.losses  # nothing was trained
    assert view.id == first.id  # a link to it is the stored run's
    assert queue.find(view.id).view().result == first.result
    assert [entry.id for entry in queue._store.history()].count(first.id) == 1
    assert queue.find(second.id).view().id == first.id


def test_train_again_trains(queue):
    stored = queue.submit(ToySettings(seed=10)).wait(180)
    again = queue.submit(ToySettings(seed=10), again=True).wait(180)
    assert (again.state, again.stored) == ("finished", None)
    assert again.id != stored.id
    assert again.losses
    assert queue.submit(ToySettings(seed=10)).wait(180).id == again.id  # the newest is the answer


def test_added_seeds_are_pooled_with_those_that_there_are(queue):
    queue.submit(ToySettings(seed=20, seeds=2)).wait(180)
    more = queue.submit(ToySettings(seed=20, seeds=4))
    view = more.wait(180)
    assert set(trial_pids(more)) == {22, 23}  # only these were trained
    assert view.result.verdict.difference.n == 4
    assert (view.trials_done, view.progress) == (4, 1.0)
    assert "Trials kept from earlier runs of these settings: 2" in str(view.notices[0])
    fewer = queue.submit(ToySettings(seed=21, seeds=3)).wait(180)  # all there: nothing to train at all
    assert fewer.result.verdict.difference.n == 3
    assert fewer.losses == {}


def ending(folder, *seeds):
    """What ToySettings are given for their trials to wait for a file each; those of these seeds need not."""
    for seed in seeds:
        (folder / str(seed)).touch()
    return {"trials_end": str(folder / "{seed}")}


def test_what_was_finished_before_a_stop_is_kept(queue, tmp_path):
    settings = ToySettings(seed=30, seeds=3, **ending(tmp_path, 30, 31))
    handle = queue.submit(settings)
    until(lambda: handle.view().trials_done >= 2)
    until(lambda: len(kept(queue, settings)) >= 2)
    handle.stop()
    until(lambda: queue._store.find(handle.id).state == "stopped")
    ending(tmp_path, 32)
    again = queue.submit(settings)
    assert again.wait(180).result.verdict.difference.n == 3
    assert set(trial_pids(again)) == {32}


def kept(queue, settings):
    resolved = settings.model_copy(update={"device": "cpu"})
    return queue._store.trials(resolved, 1, "toy data", queue._known.names.get("cpu", ""))


def test_one_run_a_person(queue):
    mine = queue.submit(ToySettings(steps=LONG, seeds=1), owner="me")
    with pytest.raises(Problem, match="You have a run under way"):
        queue.submit(ToySettings(seed=1), owner="me")
    assert queue.of("me") is mine
    assert queue.submit(ToySettings(seed=40), owner="you").wait(180).state == "finished"
    mine.stop()
    assert queue.of("me") is None
    assert queue.submit(ToySettings(seed=41), owner="me").wait(180).state == "finished"


def test_whoever_was_served_longest_ago_goes_next(queue):
    for owner in ("early", "late"):
        queue.submit(ToySettings(seed=50 + (owner == "late")), owner=owner).wait(180)
    busy = [queue.submit(ToySettings(steps=LONG, seeds=1)) for _ in range(2)]
    until(lambda: all(handle.view().state == "running" for handle in busy))
    waiting = {
        who: queue.submit(ToySettings(seed=60 + n), owner=who) for n, who in enumerate(("late", "early", "new"))
    }
    assert {who: handle.view().place for who, handle in waiting.items()} == {"new": 2, "early": 3, "late": 4}
    busy[0].stop()  # one worker becomes free: the three go through it one after another
    begun = {}
    for who, handle in waiting.items():
        assert handle.wait(180).state == "finished"
        begun[who] = handle._started
    busy[1].stop()
    assert sorted(begun, key=begun.__getitem__) == ["new", "early", "late"]


def test_a_long_run_lets_a_later_one_in_between(queue, tmp_path):
    long = queue.submit(ToySettings(seed=70, seeds=12, steps=2, **ending(tmp_path, *range(72, 80))))
    until(lambda: {70, 71} <= set(trial_pids(long)))
    short = queue.submit(ToySettings(seed=90, preparation=1, steps=1))
    until(lambda: short in queue._sent)
    ending(tmp_path, 70, 71)
    assert short.wait(180).state == "finished"  # else it would wait behind the two last, which do not end
    assert long.view().trials_done < 12
    long.stop()


def test_a_queue_that_is_full_and_a_run_that_is_too_large_are_refused(queue):
    busy = [queue.submit(ToySettings(steps=LONG)) for _ in range(2)]
    until(lambda: all(handle.view().state == "running" for handle in busy))
    waiting = [queue.submit(ToySettings(steps=LONG)) for _ in range(3)]
    with pytest.raises(Problem, match="3 runs are waiting here already; try again in a few minutes"):
        queue.submit(ToySettings())
    for handle in (*waiting, *busy):
        handle.stop()
    with pytest.raises(Problem, match="would train on 1,001 images, and this server allows 1,000"):
        queue.submit(ToySettings(seeds=1001))


def test_a_wait_is_estimated_from_like_runs():
    settings = DistillationSettings(seeds=4)
    earlier = [({**DistillationSettings(seeds=2).model_dump(), "epochs": 15}, seconds) for seconds in (9, 10, 30)]
    earlier.append(({"temperature": -1}, 1000.0))  # of no lab that we know
    assert expected_seconds(settings, earlier) == pytest.approx(4 * 10)  # twice the seeds, twice the epochs
    assert expected_seconds(settings, []) is None
    tiny = DistillationSettings(train_size=50, epochs=1, seeds=1).model_dump()
    assert expected_seconds(settings, [*earlier, *[(tiny, 5.0)] * 9]) == pytest.approx(
        4 * 10
    )  # it tells of its start
    assert expected_seconds(settings, [(tiny, 5.0)]) is None
    nearly = DistillationSettings(seeds=5).model_dump()
    assert expected_seconds(settings, [*earlier, (nearly, 100.0)]) == pytest.approx(80)  # the like one tells best
    curves = [(MetaSettings().model_dump(), 20.0)]
    assert expected_seconds(MetaSettings(problem="digits"), curves) is None  # they take another network


def test_whoever_waits_is_told_about_how_long(queue):
    queue.submit(ToySettings(seed=200, seeds=4, steps=2)).wait(180)  # so that there is a like run
    busy = [queue.submit(ToySettings(seed=300 + 10 * n, steps=LONG)) for n in range(2)]
    until(lambda: all(handle.view().state == "running" for handle in busy))
    handle = queue.submit(ToySettings(seed=400))
    view = until(lambda: (view := handle.view()).wait is not None and view)
    assert view.place == 2
    assert 0 <= view.wait < 60
    for other in (*busy, handle):
        other.stop()


def test_the_largest_of_the_workers_data_count_and_whoever_has_others_is_named():
    queue = Queue(env={"KD_SCHEDULER": "none is needed"}, modules=("toy_technique",), rest=100)
    small = {"name": "UCI digits", "train": 1197, "validation": 200, "test": 400}
    large = {"name": "MNIST", "train": 55_000, "validation": 5_000, "test": 10_000}
    why = message("This is not MNIST.").model_dump()
    queue._hear((0.0, {"kind": "warm", "worker": "tcp://b", "data": {"is": small, "notices": [why]}}))
    assert (queue.data.name, [str(notice) for notice in queue.data.notices]) == (
        "UCI digits",
        ["This is not MNIST."],
    )
    queue._hear((0.0, {"kind": "warm", "worker": "tcp://a", "data": {"is": large, "notices": []}}))
    queue._hear((0.0, {"kind": "warm", "worker": "tcp://c", "data": None}))  # it could load none
    assert queue.data.name == "MNIST"
    (notice,) = map(str, queue.data.notices)
    assert notice == "The worker tcp://b has UCI digits, not MNIST: it is given nothing. This is not MNIST."
    queue.close()


def test_limits_are_read_from_the_environment():
    assert Limits.read({}) == Limits()
    assert Limits.read({"KD_MAX_QUEUE": "3", "KD_MAX_MINUTES": "0.5", "KD_MAX_IMAGES": "1e6"}) == Limits(
        queue=3, minutes=0.5, images=1e6
    )
    for name, given in (("KD_MAX_QUEUE", "0"), ("KD_MAX_MINUTES", "soon"), ("KD_MAX_IMAGES", "nan")):
        with pytest.raises(Problem, match=f"{name} = {given} is not allowed"):
            Limits.read({name: given})


def test_a_run_beyond_the_minutes_is_ended_with_a_sentence(queue, monkeypatch):
    monkeypatch.setattr("kd_core.runs.queue.BEAT_SECONDS", 0.2)
    monkeypatch.setattr(queue, "limits", Limits(minutes=0.02))
    view = queue.submit(ToySettings(steps=LONG, seed=500)).wait(180)
    assert view.state == "failed"
    assert "ended after 0.02 minutes, the limit of this server" in str(view.problem)


def test_a_run_under_way_when_the_queue_closed_is_interrupted_and_goes_on(queue, url, tmp_path):
    settings = ToySettings(seed=600, seeds=3, **ending(tmp_path, 600, 601))
    earlier = opened(url, workers=1)
    run = earlier.submit(settings).id
    until(lambda: len(kept(earlier, settings)) >= 2)
    earlier.close()
    ending(tmp_path, 602)
    found = queue.find(run)
    assert found.view().state == "interrupted"
    assert "start it again, and it goes on from there" in str(found.view().problem)
    assert found.settings == settings
    again = queue.submit(found.settings)
    assert again.wait(180).state == "finished"
    assert set(trial_pids(again)) == {602}


SERVER = """
import sys, time
from kd_core.runs.queue import Queue
from kd_core.runs.store import Store
from registry import registered
from toy_technique import ToySettings
queue = Queue(modules=("toy_technique",), store=Store(sys.argv[1]))
settings = ToySettings(seed=700, seeds=3, trials_end=sys.argv[2])
handle = queue.submit(settings)
asked = settings.model_copy(update={"device": "cpu"})
while len(queue._store.trials(asked, 1, "toy data", queue._known.names.get("cpu", ""))) < 2:
    time.sleep(0.01)
print(handle.id, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_server_that_is_killed_leaves_what_was_finished_and_names_what_was_not(queue, url, tmp_path, monkeypatch):
    held = ending(tmp_path, 700, 701)["trials_end"]
    path = os.pathsep.join((str(Path(__file__).parents[3]), HERE))
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, url, held], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path, "KD_WORKERS": "1"},
    )  # fmt: skip
    run = server.stdout.readline().strip()
    server.send_signal(signal.SIGKILL)
    server.communicate()
    monkeypatch.setattr(store_module, "SILENT_SECONDS", 0.5)
    found = until(lambda: (found := queue.find(run)) and found.view().state == "interrupted" and found)
    ending(tmp_path, 702)
    again = queue.submit(found.settings)
    assert again.wait(180).state == "finished"
    assert set(trial_pids(again)) == {702}  # the others were kept


def test_two_queues_on_one_database_see_each_others_runs(queue, url, tmp_path):
    other = Queue(env=ENV, modules=("toy_technique",), store=Store(url), rest=100)
    handle = queue.submit(ToySettings(seed=800, trials_end=str(tmp_path / "end")))
    until(lambda: handle.view().state == "running")
    seen = until(lambda: (found := other.find(handle.id)) and found)
    assert not seen.view().over
    assert "under way on another server" in str(seen.view().notices[0])
    (tmp_path / "end").touch()
    result = handle.wait(180).result
    assert until(lambda: (view := other.find(handle.id).view()).over and view).result == result
    other.close()


def test_a_store_that_fails_costs_no_run(queue, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(queue, "_store", Store(f"sqlite:///{tmp_path / 'file' / 'lab.db'}"))
    view = queue.submit(ToySettings()).wait(180)
    assert view.state == "finished"
    assert "Runs are not kept at present" in str(queue._store.problem)
    assert queue.find("no such run") is None


def test_a_run_that_is_kept_remembers_its_curves(url):
    store = Store(url)
    result = Result.model_validate_json(recorded_json())
    settings = DistillationSettings.parse(result.settings)
    store.begin("recorded", settings)
    store.finish("recorded", settings, result, "MNIST", 3.0)
    queue = Queue(env=ENV, modules=("toy_technique",), store=store, rest=100)
    view = queue.find("recorded").view()
    assert (view.state, view.seconds_elapsed) == ("finished", 3.0)
    assert view.stored.tzinfo is UTC
    arm = result.arms[-1]
    drawn = view.curves["student", arm.name, arm.trials[0].seed]
    assert [(epoch, errors) for epoch, errors, _ in drawn] == [tuple(point) for point in arm.trials[0].curve]
    queue.close()


def recorded_json():
    return (Path(__file__).parents[3] / "assets" / "recorded-distillation.json").read_text(encoding="utf-8")


def test_handles_without_a_store_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr("kd_core.runs.queue.KEPT", 2)
    queue = Queue(env={"KD_SCHEDULER": "none is needed"}, modules=("toy_technique",), rest=100)
    handles: list[Handle] = []
    for seed in range(4):
        handles.append(queue.submit(ToySettings(seed=seed)))
        handles[-1].stop()
    assert queue.find(handles[0].id) is None
    assert queue.find(handles[-1].id) is handles[-1]
    queue.close()
