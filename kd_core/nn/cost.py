"""What a network costs: parameters, multiply-adds, bytes, and the latency of one image."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kd_core.nn.conv_pool import ConvPool
from kd_core.nn.timing import latencies_ms
from kd_core.results.schema import Cost

BLOCKS, BLOCK = 10, 20  # passes timed: so many blocks of so many, the models taking turns
WARM_SECONDS = 0.2


def costs_of(
    models: Sequence[nn.Module], image: torch.Tensor, *, warm: float | None = None, blocks: int | None = None,
    block: int = BLOCK,
) -> list[Cost]:  # fmt: skip
    """The `Cost` of each model for one image [1, 1, 28, 28], on the CPU.

    multiply_adds are half of torch's counted FLOPs of convolutions and matrix products (biases,
    activations and pooling are not counted); bytes are those of float32 weights. latency_ms: of one image on one
    thread, as on a phone, after `warm` seconds (by default WARM_SECONDS) in which all models take turns; blocks
    (BLOCKS), block: as for `latencies_ms`. The thread count is put back afterwards.
    """
    threads, were_training = torch.get_num_threads(), [model.training for model in models]
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            begun, passed = time.perf_counter(), -1.0
            while passed < (WARM_SECONDS if warm is None else warm):
                for model in models:
                    model.eval()(image)
                passed = time.perf_counter() - begun
            latencies = latencies_ms([partial(model, image) for model in models], blocks or BLOCKS, block)
    finally:
        torch.set_num_threads(threads)
        for model, was_training in zip(models, were_training, strict=True):
            model.train(was_training)
    return [
        Cost(
            parameters=(parameters := sum(p.numel() for p in model.parameters())),
            multiply_adds=multiply_adds(model, image),
            bytes=4 * parameters,
            latency_ms=latency,
        )
        for model, latency in zip(models, latencies, strict=True)
    ]


def multiply_adds(model: nn.Module, image: torch.Tensor) -> int:
    """Multiply-adds of one forward pass of `image` in evaluation mode: those of convolutions and linear layers.

    What the compiled pass of the CPU computes beside, on channels of zeros, is not counted so. (torch's own counter
    gives the same, and imports torch's compiler into whoever counts.)
    """
    counted = 0

    def count(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal counted
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        values = output.numel()
        if isinstance(layer, ConvPool):  # its output is pooled
            batch, _channels, height, width = inputs[0].shape
            values = batch * layer.out_channels * (height - 2) * (width - 2)
        counted += values * layer.weight[0].numel()

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = model.training
    try:
        with torch.inference_mode():
            model.eval()(image.to(next(model.parameters()).device))  # which may be "meta": shapes alone are enough
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return counted


def peak_megabytes(work: Callable[[], object]) -> float:
    """The most memory, in 10^6 bytes, that tensors made by `work` held between two operations.

    What was there before does not count, nor what an operation needs while it runs.
    """
    with _Held() as held:
        work()
    return held.peak / 1e6


class _Held(TorchDispatchMode):
    """Looks after every operation, those inside torch.func's transforms too, which memory it left behind."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._storages: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {_key(value) for value in tree_leaves((args, kwargs)) if isinstance(value, torch.Tensor)}
        made = func(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, torch.Tensor) and (_key(value) not in given or _key(value) in self._storages):
                storage = value.untyped_storage()
                self._storages[_key(value)] = StorageWeakRef(storage), storage.nbytes()
        self._storages = {key: kept for key, kept in self._storages.items() if not kept[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._storages.values()))
        return made


def _key(value: torch.Tensor) -> int:
    return value.untyped_storage()._cdata
