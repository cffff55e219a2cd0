"""The networks: the article's teacher and student, and Hinton's fully connected ones.

All take images [N, 1, 28, 28] and give logits [N, 10]. Weights are drawn from the generator that is
handed in, never from torch's global one, so a seed means the same network wherever it is built.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core import compiled

CLASSES = 10


class Dropout(nn.Module):
    """Inverted dropout whose mask comes from a generator of its own: x * mask / (1 - p) while training.

    torch.nn.Dropout draws from the global generator, which would tie a run's numbers to whatever
    else the process has drawn. Srivastava et al. 2014.
    """

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        """Any shape in, the same shape out; the identity in evaluation mode."""
        if not self.training:
            return x
        drawn = torch.rand(x.shape, generator=self.generator, device=self.generator.device)
        return x * drawn.ge_(self.p).div_(1 - self.p).to(x)  # one product to remember for the gradient


def _pooled(x: Tensor) -> Tensor:
    """F.max_pool2d(x, 2) to the last bit, by strided slices: half its time, as it notes no places of the maxima."""
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    rows = torch.maximum(x[:, :, 0:height:2], x[:, :, 1:height:2])
    return torch.maximum(rows[..., 0:width:2], rows[..., 1:width:2])


class _ConvolvePool(torch.autograd.Function):
    """max_pool2d(conv2d(x, w, b), 2), with gradients that touch less memory than those of the two apart.

    What was convolved need not be kept: the gradient of pooling asks for its shape alone. The gradient of b is the
    sum of what arrives at the pooled values, a quarter as many. (oneDNN, asked for it together with the gradient of
    w, takes several times as long for both where the inputs have few channels.)
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        convolved = F.conv2d(x, weight, bias)
        pooled, places = torch.ops.aten.max_pool2d_with_indices(convolved, [2, 2], [2, 2])
        ctx.save_for_backward(x, weight, places)
        ctx.convolved = convolved.shape, convolved.stride()
        largest: Tensor = pooled
        return largest

    @staticmethod
    def backward(ctx: Any, arrives: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight, places = ctx.saved_tensors
        shape_only = arrives.new_empty_strided(*ctx.convolved)
        spread = torch.ops.aten.max_pool2d_with_indices_backward(
            arrives, shape_only, [2, 2], [2, 2], [0, 0], [1, 1], False, places
        )
        wanted = [ctx.needs_input_grad[0], True, False]
        into_x, into_weight, _ = torch.ops.aten.convolution_backward(
            spread, x, weight, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, wanted
        )
        return into_x, into_weight, arrives.sum((0, 2, 3))


class _Compiled(torch.autograd.Function):
    """relu(max_pool2d(conv2d(x, w, b), 2)) by one compiled pass, and its gradients by another.

    Where gradients are to have gradients of their own, torch's functions give them.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        pooled, places = compiled.convolve_pool(x, weight, bias, True)
        ctx.save_for_backward(x, weight, bias, places)
        largest: Tensor = pooled
        return largest

    @staticmethod
    def backward(ctx: Any, arrives: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, places = ctx.saved_tensors
        wanted: bool = ctx.needs_input_grad[0]
        if torch.is_grad_enabled():
            pooled = _ConvolvePool.apply(x, weight, bias).relu_()
            inputs = [one for one in (x, weight, bias) if one.requires_grad]
            found = iter(torch.autograd.grad(pooled, inputs, arrives, create_graph=True))
            return tuple(next(found) if one.requires_grad else None for one in (x, weight, bias))
        into_x, into_weight, into_bias = compiled.convolve_pool_backward(arrives, x, weight, places, wanted)
        return into_x if wanted else None, into_weight, into_bias


class ConvPool(nn.Conv2d):
    """A 3x3 convolution without padding, the largest of each 2x2 window, and ReLU.

    [N, C, H, W] -> [N, D, (H - 2) // 2, (W - 2) // 2]; pooling leaves out an odd last row or column.
    Maximum and ReLU commute, so the function is that of the usual order, on a quarter of the values.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """What nn.Conv2d, nn.MaxPool2d and nn.ReLU give: to rounding by the compiled pass, else to the last bit."""
        assert self.bias is not None
        given, kind = (x, self.weight, self.bias), x.device.type
        narrow, learns = torch.is_autocast_enabled(kind), torch.is_grad_enabled()
        pooled: Tensor
        if not narrow and compiled.serves(x, self.weight):
            pooled = _Compiled.apply(*given) if learns else compiled.convolve_pool(*given, False)[0]
            return pooled
        if not learns:
            return _pooled(F.conv2d(*given)).relu_()
        if narrow:  # autocast looks at torch's own functions only
            pooled = _ConvolvePool.apply(*(one.to(torch.get_autocast_dtype(kind)) for one in given))
        else:
            pooled = _ConvolvePool.apply(*given)
        return pooled.relu_()


def article_cnn(first: int, second: int, dense: int) -> nn.Sequential:
    """The article's form of network: Conv3x3-pool-Conv3x3-pool-Dense-Dense(10), ReLU, no padding.

    Keras's defaults in its listing: 28 -> 26 -> 13 -> 11 -> 5, so 25 * second values reach the
    dense layer. (32, 64, 64) is its teacher with 121,930 parameters, (16, 32, 32) its student.
    Where pooling and ReLU would be layers of their own there are gaps: kept networks name their tensors by place.
    """
    return nn.Sequential(
        ConvPool(1, first), nn.Identity(), nn.Identity(),
        ConvPool(first, second), nn.Identity(), nn.Identity(),
        nn.Flatten(), nn.Linear(25 * second, dense), nn.ReLU(), nn.Linear(dense, CLASSES),
    )  # fmt: skip


def seen(model: nn.Module, images: Tensor) -> Tensor:
    """The part of images [N, 1, H, W] on which the answers of `model` depend; a copy of its own, or all of them.

    Pooling leaves out an odd last row and column: of 28 pixels a side the article's networks use 26 (26 -> 24 ->
    12 -> 10 -> 5), and their answers are the same to rounding without the others, for five sixths of the work.
    """
    if not any(isinstance(module, ConvPool) for module in model.modules()):
        return images
    height, width = (4 * (((side - 2) // 2 - 2) // 2) + 6 for side in images.shape[-2:])
    return images[..., :height, :width].contiguous()


def mlp(width: int, dropout: float, generator: torch.Generator) -> nn.Sequential:
    """784-width-width-10 with ReLU, dropout on the hidden layers: Hinton, Vinyals, Dean 2015, section 3."""

    def hidden(fan_in: int) -> Iterator[nn.Module]:
        yield nn.Linear(fan_in, width)
        yield nn.ReLU()
        if dropout:
            yield Dropout(dropout, generator)

    return nn.Sequential(nn.Flatten(), *hidden(784), *hidden(width), nn.Linear(width, CLASSES))


def build(name: str, role: str, generator: torch.Generator, device: str = "cpu") -> nn.Sequential:
    """The network called `name` in the role of "teacher" or "student", initialised from `generator`.

    Names: "article" (either role), "mlp<width>"; a teacher's mlp has dropout 0.5, as Hinton's; "jittered" is
    his teacher, a mlp1200 that is trained on moved images (`teachers.RECIPES`), with dropout 0.25: these differ
    each time they are seen, and with more dropout as few errors take more epochs.
    Raises ValueError naming the names there are.
    """
    masks = torch.Generator(device).manual_seed(generator.initial_seed() + 1)
    with torch.device("meta"):  # shapes only: torch's own initialisation would use the global generator
        if name == "article":
            model = article_cnn(32, 64, 64) if role == "teacher" else article_cnn(16, 32, 32)
        elif name == "jittered":
            model = mlp(1200, 0.25, masks)
        elif name.startswith("mlp") and name[3:].isdigit():
            model = mlp(int(name[3:]), 0.5 if role == "teacher" else 0.0, masks)
        else:
            raise ValueError(f"no network called {name!r}; there are 'article' and 'mlp<width>'")
    model = model.to_empty(device="cpu")
    initialise(model, generator)
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Fill weights and biases from U(-b, b), b = 1 / sqrt(fan_in), torch's own default, from `generator`."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                bound = 1 / math.sqrt(module.weight[0].numel())
                for parameter in module.parameters():
                    parameter.uniform_(-bound, bound, generator=generator)
