"""Checks for anybody's distillation code: each raises AssertionError where a well-known bug is in it.

A loss is a function loss(student_logits, teacher_logits, labels, temperature, alpha) -> scalar, with alpha on the
teacher; the page "Conventions and bugs" shows these functions as they stand here. N batch, C classes.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor, float, float], Tensor]


def random_logits(n: int = 8, classes: int = 10) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of a student and of a teacher [N, C], and labels [N]."""
    generator = torch.Generator().manual_seed(0)
    z, v = (3 * torch.randn(n, classes, generator=generator, dtype=torch.float64) for _ in range(2))
    return z.requires_grad_(), v, torch.randint(classes, (n,), generator=generator)


def gradient_at_large_t(loss: Loss) -> None:
    """As T grows, the soft gradient turns into (z - v) / (N C), of centred logits; Hinton 2015, eq. 4."""
    z, v, labels = random_logits()
    (gradient,) = torch.autograd.grad(loss(z, v, labels, 1000.0, 1.0), z)
    z0, v0 = (x - x.mean(1, keepdim=True) for x in (z.detach(), v))
    assert torch.allclose(gradient, (z0 - v0) / z.numel(), rtol=0.05, atol=1e-3)


def classes_that_nobody_gives(loss: Loss) -> None:
    """Ten more classes with probability 0 for both change nothing."""
    z, v, labels = random_logits()
    wide_z, wide_v = (F.pad(x, (0, 10), value=-1e4) for x in (z, v))
    assert torch.allclose(loss(z, v, labels, 4.0, 0.9), loss(wide_z, wide_v, labels, 4.0, 0.9))


def student_that_knows_nothing(loss: Loss) -> None:
    """For a uniform student KL(p || q) is log C - H(p), in closed form."""
    z, v, labels = random_logits()
    p = F.softmax(v / 4.0, dim=1)
    entropy = -(p * p.log()).sum(1).mean()
    assert torch.allclose(loss(0 * z, v, labels, 4.0, 1.0), 4.0**2 * (math.log(10) - entropy))


def student_equal_to_teacher(loss: Loss) -> None:
    """A student with the teacher's own logits has nothing left to learn from it."""
    _z, v, labels = random_logits()
    assert loss(v, v, labels, 4.0, 1.0).abs() < 1e-9


def same_answer_twice(teacher: Callable[[Tensor], Tensor], images: Tensor) -> None:
    """A teacher that teaches gives one image one answer."""
    with torch.no_grad():
        assert torch.equal(teacher(images), teacher(images))


def logits_belong_to_these_images(teacher_logits: Tensor, labels: Tensor) -> None:
    """A good teacher is mostly right about the images it was trained on."""
    right = (teacher_logits.argmax(1) == labels).double().mean()
    assert right > 0.9


def logits_are_not_probabilities(teacher_logits: Tensor) -> None:
    """Probabilities taken for logits give almost uniform answers, at T = 1 already."""
    p = F.softmax(teacher_logits.double(), dim=1)
    entropy = -(p * p.log()).sum(1).mean()
    assert entropy < 0.5 * math.log(p.shape[1])
