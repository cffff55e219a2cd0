"""Our optimizers change parameters as torch's do, to the last bit, and without its compiler."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kd_core.nn.optimizers import SGD, Adam, Group

ROOT = Path(__file__).parents[3]


def networks():
    """The same network twice: one that torch trains, and one for us."""
    made = []
    for _ in range(2):
        torch.manual_seed(0)
        made.append(torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 3)))
    return made


def trained(network, optimizer, steps=25, skipped=()):
    generator = torch.Generator().manual_seed(1)
    for number in range(steps):
        images = torch.randn(7, 1, 8, 8, generator=generator)
        optimizer.zero_grad()
        network(images).square().mean().backward()
        if number in skipped:  # as for what a loss does not depend on
            network[0].bias.grad = None
        optimizer.step()
    return [parameter.detach() for parameter in network.parameters()]


@pytest.mark.parametrize("skipped", [(), (0, 1, 5)])
def test_adam_is_torchs(skipped):
    its, mine = networks()
    by_torch = trained(its, torch.optim.Adam(its.parameters(), lr=0.01, fused=True), skipped=skipped)
    by_us = trained(mine, Adam(mine.parameters(), 0.01), skipped=skipped)
    assert all(map(torch.equal, by_us, by_torch))


@pytest.mark.parametrize("skipped", [(), (0, 1, 5)])
def test_sgd_with_momentum_and_groups_is_torchs(skipped):
    its, mine = networks()
    groups = [dict(params=its[2].parameters(), lr=0.05, weight_decay=0.01),
              dict(params=its[0].parameters(), lr=0.01, weight_decay=0.0)]  # fmt: skip
    by_torch = trained(its, torch.optim.SGD(groups, momentum=0.9), skipped=skipped)
    ours = [Group([*mine[2].parameters()], 0.05, 0.01), Group([*mine[0].parameters()], 0.01)]
    by_us = trained(mine, SGD(ours, 0.9), skipped=skipped)
    assert all(map(torch.equal, by_us, by_torch))


def test_without_any_gradient_nothing_changes():
    network = networks()[0]
    before = [parameter.detach().clone() for parameter in network.parameters()]
    Adam(network.parameters(), 0.1).step()
    SGD([Group([*network.parameters()], 0.1, 0.1)], 0.9).step()
    assert all(map(torch.equal, network.parameters(), before))


def test_neither_training_nor_counting_imports_the_compiler():
    program = """
import sys, torch
from kd_core.nn import cost
from kd_core.nn.networks import build
from kd_core.nn.optimizers import SGD, Adam, Group
network, images = build("article", "student", torch.Generator()), torch.zeros(2, 1, 28, 28)
for optimizer in Adam(network.parameters(), 0.1), SGD([Group([*network.parameters()], 0.1)], 0.9):
    optimizer.zero_grad()
    network(images).sum().backward()
    optimizer.step()
assert cost.multiply_adds(network, images[:1]) > 0
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
