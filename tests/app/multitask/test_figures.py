"""The multi-task page's figures: what they draw is what the recorded files say, computed again by hand."""

import numpy as np
import pytest

from app.i18n.text import Translate
from app.multitask import figures
from app.multitask.bundled import recorded_step, sweep
from app.results.bundled import ASSETS, recorded
from kd_core.multitask.settings import FAIR, JOINT, TASK_ALONE, TASK_LABELS, MultitaskSettings, arm_of

_ = Translate("en")


@pytest.fixture(scope="module")
def result():
    return recorded("multitask")


def test_recorded_run_is_that_of_the_default_settings(result):
    left_out = {"precision", "device"}
    default = {k: v for k, v in MultitaskSettings().model_dump().items() if k not in left_out}
    assert {k: v for k, v in result.settings.items() if k not in left_out} == default
    assert figures.tasks_of(result) == ["left", "right"] == sweep()["tasks"] == recorded_step()["tasks"]


def test_whole_in_short_is_what_the_arms_say(result):
    changes = []
    for trial in range(len(result.arms[0].trials)):
        errors = {s: [result.arm(arm_of(t, s)).trials[trial].test_errors for t in ("left", "right")]
                  for s in (JOINT, TASK_ALONE)}  # fmt: skip
        changes.append(100 * np.mean([j / a - 1 for j, a in zip(errors[JOINT], errors[TASK_ALONE], strict=True)]))
    assert figures.delta_m(result).mean == pytest.approx(np.mean(changes))
    joint, alone = figures.parameters(result)
    assert joint < 0.6 * alone
    (_label, change, about), (_label, share, _about), _time = figures.in_short(result, _)
    assert change == f"{np.mean(changes):+.1f} %"
    assert f"{figures.delta_m(result).low:+.1f}" in about
    assert share == f"{100 * (joint / alone - 1):+.0f} %".replace("-", "−")


def test_recorded_step_is_a_conflict_that_first_order_foretells():
    step = recorded_step()
    one = step["weights"].index(1.0)
    small = step["weights"].index(0.1)
    assert min(step["change"][one][one]) < 0 < max(step["change"][one][one])  # what the page asks about
    assert step["change"][0][0] == [0, 0]
    n1, n2 = step["norms"]
    across = n1 * n2 * step["cosine"]
    assert step["change"][small][0] == pytest.approx(
        [-step["step_size"] * 0.1 * n1**2, -step["step_size"] * 0.1 * across], rel=0.15
    )
    assert step["change"][0][small] == pytest.approx(
        [-step["step_size"] * 0.1 * across, -step["step_size"] * 0.1 * n2**2], rel=0.15
    )
    assert (ASSETS / "recorded-multitask-step.json").stat().st_size < 40_000


@pytest.mark.parametrize(
    ("points", "front"),
    [([(1, 3), (2, 2), (3, 1), (3, 3)], [0, 1, 2]), ([(1, 1), (1, 1)], [0, 1]), ([(1, 2), (1, 1)], [1]), ([], [])],
)
def test_pareto_front_keeps_what_nothing_beats(points, front):
    assert figures.pareto(points) == front


def test_trade_off_has_every_pair_of_weights_and_the_run(result):
    drawn = figures.trade_off(sweep(), result, _)
    told = {text for trace in drawn.data for text in (trace.hovertext or ())}
    shown = {text for trace in drawn.data for text in (trace.text or ()) if text}
    both = [w for w in sweep()["weights"] if all(w)]
    assert {f"{a:g} : {b:g}" for a, b in both} == told
    assert len(shown) >= 4  # as many as have room beside their marks
    assert shown <= told
    ends = [100 * t.curve[-1][1] / 50 for t in result.arm(arm_of("left", JOINT)).trials]
    (mine,) = [trace for trace in drawn.data if trace.name == "this run"]
    assert mine.x[0] == pytest.approx(np.mean(ends))  # per 10,000 of 5,000 validation images


def test_cosines_are_means_over_trials_and_stay_between_their_bounds(result):
    trials = figures.looked_at(result)
    expected = np.mean([t.series["cosine"] for t in trials], axis=0)
    drawn = figures.conflict(result, _)
    (bold,) = [t for t in drawn.data if t.name == "between the tasks, same batch"]
    np.testing.assert_allclose(bold.y, expected)
    (heat,) = figures.by_layer(result, _).data
    assert (heat.zmin, heat.zmax) == (-1, 1)
    layers = [name for name in trials[0].series if name.startswith("cosine, layer ")]
    assert len(heat.z) == len(layers) >= 3
    share = 100 * np.mean([t.measures["share of steps in conflict"] for t in trials])
    assert f"**{share:.0f} % of the steps" in figures.conflict_says(result, _)


def test_panels_are_one_a_task_on_one_axis(result):
    for drawn in (figures.curves_by_task(result, _), figures.small_multiples(result, "loss", "loss", _)):
        titles = [note.text for note in drawn.layout.annotations]
        assert titles == [TASK_LABELS["left"], TASK_LABELS["right"]]
        assert drawn.layout.yaxis2.matches == "y"


def test_loss_names_its_weights_and_their_shares():
    said = figures.loss(MultitaskSettings(weight_left=1, weight_right=3), _)
    assert r"1\,L_{\text{left digit}} + 3\,L_{\text{right digit}}" in said
    assert r"25\% : 75\%" in said


def test_samples_have_every_tasks_truth(result):
    said = figures.samples(result, _)
    digit = result.gallery[0]
    assert f"left digit: {digit.answers['left']:.0f}" in said
    assert said.count("<img") == min(figures.MOST_SAMPLES, len(result.gallery))


def test_names_of_arms_are_translated_part_by_part():
    assert Translate("zh")(arm_of("left", FAIR)) == "左边的数字 · 单独，总大小相同"
