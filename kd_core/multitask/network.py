"""One body, several heads: the network, its training as a stream of events, and a look at its gradients.

A single task is the same network with one head, trained by the same lines, so that the two can be compared to
the last bit. The body runs once a step, for all heads.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from kd_core.multitask.tasks import OUTPUTS, TaskSplit, task_loss, wrong
from kd_core.multitask.weighting import dwa_weights, project_conflicts, uncertainty_weighted, weighted_sum
from kd_core.nn.evaluation import predict
from kd_core.nn.hardware import autocast
from kd_core.nn.networks import article_cnn, initialise
from kd_core.nn.optimizers import Adam
from kd_core.nn.seeding import seeded
from kd_core.nn.training import CURVE_IMAGES, doubling, inputs_of, shuffled, spread, training_loop
from kd_core.results.events import Evaluation, Reporter, Step

Widths = tuple[int, int, int]  # channels of both convolutions, units of the dense layer
WIDTHS: dict[str, Widths] = {"medium": (16, 32, 32), "small": (4, 8, 8)}


class Joint(nn.Module):
    """A body, [N,1,28,28] -> [N,D], and a linear head for each task, [N,D] -> [N,k], by the task's id."""

    def __init__(self, body: nn.Sequential, heads: Mapping[str, nn.Linear]) -> None:
        super().__init__()
        self.body, self.heads = body, nn.ModuleDict(dict(heads))

    def forward(self, images: Tensor) -> Tensor:
        """The outputs of all heads side by side, [N, sum of k]."""
        features = self.body(images)
        return torch.cat([head(features) for head in self.heads.values()], dim=1)

    def outputs(self, images: Tensor) -> dict[str, Tensor]:
        """The outputs [N, k] of each head, in float32."""
        features = self.body(images)
        return {task: head(features).float() for task, head in self.heads.items()}

    def by_task(self, outputs: Tensor) -> dict[str, Tensor]:
        """What `forward` gave, taken apart again."""
        parts = outputs.split([OUTPUTS[task] for task in self.heads], dim=1)
        return dict(zip(self.heads, parts, strict=True))

    def shared(self) -> list[nn.Parameter]:
        """The parameters of the body."""
        return list(self.body.parameters())

    def single(self, task: str) -> nn.Sequential:
        """The body with one head, as one flat network in which the lab's other networks are kept."""
        head = self.heads[task]
        return nn.Sequential(*self.body, head)


def build(widths: Widths, tasks: Sequence[str], seed: int, device: str = "cpu") -> Joint:
    """The article's CNN up to its last layer as the body, and a head for each task.

    The body's first weights depend on seed and widths, a head's on seed, width and its task: not on the others.
    """
    with torch.device("meta"):  # torch's own initialisation would use the global generator
        body = nn.Sequential(*list(article_cnn(*widths))[:-1])
        heads = {task: nn.Linear(widths[-1], OUTPUTS[task]) for task in tasks}
    net = Joint(body, heads).to_empty(device="cpu")
    initialise(net.body, seeded(seed, "body"))
    for task, head in net.heads.items():
        initialise(head, seeded(seed, f"head {task}"))
    return net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def parameters(widths: Widths, tasks: Sequence[str]) -> int:
    """How many parameters `build` gives: 10 a + (9 a + 1) b + (25 b + 1) c + (c + 1) times the outputs."""
    a, b, c = widths
    return 10 * a + (9 * a + 1) * b + (25 * b + 1) * c + (c + 1) * sum(OUTPUTS[task] for task in tasks)


def fair_widths(widths: Widths, tasks: Sequence[str], task: str) -> Widths:
    """The widths, all scaled alike, at which a network of `task` alone has its share of the joint one's size.

    Its parameters times the number of tasks are as near to the joint network's as whole widths allow.
    """
    share = parameters(widths, tasks) / len(tasks)
    scaled = [[width * k / 100 for width in widths] for k in range(1, 101)]
    whole = {
        (max(1, r0(a)), max(1, r1(b)), max(1, r2(c)))
        for a, b, c in scaled
        for r0, r1, r2 in product((math.floor, math.ceil), repeat=3)
    }
    return min(sorted(whole), key=lambda w: abs(parameters(w, [task]) - share))


# What a step does with the losses

SCHEMES_OF_WEIGHING = ("fixed", "uncertainty", "dwa", "pcgrad")


class Combine:
    """How a joint step weighs its tasks: L = sum alpha_i L_i, or one of three schemes over these alpha_i L_i.

    weighting: "fixed", "uncertainty", "dwa" or "pcgrad". Tasks of weight 0 are left out of all of them; where
    one is left, every scheme is plain training of it. now: what each loss was multiplied by in the last step
    (for "pcgrad" alpha_i: what it changes is the gradient). Raises ValueError for another scheme and for weights
    that are negative, not finite or all 0.
    """

    def __init__(self, weighting: str, weights: Mapping[str, float], seed: int, device: str = "cpu") -> None:
        if weighting not in SCHEMES_OF_WEIGHING:
            raise ValueError(f"weighting {weighting!r} was given; there are {', '.join(SCHEMES_OF_WEIGHING)}")
        if not any(weights.values()) or not all(0 <= weight < math.inf for weight in weights.values()):
            raise ValueError(f"weights {dict(weights)} were given; finite numbers from 0 are expected, not all 0")
        self.alpha = {task: weight for task, weight in weights.items() if weight > 0}
        self.weighting = weighting if len(self.alpha) > 1 else "fixed"
        self.now = dict(weights)
        self.log_variances = torch.zeros(
            len(self.alpha), device=device, requires_grad=self.weighting == "uncertainty"
        )
        self._order = seeded(seed, "pcgrad")
        self._dwa = dict.fromkeys(self.alpha, 1.0)
        self._epochs: list[Tensor] = []  # each epoch's mean losses
        self._sum, self._steps = torch.zeros(len(self.alpha), device=device), 0

    @property
    def learned(self) -> list[Tensor]:
        """What is trained along with the network: the log variances s_i, or nothing."""
        return [self.log_variances] if self.weighting == "uncertainty" else []

    def backward(self, net: Joint, losses: Mapping[str, Tensor]) -> Tensor:
        """Leave this step's gradients in the parameters; returns the joint loss, a scalar."""
        mine = [losses[task] for task in self.alpha]
        if self.weighting == "uncertainty":
            weighted = [alpha * loss for alpha, loss in zip(self.alpha.values(), mine, strict=True)]
            total = uncertainty_weighted(weighted, self.log_variances)
            total.backward()
            return total.detach()
        if self.weighting == "pcgrad":
            return self._project(net, mine)
        factors = [alpha * self._dwa[task] for task, alpha in self.alpha.items()]
        total = weighted_sum(mine, factors) if len(mine) > 1 else factors[0] * mine[0]
        total.backward()
        if self.weighting == "dwa":
            self._sum, self._steps = self._sum + torch.stack(mine).detach(), self._steps + 1
        return total.detach()

    def _project(self, net: Joint, losses: Sequence[Tensor]) -> Tensor:
        """PCGrad on the body; each head has a gradient of its own loss only. One forward served all tasks."""
        shared, rows = net.shared(), []
        for (task, alpha), loss in zip(self.alpha.items(), losses, strict=True):
            head = list(net.heads[task].parameters())
            last = loss is losses[-1]
            grads = torch.autograd.grad(alpha * loss, [*shared, *head], retain_graph=not last)
            rows.append(torch.cat([g.reshape(-1) for g in grads[: len(shared)]]))
            for parameter, grad in zip(head, grads[len(shared) :], strict=True):
                parameter.grad = grad
        step = project_conflicts(torch.stack(rows), self._order)
        for parameter, part in zip(shared, step.split([p.numel() for p in shared]), strict=True):
            parameter.grad = part.view(parameter.shape).clone(memory_format=torch.preserve_format)
        return weighted_sum([loss.detach() for loss in losses], list(self.alpha.values()))

    def epoch_over(self) -> None:
        """DWA looks back over the last two epochs; in the first two all weights are equal."""
        if self.weighting == "dwa":
            self._epochs = [*self._epochs, self._sum / self._steps][-2:]
            self._sum, self._steps = torch.zeros_like(self._sum), 0
            if len(self._epochs) == 2:
                self._dwa = dict(
                    zip(self.alpha, dwa_weights(self._epochs[1], self._epochs[0]).tolist(), strict=True)
                )

    def factors(self) -> dict[str, float]:
        """What each task's loss is multiplied by now, by task id; a task left out has 0."""
        now = dict.fromkeys(self.now, 0.0)
        learned = (torch.exp(-self.log_variances.detach()) / 2).tolist()
        for place, (task, alpha) in enumerate(self.alpha.items()):
            now[task] = alpha * (learned[place] if self.weighting == "uncertainty" else self._dwa[task])
        return now


# Training


Look = Callable[[int, Joint, Tensor, Combine], None]  # (step from 1, network, batch, how it is weighed)


def fit(
    net: Joint,
    train: TaskSplit,
    validation: TaskSplit,
    combine: Combine,
    reporters: Mapping[str, Reporter],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    order: torch.Generator,
    precision: str,
    look: Look | None = None,
) -> Iterator[Step | Evaluation]:
    """Train `net` in place with Adam, yielding a Step and an Evaluation for each task that has a reporter.

    A Step's loss is that task's own, not weighted. look is called before every step, and must leave the
    network as it is. Evaluates after epochs that are `doubling`, on CURVE_IMAGES of the validation split and after
    the last on all of it; raises as `training_loop` does.
    """
    device = next(net.parameters()).device
    net.train()  # evaluation leaves it so
    taken = inputs_of(net, train.images)
    targets = {task: train.targets[task].to(device) for task in net.heads}
    descent = Adam([*net.parameters(), *combine.learned], learning_rate)

    def step(number: int, batch: Tensor) -> dict[Reporter, Tensor]:
        if look is not None:
            look(number, net, batch, combine)
        descent.zero_grad()
        losses = losses_of(net, taken(batch), {task: given[batch] for task, given in targets.items()}, precision)
        combine.backward(net, losses)
        descent.step()
        return {reporter: losses[task].detach() for task, reporter in reporters.items()}

    def evaluate(epoch: int) -> Iterator[Evaluation]:
        seen = validation if sample is None or epoch == epochs else validation.chosen(sample)
        for task, are_wrong in wrong_of(net, seen, precision).items():
            if task in reporters:
                told = reporters[task].evaluation(epoch, epochs, int(are_wrong.sum()), len(seen))
                if sample is not None and epoch == epochs:
                    told = replace(told, on_curve=(int(are_wrong[sample].sum()), len(sample)))
                yield told

    sample = spread(len(validation), CURVE_IMAGES)
    yield from training_loop(
        step, partial(shuffled, len(train), batch_size, order, device), evaluate, epochs=epochs,
        steps=epochs * math.ceil(len(train) / batch_size), evaluated=doubling(epochs),
        after_epoch=combine.epoch_over,
    )  # fmt: skip


def losses_of(net: Joint, images: Tensor, targets: Mapping[str, Tensor], precision: str) -> dict[str, Tensor]:
    """Each task's loss on one batch, from one pass through the body; the losses in float32."""
    with autocast(images.device.type, precision):
        outputs = net.outputs(images)
    return {task: task_loss(task, outputs[task], targets[task]) for task in net.heads}


def wrong_of(net: Joint, split: TaskSplit, precision: str) -> dict[str, Tensor]:
    """Which images of `split` each head gets wrong, bool [N] by task id, from one pass through the body."""
    outputs = net.by_task(predict(net, split.images, precision))
    return {task: wrong(task, outputs[task], split.targets[task]) for task in net.heads}
