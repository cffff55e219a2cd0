"""What a trained network answers, and how often it is wrong."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kd_core.data.stored import Images
from kd_core.nn import arguments
from kd_core.nn.hardware import autocast
from kd_core.nn.networks import crop_to_receptive_field

EVALUATION_BATCH = 125  # small enough for what passes between layers to stay in the cache


def predict(model: nn.Module, images: Images, precision: str = "float32") -> Tensor:
    """Logits [N, C] in float32 on the CPU for images [N, 1, 28, 28], in evaluation mode, without gradients.

    The model is left in the mode it was in.
    """
    return predict_each([model], images, precision)[0]


def predict_each(models: Sequence[nn.Module], images: Images, precision: str = "float32") -> list[Tensor]:
    """`predict` of each of several networks of one form; the images are taken once for all of them."""
    device = next(models[0].parameters()).device
    at_once = EVALUATION_BATCH if device.type == "cpu" else 5000  # each part waits for its copy back
    was_training = [model.training for model in models]
    answers, done = list[Tensor](), 0
    for model in models:
        model.eval()
    with torch.inference_mode(), autocast(device.type, precision):
        for part in images.split(at_once):
            seen = crop_to_receptive_field(models[0], part.to(device))
            logits = [model(seen) for model in models]
            if not done:  # all at once: small tensors kept in between would leave the heap in pieces
                answers = [torch.empty(len(images), *each.shape[1:]) for each in logits]
            for answer, each in zip(answers, logits, strict=True):
                answer[done : done + len(part)] = each
            done += len(part)
    for model, mode in zip(models, was_training, strict=True):
        model.train(mode)
    return [answer.clone() for answer in answers]  # outside of inference mode


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
