"""Each convention at the translated settings is this lab's loss; a naive numpy sum is the judge of both."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from kd_core.distillation import conventions
from kd_core.distillation.loss import distillation_loss


def batch(seed: int = 0, n: int = 6, classes: int = 10):
    random = np.random.default_rng(seed)
    student, teacher = 3 * random.standard_normal((2, n, classes))
    return student, teacher, random.integers(classes, size=n)


def tensors(seed: int = 0):
    student, teacher, labels = batch(seed)
    return torch.tensor(student), torch.tensor(teacher), torch.tensor(labels)


def by_scipy(t: float, weight_labels: float, weight_kl: float, seed: int = 0) -> float:
    """weight_labels CE + weight_kl KL, by scipy alone."""
    student, teacher, labels = batch(seed)
    kl = entropy(softmax(teacher / t, axis=1), softmax(student / t, axis=1), axis=1).mean()
    ce = -log_softmax(student, axis=1)[np.arange(len(labels)), labels].mean()
    return weight_labels * ce + weight_kl * kl


@settings(max_examples=40)
@given(t=st.floats(1, 50), alpha=st.floats(0, 1), seed=st.integers(0, 99))
def test_translated_settings_give_this_labs_loss(t, alpha, seed):
    student, teacher, labels = given_batch = tensors(seed)
    ours = distillation_loss(*given_batch, t, alpha)
    assert ours.item() == pytest.approx(by_scipy(t, 1 - alpha, alpha * t * t, seed), rel=1e-7, abs=1e-12)
    for name, rtol in (
        ("rep_distiller", 1e-9),
        ("torchdistill", 1e-6),
        ("keras_io", 1e-2),
    ):  # it cuts probabilities off at 1e-7
        there = getattr(conventions, f"{name}_settings")(t, alpha)
        theirs = getattr(conventions, name)(student, teacher, labels, **there)
        torch.testing.assert_close(theirs, ours, rtol=rtol, atol=1e-9)


@pytest.mark.parametrize(("t", "alpha"), [(4, 0.9), (20, 0.5), (2, 0.0), (3, 1.0)])
def test_before_t_squared_keras_can_only_be_proportional(t, alpha):
    student, teacher, labels = tensors()
    student.requires_grad_()
    there = conventions.keras_io_settings(t, alpha, t_squared=False)
    theirs = conventions.keras_io(student, teacher, labels, **there, t_squared=False)
    ours = distillation_loss(student, teacher, labels, t, alpha)
    factor = 1 - alpha + alpha * t * t
    assert (factor * theirs).item() == pytest.approx(ours.item(), rel=1e-4)
    mine, other = (torch.autograd.grad(loss, student)[0] for loss in (ours, theirs))
    torch.testing.assert_close(factor * other, mine, rtol=1e-3, atol=1e-6)


def test_typed_as_they_are_the_numbers_mean_something_else():
    student, teacher, labels = tensors()
    t, alpha = 4.0, 0.9
    assert conventions.rep_distiller(
        student, teacher, labels, kd_t=t, gamma=1, alpha=alpha
    ).item() == pytest.approx(by_scipy(t, 1, 0.9 * 16))
    assert conventions.torchdistill(student, teacher, labels, temperature=t, alpha=alpha).item() == pytest.approx(
        by_scipy(t, 0.9, 0.1 * 16)
    )
    assert conventions.torchdistill(
        student, teacher, labels, temperature=t, alpha=0.2, beta=3
    ).item() == pytest.approx(by_scipy(t, 0.2, 3 * 16))
    assert conventions.keras_io(student, teacher, labels, temperature=t, alpha=alpha).item() == pytest.approx(
        by_scipy(t, 0.9, 0.1 * 16), rel=1e-5
    )


def test_torchdistills_shortcut_leaves_t_squared_out():
    student, teacher, labels = tensors()
    loss = conventions.torchdistill(student, teacher, labels, temperature=4.0, alpha=0.0)
    assert loss.item() == pytest.approx(by_scipy(4.0, 0, 1))
    assert conventions.torchdistill_settings(4.0, 1.0)["alpha"] > 0  # so the translation goes round it


def test_keras_cuts_off_what_is_below_1e_7():
    student = torch.tensor([[0.0, 40.0]], dtype=torch.float64)  # q = (e-40, 1)
    teacher = torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    loss = conventions.keras_io(student, teacher, torch.tensor([1]), temperature=1.0, alpha=0.0)
    assert loss.item() == pytest.approx(0.5 * np.log(0.5 / 1e-7) + 0.5 * np.log(0.5))


def test_the_articles_formula_and_listing():
    student, teacher, labels = tensors()
    formula = conventions.article_formula(student, teacher, temperature=5.0)
    torch.testing.assert_close(formula, distillation_loss(student, teacher, labels, 5.0, 1.0))
    assert formula.item() == pytest.approx(by_scipy(5.0, 0, 25))
    assert conventions.article_listing(student, teacher, temperature=5.0).item() == pytest.approx(
        by_scipy(5.0, 0, 1)
    )
