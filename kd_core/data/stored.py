"""Images that stay bytes, and become what a network is given where they are taken.

MNIST as float32 is 220 MB in every process that trains. As bytes it is 55 MB, memory-mapped from the files on disk,
which all processes of a computer share.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from kd_core.data.pixels import MEAN, STD

Places = Tensor | slice | list[int]


class StoredImages:
    """Images [N, 1, H, W] kept as uint8; indexing, or `split`, gives float32, (pixel/255 - 0.1307) / 0.3081.

    A stand-in for the tensor of all of them wherever that is only indexed along its first dimension: element for
    element the same to the last bit. pixels: uint8 [M, 1, H, W]; at: int64 [N], which of them these are, all by
    default; change: what is done to float32 images [n, 1, H, W] once they are taken, to each alone.
    """

    def __init__(
        self, pixels: Tensor, at: Tensor | None = None, change: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        if pixels.dtype != torch.uint8 or pixels.dim() != 4:
            raise ValueError(f"{pixels.dtype} {list(pixels.shape)} was given; uint8 [N, 1, H, W] is expected")
        self._pixels, self._at, self._change = pixels, at, change

    def __len__(self) -> int:
        return len(self._pixels) if self._at is None else len(self._at)

    @property
    def shape(self) -> torch.Size:
        """[N, 1, H, W]."""
        return torch.Size((len(self), *self._pixels.shape[1:]))

    def __getitem__(self, places: Places) -> Tensor:
        images = self._pixels[places if self._at is None else self._at[places]]
        taken = images.to(torch.float32).div_(255).sub_(MEAN).div_(STD)
        return self._change(taken) if self._change else taken

    def split(self, size: int) -> Iterator[Tensor]:
        """All images in order, `size` at a time, as `Tensor.split` has it."""
        return (self[begin : begin + size] for begin in range(0, max(1, len(self)), size))

    def chosen(self, places: Tensor) -> "StoredImages":
        """The images at `places`, int64 or bool, still stored."""
        every = torch.arange(len(self._pixels)) if self._at is None else self._at
        return StoredImages(self._pixels, every[places], self._change)

    def changed(self, change: Callable[[Tensor], Tensor]) -> "StoredImages":
        """These images, each changed once it is taken, after what was to be done to it before."""
        earlier = self._change
        return StoredImages(self._pixels, self._at, (lambda taken: change(earlier(taken))) if earlier else change)


Images = Tensor | StoredImages  # both are indexed, split and measured alike
