"""The figures in depth draw the Result's numbers: against numpy and scikit-learn on a real run."""

import re

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from app.figures import depth
from app.i18n.text import Translate
from app.results.bundled import recorded
from app.results.comparison import comparison
from kd_core.data import pixels
from kd_core.distillation.settings import ALONE, DISTILLED, SMOOTHED
from kd_core.export import numpy_forward
from kd_core.results.schema import Bin, Cost
from kd_core.results.statistics import calibration_error, t_interval
from kd_core.settings.common import TEACHER

EN = Translate("en")
LABELS = pixels.test_labels("UCI digits")


def answers(trial):
    """What a trial's network said to every test image."""
    said = LABELS.astype(int)
    for index, answer in trial.mistakes:
        said[index] = answer
    return said


def shared(result, name):
    """The same result with one trial of the arm `name` serving all."""
    arms = [
        arm.model_copy(update={"shared": True, "trials": arm.trials[:1]}) if arm.name == name else arm
        for arm in result.arms
    ]
    return result.model_copy(update={"arms": tuple(arms)})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_draws_in_both_languages(small_result, language):
    _ = Translate(language)
    arm = small_result.arm(DISTILLED)
    for figure in (
        depth.reliability(small_result, _), depth.calibration_errors(small_result, _),
        depth.agreements(small_result, _), depth.repeated_mistakes(small_result, _),
        depth.confusion(arm, (3, 5), _), depth.costs(small_result, _),
    ):  # fmt: skip
        assert figure.data
        assert figure.to_json()


def test_pairs_are_by_seed_and_a_shared_network_meets_every_trial(small_result):
    teacher, alone = small_result.arm(TEACHER), small_result.arm(ALONE)
    backwards = alone.model_copy(update={"trials": alone.trials[::-1]})
    assert [(a.seed, b.seed) for a, b in depth.pairs(teacher, backwards)] == [(0, 0), (1, 1), (2, 2)]
    only = shared(small_result, TEACHER).arm(TEACHER)
    assert [(a.seed, b.seed) for a, b in depth.pairs(alone, only)] == [(0, 0), (1, 0), (2, 0)]
    assert [(a.seed, b.seed) for a, b in depth.pairs(only, alone)] == [(0, 0), (0, 1), (0, 2)]


def test_reliability_is_accuracy_over_confidence_of_all_trials(small_result):
    figure = depth.reliability(small_result, EN)
    arm = small_result.arm(ALONE)
    mine = [trace for trace in figure.data if trace.legendgroup == ALONE]
    drawn = {(x, y, n) for trace in mine for x, y, n in zip(trace.x, trace.y, trace.customdata, strict=True)}
    expected = set()
    for k in range(15):
        same = [trial.bins[k] for trial in arm.trials]
        if n := sum(b.count for b in same):
            expected.add((100 * sum(b.confidence for b in same) / n, 100 * sum(b.correct for b in same) / n, n))
    assert drawn == expected
    many, few = mine
    assert min(many.customdata) >= depth.FEW > max(few.customdata, default=0)


def test_calibration_errors_are_the_mean_over_trials(small_result):
    figure = depth.calibration_errors(small_result, EN)
    for arm in small_result.arms:
        each = [100 * calibration_error(trial) for trial in arm.trials]
        trials, mean = (trace for trace in figure.data if trace.y[0] == arm.name)
        assert list(trials.x) == each
        assert mean.x[0] == pytest.approx(np.mean(each))
        assert mean.error_x.array[0] == pytest.approx(t_interval(each).half_width)


@pytest.mark.parametrize(
    ("correct", "said"),
    [(70, "is too sure: where it says 90 %, it is right 70 % of the time (100 answers)"),
     (97, "is not sure enough: where it says 90 %, it is right 97 %"),
     (89, "is right about as often as it says: where it says 90 %, it is right 89 %"),
     (None, "gives fewer than 10 answers of about 90 % confidence")],
)  # fmt: skip
def test_calibration_is_read_where_an_arm_says_90_percent(small_result, correct, said):
    bins = [Bin(count=0, confidence=0.0, correct=0)] * 15
    bins[13] = Bin(count=100, confidence=90.0, correct=correct) if correct else bins[13]
    arm = small_result.arm(ALONE)
    trial = arm.trials[0].model_copy(update={"bins": tuple(bins)})
    assert said in depth.reading(arm.model_copy(update={"trials": (trial,)}), EN)


@pytest.mark.parametrize("one_teacher", [False, True])
def test_agreement_counts_equal_answers(small_result, one_teacher):
    result = shared(small_result, TEACHER) if one_teacher else small_result
    figure = depth.agreements(result, EN)
    teachers = [answers(trial) for trial in result.arm(TEACHER).trials]
    for name in (ALONE, DISTILLED, SMOOTHED):
        each = [
            100 * (answers(trial) == teachers[0 if one_teacher else k]).mean()
            for k, trial in enumerate(result.arm(name).trials)
        ]
        trials, mean = (trace for trace in figure.data if trace.y[0] == name)
        np.testing.assert_allclose(trials.x, each)
        assert mean.x[0] == pytest.approx(np.mean(each))
    assert TEACHER not in {trace.y[0] for trace in figure.data}


def test_what_an_arm_says_where_the_teacher_is_wrong(small_result):
    for trial, teacher in depth.pairs(small_result.arm(DISTILLED), small_result.arm(TEACHER)):
        mine, theirs = answers(trial), answers(teacher)
        lost = theirs != LABELS
        counts = depth.on_mistakes(trial, teacher)
        assert counts.of == lost.sum()
        assert counts.same == (lost & (mine == theirs)).sum()
        assert counts.right == (lost & (mine == LABELS)).sum()
        assert counts.same + counts.other + counts.right == counts.of
    flawless = small_result.arm(TEACHER)
    trials = tuple(trial.model_copy(update={"mistakes": ()}) for trial in flawless.trials)
    arms = (flawless.model_copy(update={"trials": trials}), *small_result.arms[1:])
    assert depth.repeated_mistakes(small_result.model_copy(update={"arms": arms}), EN) is None


def test_confusion_is_sklearns_and_every_cell_of_errors_can_be_chosen(small_result):
    arm = small_result.arm(DISTILLED)
    expected = np.mean([confusion_matrix(LABELS, answers(trial)) for trial in arm.trials], axis=0)
    np.testing.assert_allclose(depth.mean_confusion(arm), expected)
    cells, right, markers = depth.confusion(arm, (3, 5), EN).data
    off = ~np.eye(10, dtype=bool)
    np.testing.assert_allclose(np.nan_to_num(np.array(cells.z, dtype=float))[off], expected[off])
    assert np.isnan(np.diag(np.array(cells.z, dtype=float))).all()
    assert len(right.text) == 10
    assert {tuple(cell) for cell in markers.customdata} == {(t, s) for t in range(10) for s in range(10) if t != s}
    assert all((y, x) == tuple(cell) for x, y, cell in zip(markers.x, markers.y, markers.customdata, strict=True))
    true, said = depth.largest_error(arm)
    assert expected[true, said] == (expected * off).max()


def test_behind_a_cell_are_its_images(small_result):
    arm = small_result.arm(ALONE)
    true, said = depth.largest_error(arm)
    found = depth.behind(arm, true, said, LABELS)
    assert sum(times for _index, times in found) == sum(trial.confusion[true][said] for trial in arm.trials)
    assert [times for _index, times in found] == sorted((times for _index, times in found), reverse=True)
    assert {LABELS[index] for index, _times in found} == {true}


def test_fixed_minus_broken_is_the_verdict(small_result):
    verdict = small_result.verdict
    arm, baseline = small_result.arm(verdict.arm), small_result.arm(verdict.baseline)
    (fixed_each, fixed), (broken_each, broken) = depth.changes(arm, baseline), depth.changes(baseline, arm)
    net = np.mean(fixed_each) - np.mean(broken_each)
    assert 100 * net / small_result.data.test == pytest.approx(verdict.difference.mean)
    for k, (mine, theirs) in enumerate(depth.pairs(arm, baseline)):
        right, was_right = answers(mine) == LABELS, answers(theirs) == LABELS
        assert fixed_each[k] == (right & ~was_right).sum()
        assert broken_each[k] == (~right & was_right).sum()
    for changes, wrong in ((fixed, baseline), (broken, arm)):
        assert [c.times for c in changes] == sorted((c.times for c in changes), reverse=True)
        for change in changes:
            assert change.answer != LABELS[change.index]
            assert change.answer in {answers(trial)[change.index] for trial in wrong.trials}


def test_disputed_images_are_those_with_different_answers(small_result):
    trials = [arm.trials[0] for arm in small_result.arms]
    said = np.array([answers(trial) for trial in trials])
    assert depth.disputed(trials) == np.flatnonzero((said != said[0]).any(0)).tolist()
    asked = numpy_forward.logits(trials[0].weights, pixels.network_inputs("UCI digits", range(400))).argmax(1)
    np.testing.assert_array_equal(asked, said[0])


def test_arms_of_equal_cost_share_their_bars(small_result):
    teacher, students = depth.equal_cost(small_result)
    assert [arm.name for arm in teacher] == [TEACHER]
    assert [arm.name for arm in students] == [ALONE, DISTILLED, SMOOTHED]
    figure = depth.costs(small_result, EN)
    bars = [trace.x[0] for trace in figure.data]
    costs = [small_result.arm(name).cost for name in (TEACHER, DISTILLED)]
    assert bars == [getattr(cost, what) for what in ("parameters", "multiply_adds", "bytes", "latency_ms")
                    for cost in costs]  # fmt: skip
    assert depth.cost_ratios(small_result)[0] == pytest.approx(costs[0].parameters / costs[1].parameters)


@pytest.mark.parametrize(
    "parts", [(41.6, 30.4, 16.4), (42.4, 30.4, 15.4), (0.0, 0.0, 0.0), (1 / 3, 1 / 3, 1 / 3), (88.0, 0.0, 0.0)]
)
def test_rounded_parts_add_up_and_none_is_off_by_one(parts):
    total, whole = depth.rounded_parts(*parts)
    assert sum(whole) == total
    assert abs(total - sum(parts)) <= 0.5 + 1e-9
    assert all(abs(a - b) < 1 for a, b in zip(whole, parts, strict=True))


def test_mistakes_in_words_add_up():
    result = recorded("distillation")
    teacher = result.arm(TEACHER)
    for name in (ALONE, DISTILLED):
        said = depth.mistakes_in_words(result.arm(name), teacher, EN)
        of, same, other, right = (int(n) for n in re.findall(r"\d+", said))
        assert of == same + other + right == len(teacher.trials[0].mistakes)


def test_a_cost_is_said_as_what_was_measured():
    def with_costs(large: Cost, small: Cost):
        result = recorded("distillation")
        arms = [arm.model_copy(update={"cost": large if arm.name == TEACHER else small}) for arm in result.arms]
        return depth.cost_says(result.model_copy(update={"arms": tuple(arms)}), EN)

    small = Cost(parameters=1000, multiply_adds=2000, bytes=4000, latency_ms=1.0)
    said = with_costs(Cost(parameters=4000, multiply_adds=2500, bytes=16000, latency_ms=3.0), small)
    assert said.endswith("parameters 4.0 times as much, multiply-adds 25 % more, latency 3.0 times as much.")
    for latency in (0.9, 1.0, 1.1):  # no more than two measurements of one network may differ
        said = with_costs(Cost(parameters=1040, multiply_adds=2000, bytes=4160, latency_ms=latency), small)
        assert said.endswith("parameters 4 % more, multiply-adds equal, latency about the same.")
    assert with_costs(small, small) == ""


def test_curves_have_points_and_tasks_where_digits_have_images():
    assert depth.of_one(recorded("meta_learning"), EN) == (
        "multiply-adds for one point", "latency of one point (ms)", "test tasks",
    )  # fmt: skip
    assert "image" not in comparison(recorded("meta_learning"), EN)
    assert "multiply-adds for one image" in comparison(recorded("distillation"), EN)
