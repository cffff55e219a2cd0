"""How much a data set may be: from a path, whose reader knows their own memory, and by upload to a server."""

from dataclasses import dataclass, replace
from typing import Self

from kd_core.messages import N_, Problem

LEAST_CLASSES, MOST_CLASSES = 2, 62  # 62: digits and letters of both cases, as in EMNIST


@dataclass(frozen=True)
class Bounds:
    """images: of the set; file: bytes of the file that comes; array: bytes of one array or IDX file, unpacked.

    image: bytes of one image file; unpacked: bytes of all image files; pixels: of one image; decoded: pixels of all
    images that are not 28x28 already; formats: Pillow's names of those that are decoded.
    """

    images: int
    file: int
    array: int
    image: int
    unpacked: int
    pixels: int
    decoded: float
    formats: tuple[str, ...]

    def with_images(self, images: int) -> Self:
        """The same with another number of images."""
        return replace(self, images=min(images, self.images))

    def check_images(self, count: int) -> None:
        """Raise Problem for more images than may be."""
        if count > self.images:
            raise Problem(N_("The number of images is {given}; at most {most} are possible here."),
                          given=f"{count:,}", most=f"{self.images:,}")  # fmt: skip


# TIFF is for the command line alone: of all decoders, its has had the most holes.
BY_PATH = Bounds(
    images=2_000_000, file=16 * 2**30, array=16 * 2**30, image=2**28, unpacked=2**38, pixels=100_000_000,
    decoded=float("inf"), formats=("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM", "TIFF"),
)  # fmt: skip
UPLOAD = Bounds(
    images=70_000, file=64_000_000, array=256_000_000, image=20_000_000, unpacked=256_000_000, pixels=16_000_000,
    decoded=1e9, formats=("PNG", "JPEG", "BMP", "GIF", "WEBP"),
)  # fmt: skip


def check_classes(count: int) -> None:
    """Raise Problem for fewer or more classes than may be."""
    if not LEAST_CLASSES <= count <= MOST_CLASSES:
        raise Problem(N_("The number of classes is {given}; {least} to {most} are possible."), given=f"{count:,}",
                      least=LEAST_CLASSES, most=MOST_CLASSES)  # fmt: skip
