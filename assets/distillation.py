"""What the pages of distillation show at first: teacher, gallery, soft targets, all labels, bugs."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load

from assets.recording import HERE, finished, sides, warm_queue, without_networks
from kd_core.data.digits import Digits, load_mnist, pixels
from kd_core.distillation import trainer
from kd_core.distillation.bugs import in_training_mode
from kd_core.distillation.settings import ALONE, BUGGED, DISTILLED, DistillationSettings
from kd_core.messages import Scalar
from kd_core.nn import teachers
from kd_core.nn.evaluation import predict
from kd_core.nn.hardware import resolve
from kd_core.nn.seeding import seeded
from kd_core.results.events import Reporter
from kd_core.results.schema import Result
from kd_core.results.statistics import compared
from kd_core.runs import assemble
from kd_core.runs.assemble import drained
from kd_core.settings.common import TEACHER

IMAGES_OF_A_CLASS = 100
# What each bug is run with beside the defaults: as anybody would, and where it ought to matter, chosen beforehand.
BUG_RUNS: dict[str, tuple[dict[str, Scalar], ...]] = {
    "no_t_squared": ({}, {"temperature": 20.0, "alpha": 0.5}),
    "mean": ({}, {"alpha": 0.5}),
    "reversed": ({}, {"student": "mlp30"}),
    "training_mode": ({"teacher": "mlp1200"},),
    "shuffled": ({},),
    "double_softmax": ({},),
}
BATCH = 32  # images, on the page of conventions and bugs


def make_teacher(data: Digits) -> torch.nn.Module:
    """Train the article's teacher on all labels and keep it here."""
    settings = resolve(DistillationSettings())
    model = trainer.network_of(settings, TEACHER, settings.teacher_seed)
    stream = teachers.train(
        model, data, Reporter("teacher", TEACHER, settings.teacher_seed),
        epochs=settings.teacher_epochs, order=seeded(settings.teacher_seed, "teacher order"),
        precision=settings.precision, device=settings.device,
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


def record_all_labels(epochs: int = 5, path: Path = HERE / "recorded-all-labels.json") -> None:
    """Distillation by default settings, but of students that see all labels: for the summary.

    As many epochs as the teacher has, for the students see as many images in one as in 110 of the default's.
    """
    queue = warm_queue()
    settings = DistillationSettings(train_size=len(load_mnist().train), epochs=epochs)
    result = finished(queue.submit(settings))
    queue.close()
    path.write_text(without_networks(result).model_dump_json(), encoding="utf-8")


def record_bugs(bugs: Sequence[str] = (), seeds: int = 5, path: Path = HERE / "recorded-bugs.json") -> None:
    """What each well-known bug of distillation code makes of a short run, and a batch to see its gradient on.

    One run for each of BUG_RUNS (of `bugs`, or of all): test errors per 10,000 of the student alone, distilled,
    and distilled with the bug, and what the bug gained in points, paired by seed. "batch": logits of validation
    images that neither network has trained on, by the bundled teacher, by the recorded student alone, and by a
    teacher with dropout as it should be and in training mode.
    """
    torch.set_num_threads(1)  # as a worker
    data = load_mnist()
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"runs": {}}
    for bug in bugs or BUG_RUNS:
        known["runs"][bug] = [_bug_run(bug, changed, seeds, data) for changed in BUG_RUNS[bug]]
        path.write_text(json.dumps(known), encoding="utf-8")
    known["batch"] = _batch(data)
    path.write_text(json.dumps(known), encoding="utf-8")


def _bug_run(bug: str, changed: dict[str, Scalar], seeds: int, data: Digits) -> dict:
    settings = DistillationSettings.parse({"bug": bug, "student": "mlp300", "seeds": seeds, **changed})
    *_events, result = assemble.run(trainer, settings, data)
    assert isinstance(result, Result)
    gain = compared(result, BUGGED, DISTILLED).difference
    print(settings, gain)
    return {
        "settings": settings.model_dump(exclude_defaults=True),
        "seeds": seeds, "version": result.version,
        "errors": {name: sides(result.arm(name).errors_per_10000) for name in (ALONE, DISTILLED, BUGGED)},
        "gain": sides(gain), "created": result.provenance.created, "processor": result.provenance.processor,
        "torch": result.provenance.torch,
    }  # fmt: skip


def _batch(data: Digits) -> dict:
    """Labels, and logits to two decimals, of the first validation images, as `record_bugs` describes them."""
    images = data.validation.images[:BATCH]
    recorded = Result.model_validate_json((HERE / "recorded-distillation.json").read_bytes())
    plain, dropping = (resolve(DistillationSettings(teacher=name)) for name in ("article", "mlp1200"))
    student = trainer.network_of(plain, ALONE, 0)
    student.load_state_dict(load(recorded.networks()[ALONE]))
    teacher, large = (
        drained(trainer.obtain_teacher(settings, data, recorded.arm(TEACHER).cost))[0]
        for settings in (plain, dropping)
    )
    rows = {
        "teacher": predict(teacher, images), "student": predict(student, images),
        "dropout": predict(large, images), "training": in_training_mode(large, images, 0),
    }  # fmt: skip
    logits = {name: [[round(z, 2) for z in row] for row in each.tolist()] for name, each in rows.items()}
    return {
        "source": "MNIST validation set, CC BY-SA 3.0",
        "labels": data.validation.labels[:BATCH].tolist(),
        **logits,
    }
