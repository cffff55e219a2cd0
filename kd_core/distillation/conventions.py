"""The distillation loss as others write it, and the settings there that equal this lab's (T, alpha).

Here alpha is the weight ON THE TEACHER: alpha T² KL(p_teacher || p_student) + (1 - alpha) CE(labels). Each loss
below follows its source, with that source's own names for its settings; read in November 2026 at the versions
named. Logits are [N, C], labels int64 [N]; each loss is a scalar. `*_settings` translate this lab's (T, alpha).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kd_core.distillation.divergence import allowed_temperature
from kd_core.nn import arguments

KERAS_EPSILON = 1e-7  # keras.losses.KLDivergence cuts probabilities off below it
ALMOST_ZERO = 1e-9


def rep_distiller(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, *, kd_t: float, gamma: float, alpha: float
) -> Tensor:
    """RepDistiller (Tian et al. 2020): gamma CE + alpha T² KL, KL summed over classes and averaged over the batch.

    Both weights are free. gamma is 1 unless it is given (-r); its own script for KD gives -r 0.1 -a 0.9.
    github.com/HobbitLong/RepDistiller, helper/loops.py and distiller_zoo/KD.py.
    """
    student_logits, teacher_logits, labels = _checked(student_logits, teacher_logits, labels, kd_t)
    return gamma * F.cross_entropy(student_logits, labels) + alpha * kd_t**2 * _kl(
        student_logits, teacher_logits, kd_t
    )


def rep_distiller_settings(temperature: float, alpha: float) -> dict[str, float]:
    """Equal to this lab's loss: gamma = 1 - alpha, alpha = alpha."""
    return {"kd_t": temperature, "gamma": 1 - alpha, "alpha": alpha}


def torchdistill(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    alpha: float,
    beta: float | None = None,
) -> Tensor:
    """torchdistill 1.1.5, KDLoss: alpha CE + beta T² KL with beta = 1 - alpha unless it is given.

    alpha is the weight on the LABELS. At alpha = 0 a shortcut returns KL alone, without beta and without T².
    github.com/yoshitomo-matsubara/torchdistill, torchdistill/losses/mid_level.py.
    """
    student_logits, teacher_logits, labels = _checked(student_logits, teacher_logits, labels, temperature)
    kl = _kl(student_logits, teacher_logits, temperature)
    if alpha == 0:
        return kl
    beta = 1 - alpha if beta is None else beta
    return alpha * F.cross_entropy(student_logits, labels) + beta * temperature**2 * kl


def torchdistill_settings(temperature: float, alpha: float) -> dict[str, float]:
    """Equal to this lab's loss: alpha = 1 - alpha; for no labels at all a tiny alpha, for 0 takes the shortcut."""
    if alpha == 1:
        return {"temperature": temperature, "alpha": ALMOST_ZERO, "beta": 1.0}
    return {"temperature": temperature, "alpha": 1 - alpha}


def keras_io(
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    *,
    temperature: float,
    alpha: float,
    t_squared: bool = True,
) -> Tensor:
    """The example of keras.io: alpha CE + (1 - alpha) T² KL; t_squared=False: as it was before May 2022.

    alpha is the weight on the LABELS, 0.1 in its run. Keras cuts probabilities off at 1e-7.
    github.com/keras-team/keras-io, examples/vision/knowledge_distillation.py; T² came with pull request 870.
    """
    student_logits, teacher_logits, labels = _checked(student_logits, teacher_logits, labels, temperature)
    p, q = (
        F.softmax(logits / temperature, dim=1).clamp(KERAS_EPSILON, 1)
        for logits in (teacher_logits, student_logits)
    )
    kl = (p * (p / q).log()).sum(1).mean()
    scale = temperature**2 if t_squared else 1.0
    return alpha * F.cross_entropy(student_logits, labels) + (1 - alpha) * scale * kl


def keras_io_settings(temperature: float, alpha: float, *, t_squared: bool = True) -> dict[str, float]:
    """alpha = 1 - alpha is equal to this lab's loss.

    Without T² no alpha is equal, but one weighs labels against teacher alike, (1 - alpha) / (1 - alpha + alpha T²);
    the loss is then 1 / (1 - alpha + alpha T²) of ours, and so is a step of plain gradient descent.
    """
    if t_squared:
        return {"temperature": temperature, "alpha": 1 - alpha}
    return {"temperature": temperature, "alpha": (1 - alpha) / (1 - alpha + alpha * temperature**2)}


def article_formula(student_logits: Tensor, teacher_logits: Tensor, *, temperature: float) -> Tensor:
    """The article, section 4.1: T² KL. It stands without labels, so it is this lab's loss at alpha = 1 only."""
    return temperature**2 * article_listing(student_logits, teacher_logits, temperature=temperature)


def article_listing(student_logits: Tensor, teacher_logits: Tensor, *, temperature: float) -> Tensor:
    """The article, section 5.1, made to run: KL alone. 1 / T² of this lab's loss at alpha = 1."""
    arguments.tensor("student_logits", student_logits)
    no_labels = torch.zeros(student_logits.shape[:1], dtype=torch.long, device=student_logits.device)
    student_logits, teacher_logits, _ = _checked(student_logits, teacher_logits, no_labels, temperature)
    return _kl(student_logits, teacher_logits, temperature)


def _checked(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The same, in float32 at least, once they are known to fit each other."""
    allowed_temperature(temperature)
    arguments.batch(student_logits, teacher_logits, labels)
    labels = arguments.classes(labels, student_logits.shape[1])
    return arguments.full(student_logits), arguments.full(teacher_logits), labels


def _kl(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """KL(p_teacher || p_student), both softened: summed over classes, averaged over the batch."""
    log_p, log_q = (torch.log_softmax(logits / temperature, dim=1) for logits in (teacher_logits, student_logits))
    return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
