"""Images moved by a few pixels: drawn anew for each training step, or all there are, for an answer averaged over them.

What moves in is each image's own first pixel, which in digits is the ground.
"""

import torch
from torch import Tensor


def moved(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Images [N, 1, H, W], each moved by -pixels to +pixels along both axes, drawn evenly from `generator`.

    What moves in is each image's own first pixel, which in digits is the ground.
    """
    n, _, height, width = images.shape
    by = torch.randint(-pixels, pixels + 1, (2, n, 1), generator=generator).to(images.device)
    wide = images[:, 0, :1, :1].expand(n, height + 2 * pixels, width + 2 * pixels).clone()
    wide[:, pixels:-pixels, pixels:-pixels] = images[:, 0]
    windows = wide.unfold(1, height, 1).unfold(2, width, 1)  # [N, moves down, moves right, H, W], no copy
    down, right = pixels - by[:, :, 0]
    return windows[torch.arange(n, device=images.device), down, right].unsqueeze(1)
