"""How fast is an epoch of distillation here? Ratios to named rivals, measured in one run.

    python benchmarks/distillation.py

One epoch of the article's student distilled over 60,000 images (T = 4, alpha = 0.9, Adam), every rival with
the same loss and batch size 128:

  ours      tensors in memory, teacher logits made once and indexed by sample, channels_last, fused Adam,
            bfloat16 where the processor has it
  (a) usual the loop of most tutorials: DataLoader, PIL transforms, the teacher asked again in every step
  (c) roof  the time of the epoch's multiply-adds at the speed of a large float32 matrix product
  queue     the default preset through the queue's workers against one process

Prints medians of n repetitions and their ratios. Nothing else should be running.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from kd_core import distillation, teachers
from kd_core.cost import multiply_adds
from kd_core.data import MEAN, STD, Digits, load_mnist
from kd_core.distillation import distillation_loss
from kd_core.folders import data_root
from kd_core.models import build
from kd_core.runs.queue import Queue
from kd_core.settings import DistillationSettings
from kd_core.training import count_errors, fit, predict, resolve_precision, seeded
from kd_core.vision import import_torchvision

T, ALPHA, BATCH, LEARNING_RATE = 4.0, 0.9, 128, 1e-3


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def roofline(images: int, per_image: int) -> float:
    """Seconds for forward and backward (three times the forward's multiply-adds) at matrix-product speed."""
    size, repeats = 2048, 8
    a, b = torch.randn(size, size), torch.randn(size, size)
    a @ b
    rate = repeats * size**3 / seconds(lambda: [a @ b for _ in range(repeats)])
    return 3 * images * per_image / rate


def usual_epoch(teacher: nn.Module) -> nn.Module:
    """The tutorial loop. Returns the trained student."""
    torchvision = import_torchvision()
    transform = torchvision.transforms.Compose(
        [torchvision.transforms.ToTensor(), torchvision.transforms.Normalize((MEAN,), (STD,))]
    )
    loader = DataLoader(
        torchvision.datasets.MNIST(data_root(), train=True, transform=transform), BATCH, shuffle=True
    )
    student = build("article", "student", seeded(0, "student weights")).to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.Adam(student.parameters(), lr=LEARNING_RATE)
    teacher.eval()
    student.train()
    for images, labels in loader:
        with torch.no_grad():
            answers = teacher(images)
        loss = distillation_loss(student(images), answers, labels, T, ALPHA)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return student


def our_epoch(images: Tensor, labels: Tensor, logits: Tensor, precision: str) -> nn.Module:
    """The lab's own `fit`, over the same images, without its look at the validation split."""
    student = build("article", "student", seeded(0, "student weights"))

    def loss_fn(answers: Tensor, batch: Tensor) -> Tensor:
        return distillation_loss(answers, logits[batch], labels[batch], T, ALPHA)

    for _ in fit(
        student, images, loss_fn, (images[:1], labels[:1]), epochs=1, batch_size=BATCH,
        learning_rate=LEARNING_RATE, order=seeded(0, "order"), precision=precision,
        stage="student", arm="distilled student", seed=0,
    ):  # fmt: skip
        pass
    return student


def bundled_teacher(data: Digits) -> nn.Module:
    """The teacher that the repository carries."""
    model = build("article", "teacher", seeded(0, "teacher weights"))
    path = teachers.bundled_path("article", data, DistillationSettings().teacher_epochs)
    assert teachers.find(model, teachers.digest(data), path), "no teacher in assets/: run `make assets`"
    return model


def preset_seconds() -> tuple[float, float]:
    """The default preset through warm workers, and in this one process on one thread."""
    settings = DistillationSettings()
    queue = Queue()
    try:
        queue.submit(DistillationSettings(seeds=2, epochs=1)).wait(120)  # warm
        through_queue = seconds(lambda: queue.submit(settings).wait(300))
    finally:
        queue.close()
    data, threads = load_mnist(), torch.get_num_threads()
    torch.set_num_threads(1)
    alone = seconds(lambda: list(distillation.run(settings, data)))
    torch.set_num_threads(threads)
    return through_queue, alone


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=3, help="repetitions of each (default 3)")
    n = parser.parse_args().n
    data = load_mnist()
    images = torch.cat([data.train.images, data.validation.images])
    labels = torch.cat([data.train.labels, data.validation.labels])
    teacher = bundled_teacher(data)
    logits = predict(teacher, images)
    logits_seconds = seconds(lambda: predict(teacher, images))
    precision = resolve_precision("auto", "cpu")
    image = data.test.images[:1]
    times: dict[str, list[float]] = {"ours": [], "usual": [], "roof": []}
    errors: dict[str, int] = {}
    for repetition in range(n + 1):  # interleaved, the first uncounted: a drifting machine hits all alike
        students: dict[str, nn.Module] = {}

        def ours(students: dict[str, nn.Module] = students) -> None:
            students["ours"] = our_epoch(images, labels, logits, precision)

        def usual(students: dict[str, nn.Module] = students) -> None:
            students["usual"] = usual_epoch(teacher)

        spent = {"ours": seconds(ours), "usual": seconds(usual)}
        spent["roof"] = roofline(len(images), multiply_adds(students["ours"], image))
        errors = {k: count_errors(predict(s, data.test.images), data.test.labels) for k, s in students.items()}
        if repetition:
            for name, value in spent.items():
                times[name].append(value)
    median = {name: statistics.median(values) for name, values in times.items()}
    print(f"PyTorch {torch.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores, "
          f"{torch.get_num_threads()} threads, {precision}, n = {n}")  # fmt: skip
    for name, values in times.items():
        shown = f"{median[name]:6.2f} s ({min(values):.2f}-{max(values):.2f})"
        print(f"{name:6} {shown}" + (f"  {errors[name]} test errors" if name in errors else ""))
    print(f"teacher logits of 60,000 images, once: {logits_seconds:.2f} s")
    print(f"(a) usual / ours = {median['usual'] / median['ours']:.2f}")
    print(f"(c) ours / roof  = {median['ours'] / median['roof']:.2f}")
    through_queue, alone = preset_seconds()
    print(f"default preset: {through_queue:.1f} s through the queue, {alone:.1f} s in one process on one thread: "
          f"ratio {alone / through_queue:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
