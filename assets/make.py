"""Rebuild what the first paint shows: `make assets` (a few minutes on two cores).

Writes beside this file: the teacher of all 55,000 labels, the gallery of test digits with its logits,
its logits of validation images by label, and the Result of the default settings, computed by the same
queue and workers that the app uses.
"""

import base64
import json
import time
from pathlib import Path

import torch

from kd_core import distillation, teachers
from kd_core.data import Digits, load_mnist, pixels
from kd_core.runs.queue import Queue
from kd_core.settings import DistillationSettings
from kd_core.training import predict, seeded

HERE = Path(__file__).parent
IMAGES_OF_A_CLASS = 100


def make_teacher(data: Digits) -> torch.nn.Module:
    """Train the article's teacher on all labels and keep it here."""
    settings = distillation.resolve(DistillationSettings())
    model = distillation._build(settings, distillation.TEACHER, distillation.TEACHER_SEED)
    stream = teachers.train(
        model, data, epochs=settings.teacher_epochs, order=seeded(distillation.TEACHER_SEED, "teacher order"),
        precision=settings.precision, device=settings.device, arm=distillation.TEACHER,
        seed=distillation.TEACHER_SEED,
    )  # fmt: skip
    while True:
        try:
            print(next(stream))
        except StopIteration as stop:
            for old in HERE.glob("teacher-*.safetensors"):
                old.unlink()
            if not teachers.keep(
                teachers.bundled_path(settings.teacher, data, settings.teacher_epochs), stop.value
            ):
                raise SystemExit(f"{HERE} cannot be written") from None
            return model


def make_gallery(model: torch.nn.Module, data: Digits) -> None:
    """The gallery's pixels, labels and teacher logits as JSON that needs no torch to read."""
    chosen = list(data.gallery)
    images = data.test.images[chosen]
    digits = [
        {"index": index, "label": int(data.test.labels[index]), "logits": [round(z, 4) for z in row],
         "pixels": base64.b64encode(bytes(shown)).decode()}
        for index, row, shown in zip(chosen, predict(model, images).tolist(), pixels(images).tolist(), strict=True)
    ]  # fmt: skip
    (HERE / "gallery.json").write_text(
        json.dumps({"source": "MNIST test set, CC BY-SA 3.0", "digits": digits}), encoding="utf-8"
    )


def make_classes(model: torch.nn.Module, data: Digits) -> None:
    """The teacher's logits of the first 100 validation images of each label, as [label][image][digit]."""
    images, labels = data.validation.images, data.validation.labels
    chosen = [(labels == label).nonzero()[:IMAGES_OF_A_CLASS, 0] for label in range(10)]
    logits = [[[round(z, 2) for z in row] for row in predict(model, images[at]).tolist()] for at in chosen]
    (HERE / "classes.json").write_text(
        json.dumps({"source": "MNIST validation set, CC BY-SA 3.0", "logits": logits}, separators=(",", ":")),
        encoding="utf-8",
    )


def record() -> None:
    """The default settings' Result, through the queue."""
    queue = Queue()
    while not queue.warm:
        time.sleep(0.1)
    time.sleep(5)  # the other workers warm up too, and would disturb the latency
    view = queue.submit(DistillationSettings()).wait(600)
    queue.close()
    if view.result is None:
        raise SystemExit(f"the run ended as {view.state}: {view.problem}")
    (HERE / "recorded-distillation.json").write_text(view.result.model_dump_json(), encoding="utf-8")
    print(view.result.verdict.text, f"{view.seconds_elapsed:.1f} s")


if __name__ == "__main__":
    mnist = load_mnist()
    teacher = make_teacher(mnist)
    make_gallery(teacher, mnist)
    make_classes(teacher, mnist)
    record()
