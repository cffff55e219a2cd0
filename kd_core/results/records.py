"""The parts of a Result that every technique fills in the same way."""

from collections.abc import Sequence
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from kd_core.data.digits import Digits, pixels
from kd_core.nn import arguments
from kd_core.nn.evaluation import confusion, count_errors, predict
from kd_core.results.events import Evaluation
from kd_core.results.schema import ArmTrial, Bin, GalleryDigit

BINS = 15  # as in Guo et al. 2017, and the default of most libraries
WEIGHTS_KEPT = 1_500_000  # parameters: a Result carries networks up to this size

Points = Sequence[tuple[int, int]] | Sequence[Evaluation]  # (epoch, validation errors), or what tells them


def arm_trial(model: nn.Module, data: Digits, seed: int, curve: Points, seconds: float) -> ArmTrial:
    """What is kept of one trained network: its test errors, confusion and gallery logits, in float32."""
    logits = predict(model, data.test.stored)
    return judged(logits, data.test.labels, data.gallery, seed, curve, seconds, kept_weights(model))


def judged(
    logits: Tensor,
    labels: Tensor,
    gallery: Sequence[int],
    seed: int,
    curve: Points,
    seconds: float,
    weights: bytes | None,
) -> ArmTrial:
    """What is kept of a network's test logits [N, C] beside their labels [N]; gallery: rows that are shown."""
    return ArmTrial(
        seed=seed,
        **curve_fields(curve),
        test_errors=count_errors(logits, labels),
        confusion=confusion(logits, labels),
        mistakes=mistakes(logits, labels),
        bins=reliability(logits, labels),
        gallery_logits=tuple(tuple(row) for row in logits[list(gallery)].tolist()),
        seconds=seconds,
        weights=weights,
    )


def curve_fields(curve: Points) -> dict[str, Any]:
    """The fields of an ArmTrial that tell its validation curve."""
    last = curve[-1] if curve else None
    sampled = last.on_curve if isinstance(last, Evaluation) else None
    pairs = tuple((one.epoch, one.errors) if isinstance(one, Evaluation) else one for one in curve)
    return {"curve": pairs} | (dict(zip(("curve_end", "curve_images"), sampled, strict=True)) if sampled else {})


def kept_weights(model: nn.Module) -> bytes | None:
    """The network as a safetensors file, None for a huge one."""
    if sum(p.numel() for p in model.parameters()) > WEIGHTS_KEPT:
        return None
    return save({key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()})


def mistakes(logits: Tensor, labels: Tensor) -> tuple[tuple[int, int], ...]:
    """(index, answer) of every row of logits [N, C] whose largest is not that of its label [N]."""
    answers = logits.argmax(1)
    wrong = (answers != labels).nonzero().flatten()
    return tuple(zip(wrong.tolist(), answers[wrong].tolist(), strict=True))


def reliability(logits: Tensor, labels: Tensor, bins: int = BINS) -> tuple[Bin, ...]:
    """Confidence and correctness of logits [N, C] in bins ((k - 1) / bins, k / bins] of confidence, at T = 1.

    Raises ValueError for other shapes and labels. Guo et al. 2017, "On Calibration of Modern Neural Networks",
    arXiv 1706.04599.
    """
    arguments.batch(logits, logits, labels)
    arguments.classes(labels, logits.shape[1])
    confidence, answers = logits.double().softmax(1).max(1)
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    count = torch.bincount(place, minlength=bins).tolist()
    total = torch.bincount(place, weights=confidence, minlength=bins).tolist()
    correct = torch.bincount(place, weights=(answers == labels).double(), minlength=bins).tolist()
    return tuple(
        Bin(count=n, confidence=c, correct=round(k)) for n, c, k in zip(count, total, correct, strict=True)
    )


def gallery(data: Digits) -> tuple[GalleryDigit, ...]:
    """The test images that are shown beside the numbers."""
    shown = pixels(data.test.stored[list(data.gallery)]).tolist()
    return tuple(
        GalleryDigit(index=index, label=int(data.test.labels[index]), pixels=tuple(row))
        for index, row in zip(data.gallery, shown, strict=True)
    )
