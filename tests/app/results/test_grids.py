"""The recorded grids of transfer, multi-task and meta-learning: whole, and what a run comes to."""

import numpy as np
import pytest
from scipy import stats

from app.i18n.text import Translate
from app.meta_learning.measured import answers as meta_learning
from app.multitask.bundled import sweep
from app.multitask.measured import answers as multitask
from app.results.bundled import ASSETS
from app.results.grids import grid
from app.transfer.measured import answers as transfer
from assets import grids
from assets.cells import trained
from kd_core.meta_learning.settings import MAML, ORACLE, PRETRAINED
from kd_core.multitask.settings import JOINT, TASK_ALONE, arm_of
from kd_core.runs.assemble import trainer_of
from kd_core.settings.common import SCRATCH
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import ANCHORED, TUNED

ANSWERS = {"transfer": transfer, "multitask": multitask, "meta_learning": meta_learning}
en = Translate("en")


@pytest.mark.parametrize("technique", ANSWERS)
def test_a_grid_is_whole_small_and_of_the_present_trainer_and_defaults(technique):
    recorded, settings = grid(technique), TECHNIQUES[technique].settings()
    assert recorded["version"] == trainer_of(settings.module).VERSION
    assert {name: getattr(settings, name) for name in recorded["settings"]} == recorded["settings"]
    assert {*settings.specs()} - {*recorded["settings"]} >= {*recorded["axes"], "seed", "seeds"}
    assert (ASSETS / f"recorded-{technique}-grid.json").stat().st_size < 10_000
    assert all(recorded[name] for name in ("created", "processor", "torch"))
    every, *rest = (len(marks) for marks in recorded["axes"].values())
    for cells in recorded["arms"].values():
        assert len(cells) in (every * (rest[0] if rest else 1), rest[0] if rest else 1)
        assert all(cell is None or len(cell) == recorded["seeds"] == 5 for cell in cells)
    made = {"transfer": (grids.LAMS, grids.LABELS), "multitask": (grids.WEIGHTS,),
            "meta_learning": (grids.INNER_LRS, grids.INNER_STEPS)}[technique]  # fmt: skip
    assert [tuple(marks) for marks in recorded["axes"].values()] == list(made)


@pytest.mark.parametrize("technique", ANSWERS)
def test_what_is_drawn_has_a_cell_for_each_mark(technique):
    found = ANSWERS[technique](en)
    across = len(found.axes[1].marks) if len(found.axes) > 1 else 1
    for each in (*found.lines, *found.gains):
        assert [len(row) for row in each.cells] == [across] * len(found.axes[0].marks)


def test_errors_and_gains_are_those_of_the_grid_with_paired_intervals():
    recorded, found = grid("transfer"), transfer(en)
    at, labels = grids.LAMS.index(0.1), grids.LABELS.index(20)
    errors = 100 * np.array(recorded["arms"][ANCHORED][at * len(grids.LABELS) + labels]) / recorded["images"]
    scratch = 100 * np.array(recorded["arms"][SCRATCH][labels]) / recorded["images"]
    cell = found.lines[-1].cells[1 + at][labels]  # λ = 0 is first
    expected = stats.ttest_1samp(errors, 0).confidence_interval(0.95)
    assert [cell[side] for side in ("mean", "low", "high")] == pytest.approx([errors.mean(), *expected], abs=1e-3)
    gain = stats.ttest_rel(scratch, errors).confidence_interval(0.95)
    told = found.gains[0].cells[1 + at][labels]
    assert [told["low"], told["high"]] == pytest.approx([gain.low, gain.high], abs=1e-3)
    assert found.gains[1].cells[0][labels] == {"mean": 0, "low": 0, "high": 0}  # at λ = 0: fine-tuning itself


def test_losses_are_compared_by_their_logarithms_and_a_broken_cell_is_none():
    recorded, found = grid("meta_learning"), meta_learning(en)
    place = grids.INNER_LRS.index(0.01) * len(grids.INNER_STEPS)
    loss, joint = np.array(recorded["arms"][MAML][place]), np.array(recorded["arms"][PRETRAINED][0])
    assert found.lines[-1].cells[2][0]["mean"] == pytest.approx(stats.gmean(loss), rel=1e-4)
    ratio = stats.ttest_rel(np.log(loss), np.log(joint)).confidence_interval(0.95)
    told = found.gains[0].cells[2][0]
    assert [told["low"], told["high"]] == pytest.approx(np.exp([ratio.low, ratio.high]), rel=1e-4)
    assert [recorded["arms"][MAML][-1], found.lines[-1].cells[-1][-1], found.gains[0].cells[-1][-1]] == [None] * 3


def test_the_sweep_of_the_weights_is_the_grid_per_10000_images():
    recorded, shown = grid("multitask"), sweep()
    assert (shown["weights"][0], shown["weights"][-1]) == ([0, 2], [2, 0])
    assert all(sum(pair) == pytest.approx(2) for pair in shown["weights"])
    for task in shown["tasks"]:
        errors = np.mean(recorded["arms"][arm_of(task, JOINT)], axis=1) * 10_000 / recorded["images"]
        assert [point["mean"] for point in shown["errors"][task]] == pytest.approx(errors.tolist(), abs=1e-3)
        assert all(point["low"] <= point["mean"] <= point["high"] for point in shown["errors"][task])
        # With the other's weight at 0 it is that task alone, but for the scale of the loss.
        alone = shown["alone"][task]
        last = shown["errors"][task][0 if task == "right" else -1]
        assert alone["low"] <= last["mean"] <= alone["high"]


CELLS = [
    ("transfer", ANCHORED, {"lam": 0.1, "labels_per_class": 5}, 2 * len(grids.LABELS) + 2),
    ("transfer", SCRATCH, {"labels_per_class": 2}, 1),
    ("transfer", TUNED, {"labels_per_class": 10}, 3),
    ("multitask", arm_of("left", JOINT), {"weight_left": 0.6, "weight_right": 1.4}, 3),
    ("multitask", arm_of("right", TASK_ALONE), {}, 0),
    ("meta_learning", MAML, {"inner_lr": 0.03, "inner_steps": 2}, 3 * len(grids.INNER_STEPS) + 1),
    ("meta_learning", ORACLE, {"inner_steps": 2}, 1),
]


@pytest.mark.proof
@pytest.mark.parametrize(("technique", "arm", "chosen", "place"), CELLS)
def test_a_cell_is_what_a_run_of_its_settings_comes_to(technique, arm, chosen, place):
    recorded = grid(technique)
    settings = TECHNIQUES[technique].settings.parse({**chosen, "seeds": 1})
    job = next(job for job in settings.jobs if arm in job.arms)
    (found,) = trained((job, settings))[arm]
    # Other processors round otherwise; on that of the recording it is equal.
    assert found == pytest.approx(recorded["arms"][arm][place][0], rel=0.1)
