"""What default runs take, and how fast this machine is: `python -m assets.durations`, part of `make assets`.

Nothing else should be running.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from kd_core.results.provenance import provenance
from kd_core.runs.queue import Queue
from kd_core.techniques import TECHNIQUES

FILE = Path(__file__).parent / "durations.json"


def record() -> None:
    """Run each technique's default settings once, with warm workers and a kept teacher, and write what it took."""
    queue = Queue()
    while queue.calibration is None:
        time.sleep(0.1)
    runs = {}
    for technique, settings in ((one.name, one.settings) for one in TECHNIQUES.values()):
        quick = {"seeds": 1} | ({"epochs": 1} if "epochs" in settings.specs() else {})
        queue.submit(settings.parse(quick)).wait()
        handle = queue.submit(settings())
        handle.wait()
        assert handle.state == "finished"
        runs[technique] = [(settings().model_dump(), round(handle.seconds, 1))]
        print(technique, runs[technique][0][1], "s", flush=True)
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
