"""Curves over T against scipy, torch, torchmetrics and closed forms; the calibration temperature; the range."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from kd_core.data.vision import import_torchvision
from kd_core.distillation import distillation_loss
from kd_core.inspection import logits as of_logits
from kd_core.inspection.examples import hundred_classes
from kd_core.inspection.logits import checked
from kd_core.inspection.report import report
from kd_core.inspection.temperatures import (
    FEWEST,
    PAIRS,
    TEMPERATURES,
    WHOLE_MATRIX,
    advice,
    beside,
    calibration_temperature,
    classes_of,
    curves,
)
from kd_core.results.records import reliability


def made(rows=400, classes=10, scale=4.0, seed=0, student=True):
    """Logits, labels drawn from their own softmax, and a student's logits."""
    draw = np.random.default_rng(seed)
    values = scale * draw.normal(size=(rows, classes))
    labels = (softmax(values, axis=1).cumsum(1) > draw.random((rows, 1))).argmax(1)
    return checked(values, labels, None, values / 2 + draw.normal(size=values.shape) if student else None)


@pytest.fixture(scope="module")
def ten():
    return made()


def test_means_are_those_of_scipy(ten, monkeypatch):
    monkeypatch.setattr(of_logits, "BLOCK", 700)  # several blocks
    found = curves(ten)
    for at, t in enumerate(TEMPERATURES):
        p = softmax(ten.values / t, axis=1)
        own = p[np.arange(ten.rows), ten.labels]
        h = entropy(p, axis=1)
        assert found.entropy[at] == pytest.approx(h.mean(), rel=1e-10)
        assert found.entropy_error[at] == pytest.approx(h.std(ddof=1) / math.sqrt(ten.rows), rel=1e-6)
        assert found.effective[at] == pytest.approx(math.exp(h.mean()))
        assert found.top[at] == pytest.approx(p.max(1).mean())
        assert found.outside_top[at] == pytest.approx(1 - p.max(1).mean(), abs=1e-12)
        assert found.outside_label[at] == pytest.approx(1 - own.mean())
        nll = -log_softmax(ten.values / t, axis=1)[np.arange(ten.rows), ten.labels].mean()
        assert found.nll[at] == pytest.approx(nll)
        by_class = np.array([p[ten.labels == one].mean(0) for one in range(10)])
        np.testing.assert_allclose(found.alike[at], by_class, atol=1e-12)


def test_bins_are_those_of_a_result(ten):
    found = curves(ten, [1.0, 3.0])
    for at, t in enumerate((1.0, 3.0)):
        theirs = reliability(torch.from_numpy(ten.values / t), torch.from_numpy(ten.labels))
        np.testing.assert_allclose(found.bins[at], [(b.count, b.confidence, b.correct) for b in theirs])


@pytest.mark.proof
def test_the_calibration_error_is_torchmetrics(ten):
    import_torchvision()  # torchmetrics imports it, and alone it fails beside a torch without CUDA
    from torchmetrics.functional.classification import multiclass_calibration_error

    for t in (1.0, 3.0):
        p, labels = torch.from_numpy(ten.values / t).softmax(1), torch.from_numpy(ten.labels)
        wanted = multiclass_calibration_error(p, labels, num_classes=10, n_bins=15, norm="l1")
        assert curves(ten, [t]).calibration_error[0] == pytest.approx(float(wanted), abs=1e-6)


def test_closed_forms():
    flat = curves(checked(np.zeros((5, 8))), [1.0, 7.0])
    np.testing.assert_allclose(flat.entropy, math.log(8))
    np.testing.assert_allclose(flat.effective, 8)
    np.testing.assert_allclose(flat.outside_top, 7 / 8)
    two = curves(checked(np.array([[math.log(3.0), 0.0]])), [1.0])
    assert two.top[0] == pytest.approx(0.75)
    assert two.entropy[0] == pytest.approx(math.log(4) - 0.75 * math.log(3))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(2, 9), st.floats(0.01, 300), st.integers(0, 2**32 - 1))
def test_entropy_grows_with_t_within_its_bounds_and_a_constant_changes_nothing(rows, classes, scale, seed):
    values = scale * np.random.default_rng(seed).normal(size=(rows, classes))
    found = curves(checked(values))
    assert (np.diff(found.entropy) >= -1e-12).all()
    assert (np.diff(found.outside_top) >= -1e-12).all()
    assert (found.entropy >= 0).all()
    assert (found.effective <= classes * (1 + 1e-12)).all()
    assert (found.outside_top <= 1 - 1 / classes + 1e-12).all()
    np.testing.assert_allclose(curves(checked(values + 1000)).entropy, found.entropy, atol=1e-6)


@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_the_calibration_temperature_is_found_where_it_is_known(true):
    logits = made(rows=20_000, scale=3.0, seed=1, student=False)
    known = checked(true * logits.values, logits.labels)  # its labels are those of T = true
    found = calibration_temperature(known)
    assert found.low < true < found.high
    assert found.high - found.low < 0.1 * true

    def nll(log_t):
        rows = log_softmax(known.values / math.exp(log_t), axis=1)
        return -rows[np.arange(known.rows), known.labels].mean()

    wanted = minimize_scalar(nll, bounds=(-3, 3), method="bounded", options={"xatol": 1e-6})
    assert found.value == pytest.approx(math.exp(wanted.x), rel=1e-4)


@pytest.mark.proof
def test_its_interval_holds_in_about_95_of_100_samples():
    held = 0
    for seed in range(300):
        found = calibration_temperature(made(rows=500, scale=3.0, seed=seed, student=False))
        held += found.low <= 1 <= found.high
    assert 273 <= held <= 296  # 95 % of 300 is 285; four standard deviations below, three above


def test_there_is_none_without_labels_or_where_all_or_none_are_right(ten):
    assert calibration_temperature(checked(ten.values)) is None
    assert calibration_temperature(checked(ten.values, ten.values.argmax(1))) is None
    assert calibration_temperature(checked(ten.values, ten.values.argmin(1))) is None


def test_the_range_ends_where_it_should():
    logits = made(scale=8.0)
    found = curves(logits)
    told = advice(found, 10)

    def outside(t):
        return 1 - softmax(logits.values / t, axis=1).max(1).mean()

    def effective(t):
        return math.exp(entropy(softmax(logits.values / t, axis=1), axis=1).mean())

    low = brentq(lambda t: outside(t) - 0.05, 0.1, 50)
    ends = {"outside": brentq(lambda t: outside(t) - 0.5, 0.1, 50),
            "effective": brentq(lambda t: effective(t) - 5, 0.1, 50)}  # fmt: skip
    assert told.limit == min(ends, key=ends.get)
    assert told.high.value == pytest.approx(ends[told.limit], rel=0.01)
    assert told.low.value == pytest.approx(max(0.5, low), rel=0.02)
    for one in (told.low, told.high):
        assert one.low <= one.value <= one.high


def test_where_there_is_no_range_it_says_why():
    two = report(made(classes=2))
    assert two.advice.low is None
    assert "one number" in str(two.advice.why)
    large = report(checked(1e5 * np.eye(5), np.arange(5)))
    assert "Even at T = 50 only 0.0 %" in str(large.advice.why)
    unsure = report(checked(0.1 * np.eye(5), np.arange(5)))
    assert "so unsure" in str(unsure.advice.why)
    assert unsure.suggested == 4


def test_many_classes_give_the_largest_pairs(monkeypatch):
    logits = hundred_classes()
    assert logits.classes > WHOLE_MATRIX
    found = curves(logits, [4.0])
    p = softmax(logits.values.astype(float) / 4.0, axis=1)
    by_class = np.array([p[classes_of(logits) == one].mean(0) for one in range(100)])
    np.fill_diagonal(by_class, 0)
    best = np.sort(by_class, axis=None)[::-1][: len(found.pairs[0])]
    np.testing.assert_allclose([value for _i, _j, value in found.pairs[0]], best)
    for one, other, value in found.pairs[0]:
        assert by_class[one, other] == pytest.approx(value)


def test_a_class_of_few_rows_is_in_no_pair():
    logits = hundred_classes()
    rare, other = logits.labels == 7, logits.labels != 7
    rows = np.concatenate([np.flatnonzero(rare)[: FEWEST - 1], np.flatnonzero(other)])
    values = logits.values[rows].copy()
    values[: FEWEST - 1, 50] = 99  # of these four rows, all but 1 % goes to another class
    found = curves(checked(values, logits.labels[rows]), [4.0]).pairs[0]
    assert len(found) == PAIRS
    assert 7 not in [one for one, _other, _p in found]


def test_the_gradients_beside_a_student_are_autograds(ten):
    told = beside(ten, [1.0, 4.0])
    teacher, student = torch.from_numpy(ten.values), torch.from_numpy(ten.student).requires_grad_()
    labels = torch.from_numpy(ten.labels)

    def gradient(t, alpha, **options):  # of the sum over rows, so each row's own
        loss = ten.rows * distillation_loss(student, teacher, labels, t, alpha, **options)
        return torch.autograd.grad(loss, student)[0]

    def loss(t, alpha):
        return float(distillation_loss(student.detach(), teacher, labels, t, alpha))

    hard = gradient(1.0, 0.0)
    assert told.hard == pytest.approx(float(hard.norm(dim=1).mean()))
    assert told.cross_entropy == pytest.approx(loss(1.0, 0.0))
    for at, t in enumerate((1.0, 4.0)):
        soft = gradient(t, 1.0)
        assert told.soft[at] == pytest.approx(float(soft.norm(dim=1).mean()))
        bare = gradient(t, 1.0, t_squared=False)
        assert told.bare[at] == pytest.approx(float(bare.norm(dim=1).mean()))
        assert told.kl[at] == pytest.approx(loss(t, 1.0) / t**2)
        cosine = torch.cosine_similarity(soft, hard, dim=1)
        assert told.degrees[at] == pytest.approx(float(torch.rad2deg(torch.arccos(cosine.clamp(-1, 1))).mean()))
    assert told.agreement == pytest.approx((ten.values.argmax(1) == ten.student.argmax(1)).mean())
    assert beside(checked(ten.values), [1.0]) is None


def test_a_report_on_a_sample_says_of_how_many_rows():
    logits = hundred_classes()
    part = report(logits, most_values=50_000)
    assert (part.used.rows, part.logits.rows) == (500, 1500)
    whole = report(logits)
    assert whole.calibration.low < part.calibration.value < whole.calibration.high * 1.2
    assert round(whole.calibration.value, 2) in whole.found.temperatures
