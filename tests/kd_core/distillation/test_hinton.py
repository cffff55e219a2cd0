"""Section 3 of Hinton 2015: what is read off a run and a map, and its command's refusals."""

from datetime import UTC, datetime
from statistics import fmean, stdev

import pytest

from kd_core import distillation as kd
from kd_core.cli.main import main
from kd_core.data.digits import Digits
from kd_core.distillation import hinton
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.nn import teachers
from kd_core.results.schema import Result
from kd_core.settings.common import TEACHER
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.study import Cell, MapView


def ran(uci: Digits, **changes) -> Result:
    """A real run; its teacher is the one of the two kinds that trains faster."""
    asked = dict(
        train_size=200, epochs=3, teacher="mlp1200", student="mlp30", seeds=2, precision="float32", device="cpu"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teachers, "MIN_STEPS", 60)  # how good it is is not the point
        *_, last = kd.run(kd.Settings(**{**asked, **changes}), uci)
    assert isinstance(last, Result)
    return last


@pytest.fixture(scope="module")
def without_threes(uci):
    return ran(uci, left_out="3", alpha=1, temperature=8)


def told(part: str, *results: Result) -> dict[str, hinton.Line]:
    lines = hinton.lines_of(part, results)
    assert len({line.what for line in lines}) == len(lines), "each line has a name of its own"
    return {line.what: line for line in lines}


def test_the_table_is_the_runs_errors(uci):
    result = ran(uci)
    lines = told(hinton.TABLE, result)
    errors = {
        name: [trial.test_errors for trial in result.arm(name).trials] for name in (TEACHER, ALONE, DISTILLED)
    }
    assert [list(line.ours) for line in lines.values()][:3] == list(errors.values())
    gained = [
        100 * (a - d) / (a - errors[TEACHER][0]) for a, d in zip(errors[ALONE], errors[DISTILLED], strict=True)
    ]
    assert list(lines["share of the gap closed"].ours) == pytest.approx(gained)
    assert lines["share of the gap closed"].published == "91 %"
    row = lines["student alone, 2 x 800"]
    assert row.told.startswith(f"{fmean(row.ours):.1f} ± {stdev(row.ours):.1f} (")

    twice = told(hinton.TABLE, result, result)
    assert all(twice[what].ours == line.ours * 2 for what, line in lines.items()), "each run adds its trials"


def test_the_tables_trials_have_teachers_of_their_own_unless_it_is_to_be_quick():
    whole, (quick,) = hinton.settings_of(hinton.TABLE), hinton.settings_of(hinton.TABLE, quick=True)
    assert [(one.seed, one.seeds, one.teacher_seed) for one in whole] == [(0, 1, 0), (1, 1, 1), (2, 1, 2)]
    assert (quick.seeds, quick.teacher_seed) == (3, 0)
    assert all(one.teacher_epochs > quick.teacher_epochs for one in whole)


@pytest.mark.proof
def test_no_three_counts_threes(without_threes):
    lines = told(hinton.NO_THREE, without_threes)
    trials = without_threes.arm(DISTILLED).trials
    wrong = next(line for what, line in lines.items() if what.endswith("threes wrong, as trained"))
    assert list(wrong.ours) == [sum(t.confusion[3]) - t.confusion[3][3] for t in trials]
    right = lines["threes right, priors matched"].ours
    missed = lines["threes wrong, priors matched"].ours
    assert list(right) == pytest.approx(
        [100 * (1 - m / sum(t.confusion[3])) for m, t in zip(missed, trials, strict=True)]
    )


@pytest.mark.proof
def test_only_7_8_is_in_per_cent(uci):
    result = ran(uci, left_out="all_but_7_8", alpha=1, temperature=8)
    lines = told(hinton.ONLY_7_8, result)
    assert list(lines["errors, as trained"].ours) == pytest.approx(
        [100 * trial.test_errors / len(uci.test) for trial in result.arm(DISTILLED).trials]
    )
    pairs = zip(lines["errors, tuned"].ours, lines["errors, as trained"].ours, strict=True)
    assert all(tuned <= trained for tuned, trained in pairs)


def test_temperatures_are_compared_within_a_width():
    axes = ["student=mlp30,mlp300", "temperature=1,4,20"]
    plan = Plan.read("distillation", axes, {"seeds": 3})
    means = {("mlp30", 1.0): 300, ("mlp30", 4.0): 200, ("mlp30", 20.0): 260,
             ("mlp300", 1.0): 150, ("mlp300", 4.0): 100, ("mlp300", 20.0): 101}  # fmt: skip
    noise = {0: (0, 1, -1), 1: (1, -1, 0), 2: (-1, 0, 1)}
    cells = tuple(
        Cell(at={"student": student, "temperature": t}, state="finished",
             measures={seed: mean + noise[place % 3][seed] for seed in range(3)})
        for place, ((student, t), mean) in enumerate(means.items())
    )  # fmt: skip
    view = MapView(id="m", plan=plan, state="finished", cells=cells, losses=False, seconds=1,
                   created=datetime.now(UTC))  # fmt: skip
    assert hinton.best_temperatures(view) == {"mlp30": ("4", "4"), "mlp300": ("4", "4, 20")}


@pytest.mark.parametrize("arguments", [["nonsense"], ["table", "--workers", "0"]])
def test_what_is_no_part_is_refused(arguments, capsys):
    try:
        code = main(["hinton", *arguments])
    except SystemExit as stop:  # argparse's way
        code = stop.code
    assert code == 2
    assert capsys.readouterr().err
