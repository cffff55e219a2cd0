"""Further methods and controls against closed forms, torch's own losses and numpy."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_core.distillation import methods
from kd_core.distillation.loss import distillation_loss, soft_targets
from kd_core.nn.evaluation import predict
from kd_core.nn.networks import build, crop_to_receptive_field
from kd_core.nn.seeding import seeded


def random_batch(seed: int = 0, n: int = 7, classes: int = 10):
    g = torch.Generator().manual_seed(seed)
    student = 3 * torch.randn(n, classes, generator=g, dtype=torch.float64)
    teacher = 3 * torch.randn(n, classes, generator=g, dtype=torch.float64)
    return student, teacher, torch.randint(classes, (n,), generator=g)


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), t=st.floats(0.5, 50), classes=st.integers(2, 12))
def test_kl_is_tckd_plus_the_rest_times_nckd(seed, t, classes):
    student, teacher, labels = random_batch(seed, classes=classes)
    tckd, nckd, p_label = methods.decoupled_parts(student, teacher, labels, t)
    p, q = (F.softmax(z / t, dim=1) for z in (teacher, student))
    kl = (p * (p / q).log()).sum(1)
    torch.testing.assert_close(tckd + (1 - p_label) * nckd, kl, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(p_label, p.gather(1, labels.unsqueeze(1)).flatten())
    assert (tckd >= -1e-10).all()
    assert (nckd >= -1e-10).all()


def test_decoupled_parts_of_three_classes_by_hand():
    # p = (1/2, 1/4, 1/4), q = (1/4, 1/2, 1/4), label 0. Two classes: 1/2, 1/2 against 1/4, 3/4.
    teacher, student = torch.tensor([[2.0, 1.0, 1.0]]).log(), torch.tensor([[1.0, 2.0, 1.0]]).log()
    tckd, nckd, p_label = methods.decoupled_parts(student, teacher, torch.tensor([0]), 1.0)
    assert tckd.item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), rel=1e-6)
    # The rest: 1/2, 1/2 against 2/3, 1/3.
    assert nckd.item() == pytest.approx(0.5 * math.log(3 / 4) + 0.5 * math.log(3 / 2), rel=1e-6)
    assert p_label.item() == pytest.approx(0.5)


def test_decoupled_loss_with_the_logit_methods_weight_is_the_logit_method():
    # One sample, so that 1 - p_t is one number: beta = 1 - p_t gives T² KL back.
    student, teacher, labels = random_batch(n=1)
    p_label = soft_targets(teacher, 4.0)[0, labels[0]].item()
    loss = methods.decoupled_loss(student, teacher, labels, 4.0, beta=1 - p_label)
    assert loss.item() == pytest.approx(distillation_loss(student, teacher, labels, 4.0, 1.0).item(), rel=1e-9)


def test_attention_map_equals_numpy_and_ignores_scale_and_sign():
    features = torch.randn(3, 5, 4, 4, generator=torch.Generator().manual_seed(0))
    energy = (features.numpy() ** 2).sum(1).reshape(3, 16)
    expected = energy / np.linalg.norm(energy, axis=1, keepdims=True)
    np.testing.assert_allclose(methods.attention_map(features), expected, rtol=1e-5)
    torch.testing.assert_close(methods.attention_map(-7 * features), methods.attention_map(features))
    one, other = torch.eye(2)[:1], torch.eye(2)[1:]
    assert methods.attention_loss(one, one).item() == 0
    assert methods.attention_loss(one, other).item() == pytest.approx(2)  # at right angles


def test_hint_loss_by_hand_and_no_gradient_reaches_the_teacher():
    guided, hint = torch.tensor([[1.0, 2.0]], requires_grad=True), torch.tensor([[0.0, 4.0]], requires_grad=True)
    loss = methods.hint_loss(guided, hint)
    loss.backward()
    assert loss.item() == pytest.approx((1 + 4) / 2)
    assert guided.grad.tolist() == [[1.0, -2.0]]
    assert hint.grad is None


@pytest.mark.parametrize(("t", "off_label"), [(1.0, 0.09), (4.0, 0.3), (20.0, 0.8)])
def test_smoothed_logits_are_label_smoothing(t, off_label):
    student, _, labels = random_batch()
    student.requires_grad_(True)
    smoothed = methods.smoothed_logits(labels, off_label, t).double()
    p = soft_targets(smoothed, t)
    np.testing.assert_allclose(p.gather(1, labels.unsqueeze(1)), 1 - off_label, rtol=1e-5)
    ours = distillation_loss(student, smoothed, labels, t, 1.0) / (t * t)
    torchs = F.cross_entropy(student / t, labels, label_smoothing=off_label * 10 / 9)
    (mine,), (theirs,) = (torch.autograd.grad(loss, student) for loss in (ours, torchs))
    torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-9)


def test_shuffled_logits_keep_the_label_and_the_values():
    _, teacher, labels = random_batch(n=200)
    shuffled = methods.shuffled_logits(teacher, labels, seeded(0, "shuffle"))
    assert torch.equal(shuffled.gather(1, labels.unsqueeze(1)), teacher.gather(1, labels.unsqueeze(1)))
    assert torch.equal(shuffled.sort(1).values, teacher.sort(1).values)
    moved = (shuffled != teacher).float().mean().item()
    assert 0.7 < moved < 0.9  # 9 of 10 may move, and 8 of 9 of these do on average: 0.8
    assert torch.equal(shuffled, methods.shuffled_logits(teacher, labels, seeded(0, "shuffle")))


def test_inner_of_the_articles_networks():
    images = torch.randn(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    teacher = build("article", "teacher", seeded(0, "w"))
    maps = methods.inner(teacher, images, "attention")
    assert maps.shape == (5, 12 * 12 + 5 * 5)  # of what the next convolution looks at
    convolved = F.conv2d(images[..., :26, :26], teacher[0].weight, teacher[0].bias)
    first = F.relu(F.max_pool2d(convolved, 2)).detach()
    torch.testing.assert_close(maps[:, :144], methods.attention_map(first))
    hidden = methods.inner(teacher, images, "hints")
    torch.testing.assert_close(teacher[-1](hidden).detach(), predict(teacher, images))
    assert methods.inner(build("mlp30", "student", seeded(0, "w")), images, "hints").shape == (5, 30)
    assert not maps.is_inference()


@pytest.mark.parametrize("method", ["attention", "hints"])
def test_a_term_beside_reaches_the_student_and_its_regressor(method):
    images = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    target = methods.inner(build("article", "teacher", seeded(0, "w")), images, method)
    student = build("article", "student", seeded(1, "w"))
    loss_fn, also = methods.beside(
        method, lambda logits, batch: logits.sum() * 0, target, 1.0, student, seeded(0, "regressor")
    )
    loss = loss_fn(student(crop_to_receptive_field(student, images)), torch.arange(4))
    loss.backward()
    assert loss > 0
    assert student[0].weight.grad.abs().sum() > 0
    assert [p.shape for p in also] == ([] if method == "attention" else [(64, 32), (64,)])
    assert all(p.grad.abs().sum() > 0 for p in also)
