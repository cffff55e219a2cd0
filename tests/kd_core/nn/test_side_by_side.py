"""Networks trained side by side get the numbers of each trained alone."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from kd_core.data.stored import StoredImages
from kd_core.distillation.loss import mean_cross_entropy
from kd_core.messages import Problem
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.nn.side_by_side import backward, fit_side_by_side, forward, layers_of
from kd_core.nn.training import fit
from kd_core.results.events import Evaluation, Reporter, Step

EVERY = 60  # images of one network: batches of 24, 24 and 12


def network(seed, width=30):
    return build(f"mlp{width}", "student", seeded(seed, "weights"))


def pixels(*shape):
    return torch.randint(256, (*shape, 1, 28, 28), generator=seeded(0, "pixels"), dtype=torch.uint8)


def labels(size):
    return torch.randint(10, (size,), generator=seeded(0, "labels"))


def told(events, seed):
    """A network's Evaluations, and which Steps it tells: a loss's last bit may depend on the order of a sum."""
    of_seed = [event for event in events if event.seed == seed]
    steps = {(event.step, event.steps) for event in of_seed if isinstance(event, Step)}
    return [event for event in of_seed if isinstance(event, Evaluation)], steps


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize("seeds", [(0,), (1, 2), (2, 0, 1)])
def test_each_network_is_the_one_trained_alone_to_the_last_bit(seeds, schedule, stored):
    images, targets = StoredImages(pixels(3 * EVERY)), labels(3 * EVERY)
    validation = StoredImages(pixels(50)), labels(50)
    watched = {7: validation[0][:1][0]}
    asked = dict(epochs=3, batch_size=24, learning_rate=2e-3, schedule=schedule, watched=watched, curve_images=20)

    def mine(seed):
        return torch.arange(seed * EVERY, (seed + 1) * EVERY)

    together = torch.cat([mine(seed) for seed in seeds])
    models = {Reporter("student", "alone", seed): network(seed) for seed in seeds}
    events = list(fit_side_by_side(
        models, images.chosen(together) if stored else images[together],
        lambda logits, batch: mean_cross_entropy(logits, targets[together][batch]), validation,
        orders=[seeded(seed, "order") for seed in seeds], **asked,
    ))  # fmt: skip
    for reporter, model in models.items():
        alone, place = network(reporter.seed), mine(reporter.seed)
        expected = list(fit(
            alone, images[place], lambda logits, batch, of=targets[place]: F.cross_entropy(logits, of[batch]),
            validation, reporter, order=seeded(reporter.seed, "order"), precision="float32", **asked,
        ))  # fmt: skip
        assert all(torch.equal(one, other) for one, other in
                   zip(model.state_dict().values(), alone.state_dict().values(), strict=True))  # fmt: skip
        assert told(events, reporter.seed) == told(expected, reporter.seed)
        assert [e.epoch for e in told(events, reporter.seed)[0]] == [1, 2, 3]


def test_backward_is_the_gradient_that_autograd_finds():
    model = network(0, width=7).double()
    images, targets = torch.randn(5, 784, generator=seeded(0, "images")).double(), labels(5)
    expected = torch.autograd.grad(F.cross_entropy(model(images), targets), list(model.parameters()))
    with torch.no_grad():
        activations, logits = forward(layers_of(model), images)
        slopes = (logits.softmax(1) - F.one_hot(targets, 10)) / 5  # of the cross-entropy, by hand
        backward(layers_of(model), activations, slopes)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-12, atol=1e-15)


def test_a_diverging_network_is_named_and_others_do_not_hide_it():
    models = {Reporter("student", "alone", seed): network(seed) for seed in (0, 1)}
    with torch.no_grad():
        next(reversed(models.values()))[-1].bias.fill_(torch.inf)
    images, targets = torch.zeros(16, 1, 28, 28), labels(16)
    training = fit_side_by_side(
        models, images, lambda logits, batch: mean_cross_entropy(logits, targets[batch]), (images, targets),
        epochs=1, batch_size=8, learning_rate=1e-3, schedule="constant", orders=[seeded(0, "order")] * 2,
    )  # fmt: skip
    with pytest.raises(Problem, match="not a finite number"):
        list(training)


@pytest.mark.parametrize(("name", "role"), [("article", "student"), ("mlp30", "teacher")])
def test_networks_of_other_layers_are_refused(name, role):
    with pytest.raises(ValueError, match="linear layers with ReLU"):
        layers_of(build(name, role, seeded(0, "weights")))
    sizes = [tuple(weight.shape) for weight, _ in layers_of(network(0))]
    assert all(above[1] == below[0] for below, above in pairwise(sizes))
