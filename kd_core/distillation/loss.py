"""The distillation loss.

    p_i = exp(z_i / T) / sum_j exp(z_j / T)
    L = alpha T² KL(p_teacher || p_student) + (1 - alpha) CE(labels, p_student at T = 1)

Hinton, Vinyals, Dean 2015, "Distilling the Knowledge in a Neural Network", arXiv 1503.02531.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kd_core.distillation.divergence import allowed_temperature, divergence, floored
from kd_core.messages import N_, Problem
from kd_core.nn import arguments


def soft_targets(logits: Tensor, temperature: float | Tensor) -> Tensor:
    """Softened probabilities [..., C] of logits [..., C], C at least 1: p_i = exp(z_i / T) / sum_j exp(z_j / T).

    T = 1 is the plain softmax; T -> 0 the arg max; T -> infinity the uniform distribution. The order
    of the classes never changes. Gradients reach the logits, and T where it is a tensor. Half precision gives
    float32. Raises Problem unless 1e-100 <= T <= 1e100, ValueError without a class that is possible.
    Hinton et al. 2015, eq. 1.
    """
    temperature = allowed_temperature(temperature)
    arguments.tensor("logits", logits)
    if logits.dim() == 0 or logits.shape[-1] == 0:
        raise ValueError(f"logits are {list(logits.shape)}; [..., C] is expected, C at least 1")
    z = floored(arguments.wide(logits), temperature)
    shifted = z - z.detach().amax(dim=-1, keepdim=True)  # so that z / T does not overflow where T is tiny
    return F.softmax(shifted / temperature, dim=-1).to(arguments.full(logits).dtype)


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float | Tensor,
    alpha: float | Tensor,
    *,
    t_squared: bool = True,
) -> Tensor:
    """The distillation loss, a scalar, averaged over the batch:

        alpha · T² · KL(p_teacher || p_student) + (1 - alpha) · cross_entropy(student_logits, labels)

    with both p softened by T. Logits are [N, C], labels integers [N] from 0 to C - 1, N and C at least 1. alpha
    is the weight ON THE TEACHER (in RepDistiller too; in torchdistill and keras-io it is the weight on the
    labels). T² keeps the soft gradient from vanishing like 1 / T² as T grows. t_squared=False leaves it out, which
    acts like alpha' = alpha / (alpha + (1 - alpha) T²) at another step size.

    Gradients reach student_logits, and T and alpha where they are tensors of one number; none reaches
    teacher_logits. It is computed in float64 (`divergence`), to all digits of the logits' own type at every T, and
    returned in that type, for half precision in float32. A class with logits of -infinity in both does not count.
    A term of weight 0 is left out, unless a gradient for alpha is wanted. Raises Problem unless 1e-100 <= T <=
    1e100 and 0 <= alpha <= 1, ValueError for other shapes and labels, TypeError for labels that are no integers.
    Looking at the labels waits for a GPU: a training step that has looked before may call `unchecked_loss`.
    Hinton et al. 2015, section 2.
    """
    temperature, alpha = allowed_temperature(temperature), arguments.scalar("alpha", alpha)
    if not 0 <= arguments.value(alpha) <= 1:
        raise Problem(N_("alpha = {given} is not allowed; it must be 0 to 1."), given=str(arguments.value(alpha)))
    arguments.batch(student_logits, teacher_logits, labels)
    labels = arguments.classes(labels, student_logits.shape[1])
    student, teacher = arguments.full(student_logits), arguments.full(teacher_logits)
    learned = isinstance(alpha, Tensor) and alpha.requires_grad
    terms = []
    if learned or alpha > 0:
        scale = temperature * temperature if t_squared else 1.0
        terms.append(alpha * scale * divergence(student, teacher.detach(), temperature).mean())
    if learned or alpha < 1:
        hard = F.cross_entropy(arguments.wide(student), labels, ignore_index=arguments.NO_LABEL)
        terms.append((1 - alpha) * hard)
    loss = terms[0] + terms[1] if len(terms) > 1 else terms[0]
    return loss.to(torch.promote_types(student.dtype, teacher.dtype))


def unchecked_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float,
    alpha: float,
    *,
    t_squared: bool = True,
) -> Tensor:
    """`distillation_loss` for training steps: the usual formula in the logits' own arithmetic, without a check.

    Logits [..., N, C] in float32 or float64, finite, labels int64 [..., N], T and alpha numbers in their ranges;
    [...], for networks side by side, is the shape of what comes back. In float32 the value is off by about
    T² · 1e-7, the gradient by T · 1e-7.
    """
    if alpha == 0:
        return mean_cross_entropy(student_logits, labels)
    # Both in logarithms, so that equal logits give exactly 0; p = 0 must not become 0 times infinity.
    log_p = F.log_softmax(teacher_logits.detach() / temperature, dim=-1)
    log_p = log_p.clamp_min(torch.finfo(log_p.dtype).min)
    log_q = F.log_softmax(student_logits / temperature, dim=-1)
    soft = F.kl_div(log_q, log_p, reduction="none", log_target=True).sum((-2, -1)) / labels.shape[-1]
    soft = alpha * (temperature * temperature if t_squared else 1.0) * soft
    return soft if alpha == 1 else soft + (1 - alpha) * mean_cross_entropy(student_logits, labels)


def mean_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy averaged over N: [...] of logits [..., N, C] and labels int64 [..., N]."""
    each = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none")
    return each.view(labels.shape).mean(-1)
