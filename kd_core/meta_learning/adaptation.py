"""Adapting to a task, and losses for where to start from: MAML, its first-order shortcut, Reptile, joint training.

Pure functions of tensors; `training` trains with them, `trainer` measures. Finn, Abbeel, Levine 2017,
"Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks", arXiv 1703.03400.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from kd_core.messages import N_, Problem
from kd_core.meta_learning.settings import MetaSettings
from kd_core.meta_learning.tasks import Batch, Episodes, Parameters, Tasks
from kd_core.nn.arguments import at_least, scalar, value

STEPS = 10  # adaptation steps that are measured
RANDOMNESS = ("error", "different", "same")
REPTILE_STEPS = 5  # at least: with one step Reptile is joint training

LossFn = Callable[[Parameters, Tensor, Tensor], Tensor]  # (parameters, inputs, targets) -> scalar


def adapt(
    loss_fn: LossFn,
    parameters: Parameters,
    support: Batch,
    inner_lr: float | Tensor,
    steps: int,
    first_order: bool = False,
) -> dict[str, Tensor]:
    """`steps` gradient steps on one task: theta <- theta - inner_lr · ∇ loss_fn(theta, inputs, targets).

    loss_fn(parameters, inputs, targets) gives a scalar; `parameters` map names to tensors, and so does what is
    returned; support is (inputs, targets) of one task. Parameters that require grad move; the others, frozen layers
    and buffers, stay as they are. Where none requires grad, all that hold floating point move, but for frozen
    `nn.Parameter`s. The result is differentiable in `parameters`, second derivatives included, and in an inner_lr
    that is a tensor; with first_order each step's gradient counts as a constant. 0 steps change nothing.
    Raises Problem unless 0 < inner_lr < infinity, and for layers that torch.func cannot follow (a batch norm in
    training mode), with the way out; ValueError for steps below 0, without parameters that can move, and without
    support. Finn et al. 2017, eq. 1.
    """
    inner_lr, steps = _require(inner_lr, steps)
    theta = dict(parameters)
    if steps == 0:
        return theta
    support = _pair("support", support)
    moving = _moving(theta)

    def loss(moved: Parameters, inputs: Tensor, targets: Tensor) -> Tensor:
        return loss_fn({**theta, **moved}, inputs, targets)

    with _explained():
        for _ in range(steps):
            gradient = grad(loss)({name: theta[name] for name in moving}, *support)
            if first_order:
                gradient = {name: part.detach() for name, part in gradient.items()}
            theta = theta | {name: theta[name] - inner_lr * gradient[name] for name in moving}
    return theta


def meta_loss(
    loss_fn: LossFn,
    parameters: Parameters,
    support: Batch,
    query: Batch,
    inner_lr: float | Tensor,
    steps: int,
    first_order: bool = False,
    *,
    randomness: str = "error",
) -> Tensor:
    """sum_i loss_fn(adapt(parameters, support_i), query_i), a scalar: the SUM over tasks, as in Finn et al. 2017.

    support and query are (inputs, targets), each tensor with a leading task dimension [tasks, …]; all tasks adapt
    at once (torch.func.vmap). loss_fn and the rest are as in `adapt`; learn2learn takes the mean instead.
    randomness: what dropout draws, "different" for each task or the "same" for all; "error" refuses it.
    Raises as `adapt` does, Problem for dropout too where randomness is "error", and ValueError where the numbers of
    tasks differ or are 0, without queries, and for a loss_fn that gives no scalar. Eq. 2 and algorithm 1.
    """
    inner_lr, steps = _require(inner_lr, steps)
    if randomness not in RANDOMNESS:
        raise ValueError(f"randomness = {randomness!r} was given; it must be one of {', '.join(RANDOMNESS)}")
    start, tasks = dict(parameters), []
    for name, batch in (("support", support), ("query", query)):
        if len(batch) != 2:
            raise ValueError(f"{name} holds {len(batch)} things; (inputs, targets) is expected")
        for part in batch:
            if part.dim() == 0:
                raise ValueError(f"{name} holds a tensor without a task dimension; [tasks, …] is expected")
            tasks.append(len(part))
    if len(set(tasks)) > 1 or not tasks[0]:
        raise ValueError(f"support and query need one leading task dimension; {tasks} tasks were given")
    if steps:
        _pair("support", support)
    both = (support[0], support[1]), _pair("query", query)

    def one(support: Batch, query: Batch) -> Tensor:
        return loss_fn(adapt(loss_fn, start, support, inner_lr, steps, first_order), *query)

    with _explained():
        losses: Tensor = vmap(one, randomness=randomness)(*both)
    if losses.dim() != 1:
        raise ValueError(f"loss_fn gave {list(losses.shape[1:])} for a task; a scalar is expected")
    return losses.sum()


def _require(inner_lr: float | Tensor, steps: int) -> tuple[float | Tensor, int]:
    """Both, once they are known to be allowed."""
    inner_lr = scalar("inner_lr", inner_lr)
    if not 0 < value(inner_lr) < math.inf:
        raise Problem(
            N_("inner step size α = {given} is not allowed; it must be a finite number above 0."),
            given=str(value(inner_lr)),
        )
    return inner_lr, at_least("steps", steps, 0)


def _pair(name: str, batch: Batch) -> Batch:
    """(inputs, targets) as a tuple; ValueError unless there are two, neither of them empty."""
    if len(batch) != 2 or any(part.numel() == 0 for part in batch):
        shapes = ", ".join(str(list(part.shape)) for part in batch)
        raise ValueError(f"{name} holds {shapes}; (inputs, targets) is expected, neither of them empty")
    inputs, targets = batch
    return inputs, targets


def _moving(theta: Parameters) -> list[str]:
    """The names of what adapts: what requires grad, or, if nothing does, all that is not frozen by its type."""
    floating = [name for name, part in theta.items() if part.is_floating_point()]
    learned = [name for name in floating if _requires_grad(theta[name])]
    moving = learned or [name for name in floating if not isinstance(theta[name], nn.Parameter)]
    if not moving:
        raise ValueError(
            f"none of the parameters can adapt: {list(theta)}; at least one that requires grad is expected"
        )
    return moving


def _requires_grad(part: Tensor) -> bool:
    """The same inside torch.func.vmap, whose slices of a tensor hide that it requires grad.

    No public name of torch tells; without it a start stacked task by task would stay where it is, in silence.
    """
    while not part.requires_grad and torch._C._functorch.is_functorch_wrapped_tensor(part):
        part = torch._C._functorch.get_unwrapped(part)
    return part.requires_grad


@contextmanager
def _explained() -> Iterator[None]:
    """What torch.func says of layers that it cannot follow, as a sentence with the way out."""
    try:
        yield
    except RuntimeError as error:
        said = str(error)
        if "randomness" in said:
            raise Problem(N_(
                "The network draws random numbers, as dropout does, and was not told whether each task draws "
                "its own. Give randomness=\"different\" or \"same\" to meta_loss, or switch dropout off with "
                "net.eval()."
            )) from error  # fmt: skip
        if "not differentiable with respect to" in said:
            raise Problem(N_(
                "One of the parameters has no gradient, as the running statistics of batch norm have none: leave "
                "them out of the parameters, or let those that shall adapt require grad, and the others not."
            )) from error  # fmt: skip
        if any(words in said for words in ("in-place", "in place", "inplace")):
            raise Problem(N_(
                "The network changes a tensor in place, as batch norm in training mode does with its running "
                "statistics: that cannot be followed task by task. Switch it to evaluation with net.eval(), or "
                "have it keep no statistics with torch.func.replace_all_batch_norm_modules_(net)."
            )) from error  # fmt: skip
        raise


# The lab's own problems, all tasks of all trials side by side. Parameters are [trials, …]; supports, queries and
# what adapts to them, [trials · T, …]: the T tasks of the first trial, then those of the second, …


def alone(theta: Parameters) -> dict[str, Tensor]:
    """The parameters of one trial as those of several: [1, …]."""
    return {name: value.unsqueeze(0) for name, value in theta.items()}


def _trials(theta: Parameters) -> int:
    return len(next(iter(theta.values())))


def _for_tasks(theta: Parameters, tasks: int) -> dict[str, Tensor]:
    """Each trial's parameters for each of its tasks, of which there are `tasks` in all."""
    each = tasks // _trials(theta)
    return {
        name: value.unsqueeze(1).expand(-1, each, *value.shape[1:]).flatten(0, 1) for name, value in theta.items()
    }


def _stepped(
    problem: Episodes, theta: Parameters, support: Batch, rate: float, first_order: bool, trials: int
) -> dict[str, Tensor]:
    """`theta` after one step on each task's support, differentiable as `adapt` says.

    The tasks' losses are added up, so each task's parameters get the gradient of its own.
    """
    inputs, targets = support
    losses = problem.losses(problem.answers(theta, inputs), targets, trials) * (len(inputs) // trials)
    gradients = torch.autograd.grad(losses.sum(), list(theta.values()), create_graph=not first_order)
    return {
        name: value.add(part, alpha=-rate) for (name, value), part in zip(theta.items(), gradients, strict=True)
    }


def _descended(
    problem: Episodes, start: Parameters, support: Batch, rate: float, steps: int
) -> Iterator[dict[str, Tensor]]:
    """The parameters of each task after 0, 1, … `steps` plain steps; no gradient reaches `start` [trials, …]."""
    theta = _detached(_for_tasks(start, len(support[0])))
    yield theta
    for _ in range(steps):
        with torch.enable_grad():
            leaves = {name: value.requires_grad_() for name, value in _detached(theta).items()}
            theta = _detached(_stepped(problem, leaves, support, rate, True, _trials(start)))
        yield theta


def _detached(theta: Parameters) -> dict[str, Tensor]:
    """The same values, through which no gradient passes."""
    return {name: value.detach() for name, value in theta.items()}


def path(
    problem: Episodes, start: Parameters, support: Batch, queries: Tensor, rate: float, steps: int = STEPS
) -> list[Tensor]:
    """Answers [tasks, Q, …] to queries [tasks, Q, …] after 0, 1, … `steps` steps on support, all tasks at once.

    start: the parameters of one trial. No target of a query comes near it.
    """
    descent = _descended(problem, alone(start), support, rate, steps)
    return [problem.answers(theta, queries).detach() for theta in descent]


# How each arm is trained: Adam lowers an objective of the parameters [trials, …] and a batch of each trial's tasks;
# it gives each trial's [trials]

Objective = Callable[[Parameters, Tasks], Tensor]


def maml(settings: MetaSettings, problem: Episodes, first_order: bool) -> Objective:
    """The `meta_loss` of the problem's tasks, which adapt side by side."""

    def objective(theta: Parameters, tasks: Tasks) -> Tensor:
        trials, adapted = _trials(theta), _for_tasks(theta, len(tasks))
        for _ in range(settings.inner_steps):
            adapted = _stepped(problem, adapted, tasks.support, settings.inner_lr, first_order, trials)
        inputs, targets = tasks.query
        return problem.losses(problem.answers(adapted, inputs), targets, trials) * (len(tasks) // trials)

    return objective


def joint(problem: Episodes) -> Objective:
    """The mean loss over every example of every task, as if all were of one."""

    def objective(theta: Parameters, tasks: Tasks) -> Tensor:
        trials = _trials(theta)
        inputs, targets = (part.unflatten(0, (trials, -1)) for part in problem.pooled(tasks))
        return problem.losses(problem.answers(theta, inputs), targets, trials)

    return objective


def reptile(settings: MetaSettings, problem: Episodes) -> Objective:
    """Mean support and query loss by value; its gradient is (theta - mean theta'_i) / alpha, which Adam takes.

    Nichol, Achiam, Schulman 2018, "On First-Order Meta-Learning Algorithms", arXiv 1803.02999, section 3.
    """
    steps = max(settings.inner_steps, REPTILE_STEPS)

    def objective(theta: Parameters, tasks: Tasks) -> Tensor:
        fixed = _detached(theta)
        inputs, targets = (torch.cat(parts, dim=1) for parts in zip(tasks.support, tasks.query, strict=True))
        descent = _descended(problem, fixed, (inputs, targets), settings.inner_lr, steps)
        ends, trials = deque(descent, maxlen=1).pop(), _trials(theta)  # the last; the others need not be kept
        with torch.no_grad():
            losses = problem.losses(problem.answers(ends, inputs), targets, trials)
        means = {name: value.unflatten(0, (trials, -1)).mean(1) for name, value in ends.items()}
        pulls = [(theta[name] * (fixed[name] - means[name])).flatten(1).sum(1) for name in fixed]
        pull = torch.stack(pulls).sum(0) / settings.inner_lr
        return losses + pull - pull.detach()

    return objective


def gradient(objective: Objective, theta: Parameters, tasks: Tasks) -> Tensor:
    """The objective's gradient in the parameters of one trial, as one row of numbers."""
    parts = torch.autograd.grad(objective(alone(theta), tasks).sum(), list(theta.values()))
    return torch.cat([part.flatten() for part in parts])


def second_order_share(settings: MetaSettings, problem: Episodes, theta: Parameters, tasks: Tasks) -> float:
    """||full meta-gradient - its first-order part|| / ||full meta-gradient||, on one batch of training tasks."""
    full, short = (gradient(maml(settings, problem, first_order), theta, tasks) for first_order in (False, True))
    return float((full - short).norm() / full.norm())
