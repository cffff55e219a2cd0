"""The article's networks count as it says, and weights come from the seed alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kd_core.nn import fastconv
from kd_core.nn.conv_pool import ConvPool
from kd_core.nn.cost import costs_of, multiply_adds
from kd_core.nn.networks import Dropout, article_cnn, build, crop_to_receptive_field, initialise


def seed(n=0):
    return torch.Generator().manual_seed(n)


@pytest.mark.parametrize(
    ("name", "role", "parameters"),
    [("article", "teacher", 121_930), ("article", "student", 30_762), ("cnn16", "student", 30_762),
     ("cnn4", "student", 4 * 10 + 8 * 37 + 8 * 201 + 90),
     ("mlp30", "student", 784 * 30 + 30 + 30 * 30 + 30 + 300 + 10),
     ("mlp800", "student", 784 * 800 + 800 + 800 * 800 + 800 + 8000 + 10),
     ("mlp1200", "teacher", 784 * 1200 + 1200 + 1200 * 1200 + 1200 + 12000 + 10)],
)  # fmt: skip
def test_parameters(name, role, parameters):
    model = build(name, role, seed())
    assert costs_of([model], torch.zeros(1, 1, 28, 28))[0].parameters == parameters
    assert model(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_multiply_adds_by_hand():
    image = torch.zeros(1, 1, 28, 28)
    cnn = 26 * 26 * 32 * 9 + 11 * 11 * 64 * 32 * 9 + 1600 * 64 + 64 * 10
    mlp = 784 * 30 + 30 * 30 + 300
    both = [build("article", "teacher", seed()), build("mlp30", "student", seed())]
    large, small = costs_of(both, image, warm=0.1, blocks=10)
    assert large.multiply_adds == cnn
    assert small.multiply_adds == mlp
    with torch.device("meta"):
        odd = article_cnn(12, 23, 22)  # whose channels the compiled pass fills up
    assert multiply_adds(odd, image) == 26 * 26 * 12 * 9 + 11 * 11 * 23 * 12 * 9 + 25 * 23 * 22 + 22 * 10
    assert small.bytes == 4 * small.parameters
    assert 0 < small.latency_ms < large.latency_ms


class Grouped(nn.Sequential):
    """Layers that a backbone may have."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=4), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 1),
            nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(54, 5),
        )  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_multiply_adds_are_those_that_torchs_counter_counts(device):
    model, image = Grouped().to(device), torch.zeros(2, 4, 13, 11, device=device)
    with FlopCounterMode(display=False) as counter:
        model(image)
    model.train()
    assert multiply_adds(model, torch.zeros(2, 4, 13, 11)) == counter.get_total_flops() / 2 > 0
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())


@pytest.mark.parametrize("is_compiled", [True, False])
def test_cnn_is_the_articles_function_with_relu_before_pooling(monkeypatch, is_compiled):
    if not is_compiled:
        monkeypatch.setattr(fastconv, "available", lambda: False)
    model = build("article", "student", seed())
    first, _, _, second, _, _, flatten, dense, _, last = model
    images = torch.randn(5, 1, 28, 28, generator=seed(1))
    usual = nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        flatten, dense, nn.ReLU(), last,
    )  # fmt: skip
    usual[0].load_state_dict(first.state_dict())
    usual[3].load_state_dict(second.state_dict())
    usual.to(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(model(images), usual(images))
        assert is_compiled or torch.equal(model(images), usual(images))
    gradients = [torch.autograd.grad(net(images).square().sum(), list(net.parameters())) for net in (model, usual)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("height", [7, 28])
def test_convolution_and_pooling_are_torchs_with_their_gradients(dtype, height):
    whole = torch.float32 if dtype is torch.bfloat16 else torch.float64  # autocast leaves double alone
    ours, convolution = ConvPool(3, 4).to(whole), nn.Conv2d(3, 4, 3).to(whole)
    initialise(ours, seed())
    convolution.load_state_dict(ours.state_dict())
    usual = nn.Sequential(convolution, nn.MaxPool2d(2), nn.ReLU())
    images = torch.randn(5, 3, height, 8, generator=seed(1), dtype=whole)
    answers = []
    for net in (ours, usual):
        x = images.clone().requires_grad_()
        weight, bias = net.parameters()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype is torch.bfloat16):
            pooled = net(x)
        loss = pooled.to(whole).square().sum()
        gradients = torch.autograd.grad(loss, [x, weight, bias], create_graph=True)
        twice = torch.autograd.grad(sum(g.square().sum() for g in gradients), weight)
        answers.append((pooled, *gradients, *twice))
    assert answers[0][0].dtype == dtype
    loose = {"atol": 0.5, "rtol": 0.05} if dtype is torch.bfloat16 else {}
    for mine, theirs in zip(*answers, strict=True):
        torch.testing.assert_close(mine, theirs, **loose)
    with torch.no_grad():  # in float64, which the compiled pass does not serve
        assert torch.equal(ours.double()(images.double()), usual.double()(images.double()))


def test_what_an_article_network_does_not_see_changes_nothing():
    model, images = build("article", "student", seed()), torch.randn(4, 1, 28, 28, generator=seed(1))
    part = crop_to_receptive_field(model, images)
    assert part.shape == (4, 1, 26, 26)
    torch.testing.assert_close(model(part), model(images))
    x = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(x).sum(), x)
    assert gradient[..., 26:, :].abs().sum() == gradient[..., 26:].abs().sum() == 0
    assert gradient[..., 25, :].abs().sum() > 0  # nothing more can be left out
    assert gradient[..., 25].abs().sum() > 0
    assert crop_to_receptive_field(build("mlp30", "student", seed()), images) is images


@pytest.mark.parametrize("size", [28, 13, 4])
def test_pooling_with_and_without_gradients_is_torchs(size):
    net, x = ConvPool(1, 4), torch.randn(3, 1, size, size, generator=seed())
    initialise(net, seed())
    net.to(memory_format=torch.channels_last)
    expected = F.max_pool2d(F.conv2d(x, net.weight, net.bias), 2).relu()  # of 26, 11 and 2 a side
    with torch.no_grad():
        assert torch.equal(net(x), expected)
    assert torch.equal(net(x), expected)


def test_equal_pixels_share_no_gradient():
    """Where all pixels of a window are alike, one of them has the whole gradient, as torch has it."""
    net = ConvPool(1, 2)
    initialise(net, seed())
    usual = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.ReLU())
    usual[0].load_state_dict(net.state_dict())
    plain = torch.full((2, 1, 6, 6), 0.5)
    for mine, theirs in zip(
        *(torch.autograd.grad(n(plain).sum(), [*n.parameters()]) for n in (net, usual)), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_weights_come_from_the_generator_only():
    torch.manual_seed(0)
    first = build("article", "student", seed(1))
    torch.manual_seed(99)
    second = build("article", "student", seed(1))
    third = build("article", "student", seed(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(next(first.parameters()), next(third.parameters()))


def test_weights_are_drawn_as_torch_draws_them():
    ours, theirs = build("mlp800", "student", seed())[1], nn.Linear(784, 800)
    bound = 784**-0.5
    assert ours.weight.abs().max() <= bound
    assert ours.weight.std().item() == pytest.approx(theirs.weight.std().item(), rel=0.02)


def test_dropout_keeps_the_mean_repeats_by_seed_and_rests_in_evaluation():
    x = torch.ones(100_000)
    first, second = Dropout(0.5, seed(7))(x), Dropout(0.5, seed(7))(x)
    assert torch.equal(first, second)
    assert first.mean().item() == pytest.approx(1, abs=0.02)
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(Dropout(0.5, seed()).eval()(x), x)


def test_unknown_network_is_named():
    with pytest.raises(ValueError, match="resnet"):
        build("resnet", "teacher", seed())
