"""Several tasks over the same images: MNIST's digits turned, overlaid, or asked more than one thing.

Each task's targets are those of every image: a class (int64), or for "angle" degrees (float32). Everything is
made in memory, vectorised, from a generator that is handed in; each split is made of its own digits only.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kd_core.data.digits import Digits, Split
from kd_core.data.pixels import MEAN, STD
from kd_core.data.stored import Images
from kd_core.messages import Message
from kd_core.nn import arguments

OUTPUTS = {"digit": 10, "parity": 2, "five": 2, "angle": 1, "left": 10, "right": 10}  # of each task's head
LARGEST_ANGLE = 45.0  # degrees, to either side
NEAR = 10.0  # degrees: an angle that is off by more is an error
CANVAS, SHIFT = 36, 6  # of two overlaid digits, in pixels
BLACK = -MEAN / STD  # a pixel of 0, normalised
AT_ONCE = 250  # images composed or turned together, so that what lies between stays small


@dataclass(frozen=True)
class TaskSplit:
    """images: float32 [N,1,28,28], normalised, or stored as bytes; targets: by task id, int64 [N] or, for "angle",
    degrees.
    """

    images: Images
    targets: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(self.images)

    def chosen(self, places: Tensor) -> "TaskSplit":
        """The images at `places`, int64."""
        return TaskSplit(self.images[places], {task: given[places] for task, given in self.targets.items()})


@dataclass(frozen=True)
class TaskDigits:
    """What is asked about the images of a data set; `train` holds only the labelled images of a trial.

    gallery: indices into the test split; notices: what a person should know.
    """

    name: str
    train: TaskSplit
    validation: TaskSplit
    test: TaskSplit
    gallery: tuple[int, ...]
    notices: tuple[Message, ...]


Seeded = Callable[[str], torch.Generator]


def make_split(split: Split, tasks: Sequence[str], seeded: Seeded) -> TaskSplit:
    """The images of `split` as these tasks want them, with their targets; `seeded` gives a purpose's generator.

    "left" and "right" overlay each image with another (MultiMNIST); "angle" turns each; others leave them.
    """
    images: Images
    if "left" in tasks or "right" in tasks:
        partner = partners(len(split), seeded("partners"))
        images = _in_parts(len(split), lambda at: overlaid(split.stored[at], split.stored[partner[at]]))
        targets = {"left": split.labels, "right": split.labels[partner]}
    elif "angle" in tasks:
        degrees = (2 * torch.rand(len(split), generator=seeded("angles")) - 1) * LARGEST_ANGLE
        images = _in_parts(len(split), lambda at: turned(split.stored[at], degrees[at]))
        targets = {"angle": degrees}
    else:
        images, targets = split.stored, {}
    targets |= {"digit": split.labels, "parity": split.labels % 2, "five": (split.labels >= 5).long()}
    return TaskSplit(images, {task: targets[task] for task in tasks})


def _in_parts(size: int, make: Callable[[slice], Tensor]) -> Tensor:
    """`size` images float32 [N, 1, 28, 28], made AT_ONCE at a time by `make`, which is given their places."""
    images = torch.empty(size, 1, 28, 28)
    for begin in range(0, size, AT_ONCE):
        at = slice(begin, min(begin + AT_ONCE, size))
        images[at] = make(at)
    return images


def name_of(digits: Digits, tasks: Sequence[str]) -> str:
    """What the images are called: "MNIST", "MNIST two digits", "MNIST turned"."""
    if "left" in tasks:
        return f"{digits.name} two digits"
    return f"{digits.name} turned" if "angle" in tasks else digits.name


def partners(size: int, generator: torch.Generator) -> Tensor:
    """For each of `size` images another one, int64: a random cycle, so none is paired with itself.

    Equal digits may meet: without such pairs one label would say something of the other.
    Raises ValueError below two images.
    """
    if size < 2:
        raise ValueError(f"{size} images cannot be paired")
    order = torch.randperm(size, generator=generator)
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)
    return partner


def overlaid(left: Tensor, right: Tensor) -> Tensor:
    """MultiMNIST of normalised images [N,1,28,28]: left at (0, 0), right at (6, 6) of 36x36, back to 28x28.

    Where they overlap the brighter pixel counts; then bilinear with antialiasing. Sener, Koltun 2018,
    "Multi-Task Learning as Multi-Objective Optimization", arXiv 1810.04650, section 5.1 and their loader.
    Raises ValueError for other shapes.
    """
    arguments.shape("left", left, ("N", 1, 28, 28))
    arguments.alike("left", left, "right", right)
    rest = CANVAS - SHIFT - 28
    both = torch.maximum(
        F.pad(left, (0, CANVAS - 28, 0, CANVAS - 28), value=BLACK),
        F.pad(right, (SHIFT, rest, SHIFT, rest), value=BLACK),
    )
    return F.interpolate(both, size=(28, 28), mode="bilinear", antialias=True, align_corners=False)


def turned(images: Tensor, degrees: Tensor) -> Tensor:
    """Normalised images [N,1,H,W], each turned about its middle by its degrees [N], anticlockwise; bilinear.

    In the images' type. Raises ValueError for other shapes.
    """
    arguments.shape("images", images, ("N", 1, "H", "W"))
    arguments.shape("degrees", degrees, images.shape[:1])
    radians = degrees.to(images.dtype) * (math.pi / 180)
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    # From where in the old image a place of the new one comes; y points down.
    theta = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images - BLACK, grid, align_corners=False) + BLACK  # outside is black


def task_loss(task: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """The task's mean loss over the batch, a scalar, of its head's outputs [B, k] in float32.

    Cross-entropy in nats; for "angle" the mean squared error in units of (45 degrees)². targets are classes
    (int64 [B], from 0 to k - 1) or degrees [B]. Half precision is computed in float32. Raises ValueError for other
    shapes, TypeError for classes that are no integers, IndexError for such as the head does not have.
    """
    _fitting(task, outputs, targets)
    if task == "angle":
        return F.mse_loss(arguments.full(outputs)[:, 0], targets / LARGEST_ANGLE)
    return F.cross_entropy(arguments.full(outputs), targets.long(), ignore_index=arguments.NO_LABEL)


def wrong(task: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """Which of the outputs [N, k] are errors, bool [N]: another class, or an angle off by more than NEAR.

    Raises what `task_loss` does for targets that do not fit, but for classes that the head does not have.
    """
    _fitting(task, outputs, targets)
    if task == "angle":
        return (in_degrees(outputs) - targets).abs() > NEAR
    return outputs.argmax(1) != targets


def in_degrees(outputs: Tensor) -> Tensor:
    """The angles [N] that the outputs [N, 1] of the angle's head mean."""
    return outputs[:, 0] * LARGEST_ANGLE


def _fitting(task: str, outputs: Tensor, targets: Tensor) -> None:
    """Outputs are [N, k], [N, 1] for an angle, and targets [N], integers unless they are angles."""
    arguments.shape("outputs", outputs, ("N", 1 if task == "angle" else "k"))
    arguments.shape("targets", targets, outputs.shape[:1])
    if task != "angle":
        arguments.integers(targets)
