"""What default runs and quick looks take, and how fast this machine is: `python -m assets.durations`.

Part of `make assets`. Nothing else should be running.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from kd_core.messages import Scalar
from kd_core.results.provenance import provenance
from kd_core.runs.queue import Queue
from kd_core.techniques import TECHNIQUES

FILE = Path(__file__).parent / "durations.json"


def record() -> None:
    """Write what each technique's defaults and a quick look at them take, with warm workers and a kept teacher."""
    queue = Queue()
    while queue.calibration is None:
        time.sleep(0.1)
    runs: dict[str, list[tuple[dict[str, Scalar], float]]] = {}
    for technique, settings in ((one.name, one.settings) for one in TECHNIQUES.values()):
        quick = {"seeds": 1} | ({"epochs": 1} if "epochs" in settings.specs() else {})
        queue.submit(settings.parse(quick)).wait()
        runs[technique] = []
        for asked in (settings(), TECHNIQUES[technique].quickly(settings())):
            handle = queue.submit(asked)
            handle.wait()
            assert handle.state == "finished"
            runs[technique].append((asked.model_dump(), round(handle.seconds, 1)))
            print(technique, runs[technique][-1][1], "s", flush=True)
    made = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": provenance(0.0, "cpu", None).processor,
        "calibration": round(queue.calibration, 4),  # as every server measures it: while its workers start
        "workers": queue.lanes,
        "runs": runs,
    }
    queue.close()
    FILE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
