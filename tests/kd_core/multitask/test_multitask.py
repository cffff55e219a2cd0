"""Weightings against closed forms and torchjd; joint training against single tasks; the run against its contract.

Three tasks and PCGrad: torchjd draws its order from the global generator, so it is one of the eight there are.
"""

import json
import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchjd import aggregation, scalarization

from kd_core import multitask as mtl
from kd_core.data.digits import Split
from kd_core.messages import Problem
from kd_core.multitask import trainer as mt
from kd_core.multitask.gradient_conflict import LOOKS, Conflict, task_gradients
from kd_core.multitask.network import (
    WIDTHS,
    Combine,
    build,
    fair_widths,
    fit,
    losses_of,
    parameters,
    wrong_of,
)
from kd_core.multitask.settings import SCHEMES, TASK_LABELS, MultitaskSettings, arm_of, scheme_of, task_of
from kd_core.multitask.tasks import (
    BLACK,
    OUTPUTS,
    TaskSplit,
    make_split,
    overlaid,
    partners,
    task_loss,
    turned,
    wrong,
)
from kd_core.nn.seeding import seeded
from kd_core.nn.teachers import ASSETS
from kd_core.results.events import Reporter
from kd_core.results.schema import Result
from kd_core.results.statistics import delta_m
from kd_core.runs import assemble

TINY = MultitaskSettings(
    tasks="digit_five", train_size=60, epochs=2, seeds=2, body="small", precision="float32", device="cpu"
)
FINITE = st.floats(0.01, 100)


def matrix(tasks: int, params: int, seed: int) -> torch.Tensor:
    return torch.randn(tasks, params, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# The weightings


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0.001, 10)), min_size=2, max_size=5))
def test_weighted_sum_is_the_sum_and_its_gradient_the_weights(pairs):
    losses = [torch.tensor(loss, dtype=torch.float64, requires_grad=True) for loss, _ in pairs]
    total = mtl.weighted_sum(losses, [weight for _, weight in pairs])
    assert total.item() == pytest.approx(math.fsum(loss * weight for loss, weight in pairs), abs=1e-9)
    total.backward()
    assert [loss.grad.item() for loss in losses] == [weight for _, weight in pairs]


def test_weighted_sum_by_name_and_a_weight_of_zero_leaves_its_loss_out():
    losses = {"a": torch.tensor(2.0, requires_grad=True), "b": torch.tensor(math.nan, requires_grad=True)}
    total = mtl.weighted_sum(losses, {"b": 0, "a": 1.5})
    assert total.item() == 3.0
    total.backward()
    assert losses["b"].grad is None
    assert mtl.weighted_sum(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 10.0])).item() == 32.0


@pytest.mark.parametrize(
    ("losses", "weights", "words"),
    [([1.0, 1.0], [0, 0], "All task weights are 0"), ([1.0, 1.0], [1, -0.5], "task weight of -0.5"),
     ([1.0, 1.0], [math.nan, 1], "task weight of nan"), ([1.0, 1.0], [math.inf, 1], "task weight of inf"),
     ([1.0], [1], "at least two; 1"), ({"a": 1.0, "b": 1.0}, {"a": 1, "c": 1}, "no task called c .* a, b"),
     ({"a": 1.0, "b": 1.0}, {"a": 1}, "no task called b")],
)  # fmt: skip
def test_bad_weights_are_one_sentence(losses, weights, words):
    if isinstance(losses, dict):
        losses = {name: torch.tensor(loss) for name, loss in losses.items()}
    else:
        losses = [torch.tensor(loss) for loss in losses]
    with pytest.raises(Problem, match=words):
        mtl.weighted_sum(losses, weights)


def test_numbers_that_differ_are_named():
    with pytest.raises(ValueError, match="2 losses and 3 weights"):
        mtl.weighted_sum(torch.ones(2), [1, 1, 1])
    with pytest.raises(ValueError, match=r"\[2\].*\[3\]"):
        mtl.uncertainty_weighted(torch.ones(2), torch.zeros(3))
    with pytest.raises(ValueError, match=r"\[2\].*\[3\]"):
        mtl.dwa_weights(torch.ones(2), torch.ones(3))
    with pytest.raises(ValueError, match="both by name"):
        mtl.weighted_sum({"a": torch.ones(())}, [1])
    for function in (mtl.project_conflicts, mtl.gradient_cosines):
        with pytest.raises(ValueError, match=r"\[tasks, params\]"):
            function(torch.ones(3))


def test_a_single_task_is_refused():
    one = torch.ones(1)
    for call in (
        lambda: mtl.uncertainty_weighted(one, torch.zeros(1)), lambda: mtl.dwa_weights(one, one),
        lambda: mtl.project_conflicts(torch.ones(1, 4)), lambda: mtl.gradient_cosines(torch.ones(1, 4)),
    ):  # fmt: skip
        with pytest.raises(Problem, match="at least two; 1"):
            call()


@settings(max_examples=40)
@given(st.lists(st.tuples(FINITE, st.floats(-5, 5)), min_size=2, max_size=4))
def test_uncertainty_is_kendalls_form_and_torchjds(pairs):
    losses = torch.tensor([loss for loss, _ in pairs], dtype=torch.float64)
    s = torch.tensor([v for _, v in pairs], dtype=torch.float64, requires_grad=True)
    total = mtl.uncertainty_weighted(losses, s)
    sigma2 = np.exp([v for _, v in pairs])
    by_hand = (losses.numpy() / (2 * sigma2) + np.log(sigma2) / 2).sum()
    assert total.item() == pytest.approx(by_hand, rel=1e-9, abs=1e-9)
    theirs = scalarization.UW(len(pairs)).double()
    theirs.log_var.data.copy_(s.detach())
    assert total.item() == pytest.approx(theirs(losses).item(), rel=1e-12, abs=1e-12)
    total.backward()
    np.testing.assert_allclose(s.grad.numpy(), -losses.numpy() / (2 * sigma2) + 0.5, rtol=1e-9, atol=1e-12)


def test_uncertainty_is_least_where_the_variance_is_the_loss():
    losses = torch.tensor([0.3, 2.0])
    s = losses.log().requires_grad_()
    mtl.uncertainty_weighted(losses, s).backward()
    torch.testing.assert_close(s.grad, torch.zeros(2))


@settings(max_examples=40)
@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=4), st.floats(0.5, 10))
def test_dwa_is_the_papers_and_torchjds(pairs, temperature):
    previous, before = ([pair[k] for pair in pairs] for k in (0, 1))
    weights = mtl.dwa_weights(previous, before, temperature)
    e = np.exp(np.array(previous) / np.array(before) / temperature - max(p / b for p, b in pairs) / temperature)
    np.testing.assert_allclose(weights.numpy(), len(pairs) * e / e.sum(), rtol=1e-4, atol=1e-6)
    theirs = scalarization.DWA(temperature)
    for losses in (before, previous):
        theirs(torch.tensor(losses))
        theirs.step()
    now = torch.rand(len(pairs), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close((weights * now).sum(), theirs(now), rtol=1e-4, atol=1e-5)


def test_dwa_gives_more_to_the_slower_task_and_survives_zero():
    weights = mtl.dwa_weights([0.9, 0.5], [1.0, 1.0])
    assert weights[0] > 1 > weights[1]
    assert weights.sum().item() == pytest.approx(2)
    torch.testing.assert_close(mtl.dwa_weights([0.0, 0.0], [0.0, 0.0]), torch.ones(2))
    torch.testing.assert_close(mtl.dwa_weights(torch.ones(3), torch.ones(3)), torch.ones(3))
    for losses in ([math.nan, 1.0], [-1.0, 1.0], [math.inf, 1.0]):
        with pytest.raises(Problem, match="finite and not negative"):
            mtl.dwa_weights(losses, [1.0, 1.0])
    for temperature in (0, -1, math.nan):
        with pytest.raises(Problem, match="temperature"):
            mtl.dwa_weights([1.0, 1.0], [1.0, 1.0], temperature)


def surgery(gradients: np.ndarray, orders: list[list[int]]) -> np.ndarray:
    """Algorithm 1 of the paper as it stands there."""
    total = np.zeros(gradients.shape[1])
    for i, order in enumerate(orders):
        mine = gradients[i].copy()
        for j in order:
            if j != i and mine @ gradients[j] < 0:
                mine -= (mine @ gradients[j]) / (gradients[j] @ gradients[j]) * gradients[j]
        total += mine
    return total


def test_two_conflicting_gradients_by_hand():
    g = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    # (1, 0) loses its part along (-1, 1)/√2: (1/2, 1/2);  (-1, 1) loses its part along (1, 0): (0, 1).
    torch.testing.assert_close(mtl.project_conflicts(g), torch.tensor([0.5, 1.5]))
    agreeing = torch.tensor([[1.0, 2.0], [2.0, 1.0]])
    torch.testing.assert_close(mtl.project_conflicts(agreeing), agreeing.sum(0))


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_two_tasks_are_torchjds_whatever_the_order(seed, params):
    g = matrix(2, params, seed)
    ours = mtl.project_conflicts(g, seeded(seed, "order"))
    torch.testing.assert_close(ours, mtl.project_conflicts(g))
    torch.testing.assert_close(ours, aggregation.PCGrad()(g))
    np.testing.assert_allclose(ours.numpy(), surgery(g.numpy(), [[1], [0]]), atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_three_tasks_follow_the_seeded_order(seed):
    g = matrix(3, 4, seed)
    g[2] = -g[0] - g[1] + 0.1 * g[2]  # all three in conflict
    again, orders = seeded(seed, "order"), []
    for _ in range(3):
        orders.append(torch.randperm(3, generator=again).tolist())
    ours = mtl.project_conflicts(g, seeded(seed, "order"))
    np.testing.assert_allclose(ours.numpy(), surgery(g.numpy(), orders), atol=1e-9)
    np.testing.assert_allclose(mtl.project_conflicts(g).numpy(), surgery(g.numpy(), [[0, 1, 2]] * 3), atol=1e-9)
    possible = [surgery(g.numpy(), list(choice)) for choice in product([[0, 1, 2], [2, 1, 0]], repeat=3)]
    theirs = aggregation.PCGrad()(g).numpy()
    assert any(np.allclose(theirs, each) for each in possible)


def test_zero_gradients_divide_nothing_by_zero():
    g = torch.tensor([[0.0, 0.0], [-1.0, 2.0], [1.0, 0.0]])
    assert torch.isfinite(mtl.project_conflicts(g)).all()
    assert torch.equal(mtl.project_conflicts(torch.zeros(2, 5)), torch.zeros(5))
    cosines = mtl.gradient_cosines(g)
    assert torch.equal(cosines[0], torch.zeros(3))
    assert torch.equal(mtl.gradient_cosines(torch.zeros(2, 5)), torch.zeros(2, 2))
    tiny = torch.tensor([[1e-30, 0.0], [-1e-30, 1e-30]])  # their squares are 0 in float32
    torch.testing.assert_close(mtl.gradient_cosines(tiny)[0, 1], torch.tensor(-math.sqrt(0.5)))
    torch.testing.assert_close(1e30 * mtl.project_conflicts(tiny), torch.tensor([0.5, 1.5]))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_cosines_are_numpys(seed, tasks):
    g = matrix(tasks, 12, seed)
    length = np.linalg.norm(g.numpy(), axis=1)
    np.testing.assert_allclose(mtl.gradient_cosines(g).numpy(), g.numpy() @ g.numpy().T / np.outer(length, length))


FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def doubles(*numbers):
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


def test_learned_weights_get_their_gradient():
    losses, weights = doubles(2.0, 3.0, 5.0), doubles(0.5, 0.0, 1.0)
    assert torch.autograd.gradcheck(mtl.weighted_sum, (losses, doubles(0.5, 0.25, 1.0)))
    mtl.weighted_sum(losses, weights).backward()
    assert weights.grad.tolist() == [2.0, 3.0, 5.0]  # also of the weight that is 0
    assert losses.grad.tolist() == [0.5, 0.0, 1.0]
    named = {"a": torch.tensor(0.5, requires_grad=True), "b": 2.0}
    mtl.weighted_sum({"a": torch.tensor(3.0), "b": torch.tensor(1.0)}, named).backward()
    assert named["a"].grad.item() == 3.0


def test_every_weighting_and_surgery_is_differentiable():
    assert torch.autograd.gradcheck(mtl.uncertainty_weighted, (doubles(2.0, 3.0), doubles(0.1, -0.4)))
    t = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    now, before = torch.tensor([0.9, 0.5]).double(), torch.tensor([1.0, 1.0]).double()
    assert torch.autograd.gradcheck(lambda t: mtl.dwa_weights(now, before, t), (t,))
    for tasks in (2, 3):
        g = matrix(tasks, 5, 4)
        g[1] = -g[0] + 0.3 * g[1]
        assert (mtl.gradient_cosines(g)[0, 1] < 0).item()
        plain = mtl.project_conflicts(g)
        g.requires_grad_()
        assert torch.equal(mtl.project_conflicts(g).detach(), plain)
        assert torch.autograd.gradcheck(mtl.project_conflicts, (g,))
        assert torch.autograd.gradcheck(lambda g: mtl.gradient_cosines(g).tril(-1), (g,))


@pytest.mark.parametrize("dtype", FLOATS)
def test_every_float_type(dtype):
    near = {torch.float16: 2e-3, torch.bfloat16: 2e-2, torch.float32: 1e-6, torch.float64: 1e-14}[dtype]
    losses, weights = torch.tensor([0.7, 2.3], dtype=dtype), torch.tensor([0.3, 1.7], dtype=dtype)
    assert mtl.weighted_sum(losses, weights).item() == pytest.approx(
        (losses.double() @ weights.double()).item(), rel=near
    )
    r = torch.tensor([2.3, 0.7]).to(dtype).double() / losses.double()
    mine = mtl.dwa_weights(torch.tensor([2.3, 0.7], dtype=dtype), losses)
    np.testing.assert_allclose(mine.double(), 2 * torch.softmax(r / 2, 0), rtol=1e-5)
    g = matrix(3, 2000, 1)
    g[1] -= g[0]
    g = (100 * g).to(dtype)  # squares overflow in float16
    projected = mtl.project_conflicts(g)
    assert projected.dtype == dtype
    expected = surgery(g.double().numpy(), [[0, 1, 2]] * 3)
    np.testing.assert_allclose(projected.double(), expected, rtol=near, atol=near * np.abs(expected).max())
    d = g.double().numpy()
    length = np.linalg.norm(d, axis=1)
    np.testing.assert_allclose(mtl.gradient_cosines(g).double(), d @ d.T / np.outer(length, length), atol=2e-6)


def test_integers_are_converted_or_refused_never_cut():
    half = mtl.dwa_weights([1, 2], [2, 4])
    assert half.tolist() == [1.0, 1.0]
    assert mtl.dwa_weights(torch.tensor([1, 4]), [2, 4]).tolist() == pytest.approx(
        [2 / (1 + math.exp(0.25)), 2 / (1 + math.exp(-0.25))]
    )
    assert mtl.dwa_weights([1, 0.5], [2.5, 1]).tolist() == pytest.approx(
        [2 / (1 + math.exp(0.05)), 2 / (1 + math.exp(-0.05))]
    )
    assert mtl.weighted_sum([1, 2], [0.5, 0.25]).item() == 1.0
    assert mtl.weighted_sum(torch.tensor([1, 2]), [0.5, 0.25]).item() == 1.0
    for function in (mtl.project_conflicts, mtl.gradient_cosines):
        with pytest.raises(TypeError, match=r"torch\.int64; a type of floating point"):
            function(torch.tensor([[1, 0], [-1, 1]]))


def test_losses_of_other_shapes_are_refused():
    for losses in (torch.ones(2, 3), torch.ones(()), [torch.ones(3), torch.ones(3)]):
        for call in (lambda given: mtl.weighted_sum(given, [1.0, 1.0]),
                     lambda given: mtl.uncertainty_weighted(given, torch.zeros(2)),
                     lambda given: mtl.uncertainty_weighted(torch.zeros(2), given),
                     lambda given: mtl.dwa_weights(given, torch.ones(2))):  # fmt: skip
            with pytest.raises(ValueError, match=r"\[tasks\]|one number for each task"):
                call(losses)
    with pytest.raises(TypeError, match="a task weight = 'much'"):
        mtl.weighted_sum(torch.ones(2), ["much", 1.0])
    with pytest.raises(TypeError, match="gradients is of type list"):
        mtl.project_conflicts([[1.0, 0.0]])


def test_quotients_that_overflow_take_all_the_weight():
    for temperature in (0.01, 2.0):
        assert mtl.dwa_weights([1e30, 1.0], [1e-30, 1.0], temperature).tolist() == [2.0, 0.0]
        assert mtl.dwa_weights([1e30, 1e30], [1e-30, 1e-30], temperature).tolist() == [1.0, 1.0]


def test_gradients_of_parameters_that_a_loss_does_not_need():
    a, b = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(1))
    rows = task_gradients({"both": (3 * a).sum() * b.sum(), "one": a.sum()}, [a, b])
    assert rows.tolist() == [[3.0, 3.0, 6.0], [1.0, 1.0, 0.0]]
    for losses, of, words in (
        ({}, [a], "0 losses"), ({"one": a.sum()}, [], "0 parameters"), ({"one": a * 2}, [a], r"'one' is \[2\]"),
        ({"one": torch.ones(())}, [a], "requires_grad=False"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            task_gradients(losses, of)


def test_delta_m_is_the_mean_relative_change_and_less_is_better():
    assert delta_m([50, 200], [100, 100]) == pytest.approx((-50 + 100) / 2)
    assert delta_m([90, 80], [100, 100]) == pytest.approx(-15)
    assert delta_m([1, 2], [0, 2]) == pytest.approx(50)  # no errors at all count as one
    with pytest.raises(ValueError, match="same tasks"):
        delta_m([1], [1, 2])


# The tasks


def test_pairs_are_never_of_one_image_and_each_is_once_on_each_side(uci):
    for seed in range(20):
        partner = partners(50, seeded(seed, "p"))
        assert not (partner == torch.arange(50)).any()
        assert partner.sort().values.tolist() == list(range(50))
    with pytest.raises(ValueError, match="cannot be paired"):
        partners(1, seeded(0, "p"))
    both = make_split(uci.test, ("left", "right"), lambda p: seeded(0, p)).targets
    assert (both["left"] == both["right"]).float().mean() > 0.04  # equal digits stay
    assert torch.equal(both["left"], uci.test.labels)


def test_overlaid_digits_are_the_published_ones(uci):
    left, right = uci.test.images[:3], uci.test.images[3:6]
    canvas = np.zeros((3, 36, 36))
    for image, (a, b) in enumerate(zip(left.numpy(), right.numpy(), strict=True)):
        canvas[image, :28, :28] = a[0] * 0.3081 + 0.1307
        canvas[image, 6:34, 6:34] = np.maximum(canvas[image, 6:34, 6:34], b[0] * 0.3081 + 0.1307)
    from PIL import Image  # what the published loader resized with

    ours = overlaid(left, right) * 0.3081 + 0.1307
    for image in range(3):
        reference = Image.fromarray(canvas[image].astype(np.float32)).resize((28, 28), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(ours[image, 0].numpy(), np.asarray(reference), atol=1e-4)


def test_a_split_is_made_of_its_own_digits_only(uci):
    marked = Split(torch.full((40, 1, 28, 28), BLACK), torch.arange(40) % 10)
    marked.images[:, 0, 10, 10] = torch.arange(40.0)
    made = make_split(marked, ("left", "right"), lambda p: seeded(1, p))
    assert made.images.amax((1, 2, 3)).max() <= 39


def test_turning_is_anticlockwise_and_its_angles_are_the_targets(uci):
    some = uci.test.images[:4]
    torch.testing.assert_close(turned(some, torch.full((4,), 90.0)), some.rot90(1, (2, 3)), atol=1e-4, rtol=0)
    torch.testing.assert_close(turned(some, torch.zeros(4)), some, atol=1e-4, rtol=0)
    made = make_split(uci.test, ("digit", "angle"), lambda p: seeded(0, p))
    degrees = made.targets["angle"]
    assert -45 <= degrees.min() < -40
    assert 40 < degrees.max() <= 45
    torch.testing.assert_close(made.images[:5], turned(uci.test.images[:5], degrees[:5]))


def test_targets_losses_and_wrong_of_each_kind():
    digits = Split(torch.zeros(10, 1, 28, 28), torch.arange(10))
    made = make_split(digits, ("digit", "parity", "five"), lambda p: seeded(0, p)).targets
    assert made["parity"].tolist() == [0, 1] * 5
    assert made["five"].tolist() == [0] * 5 + [1] * 5
    outputs, degrees = torch.tensor([[1.0], [0.0], [-0.5]]), torch.tensor([45.0, 9.0, -34.0])
    assert task_loss("angle", outputs, degrees).item() == pytest.approx((0 + 0.2**2 + (11.5 / 45) ** 2) / 3)
    assert wrong("angle", outputs, degrees).tolist() == [False, False, True]
    assert wrong("digit", torch.tensor([[0.0, 1.0]]), torch.tensor([0])).tolist() == [True]


# Networks and training


def data_of(tiny, config=TINY):
    return mt.task_digits(config, tiny, 0)


def how(epochs=1, seed=0):
    return dict(epochs=epochs, batch_size=16, learning_rate=0.002, order=seeded(seed, "order"), precision="float32")


def trained(digits, tasks, weights=None, weighting="fixed", look=None, epochs=2, seed=0):
    net = build(WIDTHS["small"], tasks, seed)
    combine = Combine(weighting, weights or dict.fromkeys(tasks, 1.0), seed)
    reporters = {task: Reporter("networks", task, seed) for task in tasks}
    list(fit(net, digits.train, digits.validation, combine, reporters, look=look, **how(epochs, seed)))
    return net, combine


def equal(a, b):
    return all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))


def test_first_weights_are_paired():
    joint, single = build(WIDTHS["small"], ("digit", "five"), 3), build(WIDTHS["small"], ("five",), 3)
    assert equal(joint.body, single.body)
    assert equal(joint.heads["five"], single.heads["five"])
    assert not equal(joint.body, build(WIDTHS["small"], ("digit", "five"), 4).body)


def test_with_weights_1_and_0_the_body_is_that_of_the_single_task_to_the_last_bit(tiny):
    digits = data_of(tiny)
    single, _ = trained(digits, ("digit",))
    for weighting in ("fixed", "uncertainty", "dwa", "pcgrad"):
        joint, _ = trained(digits, ("digit", "five"), {"digit": 1.0, "five": 0.0}, weighting)
        assert equal(joint.body, single.body), weighting
        assert equal(joint.heads["digit"], single.heads["digit"])
        assert equal(joint.heads["five"], build(WIDTHS["small"], ("five",), 0).heads["five"])  # never touched
    both, _ = trained(digits, ("digit", "five"))
    assert not equal(both.body, single.body)


def test_joint_training_is_adam_on_the_weighted_sum(tiny):
    digits = data_of(tiny)
    weights = {"digit": 0.5, "five": 2.0}
    ours, _ = trained(digits, ("digit", "five"), weights)
    net = build(WIDTHS["small"], ("digit", "five"), 0)
    adam, order = torch.optim.Adam(net.parameters(), lr=0.002), seeded(0, "order")
    for _ in range(2):
        for batch in torch.randperm(60, generator=order).split(16):
            features = net.body(digits.train.images[batch])
            loss = sum(
                alpha * torch.nn.functional.cross_entropy(net.heads[t](features), digits.train.targets[t][batch])
                for t, alpha in weights.items()
            )
            adam.zero_grad()
            loss.backward()
            adam.step()
    for a, b in zip(ours.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def gradients_after(net, combine, losses):
    net.zero_grad()
    combine.backward(net, losses)
    return torch.cat([p.grad.flatten() for p in net.shared()]), [p.grad for p in net.heads.parameters()]


def test_one_step_of_each_scheme_has_the_gradient_it_promises(tiny):
    digits = data_of(tiny)
    net = build(WIDTHS["small"], ("digit", "five"), 0)
    targets = {t: y[:16] for t, y in digits.train.targets.items()}

    def losses():
        return losses_of(net, digits.train.images[:16], targets, "float32")

    rows = task_gradients(losses(), net.shared())
    alpha = {"digit": 0.5, "five": 3.0}
    weighted = rows * torch.tensor([[0.5], [3.0]])
    body, heads = gradients_after(net, Combine("fixed", alpha, 0), losses())
    torch.testing.assert_close(body, weighted.sum(0))
    surgery, same = gradients_after(net, Combine("pcgrad", alpha, 0), losses())
    torch.testing.assert_close(surgery, mtl.project_conflicts(weighted))
    torch.testing.assert_close(heads, same)  # a head belongs to one task: nothing to project
    combine = Combine("uncertainty", alpha, 0)
    body, _ = gradients_after(net, combine, losses())
    torch.testing.assert_close(body, weighted.sum(0) / 2)  # e^0 = 1: L / 2
    values = torch.stack([a * losses()[t].detach() for t, a in alpha.items()])
    torch.testing.assert_close(combine.log_variances.grad, (1 - values) / 2)


def test_dwa_changes_its_weights_after_two_epochs(tiny):
    digits = data_of(tiny)
    _, two = trained(digits, ("digit", "five"), weighting="dwa", epochs=1)
    assert two.factors() == {"digit": 1.0, "five": 1.0}
    _, four = trained(digits, ("digit", "five"), weighting="dwa", epochs=4)
    now = four.factors()
    assert now["digit"] != now["five"]
    assert sum(now.values()) == pytest.approx(2)


def test_the_body_runs_once_a_step_for_all_heads(tiny):
    digits = data_of(tiny)
    for weighting in ("fixed", "pcgrad", "uncertainty", "dwa"):
        net, seen = build(WIDTHS["small"], ("digit", "five"), 0), []
        net.body.register_forward_hook(lambda *_, seen=seen: seen.append(torch.is_grad_enabled()))
        combine = Combine(weighting, {"digit": 1.0, "five": 1.0}, 0)
        list(fit(net, digits.train, digits.validation, combine, {}, **how()))
        assert seen.count(True) == math.ceil(60 / 16)


def test_fair_widths_share_out_the_joint_networks_size():
    for body, tasks in (
        ("medium", ("left", "right")),
        ("medium", ("digit", "parity", "five")),
        ("small", ("digit", "angle")),
    ):
        joint = parameters(WIDTHS[body], tasks)
        assert joint == sum(p.numel() for p in build(WIDTHS[body], tasks, 0).parameters())
        for task in tasks:
            widths = fair_widths(WIDTHS[body], tasks, task)
            assert parameters(widths, [task]) * len(tasks) == pytest.approx(joint, rel=0.03)


def test_a_loss_that_is_not_finite_is_a_problem(tiny):
    digits = data_of(tiny)
    broken = TaskSplit(digits.train.images * math.inf, digits.train.targets)
    net = build(WIDTHS["small"], ("digit",), 0)
    with pytest.raises(Problem, match="not a finite number"):
        list(fit(net, broken, digits.validation, Combine("fixed", {"digit": 1.0}, 0),
                 {"digit": Reporter("networks", "digit", 0)}, **how()))  # fmt: skip


# Conflict


def test_looking_does_not_change_training_by_one_bit_and_sees_what_it_says(tiny):
    digits = data_of(tiny)
    look = Conflict(digits.train, 8, 16, "float32", 0)
    looked, _ = trained(digits, ("digit", "five"), look=look)
    plain, _ = trained(digits, ("digit", "five"))
    assert equal(looked, plain)
    assert look.series["step"] == list(range(1, 9))
    net, batch = build(WIDTHS["small"], ("digit", "five"), 0), torch.randperm(60, generator=seeded(0, "order"))[:16]
    targets = {t: y[batch] for t, y in digits.train.targets.items()}
    losses = losses_of(net, digits.train.images[batch], targets, "float32")
    rows = task_gradients(losses, net.shared()).numpy()
    length = np.linalg.norm(rows, axis=1)
    assert look.series["cosine"][0] == pytest.approx(rows[0] @ rows[1] / length.prod(), abs=1e-4)
    assert look.series["norm, five"][0] == pytest.approx(length[1], rel=1e-3)
    assert look.series["loss, digit"][0] == pytest.approx(losses["digit"].item(), rel=1e-3)
    last = rows[:, -sum(p.numel() for p in net.body[-2].parameters()) :]
    by_hand = last[0] @ last[1] / np.linalg.norm(last, axis=1).prod()
    assert look.series["cosine, layer 3"][0] == pytest.approx(by_hand, abs=1e-4)
    shares = look.measures(("digit", "five"))
    assert shares["share of steps in conflict"] == sum(c < 0 for c in look.series["cosine"]) / 8
    assert shares["steps looked at"] == shares["steps"] == 8


def test_looks_are_few_and_reach_from_the_first_step_to_the_last(tiny):
    at = Conflict(data_of(tiny).train, 1000, 16, "float32", 0).at
    assert len(at) == LOOKS
    assert (min(at), max(at)) == (1, 1000)
    assert Conflict(data_of(tiny).train, 1, 16, "float32", 0).at == {1}


# Settings


def test_settings_name_their_tasks_and_weights():
    assert MultitaskSettings().task_names == ("left", "right")
    three = MultitaskSettings(tasks="digit_parity_five", weight_parity=0.5, weight_left=9)
    assert three.task_names == ("digit", "parity", "five")
    assert three.weights == (1.0, 0.5, 1.0)
    for task in TASK_LABELS:
        assert task in OUTPUTS
        for scheme in SCHEMES:
            assert (task_of(arm_of(task, scheme)), scheme_of(arm_of(task, scheme))) == (task, scheme)
    with pytest.raises(KeyError):
        task_of("student alone")


@pytest.mark.parametrize(
    ("name", "value"),
    [("tasks", "digit"), ("tasks", "digit_colour"), ("weighting", "best"), ("weight_digit", -1),
     ("weight_digit", "nan"), ("weight_left", 11)],
)  # fmt: skip
def test_a_single_task_an_unknown_name_and_bad_weights_are_refused(name, value):
    with pytest.raises(Problem, match=f"{name} = .* is not allowed; it must be"):
        MultitaskSettings.parse({name: value})


def test_weights_all_zero_and_too_many_images_are_refused(tiny):
    with pytest.raises(Problem, match="All task weights are 0"):
        next(assemble.run(mt, TINY.model_copy(update={"weight_digit": 0.0, "weight_five": 0.0}), tiny))
    with pytest.raises(Problem, match="500 labelled images were asked for"):
        next(assemble.run(mt, TINY.model_copy(update={"train_size": 500}), tiny))


# Runs


@pytest.fixture(scope="module")
def result(tiny):
    torch.set_num_threads(1)
    return list(assemble.run(mt, TINY.model_copy(update={"weight_five": 0.5}), tiny))[-1]


def test_an_arm_for_each_task_and_scheme(result, tiny):
    assert [arm.name for arm in result.arms] == [
        arm_of(task, scheme) for task in ("digit", "five") for scheme in (mt.ALONE, mt.EQUAL, mt.JOINT, mt.FAIR)
    ]
    for arm in result.arms:
        assert [t.seed for t in arm.trials] == [0, 1]
        assert (arm.labels, arm.teacher_labels) == (60, None)
        assert len(arm.trials[0].gallery_logits[0]) == OUTPUTS[task_of(arm.name)]
        assert sum(map(sum, arm.trials[0].confusion)) == len(tiny.test)
    joint = result.arm(arm_of("five", mt.JOINT)).cost
    assert joint == result.arm(arm_of("digit", mt.EQUAL)).cost
    assert joint.parameters == parameters(WIDTHS["small"], ("digit", "five"))
    pairs = [(v.arm, v.baseline) for v in (result.verdict, *result.comparisons)]
    assert pairs[:2] == [(arm_of(t, mt.JOINT), arm_of(t, mt.ALONE)) for t in ("digit", "five")]
    assert {(task_of(a), scheme_of(b)) for a, b in pairs[2:]} == {
        (task, scheme) for task in ("digit", "five") for scheme in (mt.EQUAL, mt.FAIR)
    }
    assert str(result.verdict.text.values["arm"]) == arm_of("digit", mt.JOINT)


def test_first_joint_arm_carries_the_series_and_delta_m(result):
    trial = result.arm(arm_of("digit", mt.JOINT)).trials[0]
    assert {"step", "cosine", "floor", "cosine, layer 3", "floor, layer 1", "norm, five", "loss, digit"} <= set(
        trial.series
    )
    assert len({len(values) for values in trial.series.values()}) == 1
    others = (arm_of("digit", mt.ALONE), arm_of("five", mt.JOINT))
    assert all(not result.arm(name).trials[0].series for name in others)
    errors, alone = ([result.arm(arm_of(t, s)).trials[0].test_errors for t in ("digit", "five")]
                     for s in (mt.JOINT, mt.ALONE))  # fmt: skip
    by_hand = 100 * np.mean((np.array(errors) - alone) / np.array(alone))
    assert trial.measures["delta_m"] == pytest.approx(by_hand)


def test_equal_weights_as_set_are_not_trained_twice_and_say_so(tiny):
    result = list(assemble.run(mt, TINY.model_copy(update={"seeds": 1}), tiny))[-1]
    for task in ("digit", "five"):
        joint, same = (result.arm(arm_of(task, scheme)).trials[0] for scheme in (mt.JOINT, mt.EQUAL))
        assert (joint.curve, joint.mistakes) == (same.curve, same.mistakes)
        assert not same.series
        assert set(same.measures) <= {"delta_m"}


@pytest.mark.parametrize("tasks", ["two_digits", "digit_angle", "digit_parity_five"])
def test_every_set_of_tasks_runs_on_the_stand_in_digits(tiny, tasks):
    config = TINY.model_copy(update={"tasks": tasks, "seeds": 1, "epochs": 1, "weighting": "pcgrad"})
    result = list(assemble.run(mt, config, tiny))[-1]
    names = config.task_names
    assert len(result.arms) == 4 * len(names)
    for digit in result.gallery:
        assert tuple(digit.answers) == names
        assert digit.label == digit.answers[names[0]]
    trial = result.arm(arm_of(names[0], mt.JOINT)).trials[0]
    assert ("share of steps in conflict, digit, five" in trial.measures) == (len(names) == 3)
    assert ("cosine, digit, parity" in trial.series) == (len(names) == 3)
    if "angle" in names:
        angle = result.arm(arm_of("angle", mt.ALONE)).trials[0]
        assert 0 < angle.measures["mean absolute angle error"] < 90
        assert len(angle.confusion) == 9
        assert len(angle.mistakes) == angle.test_errors


def test_kept_networks_are_the_ones_that_answered(tiny):
    from safetensors.torch import load

    from kd_core.nn.networks import article_cnn

    config = TINY.model_copy(update={"seeds": 1})
    result = list(assemble.run(mt, config, tiny))[-1]
    trial = result.arm(arm_of("five", mt.JOINT)).trials[0]
    flat = torch.nn.Sequential(*list(article_cnn(*WIDTHS["small"]))[:-1], torch.nn.Linear(8, 2))
    flat.load_state_dict(load(trial.weights))
    answers = flat(tiny.test.images[list(tiny.gallery)]).detach()
    torch.testing.assert_close(answers, torch.tensor(trial.gallery_logits), atol=1e-4, rtol=0)
    digits = mt.task_digits(config, tiny, 0)
    net = build(WIDTHS["small"], ("digit", "five"), 0)
    assert wrong_of(net, digits.test, "float32").keys() == {"digit", "five"}


# What assets/ carries


def asset(name):
    return json.loads((ASSETS / name).read_text(encoding="utf-8"))


def as_resolved(settings):
    """Without what depends on the machine that recorded it."""
    return {name: value for name, value in settings.items() if name not in ("precision", "device")}


def test_recorded_run_is_that_of_the_default_settings():
    result = Result.model_validate(asset("recorded-multitask.json"))
    assert result.version == mt.VERSION
    assert as_resolved(result.settings) == as_resolved(MultitaskSettings().model_dump())
    joint = result.arm(arm_of("left", mt.JOINT))
    assert len(joint.trials) == 5
    for trial in joint.trials:
        assert len(trial.series["step"]) == LOOKS
        assert "delta_m" in trial.measures
    assert result.verdict.kind == "worse"  # as the preset's words say


def test_recorded_moment_is_one_of_conflict_and_agrees_with_its_own_gradients():
    moment = asset("recorded-multitask-step.json")
    assert moment["version"] in (1, mt.VERSION)  # later ones train the same, evaluate less often, round otherwise
    assert as_resolved(moment["settings"]) == as_resolved(MultitaskSettings(body="small").model_dump())
    grid, change = moment["weights"], np.array(moment["change"])
    assert grid == [round(k / 10, 1) for k in range(21)]
    assert change.shape == (21, 21, 2)
    assert moment["cosine"] < -0.3
    assert change[10, 10].max() > 0 > change[10, 10].min()  # one falls, one rises
    n1, n2 = moment["norms"]
    inner = moment["cosine"] * n1 * n2
    slopes = np.array([[n1 * n1, inner], [inner, n2 * n2]])  # a small step loses w · slopes · step size
    expected = -moment["step_size"] * 0.1 * slopes
    np.testing.assert_allclose([change[1, 0], change[0, 1]], expected, rtol=0.15)
    assert np.all(change[0, 0] == 0)
