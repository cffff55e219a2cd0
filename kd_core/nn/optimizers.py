"""Adam and SGD by torch's own functions, without its compiler.

A `torch.optim.Optimizer` has torch import its compiler when it is made: time and memory in every worker, for what
no network here uses. These give the same numbers to the last bit.
"""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

# What torch has wrapped around its function asks the compiler to leave it alone, and imports it for that.
adam_step, sgd_step = inspect.unwrap(adam), inspect.unwrap(sgd)
BETAS, EPS = (0.9, 0.999), 1e-8  # of Adam, as its authors and torch have them


class Optimizer(Protocol):
    """What a training loop asks of an optimizer; torch's own have it too."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def step(self) -> object:
        """Change the parameters by their gradients."""


class Adam:
    """Adam over `parameters` of one device, as one kernel where the device has it. Kingma, Ba 2015, 1412.6980.

    A parameter without a gradient stays as it is.
    """

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float) -> None:
        self._parameters, self._rate = list(parameters), learning_rate
        self._fused = self._parameters[0].device.type in ("cpu", "cuda")
        self._state: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}  # steps, first and second moments

    def zero_grad(self) -> None:
        """Forget the gradients."""
        _forget(self._parameters)

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        given = [parameter for parameter in self._parameters if parameter.grad is not None]
        if not given:
            return
        state = [self._state.get(parameter) or self._begun(parameter) for parameter in given]
        steps, first, second = map(list, zip(*state, strict=True))
        adam_step(
            given, [parameter.grad for parameter in given if parameter.grad is not None], first, second, [], steps,
            fused=self._fused, amsgrad=False, beta1=BETAS[0], beta2=BETAS[1], lr=self._rate, weight_decay=0.0,
            eps=EPS, maximize=False,
        )  # fmt: skip

    def _begun(self, parameter: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        steps = torch.zeros((), dtype=torch.float32, device=parameter.device if self._fused else "cpu")
        begun = self._state[parameter] = steps, torch.zeros_like(parameter), torch.zeros_like(parameter)
        return begun


@dataclass
class Group:
    """Parameters that SGD changes alike."""

    parameters: Sequence[Tensor]
    rate: float
    weight_decay: float = 0.0
    momenta: dict[Tensor, Tensor | None] = field(default_factory=dict)


class SGD:
    """Gradient descent with momentum: v <- momentum v + g + weight_decay θ; θ <- θ - rate v, a group at a time."""

    def __init__(self, groups: Sequence[Group], momentum: float) -> None:
        self._groups, self._momentum = groups, momentum

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self._groups:
            _forget(group.parameters)

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters by their gradients."""
        for group in self._groups:
            given = [parameter for parameter in group.parameters if parameter.grad is not None]
            momenta = [group.momenta.get(parameter) for parameter in given]
            sgd_step(
                given, [parameter.grad for parameter in given if parameter.grad is not None], momenta,
                weight_decay=group.weight_decay, momentum=self._momentum, lr=group.rate, dampening=0.0,
                nesterov=False, maximize=False,
            )  # fmt: skip
            group.momenta.update(zip(given, momenta, strict=True))  # sgd_step put the first ones into the list


def _forget(parameters: Iterable[Tensor]) -> None:
    for parameter in parameters:
        parameter.grad = None
