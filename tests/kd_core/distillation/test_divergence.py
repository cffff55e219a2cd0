"""The distillation loss at every temperature and in every type, against decimals of 60 digits; what it refuses."""

import math
from decimal import Decimal, getcontext

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from kd_core.distillation import bugs, conventions, methods
from kd_core.distillation.divergence import divergence
from kd_core.distillation.loss import distillation_loss, soft_targets, unchecked_loss
from kd_core.messages import Problem

getcontext().prec = 60
TEMPERATURES = [0.05, 0.3, 1.0, 4.0, 50.0, 99.0, 101.0, 1e3, 1e4, 1e5, 1e6]
FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def drawn(seed: int = 0, n: int = 4, classes: int = 10, dtype=torch.float32, spread: float = 3.0):
    g = torch.Generator().manual_seed(seed)
    student, teacher = ((spread * torch.randn(n, classes, generator=g)).to(dtype) for _ in range(2))
    return student, teacher, torch.randint(classes, (n,), generator=g)


def softmax(row, t):
    top = max(row)
    e = [((z - top) / t).exp() if z.is_finite() else Decimal(0) for z in row]
    return [x / sum(e) for x in e]


def exact(student, teacher, labels, t, alpha):
    """Loss and its gradient by the student's logits, in decimals."""
    t, alpha, n = Decimal(t), Decimal(alpha), len(labels)
    loss, gradient = Decimal(0), []
    for z, v, label in zip(student.tolist(), teacher.tolist(), labels.tolist(), strict=True):
        z, v = [Decimal(x) for x in z], [Decimal(x) for x in v]
        p, q, plain = softmax(v, t), softmax(z, t), softmax(z, Decimal(1))
        kl = sum(a * (a / b).ln() for a, b in zip(p, q, strict=True) if a)
        loss += (alpha * t * t * kl - (1 - alpha) * plain[label].ln()) / n
        gradient.append([
            float((alpha * t * (b - a) + (1 - alpha) * (c - (k == label))) / n)
            for k, (a, b, c) in enumerate(zip(p, q, plain, strict=True))
        ])  # fmt: skip
    return float(loss), torch.tensor(gradient, dtype=torch.float64)


@pytest.mark.parametrize("t", TEMPERATURES)
@pytest.mark.parametrize("alpha", [0.0, 0.9, 1.0])
@pytest.mark.parametrize("apart", [1.0, 1e-3])
def test_float32_is_right_at_every_temperature(t, alpha, apart):
    student, teacher, labels = drawn()
    teacher = student + apart * teacher  # a student that has learned, too
    expected, gradient = exact(student, teacher, labels, t, alpha)
    student.requires_grad_()
    loss = distillation_loss(student, teacher, labels, t, alpha)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=2e-7)
    loss.backward()
    torch.testing.assert_close(student.grad.double(), gradient, rtol=1e-5, atol=1e-6 * gradient.abs().max().item())


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), log_t=st.floats(math.log(0.05), math.log(1e6)), classes=st.integers(1, 12),
       spread=st.floats(0.01, 100), n=st.integers(1, 4))  # fmt: skip
def test_any_logits_at_any_temperature(seed, log_t, classes, spread, n):
    batch, t = drawn(seed, n, classes, spread=spread), math.exp(log_t)
    expected, _ = exact(*batch, t, 1.0)
    # What float64 cannot tell from 0 is left aside: a KL of less than its rounding.
    assert distillation_loss(*batch, t, 1.0).item() == pytest.approx(expected, rel=1e-5, abs=1e-11 * min(1, t) ** 2)


def test_the_value_of_the_report():
    # In float32 the usual formula gave -163 at T = 1e5.
    student, teacher, labels = drawn(1)
    limit = (student - teacher).double()
    limit = ((limit - limit.mean(1, keepdim=True)) ** 2).mean() / 2  # T -> infinity, Hinton et al. 2015
    assert distillation_loss(student, teacher, labels, 1e5, 1.0).item() == pytest.approx(limit.item(), rel=1e-4)
    assert distillation_loss(student, teacher, labels, 1e12, 1.0).item() == pytest.approx(limit.item(), rel=1e-6)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("t", [0.05, 4.0, 1e5])
def test_every_float_type_is_the_decimals_of_its_own_logits(dtype, t):
    student, teacher, labels = drawn(dtype=dtype)
    loss = distillation_loss(student, teacher, labels, t, 0.9)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    expected, _ = exact(student, teacher, labels, t, 0.9)
    assert loss.item() == pytest.approx(expected, rel=1e-12 if dtype == torch.float64 else 2e-7)
    assert soft_targets(teacher, t).sum(1).double() == pytest.approx(torch.ones(4).double(), abs=1e-6)


@pytest.mark.parametrize("t", [0.7, 4.0, 120.0])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_temperature_and_alpha_get_their_true_gradients(t, alpha):
    student, teacher, labels = drawn(dtype=torch.float64)
    student.requires_grad_()
    t = torch.tensor(t, dtype=torch.float64, requires_grad=True)
    alpha = torch.tensor(alpha, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *given: distillation_loss(given[0], teacher, labels, *given[1:]),
                                    (student, t, alpha.detach()))  # fmt: skip
    soft, hard = (distillation_loss(student, teacher, labels, t.item(), a) for a in (1.0, 0.0))
    (mine,) = torch.autograd.grad(distillation_loss(student, teacher, labels, t, alpha), alpha)
    assert mine.item() == pytest.approx((soft - hard).item(), rel=1e-9)  # also at 0 and 1, where a term weighs 0
    assert torch.autograd.gradcheck(lambda z, t: soft_targets(z, t), (student, t))
    assert torch.autograd.gradgradcheck(lambda z: distillation_loss(z, teacher, labels, t.item(), 0.5), (student,))


def test_a_temperature_in_float32_gets_its_gradient():
    student, teacher, labels = drawn()
    t = torch.tensor(4.0, requires_grad=True)
    distillation_loss(student, teacher, labels, t, 1.0).backward()
    h = 1e-3
    higher, lower = (exact(student, teacher, labels, 4.0 + step, 1.0)[0] for step in (h, -h))
    assert t.grad.item() == pytest.approx((higher - lower) / (2 * h), rel=1e-5)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("t", [0.05, 4.0, 1e5])
def test_a_class_that_both_exclude_does_not_count(t, dtype):
    student, teacher, labels = drawn(dtype=dtype)
    labels = labels % 9
    without = distillation_loss(student[:, :9], teacher[:, :9], labels, t, 0.9)
    student[:, 9] = teacher[:, 9] = -math.inf
    student.requires_grad_()
    loss = distillation_loss(student, teacher, labels, t, 0.9)
    assert loss.item() == pytest.approx(without.item(), rel=1e-6)
    loss.backward()
    assert torch.isfinite(student.grad).all()
    assert (student.grad[:, 9] == 0).all()
    t = torch.tensor(t, requires_grad=True)
    for function in (lambda: distillation_loss(student.detach(), teacher, labels, t, 0.9),
                     lambda: soft_targets(teacher, t)[:, 0].sum()):  # fmt: skip
        assert torch.isfinite(torch.autograd.grad(function(), t)[0])


@pytest.mark.parametrize("t", [1.0, 1e4])
def test_a_class_that_one_excludes(t):
    student, teacher, labels = drawn()
    labels = labels % 9
    teacher[:, 9] = -math.inf  # takes probability from the student, no more
    expected, _ = exact(student, teacher, labels, t, 0.9)
    assert distillation_loss(student, teacher, labels, t, 0.9).item() == pytest.approx(expected, rel=2e-7)
    assert distillation_loss(teacher, student, labels, t, 0.9).item() == math.inf


def test_a_row_without_a_possible_class_is_refused():
    student, teacher, labels = drawn()
    none = teacher.clone()
    none[2] = -math.inf
    for call in (lambda: distillation_loss(student, none, labels, 4.0, 1.0), lambda: soft_targets(none, 4.0),
                 lambda: distillation_loss(none, student, labels, 4.0, 0.5),
                 lambda: methods.decoupled_loss(student, none, labels, 4.0, 1.0)):  # fmt: skip
        with pytest.raises(ValueError, match="-infinity throughout"):
            call()


@pytest.mark.parametrize("t", [0.5, 1.0, 4.0, 20.0, 50.0])
def test_training_steps_compute_the_same_within_float32(t):
    student, teacher, labels = drawn(n=64)
    student.requires_grad_()
    mine, theirs = (f(student, teacher, labels, t, 0.9) for f in (unchecked_loss, distillation_loss))
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-6 + 2e-8 * t * t)
    a, b = (torch.autograd.grad(loss, student)[0] for loss in (mine, theirs))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)
    mine, theirs = (f(student, teacher, labels, t, 2.0)
                    for f in (methods.unchecked_decoupled_loss, methods.decoupled_loss))  # fmt: skip
    assert mine.item() == pytest.approx(theirs.item(), rel=1e-6 + 2e-8 * t * t)


@pytest.mark.parametrize("t", [0.05, 4.0, 1e5])
def test_decoupled_parts_add_up_at_every_temperature(t):
    student, teacher, labels = drawn()
    tckd, nckd, p_label = methods.decoupled_parts(student, teacher, labels, t)
    kl, _ = exact(student, teacher, labels, t, 1.0)
    assert t * t * (tckd + (1 - p_label) * nckd).mean().item() == pytest.approx(kl, rel=1e-5)
    wide = (student.double().requires_grad_(), torch.tensor(t, dtype=torch.float64, requires_grad=True))
    if t < 1e5:  # beyond, differences say nothing of dL/dT
        assert torch.autograd.gradcheck(lambda z, t: methods.decoupled_loss(z, teacher, labels, t, 2.0), wide)


SHAPES = [((2, 3, 5), (2, 3, 5), (2,)), ((5,), (5,), (5,)), ((5,), (5,), ()), ((0, 5), (0, 5), (0,)),
          ((2, 0), (2, 0), (2,)),
          ((2, 5), (1, 5), (2,)), ((2, 5), (2, 5), (1,)), ((2, 5), (2, 5), (2, 5)),
          ((2, 5), (2, 5), (2, 1))]  # fmt: skip
LOSSES = {
    "rep_distiller": lambda z, v, y: conventions.rep_distiller(z, v, y, kd_t=4.0, gamma=0.0, alpha=1.0),
    "torchdistill": lambda z, v, y: conventions.torchdistill(z, v, y, temperature=4.0, alpha=0.0),
    "keras_io": lambda z, v, y: conventions.keras_io(z, v, y, temperature=4.0, alpha=0.0),
    "distillation_loss": lambda z, v, y: distillation_loss(z, v, y, 4.0, 1.0),
    "decoupled_loss": lambda z, v, y: methods.decoupled_loss(z, v, y, 4.0, 1.0),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("student", "teacher", "labels"), SHAPES)
def test_shapes_are_required(loss, student, teacher, labels):
    with pytest.raises(ValueError, match=r"\[N, C\], \[N, C\] and \[N\] are expected") as raised:
        LOSSES[loss](torch.zeros(student), torch.zeros(teacher), torch.zeros(labels, dtype=torch.long))
    for one in (student, teacher, labels):
        assert str(list(one)) in str(raised.value)


@pytest.mark.parametrize("loss", LOSSES)
def test_labels_are_required_even_where_they_weigh_nothing(loss):
    student, teacher, labels = drawn()
    for wrong in (500, -100, -1, 10):
        with pytest.raises(ValueError, match=f"label of {wrong} .* labels are 0 to 9"):
            LOSSES[loss](student, teacher, torch.tensor([0, 1, wrong, 2]))
    for dtype in (torch.float32, torch.bool):
        with pytest.raises(TypeError, match="integers"):
            LOSSES[loss](student, teacher, labels.to(dtype))
    with pytest.raises(TypeError, match="labels is of type list; a tensor is expected"):
        LOSSES[loss](student, teacher, labels.tolist())
    for dtype in (torch.int32, torch.uint8):
        assert torch.equal(LOSSES[loss](student, teacher, labels.to(dtype)), LOSSES[loss](student, teacher, labels))
    with pytest.raises(TypeError, match="real numbers"):
        LOSSES[loss](student, teacher.to(torch.complex64), labels)


def test_inside_torch_func():
    tasks = [drawn(seed) for seed in range(3)]
    tasks[1][0][:, 9] = tasks[1][1][:, 9] = -math.inf
    tasks[1][2].clamp_(max=8)
    student, teacher, labels = (torch.stack(parts) for parts in zip(*tasks, strict=True))

    def gradient(z, v, y):
        return torch.func.grad(lambda z: distillation_loss(z, v, y, 4.0, 0.9))(z)

    losses = torch.func.vmap(lambda *batch: distillation_loss(*batch, 4.0, 0.9))(student, teacher, labels)
    gradients = torch.func.vmap(gradient)(student, teacher, labels)
    for place, batch in enumerate(tasks):
        torch.testing.assert_close(losses[place], distillation_loss(*batch, 4.0, 0.9))
        torch.testing.assert_close(gradients[place], gradient(*batch))
    for wrong in (-100, 10):
        labels[0, 0] = wrong
        with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
            torch.func.vmap(lambda *batch: distillation_loss(*batch, 4.0, 0.9))(student, teacher, labels)


def test_bugs_require_their_shapes_too():
    student, teacher, labels = drawn()
    for bug in bugs.OF_THE_LOSS:
        with pytest.raises(ValueError, match=r"\[1, 10\].* are expected"):
            bugs.loss(bug, student, teacher[:1], labels, 4.0, 0.5)
        for wrong in (-100, 10):
            with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds"):
                bugs.loss(bug, student, teacher, torch.tensor([0, 1, wrong, 2]), 4.0, 0.5)
    g = torch.Generator().manual_seed(0)
    with pytest.raises(ValueError, match="bug 'typo'"):
        bugs.spoilt("typo", teacher, g)
    with pytest.raises(ValueError, match=r"\[N, C\] is expected"):
        bugs.spoilt("double_softmax", teacher[0], g)
    wide = bugs.spoilt("double_softmax", teacher.double(), g)
    torch.testing.assert_close(wide, teacher.double().softmax(1), rtol=1e-14, atol=0)
    for function in (conventions.article_formula, conventions.article_listing):
        with pytest.raises(ValueError, match=r"\[1, 10\].* are expected"):
            function(student, teacher[:1], temperature=4.0)


def test_numbers_are_required():
    student, teacher, labels = drawn()
    for temperature in ("hot", None, torch.ones(2), torch.ones(4, 1)):
        with pytest.raises(TypeError, match=r"temperature .* number is expected"):
            distillation_loss(student, teacher, labels, temperature, 0.5)
        with pytest.raises(TypeError, match=r"temperature .* number is expected"):
            soft_targets(teacher, temperature)
    with pytest.raises(TypeError, match=r"alpha .* number is expected"):
        distillation_loss(student, teacher, labels, 4.0, torch.ones(3))
    for temperature in (1e-101, 1e101, torch.tensor(0.0, requires_grad=True)):
        with pytest.raises(Problem, match=r"temperature = .*1e-100 to 1e"):
            distillation_loss(student, teacher, labels, temperature, 0.5)
    with pytest.raises(ValueError, match=r"\[2, 0\]"):
        soft_targets(torch.zeros(2, 0), 1.0)
    assert soft_targets(torch.tensor([1, 2]), 1.0).tolist() == pytest.approx(F.softmax(torch.tensor([1.0, 2.0]), 0))


@pytest.mark.parametrize("t", [1e-100, 1e-30, 1e30, 1e100])
def test_the_limits_of_temperature(t):
    student, teacher, labels = drawn()
    p = soft_targets(teacher, t)
    expected = F.one_hot(teacher.argmax(1), 10).float() if t < 1 else torch.full((4, 10), 0.1)
    torch.testing.assert_close(p, expected)
    assert math.isfinite(distillation_loss(student, teacher, labels, t, 1.0).item())


def test_inner_terms_require_their_shapes():
    one, other = torch.rand(3, 4), torch.rand(1, 4)
    with pytest.raises(ValueError, match=r"student_map is \[3, 4\], teacher_map \[1, 4\]"):
        methods.attention_loss(one, other)
    with pytest.raises(ValueError, match=r"guided is \[3, 4\], hint \[1, 4\]"):
        methods.hint_loss(one, other)
    for wrong in (torch.rand(3, 4, 5), torch.rand(0, 4, 5, 5)):
        with pytest.raises(ValueError, match=r"\[N, C, H, W\] is expected"):
            methods.attention_map(wrong)
    wide = torch.rand(2, 3, 4, 4, dtype=torch.float64)
    assert methods.attention_map(wide).dtype == torch.float64
    assert torch.autograd.gradcheck(methods.attention_map, (wide.requires_grad_(),))
    half = torch.rand(2, 3, 4, 4).half()
    torch.testing.assert_close(methods.attention_map(half), methods.attention_map(half.float()))
    for method in ("logits", "dkd"):
        with pytest.raises(ValueError, match=f"method '{method}'"):
            methods.inner(torch.nn.Sequential(), torch.zeros(1), method)


def test_controls_require_their_labels():
    labels, g = torch.tensor([0, 9]), torch.Generator().manual_seed(0)
    for wrong in (torch.tensor([0, 10]), torch.tensor([-1, 0])):
        with pytest.raises(ValueError, match="labels are 0 to 9"):
            methods.smoothed_logits(wrong, 0.1, 4.0)
        with pytest.raises(ValueError, match="labels are 0 to 9"):
            methods.shuffled_logits(torch.rand(2, 10), wrong, g)
    with pytest.raises(ValueError, match=r"off_label = 1\.5"):
        methods.smoothed_logits(labels, 1.5, 4.0)
    with pytest.raises(ValueError, match="classes = 1"):
        methods.smoothed_logits(labels, 0.1, 4.0, classes=1)
    with pytest.raises(Problem, match="temperature = 0"):
        methods.smoothed_logits(labels, 0.1, 0.0)
    off, t = torch.tensor(0.2, requires_grad=True), torch.tensor(4.0, requires_grad=True)
    logits = methods.smoothed_logits(labels, off, t)
    assert torch.equal(logits, methods.smoothed_logits(labels, off.item(), 4.0))
    by_off, by_t = torch.autograd.grad(logits[0, 0] + logits[0, 1], (off, t))  # T log(1 - x) + T log(x / 9)
    assert by_off.item() == pytest.approx(4 * (-1 / 0.8 + 1 / 0.2), rel=1e-5)
    assert by_t.item() == pytest.approx(math.log(0.8) + math.log(0.2 / 9), rel=1e-5)
    teacher = torch.rand(2, 10, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.grad(methods.shuffled_logits(teacher, labels, g).sum(), teacher)[0].eq(1).all()


def test_divergence_stays_finite_and_positive_where_answers_agree():
    z = torch.randn(50, 10, generator=torch.Generator().manual_seed(0))
    for t in TEMPERATURES:
        assert (divergence(z, z + 1e-6 * z.flip(1), t) >= -1e-15).all()
        assert divergence(z, z, t).abs().max() < 1e-15
