"""Teachers that are kept: a teacher trained once on all labels serves every later run.

A kept teacher is a safetensors file whose header says where it came from. `assets/` carries one, so
that a fresh clone need not train; others are written to the user's cache folder. Nothing is unpickled.
"""

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from kd_core.data import Digits, data_root

ASSETS = Path(__file__).parent.parent / "assets"
VERSION = 1  # raised when a teacher of the same name would be trained differently

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Teacher:
    """A trained teacher: its weights and how it was trained.

    curve: (epoch, validation errors) pairs; seconds: of training; kept: found on disk, not trained now.
    """

    weights: dict[str, Tensor]
    labels: int
    curve: tuple[tuple[int, int], ...]
    seconds: float
    created: str
    kept: bool = False


def bundled_path(model: str, data: Digits, epochs: int) -> Path:
    """Where assets/ would carry this teacher; that one serves every machine, whatever its arithmetic."""
    return ASSETS / f"{_stem(model, data, epochs)}.safetensors"


def kept_path(model: str, data: Digits, epochs: int, precision: str, device: str) -> Path:
    """Where a run keeps this teacher: everything that its weights depend on here is in the name."""
    return data_root() / "teachers" / f"{_stem(model, data, epochs)}-{precision}-{device}.safetensors"


def _stem(model: str, data: Digits, epochs: int) -> str:
    slug = data.name.lower().replace(" ", "-")
    return f"teacher-{model}-{slug}-{len(data.train)}-{epochs}epochs-v{VERSION}"


def find(*paths: Path) -> Teacher | None:
    """The first teacher that is kept at one of `paths`; None where there is none.

    An unreadable file counts as none: it is reported to the log, and the teacher is trained again.
    """
    for path in paths:
        if path.is_file():
            try:
                return _read(path)
            except (SafetensorError, ValueError, KeyError, TypeError, OSError) as error:
                log.warning("The kept teacher %s cannot be read (%s); it is trained again.", path, error)
    return None


def _read(path: Path) -> Teacher:
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    curve = tuple((int(epoch), int(errors)) for epoch, errors in about["curve"])
    return Teacher(weights, int(about["labels"]), curve, float(about["seconds"]), str(about["created"]), kept=True)


def keep(path: Path, teacher: Teacher) -> bool:
    """Write `teacher` for later runs, atomically; False (and a line in the log) where that is impossible."""
    about = {key: value for key, value in asdict(teacher).items() if key not in ("weights", "kept")}
    # Beside the final name, so that the rename stays on one disk; the pid keeps two writers apart.
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        weights = {key: value.contiguous() for key, value in teacher.weights.items()}
        partial.write_bytes(save(weights, {"about": json.dumps(about)}))
        partial.replace(path)
    except OSError as error:
        log.warning("The teacher could not be kept in %s (%s).", path.parent, error)
        return False
    return True
