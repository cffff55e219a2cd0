"""The map that the page of maps shows first."""

from pathlib import Path
from tempfile import TemporaryDirectory

from assets.recording import HERE, warm_queue
from kd_core.sweeps import table
from kd_core.sweeps.plan import presets
from kd_core.sweeps.sweep import Sweeps


def record_map(path: Path = HERE / "recorded-map.json", preset: str = "temperature_alpha") -> None:
    """The map that its page shows first, carried out by the queue as there, in a database of its own."""
    queue = warm_queue()
    with TemporaryDirectory() as folder:
        sweeps = Sweeps(queue, f"sqlite:///{Path(folder) / 'maps.db'}")
        view = sweeps.start(presets()[preset].plan).wait()
        sweeps.close()
    queue.close()
    if view.state != "finished":
        raise SystemExit(f"the map ended as {view.state}: {view.problem}")
    path.write_text(view.model_dump_json(), encoding="utf-8")
    print(table.table(view), f"{view.seconds:.1f} s", sep="\n")
