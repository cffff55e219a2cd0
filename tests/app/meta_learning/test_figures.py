"""The meta-learning page's figures: what they draw is what the recorded Result says."""

import numpy as np
import pytest

from app.i18n.text import Translate
from app.meta_learning import figures
from app.meta_learning.bundled import sinusoids
from app.results.bundled import recorded
from kd_core.meta_learning.settings import MAML, ORACLE, PRETRAINED, MetaSettings

_ = Translate("en")


@pytest.fixture(scope="module")
def result():
    return recorded("meta_learning")


def test_recorded_run_is_that_of_the_default_settings(result):
    default = {k: v for k, v in MetaSettings().model_dump().items() if k != "device"}
    assert {k: v for k, v in result.settings.items() if k != "device"} == default
    assert result.verdict.kind == "better"


def test_scores_and_curves_are_means_over_trials(result):
    maml = np.array([t.series["query loss"] for t in result.arm(MAML).trials])
    drawn = figures.adaptation(result, _)
    (line,) = [t for t in drawn.data if t.name == "MAML"]
    np.testing.assert_allclose(line.y, maml.mean(0))
    bold = [t for t in figures.scores(result, _).data if t.marker.size == 14]
    by_name = {t.y[0]: t.x[0] for t in bold}
    assert by_name["MAML"] == pytest.approx(maml[:, 1].mean())
    assert set(by_name) == {arm.name for arm in result.arms}


def test_what_is_drawn_before_and_after_fits_its_points(result):
    drawn = figures.before_and_after(result, _)
    assert len(drawn.data) == 2 * figures.TASKS_SHOWN * 4
    series = result.arm(MAML).trials[0].series
    amplitude, phase = series["task 1, amplitude and phase"]
    np.testing.assert_allclose(
        series["task 1, support y"], amplitude * np.sin(np.array(series["task 1, support x"]) - phase), atol=1e-3
    )


def test_table_of_orders_has_no_second_order_term_without_adaptation(result):
    table = figures.order_table(result, _).splitlines()
    names = [cell.strip() for cell in table[0].strip("|").split("|")]
    share = [cell.strip() for cell in table[-1].strip("|").split("|")]
    assert share[names.index(PRETRAINED)] == "–"
    shares = [t.measures["second-order share"] for t in result.arm(MAML).trials]
    assert share[names.index(MAML)] == f"{np.mean(shares):.2f}"
    assert ORACLE in names


def test_training_curves_are_those_of_arms_that_train(result):
    names = {t.name for t in figures.training_curves(result, _).data if t.name}
    assert MAML in names
    assert "from scratch" not in names


def test_formula_has_the_values_that_are_set():
    said = figures.formula(MetaSettings(inner_lr=0.05, meta_batch=7, inner_steps=3))
    assert r"\sum_{i=1}^{7}" in said
    assert r"0.05\,\nabla" in said
    assert r"3\times" in said
    assert r"L_{meta} &= \textstyle\sum L_{new}(\theta - \alpha \nabla L_{train})" in said  # as printed


def test_recorded_networks_start_alike_and_maml_is_ahead_after_one_step():
    found = sinusoids()
    assert found["low"]["joint"][0] <= found["mean"]["maml"][0] <= found["high"]["joint"][0]
    assert found["high"]["maml"][1] < found["low"]["joint"][1]
