"""How several losses, or their gradients, become one step: functions of tensors, one paper each.

`kd_core.multitask` is where they are used and known by these names. They need at least two tasks: with one
there is nothing to weigh. None of them is promised to win: Kurin et al. 2022, "In Defense of the Unitary
Scalarization for Deep Multi-Task Learning", arXiv 2201.04122. Gradients reach whatever is given as a tensor, unless
a function says that it has none.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from kd_core.messages import N_, Problem
from kd_core.nn.arguments import full, scalar, tensor, value, wide

Losses = Sequence[Tensor] | Sequence[float] | Tensor
Weights = Sequence[float] | Sequence[Tensor] | Tensor


def weighted_sum(losses: Losses | Mapping[str, Tensor], weights: Weights | Mapping[str, float | Tensor]) -> Tensor:
    """sum_i alpha_i L_i, a scalar, of scalar losses and weights alpha_i, in the same order or by name.

    A loss of weight 0 is left out: no gradient of it is computed, not even zeros, and a loss that is not
    finite does no harm there; unless the weight itself requires grad, whose gradient is the loss. A weight of 1
    changes no bit. The sum is not divided by that of the weights.
    Raises Problem for a single task, for weights that are negative, not finite or all 0, and for a name
    that the losses lack; ValueError for numbers of losses and weights that differ and for losses that are no
    scalars.
    """
    if isinstance(losses, Mapping) or isinstance(weights, Mapping):
        losses, weights = _by_name(losses, weights)
    each = _scalars("losses", losses)
    _several(len(each))
    if len(weights) != len(each):
        raise ValueError(f"{len(each)} losses and {len(weights)} weights were given")
    parts = []
    for loss, weight in zip(each, map(_weight, weights), strict=True):
        if weight is not None:
            parts.append(weight * loss)
    if not parts:
        raise Problem(N_("All task weights are 0: nothing would be learned. Give at least one task a weight."))
    return torch.stack(parts).sum() if len(parts) > 1 else parts[0]


def _weight(given: float | Tensor) -> float | Tensor | None:
    """The weight: a tensor if it is learned, else a number; None if it leaves its loss out."""
    number = value(scalar("a task weight", given))
    if not 0 <= number < math.inf:
        raise Problem(N_("A task weight of {given} is not allowed; it must be a finite number from 0."),
                      given=str(number))  # fmt: skip
    if isinstance(given, Tensor) and given.requires_grad:
        return given.reshape(())
    return number if number > 0 else None


def uncertainty_weighted(losses: Losses, log_variances: Losses) -> Tensor:
    """sum_i L_i / (2 e^s_i) + s_i / 2, a scalar; s_i = log sigma_i² are learned along with the network.

    losses: scalars or [tasks]; log_variances: [tasks]. This is the form for regression. For classification
    the paper has L_i / e^s_i + s_i / 2, without the first 1/2, which is the same with losses twice as large.
    The minimum over s_i is at e^s_i = L_i, so that each task ends with the weight 1 / (2 L_i).
    Raises Problem for a single task, ValueError for numbers that differ and other shapes.
    Kendall, Gal, Cipolla 2018, arXiv 1705.07115, eq. 7.
    """
    stacked, s = _stacked("losses", losses), _stacked("log_variances", log_variances)
    _several(len(stacked))
    if stacked.shape != s.shape:
        raise ValueError(f"losses are {list(stacked.shape)}, log_variances {list(s.shape)}")
    return (stacked * torch.exp(-s) / 2 + s / 2).sum()


def dwa_weights(previous: Losses, before_previous: Losses, temperature: float | Tensor = 2.0) -> Tensor:
    """Weights [tasks] that sum to their number: tasks · softmax(r / temperature), r_i = previous_i / before_i.

    previous, before_previous: each task's mean loss in the last epoch and in the one before, [tasks], from 0.
    A task whose loss falls more slowly gets more. r_i is 1 where the loss before was 0. They are numbers of past
    epochs: no gradient reaches them, only a temperature that is a tensor gets one. Half precision gives float32.
    Raises Problem for a single task, losses that are negative or not finite, and unless 0 < temperature <
    infinity; ValueError for shapes that differ or are not [tasks].
    Liu, Johns, Davison 2019, arXiv 1803.10704, eq. 7.
    """
    temperature = scalar("temperature", temperature)
    if not 0 < value(temperature) < math.inf:
        raise Problem(N_("DWA's temperature = {given} is not allowed; it must be above 0."),
                      given=str(value(temperature)))  # fmt: skip
    now = full(_stacked("previous", previous)).detach()
    before = full(_stacked("before_previous", before_previous)).detach()
    _several(len(now))
    if now.shape != before.shape:
        raise ValueError(f"previous is {list(now.shape)}, before_previous {list(before.shape)}")
    for losses in (now, before):
        if not bool((torch.isfinite(losses) & (losses >= 0)).all()):
            raise Problem(N_("Dynamic weights need losses that are finite and not negative; {given} was given."),
                          given=str(losses.tolist()))  # fmt: skip
    ratio = torch.where(before > 0, now / before.clamp_min(torch.finfo(before.dtype).tiny), 1.0)
    ratio = ratio.clamp(max=torch.finfo(ratio.dtype).max / len(now))  # a quotient that overflowed
    ratio = ratio - ratio.max() if value(temperature) < 1 else ratio  # so that this one does not
    return len(now) * torch.softmax(ratio / temperature, dim=0)


def project_conflicts(gradients: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """PCGrad: the sum [params] of the rows of gradients [tasks, params] after each lost what conflicts.

    For each i, over the other tasks j: where the projected g_i · g_j < 0,  g_i -= (g_i · g_j) / ||g_j||² g_j,
    with g_j as it was given. The order of j is drawn anew for each i from `generator`; without one it is that
    of the rows. With two tasks it does not matter. A zero gradient conflicts with nothing. The projected
    gradients are summed, as in the paper's own code; some ports average. Half precision is computed in float32 and
    returned as it came. Gradients that require grad (`create_graph=True`) get their own.
    The paper's guarantee is for gradient descent; it does not survive Adam, which rescales each coordinate.
    Raises Problem for a single task, ValueError unless there are two dimensions, TypeError for integers.
    Yu et al. 2020, "Gradient Surgery for Multi-Task Learning", arXiv 2001.06782, algorithm 1.
    """
    _matrix(gradients)
    tasks, precise = len(gradients), full(gradients)
    # Every projected gradient is a combination of the given ones, so their inner products are enough.
    products = wide(gradients) @ wide(gradients).T
    differentiable = products.requires_grad
    inner: list[list[Any]] = [list(row) for row in products] if differentiable else products.tolist()
    combined: list[Any] = [0.0] * tasks
    for i in range(tasks):
        mine: list[Any] = [float(j == i) for j in range(tasks)]
        order = range(tasks) if generator is None else torch.randperm(tasks, generator=generator).tolist()
        for j in order:
            along = sum(c * inner[k][j] for k, c in enumerate(mine))
            if j != i and along < 0 < inner[j][j]:
                mine[j] -= along / inner[j][j]
        combined = [total + c for total, c in zip(combined, mine, strict=True)]
    factors = torch.stack([products.new_zeros(()) + c for c in combined]) if differentiable else torch.tensor(
        combined, device=gradients.device, dtype=precise.dtype
    )  # fmt: skip
    return (factors.to(precise) @ precise).to(gradients.dtype)


def gradient_cosines(gradients: Tensor) -> Tensor:
    """Cosines [tasks, tasks] between the rows of gradients [tasks, params]: g_i · g_j / (||g_i|| ||g_j||).

    From -1 (opposed) to 1; below 0 the tasks conflict. A zero gradient has cosine 0 with every one, itself
    included. Half precision gives float32. Raises Problem for a single task, ValueError unless there are two
    dimensions, TypeError for integers. Yu et al. 2020.
    """
    _matrix(gradients)
    given = full(gradients)
    largest = given.detach().abs().amax(dim=1, keepdim=True)  # so that squares of tiny numbers do not vanish
    scaled = torch.where(largest > 0, given / torch.where(largest > 0, largest, 1.0), 0.0)
    length = scaled.norm(dim=1, keepdim=True)
    unit = scaled / torch.where(length > 0, length, 1.0)
    return (unit @ unit.T).clamp(-1, 1)


def _several(tasks: int) -> None:
    if tasks < 2:
        raise Problem(N_("Weighing tasks needs at least two; {given} was given."), given=tasks)


def _matrix(gradients: Tensor) -> None:
    tensor("gradients", gradients)
    if gradients.dim() != 2 or gradients.shape[1] == 0:
        raise ValueError(f"gradients are {list(gradients.shape)}; [tasks, params] is expected, params at least 1")
    if not gradients.is_floating_point():
        raise TypeError(f"gradients are {gradients.dtype}; a type of floating point is expected")
    _several(len(gradients))


def _scalars(name: str, given: Losses) -> list[Tensor]:
    """Scalars, or the entries of a tensor [tasks], one by one; gradients still flow."""
    if isinstance(given, Tensor) and given.dim() != 1:
        raise ValueError(f"{name} are {list(given.shape)}; [tasks], or one number for each task, is expected")
    each = [one if isinstance(one, Tensor) else torch.tensor(float(one)) for one in given]
    if wrong := [list(one.shape) for one in each if one.numel() != 1]:
        raise ValueError(f"{name} hold one of shape {wrong[0]}; one number for each task is expected")
    return [one.reshape(()) for one in each]


def _stacked(name: str, given: Losses) -> Tensor:
    """Scalars or a tensor as one tensor [tasks]; gradients still flow."""
    if not isinstance(given, Tensor):
        given = torch.stack(_scalars(name, given)) if len(given) else torch.zeros(0)
    if given.dim() != 1:
        raise ValueError(f"{name} are {list(given.shape)}; [tasks] is expected")
    return given


def _by_name(
    losses: Losses | Mapping[str, Tensor], weights: Weights | Mapping[str, float | Tensor]
) -> tuple[list[Tensor], list[Any]]:
    """Losses and weights in one order; both must be mappings with the same names."""
    if not isinstance(losses, Mapping) or not isinstance(weights, Mapping):
        raise ValueError("give losses and weights both by name, or both in order")
    for name in [*weights, *losses]:
        if name not in losses or name not in weights:
            raise Problem(N_("There is no task called {name} with both a loss and a weight; there are {known}."),
                          name=name, known=", ".join(losses))  # fmt: skip
    return list(losses.values()), [weights[name] for name in losses]
