"""Training as a stream of events: `fit` yields while it works, `predict` looks.

The fast path on a CPU: images as one tensor in memory, channels_last, fused Adam, only the pixels that count
(`models.seen`); convolutions by the compiled pass in float32 (`compiled`), everything else under bfloat16 autocast
where the processor multiplies it natively (it loses elsewhere, so that is detected).
"""

import ctypes
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kd_core import arguments, compiled
from kd_core.events import Evaluation, Step
from kd_core.machine import Machine, S, require_device, resolved
from kd_core.messages import N_, Problem
from kd_core.models import seen

REPORTS = 40  # Steps reported by one fit, spread evenly …
REPORT_SECONDS = 0.25  # … and at least one in this time, so that whoever consumes the stream can stop it
EVALUATIONS = 10  # looks at the validation split in one fit: five thousand images cost as much as an epoch
AVERAGED_EVERY = 4  # steps between two looks at the weights, where they are averaged
EVALUATION_BATCH = 125  # small enough for what passes between layers to stay in the cache

LossFn = Callable[[Tensor, Tensor], Tensor]  # (logits [B, C], positions in the training set [B]) -> scalar


def seeded(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose ("weights", "order", …) of one seed; purposes never share numbers."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def has_native_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX512-BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def this_machine() -> Machine:
    """What this machine can do, on which hangs what "auto" stands for here."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    native = {
        "cuda": there["cuda"] and torch.cuda.is_bf16_supported(including_emulation=False),
        "cpu": has_native_bfloat16(),
    }
    return Machine(
        tuple(name for name, present in there.items() if present),
        tuple(name for name, multiplies in native.items() if multiplies),
        compiled.available(),
    )


def resolve(settings: S) -> S:
    """The same settings with what each "auto" stands for here. Raises Problem if the device is absent."""
    machine = this_machine()
    settings = resolved(settings, machine)
    require_device(settings, machine)
    return settings


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """The autocast context for `precision`. Never yield inside it: the mode would leak to the consumer."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")


def keep_memory() -> None:
    """Have glibc keep what each training step frees, and not return it to the system; workers are started so."""
    trim_threshold, mmap_threshold = -1, -3
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows, which takes no None
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, 2**25)
        library.mallopt(trim_threshold, 2**31 - 1)


def predict(model: nn.Module, images: Tensor, precision: str = "float32") -> Tensor:
    """Logits [N, C] in float32 on the CPU for images [N, 1, 28, 28], in evaluation mode, without gradients.

    The model is left in the mode it was in.
    """
    device = next(model.parameters()).device
    at_once = EVALUATION_BATCH if device.type == "cpu" else 5000  # each part waits for its copy back
    was_training = model.training
    model.eval()
    with torch.inference_mode(), autocast(device.type, precision):
        logits = [model(seen(model, part.to(device))).float().cpu() for part in images.split(at_once)]
    model.train(was_training)
    return torch.cat(logits).clone()


def count_errors(logits: Tensor, labels: Tensor) -> int:
    """How many of logits [N, C] put another class first than labels [N]. Raises ValueError for other shapes."""
    _fitting(logits, labels)
    return int((logits.argmax(1) != labels).sum())


def confusion(logits: Tensor, labels: Tensor) -> tuple[tuple[int, ...], ...]:
    """Counts [true class][predicted class] over logits [N, C] and labels [N], from 0 to C - 1.

    Raises ValueError for other shapes and labels.
    """
    _fitting(logits, labels)
    if len(labels):
        arguments.classes(labels, logits.shape[1])
    classes = logits.shape[1]
    counts = torch.bincount(labels * classes + logits.argmax(1), minlength=classes**2)
    return tuple(tuple(row) for row in counts.reshape(classes, classes).tolist())


def _fitting(logits: Tensor, labels: Tensor) -> None:
    """Logits are [N, C], labels [N]; there may be none."""
    if logits.dim() != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits {list(logits.shape)} and labels {list(labels.shape)} were given; [N, C] and [N] are expected"
        )


def fit(
    model: nn.Module,
    images: Tensor,
    loss_fn: LossFn,
    validation: tuple[Tensor, Tensor],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float = 1e-3,
    schedule: str = "constant",
    optimizer: torch.optim.Optimizer | None = None,
    order: torch.Generator,
    jitter: int = 0,
    average: float = 0.0,
    precision: str,
    stage: str,
    arm: str,
    seed: int,
    span: tuple[float, float] = (0.0, 1.0),
    also: Iterable[nn.Parameter] = (),
) -> Iterator[Step | Evaluation]:
    """Train `model` in place on images [N, 1, 28, 28] with `optimizer` (default Adam), yielding events.

    schedule "one_cycle": the step size rises to `learning_rate` in the first 30 % of the steps and falls to
    nothing in the rest (Smith 2018, arXiv 1803.09820). jitter: each image is moved by up to so many pixels,
    anew each time it is seen. average: with a decay above 0, per step, the exponential moving average of the
    weights is what is evaluated and what `model` ends with (Polyak, Juditsky 1992).
    loss_fn is given each batch's logits and its positions in `images`, so that labels and teacher
    logits can be indexed by sample. `span` is the part of the whole trial that this fit fills, for
    Step.progress; `also` are parameters of the loss that are trained along. The last epoch is always
    evaluated. Raises Problem when the loss is not finite.
    """
    device = next(model.parameters()).device
    images = (images if jitter else seen(model, images)).to(device)
    if optimizer is None:
        fused = device.type in ("cpu", "cuda")
        optimizer = torch.optim.Adam([*model.parameters(), *also], lr=learning_rate, fused=fused)
    steps = epochs * math.ceil(len(images) / batch_size)
    course = OneCycleLR(optimizer, learning_rate, total_steps=steps) if schedule == "one_cycle" else None
    averaged = None
    if average:
        averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(average**AVERAGED_EVERY))
    judged = averaged.module if averaged else model
    report_every = max(1, steps // REPORTS)
    evaluate_every = math.ceil(epochs / EVALUATIONS)
    step, told = 0, time.monotonic()
    for epoch in range(1, epochs + 1):
        for batch in torch.randperm(len(images), generator=order).to(device).split(batch_size):
            inputs = moved(images[batch], jitter, order) if jitter else images[batch]
            loss = _train_step(model, optimizer, inputs, batch, loss_fn, precision)
            if course:
                course.step()
            step += 1
            if averaged and step % AVERAGED_EVERY == 0:
                averaged.update_parameters(model)
            if step % report_every == 0 or step == steps or time.monotonic() - told > REPORT_SECONDS:
                told = time.monotonic()
                value = loss.item()
                if not math.isfinite(value):
                    raise Problem(
                        N_(
                            "Training broke off ({arm}, step {step}): the loss is not a finite number. "
                            "Choose a smaller learning rate."
                        ),
                        arm=arm,
                        step=step,
                    )
                progress = span[0] + (span[1] - span[0]) * step / steps
                yield Step(stage, arm, seed, step, steps, value, progress)
        if epoch % evaluate_every == 0 or epoch == epochs:
            errors = count_errors(predict(judged, validation[0], precision), validation[1])
            yield Evaluation(stage, arm, seed, epoch, epochs, errors, len(validation[1]))
    if averaged:
        model.load_state_dict(averaged.module.state_dict())


def moved(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Images [N, 1, H, W], each moved by -pixels to +pixels along both axes, drawn evenly from `generator`.

    What moves in is each image's own first pixel, which in digits is the ground.
    """
    n, _, height, width = images.shape
    by = torch.randint(-pixels, pixels + 1, (2, n, 1), generator=generator).to(images.device)
    wide = images[:, 0, :1, :1].expand(n, height + 2 * pixels, width + 2 * pixels).clone()
    wide[:, pixels:-pixels, pixels:-pixels] = images[:, 0]
    windows = wide.unfold(1, height, 1).unfold(2, width, 1)  # [N, moves down, moves right, H, W], no copy
    down, right = pixels - by[:, :, 0]
    return windows[torch.arange(n, device=images.device), down, right].unsqueeze(1)


def _train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: Tensor,
    batch: Tensor,
    loss_fn: LossFn,
    precision: str,
) -> Tensor:
    model.train()
    with autocast(inputs.device.type, precision):
        logits = model(inputs)
    loss = loss_fn(logits.float(), batch)  # losses in float32: a softmax's small values are the point
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.detach()
