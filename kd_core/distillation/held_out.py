"""Digits that a student never sees, and what their biases are worth to it.

A transfer set without 3s teaches by its soft targets what a 3 is like, but also that there are none: the
student's bias of the 3 is much too low. Raised by the right amount, it finds most of them.
Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a Neural Network", section 3.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kd_core.data.digits import Digits
from kd_core.distillation.settings import DIGITS_LEFT_OUT, SHIFTS
from kd_core.nn import arguments
from kd_core.nn.evaluation import count_errors, predict
from kd_core.results.schema import ArmTrial

FAR = 100.0  # logits: beyond it one class has everything
HALVINGS = 60  # leave less than float64 tells apart


def kept(labels: Tensor, left_out: str) -> Tensor:
    """Which of labels [N] are in the transfer set: bool [N]."""
    return ~_of(labels, DIGITS_LEFT_OUT[left_out])


def by_shift(logits: Tensor, labels: Tensor, digits: Sequence[int], shift: float) -> tuple[int, int]:
    """Errors of logits [N, C] once `shift` is added to the logits of `digits`, and those among their images.

    Raises ValueError for other shapes and labels, TypeError for labels that are no integers.
    """
    arguments.batch(logits, logits, labels)
    arguments.classes(labels, logits.shape[1])
    raised = logits.double().clone()
    raised[:, list(digits)] += shift
    own = _of(labels, digits)
    return count_errors(raised, labels), count_errors(raised[own], labels[own])


def matching_shift(logits: Tensor, digits: Sequence[int], share: float) -> float:
    """The shift of the logits of `digits` at which these get a mean probability of `share` over logits [N, C].

    No label is needed, only how frequent the digits are: 0 < share < 1. The mean probability rises with the
    shift, so that halving finds it. Raises ValueError for another share and other shapes, and unless `digits` are
    some of the classes, but not all.
    """
    arguments.shape("logits", logits, ("N", "C"))
    if not 0 < share < 1:
        raise ValueError(f"share = {share} was given; it must lie between 0 and 1")
    among = logits.double()
    inside = torch.zeros(logits.shape[1], dtype=torch.bool)
    if not set(digits) < set(range(logits.shape[1])) or not digits:
        raise ValueError(
            f"digits {list(digits)} were given; some of 0 to {logits.shape[1] - 1} are expected, not all"
        )
    inside[list(digits)] = True
    odds = among[:, inside].logsumexp(1) - among[:, ~inside].logsumexp(1)
    low, high = -FAR, FAR
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if torch.sigmoid(odds + middle).mean() < share else (low, middle)
    return (low + high) / 2


def looked_at(done: ArmTrial, model: nn.Module, data: Digits, left_out: str) -> ArmTrial:
    """The finished trial with what a shift of the left-out digits' biases would make of it.

    series: test errors, and those among the images of these digits ("missed"), at each of SHIFTS. measures: the
    shift that matches the class priors on the validation images, without any label; the one with the fewest
    test errors, which is tuned on the test set as the paper's is; and the errors at both.
    """
    digits = DIGITS_LEFT_OUT[left_out]
    logits, labels = predict(model, data.test.stored), data.test.labels
    share = _of(data.train.labels, digits).double().mean().item()
    matched = matching_shift(predict(model, data.validation.stored), digits, share)
    at = [by_shift(logits, labels, digits, shift) for shift in SHIFTS]
    errors, missed = zip(*at, strict=True)
    tuned = min(range(len(SHIFTS)), key=errors.__getitem__)
    at_match = by_shift(logits, labels, digits, matched)
    return done.model_copy(
        update={
            "series": {"errors by shift": errors, "missed by shift": missed},
            "measures": {
                "left-out images": int(_of(labels, digits).sum()),
                "matched shift": matched, "matched errors": at_match[0], "matched missed": at_match[1],
                "tuned shift": SHIFTS[tuned], "tuned errors": errors[tuned], "tuned missed": missed[tuned],
            },
        }
    )  # fmt: skip


def _of(labels: Tensor, digits: Sequence[int]) -> Tensor:
    return torch.isin(labels, torch.tensor(digits, dtype=labels.dtype, device=labels.device))
