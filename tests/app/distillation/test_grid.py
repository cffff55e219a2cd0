"""The recorded grid: what a teacher is worth in labels, and that each cell is what a run comes to."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from app.distillation.grid import answers, grid, nearest_labels, worth, worth_of
from app.distillation.summary import worth_in_labels
from app.i18n.text import Translate
from app.results.bundled import ASSETS, recorded
from assets.grid import ALONE_LABELS, ALPHAS, BARE, LABELS, STUDENTS, TEMPERATURES, trained
from kd_core.distillation import trainer
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.nn.hardware import resolve
from kd_core.runs import assemble
from kd_core.runs.assemble import drained

CURVE = {100: [800, 800], 1_000: [80, 80]}  # 80,000 errors over labels: a straight line in logarithms


def test_errors_on_a_power_law_are_worth_the_labels_that_it_says():
    found = worth([400, 400, 400], CURVE)
    assert found["mean"] == pytest.approx(200) == found["low"] == found["high"]
    assert not found["beyond"]
    spread = worth([400, 200], CURVE)
    logs = np.log([200, 400])
    half = stats.t.ppf(0.975, 1) * logs.std(ddof=1) / np.sqrt(2)
    assert spread["mean"] == pytest.approx(np.exp(logs.mean()))
    assert spread["low"] == pytest.approx(max(100, np.exp(logs.mean() - half)))
    assert spread["high"] == pytest.approx(1_000)
    assert spread["beyond"]  # the interval goes on where nothing is measured


def test_what_is_worth_more_than_the_curve_has_is_called_that_and_what_is_worth_less_is_its_beginning():
    assert worth([40, 40], CURVE)["beyond"]
    assert worth([40, 40], CURVE)["low"] == pytest.approx(1_000)
    few = worth([900, 900], CURVE)
    assert few["mean"] == pytest.approx(100)
    assert not few["beyond"]
    assert worth([0, 0], {1: [2, 2], 2: [0, 0]})["mean"] == pytest.approx(2)  # no errors at all have no logarithm
    uneven = {100: [80, 80], 200: [90, 90], 1_000: [40, 40]}  # more labels, more errors, by chance
    assert 100 <= worth([80, 80], uneven)["mean"] <= 200
    with pytest.raises(ValueError, match=r"two numbers of labels or more; \[5\]"):
        worth([1], {5: [1]})


def test_the_grid_has_all_its_cells_and_is_of_the_present_trainer():
    recorded = grid()
    assert recorded["version"] == trainer.VERSION
    assert recorded["data"] == "MNIST"
    assert (ASSETS / "recorded-grid.json").stat().st_size < 200_000
    assert recorded["temperatures"] == list(TEMPERATURES)
    assert recorded["alphas"] == list(ALPHAS)
    assert recorded["without_t_squared"] == [list(cell) for cell in BARE]
    for student in STUDENTS:
        assert list(recorded["alone"][student]) == [str(labels) for labels in ALONE_LABELS]
        for labels in map(str, LABELS):
            shape = np.array(recorded["distilled"][student][labels]).shape
            assert shape == (len(TEMPERATURES) * len(ALPHAS), recorded["seeds"])
            assert np.array(recorded["without"][student][labels]).shape == (len(BARE), recorded["seeds"])
            assert np.array(recorded["logits"][student][labels]["distilled"]).shape == (shape[0], 2, 10)
    settings = DistillationSettings()
    assert {name: getattr(settings, name) for name in recorded["settings"]} == recorded["settings"]


def test_answers_are_the_errors_of_the_grid_with_their_intervals():
    recorded, found = grid(), answers("mlp30", 100)
    alone = 100 * np.array(recorded["alone"]["mlp30"]["100"]) / recorded["images"]
    assert found["alone"]["mean"] == pytest.approx(alone.mean(), abs=1e-3)
    row, column = TEMPERATURES.index(8.0), ALPHAS.index(0.9)
    errors = 100 * np.array(recorded["distilled"]["mlp30"]["100"][row * len(ALPHAS) + column]) / recorded["images"]
    cell = found["cells"][row][1 + column]
    assert cell["errors"]["mean"] == pytest.approx(errors.mean(), abs=1e-3)
    gain = stats.ttest_rel(alone, errors).confidence_interval(0.95)
    assert [cell["gain"][side] for side in ("low", "high")] == pytest.approx([gain.low, gain.high], abs=1e-3)
    same = found["cells"][row][0]  # at α = 0
    assert same["errors"] == found["alone"]
    assert same["gain"] == {"mean": 0, "low": 0, "high": 0}
    json.dumps(found)


def test_the_nearest_measured_number_of_labels_is_so_by_its_logarithm():
    assert [nearest_labels(labels) for labels in (50, 200, 250, 900, 1_050, 55_000)] == [
        100,
        100,
        500,
        500,
        2000,
        2000,
    ]


@pytest.mark.parametrize(("t", "alpha", "t_squared"), [(4.0, 0.9, True), (20.0, 0.5, False)])
def test_a_cell_is_what_a_run_of_its_settings_comes_to(mnist, t, alpha, t_squared):
    recorded = grid()
    settings = resolve(DistillationSettings(temperature=t, alpha=alpha, t_squared=t_squared, student="mlp30",
                                            train_size=100, seeds=1))  # fmt: skip
    shared = drained(assemble.prepare(trainer, settings, mnist))
    place = BARE.index((t, alpha)) if not t_squared else TEMPERATURES.index(t) * len(ALPHAS) + ALPHAS.index(alpha)
    cells = recorded["distilled" if t_squared else "without"]["mlp30"]["100"]
    # Other processors round otherwise: two per thousand of the images, where seeds differ by thirty.
    assert trained(settings, DISTILLED, shared)["errors"] == pytest.approx(cells[place][0], abs=10)
    assert trained(settings, ALONE, shared)["errors"] == pytest.approx(recorded["alone"]["mlp30"]["100"][0], abs=10)


def test_the_recorded_result_says_what_its_teacher_is_worth_and_a_run_that_differs_says_nothing():
    en, result = Translate("en"), recorded("distillation")
    curve = {int(labels): errors for labels, errors in grid()["alone"]["article"].items()}
    errors = [trial.curve[-1][1] for trial in result.arm(DISTILLED).trials]
    assert worth_of(result) == worth(errors, curve)
    said = worth_in_labels(result, en)
    assert said.startswith("500 labels with this teacher are worth about ")
    numbers = [int(text.replace(",", "")) for text in re.findall(r"\d[\d,]*", said)]
    assert 500 < numbers[2] <= numbers[1] <= numbers[3]
    for other in ({"epochs": 10}, {"student": "mlp800"}, {"teacher_data": "same"}):
        assert worth_in_labels(result.model_copy(update={"settings": result.settings | other}), en) == ""
    cooler = result.model_copy(update={"settings": result.settings | {"temperature": 1.5}})
    assert worth_in_labels(cooler, en) == said  # what counts is what its student came to
