"""The pull to the old weights, L2-SP: lambda ||theta - theta_pre||².

Li, Grandvalet, Davoine 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks",
arXiv 1802.01483.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from kd_core.messages import N_, Problem
from kd_core.nn.arguments import full, same_memory, scalar, tensor, value


def l2_sp_penalty(
    parameters: Mapping[str, Tensor], pretrained: Mapping[str, Tensor], lam: float | Tensor
) -> Tensor:
    """lam · sum ||theta - theta_pre||², a scalar, over the names in `pretrained`.

    Both map names to tensors of equal shapes; names that `pretrained` lacks (a new head) are left out, and so
    are integers, which count and are no weights (a batch norm's `num_batches_tracked`); running means and
    variances in a `state_dict` count, so give it `named_parameters` where they should not. Gradients reach
    `parameters` and a lam that is a tensor, none `pretrained`. Half precision is computed in float32; the sum has
    the widest type of all. There is no factor 1/2: Li et al. and its ports write alpha / 2, so lam = alpha / 2.
    Raises Problem unless lam is finite and at least 0, KeyError for a name that `parameters` lacks,
    TypeError for what is no mapping of tensors, ValueError for shapes that differ and for a `pretrained` that
    shares memory with `parameters` (it would move along, and the penalty be 0 for ever: give it clones).
    Li et al. 2018, arXiv 1802.01483, eq. 2.
    """
    lam = scalar("lambda", lam)
    if not 0 <= value(lam) < float("inf"):
        raise Problem(
            N_("lambda = {given} is not allowed; it must be a finite number from 0."), given=str(value(lam))
        )
    for what, given in (("parameters", parameters), ("pretrained", pretrained)):
        if not isinstance(given, Mapping):
            raise TypeError(f"{what} is of type {type(given).__name__}; a mapping of names to tensors is expected")
    if missing := [name for name in pretrained if name not in parameters]:
        raise KeyError(f"the network has no parameters {missing}; there are {list(parameters)}")
    terms = [
        (full(parameters[name]) - full(reference.detach())).pow(2).sum()
        for name, reference in pretrained.items()
        if _compared(name, parameters[name], reference)
    ]
    if pretrained and not terms:
        raise ValueError(f"pretrained holds only integers: {list(pretrained)}; weights are expected")
    total = torch.zeros(())
    for place, term in enumerate(terms):
        total = total.to(term.device) + term if place == 0 else total + term.to(total.device)
    return (lam * total).to(total.dtype)


def _compared(name: str, theta: Tensor, reference: Tensor) -> bool:
    """Whether these two are weights, and not integers; an error unless they fit and can be told from each other."""
    tensor(name, theta)
    tensor(f"{name}, pretrained,", reference)
    if theta.shape != reference.shape:
        raise ValueError(f"{name} is {list(theta.shape)}, but {list(reference.shape)} was pretrained")
    if theta.is_floating_point() != reference.is_floating_point():
        raise TypeError(f"{name} is {theta.dtype}, but {reference.dtype} was pretrained")
    if not theta.is_floating_point():
        return False
    if theta.numel() and same_memory(theta, reference):
        raise ValueError(f"{name} of parameters and of pretrained share memory: give clones as pretrained")
    return True
