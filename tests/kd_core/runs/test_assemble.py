"""Jobs trained apart give what their trial gives, and trials what their run gives, to the last bit."""

import pytest

from kd_core.distillation import trainer as distillation
from kd_core.distillation.settings import ALONE, DistillationSettings
from kd_core.messages import Problem
from kd_core.meta_learning import trainer as meta_learning
from kd_core.meta_learning.settings import MetaSettings
from kd_core.multitask import trainer as multitask
from kd_core.multitask.settings import MultitaskSettings
from kd_core.nn import teachers
from kd_core.results.events import Event, Step
from kd_core.results.schema import Result
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.transfer import trainer as transfer
from kd_core.transfer.settings import TransferSettings

HERE = dict(device="cpu", precision="float32")
CONTROLLED = DistillationSettings(
    student="mlp30", train_size=50, epochs=2, seeds=2, teacher_epochs=1, arm_smoothing=True, arm_shuffled=True,
    arm_same_labels=True, bug="mean", **HERE,
)  # fmt: skip
META = MetaSettings(iterations=3, meta_batch=2, shots=4, queries=3, seeds=2, reptile=True, device="cpu")
# trainer, settings, how many jobs a trial has, and how many of them need no preparation
RUNS = {
    "distillation": (distillation, CONTROLLED, 6, 1),
    "distillation, a teacher each": (
        distillation, CONTROLLED.model_copy(update={"teacher_data": "same", "bug": "none"}), 1, 0,
    ),
    "transfer": (
        transfer, TransferSettings(labels_per_class=2, epochs=2, seeds=2, source_epochs=1, network="small", **HERE),
        5, 1,
    ),
    "transfer, the source as it is": (
        transfer,
        TransferSettings(task="rotated", labels_per_class=2, epochs=1, source_epochs=1, network="small", **HERE),
        5, 1,
    ),
    "multitask": (
        multitask, MultitaskSettings(tasks="digit_angle", body="small", train_size=50, epochs=2, **HERE), 5, 5,
    ),
    "multitask, equal weights apart": (
        multitask,
        MultitaskSettings(body="small", train_size=50, epochs=2, weighting="pcgrad", weight_left=2.0, **HERE), 6, 6,
    ),
    "meta-learning": (meta_learning, META, 6, 6),
    "meta-learning, digits": (
        meta_learning, META.model_copy(update={"problem": "digits", "shots": 1, "iterations": 1}), 5, 5,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _short(monkeypatch, tmp_path, few_tasks):
    monkeypatch.setattr(teachers, "MIN_STEPS", 1)
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))


def told(stream):
    """What a generator yields, and what it returns."""
    events: list[Event] = []
    while True:
        try:
            events.append(next(stream))
        except StopIteration as end:
            return events, end.value


def progress(events):
    return [event.progress for event in events if isinstance(event, Step)]


@pytest.mark.parametrize("name", RUNS)
def test_scheduling_trained_apart_in_any_order_give_what_the_trial_gives(tiny, name):
    trainer, settings, number, unprepared = RUNS[name]
    shared = drained(assemble.prepare(trainer, settings, tiny))
    events, whole = told(assemble.trial(trainer, settings, tiny, shared, 1))
    assert progress(events) == sorted(progress(events))
    assert progress(events)[-1] == 1
    assert len({job.name for job in settings.jobs}) == len(settings.jobs) == number
    assert sum(not job.prepared for job in settings.jobs) == unprepared
    trained = []
    for job in reversed(settings.jobs):
        events, found = told(assemble.train(trainer, settings, tiny, shared if job.prepared else None, (1,), job))
        done = found[1]
        assert set(done.arms) == set(job.arms)
        assert {event.seed for event in events} == {1}
        assert progress(events)[-1:] in ([], [1])  # of the job; "from scratch" may have no step to tell of
        trained.append(done)
    together = assemble.assembled(trainer, settings, shared, 1, trained)
    assert together.without_timings() == whole.without_timings()
    one = assemble.joined(trainer, settings.model_copy(update={"seed": 1, "seeds": 1}), [together])
    assert one.verdict == together.verdict  # a trial's Result is judged as a run of one trial is


@pytest.mark.parametrize(
    "name", ["distillation", "transfer", "multitask, equal weights apart", "meta-learning",
             pytest.param("meta-learning, digits", marks=pytest.mark.proof)],
)  # fmt: skip
def test_trials_made_apart_in_any_order_give_what_the_run_gives(tiny, name):
    trainer, settings, *_ = RUNS[name]
    settings = settings.model_copy(update={"seeds": 2})
    shared = drained(assemble.prepare(trainer, settings, tiny))
    trials = [drained(assemble.trial(trainer, settings, tiny, shared, seed)) for seed in (1, 0)]
    *_events, result = assemble.run(trainer, settings, tiny)
    assert assemble.joined(trainer, settings, trials).without_timings() == result.without_timings()
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_a_job_of_a_worker_with_other_data_is_refused(tiny, uci):
    shared = drained(assemble.prepare(distillation, CONTROLLED, tiny))
    alone, further, *_ = CONTROLLED.jobs
    assert alone.name == ALONE
    with pytest.raises(Problem, match="do not all have the same data"):
        drained(assemble.train(distillation, CONTROLLED, uci, shared, (0,), further))
    trained = drained(assemble.train(distillation, CONTROLLED, uci, None, (0,), alone))[0]  # it can't know yet
    with pytest.raises(Problem, match="do not all have the same data"):
        assemble.assembled(distillation, CONTROLLED, shared, 0, [trained])


@pytest.mark.parametrize("name", RUNS)
def test_a_job_that_needs_no_preparation_refuses_what_the_data_cannot_give(tiny, name):
    trainer, settings, _, unprepared = RUNS[name]
    few = type(tiny)(tiny.name, type(tiny.train)(tiny.train.images[:9], tiny.train.labels[:9]), tiny.validation,
                     tiny.test, tiny.gallery)  # fmt: skip
    if name.startswith("meta-learning") and settings.problem == "sinusoids":
        return
    with pytest.raises(Problem):
        drained(assemble.prepare(trainer, settings, few))
    for job in settings.jobs[: bool(unprepared)]:
        with pytest.raises(Problem):
            drained(assemble.train(trainer, settings, few, None, (0,), job))
