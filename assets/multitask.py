"""What the multi-task page shows at first: a moment of conflict."""

import copy
import json
from pathlib import Path

import torch

from assets.recording import HERE, all_short, short
from kd_core.data.digits import Digits, load_mnist
from kd_core.multitask import gradient_conflict, network, trainer
from kd_core.multitask.settings import TASK_LABELS, MultitaskSettings
from kd_core.multitask.tasks import TaskDigits
from kd_core.multitask.weighting import gradient_cosines
from kd_core.nn.hardware import resolve
from kd_core.nn.seeding import seeded

STEP_SIZE = 0.005  # of plain gradient descent, on the multi-task page's picture


def record_step(path: Path = HERE / "recorded-multitask-step.json", seeds: int = 3) -> None:
    """One moment of a real joint run of the small body in which a step with weights 1 and 1 makes a loss rise.

    Found by looking at every step: gradients g1, g2 of both losses over the shared parameters on the batch at
    hand. The loss of task 1 rises where g1 · (g1 + g2) < 0; of all such steps the one is kept in which
    -g1 · (g1 + g2) / (||g1|| ||g2||) is largest. "change" is measured on that same batch.
    """
    settings, data = resolve(MultitaskSettings(body="small")), load_mnist()
    found = max((_worst_moment(settings, data, seed) for seed in range(seeds)), key=lambda moment: moment[0])
    _, step, seed, batch, state, digits = found
    net = network.build(network.WIDTHS[settings.body], settings.task_names, seed)
    net.load_state_dict(state)
    images = digits.train.images[batch]
    targets = {task: digits.train.targets[task][batch] for task in settings.task_names}
    losses = network.losses_of(net, images, targets, "float32")
    rows = gradient_conflict.task_gradients(losses, net.shared())
    grid = [round(k / 10, 1) for k in range(21)]
    change = [[_changed(net, images, targets, a * rows[0] + b * rows[1]) for b in grid] for a in grid]
    moment = {
        "tasks": list(settings.task_names), "labels": [TASK_LABELS[task] for task in settings.task_names],
        "losses": all_short(loss.item() for loss in losses.values()),
        "norms": all_short(rows.norm(dim=1).tolist()),
        "cosine": short(gradient_cosines(rows)[0, 1].item()), "parameters": rows.shape[1],
        "step_size": STEP_SIZE, "weights": grid, "change": change, "measured_on": "same batch",
        "images": len(batch), "at_step": step, "seed": seed, "settings": settings.model_dump(),
        "version": trainer.VERSION, "torch": torch.__version__,
    }  # fmt: skip
    print({name: moment[name] for name in ("losses", "norms", "cosine", "at_step", "seed")}, change[10][10])
    path.write_text(json.dumps(moment, separators=(",", ":")), encoding="utf-8")


Moment = tuple[float, int, int, torch.Tensor, dict[str, torch.Tensor], TaskDigits]


def _worst_moment(settings: MultitaskSettings, data: Digits, seed: int) -> Moment:
    """The step of one joint training at which one loss would rise most: (how clearly, step, seed, batch, …)."""
    digits = trainer.task_digits(settings, data, seed)
    none: Moment = (0.0, 0, seed, torch.empty(0), {}, digits)
    best = [none]

    def look(step: int, net: network.Joint, batch: torch.Tensor, combine: network.Combine) -> None:
        if len(batch) < settings.batch_size:
            return
        targets = {task: digits.train.targets[task][batch] for task in settings.task_names}
        losses = network.losses_of(net, digits.train.images[batch], targets, "float32")
        rows = gradient_conflict.task_gradients(losses, net.shared())
        rise = float(-(rows @ rows.sum(0)).min() / rows.norm(dim=1).prod())
        if rise > best[0][0]:
            best[0] = (rise, step, seed, batch, copy.deepcopy(net.state_dict()), digits)

    names = settings.task_names
    net = network.build(network.WIDTHS[settings.body], names, seed)
    combine = network.Combine("fixed", dict.fromkeys(names, 1.0), seed)
    training = network.fit(
        net, digits.train, digits.validation, combine, {}, epochs=settings.epochs, batch_size=settings.batch_size,
        learning_rate=settings.learning_rate, order=seeded(seed, "order"), precision=settings.precision, look=look,
    )  # fmt: skip
    for _ in training:
        pass
    return best[0]


def _changed(
    net: network.Joint, images: torch.Tensor, targets: dict[str, torch.Tensor], direction: torch.Tensor
) -> list[float]:
    """What STEP_SIZE along minus `direction` of the shared parameters adds to each loss."""
    moved = copy.deepcopy(net)
    with torch.no_grad():
        for parameter, part in zip(
            moved.shared(), direction.split([p.numel() for p in moved.shared()]), strict=True
        ):
            parameter.sub_(STEP_SIZE * part.view(parameter.shape))
        before, after = (network.losses_of(each, images, targets, "float32") for each in (net, moved))
    return all_short((after[task] - before[task]).item() for task in before)
