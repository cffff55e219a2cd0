"""Images moved by some pixels, and a network's answers averaged over all of them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kd_core.nn.evaluation import predict
from kd_core.nn.moves import mean_over_moves, moved
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded


def test_moved_images_are_their_own_shifted_by_whole_pixels():
    images = torch.randn(40, 1, 28, 28)
    images[:, :, 0, 0] = -0.4  # the ground
    out = moved(images, 2, seeded(0, "moves"))
    padded = F.pad(images + 0.4, (2, 2, 2, 2)) - 0.4
    moves = set()
    for before, after in zip(padded, out, strict=True):
        fits = [
            (dy, dx) for dy in range(5) for dx in range(5)
            if torch.allclose(before[:, dy : dy + 28, dx : dx + 28], after, atol=1e-6)
        ]  # fmt: skip
        assert len(fits) == 1
        moves.add(fits[0])
    assert len(moves) > 10


@pytest.mark.parametrize(("pixels", "network"), [(1, "mlp30"), (2, "article"), (0, "mlp30")])
def test_an_averaged_answer_is_the_mean_over_every_way_of_moving_the_image(pixels, network, monkeypatch):
    monkeypatch.setattr("kd_core.nn.moves.AT_ONCE", 4)  # the images do not fill the last part
    images = torch.randn(6, 1, 28, 28)
    images[:, :, 0, 0] = torch.linspace(-1, 1, 6).view(6, 1)  # each image's own ground
    model = build(network, "teacher", seeded(0, "teacher weights")).train()
    expected = torch.zeros(6, 10, dtype=torch.float64)
    for n, image in enumerate(images):
        ground = image[0, 0, 0]
        wide = F.pad(image - ground, (pixels,) * 4) + ground
        for top in range(2 * pixels + 1):
            for left in range(2 * pixels + 1):
                expected[n] += predict(model, wide[None, :, top : top + 28, left : left + 28])[0]
    expected /= (2 * pixels + 1) ** 2
    torch.testing.assert_close(mean_over_moves(model, images, pixels).double(), expected, atol=1e-5, rtol=1e-5)
    assert model.training


def test_a_network_that_counts_light_answers_alike_wherever_the_digit_stands():
    images = torch.zeros(3, 1, 28, 28)
    images[:, :, 10:18, 12:16] = torch.rand(3, 1, 8, 4)
    counting = nn.Sequential(nn.Flatten(), nn.Linear(784, 1, bias=False))
    nn.init.ones_(counting[1].weight)
    torch.testing.assert_close(mean_over_moves(counting, images, 2), predict(counting, images))
