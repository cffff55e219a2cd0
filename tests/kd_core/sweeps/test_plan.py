"""What a map may vary, as a person writes it, and what is refused, in one sentence each."""

import pytest

from kd_core.messages import Problem
from kd_core.sweeps.plan import MOST_CELLS, Plan, varied
from kd_core.sweeps.plan import presets as map_presets
from kd_core.techniques import TECHNIQUES


def read(*axes, trials=0, technique="distillation", **settings):
    return Plan.read(technique, axes, settings, trials)


def test_a_grid_has_every_combination_in_order():
    plan = read("alpha=0,1", "temperature=1,2,4", student="mlp30")
    assert [tuple(at.values()) for at in plan.grid()] == [(0, 1), (0, 2), (0, 4), (1, 1), (1, 2), (1, 4)]
    assert {cell.student for cell in plan.cells()} == {"mlp30"}
    assert [(cell.alpha, cell.temperature) for cell in plan.cells()][-1] == (1, 4)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("alpha=0:1:5", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("temperature=1:16:5", (1.0, 2.0, 4.0, 8.0, 16.0)),  # it spans magnitudes: equal factors
        ("epochs=10:30:3", (10, 20, 30)),
        ("student=mlp30, mlp300", ("mlp30", "mlp300")),
        ("t_squared=true,false", (True, False)),
        ("temperature=4,4,8", (4.0, 8.0)),
        ("train-size=50,500", (50, 500)),
    ],
)
def test_an_axis_is_read_as_it_is_written(text, values):
    plan = read(text)
    assert plan.axes[0].values == values
    assert read(str(plan.axes[0])) == plan


@pytest.mark.parametrize(
    ("axes", "trials", "said"),
    [
        ((), 0, "at least one setting"),
        (("alpha=0,1", "alpha=0,0.5"), 0, "alpha is varied twice"),
        (("temperature=4:1:3",), 0, "4:1:3 is empty"),
        (("temperature=1:nan:3",), 0, "is empty"),
        (("temperature=1:2",), 0, "is no range"),
        (("temperature=",), 0, "no setting with values"),
        (("temperature",), 0, "no setting with values"),
        (("temperature=4",), 0, "fewer than two different values"),
        (("temperature=1,99",), 0, "temperature = 99 is not allowed; it must be 0.5 to 50"),
        (("student=mlp30,giant",), 0, "student = giant is not allowed"),
        (("nothing=1,2",), 0, "nothing cannot be varied in a map of distillation"),
        (("seeds=1,2",), 0, "seeds cannot be varied"),
        (("temperature=1:40:200", "alpha=0:1:200"), 0, "40,000 cells; at most 400"),
        (("temperature=1:40:1000000",), 0, "a range takes 2 to 400 values, and 1000000"),
        (("temperature=1,2",), 1_000_000, "1,000,000 cells; at most 400"),
        (("alpha=0,1", "temperature=1,2", "epochs=1,2"), 0, "A grid has one or two settings, and 3"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(axes, trials, said):
    with pytest.raises(Problem, match=said) as caught:
        read(*axes, trials=trials)
    assert len(str(caught.value).splitlines()) == 1


def test_other_techniques_and_their_task_cannot_be_mixed_in_a_map():
    with pytest.raises(Problem, match="no technique called magic"):
        read("x=1,2", technique="magic")
    with pytest.raises(Problem, match="task cannot be varied"):
        read("task=low_high,uci", technique="transfer")
    for technique in (one.settings for one in TECHNIQUES.values()):
        assert not {"seed", "seeds", "device", "precision", "task", "tasks", "problem"} & set(varied(technique))


def test_equal_plans_have_one_key_however_they_are_written():
    plan = read("alpha=0,1", "temperature=1,2", student="mlp30")
    assert plan.key() == read("alpha=0:1:2", "temperature=1.0,2.0", student="mlp30", epochs=30).key()
    assert plan.key() != read("alpha=0,1", "temperature=1,2", student="mlp300").key()
    assert plan.key() != read("alpha=0,1", "temperature=1,2", student="mlp30", trials=4).key()
    assert read("alpha=0,1", alpha="0.3").settings == {}


@pytest.mark.parametrize("preset", map_presets())
def test_every_ready_made_map_can_be_made(preset):
    plan = map_presets()[preset].plan
    plan.check()
    assert (plan.trials or len(plan.cells())) <= MOST_CELLS
    assert all(cell.seeds == 3 for cell in plan.cells())
