"""The one training loop of all techniques, a stream of events, and `fit`, which trains one network by it.

The fast path on a CPU: images in memory, channels_last, fused Adam, only the pixels that count
(`crop_to_receptive_field`); convolutions by the compiled pass in float32 (`fastconv`), everything else under
bfloat16 autocast where the processor multiplies it natively (it loses elsewhere, so that is detected).
"""

import math
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from kd_core.data.stored import Images, StoredImages
from kd_core.messages import N_, Problem
from kd_core.nn.evaluation import count_errors, predict_each
from kd_core.nn.hardware import autocast
from kd_core.nn.moves import moved
from kd_core.nn.networks import crop_to_receptive_field
from kd_core.nn.optimizers import Adam, Optimizer
from kd_core.results.events import Evaluation, Event, Reporter, Step

REPORTS = 40  # steps reported by one training, spread evenly …
REPORT_SECONDS = 0.25  # … and at least one in this time, so that whoever consumes the stream can stop it
AVERAGED_EVERY = 4  # steps between two updates of the average, where weights are averaged
CURVE_IMAGES = 1_000  # of the validation split: enough for a trial's curve; its last errors are counted on all

Batch = TypeVar("Batch")
LossFn = Callable[[Tensor, Tensor], Tensor]  # (logits [B, C], positions in the training set [B]) -> scalar


def training_loop(
    step: Callable[[int, Batch], Mapping[Reporter, Tensor | float]],
    batches: Callable[[], Iterable[Batch]],
    evaluate: Callable[[int], Iterable[Evaluation]],
    *,
    epochs: int,
    steps: int,
    evaluated: Collection[int],
    after_epoch: Callable[[], None] = lambda: None,
) -> Iterator[Step | Evaluation]:
    """Call `step` on every batch of every epoch; yield its losses as Steps, and the Evaluations that are due.

    step(number, batch) is one optimisation step, numbered from 1 to `steps` over all epochs. It returns the loss, a
    scalar, of each arm that it has trained, by the arm's reporter: one step may train several arms or seeds at
    once. batches() gives the batches of one epoch and is called when that begins. after_epoch() is called after
    each; then, after those epochs that are `evaluated`, evaluate(epoch).
    Losses are read REPORTS times, spread evenly, and at least once in REPORT_SECONDS: reading waits for the device.
    Raises Problem where a loss that is read is not finite.
    """
    report_every = max(1, steps // REPORTS)
    number, reported = 0, time.monotonic()
    for epoch in range(1, epochs + 1):
        for batch in batches():
            number += 1
            losses = step(number, batch)
            if number % report_every == 0 or number == steps or time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                for reporter, loss in losses.items():
                    yield reporter.step(number, steps, _finite(float(loss), reporter.arm, number))
        after_epoch()
        if epoch in evaluated:
            yield from evaluate(epoch)


def doubling(epochs: int) -> list[int]:
    """After which of `epochs` epochs to evaluate: the last, half as many, a quarter …, down to the first.

    [1, 2, 3, 5, 10, 20] of 20. Errors fall fastest at first; and of a thousand training images the five thousand of
    the validation split, evaluated at equal distances, would take more time than the training.
    """
    return sorted({math.ceil(epochs / 2**halvings) for halvings in range(epochs.bit_length() + 1)})


def _finite(loss: float, arm: str, step: int) -> float:
    if math.isfinite(loss):
        return loss
    raise Problem(
        N_(
            "Training broke off ({arm}, step {step}): the loss is not a finite number. "
            "Choose a smaller learning rate."
        ),
        arm=arm,
        step=step,
    )


def shuffled(size: int, batch_size: int, order: torch.Generator, device: torch.device) -> tuple[Tensor, ...]:
    """The positions 0 to `size` - 1 on `device` in an order drawn from `order`, as batches int64 [batch_size]."""
    return torch.randperm(size, generator=order).to(device).split(batch_size)


def inputs_of(model: nn.Module, images: Images, whole: bool = False) -> Callable[[Tensor], Tensor]:
    """From positions [B] in `images` to those as `model` is given them: on its device, and what counts of them.

    whole: all of each image. Stored images are taken batch by batch; a GPU gets all of them at once.
    """
    device = next(model.parameters()).device
    if isinstance(images, StoredImages) and device.type == "cpu":
        return images.__getitem__ if whole else lambda batch: crop_to_receptive_field(model, images[batch])
    given = (images[:] if whole else crop_to_receptive_field(model, images[:])).to(device)
    return given.__getitem__


def fit(
    model: nn.Module,
    images: Images,
    loss_fn: LossFn,
    validation: tuple[Images, Tensor],
    reporter: Reporter,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float = 1e-3,
    schedule: str = "constant",
    optimizer: Optimizer | None = None,
    order: torch.Generator,
    jitter: int = 0,
    average: float = 0.0,
    precision: str,
    also: Iterable[nn.Parameter] = (),
    watched: Mapping[int, Tensor] | None = None,
    curve_images: int | None = None,
) -> Iterator[Step | Evaluation]:
    """Train `model` in place on images [N, 1, 28, 28] with `optimizer` (default Adam), yielding events.

    schedule "one_cycle": the step size rises to `learning_rate` in the first 30 % of the steps and falls to
    nothing in the rest (Smith 2018, arXiv 1803.09820). jitter: each image is moved by up to so many pixels,
    anew each time it is seen. average: with a decay above 0, per step, the exponential moving average of the
    weights is what is evaluated and what `model` ends with (Polyak, Juditsky 1992).
    loss_fn is given each batch's logits and its positions in `images`, so that labels and teacher
    logits can be indexed by sample; `also` are parameters of the loss that are trained along. watched: index ->
    image [1, 28, 28] of images whose logits each Evaluation tells. curve_images: how many validation images,
    spread evenly, are looked at after any epoch but the last; all of them by default, and always after the last.
    Evaluates after epochs that are `doubling`; raises as `training_loop` does.
    """
    device = next(model.parameters()).device
    taken = inputs_of(model, images, whole=jitter > 0)
    steps = epochs * math.ceil(len(images) / batch_size)
    descent, course = descent_of([*model.parameters(), *also], learning_rate, schedule, steps, optimizer)
    model.train()  # evaluation leaves it so
    averaged = None
    if average:
        averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(average**AVERAGED_EVERY))
    evaluated = averaged.module if averaged else model

    def step(number: int, batch: Tensor) -> dict[Reporter, Tensor]:
        inputs = moved(taken(batch), jitter, order) if jitter else taken(batch)
        with autocast(device.type, precision):
            logits = model(inputs)
        loss = loss_fn(logits.float(), batch)  # losses in float32: a softmax's small values are the point
        descent.zero_grad()
        loss.backward()
        descent.step()
        if course:
            course.step()
        if averaged and number % AVERAGED_EVERY == 0:
            averaged.update_parameters(model)
        return {reporter: loss.detach()}

    evaluate = evaluator(
        {reporter: evaluated}, validation, epochs=epochs, precision=precision, watched=watched,
        curve_images=curve_images,
    )  # fmt: skip
    batches = partial(shuffled, len(images), batch_size, order, device)
    yield from training_loop(step, batches, evaluate, epochs=epochs, steps=steps, evaluated=doubling(epochs))
    if averaged:
        model.load_state_dict(averaged.module.state_dict())


def descent_of(
    parameters: Sequence[Tensor],
    learning_rate: float,
    schedule: str,
    steps: int,
    optimizer: Optimizer | None = None,
) -> tuple[Optimizer, OneCycleLR | None]:
    """The optimizer, Adam if none is given, and for the schedule "one_cycle" what changes its step size."""
    if schedule != "one_cycle":
        return optimizer or Adam(parameters, learning_rate), None
    fused = parameters[0].device.type in ("cpu", "cuda")
    scheduled = optimizer or torch.optim.Adam(parameters, lr=learning_rate, fused=fused)
    if not isinstance(scheduled, torch.optim.Optimizer):
        raise ValueError(f"{type(scheduled).__name__} was given; a schedule needs a torch.optim.Optimizer")
    return scheduled, OneCycleLR(scheduled, learning_rate, total_steps=steps)


def evaluator(
    models: Mapping[Reporter, nn.Module],
    validation: tuple[Images, Tensor],
    *,
    epochs: int,
    precision: str = "float32",
    watched: Mapping[int, Tensor] | None = None,
    curve_images: int | None = None,
) -> Callable[[int], Iterator[Evaluation]]:
    """What yields the Evaluations of networks of one form after an epoch; the arguments are those of `fit`."""
    images, labels = validation
    sample, networks = spread(len(labels), curve_images), [*models.values()]

    def evaluate(epoch: int) -> Iterator[Evaluation]:
        if sample is None or epoch == epochs:
            answers, seen = predict_each(networks, images, precision), labels
        else:
            answers, seen = predict_each(networks, images[sample], precision), labels[sample]
        shown = _answers(networks, watched) if watched else [()] * len(networks)
        for reporter, logits, of_watched in zip(models, answers, shown, strict=True):
            told = reporter.evaluation(epoch, epochs, count_errors(logits, seen), len(seen))
            if sample is not None and epoch == epochs:
                told = replace(told, on_curve=(count_errors(logits[sample], labels[sample]), len(sample)))
            yield replace(told, watched=of_watched)

    return evaluate


def spread(size: int, most: int | None) -> Tensor | None:
    """`most` places among `size`, spread evenly; None, for all, where there are no more.

    MNIST is ordered by writers: the first thousand images of its validation split are harder than the rest.
    """
    return None if most is None or size <= most else torch.arange(most) * size // most


def _answers(
    models: Sequence[nn.Module], watched: Mapping[int, Tensor]
) -> list[tuple[tuple[int, tuple[float, ...]], ...]]:
    """Each network's answers to the watched images: index and logits, to 0.01."""
    each = predict_each(models, torch.stack([*watched.values()]))
    rounded = ([tuple(round(z, 2) for z in row) for row in logits.tolist()] for logits in each)
    return [tuple(zip(watched, rows, strict=True)) for rows in rounded]


def curve_of(events: Iterable[Event]) -> Generator[Event, None, list[Evaluation]]:
    """The evaluations among events, which are passed on."""
    curve = []
    for event in events:
        if isinstance(event, Evaluation):
            curve.append(event)
        yield event
    return curve
