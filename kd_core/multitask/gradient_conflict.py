"""Where tasks pull the shared layers in different directions, seen now and then through a training.

A look takes every task's gradient with respect to the body on the batch at hand and on one other batch. It uses
`autograd.grad`, which leaves nothing behind, and a generator of its own: training does not change by one bit.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from kd_core.multitask.network import Combine, Joint, losses_of
from kd_core.multitask.tasks import TaskSplit
from kd_core.multitask.weighting import gradient_cosines
from kd_core.nn.seeding import seeded

LOOKS = 20  # through a training, spread evenly
DIGITS = 5  # significant ones that are kept of each number


def task_gradients(losses: Mapping[str, Tensor], parameters: Sequence[nn.Parameter]) -> Tensor:
    """[tasks, params]: the gradient of each loss with respect to `parameters`, laid out in one row.

    A parameter on which a loss does not depend has gradient 0. Raises ValueError without losses or parameters, and
    for a loss that is no scalar or has no gradient at all.
    """
    if not losses or not parameters:
        raise ValueError(
            f"{len(losses)} losses and {len(parameters)} parameters were given; at least one is expected"
        )
    rows = []
    for place, (task, loss) in enumerate(losses.items(), start=1):
        if loss.dim() or not loss.requires_grad:
            raise ValueError(
                f"the loss of {task!r} is {list(loss.shape)}, requires_grad={loss.requires_grad}; "
                "a scalar that depends on the parameters is expected"
            )
        grads = torch.autograd.grad(
            loss, list(parameters), retain_graph=place < len(losses), materialize_grads=True
        )
        rows.append(torch.cat([grad.reshape(-1) for grad in grads]))
    return torch.stack(rows)


class Conflict:
    """What is seen of one joint training, for `look` of `network.fit`.

    series, by name, one value a look: "step"; "cosine", the cosine of two tasks' gradients over all shared
    parameters, on the same batch, and "floor", that of one task's gradients on two batches, mean over the
    tasks: how alike they are when nothing but the batch differs; "cosine, layer l" and "floor, layer l", the
    same for one shared layer, from 1; "norm, <task>", "loss, <task>" and "weight, <task>": of the task's own
    gradient and loss, and what its loss is multiplied by. With three tasks the cosines are means over the
    pairs, and "cosine, <task>, <task>" has each pair's.
    """

    def __init__(self, train: TaskSplit, steps: int, batch_size: int, precision: str, seed: int) -> None:
        looks = min(LOOKS, steps)
        self.at = {1 + round(k * (steps - 1) / max(1, looks - 1)) for k in range(looks)}
        self.steps, self.series = steps, dict[str, list[float]]()
        self._train, self._precision, self._size = train, precision, min(batch_size, len(train))
        self._other = seeded(seed, "another batch")

    def __call__(self, step: int, net: Joint, batch: Tensor, combine: Combine) -> None:
        """Look, if it is time."""
        if step not in self.at:
            return
        other = torch.randperm(len(self._train), generator=self._other)[: self._size].to(batch.device)
        (losses, here), (_, there) = (self._gradients(net, some) for some in (batch, other))
        seen = {"step": float(step), **_cosines(list(losses), here, there, "")}
        sizes = [sum(p.numel() for p in layer.parameters()) for layer in _layers(net)]
        parts = zip(here.split(sizes, dim=1), there.split(sizes, dim=1), strict=True)
        for number, (mine, its) in enumerate(parts, start=1):
            seen |= _cosines(list(losses), mine, its, f", layer {number}")
        factors = combine.factors()
        for task, norm in zip(losses, here.norm(dim=1).tolist(), strict=True):
            seen |= {f"norm, {task}": norm, f"loss, {task}": losses[task], f"weight, {task}": factors[task]}
        for name, value in seen.items():
            self.series.setdefault(name, []).append(float(f"{value:.{DIGITS}g}"))

    def _gradients(self, net: Joint, batch: Tensor) -> tuple[dict[str, float], Tensor]:
        targets = {task: self._train.targets[task][batch.cpu()].to(batch.device) for task in net.heads}
        losses = losses_of(net, self._train.images[batch.cpu()].to(batch.device), targets, self._precision)
        gradients = task_gradients(losses, net.shared())
        return {task: loss.item() for task, loss in losses.items()}, gradients

    def measures(self, tasks: Sequence[str]) -> dict[str, float]:
        """ "share of steps in conflict", of the "steps looked at" out of all "steps"; by pair for three tasks.

        A step is in conflict where the cosine of a pair of tasks is below 0.
        """
        pairs = list(combinations(tasks, 2))
        seen = [self.series[_pair(a, b) if len(pairs) > 1 else "cosine"] for a, b in pairs]
        looked = len(self.series["step"])
        clashes = [[cosine < 0 for cosine in of_pair] for of_pair in seen]
        found = {
            "steps": float(self.steps),
            "steps looked at": float(looked),
            "share of steps in conflict": sum(map(any, zip(*clashes, strict=True))) / looked,
        }
        if len(pairs) > 1:
            for (a, b), of_pair in zip(pairs, clashes, strict=True):
                found[f"share of steps in conflict, {a}, {b}"] = sum(of_pair) / looked
        return found


def _pair(a: str, b: str) -> str:
    return f"cosine, {a}, {b}"


def _layers(net: Joint) -> list[nn.Module]:
    return [layer for layer in net.body if isinstance(layer, nn.Conv2d | nn.Linear)]


def _cosines(tasks: Sequence[str], here: Tensor, there: Tensor, where: str) -> dict[str, float]:
    """Cosine between tasks and floor of gradients [tasks, params] on two batches, named for the layer `where`."""
    between = gradient_cosines(here)
    pairs = {(i, j): float(between[i, j]) for i, j in combinations(range(len(tasks)), 2)}
    same = [float(gradient_cosines(torch.stack([a, b]))[0, 1]) for a, b in zip(here, there, strict=True)]
    seen = {f"cosine{where}": sum(pairs.values()) / len(pairs), f"floor{where}": sum(same) / len(same)}
    if len(pairs) > 1 and not where:
        seen |= {_pair(tasks[i], tasks[j]): value for (i, j), value in pairs.items()}
    return seen
