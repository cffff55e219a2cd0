"""Size against error: students of several widths, as the files that one would ship: `python -m assets.sizes`.

Every student is trained alone and distilled, at the default settings but its width, with five seeds. Each network
is exported as the lab exports it, as ONNX in float32 and in int8, and ONNX Runtime counts the errors of both files:
on validation images, by which the page chooses, and on test images, which it then tells. Time is that of a form of
network, whatever its weights: `record_times` measures all forms together, and nothing else should be running then.
`python -m assets.sizes errors cnn4 mlp30` records these students anew, `python -m assets.sizes times` the times.
"""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from itertools import product
from multiprocessing import cpu_count, get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from scipy.special import stdtrit
from torch import nn

from app.results.measuring import CALIBRATION
from assets.recording import HERE, short
from kd_core.data import pixels
from kd_core.data.digits import load_mnist
from kd_core.distillation import trainer
from kd_core.distillation.settings import ALONE, DISTILLED, DistillationSettings
from kd_core.export import onnx
from kd_core.nn import cost
from kd_core.nn.hardware import resolve
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.results.provenance import provenance
from kd_core.results.statistics import CONFIDENCE
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.settings.base import Job
from kd_core.settings.common import TEACHER

FILE = HERE / "recorded-sizes.json"
STUDENTS = ("cnn4", "cnn8", "article", "cnn24", "mlp30", "mlp100", "mlp300", "mlp800")  # names of `networks.build`
TEACHERS = ("article", "mlp1200")  # "jittered" is a mlp1200 too
SEEDS = 5
ROUNDS = 15  # of which each network's quietest is kept

Errors = dict[str, dict[str, int]]


def files(weights: bytes) -> dict[str, bytes]:
    """A network's two files, as the lab exports them, without the model card."""
    plain = onnx.onnx_of(weights)
    return {"float32": plain, "int8": onnx.int8_of(plain, pixels.training_pixels(pixels.MNIST, CALIBRATION))}


def counted(weights: bytes) -> Errors:
    """Of each file of a network what ONNX Runtime gets wrong of the "validation" and the "test" images."""
    data = load_mnist()
    looked_at = {
        # As they were: bytes of grey, which the training's scaling has made float32
        "validation": (np.rint(255 * (data.validation.images.numpy() * pixels.STD + pixels.MEAN)) / np.float32(255),
                       data.validation.labels.numpy()),
        "test": (pixels.test_pixels(pixels.MNIST, range(len(data.test))), data.test.labels.numpy()),
    }  # fmt: skip
    return {
        form: {split: int((onnx.answers(file, images.astype(np.float32)).argmax(1) != labels).sum())
               for split, (images, labels) in looked_at.items()}
        for form, file in files(weights).items()
    }  # fmt: skip


def measure(student: str, seed: int) -> dict[str, Errors]:
    """Both arms of a student at one seed: alone and distilled -> errors of its files."""
    torch.set_num_threads(1)  # as a worker
    settings = resolve(DistillationSettings(seed=seed, seeds=1)).model_copy(update={"student": student})
    data = load_mnist()
    shared = drained(assemble.prepare(trainer, settings, data))
    found = {}
    for arm in (ALONE, DISTILLED):
        job = Job(arm, (arm,), prepared=arm != ALONE)
        kept = drained(assemble.train(trainer, settings, data, shared, (seed,), job))[seed].arms[arm].weights
        found[arm] = counted(kept or b"")
    return found


def of_teacher() -> Errors:
    """The errors of the files of the bundled teacher, which all students learn from."""
    shared = drained(assemble.prepare(trainer, resolve(DistillationSettings(seeds=1)), load_mnist()))
    (arm,) = shared.arms
    return counted(arm.trials[0].weights or b"")


def record_errors(students: Sequence[str] = STUDENTS, seeds: int = SEEDS, path: Path = FILE) -> None:
    """Train and count; students that are not named stay as they are recorded."""
    cells = list(product(students, range(seeds)))
    teacher = of_teacher()  # is kept from here on
    with ProcessPoolExecutor(cpu_count(), get_context("spawn")) as pool:
        found = dict(zip(cells, pool.map(measure, *zip(*cells, strict=True)), strict=True))

    def over_seeds(student: str, arm: str, form: str) -> dict[str, list[int]]:
        by_seed = [found[student, seed][arm][form] for seed in range(seeds)]
        return {split: [errors[split] for errors in by_seed] for split in ("validation", "test")}

    made, data = provenance(0.0, "cpu", None), load_mnist()
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"students": {}}
    now = {
        student: {name: {form: over_seeds(student, arm, form) for form in teacher}
                  for name, arm in (("alone", ALONE), ("distilled", DISTILLED))}
        for student in students
    }  # fmt: skip
    errors = before["students"] | now
    _write(path, before | {
        "created": made.created, "processor": made.processor, "torch": made.torch, "version": trainer.VERSION,
        "settings": DistillationSettings().model_dump(exclude={"student", "seeds", "seed"}),
        "data": assemble.dataset(data).name, "images": {"validation": len(data.validation), "test": len(data.test)},
        "seeds": seeds, "quantile": float(stdtrit(seeds - 1, (1 + CONFIDENCE) / 2)),
        "teacher": {form: {split: [count] for split, count in of.items()} for form, of in teacher.items()},
        "students": {name: errors[name] for name in STUDENTS if name in errors},
    })  # fmt: skip


def record_times(path: Path = FILE, rounds: int = ROUNDS) -> None:
    """Parameters, bytes and milliseconds of one image of every form of network, in ONNX Runtime and in PyTorch.

    All networks take turns, in several rounds; of each network the quietest round counts, with its median.
    """
    forms = [*product(("student",), STUDENTS), *product((TEACHER,), TEACHERS)]
    networks = [build(name, role, seeded(0, f"{role} weights")).eval() for role, name in forms]
    exported = [files(saved(network)) for network in networks]
    image, label = pixels.test_pixels(pixels.MNIST, [0]), np.zeros(1)
    flat = [file for each in exported for file in each.values()]
    inputs = torch.from_numpy(pixels.normalised(image))
    passes = []
    for _ in range(rounds):
        costs = cost.costs_of(networks, inputs)
        passes.append(([one.latency_ms for one in onnx.compare(flat, image, label)],
                       [each.latency_ms for each in costs]))  # fmt: skip
    sums = sorted(sum(runtime) + sum(eager) for runtime, eager in passes)
    print("all networks once, round by round, ms:", *(f"{total:.2f}" for total in sums))
    runtime, eager = ([min(times) for times in zip(*of, strict=True)] for of in zip(*passes, strict=True))
    made = provenance(0.0, "cpu", None)
    told: dict[str, dict[str, Any]] = {"student": {}, TEACHER: {}}
    for place, (role, name) in enumerate(forms):
        told[role][name] = {
            "parameters": costs[place].parameters, "torch_ms": short(eager[place]),
            "bytes": {form: len(file) for form, file in exported[place].items()},
            "ms": dict(zip(exported[place], map(short, runtime[2 * place : 2 * place + 2]), strict=True)),
        }  # fmt: skip
        print(role, name, told[role][name])
    before = json.loads(path.read_text(encoding="utf-8"))
    machine = {"created": made.created, "processor": made.processor, "torch": made.torch,
               "onnxruntime": version("onnxruntime")}  # fmt: skip
    _write(path, before | {"times": {"machine": machine, "student": told["student"], "teacher": told[TEACHER]}})


def saved(network: nn.Module) -> bytes:
    """A network as safetensors, however large: `kept_weights` leaves out huge ones."""
    return save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})


def _write(path: Path, recorded: dict[str, Any]) -> None:
    path.write_text(json.dumps(recorded, separators=(",", ":")), encoding="utf-8")


def record() -> None:
    """All of it; the times last, when nothing else runs any more."""
    record_errors()
    record_times()


if __name__ == "__main__":
    what, *named = sys.argv[1:] or ["all"]
    {"errors": lambda: record_errors(named or STUDENTS), "times": record_times, "all": record}[what]()
