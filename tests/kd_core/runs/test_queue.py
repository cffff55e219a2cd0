"""The queue, driven as the app drives it, with a technique that only sleeps."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from toy_technique import ToySettings

from kd_core.runs.queue import Data, Handle, Queue

HERE = str(Path(__file__).parent)
LONG = 5000  # steps: a run that will not end by itself in a test


@pytest.fixture(scope="module")
def queue():
    queue = Queue(env={"PYTHONPATH": HERE, "KD_WORKERS": "2"}, modules=("toy_technique",))
    assert queue._workers is None or queue._workers._client is None  # it was made without a wait for them
    yield queue
    queue.close()
    queue.close()


def until(condition, seconds=180.0):
    """Wait for a true value of `condition()` and return it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


def finishes(handle):
    view = handle.wait(180)
    assert (view.state, str(view.problem)) == ("finished", "None")


@pytest.fixture
def end(tmp_path):
    """The file that ends what was given `trials_end=str(end)`, once a test has seen what it had to see."""
    return tmp_path / "end"


def trial_pids(handle):
    return {seed: int(loss) for (stage, _, seed), loss in handle.view().losses.items() if stage == "student"}


def test_a_run_submitted_before_the_workers_are_there_finishes_with_one_result(queue):
    handle = queue.submit(ToySettings(seed=3))
    assert handle.view().state == "queued"
    assert handle.view().place == 0
    assert queue.find(handle.id) is handle
    assert queue.find("no such run") is None
    view = handle.wait(180)
    assert (view.state, view.problem, view.notices) == ("finished", None, ())
    assert view.result.verdict.difference.n == 2
    assert view.result.settings["device"] == "cpu"
    assert view.curves["student", "student", 4] == tuple((e, 10 - e, 100) for e in range(1, 11))
    assert view.curves["teacher", "teacher", 0] == ((1, 7, 100),)
    assert {stage.state for stage in view.stages.values()} == {"done"}
    assert (view.progress, view.trials_done, view.trials, view.seconds_left) == (1.0, 2, 2, 0.0)
    handle.stop()
    assert handle.view().state == "finished"


def test_it_knows_the_data_once_a_worker_is_warm(queue):
    until(lambda: queue.warm)
    assert isinstance(queue.data, Data)
    assert queue.data.name == "toy data"
    assert str(queue.data.notices[0]) == "These are toys."


def watched(handle, end, least):
    """The views of a run until it is over; it may end once over five of them show progress beyond `least`."""
    views = []

    def seen(condition):
        views.append(handle.view())
        time.sleep(0.04)
        return condition()

    until(lambda: seen(lambda: sum(least < view.progress < 1 for view in views) > 5))
    end.touch()
    until(lambda: seen(lambda: views[-1].over))
    progress = [view.progress for view in views]
    assert progress == sorted(progress)
    return views


def test_progress_only_grows_and_stages_follow_each_other(queue, end):
    views = watched(queue.submit(ToySettings(trials_end=str(end))), end, 0)
    order = ["waiting", "running", "done"]
    for stage in ("teacher", "soft_targets", "student"):
        seen = [order.index(view.stages[stage].state) for view in views]
        assert seen == sorted(seen)
    assert all(view.stages["teacher"].state == "done" for view in views if view.trials_done)


def test_trials_spread_over_the_workers(queue):
    handle = queue.submit(ToySettings(steps=2, seeds=4))
    view = handle.wait(180)
    assert view.state == "finished"
    pids = trial_pids(handle)
    assert len(pids) == 4
    assert len(set(pids.values())) == 2
    assert os.getpid() not in pids.values()


def test_the_jobs_of_one_trial_are_shared_by_the_workers(queue, end):
    views = watched(queue.submit(ToySettings(seeds=1, divided=True, trials_end=str(end))), end, 0.5)
    assert (views[-1].state, views[-1].trials_done, views[-1].trials) == ("finished", 1, 1)
    assert len({loss for (_, arm, _), loss in views[-1].losses.items() if arm in ("student", "other")}) == 2
    assert set(views[-1].curves) == {("teacher", "teacher", 0), ("student", "student", 0), ("student", "other", 0)}


def test_what_needs_no_preparation_is_done_beside_it(queue, end):
    until(lambda: not queue.of("") and queue.lanes == 2)
    handle = queue.submit(ToySettings(preparation_ends=str(end), steps=2, seeds=2, divided=True))
    view = until(lambda: (v := handle.view()) and ("student", "other", 1) in v.curves and v)
    assert view.stages["teacher"].state == "running"
    assert view.stages["student"].state == "running"
    assert view.seconds_left is None
    assert not any(arm == "student" for _, arm, _ in view.curves)
    end.touch()
    finishes(handle)


def test_a_map_divides_no_trial(queue):
    handle = queue.submit(ToySettings(seeds=1, steps=1, divided=True), plan={})
    view = handle.wait(180)
    assert view.state == "finished"
    student, other = (view.losses["student", arm, 0] for arm in ("student", "other"))
    assert student == other  # the process that trained it


class Told:
    """A handle at a clock of its own, told by hand what its workers tell."""

    def __init__(self, monkeypatch, **settings):
        self.now = 100.0
        monkeypatch.setattr("kd_core.runs.handle.time.monotonic", lambda: self.now)
        self.handle = Handle(
            ToySettings(**settings), threading.Condition(), ahead=lambda _: (0, None), stop=lambda _: None
        )

    def tell(self, seed, kind, *events):
        """seed: None for the preparation."""
        seeds = () if seed is None else (seed,)
        self.handle.take({"kind": kind, "seeds": seeds, "job": "", "attempt": str(seed), "events": events})

    def step(self, seed, progress):
        event = {"event": "Step", "stage": "student", "arm": "student", "seed": seed, "step": 1, "steps": 10,
                 "loss": 1.0, "progress": progress}  # fmt: skip
        self.tell(seed, "events", event)

    @property
    def view(self):
        return self.handle.view()


def test_a_time_left_follows_from_the_pace_of_the_trials_and_progress_is_time(monkeypatch):
    run = Told(monkeypatch)
    run.tell(None, "started")
    assert run.view.stages["teacher"].state == "running"  # though it has told nothing yet
    run.tell(None, "ended")
    assert run.view.seconds_left is None
    assert run.view.progress == 0  # it was kept, and cost nothing
    run.tell(0, "started")
    run.tell(1, "started")
    run.now += 0.5
    run.step(0, 0.1)
    assert run.view.seconds_left is None  # too early for a guess
    run.now += 2.5
    run.step(0, 0.5)
    run.step(1, 0.25)
    left = 3.0 * (2 - 0.75) / 0.75
    assert run.view.seconds_left == pytest.approx(left)
    assert run.view.progress == pytest.approx(3.0 / (3.0 + left))
    run.now += 100  # slower than it seemed: no time comes back
    assert run.view.progress == pytest.approx(3.0 / (3.0 + left))
    for seed in (0, 1):
        run.step(seed, 1.0)
        run.tell(seed, "ended")
    assert (run.view.trials_done, run.view.progress) == (2, 0.99)  # they are being joined


def test_runs_like_it_tell_the_time_left_until_its_own_pace_does(monkeypatch):
    run = Told(monkeypatch)
    run.handle.expected = 20.0
    run.tell(None, "started")
    run.now += 5
    assert (run.view.seconds_left, run.view.progress) == (15.0, 0.25)
    run.tell(None, "ended")
    run.tell(0, "started")
    run.tell(1, "started")
    run.now += 2
    run.step(0, 0.5)  # a quarter of all trials after 2 s: 6 s more by that pace, 13 s by runs like it
    assert run.view.seconds_left == pytest.approx(0.25 * 6 + 0.75 * 13)
    assert run.view.progress == pytest.approx(7 / (7 + 0.25 * 6 + 0.75 * 13))


def test_two_runs_at_once_and_a_third_waits_its_turn(queue, end):
    first, second = (
        queue.submit(ToySettings(steps=2, seed=seed, seeds=3, trials_end=str(end))) for seed in (0, 100)
    )
    third = queue.submit(ToySettings(seed=200))
    assert [handle.view().place for handle in (first, second, third)] == [0, 1, 2]
    until(lambda: first.view().state == second.view().state == "running")
    assert third.view().place == 2
    end.touch()
    assert {seed for _, _, seed in second.wait(180).curves} == {0, 100, 101, 102}
    finishes(first)
    finishes(third)


def test_stop_ends_a_running_run_and_frees_its_workers(queue):
    handle = queue.submit(ToySettings(steps=LONG, seeds=3))
    until(lambda: len(trial_pids(handle)) == 2)
    waiting = queue.submit(ToySettings(steps=LONG))
    until(lambda: waiting in queue._sent)
    assert waiting.view().state == "queued"
    handle.stop()
    handle.stop()
    assert handle.view().state == "stopped"
    assert handle.view().curves
    until(lambda: waiting.view().state == "running")
    waiting.stop()


def test_stop_ends_a_queued_run(queue):
    busy = [queue.submit(ToySettings(steps=LONG)) for _ in range(2)]
    until(lambda: all(handle.view().state == "running" for handle in busy))
    handle = queue.submit(ToySettings())
    last = queue.submit(ToySettings())
    handle.stop()
    assert handle.view().state == "stopped"
    assert last.view().place == 2
    for other in busy:
        other.stop()
    finishes(last)
    assert not handle.view().curves


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("preparation", "There is no teacher for toy data."),
        ("problem", "Seed 0 is unlucky; choose another."),
        ("error", "The run broke off with RuntimeError: a surprise"),
    ],
)
def test_a_failure_is_told_in_one_sentence(queue, failure, told):
    view = queue.submit(ToySettings(failure=failure, seeds=1, preparation=1, steps=1)).wait(180)
    assert view.state == "failed"
    assert str(view.problem) == told
    assert view.result is None


def test_a_run_whose_worker_is_killed_finishes_and_says_so(queue, end):
    handle = queue.submit(ToySettings(trials_end=str(end)))
    pids = until(lambda: len(pids := trial_pids(handle)) == 2 and pids)
    os.kill(pids[1], signal.SIGKILL)
    end.touch()
    view = handle.wait(180)
    assert view.state == "finished"
    notices = [str(notice) for notice in view.notices]
    assert "A worker process died; the trial with seed 1 was started again." in notices
    assert trial_pids(handle)[1] != pids[1]
    for seed in (0, 1):
        assert [epoch for epoch, _, _ in view.curves["student", "student", seed]] == list(range(1, 11))


def test_a_run_all_of_whose_workers_are_killed_at_once_finishes(queue, end):
    handle = queue.submit(ToySettings(trials_end=str(end)))
    pids = until(lambda: len(pids := trial_pids(handle)) == 2 and pids)
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    end.touch()
    view = handle.wait(180)
    assert view.state == "finished"
    assert view.result.verdict.difference.n == 2
    assert not {*pids.values()} & {*trial_pids(handle).values()}


@pytest.mark.proof
def test_a_worker_that_takes_long_to_come_back_is_waited_for(queue):
    """As on a busy machine. Dask, left to itself, gives up a worker that is away for 15 seconds."""
    until(lambda: queue.warm and len(queue._workers._client.ncores()) == 2)  # nothing else may have waited for them
    cluster = psutil.Process(queue._workers._process.pid)
    before = {child.pid for child in cluster.children(recursive=True)}
    os.kill(next(iter(queue._workers._client.run(os.getpid).values())), signal.SIGKILL)
    (successor,) = until(lambda: [c for c in cluster.children(recursive=True) if c.pid not in before])
    successor.suspend()
    time.sleep(17)
    assert len(queue._workers._client.ncores()) == 1
    successor.resume()
    until(lambda: len(queue._workers._client.ncores()) == 2)
    time.sleep(5)  # one that was given up would be ended as soon as it is there
    assert len(queue._workers._client.ncores()) == 2


def test_a_run_that_kills_its_workers_is_given_up(queue, monkeypatch):
    monkeypatch.setattr("kd_core.runs.queue.DEATHS", 1)  # a new worker takes seconds
    view = queue.submit(ToySettings(failure="death", seeds=1, steps=2)).wait(180)
    assert view.state == "failed"
    assert "died again and again" in str(view.problem)
    finishes(queue.submit(ToySettings()))


def test_when_all_workers_are_lost_the_run_says_so_and_the_next_one_works(queue):
    handle = queue.submit(ToySettings(steps=LONG))
    waiting = queue.submit(ToySettings(steps=LONG))
    until(lambda: handle.view().state == "running" and waiting in queue._sent)
    psutil.Process(queue._workers._process.pid).kill()  # this queue's: another module's pages may have one too
    for lost in (handle, waiting):
        view = lost.wait(180)
        assert view.state == "failed"
        assert "ended unexpectedly" in str(view.problem)
    finishes(queue.submit(ToySettings()))


def test_workers_that_cannot_start_are_a_clear_failure(capfd):
    queue = Queue(env={"KD_WORKERS": "none"})
    view = queue.submit(ToySettings()).wait(180)
    assert view.state == "failed"
    assert "could not be started (it ended with code 1)" in str(view.problem)
    queue.close()
    assert "KD_WORKERS = 'none' is not allowed" in capfd.readouterr().err
    assert queue.submit(ToySettings()).view().state == "failed"


def test_the_web_process_imports_the_queue_without_torch_or_dask():
    code = "import sys, kd_core.runs.queue; print({'torch', 'distributed', 'dask'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
