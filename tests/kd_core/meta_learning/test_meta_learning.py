"""The meta-loss against closed forms, plain autograd and `higher`; the arms and the run against their contract."""

import json
import math
from itertools import islice

import higher
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load
from sklearn.neighbors import NearestCentroid
from torch import nn

from app.results.bundled import ASSETS, recorded
from kd_core.cli.main import main
from kd_core.data.variants import only
from kd_core.messages import Problem
from kd_core.meta_learning import trainer as ml
from kd_core.meta_learning import training
from kd_core.meta_learning.adaptation import adapt, alone, joint, maml, meta_loss, path, reptile, second_order_share
from kd_core.meta_learning.presets import META_PRESETS
from kd_core.meta_learning.settings import FIRST_ORDER, MAML, ORACLE, PRETRAINED, REPTILE, MetaSettings
from kd_core.meta_learning.tasks import (
    NewDigits,
    Sinusoids,
    Tasks,
    centroid_logits,
    held_out,
    joined,
    problem_of,
)
from kd_core.nn.cost import peak_megabytes
from kd_core.nn.seeding import seeded
from kd_core.results.events import Evaluation
from kd_core.results.schema import ArmTrial
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.runs.handle import _Task
from kd_core.settings.common import SCRATCH
from tests.conftest import of_few_tasks

TINY = MetaSettings(iterations=4, meta_batch=3, shots=4, queries=3, seeds=2, device="cpu")
SINUSOIDS = TINY.model_copy(update={"reptile": True})
DIGITS = TINY.model_copy(update={"problem": "digits", "shots": 2, "inner_lr": 0.1})


def changed(base=TINY, **values):
    return base.model_copy(update=values)


# The loss. References loop over tasks in plain autograd, or with `higher`.


def network(dtype=torch.float64, seed=0):
    net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(-0.7, 0.7, generator=g)
    return net.to(dtype)


def batches(tasks=5, dtype=torch.float64, seed=1):
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(tasks, 12, 1, generator=g, dtype=torch.float64) * 4 - 2
    y = torch.sin(x + torch.rand(tasks, 1, 1, generator=g, dtype=torch.float64))
    x, y = x.to(dtype), y.to(dtype)
    return (x[:, :5], y[:, :5]), (x[:, 5:], y[:, 5:])


def loss_of(net):
    return lambda parameters, x, y: F.mse_loss(torch.func.functional_call(net, dict(parameters), (x,)), y)


def ours(net, support, query, lr, steps, first_order=False):
    theta = dict(net.named_parameters())
    loss = meta_loss(loss_of(net), theta, support, query, lr, steps, first_order)
    return loss, torch.autograd.grad(loss, list(theta.values()))


def by_hand(net, support, query, lr, steps, first_order=False):
    """One task after the other, the forward pass written out."""

    def forward(w, x):
        hidden = torch.relu(torch.tanh(x @ w[0].T + w[1]) @ w[2].T + w[3])
        return hidden @ w[4].T + w[5]

    start, total = list(net.parameters()), 0.0
    for sx, sy, qx, qy in zip(*support, *query, strict=True):
        w = start
        for _ in range(steps):
            inner = ((forward(w, sx) - sy) ** 2).mean()
            gradient = torch.autograd.grad(inner, w, create_graph=not first_order)
            w = [a - lr * b for a, b in zip(w, gradient, strict=True)]
        total = total + ((forward(w, qx) - qy) ** 2).mean()
    return total, torch.autograd.grad(total, start)


def by_higher(net, support, query, lr, steps, first_order=False):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    total = 0.0
    net.zero_grad()
    for sx, sy, qx, qy in zip(*support, *query, strict=True):
        with higher.innerloop_ctx(
            net, optimizer, copy_initial_weights=False, track_higher_grads=not first_order
        ) as (fast, inner):
            for _ in range(steps):
                inner.step(F.mse_loss(fast(sx), sy))
            loss = F.mse_loss(fast(qx), qy)
            if first_order:  # higher's own tracks nothing then: the gradient at the adapted weights is the answer
                for p, g in zip(net.parameters(), torch.autograd.grad(loss, fast.parameters()), strict=True):
                    p.grad = g if p.grad is None else p.grad + g
            else:
                loss.backward()
            total += loss.item()
    return torch.tensor(total, dtype=torch.float64), [p.grad for p in net.parameters()]


@pytest.mark.parametrize("reference", [by_hand, by_higher])
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("first_order", [False, True])
def test_meta_loss_and_its_gradient_are_the_references(reference, steps, first_order):
    net, (support, query) = network(), batches()
    mine, theirs = (f(net, support, query, 0.1, steps, first_order) for f in (ours, reference))
    torch.testing.assert_close(mine[0].double(), theirs[0].double(), rtol=1e-9, atol=1e-9)
    for a, b in zip(mine[1], theirs[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    net, (support, query) = network(torch.float32), batches(dtype=torch.float32)
    for a, b in zip(ours(net, support, query, 0.1, steps, first_order)[1], mine[1], strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-3, atol=1e-4)


def test_first_order_is_another_gradient_of_the_same_loss():
    net, (support, query) = network(), batches()
    full, short = (ours(net, support, query, 0.1, 2, first_order) for first_order in (False, True))
    torch.testing.assert_close(full[0], short[0])
    apart = max(((a - b).norm() / a.norm()).item() for a, b in zip(full[1], short[1], strict=True))
    assert apart > 0.01


def test_no_steps_are_the_plain_query_loss_summed_over_tasks():
    net, (support, query) = network(), batches(tasks=6)
    loss, gradient = ours(net, support, query, 0.1, 0)
    plain = 6 * F.mse_loss(net(query[0]), query[1])  # tasks have equally many queries
    torch.testing.assert_close(loss, plain)
    torch.testing.assert_close(list(gradient), list(torch.autograd.grad(plain, list(net.parameters()))))
    twice = [tuple(torch.cat([part, part]) for part in batch) for batch in (support, query)]
    torch.testing.assert_close(ours(net, *twice, 0.1, 1)[0], 2 * ours(net, support, query, 0.1, 1)[0])


@settings(max_examples=30)
@given(
    lr=st.floats(1e-4, 1.5), a=st.floats(0.1, 2), steps=st.integers(0, 4), theta=st.floats(-3, 3),
    seed=st.integers(0, 99), first_order=st.booleans(),
)  # fmt: skip
def test_quadratic_tasks_have_their_closed_form(lr, a, steps, theta, seed, first_order):
    # L(theta; c) = a (theta - c)² / 2, so that a step takes theta - s to (1 - lr a) (theta - s).
    s, q = np.random.default_rng(seed).normal(size=(2, 4))
    shrink = (1 - lr * a) ** steps
    end = s + shrink * (theta - s)
    loss, gradient = (a * (end - q) ** 2 / 2).sum(), (a * (end - q) * (1 if first_order else shrink)).sum()
    start = {"theta": torch.tensor(theta, dtype=torch.float64, requires_grad=True)}
    support, query = ((torch.full((4,), a, dtype=torch.float64), torch.tensor(c)) for c in (s, q))
    mine = meta_loss(
        lambda p, scale, c: scale * (p["theta"] - c) ** 2 / 2, start, support, query, lr, steps, first_order
    )
    assert mine.item() == pytest.approx(loss, rel=1e-9, abs=1e-12)
    assert torch.autograd.grad(mine, start["theta"])[0].item() == pytest.approx(gradient, rel=1e-9, abs=1e-9)


def test_adapting_is_gradient_descent_in_numpy_and_leaves_the_start_alone():
    g = np.random.default_rng(0)
    x, y, w = g.normal(size=(6, 3)), g.normal(size=6), g.normal(size=3)
    start = {"w": torch.tensor(w)}
    there = adapt(lambda p, x, y: ((x @ p["w"] - y) ** 2).mean(), start, (torch.tensor(x), torch.tensor(y)), 0.1, 3)
    expected = w.copy()
    for _ in range(3):
        expected -= 0.1 * 2 * x.T @ (x @ expected - y) / 6
    np.testing.assert_allclose(there["w"].numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(start["w"].numpy(), w)


def test_bad_input_is_named():
    net, (support, query) = network(), batches()
    for lr in (0.0, -0.1, math.nan, math.inf):
        with pytest.raises(Problem, match="inner step size α = "):
            ours(net, support, query, lr, 1)
    with pytest.raises(ValueError, match="steps = -1"):
        adapt(loss_of(net), dict(net.named_parameters()), support, 0.1, -1)
    with pytest.raises(ValueError, match=r"\[5, 5, 4, 4\]"):
        ours(net, support, (query[0][:4], query[1][:4]), 0.1, 1)


# Real modules: frozen layers, buffers, batch norm, dropout


def layered(*middle):
    net = nn.Sequential(nn.Linear(1, 6), *middle, nn.Linear(6, 1))
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(-0.7, 0.7, generator=g)
    return net.double()


def everything_of(net):
    return {**dict(net.named_parameters()), **dict(net.named_buffers())}


def test_frozen_layers_and_buffers_stay_as_they_are():
    net = layered(nn.BatchNorm1d(6)).eval()
    net[0].weight.requires_grad_(False)
    theta, (support, query) = everything_of(net), batches()
    held = [name for name, part in theta.items() if not part.requires_grad]
    assert held == ["0.weight", "1.running_mean", "1.running_var", "1.num_batches_tracked"]
    there = adapt(loss_of(net), theta, (support[0][0], support[1][0]), 0.1, 2)
    assert list(there) == list(theta)
    assert all(there[name] is theta[name] for name in held)
    learned = [name for name in theta if name not in held]
    w = {name: theta[name] for name in learned}
    for _ in range(2):  # gradient descent on the rest, by autograd
        loss = F.mse_loss(torch.func.functional_call(net, {**theta, **w}, (support[0][0],)), support[1][0])
        gradient = torch.autograd.grad(loss, list(w.values()), create_graph=True)
        w = {name: w[name] - 0.1 * part for name, part in zip(learned, gradient, strict=True)}
    torch.testing.assert_close([there[name] for name in learned], list(w.values()))
    loss = meta_loss(loss_of(net), theta, support, query, 0.1, 2)
    loss.backward()
    assert net[0].weight.grad is None
    assert all(theta[name].grad.abs().sum() > 0 for name in learned if name != "0.bias")


def test_what_adapts_is_seen_through_torch_func():
    # Stacked starts of several tasks: vmap's slices say requires_grad=False, though the stack requires it.
    net, (support, _) = layered(nn.Tanh()), batches(tasks=3)
    shared = dict(net.named_parameters())
    first = shared.pop("0.weight").detach()
    own = {"0.weight": torch.stack([first, 2 * first, 3 * first]).requires_grad_()}

    def adapted(own, inputs, targets):
        return adapt(loss_of(net), {**own, **shared}, (inputs, targets), 0.1, 1)["0.weight"]

    ends = torch.func.vmap(adapted)(own, *support)
    for task in range(3):
        alone = adapted({"0.weight": own["0.weight"][task]}, support[0][task], support[1][task])
        torch.testing.assert_close(ends[task], alone)
        assert not torch.equal(alone, own["0.weight"][task])
    # And an outer torch.func.grad over some parameters leaves the others where they are.
    frozen = {name: part.detach() for name, part in shared.items()}

    def outer(moved):
        there = adapt(loss_of(net), {**frozen, **moved}, (support[0][0], support[1][0]), 0.1, 1)
        assert there["2.weight"] is frozen["2.weight"]
        return there["0.weight"].sum()

    assert torch.func.grad(outer)({"0.weight": own["0.weight"][0].detach()})["0.weight"].shape == (6, 1)


def test_without_anything_that_requires_grad_plain_tensors_move_and_frozen_parameters_do_not():
    net, (support, _) = layered(nn.BatchNorm1d(6)).eval(), batches()
    one = (support[0][0], support[1][0])
    plain = {name: part.detach().clone() for name, part in everything_of(net).items()}
    with pytest.raises(Problem, match=r"running statistics of batch norm.*leave them out"):
        adapt(loss_of(net), plain, one, 0.1, 1)
    del plain["1.running_mean"], plain["1.running_var"]
    there = adapt(loss_of(net), plain, one, 0.1, 1)
    assert not torch.equal(there["0.weight"], plain["0.weight"])
    assert there["1.num_batches_tracked"] is plain["1.num_batches_tracked"]  # an integer has no gradient
    net.requires_grad_(False)
    with pytest.raises(ValueError, match=r"none of the parameters can adapt: \['0.weight'"):
        adapt(loss_of(net), dict(net.named_parameters()), one, 0.1, 1)
    with pytest.raises(ValueError, match="none of the parameters can adapt"):
        meta_loss(loss_of(net), {}, *batches(), 0.1, 1)


@pytest.mark.parametrize("mapping", [lambda net: dict(net.named_parameters()), everything_of])
@pytest.mark.parametrize("steps", [0, 1])
def test_batch_norm_in_training_mode_names_the_way_out(mapping, steps):
    net, (support, query) = layered(nn.BatchNorm1d(6)), batches()
    with pytest.raises(Problem, match=r"net\.eval\(\).*replace_all_batch_norm_modules_"):
        meta_loss(loss_of(net), mapping(net), support, query, 0.1, steps)
    with pytest.raises(Problem, match="batch norm in training mode"):
        adapt(loss_of(net), mapping(net), (support[0][0], support[1][0]), 0.1, 1)
    # Both ways lead out.
    assert torch.isfinite(meta_loss(loss_of(net.eval()), mapping(net), support, query, 0.1, steps))
    torch.func.replace_all_batch_norm_modules_(net.train())
    loss = meta_loss(loss_of(net), mapping(net), support, query, 0.1, steps)
    if steps == 0:
        assert loss.item() == pytest.approx(sum(F.mse_loss(net(x), y).item() for x, y in zip(*query, strict=True)))


def test_dropout_draws_as_it_is_told():
    net, (support, query) = layered(nn.Dropout(0.5)), batches()
    theta = dict(net.named_parameters())
    with pytest.raises(Problem, match=r'randomness="different" or "same".*net\.eval\(\)'):
        meta_loss(loss_of(net), theta, support, query, 0.1, 1)
    with pytest.raises(ValueError, match=r"randomness = 'both'.*error, different, same"):
        meta_loss(loss_of(net), theta, support, query, 0.1, 1, randomness="both")
    one = [tuple(part[:1].expand(5, *part.shape[1:]) for part in batch) for batch in (support, query)]
    drawn = {}
    for randomness in ("same", "different"):
        seen = []

        def loss_fn(p, x, y, seen=seen):
            answers = torch.func.functional_call(net, p, (x,))
            seen.append(answers)
            return F.mse_loss(answers, y)

        with torch.random.fork_rng():
            torch.manual_seed(0)
            losses = torch.func.vmap(
                lambda s0, s1, q0, q1, r=randomness: adapt(loss_of(net), theta, (s0, s1), 0.1, 1)["2.bias"],
                randomness=randomness,
            )(*one[0], *one[1])
            drawn[randomness] = len(losses.unique(dim=0))
            assert torch.isfinite(meta_loss(loss_fn, theta, *one, 0.1, 1, randomness=randomness))
    assert drawn == {"same": 1, "different": 5}
    evaluated = meta_loss(loss_of(net.eval()), theta, support, query, 0.1, 1)
    without = nn.Sequential(net[0], net[2])
    renamed = {name.replace("2.", "1."): part for name, part in theta.items()}
    torch.testing.assert_close(evaluated, meta_loss(loss_of(without), renamed, support, query, 0.1, 1))


def test_other_errors_of_a_network_are_its_own():
    net, (support, query) = network(), batches()
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        meta_loss(
            loss_of(net), dict(net.named_parameters()), (support[0].expand(5, 5, 3), support[1]), query, 0.1, 1
        )


def test_no_tasks_no_support_and_no_queries_are_refused():
    net, (support, query) = network(), batches()
    theta = dict(net.named_parameters())
    empty = tuple(part[:0] for part in support)
    with pytest.raises(ValueError, match=r"\[0, 0, 0, 0\] tasks"):
        meta_loss(loss_of(net), theta, empty, tuple(part[:0] for part in query), 0.1, 1)
    nothing = tuple(part[:, :0] for part in support)
    with pytest.raises(ValueError, match=r"support holds \[5, 0, 1\].*neither of them empty"):
        meta_loss(loss_of(net), theta, nothing, query, 0.1, 1)
    with pytest.raises(ValueError, match="query holds"):
        meta_loss(loss_of(net), theta, support, tuple(part[:, :0] for part in query), 0.1, 1)
    with pytest.raises(ValueError, match="support holds"):
        adapt(loss_of(net), theta, empty, 0.1, 1)
    with pytest.raises(ValueError, match="support holds 3 things"):
        meta_loss(loss_of(net), theta, (*support, support[0]), query, 0.1, 1)
    with pytest.raises(ValueError, match="without a task dimension"):
        meta_loss(loss_of(net), theta, (torch.ones(()), torch.ones(())), query, 0.1, 1)
    with pytest.raises(TypeError, match=r"steps = 1\.5"):
        adapt(loss_of(net), theta, support, 0.1, 1.5)
    with pytest.raises(ValueError, match=r"loss_fn gave \[7, 1\] for a task"):
        meta_loss(lambda p, x, y: x * 0, theta, support, query, 0.1, 0)


def test_a_learned_step_size_gets_its_gradient():
    net, (support, query) = network(), batches()
    theta, lr = dict(net.named_parameters()), torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda lr: meta_loss(loss_of(net), theta, support, query, lr, 2), (lr,))


def test_reptile_and_joint_training_descend_what_they_say():
    config = changed(inner_steps=2, inner_lr=0.02, precision="float64")
    problem = Sinusoids(config, 0)
    theta = dict(problem.network(seeded(0, "w")).named_parameters())
    tasks = problem.draw(3, seeded(0, "tasks"))
    (loss,) = reptile(config, problem)(alone(theta), tasks)
    mine = torch.autograd.grad(loss, list(theta.values()))
    expected = [torch.zeros_like(p) for p in theta.values()]
    for i in range(3):
        x, y = (torch.cat([s[i], q[i]]) for s, q in zip(tasks.support, tasks.query, strict=True))
        net = problem.network(seeded(0, "w"))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
        for _ in range(5):
            optimizer.zero_grad()
            F.mse_loss(net(x), y).backward()
            optimizer.step()
        for e, before, after in zip(expected, theta.values(), net.parameters(), strict=True):
            e += (before - after).detach() / 0.02 / 3
    torch.testing.assert_close(list(mine), expected, rtol=1e-9, atol=1e-9)
    net = problem.network(seeded(0, "w"))
    everything = [torch.cat([s, q], 1).reshape(-1, 1) for s, q in zip(tasks.support, tasks.query, strict=True)]
    (found,) = joint(problem)(alone(theta), tasks)
    torch.testing.assert_close(found, F.mse_loss(net(everything[0]), everything[1]))


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("problem", ["sinusoids", "digits"])
def test_what_trains_side_by_side_is_the_meta_loss(problem, steps, first_order, tiny):
    config = changed(problem=problem, inner_steps=steps, meta_batch=5, precision="float64", inner_lr=0.05)
    episodes = problem_of(config, tiny, 0)
    theta = dict(episodes.network(seeded(0, "w")).named_parameters())
    tasks = episodes.draw(5, seeded(0, "tasks"))
    expected = meta_loss(episodes.loss, theta, tasks.support, tasks.query, 0.05, steps, first_order)
    (found,) = maml(config, episodes, first_order)(alone(theta), tasks)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=0)
    gradients = (torch.autograd.grad(loss, list(theta.values())) for loss in (found, expected))
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-10)
    adapted = [adapt(episodes.loss, theta, (x, y), 0.05, steps) for x, y in zip(*tasks.support, strict=True)]
    answers = [episodes.answer(one, x) for one, x in zip(adapted, tasks.query[0], strict=True)]
    found = path(episodes, theta, tasks.support, tasks.query[0], 0.05, steps)[-1]
    torch.testing.assert_close(found, torch.stack(answers).detach(), rtol=1e-9, atol=1e-9)


OBJECTIVES = {
    MAML: lambda config, problem: maml(config, problem, False),
    FIRST_ORDER: lambda config, problem: maml(config, problem, True),
    REPTILE: reptile,
    PRETRAINED: lambda _config, problem: joint(problem),
}


@pytest.mark.parametrize("arm", OBJECTIVES)
def test_trials_side_by_side_have_each_its_own_loss_and_gradient(arm):
    config = changed(inner_steps=2, meta_batch=4, precision="float64", inner_lr=0.02)
    problems = [Sinusoids(config, seed) for seed in range(3)]
    objective = OBJECTIVES[arm](config, problems[0])
    each = [dict(p.network(seeded(s, "w")).named_parameters()) for s, p in enumerate(problems)]
    tasks = [p.draw(4, seeded(s, "tasks")) for s, p in enumerate(problems)]
    side = {name: torch.stack([theta[name].detach() for theta in each]).requires_grad_() for name in each[0]}
    losses = objective(side, joined(tasks))
    gradients = torch.autograd.grad(losses.sum(), list(side.values()))
    for row, (theta, its) in enumerate(zip(each, tasks, strict=True)):
        loss = objective(alone(theta), its)
        torch.testing.assert_close(losses[row], loss[0], rtol=1e-12, atol=0)
        for mine, theirs in zip(gradients, torch.autograd.grad(loss.sum(), list(theta.values())), strict=True):
            torch.testing.assert_close(mine[row], theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [MAML, REPTILE, ORACLE])
def test_a_trial_trains_alike_whichever_others_are_trained_with_it(name, tiny):
    config = changed(iterations=12, meta_batch=3, reptile=True)
    job = next(job for job in config.jobs if job.name == name)

    def trained(*seeds):
        return drained(ml.train_trials(config, tiny, None, seeds, job))

    together = trained(0, 1, 2)
    for some in (trained(1), trained(2, 1)):
        assert some[1][name].weights == together[1][name].weights
        assert some[1][name].series == together[1][name].series


def test_a_trial_trained_in_a_batch_is_the_plain_loop_to_rounding(tiny):
    config = changed(iterations=8, meta_batch=3, inner_steps=2)
    job = next(job for job in config.jobs if job.name == MAML)
    batched = load(drained(ml.train_trials(config, tiny, None, (0, 1, 2), job))[2][MAML].weights)
    problem = Sinusoids(config, 2)
    stream = problem.stream(seeded(2, "training tasks"))
    net = problem.network(seeded(2, "first weights"))
    optimizer = torch.optim.Adam(net.parameters(), lr=config.meta_lr)
    for tasks in islice(stream, 8):
        theta = dict(net.named_parameters())
        optimizer.zero_grad()
        meta_loss(problem.loss, theta, tasks.support, tasks.query, config.inner_lr, 2).backward()
        optimizer.step()
    for name, value in net.named_parameters():
        torch.testing.assert_close(batched[name], value.detach(), rtol=1e-4, atol=1e-5)


def test_second_order_share_of_a_linear_model_by_hand():
    # y = w x: L(w; s) = mean (w x - y)², its second derivative 2 mean x²; full = (1 - 2 lr mean x²) · short.
    class Line:
        @staticmethod
        def answers(p, x):
            return p["w"].unsqueeze(1) * x

        @staticmethod
        def losses(answers, y, _trials):
            return ((answers - y) ** 2).mean().unsqueeze(0)

    x = torch.tensor([[1.0, 2.0]])
    tasks = Tasks((x, 3 * x), (x, 3 * x), torch.zeros(1, 2))
    theta = {"w": torch.tensor(1.0, requires_grad=True)}
    share = second_order_share(changed(inner_lr=0.01), Line, theta, tasks)
    shrink = 1 - 2 * 0.01 * 2.5
    assert share == pytest.approx((1 - shrink) / shrink, rel=1e-5)


def test_memory_is_counted_by_hand():
    def work():
        a = torch.zeros(1000, 1000)  # 4 MB
        b = a + 1  # 8
        del a
        return b.view(-1) * 2  # 8 again: a view is no memory

    assert peak_megabytes(work) == pytest.approx(8.0)


# Tasks


def test_sinusoids_are_the_paper_s():
    problem = Sinusoids(changed(shots=6, queries=4), 0)
    tasks = problem.draw(400, seeded(0, "t"))
    amplitude, phase = tasks.told.numpy().T
    for (x, y), count in ((tasks.support, 6), (tasks.query, 4)):
        assert x.shape == y.shape == (400, count, 1)
        expected = amplitude[:, None, None] * np.sin(x.numpy() - phase[:, None, None])
        np.testing.assert_allclose(y.numpy(), expected, atol=1e-5)
        assert -5 <= x.min() < -4.9 < 4.9 < x.max() <= 5
    assert 0.1 <= amplitude.min() < 0.2 < 4.9 < amplitude.max() <= 5
    assert 0 <= phase.min() < 0.05 < 3.1 < phase.max() <= math.pi
    test = problem.fixed("test")
    np.testing.assert_allclose(test.query[0][7, :, 0].numpy(), np.linspace(-5, 5, 100), atol=1e-6)
    assert not torch.equal(test.told, problem.fixed("validation").told)
    oracle = Sinusoids(changed(shots=6, queries=4), 0, told=True).fixed("test")
    assert torch.equal(oracle.support[0][..., :1], test.support[0])  # the same tasks, told more
    assert torch.equal(oracle.support[0][:, 0, 1:], test.told)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_digit_tasks_are_what_they_say(tiny, part):
    problem = NewDigits(changed(DIGITS, shots=2, queries=3), tiny, 5)
    tasks = problem.draw(30, seeded(1, "t")) if part == "train" else problem.fixed(part)
    assert set(problem.held_out) | set(problem.learned) == set(range(10))
    assert len(problem.learned) == 7
    assert set(tasks.told.flatten().tolist()) == set(problem.held_out if part == "test" else problem.learned)
    split = getattr(tiny, part)
    index = {image.numpy().tobytes(): at for at, image in enumerate(split.images)}
    for at in range(len(tasks)):
        assert len(set(tasks.told[at].tolist())) == 3
        rows = []
        for images, labels in (
            (tasks.support[0][at], tasks.support[1][at]),
            (tasks.query[0][at], tasks.query[1][at]),
        ):
            rows.append([index[image.numpy().tobytes()] for image in images])
            assert torch.equal(split.labels[rows[-1]], tasks.told[at][labels])
        assert len(set(rows[0] + rows[1])) == 15  # no image is both an example and a query
    if part == "train":
        images, digits = problem.pooled(tasks)
        rows = [index[image.numpy().tobytes()] for image in images]
        assert torch.equal(split.labels[rows], torch.tensor(problem.learned)[digits])


def test_held_out_digits_rotate_with_the_seed():
    triples = [held_out(seed) for seed in range(120)]
    assert len(set(triples)) == 120
    assert held_out(120) == triples[0]
    assert all(len(set(triple)) == 3 for triple in triples)


def test_centroids_are_scikit_learn_s():
    g = np.random.default_rng(0)
    x, q = g.normal(size=(2, 9, 4)), g.normal(size=(2, 7, 4))
    labels = np.array([[0, 0, 0, 1, 1, 1, 2, 2, 2], [2, 1, 0, 0, 1, 2, 0, 1, 2]])
    logits = centroid_logits((torch.tensor(x), torch.tensor(labels)), torch.tensor(q), 3)
    for task in range(2):
        expected = NearestCentroid().fit(x[task], labels[task]).predict(q[task])
        np.testing.assert_array_equal(logits[task].argmax(1).numpy(), expected)


@pytest.mark.parametrize("config", [TINY, DIGITS], ids=["sinusoids", "digits"])
def test_nothing_of_a_query_leaks_into_adaptation(config, tiny):
    problem = ml.problem_of(config, tiny, 0)
    theta = {name: p.detach() for name, p in problem.network(seeded(0, "w")).named_parameters()}
    tasks = problem.fixed("test")
    probe = tasks.query[0]
    before = path(problem, theta, tasks.support, probe, 0.05, 3)
    other = Tasks(tasks.support, (probe.flip(0), tasks.query[1].flip(1)), tasks.told)
    assert all(map(torch.equal, before, path(problem, theta, other.support, probe, 0.05, 3)))
    mixed = torch.cat(
        [other.query[0], probe], dim=1
    )  # asked together with other queries, the adapted net is the same
    for one, both in zip(before, path(problem, theta, tasks.support, mixed, 0.05, 3), strict=True):
        torch.testing.assert_close(both[:, probe.shape[1] :], one, rtol=1e-4, atol=1e-5)
    for task in (0, 3):  # and batched adaptation is that of each task alone
        batch = tuple(part[task] for part in tasks.support)
        alone = adapt(problem.loss, theta, batch, 0.05, 3)
        torch.testing.assert_close(problem.answer(alone, probe[task]), before[3][task], rtol=1e-4, atol=1e-4)


# Runs


@pytest.fixture(scope="module")
def digits_result(tiny):
    """The Result of a run on digits."""
    torch.set_num_threads(1)
    with of_few_tasks():
        return list(assemble.run(ml, DIGITS, tiny))[-1]


@pytest.fixture(scope="module")
def events(tiny):
    torch.set_num_threads(1)
    with of_few_tasks():
        return list(assemble.run(ml, SINUSOIDS, tiny))


def test_arms_are_compared_and_their_measures_agree(events):
    result = events[-1]
    assert [arm.name for arm in result.arms] == [MAML, FIRST_ORDER, REPTILE, PRETRAINED, ORACLE, SCRATCH]
    assert (result.verdict.arm, result.verdict.baseline) == (MAML, PRETRAINED)
    assert [v.baseline for v in result.comparisons] == [SCRATCH, FIRST_ORDER, REPTILE]
    assert (result.measure, result.data.name, result.data.test) == ("query loss", "sinusoids", 10)
    for arm in result.arms:
        assert [t.seed for t in arm.trials] == [0, 1]
        assert arm.labels == 4
        assert arm.teacher_labels == (None if arm.name == SCRATCH else 4 * 3 * (4 + 3))
        assert arm.errors_per_10000.n == 0
        assert arm.score.mean == pytest.approx(np.mean([t.series["query loss"][1] for t in arm.trials]))
        for trial in arm.trials:
            assert trial.series["steps"] == tuple(range(11))
            assert len(trial.series["query loss"]) == 11
            assert trial.series["query loss"][1] == pytest.approx(np.mean(trial.series["by task, after"]), rel=1e-4)
    maml = result.arm(MAML).trials[0].measures
    assert {"seconds a meta-step", "megabytes a meta-step", "second-order share", "step size"} == set(maml)
    first, joint_ = (
        result.arm(name).trials[0].measures["megabytes a meta-step"] for name in (FIRST_ORDER, PRETRAINED)
    )
    assert maml["megabytes a meta-step"] > first > joint_ > 0
    ratio = [j.series["query loss"][1] / m.series["query loss"][1] for j, m in zip(
        result.arm(PRETRAINED).trials, result.arm(MAML).trials, strict=True)]  # fmt: skip
    assert 10**result.verdict.difference.mean == pytest.approx(math.sqrt(ratio[0] * ratio[1]))
    looks = [e for e in events if isinstance(e, Evaluation)]
    assert all(e.loss > 0 and e.size == 0 for e in looks)


def test_arms_begin_at_the_same_weights_and_the_kept_start_gives_its_own_numbers(events, few_tasks):
    problem = Sinusoids(TINY, 0)
    result = events[-1]
    first = dict(problem.network(seeded(0, "first weights")).named_parameters())
    scratch = load(result.arm(SCRATCH).trials[0].weights)
    assert all(torch.equal(scratch[name], p) for name, p in first.items())
    assert not torch.equal(load(result.arm(MAML).trials[0].weights)["0.weight"], scratch["0.weight"])
    trial, tasks = result.arm(PRETRAINED).trials[0], problem.fixed("test")
    answers = path(problem, load(trial.weights), tasks.support, tasks.query[0], trial.measures["step size"])
    again = [((a - tasks.query[1]) ** 2).mean().item() for a in answers]
    assert again == pytest.approx(trial.series["query loss"], rel=1e-5)


def test_first_order_by_choice_takes_second_order_s_place(tiny, few_tasks):
    *_, result = assemble.run(ml, changed(first_order=True, seeds=1), tiny)
    assert [arm.name for arm in result.arms] == [FIRST_ORDER, PRETRAINED, ORACLE, SCRATCH]
    assert result.verdict.arm == FIRST_ORDER
    assert result.verdict.kind == "single"


def test_digits_are_counted(tiny, digits_result):
    result = digits_result
    assert result.measure == "errors"
    assert result.data.test == 10 * 3 * DIGITS.queries
    names = [arm.name for arm in result.arms]
    assert names == [MAML, FIRST_ORDER, PRETRAINED, ml.CENTROID_PIXELS, ml.CENTROID_FEATURES, SCRATCH]
    assert [v.baseline for v in result.comparisons] == [
        SCRATCH,
        FIRST_ORDER,
        ml.CENTROID_PIXELS,
        ml.CENTROID_FEATURES,
    ]
    for arm in result.arms:
        assert arm.score is None
        for trial in arm.trials:
            assert trial.test_errors == round(trial.series["query errors"][1] * result.data.test)
            assert trial.test_errors == len(trial.mistakes)
            table = np.array(trial.confusion)
            for image, answer in trial.mistakes:
                assert int(tiny.test.labels[image]) != answer
            shown = [trial.series[f"task 1, {what}"] for what in ("query images", "after")]
            wrong = sum(int(tiny.test.labels[int(image)]) != answer for image, answer in zip(*shown, strict=True))
            assert wrong / 9 == pytest.approx(trial.series["by task, after"][0], abs=1e-4)
            assert len(trial.series["task 1, support images"]) == 3 * DIGITS.shots
            assert table.sum() == sum(b.count for b in trial.bins) == result.data.test
            assert table.sum() - np.trace(table) == trial.test_errors
            shown = set(map(int, trial.series["held-out digits"]))
            assert shown == set(held_out(trial.seed)) == set(np.flatnonzero(table.sum(1)).tolist())
    pixels = result.arm(ml.CENTROID_PIXELS).trials[0].series["query errors"]
    assert len(set(pixels)) == 1  # it takes no steps
    assert pixels[0] < 0.25


def test_joint_features_and_the_new_layer_of_zeros(tiny):
    problem = NewDigits(DIGITS, tiny, 0)
    theta = {name: p.detach() for name, p in problem.joint_network(seeded(0, "w")).named_parameters()}
    assert list(theta.values())[-1].shape == (7,)
    start = problem.start_from(theta)
    assert [tuple(p.shape) for p in list(start.values())[-2:]] == [(3, 256), (3,)]
    assert not any(p.any() for p in list(start.values())[-2:])
    inputs = problem.fixed("test").query[0]
    seen = problem.features(theta, inputs)
    weight, bias = list(theta.values())[-2:]
    torch.testing.assert_close(seen[3] @ weight.T + bias, problem.answer(theta, inputs[3]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("values", "match"),
    [(dict(ways=4), "4 digits was asked for, but only 3"), (dict(shots=30), "2 examples and|30 examples and"),
     (dict(queries=400), "choose fewer")],
)  # fmt: skip
def test_more_than_the_digits_give_is_refused(tiny, values, match):
    with pytest.raises(Problem, match=match):
        next(assemble.run(ml, changed(DIGITS, **values), tiny))
    MetaSettings(shots=100, ways=4).check(only(tiny, range(2)))  # sinusoids have no end


@pytest.mark.parametrize("value", [0, -1, "nan", 1e9])
def test_bad_inner_step_sizes_are_refused(value):
    with pytest.raises(Problem, match="inner_lr"):
        MetaSettings.parse({"inner_lr": value})


@pytest.mark.parametrize("alpha", [30.0, 100.0])
def test_a_step_size_that_diverges_stops_the_run_and_says_where(tiny, alpha):
    stream, seen = assemble.run(ml, changed(inner_lr=alpha, inner_steps=10, seeds=1), tiny), []
    with pytest.raises(Problem, match=r"MAML, meta-step \d+.*not a finite number.*α = \d+\.0 is too large"):
        seen.extend(stream)
    assert seen  # what came before was told


def test_a_diverging_outer_rate_is_named_too(tiny):
    lesson = ml.lesson_of(TINY, tiny, 0, PRETRAINED)
    with pytest.raises(Problem, match=r"meta-step 7.*outer learning rate 0\.001"):
        ml.require_finite(TINY, lesson, 7, math.inf)


def test_the_queue_keeps_losses_apart_from_errors():
    task = _Task()
    task.take(Evaluation("meta", MAML, 0, 5, 10, 0, 0, loss=1.5))
    task.take(Evaluation("meta", "other", 0, 5, 10, 3, 100))
    assert task.loss_curves == {("meta", MAML, 0): [(5, 1.5)]}
    assert task.curves == {("meta", "other", 0): [(5, 3, 100)]}
    assert task.epochs == {("meta", MAML, 0): 10, ("meta", "other", 0): 10}


def test_without_timings_drops_measured_time_and_memory_only(events):
    trial = events[-1].without_timings().arm(MAML).trials[0]
    assert trial.measures["seconds a meta-step"] == trial.measures["megabytes a meta-step"] == 0
    assert trial.measures["step size"] == 0.01
    assert ArmTrial(seed=0, seconds=1.0).series == {}


def test_command_line_prints_the_table_and_refuses_in_one_sentence(capsys):
    flags = ["--iterations", "2", "--meta-batch", "2", "--seeds", "1", "--shots", "3", "--queries", "2"]
    assert main(["meta", *flags]) == 0
    printed = capsys.readouterr().out
    for words in ("MAML", "oracle (knows amplitude and phase)", "query loss", "Test tasks: 100", "One trial only"):
        assert words in printed
    assert main(["meta", "--inner-lr", "0"]) == 2
    assert "inner_lr = 0 is not allowed" in capsys.readouterr().err


def test_one_step_takes_maml_further_than_joint_pre_training(tiny, monkeypatch):
    monkeypatch.setattr(training, "RATES", (0.001, 0.003, 0.01, 0.03))
    shared = drained(assemble.prepare(ml, TINY, tiny))
    config = changed(iterations=100, meta_batch=10, shots=10, queries=10, inner_lr=0.02, meta_lr=0.005)
    result = drained(assemble.trial(ml, config, tiny, shared, 0))
    before, after = zip(
        *(result.arm(a).trials[0].series["query loss"][:2] for a in (MAML, PRETRAINED)), strict=True
    )
    assert before[0] - after[0] > 2 * (before[1] - after[1])


# What the page shows before anything has run


def in_numpy(weights, x, y, rate, steps, probe):
    """What the recorded network answers at `probe` after 0 to `steps` steps on (x, y): backpropagation by hand."""
    w1, b1, w2, b2, w3, b3 = (np.array(part) for part in weights)
    answers = []
    for step in range(steps + 1):
        h1 = np.maximum(probe[:, None] @ w1.T + b1, 0)
        answers.append((np.maximum(h1 @ w2.T + b2, 0) @ w3.T + b3)[:, 0])
        if step == steps:
            break
        h1 = np.maximum(x[:, None] @ w1.T + b1, 0)
        h2 = np.maximum(h1 @ w2.T + b2, 0)
        d3 = 2 * (h2 @ w3.T + b3 - y[:, None]) / len(x)
        d2 = (d3 @ w3) * (h2 > 0)
        d1 = (d2 @ w2) * (h1 > 0)
        w3, b3 = w3 - rate * d3.T @ h2, b3 - rate * d3.sum(0)
        w2, b2 = w2 - rate * d2.T @ h1, b2 - rate * d2.sum(0)
        w1, b1 = w1 - rate * d1.T @ x[:, None], b1 - rate * d1.sum(0)
    return np.array(answers)


@pytest.fixture(scope="module")
def sinusoid():
    return json.loads((ASSETS / "recorded-sinusoid.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", ["maml", "joint"])
def test_recorded_starts_adapt_in_numpy_as_in_torch(sinusoid, key):
    # The page adapts these in the browser: the same arithmetic, so this is its reference too.
    problem, probe = Sinusoids(MetaSettings(), sinusoid["seed"]), np.linspace(-5, 5, 100)
    names = [f"{layer}.{part}" for layer in (0, 2, 4) for part in ("weight", "bias")]
    start = {name: torch.tensor(part) for name, part in zip(names, sinusoid[key], strict=True)}
    rate = sinusoid["inner_lr"] if key == "maml" else sinusoid["joint_lr"]
    for task in sinusoid["tasks"]:
        x = np.array(task["x"])
        y = task["amplitude"] * np.sin(x - task["phase"])
        support = tuple(torch.tensor(part, dtype=torch.float32).view(1, -1, 1) for part in (x, y))
        queries = torch.tensor(probe, dtype=torch.float32).view(1, -1, 1)
        answers = torch.stack(path(problem, start, support, queries, rate))[:, 0, :, 0]
        np.testing.assert_allclose(in_numpy(sinusoid[key], x, y, rate, 10, probe), answers.numpy(), atol=1e-4)


def test_recorded_means_are_those_of_the_recorded_run(sinusoid):
    result = recorded("meta_learning")
    expected = {k: v for k, v in MetaSettings().model_dump().items() if k not in ("precision", "device")}
    assert {k: v for k, v in result.settings.items() if k not in ("precision", "device")} == expected
    assert result.version == ml.VERSION
    assert result.verdict.kind == "better"
    assert (ASSETS / "recorded-sinusoid.json").stat().st_size < 60_000
    tasks = Sinusoids(MetaSettings(), sinusoid["seed"]).fixed("test")
    for key, name in (("maml", MAML), ("joint", PRETRAINED)):
        trial = result.arm(name).trials[0]
        assert sinusoid["mean"][key] == pytest.approx(trial.series["query loss"], rel=1e-3)  # weights were rounded
        assert all(a < b < c for a, b, c in zip(*(sinusoid[k][key] for k in ("low", "mean", "high")), strict=True))
        assert [tuple(np.shape(part)) for part in sinusoid[key]] == [(40, 1), (40,), (40, 40), (40,), (1, 40), (1,)]
    assert len(sinusoid["tasks"]) == 12
    for kept, told, x in zip(sinusoid["tasks"], tasks.told, tasks.support[0], strict=False):
        assert [kept["amplitude"], kept["phase"]] == pytest.approx(told.tolist(), rel=1e-4)
        assert kept["x"] == pytest.approx(x[:, 0].tolist(), rel=1e-4)


# The real runs


def interval(arm):
    return arm.score or arm.errors_per_10000


@pytest.mark.proof
def test_sinusoids_after_one_step_maml_has_less_than_half_of_joint_s_loss(tiny):
    *_, result = assemble.run(ml, MetaSettings(seed=100), tiny)  # other seeds than the recorded ones
    maml, pretrained = (interval(result.arm(name)) for name in (MAML, PRETRAINED))
    print(
        result.verdict.text,
        *(f"{each.mean:.3f} ({each.low:.3f} to {each.high:.3f})" for each in (maml, pretrained)),
    )
    assert maml.mean < pretrained.mean / 2
    assert maml.high < pretrained.low
    assert result.verdict.kind == "better"


@pytest.mark.proof
def test_new_digits_maml_is_above_scratch(mnist):
    *_, result = assemble.run(ml, MetaSettings.parse({**META_PRESETS["digits"].values, "seed": 200}), mnist)
    print(result.verdict.text, *(c.text for c in result.comparisons), sep="\n")
    print(*(f"{arm.name}: {arm.errors_per_10000} errors per 10,000" for arm in result.arms), sep="\n")
    assert interval(result.arm(MAML)).high < interval(result.arm(SCRATCH)).low
