"""A run's jobs wait for one another, and those of several runs take turns; no worker is needed to see it."""

import pytest
from toy_technique import ToySettings

from kd_core.meta_learning.settings import MetaSettings
from kd_core.runs.scheduling import Tasks, following, grouped
from kd_core.settings.common import SCRATCH
from kd_core.transfer.settings import ANCHORED, DECAYED, FROZEN, TUNED, TransferSettings


def jobs_of(turn=1, kept=(), divided=False, seeds=2):
    settings = ToySettings(seeds=seeds, divided=divided)
    return Tasks(settings, divided, dict.fromkeys(kept), turn)


def name(task):
    return (task.what, *task.seeds, task.job.name) if task.job else (task.what, *task.seeds)


def begun(jobs):
    """What can begin now, begun, in order."""
    found = []
    while (job := jobs.next) is not None:
        jobs.begin(job)
        found.append(job)
    return found


def test_trials_wait_for_the_preparation_and_the_join_for_them():
    jobs = jobs_of()
    (prepare,) = begun(jobs)
    assert name(prepare) == ("prepare",)
    assert jobs.end(prepare) == set()
    trials = begun(jobs)
    assert [name(job) for job in trials] == [("trial", 0), ("trial", 1)]
    assert jobs.end(trials[1]) == set()
    assert begun(jobs) == []
    assert jobs.end(trials[0]) == {prepare}  # nobody needs its answer any more
    (join,) = begun(jobs)
    assert join.what == "join"
    assert join.needs == tuple(trials)
    assert jobs.end(join) == {*trials, join}
    assert begun(jobs) == []


def test_scheduling_that_need_no_preparation_are_trained_beside_it_and_assembled_with_the_others():
    jobs = jobs_of(divided=True)
    prepare, *beside = begun(jobs)
    assert [name(job) for job in beside] == [("train", 0, "other"), ("train", 1, "other")]
    jobs.end(beside[0])
    jobs.end(prepare)
    others = begun(jobs)
    assert [name(job) for job in others] == [("train", 0, "student"), ("train", 1, "student")]
    jobs.end(others[0])
    (assemble,) = begun(jobs)
    assert (name(assemble), assemble.needs) == (("assemble", 0), (prepare, others[0], beside[0]))
    assert assemble.ends_trial
    assert jobs.end(assemble) == {others[0], beside[0]}


def test_the_longest_jobs_of_a_trial_come_first_so_that_no_worker_waits_for_one_at_the_end():
    jobs = Tasks(TransferSettings(seeds=2), True, {}, 1)
    prepare, scratch, _ = begun(jobs)
    assert name(scratch) == ("train", 0, SCRATCH)  # what needs no preparation does not wait for longer ones
    jobs.end(prepare)
    ready = [(job.seed, job.job.name) for job in begun(jobs)]
    assert ready == [(seed, arm) for seed in (0, 1) for arm in (TUNED, DECAYED, ANCHORED, FROZEN)]


def test_a_job_of_several_trials_is_one_task_and_each_trial_waits_for_it():
    settings = MetaSettings(seeds=3)
    jobs = Tasks(settings, True, {1: None}, 1)
    prepare, maml, *others = begun(jobs)
    assert (maml.seeds, maml.job.name) == ((0, 2), settings.jobs[0].name)
    for task in (prepare, *others):
        jobs.end(task)
    assert begun(jobs) == []
    jobs.end(maml)
    assert [name(task) for task in begun(jobs)] == [("assemble", 0), ("assemble", 2)]


def test_trials_that_are_trained_at_once_are_one_task_in_an_undivided_run_too():
    tasks = Tasks(MetaSettings(seeds=7), False, {}, 1)
    tasks.end(begun(tasks)[0])
    trials = begun(tasks)
    assert [name(task) for task in trials] == [("trial", 0, 1, 2, 3), ("trial", 4, 5, 6)]
    for task in trials:
        tasks.end(task)
    assert tasks.next.needs == tuple(trials)


@pytest.mark.parametrize(
    ("seeds", "most", "expected"),
    [((0, 1, 2, 3, 4), 4, [(0, 1, 2), (3, 4)]), ((0, 3), 5, [(0, 3)]), (range(3), 1, [(0,), (1,), (2,)])],
)
def test_seeds_are_grouped_about_evenly(seeds, most, expected):
    assert grouped(seeds, most) == expected


def test_kept_trials_are_not_trained_and_without_any_other_nothing_is_prepared():
    jobs = jobs_of(kept=[0])
    jobs.end(begun(jobs)[0])
    assert [name(job) for job in begun(jobs)] == [("trial", 1)]
    (join,) = begun(jobs_of(kept=[0, 1]))
    assert (join.what, join.needs) == ("join", ())


def test_what_died_with_a_worker_is_done_again_with_what_it_needs():
    jobs = jobs_of()
    (prepare,) = begun(jobs)
    jobs.end(prepare)
    one, other = begun(jobs)
    jobs.end(one)
    assert jobs.again(other) == 1  # its worker died; the preparation's answer is still there
    assert begun(jobs) == [other]
    jobs.end(other)  # and with it the answer is forgotten
    assert jobs.again(one) == 1
    assert begun(jobs) == [prepare]
    jobs.end(prepare)
    assert begun(jobs) == [one]
    assert jobs.again(one) == 2
    assert begun(jobs) == [one]
    assert jobs.end(one) == {prepare}
    assert [job.what for job in begun(jobs)] == ["join"]


def test_of_two_runs_the_later_one_comes_in_between():
    long = jobs_of(turn=1, seeds=6)
    jobs = long.next
    long.begin(jobs)
    long.end(jobs)
    runs, order = {"long": long}, []
    for place in range(8):
        if place == 3:  # three trials are under way or done: it is the fourth's turn
            runs["short"] = jobs_of(turn=4)
        run, job = following(runs)
        runs[run].begin(job)
        if job.what == "prepare":
            runs[run].end(job)
        order.append(run)
    assert order == ["long", "long", "long", "long", "short", "short", "long", "short"]
    assert following({}) is None
