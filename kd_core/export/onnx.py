"""A kept network as ONNX, and in int8: written without torch, checked and measured by ONNX Runtime.

    onnx_of(weights) -> bytes                   # the same function in float32, its normalisation included
    int8_of(model, inputs) -> bytes             # 8-bit weights and activations, ranges taken from `inputs`
    answers(model, inputs) -> logits            # what ONNX Runtime makes of it
    compare(models, inputs, labels) -> ...      # errors, bytes, latency of one image
    labelled(model, card) -> bytes              # the same with a model card in its metadata

Inputs of a network of images are its pixels from 0 (black) to 1 (white): float32 [N, 1, 28, 28].

The lab's networks have two kinds of layers, so their graph is written here: torch's own exporter would need torch
in the web process and a network built anew, and gives the same graph. onnx and onnxruntime are optional
(requirements-onnx.txt); without them each function raises a Problem that says so.
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.data.pixels import MEAN, SIDE, STD
from kd_core.export.layers import Layer, layers
from kd_core.messages import N_, Problem
from kd_core.nn.timing import latencies_ms

OPSET, IR = 17, 8  # old enough for runtimes of 2022
PIXELS, NUMBERS = "pixels_0_1", "numbers"  # the input, by its name
SAYS = {
    PIXELS: "Input pixels_0_1: float32 [N, 1, 28, 28], grey pixels from 0 (black) to 1 (white), that is, bytes "
            "divided by 255, not normalised: the graph does that. Output logits: float32 [N, classes], "
            "before the softmax.",
    NUMBERS: "Input numbers: float32 [N, K], taken as they are. Output logits: float32 [N, outputs].",
}  # fmt: skip
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


def onnx_of(weights: bytes, card: Mapping[str, str] | None = None) -> bytes:
    """A network kept as safetensors as an ONNX file, all of it float32; output "logits" [N, C].

    The input of a network of images is "pixels_0_1" [N, 1, 28, 28], from 0 to 1: (pixel - 0.1307) / 0.3081, with
    which the lab trains, is the graph's beginning. That of a network of numbers is "numbers" [N, K], taken as it
    is. Doc string and metadata of the file say so; its metadata hold `card` too. Raises Problem for a network that
    `layers` cannot read, or where onnx is not installed.
    """
    _need()
    from onnx import TensorProto, checker, helper

    found = layers(weights)
    name, shape = input_of(found[0])
    nodes, tensors, value = [], [], name
    if name == PIXELS:
        for kind, operand, scalar in (("Sub", "mean", MEAN), ("Div", "std", STD)):
            nodes.append(helper.make_node(kind, [value, operand], [f"{kind.lower()}_{operand}"], name=kind))
            tensors.append(helper.make_tensor(operand, TensorProto.FLOAT, (), [scalar]))
            value = f"{kind.lower()}_{operand}"
    for number, layer in enumerate(found):
        last = number + 1 == len(found)
        made, value = _nodes(helper, number, layer, value, last)
        nodes += made
        for part, array in ((f"weight{number}", layer.weight), (f"bias{number}", layer.bias)):
            plain = np.ascontiguousarray(array, dtype=np.float32)
            tensors.append(helper.make_tensor(part, TensorProto.FLOAT, plain.shape, plain.tobytes(), raw=True))
    graph = helper.make_graph(
        nodes, "network",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape], SAYS[name])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(found[-1].bias)])],
        tensors, SAYS[name],
    )  # fmt: skip
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, producer_name="Distillation Lab", ir_version=IR, opset_imports=opset,
                              doc_string=SAYS[name])  # fmt: skip
    props = {"input": SAYS[name], "input_name": name, "output_name": "logits"}
    helper.set_model_props(model, props | dict(card or {}))
    checker.check_model(model, full_check=True)
    written: bytes = model.SerializeToString()
    return written


def input_of(first: Layer) -> tuple[str, list[int]]:
    """The name and the shape of one input: an image, or numbers where it is no image."""
    if first.convolves or first.weight.shape[1] == SIDE * SIDE:
        return PIXELS, [1, SIDE, SIDE]
    return NUMBERS, [first.weight.shape[1]]


def _input_name(session: Any) -> str:
    return str(session.get_inputs()[0].name)


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


def int8_of(model: bytes, inputs: np.ndarray) -> bytes:
    """The ONNX model with 8-bit weights and activations; their ranges are those that `inputs` [n, …] give.

    Static quantisation: weights int8, one scale an output channel; activations uint8 (Jacob et al. 2018, arXiv
    1712.05877). Weights take 7 of the 8 bits, without which sums can overflow on processors that have no
    instructions for int8. The normalisation stays float32. Give training images: ranges of test images would know
    what they are tested on.
    """
    name = _input_name(_session(model))
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Images(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(np.array_split(inputs, max(1, len(inputs) // 50)))

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.left, None)
            return None if batch is None else {name: batch}

    silent, before = logging.getLogger(), logging.getLogger().level
    with tempfile.TemporaryDirectory(prefix="distillation-lab-") as folder:
        file = Path(folder) / "int8.onnx"
        silent.setLevel(logging.ERROR)  # it advises to prepare graphs that are far from ours
        try:
            quantize_static(
                onnx.load_from_string(model), file, Images(), per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, reduce_range=True,
                nodes_to_exclude=["Sub", "Div"],
            )  # fmt: skip
        finally:
            silent.setLevel(before)
        return file.read_bytes()


def labelled(model: bytes, card: Mapping[str, str]) -> bytes:
    """The same ONNX file whose metadata hold `card`, beside what they say already."""
    _need()
    import onnx

    read = onnx.load_from_string(model)
    onnx.helper.set_model_props(read, {entry.key: entry.value for entry in read.metadata_props} | dict(card))
    written: bytes = read.SerializeToString()
    return written


def _session(model: bytes) -> Any:
    _need()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # as the lab measures latency everywhere
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def answers(model: bytes, inputs: np.ndarray) -> np.ndarray:
    """Logits float32 [N, C] of an ONNX model for inputs float32 [N, …]: of images pixels from 0 to 1."""
    return _answers(_session(model), inputs)


def _answers(session: Any, inputs: np.ndarray) -> np.ndarray:
    name = _input_name(session)
    batches = np.array_split(inputs, max(1, len(inputs) // BATCH))
    logits: np.ndarray = np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
    return logits


def apart(answered: np.ndarray, expected: np.ndarray) -> float:
    """The largest distance between an ONNX model's logits and those of torch, of the same shape.

    Raises Problem where it is more than `SAME`, as a share of the largest logit if that is above 1: float32 has
    seven digits. Then the file is not the network, and must not be handed out.
    """
    if not np.isfinite(answered).all() or not np.isfinite(expected).all():
        raise Problem(N_("The network answers with numbers that are not finite, so its file would be of no use: "
                         "its weights are too large. Train it anew, with a smaller learning rate."))  # fmt: skip
    found = float(np.abs(answered - expected).max(initial=0))
    if found > SAME * max(1.0, float(np.abs(expected).max(initial=0))):
        raise Problem(
            N_("The ONNX file does not answer as PyTorch does: logits differ by {apart}, where {most} is allowed. "
               "Nothing was written; take the safetensors file, and report it as a fault of the lab."),
            apart=f"{found:.2g}", most=f"{SAME:g}",
        )  # fmt: skip
    return found


def compare(models: Sequence[bytes], inputs: np.ndarray, labels: np.ndarray) -> list[Measured]:
    """Each model's errors on `inputs`, its size, and its latency for one image on one thread (`latencies_ms`)."""
    sessions = [_session(model) for model in models]
    errors = [int((_answers(session, inputs).argmax(1) != labels).sum()) for session in sessions]
    one = {_input_name(sessions[0]): inputs[:1]}
    latencies = latencies_ms([partial(session.run, None, one) for session in sessions], BLOCKS, BLOCK)
    return [
        Measured(wrong, len(inputs), len(model), latency, BLOCKS * BLOCK)
        for model, wrong, latency in zip(models, errors, latencies, strict=True)
    ]
