"""What is it worth to adapt all tasks at once? Ratios to a loop over tasks with `higher`, measured in one run.

    python benchmarks/meta_learning.py [--write]

One meta-step is the gradient of MAML's loss, second derivatives included, summed over its tasks: float32, one
thread.

  higher    the usual loop: a copy of the network that can be differentiated, one task after the other
  ours      `maml`, which the lab trains with: all tasks side by side, and its backward pass

Both must give the same gradient to 1e-3 of its largest part. Two problems are measured: the paper's sinusoids (25
tasks, 10 shots, 5 inner steps) and the lab's network for digits (16 tasks of 3 digits, 5 shots, 3 inner steps) on
noise, whose speed is that of digits. Nothing else should run.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import higher
import torch
from torch import Tensor, nn

from benchmarks.report import Claim, asked, claims_table, publish, where
from benchmarks.rivals import seconds
from kd_core.data.digits import Digits, Split
from kd_core.meta_learning.adaptation import alone, maml
from kd_core.meta_learning.settings import MetaSettings
from kd_core.meta_learning.tasks import Episodes, Tasks, problem_of
from kd_core.nn.seeding import seeded

SINUSOIDS = MetaSettings(inner_steps=5)
DIGITS = MetaSettings(problem="digits", shots=5, queries=5, inner_steps=3, inner_lr=0.1, meta_batch=16)


def ours(problem: Episodes, net: nn.Module, tasks: Tasks, settings: MetaSettings) -> list[Tensor]:
    """The meta-gradient of all tasks at once."""
    theta = dict(net.named_parameters())
    (loss,) = maml(settings, problem, False)(alone(theta), tasks)
    return list(torch.autograd.grad(loss, list(theta.values())))


def with_higher(problem: Episodes, net: nn.Module, tasks: Tasks, settings: MetaSettings) -> list[Tensor]:
    """The same, one task after the other, as higher's own example for MAML does it."""
    optimizer = torch.optim.SGD(net.parameters(), lr=settings.inner_lr)
    net.zero_grad()
    for x, y, query_x, query_y in zip(*tasks.support, *tasks.query, strict=True):
        with higher.innerloop_ctx(net, optimizer, copy_initial_weights=False) as (fast, inner):
            for _ in range(settings.inner_steps):
                inner.step(problem.criterion(fast(x), y))
            problem.criterion(fast(query_x), query_y).backward()
    return [p.grad.clone() for p in net.parameters() if p.grad is not None]


def noise() -> Digits:
    """Images of noise, forty of each digit."""
    images = torch.randn(400, 1, 28, 28, generator=seeded(0, "images"))
    split = Split(images, torch.arange(400) % 10)
    return Digits("noise", split, split, split, ())


def ratios(settings: MetaSettings, n: int, repeats: int) -> list[float]:
    """higher / ours, n times `repeats` meta-steps each, the rivals taking turns; asserts that gradients agree."""
    problem = problem_of(settings, noise(), 0)
    net = problem.network(seeded(0, "weights"))
    found = []
    for turn in range(n):
        tasks = problem.draw(settings.meta_batch, seeded(turn, "tasks"))
        for mine, theirs in zip(*(f(problem, net, tasks, settings) for f in (ours, with_higher)), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3 * theirs.abs().max().item())
        theirs, mine = (
            seconds(lambda f=f, tasks=tasks: [f(problem, net, tasks, settings) for _ in range(repeats)])  # type: ignore[misc]
            for f in (with_higher, ours)
        )
        found.append(theirs / mine)
    return found


def main() -> None:
    """Measure, print, and write if asked to."""
    options = asked(__doc__, 7)
    torch.set_num_threads(1)
    claims = [
        Claim("sinusoids, 25 tasks, 5 inner steps: loop with higher / ours", ratios(SINUSOIDS, options.n, 10), 6.0),
        Claim("digits' CNN, 16 tasks, 3 inner steps: loop with higher / ours", ratios(DIGITS, options.n, 1), 3.0),
    ]
    body = "\n\n".join([
        "## Meta-learning",
        "One meta-step of MAML with second derivatives, float32; both give the same gradient.",
        claims_table(claims),
        where(["torch", "higher"], threads=torch.get_num_threads()),
    ])  # fmt: skip
    publish({"meta_learning": body}, options.write)


if __name__ == "__main__":
    main()
