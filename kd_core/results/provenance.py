"""When, on what and with what a Result's numbers were made. No torch here: a technique may do without."""

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from kd_core.results.schema import Provenance


def provenance(seconds: float, device: str, teacher_created: str | None) -> Provenance:
    """What holds at this moment in this process; versions of torch and its convolutions where it has been used."""
    torch, convolutions = sys.modules.get("torch"), ""
    if torch is not None:
        from kd_core.nn import fastconv

        convolutions = fastconv.identity()
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=seconds,
        processor=_processor(device),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        torch="" if torch is None else torch.__version__,
        teacher_created=teacher_created,
        convolutions=convolutions,
    )


def _processor(device: str) -> str:
    if device == "cuda":
        return str(sys.modules["torch"].cuda.get_device_name())
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
