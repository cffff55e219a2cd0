"""What a frozen network gives, computed once and kept: a second run, or another process, reads it from disk."""

import hashlib
import logging
from collections.abc import Generator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from kd_core.data.stored import Images
from kd_core.nn.evaluation import predict
from kd_core.paths import cache_root, write_whole
from kd_core.results.events import Reporter, Step

KEPT_BYTES = 2_000_000_000  # of all kept features together; the oldest go first
AT_ONCE = 25 * 32**2  # pixels in one pass: about a tenth of a second, so that a run can be stopped

_log = logging.getLogger(__name__)


def folder() -> Path:
    """Where features are kept. It can be deleted at any time: they are computed again."""
    return cache_root() / "features"


def path_of(key: str, images: Images) -> Path:
    """Where the features of `images` are kept; `key` tells networks apart, a hash of all pixels the images."""
    seen = hashlib.sha256(images[:].numpy().tobytes()).hexdigest()
    return folder() / f"{key}-{len(images)}-{seen[:16]}.safetensors"


def features(
    base: nn.Module, images: Images, key: str, size: int, reporter: Reporter, part: tuple[int, int] | None = None
) -> Generator[Step, None, Tensor]:
    """What `base` gives for images [N, 1, 28, 28] in evaluation mode: float32 [N, F] on the CPU.

    key: the network, its weights and `size`, the side to which it enlarges an image. Yields a Step for each part
    that is computed and returns the features. part: (images done before, images in all) of a work of several
    calls.
    """
    before, total = part or (0, len(images))
    kept = path_of(key, images)
    found = _read(kept, len(images))
    if found is not None:
        return found
    device = next(base.parameters()).device
    parts: list[Tensor] = []
    done = 0
    for few in images.split(max(1, AT_ONCE // size**2)):
        parts.append(predict(base, few.to(device)))
        done += len(few)
        yield reporter.step(before + done, total)
    made = torch.cat(parts)
    _keep(kept, made)
    return made


def _read(path: Path, images: int) -> Tensor | None:
    """The kept features; None where there are none, or they cannot be used."""
    try:
        found = load_file(path)["features"]
        if len(found) != images or not found.isfinite().all():
            raise ValueError("they are not of these images, or not finite")
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        _log.warning("The kept features %s cannot be used (%s); they are computed again.", path, error)
        return None
    return found


def _keep(path: Path, made: Tensor) -> None:
    """Write them whole or not at all, and let the oldest go where there are too many."""
    try:
        write_whole(path, save({"features": made.contiguous()}))
        kept = sorted(path.parent.glob("*.safetensors"), key=lambda one: one.stat().st_mtime, reverse=True)
        room = KEPT_BYTES
        for one in kept:
            room -= one.stat().st_size
            if room < 0 and one != path:
                one.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("Features could not be kept in %s (%s).", path.parent, error)
