"""What this machine can do, and the arithmetic that it trains in."""

import ctypes
from contextlib import AbstractContextManager, suppress
from typing import Any

import torch

from kd_core.nn import fastconv
from kd_core.settings.auto import Machine, S, require_device, resolved


def has_native_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself (AVX512-BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def this_machine() -> Machine:
    """What this machine can do, on which hangs what "auto" stands for here."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    native = {
        "cuda": there["cuda"] and torch.cuda.is_bf16_supported(including_emulation=False),
        "cpu": has_native_bfloat16(),
    }
    return Machine(
        tuple(name for name, present in there.items() if present),
        tuple(name for name, multiplies in native.items() if multiplies),
        fastconv.available(),
    )


def resolve(settings: S) -> S:
    """The same settings with what each "auto" stands for here. Raises Problem if the device is absent."""
    machine = this_machine()
    settings = resolved(settings, machine)
    require_device(settings, machine)
    return settings


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """The autocast context for `precision`. Never yield inside it: the mode would leak to the consumer."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")


def keep_memory() -> None:
    """Have glibc keep what each training step frees, and not return it to the system; workers are started so."""
    trim_threshold, mmap_threshold = -1, -3
    with suppress(OSError, AttributeError, TypeError):  # another C library; Windows, which takes no None
        library = ctypes.CDLL(None)
        library.mallopt(mmap_threshold, 2**25)
        library.mallopt(trim_threshold, 2**31 - 1)
