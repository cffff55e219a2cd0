"""What cells of a map have in common is made once, and no cell can be told from the same run made alone."""

import dataclasses

import pytest

from kd_core.distillation import trainer as distillation
from kd_core.multitask import trainer as multitask
from kd_core.nn import teachers
from kd_core.nn.side_by_side import fit_side_by_side
from kd_core.nn.training import fit
from kd_core.results import records
from kd_core.results.events import Step
from kd_core.results.schema import Result
from kd_core.runs import assemble, remembered
from kd_core.runs.remembered import once, remembering, settings_but
from kd_core.transfer import trainer as transfer

DATA = object()


@pytest.fixture(autouse=True)
def _forgetful():
    remembered.forget()
    yield
    remembered.forget()


@pytest.fixture
def small(tiny, monkeypatch, tmp_path):
    """A few digits under the name of MNIST, whose teachers are kept, here where nobody else looks."""
    monkeypatch.setattr(teachers, "MIN_STEPS", 1)
    monkeypatch.setenv("KD_DATA_DIR", str(tmp_path))
    return dataclasses.replace(tiny, name="MNIST")


def told(key, data=DATA, value="made", **more):
    """(events, value, how often it was made) of one `once`."""
    made = []

    def make():
        made.append(1)
        yield Step("student", "alone", 0, 1, 1, 0.5, 1.0)
        return value

    events, stream = [], once(key, data, make, **more)
    while True:
        try:
            events.append(next(stream))
        except StopIteration as end:
            return events, end.value, len(made)


def test_nothing_is_remembered_unless_it_is_wanted():
    assert told("a")[1:] == told("a")[1:] == ("made", 1)
    with remembering(True):
        first, again = told("a"), told("a", value="other")
    assert first[2] == 1
    assert again == (first[0], "made", 0)  # the same events, told again
    assert told("a", value="other")[1:] == ("other", 1)


def test_what_no_run_trains_is_remembered_always():
    assert told("b", always=True)[1:] == ("made", 1)
    assert told("b", value="other", always=True)[1:] == ("made", 0)
    assert told("b", value="other", data=object(), always=True)[1:] == ("other", 1)


def test_a_teacher_on_disk_is_tested_once_in_a_process(small, monkeypatch):
    tested = []

    def counted(*args):
        tested.append(args)
        return arm_trial(*args)

    arm_trial = records.arm_trial
    monkeypatch.setattr(records, "arm_trial", counted)
    settings = dict(student="mlp30", train_size=50, epochs=1, seeds=1, device="cpu", precision="float32")
    errors, counts = [], []
    for fresh in (True, False, False, True):
        *_, run = assemble.run(distillation, distillation.Settings(**settings, fresh_teacher=fresh), small)
        errors.append(run.arm("teacher").trials[0].test_errors)
        counts.append(len(tested) - sum(counts))
    assert counts == [1, 1, 0, 1]  # a teacher that is trained now is new; small students are judged together
    assert len(set(errors)) == 1


def test_other_data_other_keys_and_what_is_not_worth_it_are_made():
    with remembering(True):
        told("a")
        assert told("b")[2] == 1
        assert told("a", data=object())[2] == 1
        told("c", keep=lambda value: value != "made")
        assert told("c")[2] == 1


def test_what_was_broken_off_is_not_remembered_and_is_closed():
    closed = []

    def make():
        try:
            yield from [Step("student", "alone", 0, step, 2, 0.5, step / 2) for step in (1, 2)]
        finally:
            closed.append(1)

    with remembering(True):
        stream = once("a", DATA, make)
        next(stream)
        stream.close()
        assert closed == [1]
        assert told("a")[2] == 1


def test_only_the_last_parts_are_kept():
    with remembering(True):
        for key in range(remembered.MOST + 1):
            told(key)
        assert told(remembered.MOST)[2] == 0
        assert told(0)[2] == 1


def test_a_part_is_known_by_every_setting_but_those_named():
    one = distillation.Settings(temperature=2.0)
    other = one.model_copy(update={"temperature": 8.0})
    assert settings_but(one, "temperature") == settings_but(other, "temperature")
    assert settings_but(one) != settings_but(other)
    named = {name for name, value in settings_but(one, "temperature")[1:]}
    assert named == set(distillation.Settings.model_fields) - {"temperature"}


SMALL = dict(epochs=2, seeds=1, precision="float32", device="cpu")
# technique; the settings of all cells; a cell before; the cell; trainings of that cell alone, and after the other
CELLS = {
    "temperature and alpha": (
        distillation, dict(SMALL, student="mlp30", train_size=50, teacher_epochs=1),
        dict(temperature=2.0, alpha=0.5), dict(temperature=8.0, alpha=1.0), 2, 1,
    ),
    "the loss without T squared, a teacher in each trial": (
        distillation, dict(SMALL, student="mlp30", train_size=50, teacher_data="same", arm_smoothing=True),
        dict(t_squared=True), dict(t_squared=False), 4, 3,
    ),
    "lambda": (transfer, dict(SMALL, labels_per_class=3, source_epochs=1), dict(lam=0.0), dict(lam=0.1), 5, 1),
    "task weights": (
        multitask, dict(SMALL, train_size=100, tasks="digit_five"),
        dict(weight_five=0.5), dict(weight_five=2.0, weighting="uncertainty"), 6, 1,
    ),
}  # fmt: skip


def carried_out(technique, settings, data, wanted):
    with remembering(wanted):
        return list(assemble.run(technique, settings, data))


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_after_others_is_the_run_made_alone_with_fewer_trainings(small, monkeypatch, name):
    technique, common, before, own, alone_trains, cell_trains = CELLS[name]
    settings = technique.Settings.parse(common | own)
    carried_out(technique, technique.Settings.parse(common | before), small, False)  # keeps the teacher on disk
    trainings = []

    def counted(*args, **more):
        trainings.append(more.get("arm", ""))
        return (multitask_fit if technique is multitask else fit)(*args, **more)

    def counted_side_by_side(*args, **more):
        trainings.append("side by side")
        return fit_side_by_side(*args, **more)

    multitask_fit = multitask.fit
    if technique is distillation:
        monkeypatch.setattr(technique, "fit_side_by_side", counted_side_by_side)
    monkeypatch.setattr(technique, "fit", counted)
    *lone_events, lone = carried_out(technique, settings, small, False)
    assert len(trainings) == alone_trains
    carried_out(technique, technique.Settings.parse(common | before), small, True)
    trainings.clear()
    *events, cell = carried_out(technique, settings, small, True)
    assert len(trainings) == cell_trains
    assert isinstance(cell, Result)
    assert cell.without_timings() == lone.without_timings()
    assert [type(event) for event in events] == [type(event) for event in lone_events]
    assert all(trial.seconds > 0 for arm in cell.arms for trial in arm.trials)  # as measured, not 0
