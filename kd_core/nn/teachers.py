"""Teachers that are kept: a teacher trained once on all labels serves every later run.

A kept teacher is a safetensors file whose header says where it came from. `assets/` carries one, so
that a fresh clone need not train; others are written to the user's cache folder. Nothing is unpickled.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from kd_core.data.digits import Digits
from kd_core.data.pixels import UCI
from kd_core.nn.training import curve_of, fit
from kd_core.paths import part, slug, teachers_root, write_whole
from kd_core.results.events import Event, Reporter

ASSETS = part("assets")
VERSION = 1  # raised when a teacher of the same name would be trained differently

BATCH = 128
MIN_STEPS = 400  # one epoch of MNIST has 430: a small training set is seen more often, or it would teach nothing
LEARNING_RATE = 1e-3
# Hinton's large network needs jitter to reach its errors, and many epochs; averaged weights answer more smoothly.
RECIPES: dict[str, dict[str, Any]] = {
    "jittered": dict(batch_size=256, learning_rate=2e-3, schedule="one_cycle", jitter=2, average=0.9995),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Teacher:
    """A trained teacher: its weights and how it was trained.

    data: a digest of the images and labels it was trained on. curve: (epoch, validation errors) pairs;
    seconds: of training; kept: found on disk, not trained now.
    """

    weights: dict[str, Tensor]
    data: str
    labels: int
    curve: tuple[tuple[int, int], ...]
    seconds: float
    created: str
    kept: bool = False


def bundled_path(model: str, data: Digits, epochs: int, seed: int = 0) -> Path:
    """Where assets/ would carry this teacher; that one serves every machine, whatever its arithmetic."""
    return ASSETS / f"{_stem(model, data, epochs, seed)}.safetensors"


def kept_path(model: str, data: Digits, epochs: int, precision: str, device: str, seed: int = 0) -> Path:
    """Where a run keeps this teacher: everything that its weights depend on here is in the name."""
    return teachers_root() / f"{_stem(model, data, epochs, seed)}-{precision}-{device}.safetensors"


def _stem(model: str, data: Digits, epochs: int, seed: int) -> str:
    recipe = json.dumps(RECIPES.get(model, {}), sort_keys=True).encode()
    own = f"-{hashlib.sha256(recipe).hexdigest()[:8]}" if model in RECIPES else ""
    own += f"-seed{seed}" if seed else ""
    return f"teacher-{model}-{slug(data.name)}-{len(data.train)}-{epochs}epochs-v{VERSION}{own}"


def obtain(
    model: nn.Module,
    name: str,
    data: Digits,
    reporter: Reporter,
    *,
    epochs: int,
    seed: int = 0,
    order: torch.Generator,
    precision: str,
    device: str,
    fresh: bool,
) -> Generator[Event, None, Teacher]:
    """Give `model` the kept teacher's weights, or train it on all of data.train now and keep it.

    name: the network's, as in `networks.build`; seed: what its first weights and `order` were drawn from;
    fresh: train although one is kept. Those of the small stand-in for MNIST are trained in each run.
    """
    path = kept_path(name, data, epochs, precision, device, seed)
    teacher = None if fresh else find(model, digest(data), bundled_path(name, data, epochs, seed), path)
    if teacher is not None:
        yield reporter.step(1, 1)
        for epoch, errors in teacher.curve:
            yield reporter.evaluation(epoch, epochs, errors, len(data.validation))
        return teacher
    teacher = yield from train(
        model, data, reporter, epochs=epochs, order=order, precision=precision, device=device, recipe=name
    )
    if not data.name.startswith(UCI):
        keep(path, teacher)
    return teacher


def train(
    model: nn.Module,
    data: Digits,
    reporter: Reporter,
    *,
    epochs: int,
    order: torch.Generator,
    precision: str,
    device: str,
    recipe: str = "",
) -> Generator[Event, None, Teacher]:
    """Train `model` as a teacher on all of data.train with cross entropy; returns it as a `Teacher`.

    It trains for `epochs` epochs, or more where these have fewer than MIN_STEPS steps, as RECIPES has it for
    the network `recipe`.
    """
    labels = data.train.labels.to(device)
    how = dict(batch_size=BATCH, learning_rate=LEARNING_RATE) | RECIPES.get(recipe, {})
    epochs = max(epochs, math.ceil(MIN_STEPS / math.ceil(len(labels) / how["batch_size"])))
    started = time.perf_counter()
    curve = yield from curve_of(fit(
        model, data.train.stored, lambda logits, batch: F.cross_entropy(logits, labels[batch]),
        (data.validation.stored, data.validation.labels), reporter,
        epochs=epochs, order=order, precision=precision, **how,
    ))  # fmt: skip
    weights = {key: value.detach().cpu() for key, value in model.state_dict().items()}
    seconds = time.perf_counter() - started
    created = datetime.now(UTC).isoformat(timespec="seconds")
    pairs = tuple((one.epoch, one.errors) for one in curve)
    return Teacher(weights, digest(data), len(labels), pairs, seconds, created)


def digest(data: Digits) -> str:
    """Tells one training split from another: a hash of its labels and of every 50th image."""
    content = data.train.labels.numpy().tobytes() + data.train.stored[::50].numpy().tobytes()
    return hashlib.sha256(content).hexdigest()


def find(model: nn.Module, data: str, *paths: Path) -> Teacher | None:
    """The first teacher kept at one of `paths`, its weights put into `model`; None where there is none.

    One that cannot be read, was trained on data of another digest, does not fit the model or is not
    finite counts as none: the log says so, and the teacher is trained again.
    """
    for path in paths:
        try:
            if not path.is_file():
                continue
            teacher = _read(path)
            if teacher.data != data:
                raise ValueError("it was trained on other data")
            if not all(value.isfinite().all() for value in teacher.weights.values()):
                raise ValueError("its weights are not finite")
            model.load_state_dict(teacher.weights)
        except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
            log.warning("The kept teacher %s cannot be used (%s); it is trained again.", path, error)
            continue
        return teacher
    return None


def _read(path: Path) -> Teacher:
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    curve = tuple((int(epoch), int(errors)) for epoch, errors in about["curve"])
    return Teacher(
        weights,
        str(about["data"]),
        int(about["labels"]),
        curve,
        float(about["seconds"]),
        str(about["created"]),
        kept=True,
    )


def keep(path: Path, teacher: Teacher) -> bool:
    """Write `teacher` for later runs, atomically; False (and a line in the log) where that is impossible."""
    about = {key: value for key, value in asdict(teacher).items() if key not in ("weights", "kept")}
    try:
        weights = {key: value.contiguous() for key, value in teacher.weights.items()}
        write_whole(path, save(weights, {"about": json.dumps(about)}))
    except OSError as error:
        log.warning("The teacher could not be kept in %s (%s).", path.parent, error)
        return False
    return True
