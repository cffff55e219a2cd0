"""Size against error, as recorded: every file of the students and of their teacher. No Streamlit."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypedDict

from app.results.bundled import Recorded, asset
from app.results.grids import Sides, sides
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.results.schema import Result
from kd_core.results.statistics import t_interval
from kd_core.settings.common import TEACHER

FORMS = ("float32", "int8")
KEPT_FORM = {"jittered": "mlp1200"}  # of the same form, trained otherwise


class Time(TypedDict):
    """Of one form of network: bytes and milliseconds of one image of each of its files, and PyTorch's time."""

    parameters: int
    torch_ms: float
    bytes: dict[str, int]
    ms: dict[str, float]


class Times(TypedDict):
    """Form of network -> its times, and on which machine they were taken."""

    machine: dict[str, str]
    student: dict[str, Time]
    teacher: dict[str, Time]


class Sizes(Recorded):
    """Errors of every file on validation and test images, as `assets/sizes.py` describes them."""

    images: dict[str, int]
    seeds: int
    quantile: float  # of Student's t for so many seeds: what makes a 95 % interval
    teacher: dict[str, dict[str, list[int]]]
    students: dict[str, dict[str, dict[str, dict[str, list[int]]]]]
    times: Times


class File(TypedDict):
    """One file that could be shipped. validation, test: errors in percent; torch_ms: of its float32 network."""

    network: str
    arm: str
    form: str
    bytes: int
    ms: float
    torch_ms: float
    validation: Sides
    test: Sides


@cache
def sizes() -> Sizes:
    """What `make assets` recorded."""
    found: Sizes = asset("recorded-sizes.json")
    return found


def network(name: str) -> str:
    """What a student is called: its layers, "CNN 16-32-32" or "MLP 30-30"; of the same names in all languages."""
    if name.startswith("mlp"):
        return f"MLP {name[3:]}-{name[3:]}"
    first = 16 if name == "article" else int(name[3:])
    return f"CNN {first}-{2 * first}-{2 * first}"


@cache
def files() -> list[File]:
    """Every file there is: two of each student and arm, and two of the teacher."""
    recorded = sizes()
    times = recorded["times"]
    found = [
        _file(network(name), arm, form, times["student"][name], of[form])
        for name, arms in recorded["students"].items() for arm, of in arms.items() for form in FORMS
    ]  # fmt: skip
    its, errors = times["teacher"][str(recorded["settings"]["teacher"])], recorded["teacher"]
    return found + [_file("CNN 32-64-64", TEACHER, form, its, errors[form]) for form in FORMS]


def _file(name: str, arm: str, form: str, time: Time, errors: dict[str, list[int]]) -> File:
    errors_of = {split: _percent(counts, sizes()["images"][split]) for split, counts in errors.items()}
    return {
        "network": name, "arm": arm, "form": form, "bytes": time["bytes"][form], "ms": time["ms"][form],
        "torch_ms": time["torch_ms"], "validation": errors_of["validation"], "test": errors_of["test"],
    }  # fmt: skip


def _percent(errors: Sequence[int], images: int) -> Sides:
    """The mean in percent, with its 95 % interval where there are several seeds."""
    shares = [100 * count / images for count in errors]
    if len(shares) < 2:
        return {"mean": round(shares[0], 3), "low": None, "high": None}
    found = sides(t_interval(shares, quantile=sizes()["quantile"]))
    return found | {"low": max(0.0, found["low"] or 0.0)}


def times_of(result: Result) -> dict[str, Time] | None:
    """What the recording measured of a Result's networks; None where one was not recorded, or has other classes."""
    own = shipped(result.settings)
    alike = all(
        arm in own and own[arm]["parameters"] == result.arm(arm).cost.parameters
        for arm in (TEACHER, ALONE, DISTILLED)
    )
    return own if alike else None


def shipped(settings: Mapping[str, Any]) -> dict[str, Time]:
    """Of a run's networks, as named in its settings, what the recording measured: TEACHER and the student."""
    times, teacher = sizes()["times"], str(settings["teacher"])
    own = {
        TEACHER: times["teacher"].get(KEPT_FORM.get(teacher, teacher)),
        DISTILLED: times["student"].get(str(settings["student"])),
    }
    own[ALONE] = own[DISTILLED]
    return {arm: time for arm, time in own.items() if time is not None}
