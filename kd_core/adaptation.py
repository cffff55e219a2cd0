"""Adapting to a task, and losses for where to start from: MAML, its first-order shortcut, Reptile, joint training.

Pure functions of tensors; `kd_core.starts` trains with them, `kd_core.meta_learning` measures. Finn, Abbeel,
Levine 2017, "Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", arXiv 1703.03400.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad, vmap

from kd_core.episodes import Batch, Episodes, Parameters, Tasks
from kd_core.messages import N_, Problem
from kd_core.settings import MetaSettings

STEPS = 10  # adaptation steps that are measured
REPTILE_STEPS = 5  # at least: with one step Reptile is joint training

LossFn = Callable[[Parameters, Tensor, Tensor], Tensor]  # (parameters, inputs, targets) -> scalar


def adapt(
    loss_fn: LossFn,
    parameters: Parameters,
    support: Batch,
    inner_lr: float,
    steps: int,
    first_order: bool = False,
) -> dict[str, Tensor]:
    """`steps` gradient steps on one task: theta <- theta - inner_lr · ∇ loss_fn(theta, inputs, targets).

    loss_fn(parameters, inputs, targets) gives a scalar; `parameters` map names to tensors, and so does what is
    returned; support is (inputs, targets) of one task. The result is differentiable in `parameters`, second
    derivatives included; with first_order each step's gradient counts as a constant. 0 steps change nothing.
    Raises Problem unless 0 < inner_lr < infinity, ValueError for steps below 0. Finn et al. 2017, eq. 1.
    """
    _require(inner_lr, steps)
    theta = dict(parameters)
    for _ in range(steps):
        gradient = grad(loss_fn)(theta, *support)
        if first_order:
            gradient = {name: part.detach() for name, part in gradient.items()}
        theta = {name: value - inner_lr * gradient[name] for name, value in theta.items()}
    return theta


def meta_loss(
    loss_fn: LossFn,
    parameters: Parameters,
    support: Batch,
    query: Batch,
    inner_lr: float,
    steps: int,
    first_order: bool = False,
) -> Tensor:
    """sum_i loss_fn(adapt(parameters, support_i), query_i), a scalar: the SUM over tasks, as in Finn et al. 2017.

    support and query are (inputs, targets), each tensor with a leading task dimension [tasks, …]; all tasks adapt
    at once (torch.func.vmap). loss_fn and the rest are as in `adapt`; learn2learn takes the mean instead. Raises
    as `adapt` does, and ValueError where the numbers of tasks differ. Eq. 2 and algorithm 1.
    """
    _require(inner_lr, steps)
    tasks = [len(part) for part in (*support, *query)]
    if len(set(tasks)) > 1:
        raise ValueError(f"support and query need one leading task dimension; {tasks} tasks were given")

    def one(support: Batch, query: Batch) -> Tensor:
        return loss_fn(adapt(loss_fn, parameters, support, inner_lr, steps, first_order), *query)

    losses: Tensor = vmap(one)((support[0], support[1]), (query[0], query[1]))
    return losses.sum()


def _require(inner_lr: float, steps: int) -> None:
    if not 0 < inner_lr < math.inf:
        raise Problem(
            N_("inner step size α = {given} is not allowed; it must be a finite number above 0."),
            given=str(inner_lr),
        )
    if steps < 0:
        raise ValueError(f"steps = {steps} is not allowed; it must be 0 or more")


def path(
    problem: Episodes, start: Parameters, support: Batch, queries: Tensor, rate: float, steps: int = STEPS
) -> list[Tensor]:
    """Answers [tasks, Q, …] to queries [tasks, Q, …] after 0, 1, … `steps` steps on support, all tasks at once.

    No target of a query comes near it.
    """
    with torch.no_grad():
        theta = {name: value.expand(len(queries), *value.shape) for name, value in start.items()}
        answer = vmap(problem.answer)
        step = vmap(lambda theta, support: adapt(problem.loss, theta, support, rate, 1, first_order=True))
        answers = [answer(theta, queries)]
        for _ in range(steps):
            theta = step(theta, tuple(support))
            answers.append(answer(theta, queries))
    return answers


# How each arm is trained: an objective of the parameters and a batch of tasks, which Adam lowers

Objective = Callable[[Parameters, Tasks], Tensor]


def maml(settings: MetaSettings, problem: Episodes, first_order: bool) -> Objective:
    return lambda theta, tasks: meta_loss(
        problem.loss, theta, tasks.support, tasks.query, settings.inner_lr, settings.inner_steps, first_order
    )


def joint(problem: Episodes) -> Objective:
    return lambda theta, tasks: problem.loss(theta, *problem.pooled(tasks))


def reptile(settings: MetaSettings, problem: Episodes) -> Objective:
    """Mean support and query loss by value; its gradient is (theta - mean theta'_i) / alpha, which Adam takes.

    Nichol, Achiam, Schulman 2018, "On First-Order Meta-Learning Algorithms", arXiv 1803.02999, section 3.
    """
    steps = max(settings.inner_steps, REPTILE_STEPS)

    def objective(theta: Parameters, tasks: Tasks) -> Tensor:
        fixed = {name: value.detach() for name, value in theta.items()}
        inputs, targets = (torch.cat(parts, dim=1) for parts in zip(tasks.support, tasks.query, strict=True))

        def one(inputs: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            there = adapt(problem.loss, fixed, (inputs, targets), settings.inner_lr, steps, first_order=True)
            return problem.loss(there, inputs, targets), there

        with torch.no_grad():
            losses, ends = vmap(one)(inputs, targets)
        pull = sum((theta[name] * (fixed[name] - ends[name].mean(0))).sum() for name in fixed) / settings.inner_lr
        return losses.mean() + pull - pull.detach()  # type: ignore[union-attr]

    return objective


def gradient(objective: Objective, theta: Parameters, tasks: Tasks) -> Tensor:
    """The objective's gradient as one row of numbers."""
    parts = torch.autograd.grad(objective(theta, tasks), list(theta.values()))
    return torch.cat([part.flatten() for part in parts])


def second_order_share(settings: MetaSettings, problem: Episodes, theta: Parameters, tasks: Tasks) -> float:
    """||full meta-gradient - its first-order part|| / ||full meta-gradient||, on one batch of training tasks."""
    full, short = (gradient(maml(settings, problem, first_order), theta, tasks) for first_order in (False, True))
    return float((full - short).norm() / full.norm())
