"""The recorded Result of every preset: `python -m assets.presets [TECHNIQUE] [PRESET …]`, part of `make assets`.

Nothing else should be running, for latencies are measured.
"""

import gzip
import sys
from collections.abc import Iterator
from pathlib import Path

from assets.recording import HERE, warm_queue, without_networks
from kd_core.results.schema import Result
from kd_core.settings.base import Settings
from kd_core.techniques import TECHNIQUES

FOLDER = HERE / "presets"


def settings_of_presets(technique: str, *names: str) -> Iterator[tuple[str, Settings]]:
    """Name and settings of the presets of a technique (of `names`, or of all), the one of the defaults left out."""
    described = TECHNIQUES[technique]
    for group in described.presets:
        for name, preset in group.items():
            settings = described.settings.parse(preset.values)
            if settings != described.settings() and (not names or name in names):
                yield name, settings


def record(*techniques: str, presets: tuple[str, ...] = (), folder: Path = FOLDER) -> None:
    """Run the presets of `techniques` (of all there are) through the queue, and write each Result, compressed.

    A preset that cannot be run here (VGG16's weights are not to be had everywhere) is named, and left as it was.
    """
    folder.mkdir(exist_ok=True)
    queue = warm_queue()
    for technique in techniques or tuple(TECHNIQUES):
        for name, settings in settings_of_presets(technique, *presets):
            view = queue.submit(settings).wait(3600)
            said = view.result.verdict.text if view.result else f"{view.state}: {view.problem}"
            print(f"{technique} {name}: {said} {view.seconds_elapsed:.0f} s", flush=True)
            if view.result:
                write(without_networks(view.result), folder / f"{technique}-{name}.json.gz")
    queue.close()


def write(result: Result, path: Path) -> None:
    """`result` as compressed JSON: the same bytes for the same Result."""
    path.write_bytes(gzip.compress(result.model_dump_json().encode(), mtime=0))


if __name__ == "__main__":
    record(*sys.argv[1:2], presets=tuple(sys.argv[2:]))
