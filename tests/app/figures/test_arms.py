"""Figures are pure: a Result in, the right numbers drawn."""

import re

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from app.distillation import figures
from app.figures import arms
from app.i18n.text import Translate
from app.results.bundled import recorded
from app.results.comparison import comparison
from kd_core.distillation.loss import distillation_loss
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.meta_learning.settings import MAML
from kd_core.multitask.settings import TASK_LABELS
from kd_core.results.comparability import per_10000
from kd_core.settings.common import SCRATCH, SOURCE, TEACHER
from kd_core.techniques import TECHNIQUES


@pytest.fixture(scope="module")
def result():
    return recorded("distillation")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_draws_in_both_languages(result, language):
    _ = Translate(language)
    for figure in (
        arms.errors_by_arm(result, _), arms.learning_curves(result, _),
        arms.soft_targets(result, 3, 4.0, _), figures.gradient_norms(result, 4.0, _),
    ):  # fmt: skip
        assert figure.data
        assert figure.layout.xaxis.title.text
    assert "121,930" in comparison(result, _)
    assert "487,720" in comparison(result, _)


def test_a_curve_counted_on_fewer_images_is_a_share_of_these_and_ranked_by_all(result):
    arm = result.arms[1]
    sampled = {"curve": ((1, 20), (2, 50)), "curve_images": 100, "curve_end": 0}
    trials = [t.model_copy(update=sampled) for t in arm.trials]
    changed = result.model_copy(update={"arms": (arm.model_copy(update={"trials": tuple(trials)}),)})
    drawn = arms.learning_curves(changed, Translate("en")).data[-1]
    assert (tuple(drawn.x), tuple(drawn.y)) == ((1, 2), (20.0, 0.5))  # none of 100 is drawn as half an error
    assert tuple(drawn.customdata) == (100, 100)
    assert set(per_10000(changed, changed.arms[0])) == {100.0}  # 50 of 5,000
    assert "%{customdata:,} images" in drawn.hovertemplate


def test_arms_set_alike_stand_once_and_a_wide_table_is_turned(result):
    tasks = recorded("multitask")
    shown = comparison(tasks, Translate("en"))
    rows = re.findall(r'<th scope="row">(.*?)</th>', shown)
    assert "left digit · joint, equal weights = joint, as set" in shown
    assert len(rows) == len(tasks.arms) - 2  # one a task
    assert 'class="arms turned"' in shown
    assert re.findall(r'<th scope="col">(.*?)</th>', shown)[0] == "errors per 10,000"
    told = dict(zip(rows, re.findall(r'<td class="main">(.*?)</td>', shown), strict=True))
    alone = next(arm for arm in tasks.arms if arm.name == "left digit · alone")
    assert [value for name, value in told.items() if ">left digit · alone<" in name] == [
        str(alone.errors_per_10000)
    ]
    assert 'class="arms"' in comparison(result, Translate("en"))  # three arms are three columns


@pytest.mark.parametrize("t", [0.5, 1.0, 4.0, 50.0])
def test_soft_targets_are_numpys_softmax_averaged_over_trials(result, t):
    figure = arms.soft_targets(result, 5, t, Translate("en"))
    for arm, bars in zip(result.arms, figure.data, strict=True):
        z = np.array([trial.gallery_logits[5] for trial in arm.trials]) / t
        e = np.exp(z - z.max(1, keepdims=True))
        np.testing.assert_allclose(bars.y, (e / e.sum(1, keepdims=True)).mean(0), rtol=1e-9)
    assert tuple(figure.layout.yaxis.range) == (0, 1)


@pytest.mark.parametrize("place", [0, 20, 60])
def test_gradient_lengths_are_those_of_autograd(result, place):
    lengths, t = figures.gradient_lengths(result), figures.TEMPERATURES[place]
    teacher, student = (
        torch.tensor(result.arm(name).trials[0].gallery_logits, dtype=torch.float64) for name in (TEACHER, ALONE)
    )
    labels = torch.tensor([digit.label for digit in result.gallery])
    student.requires_grad_(True)
    for curve, options in {
        "soft": dict(alpha=1.0), "bare": dict(alpha=1.0, t_squared=False), "hard": dict(alpha=0.0),
    }.items():  # fmt: skip
        loss = len(labels) * distillation_loss(student, teacher, labels, t, **options)
        (gradient,) = torch.autograd.grad(loss, student)
        assert lengths[curve][place] == pytest.approx(gradient.norm(dim=1).mean().item(), rel=1e-9)


def test_at_high_temperature_the_soft_gradient_is_that_of_matching_logits(result):
    teacher, student = (np.array(result.arm(name).trials[0].gallery_logits) for name in (TEACHER, ALONE))
    # Independently: the gradient of the mean squared error between centred logits, times C / 2 / C.
    z = torch.tensor(student, requires_grad=True)
    v = torch.tensor(teacher)
    squares = ((z - z.mean(1, keepdim=True)) - (v - v.mean(1, keepdim=True))).pow(2).sum() / 20
    (gradient,) = torch.autograd.grad(squares, z)
    lengths = figures.gradient_lengths(result)
    assert lengths["limit"][0] == pytest.approx(gradient.norm(dim=1).mean().item(), rel=1e-9)
    angles = [figures.degrees_from_matching(result, t) for t in (1.0, 4.0, 50.0, 1e5)]
    assert angles == sorted(angles, reverse=True)
    assert angles[-1] < 0.1


def test_mean_curve_averages_the_trials_that_got_there():
    assert arms.mean_curve([[(1, 10), (2, 4)], [(1, 20)]]) == ([1, 2], [15.0, 4.0])


def test_live_curves_show_the_teacher_while_it_trains_and_then_as_a_level():
    teacher = {("teacher", "teacher", 0): ((1, 90, 5000), (2, 60, 5000))}
    lengths = {("teacher", "teacher", 0): 5}
    alone = arms.live_curves(teacher, {}, lengths, "student", Translate("en"))
    assert alone["xAxis"]["max"] == 5
    assert [series["data"] for series in alone["series"]] == [[[1, 1.8], [2, 1.2]]]
    student = {
        ("student", "student alone", 0): ((3, 500, 5000),),
        ("student", "student alone", 1): ((3, 700, 5000),),
    }
    lengths |= dict.fromkeys(student, 30)
    both = arms.live_curves({**teacher, **student}, {}, lengths, "student", Translate("en"))
    assert both["xAxis"]["max"] == 30
    named = {series["name"]: series["data"] for series in both["series"] if series["name"]}
    assert named["student alone"] == [[3, 12.0]]
    assert named["teacher"] == [[0, 1.2], [30, 1.2]]


def test_no_error_at_all_is_still_drawn_on_a_logarithmic_axis():
    curves = {("student", "student alone", 0): ((1, 0, 200),)}
    (series,) = arms.live_curves(curves, {}, dict.fromkeys(curves, 2), "student", Translate("en"))["series"]
    assert series["data"] == [[1, 0.25]]


def test_live_curves_of_losses_have_their_own_axis():
    losses = {("meta", MAML, 0): ((0, 4.0), (150, 2.0)), ("meta", MAML, 1): ((0, 2.0), (150, 1.0))}
    option = arms.live_curves({}, losses, dict.fromkeys(losses, 1500), "meta", Translate("en"))
    (mean,) = [series for series in option["series"] if series["name"] == "MAML"]
    assert mean["data"] == [[0, 3.0], [150, 1.5]]
    assert option["xAxis"]["max"] == 1500
    assert option["yAxis"]["name"] == "validation loss, log scale"


def test_a_source_network_is_drawn_while_it_trains_and_not_on_the_targets_axis():
    source = {("source", SOURCE, 0): ((1, 14, 5000),)}
    lengths = {("source", SOURCE, 0): 3, ("target", SCRATCH, 0): 30}
    before = arms.live_curves(source, {}, lengths, "target", Translate("en"))
    assert [series["name"] for series in before["series"]] == [SOURCE]
    both = source | {("target", SCRATCH, 0): ((1, 1000, 5000), (2, 600, 5000))}
    after = arms.live_curves(both, {}, lengths, "target", Translate("en"))
    assert [series["name"] for series in after["series"]] == [SCRATCH]
    assert after["legend"]["data"] == [SCRATCH]


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_no_two_arms_look_alike_while_they_train(technique):
    names = [arm.name for arm in recorded(technique).arms]
    curves = {("last", arm, 0): ((1, 50, 100), (2, 40, 100), (3, 30, 100)) for arm in names}
    option = arms.live_curves(curves, {}, dict.fromkeys(curves, 3), "last", Translate("en"))
    lines = [series["lineStyle"] for series in option["series"]]
    assert len({line["color"] for line in lines}) == len(lines)
    if technique == "multitask":
        for task in TASK_LABELS:
            dashes = [
                str(s["lineStyle"]["type"]) for s in option["series"] if s["name"].startswith(TASK_LABELS[task])
            ]
            assert len(set(dashes)) == len(dashes)


@pytest.mark.parametrize("shown", [1, 4, 10])
def test_live_curves_use_the_height_and_every_tick_is_drawn(shown):
    curves = {
        ("student", arm, seed): tuple((epoch, start * 0.8**epoch, 1000) for epoch in range(1, shown + 1))
        for arm, start in ((ALONE, 500), (DISTILLED, 700)) for seed in (0, 1)
    }  # fmt: skip
    option = arms.live_curves(curves, {}, dict.fromkeys(curves, 10), "student", Translate("en"))
    axis, values = option["yAxis"], [y for series in option["series"] for _x, y in series["data"]]
    assert axis["min"] <= min(values) <= max(values) <= axis["max"]
    assert axis["max"] / axis["min"] <= max(10, 6.3 * max(values) / min(values))  # at most a step at each end
    for part in ("axisLabel", "axisTick"):
        ticks = axis[part]["customValues"]
        assert len(ticks) >= 3
        assert axis["min"] <= min(ticks) < max(ticks) <= axis["max"]


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("epoch", "epoch"),
        ("errors per 10,000 (mean, 95 % interval)", "errors per 10,000<br>(mean, 95 % interval)"),
        ("每一万张的错误数（均值，95 % 区间）", "每一万张的错误数<br>（均值，95 % 区间）"),
        ("a" * 60, "a" * 60),
    ],
)
def test_a_long_title_of_an_axis_takes_two_lines(title, lines):
    shown = arms.finish(go.Figure(go.Scatter(x=[1], y=[1])).update_xaxes(title=title), 300)
    assert shown.layout.xaxis.title.text == lines


def test_a_rows_name_takes_two_lines_and_its_mean_stands_beside_the_plot(result):
    drawn = arms.errors_by_arm(recorded("multitask"), Translate("en"))
    assert list(drawn.layout.yaxis.tickvals) == [arm.name for arm in recorded("multitask").arms]
    assert "left digit · alone,<br>same total size" in drawn.layout.yaxis.ticktext
    means = {note.y: note for note in arms.errors_by_arm(result, Translate("en")).layout.annotations}
    for arm in result.arms:
        assert means[arm.name].text == f"<b>{arm.errors_per_10000.mean:,.0f}</b>"
        assert (means[arm.name].xref, means[arm.name].x, means[arm.name].xanchor) == ("paper", 1, "left")
