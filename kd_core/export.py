"""A kept network as ONNX, and in int8: written without torch, checked and measured by ONNX Runtime.

    onnx_of(weights) -> bytes                   # the same function in float32
    int8_of(model, images) -> bytes             # 8-bit weights and activations, ranges taken from `images`
    answers(model, images) -> logits            # what ONNX Runtime makes of it
    compare(models, images, labels) -> ...      # errors, bytes, latency of one image

The lab's networks have two kinds of layers, so their graph is written here: torch's own exporter would need torch
in the web process and a network built anew, and gives the same graph. onnx and onnxruntime are optional
(requirements-onnx.txt); without them each function raises a Problem that says so.
"""

import logging
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.layers import Layer, layers
from kd_core.messages import N_, Problem

OPSET, IR = 17, 8  # old enough for runtimes of 2022
SAME = 1e-4  # how far logits may be from torch's
BLOCKS, BLOCK = 10, 30  # passes timed: so many blocks of so many, the models taking turns
BATCH = 500
MISSING = N_("ONNX needs two further packages: pip install -r requirements-onnx.txt")


@dataclass(frozen=True)
class Measured:
    """One model on test images: errors out of `images`; size in bytes; median milliseconds of one image."""

    errors: int
    images: int
    bytes: int
    latency_ms: float
    passes: int


def installed() -> bool:
    """Whether the optional packages are there."""
    return all(find_spec(name) is not None for name in ("onnx", "onnxruntime"))


def _need() -> None:
    if not installed():
        raise Problem(MISSING)


def onnx_of(weights: bytes) -> bytes:
    """A network kept as safetensors as an ONNX file: input "image" [N, …], output "logits" [N, C], float32.

    Raises Problem for a network that `kd_core.layers` cannot read, or where onnx is not installed.
    """
    _need()
    from onnx import TensorProto, checker, helper

    found = layers(weights)
    nodes, tensors, value = [], [], "image"
    for number, layer in enumerate(found):
        last = number + 1 == len(found)
        made, value = _nodes(helper, number, layer, value, last)
        nodes += made
        for name, array in ((f"weight{number}", layer.weight), (f"bias{number}", layer.bias)):
            plain = np.ascontiguousarray(array, dtype=np.float32)
            tensors.append(helper.make_tensor(name, TensorProto.FLOAT, plain.shape, plain.tobytes(), raw=True))
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *input_shape(found[0])])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(found[-1].bias)])],
        tensors,
    )  # fmt: skip
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, producer_name="Distillation Lab", ir_version=IR, opset_imports=opset)
    checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString()
    return written


def input_shape(first: Layer) -> list[int]:
    """The shape of one input: an image, or numbers where it is no image."""
    if first.convolves:
        return [first.weight.shape[1], 28, 28]
    return [1, 28, 28] if first.weight.shape[1] == 784 else [first.weight.shape[1]]


def _nodes(helper: Any, number: int, layer: Layer, value: str, last: bool) -> tuple[list[Any], str]:
    """One layer's operations, and the name of what comes out."""
    operands = [f"weight{number}", f"bias{number}"]
    steps: list[tuple[str, dict[str, Any], list[str]]]
    if layer.convolves:
        steps = [("Conv", {"kernel_shape": list(layer.weight.shape[2:])}, operands),
                 ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, []), ("Relu", {}, [])]  # fmt: skip
    else:
        steps = [("Flatten", {"axis": 1}, []), ("Gemm", {"transB": 1}, operands)]
        steps += [] if last else [("Relu", {}, [])]
    nodes = []
    for place, (kind, attributes, further) in enumerate(steps):
        out = "logits" if last and place + 1 == len(steps) else f"{kind.lower()}{number}"
        nodes.append(helper.make_node(kind, [value, *further], [out], name=f"{kind}{number}", **attributes))
        value = out
    return nodes, value


def int8_of(model: bytes, images: np.ndarray) -> bytes:
    """The ONNX model with 8-bit weights and activations; their ranges are those that `images` [n, …] give.

    Static quantisation: weights int8, one scale an output channel; activations uint8 (Jacob et al. 2018, arXiv
    1712.05877). Weights take 7 of the 8 bits, without which sums can overflow on processors that have no
    instructions for int8. Give training images: ranges of test images would know what they are tested on.
    """
    _need()
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(np.array_split(images, max(1, len(images) // 50)))

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.left, None)
            return None if batch is None else {"image": batch}

    silent, before = logging.getLogger(), logging.getLogger().level
    with tempfile.TemporaryDirectory(prefix="distillation-lab-") as folder:
        file = Path(folder) / "int8.onnx"
        silent.setLevel(logging.ERROR)  # it advises to prepare graphs that are far from ours
        try:
            quantize_static(
                onnx.load_from_string(model), file, Images(), per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=True,
            )  # fmt: skip
        finally:
            silent.setLevel(before)
        return file.read_bytes()


def _session(model: bytes) -> Any:
    _need()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # as the lab measures latency everywhere
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def answers(model: bytes, images: np.ndarray) -> np.ndarray:
    """Logits float32 [N, C] of an ONNX model for inputs float32 [N, …]."""
    return _answers(_session(model), images)


def _answers(session: Any, images: np.ndarray) -> np.ndarray:
    batches = np.array_split(images, max(1, len(images) // BATCH))
    logits: np.ndarray = np.concatenate([session.run(None, {"image": batch})[0] for batch in batches])
    return logits


def compare(models: Sequence[bytes], images: np.ndarray, labels: np.ndarray) -> list[Measured]:
    """Each model's errors on `images`, its size, and its latency for one image on one thread.

    The models take turns, so that a change of the machine's speed meets all of them; the median ignores the
    passes in which something else had the processor.
    """
    sessions = [_session(model) for model in models]
    errors = [int((_answers(session, images).argmax(1) != labels).sum()) for session in sessions]
    one = {"image": images[:1]}
    times: list[list[float]] = [[] for _ in models]
    for _ in range(BLOCKS):
        for session, mine in zip(sessions, times, strict=True):
            for _ in range(BLOCK):
                start = time.perf_counter()
                session.run(None, one)
                mine.append(time.perf_counter() - start)
    return [
        Measured(wrong, len(images), len(model), 1000 * statistics.median(mine), len(mine))
        for model, wrong, mine in zip(models, errors, times, strict=True)
    ]
