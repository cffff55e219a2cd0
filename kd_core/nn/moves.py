"""Images moved by a few pixels: drawn anew for each training step, or all there are, for an averaged answer.

What moves in is each image's own first pixel, which in digits is the ground.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from kd_core.data.stored import Images
from kd_core.nn.evaluation import predict

AT_ONCE = 1_000  # images of which all copies are answered before the next


def moved(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Images [N, 1, H, W], each moved by -pixels to +pixels along both axes, drawn evenly from `generator`."""
    by = torch.randint(-pixels, pixels + 1, (2, len(images), 1), generator=generator).to(images.device)
    down, right = pixels - by[:, :, 0]
    return _windows(images, pixels)[torch.arange(len(images), device=images.device), down, right].unsqueeze(1)


def mean_over_moves(model: nn.Module, images: Images, pixels: int) -> Tensor:
    """A network's logits float32 [N, C], each the mean over all copies of its image that are moved by whole pixels.

        z(x) = 1 / (2p + 1)² Σ f(x moved by (i, j)),  i, j = -p … p

    images [N, 1, H, W]; p `pixels`: 0 is `predict`, 1 takes 9 copies, 2 takes 25. Known as test-time augmentation.
    The model is asked in evaluation mode and left in the mode it was in.
    """
    if not pixels:
        return predict(model, images)
    return torch.cat([
        torch.stack([predict(model, copy) for copy in _copies(part, pixels)]).mean(0)
        for part in images.split(AT_ONCE)
    ])  # fmt: skip


def _copies(images: Tensor, pixels: int) -> Iterator[Tensor]:
    """Images [N, 1, H, W] moved in each way there is."""
    windows, ways = _windows(images, pixels), range(2 * pixels + 1)
    for down in ways:
        for right in ways:
            yield windows[:, down, right].unsqueeze(1)


def _windows(images: Tensor, pixels: int) -> Tensor:
    """All windows as large as images [N, 1, H, W] in wider ones, a view: [N, moves down, moves right, H, W]."""
    n, _, height, width = images.shape
    wide = images[:, 0, :1, :1].expand(n, height + 2 * pixels, width + 2 * pixels).clone()
    wide[:, pixels:-pixels, pixels:-pixels] = images[:, 0]
    return wide.unfold(1, height, 1).unfold(2, width, 1)
