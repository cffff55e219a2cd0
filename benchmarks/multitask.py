"""What does a joint step cost beside a single task's? Ratios of training steps, measured in one run.

    python benchmarks/multitask.py [--write]

The default body, batches of 64 in float32 on one thread, MultiMNIST's left and right digit; a step is forward,
backward and Adam, without any look at validation images.

  single     one task alone; the dearer of the two counts
  joint      both tasks with equal weights: the body runs once for both heads
  PCGrad     the same, and the body's gradient once for each task, out of that one forward pass
  looking    joint, with the run's looks at the gradients: what the pictures of conflict cost

A ratio is taken within a repetition, in which the rivals take turns step by step. Nothing else should run.
"""

import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch

from benchmarks.report import Claim, asked, claims_table, publish, where
from benchmarks.rivals import seconds
from kd_core.data.digits import load_mnist
from kd_core.multitask import trainer as multitask
from kd_core.multitask.gradient_conflict import Conflict
from kd_core.multitask.network import WIDTHS, Combine, Joint, build, losses_of
from kd_core.multitask.settings import MultitaskSettings
from kd_core.multitask.tasks import TaskSplit
from kd_core.nn.hardware import resolve

BATCH, STEPS, WARM = 64, 60, 10


class Racer:
    """One network in training: `step` does the next step on the batch of that number."""

    def __init__(
        self, train: TaskSplit, tasks: tuple[str, ...], weighting: str = "fixed", body: str = "medium"
    ) -> None:
        self.net: Joint = build(WIDTHS[body], tasks, 0)
        self.passes = 0
        self.net.body.register_forward_hook(self._passed)
        self.combine = Combine(weighting, dict.fromkeys(tasks, 1.0), 0)
        self.adam = torch.optim.Adam([*self.net.parameters(), *self.combine.learned], lr=0.002, fused=True)
        self.train = train

    def _passed(self, *_: object) -> None:
        self.passes += 1

    def step(self, number: int) -> None:
        """As `kd_core.multitask.network.fit` does it."""
        batch = torch.arange(number * BATCH, (number + 1) * BATCH) % len(self.train)
        targets = {task: self.train.targets[task][batch] for task in self.net.heads}
        self.adam.zero_grad(set_to_none=True)
        self.combine.backward(self.net, losses_of(self.net, self.train.images[batch], targets, "float32"))
        self.adam.step()


def step_ratios(train: TaskSplit, names: tuple[str, ...], body: str, n: int) -> dict[str, list[float]]:
    """joint / dearest single and PCGrad / dearest single, n times, from the median step of each."""
    ratios: dict[str, list[float]] = {"joint": [], "pcgrad": []}
    for _ in range(n):
        racers = {task: Racer(train, (task,), body=body) for task in names}
        racers |= {"joint": Racer(train, names, body=body), "pcgrad": Racer(train, names, "pcgrad", body)}
        times: dict[str, list[float]] = {name: [] for name in racers}
        for number in range(WARM + STEPS):
            for name, racer in racers.items():
                took = seconds(lambda racer=racer, number=number: racer.step(number))  # type: ignore[misc]
                if number >= WARM:
                    times[name].append(took)
        for racer in racers.values():
            assert racer.passes == WARM + STEPS, "the shared forward must be computed once a step"
        dearest = max(median(times[task]) for task in names)
        for name, mine in ratios.items():
            mine.append(median(times[name]) / dearest)
    return ratios


def looking_ratios(settings: MultitaskSettings, train: TaskSplit, n: int) -> list[float]:
    """A run's joint steps with its looks / the same without them, n times."""
    found, names = [], settings.task_names
    steps = settings.epochs * -(-settings.train_size // BATCH)
    for _ in range(n):
        racer = Racer(train, names)
        look = Conflict(train, steps, BATCH, "float32", 0)
        plain = looking = 0.0
        for number in range(steps):
            plain += seconds(lambda racer=racer, number=number: racer.step(number))  # type: ignore[misc]
            batch = torch.arange(number * BATCH, (number + 1) * BATCH) % len(train)
            looking += seconds(
                lambda at=number + 1, of=racer, batch=batch, look=look: look(at, of.net, batch, of.combine)  # type: ignore[misc]
            )
        found.append((plain + looking) / plain)
    return found


def main() -> None:
    """Measure, print, and write if asked to."""
    options = asked(__doc__, 5)
    torch.set_num_threads(1)
    settings = resolve(MultitaskSettings())
    train = multitask.task_digits(settings, load_mnist(), 0).train
    claims = []
    for body in ("medium", "small"):
        ratios = step_ratios(train, settings.task_names, body, options.n)
        claims.append(Claim(f"{body} body: joint step, equal weights / dearer single step", ratios["joint"], 1.3,
                            at_least=False))  # fmt: skip
        claims.append(
            Claim(f"{body} body: PCGrad step / dearer single step", ratios["pcgrad"], 2.5, at_least=False)
        )
    claims.append(Claim("default run's joint steps: with looks at the gradients / without",
                        looking_ratios(settings, train, options.n), 1.25, at_least=False))  # fmt: skip
    body = "\n\n".join([
        "## Joint steps",
        f"Left and right digit of MultiMNIST, batch {BATCH}, float32, one thread; every network's body ran once a "
        "step (counted).",
        claims_table(claims),
        where(["torch"], threads=1),
    ])  # fmt: skip
    publish({"multitask": body}, options.write)


if __name__ == "__main__":
    main()
