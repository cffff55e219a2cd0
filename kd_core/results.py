"""The parts of a Result that every technique fills in the same way."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import nn

from kd_core.data import Digits, pixels
from kd_core.events import Arm, ArmTrial, Dataset, GalleryDigit, Interval, Provenance, Result
from kd_core.statistics import t_interval
from kd_core.training import confusion, count_errors, predict


def arm_trial(
    model: nn.Module, data: Digits, seed: int, curve: Sequence[tuple[int, int]], seconds: float
) -> ArmTrial:
    """What is kept of one trained network: its test errors, confusion and gallery logits, in float32."""
    logits = predict(model, data.test.images)
    return ArmTrial(
        seed=seed,
        curve=tuple(curve),
        test_errors=count_errors(logits, data.test.labels),
        confusion=confusion(logits, data.test.labels),
        gallery_logits=tuple(tuple(row) for row in logits[list(data.gallery)].tolist()),
        seconds=seconds,
    )


def errors_per_10000(trials: Sequence[ArmTrial], images: int) -> Interval:
    """Test errors scaled to 10,000 images, with the t interval over trials."""
    return t_interval([10_000 * t.test_errors / images for t in trials])


def pool(arms: Sequence[Arm], images: int) -> Arm:
    """One Arm of the trials of several; one model that served them all is counted once."""
    first = arms[0]
    if first.shared:
        return first
    trials = tuple(t for arm in arms for t in arm.trials)
    return first.model_copy(update={"trials": trials, "errors_per_10000": errors_per_10000(trials, images)})


def dataset(data: Digits) -> Dataset:
    """The name and sizes of `data`."""
    return Dataset(name=data.name, train=len(data.train), validation=len(data.validation), test=len(data.test))


def gallery(data: Digits) -> tuple[GalleryDigit, ...]:
    """The test images that are shown beside the numbers."""
    shown = pixels(data.test.images[list(data.gallery)]).tolist()
    return tuple(
        GalleryDigit(index=index, label=int(data.test.labels[index]), pixels=tuple(row))
        for index, row in zip(data.gallery, shown, strict=True)
    )


def provenance(seconds: float, device: str, teacher_created: str | None) -> Provenance:
    """When, on what and with what these numbers were made."""
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=seconds,
        processor=_processor(device),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        torch=torch.__version__,
        teacher_created=teacher_created,
    )


def _processor(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def by_seed(trials: Sequence[Result], arm: str) -> list[Result]:
    """The trials' Results in the order of the seeds of `arm`, which every trial has trained anew.

    Raises ValueError where there are none, a seed comes twice, or they differ in more than seeds: such
    trials must not be joined.
    """

    def seeds(result: Result) -> list[int]:
        return [t.seed for t in result.arm(arm).trials]

    def kind(result: Result) -> str:
        settings = {name: value for name, value in result.settings.items() if name not in ("seed", "seeds")}
        return f"{result.technique} {result.version} {result.data} {settings}"

    ordered = sorted(trials, key=seeds)
    every = [seed for result in ordered for seed in seeds(result)]
    if not every or len(set(every)) < len(every):
        raise ValueError(f"trials of different seeds are needed; seeds {every} were given")
    kinds = {kind(result) for result in ordered}
    if len(kinds) > 1:
        raise ValueError(f"trials of equal settings, version and data are needed; {len(kinds)} kinds were given")
    return ordered
