"""Training as a stream of events: `fit` yields while it works, `predict` looks.

The fast path on a CPU: images as one tensor in memory, channels_last, fused Adam, only the pixels that count
(`models.seen`); convolutions by the compiled pass in float32 (`compiled`), everything else under bfloat16 autocast
where the processor multiplies it natively (it loses elsewhere, so that is detected).
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kd_core.messages import N_, Problem
from kd_core.nn.evaluation import count_errors, predict
from kd_core.nn.hardware import autocast
from kd_core.nn.networks import crop_to_receptive_field
from kd_core.results.events import Evaluation, Step

REPORTS = 40  # Steps reported by one fit, spread evenly …
REPORT_SECONDS = 0.25  # … and at least one in this time, so that whoever consumes the stream can stop it
EVALUATIONS = 10  # looks at the validation split in one fit: five thousand images cost as much as an epoch
AVERAGED_EVERY = 4  # steps between two looks at the weights, where they are averaged

LossFn = Callable[[Tensor, Tensor], Tensor]  # (logits [B, C], positions in the training set [B]) -> scalar


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
    images = (images if jitter else crop_to_receptive_field(model, images)).to(device)
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
