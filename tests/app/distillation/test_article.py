"""The three listings of the article's loss do what is said of them."""

import pytest
import torch
import torch.nn.functional as F

from app.distillation import article
from kd_core.distillation.loss import distillation_loss


def loss_of(listing: str, teacher_logits: torch.Tensor, alpha: float):
    names = {
        "T": 5.0, "alpha": alpha, "teacher_logits": teacher_logits, "distillation_loss": distillation_loss,
        "softmax": lambda z: z.softmax(1), "cross_entropy": F.cross_entropy,
        "kl": lambda p, q: (p * (p / q).log()).sum(1).mean(),
    }  # fmt: skip
    exec(listing, names)
    return names["loss"]


@pytest.fixture
def batch():
    g = torch.Generator().manual_seed(0)
    teacher = torch.randn(600, 10, generator=g, dtype=torch.float64)
    answers = torch.randn(32, 10, generator=g, dtype=torch.float64)
    return teacher, answers, torch.randint(10, (32,), generator=g), torch.randperm(600, generator=g)[:32]


def test_the_printed_listing_cannot_run(batch):
    teacher, answers, labels, _ = batch
    with pytest.raises(RuntimeError, match=r"must match the size"):
        loss_of(article.PRINTED, teacher, 1.0)(answers, labels)


@pytest.mark.parametrize("alpha", [1.0, 0.7])
def test_corrected_and_ours_agree(batch, alpha):
    teacher, answers, labels, positions = batch
    corrected = loss_of(article.CORRECTED, teacher, alpha)(answers, labels, positions)
    ours = loss_of(article.OURS, teacher, alpha)(answers, labels, positions)
    assert ours.item() == pytest.approx(corrected.item(), rel=1e-9)
