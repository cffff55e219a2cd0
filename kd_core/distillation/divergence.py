"""KL divergence between two softened answers, right at every temperature."""

import torch
import torch.nn.functional as F
from torch import Tensor

from kd_core.messages import N_, Problem
from kd_core.nn.arguments import holds, scalar, value, wide

LEAST, MOST = 1e-100, 1e100  # temperatures: beyond them float64 has no T² or none of its reciprocal
LARGE = 100.0  # temperatures above it: rounding of the usual formula grows like T², here to 1e-12 at most
NOTHING = 1e4  # so far below its row's largest softened logit a class has probability 0
SERIES = 0.01  # up to it e^x - 1 - x is summed as a series, which loses no digits
OVERFLOW = 100.0  # beyond it the other formula is as good, and nothing overflows


def allowed_temperature(given: float | Tensor) -> float | Tensor:
    """The temperature as a number, or a float64 scalar through which gradients flow.

    Raises Problem unless LEAST <= T <= MOST, TypeError for what is no single number.
    """
    temperature = scalar("temperature", given)
    if not LEAST <= value(temperature) <= MOST:
        raise Problem(
            N_("temperature = {given} is not allowed; it must be a finite number above 0 ({low} to {high})."),
            given=str(value(temperature)), low=f"{LEAST:g}", high=f"{MOST:g}",
        )  # fmt: skip
    return temperature


def divergence(student_logits: Tensor, teacher_logits: Tensor, temperature: float | Tensor) -> Tensor:
    """KL(p_teacher || p_student) of each row, both softened by T: [..., C] and [..., C] -> float64 [...], in nats.

    The loss needs T² times it, which stays as T grows while KL itself vanishes like 1 / T²; so it is computed in
    float64 (float32 on MPS), and where T is large from the differences of the logits. A class that both exclude
    (logits of -infinity) does not count; one that the teacher alone excludes only takes probability from the
    student; one that the student alone excludes makes it infinite. Gradients reach all three. Raises ValueError for
    a row that excludes every class.
    """
    z, v = wide(student_logits), wide(teacher_logits)
    if holds(torch.isneginf(torch.minimum(z.amin(), v.amin()))) is not False:
        lost = (torch.isneginf(z) & ~torch.isneginf(v)).any(-1)
        return _of_finite(floored(z, temperature), floored(v, temperature), temperature).masked_fill(
            lost, torch.inf
        )
    return _of_finite(z, v, temperature)


def floored(logits: Tensor, temperature: float | Tensor) -> Tensor:
    """Finite logits that mean probability 0 in place of -infinity, so that gradients stay numbers.

    Raises ValueError for a row that excludes every class; inside torch.func.vmap it is not a number.
    """
    largest = logits.detach().amax(-1, keepdim=True)
    if holds(torch.isneginf(largest).any()):
        raise ValueError("a row of logits is -infinity throughout; at least one class has to be possible")
    floor = largest - NOTHING * value(temperature)
    return torch.where(torch.isneginf(logits), floor, logits)


def _of_finite(z: Tensor, v: Tensor, temperature: float | Tensor) -> Tensor:
    if value(temperature) > LARGE:
        return _from_differences(z, v, temperature)
    log_p, log_q = (F.log_softmax(logits / temperature, dim=-1) for logits in (v, z))
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def _from_differences(z: Tensor, v: Tensor, temperature: float | Tensor) -> Tensor:
    """The same by log(sum p e^d) - sum p d, where d = (z - v) / T: nothing is subtracted that is nearly equal.

    With e = d - sum p d the first term is log1p(sum p (exp(e) - 1 - e)), of positive terms only.
    """
    p, d = F.softmax(v / temperature, dim=-1), (z - v) / temperature
    mean = (p * d).sum(-1, keepdim=True)
    e = d - mean
    x = e.clamp(-SERIES, SERIES)
    series = x * x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x / 720))))
    growth = torch.where(e.abs() < SERIES, series, torch.expm1(e.clamp(max=OVERFLOW)) - e)
    near = torch.log1p((p * growth).sum(-1))
    far = (z / temperature).logsumexp(-1) - (v / temperature).logsumexp(-1) - mean.squeeze(-1)
    return torch.where(e.amax(-1) <= OVERFLOW, near, far)
