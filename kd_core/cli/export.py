"""A saved network as ONNX, from the command line."""

import json
from pathlib import Path

from kd_core.messages import Problem
from kd_core.paths import write_whole


def export_network(file: Path, int8: bool) -> int:
    """Write FILE.onnx beside a network, and FILE-int8.onnx with what both are worth."""
    from kd_core.data import pixels
    from kd_core.export import onnx as export

    try:
        weights = file.read_bytes()
    except OSError as error:
        raise Problem("The file {file} cannot be read ({why}).", file=str(file),
                      why=error.strerror or str(error)) from None  # fmt: skip
    model = export.onnx_of(weights)
    apart = _apart_from_torch(weights, model)
    written = {file.with_suffix(".onnx"): model}
    if int8:
        data = trained_on(weights)
        small = export.int8_of(model, pixels.training_pixels(data, 500))
        written[file.with_name(f"{file.stem}-int8.onnx")] = small
    for path, content in written.items():
        try:
            write_whole(path, content)
        except OSError as error:
            raise Problem(
                "The file {file} cannot be written ({why}); make its folder writable and leave no folder of that "
                "name in it, or copy the network to another folder and export it there.",
                file=str(path), why=error.strerror or str(error),
            ) from None  # fmt: skip
        print(f"{path}: {len(content):,} bytes")
    print(f"On 100 inputs its logits differ from torch's by {apart:.1e} at most.")
    if int8:
        labels = pixels.test_labels(data)
        every = export.compare(list(written.values()), pixels.test_pixels(data, range(len(labels))), labels)
        for name, of in zip(("float32", "int8"), every, strict=True):
            print(f"{name}: {of.errors:,} errors on {of.images:,} test images, {of.latency_ms:.3f} ms an image "
                  f"(one thread, median of {of.passes})")  # fmt: skip
    return 0


def trained_on(weights: bytes) -> str:
    """The data that a safetensors file's model card names, where somebody has added them; else MNIST."""
    from kd_core.data.own.kept import MADE
    from kd_core.data.pixels import MNIST

    head = weights[8 : 8 + int.from_bytes(weights[:8], "little")]
    told = json.loads(head).get("__metadata__") or {}
    found = MADE.search(" ".join(map(str, told.values())))
    return found[0] if found else MNIST


def _apart_from_torch(weights: bytes, model: bytes) -> float:
    """The largest distance between the logits of torch and of an ONNX model, over 100 random inputs.

    Raises Problem where it is too large.
    """
    import torch
    from torch.nn import functional

    from kd_core.data import pixels
    from kd_core.export import onnx as export
    from kd_core.export.layers import layers

    found = layers(weights)
    name, shape = export.input_of(found[0])
    inputs = torch.rand(100, *shape, generator=torch.Generator().manual_seed(0))
    values = (inputs - pixels.MEAN) / pixels.STD if name == export.PIXELS else inputs
    for number, layer in enumerate(found):
        weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
        if layer.convolves:
            values = functional.max_pool2d(functional.conv2d(values, weight, bias), 2).relu()
        else:
            values = functional.linear(values.flatten(1), weight, bias)
            values = values if number + 1 == len(found) else values.relu()
    return export.apart(export.answers(model, inputs.numpy()), values.numpy())
