"""What a network costs: parameters, multiply-adds, bytes, and the latency of one image."""

import statistics
import time
from collections.abc import Sequence

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kd_core.events import Cost

BLOCKS, BLOCK = 10, 20  # passes timed: so many blocks of so many, the models taking turns
WARM_SECONDS = 0.2


def costs_of(models: Sequence[nn.Module], image: torch.Tensor) -> list[Cost]:
    """The `Cost` of each model for one image [1, 1, 28, 28], on the CPU.

    multiply_adds are half of torch's counted FLOPs of convolutions and matrix products (biases,
    activations and pooling are not counted); bytes are those of float32 weights.
    """
    return [
        Cost(
            parameters=(parameters := sum(p.numel() for p in model.parameters())),
            multiply_adds=multiply_adds(model, image),
            bytes=4 * parameters,
            latency_ms=latency,
        )
        for model, latency in zip(models, latencies_ms(models, image), strict=True)
    ]


def multiply_adds(model: nn.Module, image: torch.Tensor) -> int:
    """Multiply-adds of one forward pass of `image`."""
    was_training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    model.train(was_training)
    return int(counter.get_total_flops()) // 2


def latencies_ms(models: Sequence[nn.Module], image: torch.Tensor) -> list[float]:
    """Median milliseconds of each model for one image on one CPU thread, float32.

    One image on one thread is what a phone or a device does. Each model is first warmed for
    WARM_SECONDS; then they take turns in blocks, so that a change of the machine's speed meets all of
    them, and the median ignores the passes in which something else had the processor. The thread count
    is put back afterwards.
    """
    threads, were_training = torch.get_num_threads(), [model.training for model in models]
    times: list[list[float]] = [[] for _ in models]
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            for model in models:
                model.eval()
                start = time.perf_counter()
                while time.perf_counter() - start < WARM_SECONDS:
                    model(image)
            for _ in range(BLOCKS):
                for model, mine in zip(models, times, strict=True):
                    mine += [_timed(model, image) for _ in range(BLOCK)]
    finally:
        torch.set_num_threads(threads)
        for model, was_training in zip(models, were_training, strict=True):
            model.train(was_training)
    return [1000 * statistics.median(mine) for mine in times]


def _timed(model: nn.Module, image: torch.Tensor) -> float:
    start = time.perf_counter()
    model(image)
    return time.perf_counter() - start
