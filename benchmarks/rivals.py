"""Who races in `benchmarks/distillation.py`: each does one epoch of the same distillation over 60,000 images.

The article's student under its trained teacher, T = 4, alpha = 0.9, Adam at 1e-3, batches of 128, from the same
first weights in each repetition.
"""

import copy
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from kd_core.data.digits import MEAN, STD, Digits
from kd_core.data.vision import import_torchvision
from kd_core.distillation.loss import distillation_loss, unchecked_loss
from kd_core.distillation.settings import DistillationSettings
from kd_core.nn import fastconv, teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.hardware import resolve
from kd_core.nn.networks import build
from kd_core.nn.seeding import seeded
from kd_core.nn.training import fit
from kd_core.paths import data_root
from kd_core.results.events import Reporter

T, ALPHA, BATCH, LEARNING_RATE = 4.0, 0.9, 128, 1e-3
PROOF = 100  # test images on which the copied teacher and the loss are compared


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bundled_teacher(data: Digits) -> nn.Sequential:
    """The teacher that the repository carries."""
    model = build("article", "teacher", seeded(0, "teacher weights"))
    path = teachers.bundled_path("article", data, DistillationSettings().teacher_epochs)
    if not teachers.find(model, teachers.digest(data), path):
        raise SystemExit("There is no teacher for this data in assets/; make one with `make assets`.")
    return model


def first_student(seed: int) -> nn.Sequential:
    """The student with the first weights of `seed`."""
    return build("article", "student", seeded(seed, "student weights"))


def ours(images: Tensor, labels: Tensor, logits: Tensor, seed: int) -> nn.Module:
    """The lab's own `fit` (without its look at the validation split), given the teacher's logits."""
    student, precision = first_student(seed), resolve(DistillationSettings(device="cpu")).precision

    def loss_fn(answers: Tensor, batch: Tensor) -> Tensor:
        return unchecked_loss(answers, logits[batch], labels[batch], T, ALPHA)

    for _ in fit(
        student, images, loss_fn, (images[:1], labels[:1]), Reporter("student", "distilled student", seed),
        epochs=1, batch_size=BATCH, learning_rate=LEARNING_RATE, order=seeded(seed, "order"), precision=precision,
    ):  # fmt: skip
        pass
    return student


def by_torch(images: Tensor, labels: Tensor, logits: Tensor, seed: int) -> nn.Module:
    """The same as on a machine that has no C compiler."""
    with patch.object(fastconv, "available", lambda: False):
        return ours(images, labels, logits, seed)


def as_written(network: nn.Sequential) -> nn.Sequential:
    """The article's network as a tutorial writes it, with the same weights: ReLU before torch's own pooling."""
    first, _, _, second, _, _, flatten, hidden, _, last = copy.deepcopy(network)
    written = nn.Sequential(
        _usual(first), nn.ReLU(), nn.MaxPool2d(2), _usual(second), nn.ReLU(), nn.MaxPool2d(2),
        flatten, hidden, nn.ReLU(), last,
    )  # fmt: skip
    written.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return written


def _usual(convolution: nn.Module) -> nn.Conv2d:
    """The convolution as torch's own, with the same weights."""
    assert isinstance(convolution, nn.Conv2d)
    own = nn.Conv2d(convolution.in_channels, convolution.out_channels, convolution.kernel_size)  # type: ignore[arg-type]
    own.load_state_dict(convolution.state_dict())
    return own


def usual(teacher: nn.Module, seed: int) -> nn.Module:
    """The loop of most tutorials: DataLoader, PIL transforms, the teacher asked again in every step."""
    torchvision = import_torchvision()
    transform = torchvision.transforms.Compose(
        [torchvision.transforms.ToTensor(), torchvision.transforms.Normalize((MEAN,), (STD,))]
    )
    torch.manual_seed(seed)  # the loader's order
    loader = DataLoader(
        torchvision.datasets.MNIST(data_root(), train=True, transform=transform), BATCH, shuffle=True
    )
    student = as_written(first_student(seed))
    optimizer = torch.optim.Adam(student.parameters(), lr=LEARNING_RATE)
    teacher.eval()
    student.train()
    for images, labels in loader:
        with torch.no_grad():
            answers = teacher(images)
        loss = unchecked_loss(student(images), answers, labels, T, ALPHA)  # as cheap as ours
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return student


def roofline(images: int, per_image: int) -> float:
    """Seconds for forward and backward (three times the forward's multiply-adds) at matrix-product speed."""
    size, repeats = 2048, 8
    a, b = torch.randn(size, size), torch.randn(size, size)
    a @ b
    rate = repeats * size**3 / seconds(lambda: [a @ b for _ in range(repeats)])
    return 3 * images * per_image / rate


class Keras:
    """The rival in an interpreter of its own, which does an epoch when told to.

    python: one that has requirements-keras.txt. Use it as a context manager.
    """

    def __init__(
        self, python: str, images: Tensor, labels: Tensor, test: tuple[Tensor, Tensor],
        teacher: nn.Sequential, seeds: int,
    ) -> None:  # fmt: skip
        self._folder = tempfile.TemporaryDirectory(prefix="keras-rival-")
        file = Path(self._folder.name) / "shared.npz"
        np.savez(file, **_shared(images, labels, test, teacher, seeds))
        script = Path(__file__).with_name("keras_rival.py")
        command = [python, "-P", str(script), str(file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions = self._answer()

    def epoch(self, seed: int) -> tuple[float, int]:
        """Seconds and test errors of one epoch from the first weights of `seed`."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"epoch {seed}\n")
        self._process.stdin.flush()
        answer = self._answer()
        return answer["seconds"], answer["errors"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"The Keras rival ended with code {self._process.wait()}; its own words are above.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # its standard input closes, and it ends
        self._folder.cleanup()


def _shared(
    images: Tensor, labels: Tensor, test: tuple[Tensor, Tensor], teacher: nn.Sequential, seeds: int
) -> Mapping[str, Any]:
    """What the Keras rival is given, in Keras's layouts."""
    proof, proof_labels = test[0][:PROOF], test[1][:PROOF]
    expected = predict(teacher, proof)
    loss = distillation_loss(predict(first_student(0), proof), expected, proof_labels, T, ALPHA)
    shared: dict[str, Any] = {
        "images": nhwc(images), "labels": labels.numpy(), "test_images": nhwc(test[0]),
        "test_labels": test[1].numpy(), "teacher_logits": expected.numpy(), "loss": loss.item(),
        "temperature": T, "alpha": ALPHA, "batch": BATCH, "rate": LEARNING_RATE,
    }  # fmt: skip
    networks = {"teacher": teacher} | {f"student_{seed}": first_student(seed) for seed in range(seeds)}
    for name, network in networks.items():
        shared |= {f"{name}_{i}": array for i, array in enumerate(keras_weights(network))}
    return shared


def nhwc(images: Tensor) -> np.ndarray:
    """Images [N, C, H, W] as [N, H, W, C]."""
    return images.permute(0, 2, 3, 1).contiguous().numpy()


def keras_weights(network: nn.Sequential) -> list[np.ndarray]:
    """The article's network's weights in Keras's layouts and order: kernel, bias, kernel, bias, …

    Convolutions [O, I, H, W] -> [H, W, I, O], dense [O, I] -> [I, O]. The first dense layer's inputs are
    flattened from [C, 5, 5] here and from [5, 5, C] there.
    """
    first, second, hidden, last = layers = [m for m in network if isinstance(m, nn.Conv2d | nn.Linear)]
    kernels = [
        first.weight.permute(2, 3, 1, 0),
        second.weight.permute(2, 3, 1, 0),
        hidden.weight.view(len(hidden.weight), -1, 5, 5).permute(2, 3, 1, 0).flatten(0, 2),
        last.weight.T,
    ]
    pairs = zip(kernels, (layer.bias for layer in layers), strict=True)
    return [part.detach().contiguous().numpy() for pair in pairs for part in pair if part is not None]
