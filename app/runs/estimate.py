"""How long a run takes here, in words: as finished runs like it took, else as the recorded run took."""

from collections.abc import Callable
from typing import Any

from app.i18n.text import Translate
from app.results.bundled import durations
from app.runs.server import queue, store
from kd_core.runs.queue import expected_seconds
from kd_core.settings.base import Settings
from kd_core.settings.fields import written
from kd_core.techniques import TECHNIQUES


def as_recorded(settings: Settings) -> float | None:
    """What the recorded default run tells of these settings, at the speed of this machine and its workers."""
    there, here = durations(), queue().calibration
    seconds = expected_seconds(settings, there["runs"].get(settings.technique, []))
    if seconds is None or here is None:
        return None
    return seconds * here / there["calibration"] * there["workers"] / queue().lanes


def about(seconds: float) -> str:
    """Seconds as an estimate is read: two digits, and none below 1."""
    return written(float(f"{max(1.0, seconds):.2g}"))


def takes(_: Translate) -> Callable[[Settings], str]:
    """Says of settings how long a run of them takes here, in words; "" where nothing tells."""
    expected = _expected()
    return lambda settings: _said(expected(settings), _)


def _said(seconds: float | None, _: Translate) -> str:
    return "" if seconds is None else _("About {seconds} s here.", seconds=about(seconds))


def _expected() -> Callable[[Settings], float | None]:
    """How many seconds a run of some settings takes here; None where nothing tells.

    As finished runs like it took, else as the recorded run took, by how fast this machine trains.
    """
    earlier: dict[str, Any] = {}

    def seconds(settings: Settings) -> float | None:
        if settings.technique not in earlier:
            earlier[settings.technique] = store().durations(settings.technique)
        return expected_seconds(settings, earlier[settings.technique]) or as_recorded(settings)

    return seconds


def takes_both(settings: Settings, _: Translate) -> str:
    """How long a run of these settings takes here, and a quick look at it, in words; "" where nothing tells."""
    expected, technique = _expected(), TECHNIQUES[settings.technique]
    seconds, quick = expected(settings), expected(technique.quickly(settings))
    if not technique.quick or technique.is_quick(settings.model_dump()) or seconds is None or quick is None:
        return _said(seconds, _)
    return _("About {seconds} s here, a quick look {quick} s.", seconds=about(seconds), quick=about(quick))
