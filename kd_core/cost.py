"""What a network costs: parameters, multiply-adds, bytes, and the latency of one image."""

import statistics
import time

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kd_core.events import Cost

LATENCY_RUNS = 100


def cost_of(model: nn.Module, image: torch.Tensor) -> Cost:
    """The `Cost` of `model` for one image [1, 1, 28, 28].

    multiply_adds are half of torch's counted FLOPs of convolutions and matrix products (biases,
    activations and pooling are not counted); bytes are those of float32 weights.
    """
    parameters = sum(p.numel() for p in model.parameters())
    return Cost(
        parameters=parameters,
        multiply_adds=multiply_adds(model, image),
        bytes=4 * parameters,
        latency_ms=latency_ms(model, image),
    )


def multiply_adds(model: nn.Module, image: torch.Tensor) -> int:
    """Multiply-adds of one forward pass of `image`."""
    was_training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    model.train(was_training)
    return int(counter.get_total_flops()) // 2


def latency_ms(model: nn.Module, image: torch.Tensor, runs: int = LATENCY_RUNS) -> float:
    """Median milliseconds for one image on one thread, float32, over `runs` passes after a warm-up.

    One image on one thread is what a phone or a device does. The median ignores the few passes in
    which something else had the processor. The thread count is put back afterwards.
    """
    threads, was_training = torch.get_num_threads(), model.training
    torch.set_num_threads(1)
    model.eval()
    try:
        with torch.inference_mode():
            times = [_timed(model, image) for _ in range(runs + runs // 10)]
    finally:
        torch.set_num_threads(threads)
        model.train(was_training)
    return 1000 * statistics.median(times[runs // 10 :])


def _timed(model: nn.Module, image: torch.Tensor) -> float:
    start = time.perf_counter()
    model(image)
    return time.perf_counter() - start
