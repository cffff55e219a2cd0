"""Rebuild what the first paint shows: `make assets` (a few minutes on two cores).

Writes beside this file: the teacher of all 55,000 labels, the gallery of test digits with its logits,
its logits of validation images by label, the Result of every technique's default settings, and the transfer
page's accuracy over labels, computed by the same queue and workers that the app uses.
"""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import torch

from kd_core import distillation, teachers, transfer
from kd_core.data import Digits, Split, load_mnist, pixels
from kd_core.events import Arm, Interval, Result
from kd_core.results import provenance
from kd_core.runs.queue import Handle, Queue
from kd_core.settings import ANCHORED, TECHNIQUES, DistillationSettings, TransferSettings
from kd_core.statistics import CONFIDENCE
from kd_core.training import predict, seeded

HERE = Path(__file__).parent
IMAGES_OF_A_CLASS = 100
LABELS = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # a class, on the transfer page's curve
FEW_NETWORKS = ("transfer",)  # five networks of half a megabyte each


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


def record(*techniques: str, folder: Path = HERE) -> None:
    """The Result of the default settings, through the queue: of `techniques`, or of all there are."""
    for name in techniques or tuple(TECHNIQUES):
        queue = _warm_queue()
        result = _finished(queue.submit(TECHNIQUES[name]()))
        queue.close()
        if name in FEW_NETWORKS:
            result = _with_few_networks(result)
        (folder / f"recorded-{name}.json").write_text(result.model_dump_json(), encoding="utf-8")


def record_labels(
    labels: Sequence[int] = LABELS, seeds: int = 6, path: Path = HERE / "recorded-transfer-labels.json"
) -> None:
    """Test errors of every transfer arm over labels a class, all other settings as they are by default.

    One Result for each number of labels. A point's gain is its run's own verdict: fine-tuning against
    from scratch, in points, paired by seed.
    """
    queue = _warm_queue()
    settings = [TransferSettings(labels_per_class=count, seeds=seeds) for count in labels]
    runs = [_finished(handle) for handle in [queue.submit(each) for each in settings]]  # so no worker ever waits
    queue.close()
    first, (source, _target) = runs[0], transfer.tasks(settings[0], load_mnist())
    errors = {arm.name: [run.arm(arm.name).errors_per_10000 for run in runs] for arm in first.arms}
    curve = {
        "created": first.provenance.created, "processor": first.provenance.processor,
        "torch": first.provenance.torch, "version": first.version,
        "settings": settings[0].model_dump(exclude={"labels_per_class"}),
        "data": first.data.name, "source": source.name, "source_labels": len(source.train), "seeds": seeds,
        "confidence": CONFIDENCE, "labels": list(labels),
        "arms": {name: _columns(intervals) for name, intervals in errors.items()},
        "gain": [{"points": _rounded(run.verdict.difference.mean), "low": _rounded(run.verdict.difference.low),
                  "high": _rounded(run.verdict.difference.high), "kind": run.verdict.kind} for run in runs],
    }  # fmt: skip
    path.write_text(json.dumps(curve), encoding="utf-8")


def record_lambda(seeds: int = 5, path: Path = HERE / "recorded-transfer-lambda.json") -> None:
    """How far L2-SP lets each transferred layer move, by λ: mean distances over seeds, defaults otherwise.

    Only this arm is trained, in this process.
    """
    torch.set_num_threads(1)  # as a worker
    data, first = load_mnist(), transfer.resolve(TransferSettings())
    lams = [float(mark) for mark in TransferSettings.specs()["lam"].marks]
    shared, target = transfer.prepare(first, data), transfer.target_of(first, data)
    target = replace(target, validation=Split(target.validation.images[:1], target.validation.labels[:1]))
    distance = []
    for lam in lams:
        settings = first.model_copy(update={"lam": lam})
        moved = []
        for seed in range(seeds):
            model, _head = transfer._start(settings, shared, seed, transferred=True)
            few = transfer._few(settings, target, seed)
            for _event in transfer._tune(settings, model, few, target, seed, ANCHORED, (0.0, 1.0)):
                pass
            moved.append(list(transfer._moved(model, shared.source).values()))
        distance.append([round(fmean(layer), 4) for layer in zip(*moved, strict=True)])
        print(lam, distance[-1])
    made = provenance(0.0, first.device, None)
    recorded = {
        "created": made.created, "processor": made.processor, "torch": made.torch,
        "version": transfer.RESULT_VERSION, "settings": first.model_dump(exclude={"lam", "seeds"}),
        "data": target.name, "seeds": seeds, "lams": lams, "distance": distance,
    }  # fmt: skip
    path.write_text(json.dumps(recorded), encoding="utf-8")


def _columns(intervals: Sequence[Interval]) -> dict[str, list[float | None]]:
    """Intervals of errors per 10,000 as three columns."""
    return {side: [_rounded(getattr(interval, side)) for interval in intervals] for side in ("mean", "low", "high")}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def _warm_queue() -> Queue:
    queue = Queue()
    while not queue.warm:
        time.sleep(0.1)
    time.sleep(5)  # the other workers warm up too, and would disturb the latency
    return queue


def _finished(handle: Handle) -> Result:
    view = handle.wait(3600)
    if view.result is None:
        raise SystemExit(f"the run ended as {view.state}: {view.problem}")
    print(view.result.verdict.text, f"{view.seconds_elapsed:.1f} s")
    return view.result


def _with_few_networks(result: Result) -> Result:
    """The same Result with the networks of the verdict's two arms only: all would be most of what is bundled."""
    kept = (result.verdict.arm, result.verdict.baseline)

    def light(arm: Arm) -> Arm:
        trials = tuple(trial.model_copy(update={"weights": None}) for trial in arm.trials)
        return arm if arm.name in kept else arm.model_copy(update={"trials": trials})

    return result.model_copy(update={"arms": tuple(map(light, result.arms))})


if __name__ == "__main__":
    mnist = load_mnist()
    teacher = make_teacher(mnist)
    make_gallery(teacher, mnist)
    make_classes(teacher, mnist)
    record()
    record_labels()
    record_lambda()
