"""Small fully connected networks trained side by side: one optimisation step is that of all of them.

A step of one network of 30 units is half overhead: some forty operations on small tensors, whatever is in them.
Here taking the images, the loss and its gradient, and Adam are done once for all networks. The matrix products are
made network by network, backwards by hand:

    a_0 = x;  z_k = a_(k-1) W_kᵀ + b_k;  a_k = max(z_k, 0);  the last z are the logits
    ∂L/∂W_k = g_kᵀ a_(k-1);  ∂L/∂b_k = g_k summed over the batch;  g_(k-1) = g_k W_k where a_(k-1) > 0, else 0

with g_k = ∂L/∂z_k. These are the operations that autograd carries out for one network alone, on tensors of the same
shapes, which begin at addresses aligned alike: matrices that begin elsewhere in memory are rounded in another way,
and so is a product of several at once (`torch.bmm`) for some shapes. So each network gets the numbers of `fit`, to
the last bit, whichever others are beside it.

S networks, B images in a batch, N images of each network, C classes.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kd_core.data.stored import Images
from kd_core.nn.training import descent_of, doubling, evaluator, training_loop
from kd_core.results.events import Evaluation, Reporter, Step

Layers = list[tuple[Tensor, Tensor]]  # weight [out, in] and bias [out] of each
LossesFn = Callable[[Tensor, Tensor], Tensor]  # (logits [S, B, C], positions in the images [S, B]) -> [S]


def fit_side_by_side(
    models: Mapping[Reporter, nn.Sequential],
    images: Images,
    losses_fn: LossesFn,
    validation: tuple[Images, Tensor],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    schedule: str,
    orders: Sequence[torch.Generator],
    watched: Mapping[int, Tensor] | None = None,
    curve_images: int | None = None,
) -> Iterator[Step | Evaluation]:
    """Train networks of one form in place, as `fit` would train each, in float32 on the processor; yield events.

    images [S N, 1, 28, 28]: those of the first network, of the second, …; orders: the generator of each one's batch
    order. losses_fn is given the logits and their positions in `images`. The rest is as in `fit`. Raises ValueError
    for networks that are not `layers_of`.
    """
    networks = [layers_of(model) for model in models.values()]
    size = len(images) // len(networks)
    steps = epochs * math.ceil(size / batch_size)
    # Of a tensor, index_select takes a fifth of the time of indexing.
    taken = partial(images.index_select, 0) if isinstance(images, Tensor) else images.__getitem__
    parameters = [parameter for model in models.values() for parameter in model.parameters()]
    descent, course = descent_of(parameters, learning_rate, schedule, steps)

    def batches() -> tuple[Tensor, ...]:
        """Positions of an epoch, int64 [S, B] a batch."""
        drawn = [torch.randperm(size, generator=order) + place * size for place, order in enumerate(orders)]
        return torch.stack(drawn).split(batch_size, dim=1)

    def step(_number: int, batch: Tensor) -> dict[Reporter, Tensor]:
        with torch.no_grad():
            # An image has 49 times 64 bytes, so that all parts begin where a tensor of their own might.
            inputs = taken(batch.flatten()).flatten(1).split(batch.shape[1])
            passed = [forward(layers, x) for layers, x in zip(networks, inputs, strict=True)]
        logits = torch.stack([answers for _, answers in passed]).requires_grad_()
        losses = losses_fn(logits, batch)
        (slopes,) = torch.autograd.grad(losses.sum(), logits)
        with torch.no_grad():
            for layers, (activations, _), slope in zip(networks, passed, slopes, strict=True):
                backward(layers, activations, slope.clone())  # a tensor of its own, for where it begins
        descent.step()
        if course:
            course.step()
        return dict(zip(models, losses.detach(), strict=True))

    evaluate = evaluator(models, validation, epochs=epochs, watched=watched, curve_images=curve_images)
    yield from training_loop(step, batches, evaluate, epochs=epochs, steps=steps, evaluated=doubling(epochs))


def layers_of(model: nn.Sequential) -> Layers:
    """The layers of a network of nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, … nn.Linear. ValueError for others."""
    first, *rest = model
    kinds = [type(module) for module in rest]
    if type(first) is not nn.Flatten or kinds != [nn.Linear, nn.ReLU] * (len(kinds) // 2) + [nn.Linear]:
        raise ValueError(f"{model} was given; linear layers with ReLU between them are expected")
    return [(module.weight, module.bias) for module in rest if isinstance(module, nn.Linear)]


def forward(layers: Layers, inputs: Tensor) -> tuple[list[Tensor], Tensor]:
    """What goes into each layer, [B, in] each, and the logits [B, C], of inputs [B, D]; without autograd."""
    activations = list[Tensor]()
    for weight, bias in layers:
        activations.append(inputs.relu_() if activations else inputs)
        inputs = torch.addmm(bias, inputs, weight.t())
    return activations, inputs


def backward(layers: Layers, activations: list[Tensor], slopes: Tensor) -> None:
    """Give weights and biases their gradients. slopes [B, C]: those of the loss by the logits."""
    for place in reversed(range(len(layers))):
        (weight, bias), below = layers[place], activations[place]
        bias.grad, weight.grad = slopes.sum(0), slopes.t().mm(below)
        if place:
            slopes = slopes.mm(weight).masked_fill_(below <= 0, 0.0)
