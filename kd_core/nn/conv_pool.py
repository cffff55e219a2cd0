"""A convolution, ReLU and 2x2 max pooling as one layer, by the compiled pass where there is one."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.nn import fastconv


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
        pooled, places = fastconv.convolve_pool(x, weight, bias, True)
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
        into_x, into_weight, into_bias = fastconv.convolve_pool_backward(arrives, x, weight, places, wanted)
        return into_x if wanted else None, into_weight, into_bias


def _filled_up(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same with channels of zeros, up to as many as the compiled pass serves; as they are where it serves them.

    A step of a network of 12 and 23 channels so takes half the time that torch's own functions need.
    """
    outputs, inputs = weight.shape[:2]
    more, further = -outputs % 16, 0 if inputs == 1 else -inputs % 16
    if not more and not further:
        return x, weight, bias
    x = F.pad(x, (0, 0, 0, 0, 0, further))
    return x, F.pad(weight, (0, 0, 0, 0, 0, further, 0, more)), F.pad(bias, (0, more))


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
        narrow = not x.is_meta and torch.is_autocast_enabled(kind)  # which knows no tensors without values
        learns = torch.is_grad_enabled()
        pooled: Tensor
        if not narrow and fastconv.available():
            filled = _filled_up(*given)
            if fastconv.serves(*filled[:2]):
                pooled = _Compiled.apply(*filled) if learns else fastconv.convolve_pool(*filled, False)[0]
                return pooled if filled[0] is x else pooled[:, : self.out_channels]
        if not learns:
            return _pooled(F.conv2d(*given)).relu_()
        if narrow:  # autocast looks at torch's own functions only
            pooled = _ConvolvePool.apply(*(one.to(torch.get_autocast_dtype(kind)) for one in given))
        else:
            pooled = _ConvolvePool.apply(*given)
        return pooled.relu_()
