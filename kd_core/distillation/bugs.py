"""Well-known bugs of distillation code, each as a few lines, so that a run can show what it does.

`loss` is the distillation loss with a bug of its own; `spoilt` and `in_training_mode` are bugs of what the loss is
given. The right loss is `kd_core.distillation.distillation_loss`. N batch, C classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kd_core.data.stored import Images
from kd_core.distillation.divergence import allowed_temperature
from kd_core.nn import arguments
from kd_core.nn.evaluation import EVALUATION_BATCH
from kd_core.nn.networks import Dropout

OF_THE_LOSS = ("no_t_squared", "mean", "reversed")
OF_THE_TEACHER = ("training_mode", "shuffled", "double_softmax")


def loss(
    bug: str,
    student_logits: Tensor,
    teacher_logits: Tensor,
    labels: Tensor,
    temperature: float | Tensor,
    alpha: float | Tensor,
    *,
    t_squared: bool = True,
) -> Tensor:
    """The distillation loss with one of the bugs `OF_THE_LOSS`, a scalar.

    "no_t_squared": KL in place of T² KL. "mean": torch's default reduction, which divides by N C and not by N, so
    the soft part is C times too small. "reversed": KL(p_student || p_teacher), what kl_div gives when its two
    arguments change places. Logits [N, C], labels int64 [N]. The usual formula, in the logits' own arithmetic, for
    half precision in float32: it is what training steps call. Raises ValueError for another bug and other shapes,
    Problem unless 1e-100 <= T <= 1e100, IndexError for labels that are not 0 to C - 1.
    """
    temperature = allowed_temperature(temperature)
    arguments.batch(student_logits, teacher_logits, labels)
    student_logits, teacher_logits = arguments.full(student_logits), arguments.full(teacher_logits)
    log_p = F.log_softmax(teacher_logits.detach() / temperature, dim=1)
    log_q = F.log_softmax(student_logits / temperature, dim=1)
    if bug == "no_t_squared":
        soft = F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    elif bug == "mean":  # reduction="mean" itself warns, on every step
        soft = F.kl_div(log_q, log_p, reduction="batchmean", log_target=True) / log_p.shape[1]
    elif bug == "reversed":
        soft = F.kl_div(log_p, log_q, reduction="batchmean", log_target=True)
    else:
        raise ValueError(f"bug {bug!r} was given; those of the loss are {', '.join(OF_THE_LOSS)}")
    scale = temperature * temperature if t_squared and bug != "no_t_squared" else 1.0
    return alpha * scale * soft + (1 - alpha) * F.cross_entropy(
        student_logits, labels, ignore_index=arguments.NO_LABEL
    )


def spoilt(bug: str, teacher_logits: Tensor, generator: torch.Generator) -> Tensor:
    """The teacher's logits [N, C] as one of the bugs `OF_THE_TEACHER` hands them to the loss.

    "shuffled": row i holds the logits of another image, as when they were computed from a loader that shuffles.
    "double_softmax": the teacher ends in a softmax, and the loss takes its probabilities for logits.
    Others leave them as they are ("training_mode" needs the network: `in_training_mode`). Raises ValueError for
    what is no bug, "none" apart, and for other shapes.
    """
    if bug not in ("none", *OF_THE_LOSS, *OF_THE_TEACHER):
        raise ValueError(f"bug {bug!r} was given; there are {', '.join((*OF_THE_LOSS, *OF_THE_TEACHER))}")
    arguments.shape("teacher_logits", teacher_logits, ("N", "C"))
    if bug == "shuffled":
        return teacher_logits[torch.randperm(len(teacher_logits), generator=generator).to(teacher_logits.device)]
    if bug == "double_softmax":
        return F.softmax(arguments.full(teacher_logits), dim=1)
    return teacher_logits


def in_training_mode(model: nn.Module, images: Images, seed: int) -> Tensor:
    """Logits float32 [N, C] of a teacher that was left in training mode: its dropout still drops.

    A batch norm would use the batch's own statistics. Each image gets one draw of masks, from `seed`, whatever the
    teacher has drawn before. The model is left in evaluation mode.
    """
    device = next(model.parameters()).device
    for module in model.modules():
        if isinstance(module, Dropout):
            module.generator.manual_seed(seed)
    model.train()
    with torch.no_grad():
        rows = [model(part.to(device)).float().cpu() for part in images.split(EVALUATION_BATCH)]
    model.eval()
    return torch.cat(rows)
