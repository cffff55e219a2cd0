"""Convolution, pooling and ReLU in one pass over memory: `convolve_pool.c`, compiled where it runs.

    convolve_pool(x, weight, bias, noted) -> (pooled, places)
    convolve_pool_backward(arrives, x, weight, places, into_x) -> (gradients of x, weight, bias)

Float32 on the CPU; `serves` says for which shapes. The first training on a machine asks its C compiler (CC, else
cc); the library is kept beside the data, under the hash of its source and of all that the
compiler says of itself and of the processor. Without a compiler, `serves` is False and torch's own functions serve.
It works on the one thread that calls it, however many torch has: so its numbers do not hang on how many these are.
"""

import ctypes
import hashlib
import logging
import math
import os
import shlex
import subprocess
import tempfile
from ctypes import c_int, c_void_p
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch import library as ops

from kd_core.paths import cache_root, write_whole

SOURCE = Path(__file__).with_name("convolve_pool.c")
THIS_PROCESSOR = ("-march=native", "-mcpu=native")  # as compilers are told: x86 and GCC, then the others
WINDOWS = 1024  # of an image, at most
PATIENCE = 120  # seconds

logger = logging.getLogger(__name__)


def serves(x: Tensor, weight: Tensor) -> bool:
    """Whether x [N, C, H, W] and weight [D, C, 3, 3] can be given to the ops: C is 1, 16 or 32, 16 divides D.

    Of one channel there is no gradient of x.
    """
    outputs, inputs = weight.shape[:2]
    return (
        x.is_cpu
        and x.dtype == weight.dtype == torch.float32
        and inputs in (1, 16, 32)
        and outputs % 16 == 0
        and not (inputs == 1 and x.requires_grad)
        and min(x.shape[2:]) >= 4
        and math.prod(_shape(x, weight)[2:]) <= WINDOWS
        and available()
    )


def available() -> bool:
    """Whether this machine has the compiled pass."""
    return built() is not None


def identity() -> str:
    """The name of what gives the same to the last bit: source, compiler, instructions. Empty where none serves."""
    made = built() if available() else None
    return Path(made._name).stem if made else ""


@cache
def built() -> ctypes.CDLL | None:
    """The compiled library, kept or made now; None, with a line in the log, where there is no making it."""
    try:
        command, about = _compiler()
        kept = cache_root() / "compiled" / f"{hashlib.sha256(SOURCE.read_bytes() + about).hexdigest()[:16]}.so"
        made = _kept(kept) or _compiled(command, kept)
        made.convolve_pool.argtypes = [c_int] * 5 + [c_void_p] * 5
        made.convolve_pool_backward.argtypes = [c_int] * 5 + [c_void_p] * 6
        made.convolve_pool.restype = made.convolve_pool_backward.restype = None
        return made
    except (OSError, subprocess.SubprocessError, ValueError, AttributeError) as error:  # CC may say anything
        logger.info("Networks are convolved by torch's own functions, as nothing could be compiled: %s", error)
        return None


def _compiler() -> tuple[list[str], bytes]:
    """The compiler's command, and all macros it defines: its version, and the instructions that it may use."""
    compiler = shlex.split(os.environ.get("CC") or "cc")
    for choice in THIS_PROCESSOR:
        command = [*compiler, "-O3", choice, f"-DMOST={WINDOWS}"]
        asked = subprocess.run(
            [*command, "-dM", "-E", "-x", "c", os.devnull], capture_output=True, timeout=PATIENCE, check=False
        )
        if asked.returncode == 0:
            return command, asked.stdout
    raise OSError(f"{shlex.join(compiler)}: {asked.stderr.decode(errors='replace').strip()}")


def _kept(path: Path) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(str(path)) if path.is_file() else None
    except OSError:  # broken: to be made again
        return None


def _compiled(command: list[str], kept: Path) -> ctypes.CDLL:
    """Compiled anew, and kept if the folder lets it."""
    with tempfile.TemporaryDirectory(prefix="distillation-lab-") as folder:
        fresh = Path(folder) / kept.name
        finished = [*command, "-fPIC", "-shared", "-o", str(fresh), str(SOURCE)]
        subprocess.run(finished, capture_output=True, timeout=PATIENCE, check=True)
        try:
            write_whole(kept, fresh.read_bytes())
        except OSError as error:
            logger.info("What was compiled for convolution is not kept: %s", error)
        return ctypes.CDLL(str(fresh))


# The ops, through torch's dispatcher: what counts operations or holds their memory sees them


def _sizes(x: Tensor, weight: Tensor) -> tuple[int, ...]:
    """What both functions are told first: images, height, width, inputs, outputs."""
    images, inputs, height, width = x.shape
    return images, height, width, inputs, weight.shape[0]


def _order(weight: Tensor) -> torch.memory_format:
    """How what comes out lies in memory: after the first for the next convolution, then for dense layers."""
    return torch.channels_last if weight.shape[1] == 1 else torch.contiguous_format


def _shape(x: Tensor, weight: Tensor) -> tuple[int, ...]:
    """Of what comes out."""
    images, _inputs, height, width = x.shape
    return images, weight.shape[0], (height - 2) // 2, (width - 2) // 2


def _require(fits: bool) -> None:
    if not fits:
        raise ValueError(
            "the compiled convolution was given what it does not serve; see kd_core.nn.fastconv.serves"
        )


def _convolve_pool(x: Tensor, weight: Tensor, bias: Tensor, noted: bool) -> tuple[Tensor, Tensor]:
    _require(serves(x, weight) and x.shape[1] == weight.shape[1] and bias.shape == weight.shape[:1])
    x, by = x.contiguous(memory_format=torch.channels_last), weight.permute(2, 3, 1, 0).contiguous()
    bias = bias.contiguous()
    pooled = torch.empty(_shape(x, weight), memory_format=_order(weight))
    places = x.new_empty(pooled.numel() if noted else 0, dtype=torch.uint8)
    made = built()
    assert made is not None
    made.convolve_pool(
        *_sizes(x, weight), x.data_ptr(), by.data_ptr(), bias.data_ptr(), pooled.data_ptr(),
        places.data_ptr() if noted else None,
    )  # fmt: skip
    return pooled, places


def _convolve_pool_backward(
    arrives: Tensor, x: Tensor, weight: Tensor, places: Tensor, into_x: bool
) -> tuple[Tensor, Tensor, Tensor]:
    _require(serves(x, weight) and arrives.shape == _shape(x, weight) and arrives.dtype == torch.float32)
    _require(places.numel() == arrives.numel() and not (into_x and weight.shape[1] == 1))
    arrives = arrives.contiguous(memory_format=_order(weight))
    x, weight = (one.contiguous(memory_format=torch.channels_last) for one in (x, weight))
    sums = x.new_empty(weight.numel() + len(weight))
    gradient = torch.empty_like(x) if into_x else x.new_empty(0)
    made = built()
    assert made is not None
    made.convolve_pool_backward(
        *_sizes(x, weight), x.data_ptr(), weight.data_ptr(), places.data_ptr(), arrives.data_ptr(),
        gradient.data_ptr() if into_x else None, sums.data_ptr(),
    )  # fmt: skip
    outputs, inputs = weight.shape[:2]
    into_weight, into_bias = sums.split([weight.numel(), outputs])
    return gradient, into_weight.view(outputs, 3, 3, inputs).permute(0, 3, 1, 2), into_bias


_lab = ops.Library("distillation_lab", "DEF")
_lab.define("convolve_pool(Tensor x, Tensor weight, Tensor bias, bool noted) -> (Tensor, Tensor)")
_lab.define(
    "convolve_pool_backward(Tensor arrives, Tensor x, Tensor weight, Tensor places, bool into_x)"
    " -> (Tensor, Tensor, Tensor)"
)
_lab.impl("convolve_pool", _convolve_pool, "CPU")
_lab.impl("convolve_pool_backward", _convolve_pool_backward, "CPU")
convolve_pool = torch.ops.distillation_lab.convolve_pool.default
convolve_pool_backward = torch.ops.distillation_lab.convolve_pool_backward.default
