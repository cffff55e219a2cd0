"""What `assets/` carries, so that the first paint is full: the gallery, the recorded Results, a map, durations."""

import gzip
import json
from functools import cache, lru_cache
from typing import Any, TypedDict

from kd_core.messages import Scalar
from kd_core.paths import part
from kd_core.results.schema import Result
from kd_core.settings.base import Settings
from kd_core.sweeps.study import MapView
from kd_core.techniques import TECHNIQUES

ASSETS = part("assets")


def asset(name: str) -> Any:
    """The JSON of a file of `assets/`."""
    return json.loads((ASSETS / name).read_text(encoding="utf-8"))


class Recorded(TypedDict):
    """Of a recording: when, where and of which result version it was made, on which data, with which settings."""

    created: str
    processor: str
    torch: str
    version: int
    settings: dict[str, Scalar]
    data: str


class Digit(TypedDict):
    """One real test digit: its index in MNIST's test set, label, 784 pixels in base64, the teacher's logits."""

    index: int
    label: int
    pixels: str
    logits: list[float]


class Durations(TypedDict):
    """Settings and seconds of default runs and quick looks, on so many workers of a machine of this calibration."""

    created: str
    processor: str
    calibration: float  # seconds, by kd_core.nn.calibration
    workers: int
    runs: dict[str, list[tuple[dict[str, Scalar], float]]]


@cache
def gallery() -> list[Digit]:
    """The gallery with the bundled teacher's logits."""
    digits: list[Digit] = asset("gallery.json")["digits"]
    return digits


@cache
def recorded(technique: str) -> Result:
    """The Result of the technique's default settings, recorded by `make assets`.

    Fields that came after it was recorded are at their defaults, which mean "as before".
    """
    return _read((ASSETS / f"recorded-{technique}.json").read_bytes())


@lru_cache(maxsize=8)
def recorded_preset(technique: str, preset: str) -> Result | None:
    """The Result of a preset, recorded by `make assets`; None where it could not be."""
    path = ASSETS / "presets" / f"{technique}-{preset}.json.gz"
    if not path.exists():
        return None
    return _read(gzip.decompress(path.read_bytes()))


def _read(record: bytes) -> Result:
    result = Result.model_validate_json(record)
    settings = TECHNIQUES[result.technique].settings.parse(result.settings)
    return result.model_copy(update={"settings": settings.model_dump()})


def recorded_with(settings: Settings) -> Result | None:
    """The Result recorded with exactly these settings: of the defaults or a preset; None where there is none."""
    technique = TECHNIQUES[settings.technique]
    if settings == technique.settings():
        return recorded(technique.name)
    preset = technique.preset(settings)
    return recorded_preset(technique.name, preset) if preset else None


@cache
def recorded_map() -> MapView:
    """The map that its page shows first, recorded by `make assets`."""
    return MapView.model_validate_json((ASSETS / "recorded-map.json").read_text(encoding="utf-8"))


@cache
def durations() -> Durations:
    """What the default run of each technique and a quick look at it took when `make assets` was last run."""
    found: Durations = asset("durations.json")
    return found
