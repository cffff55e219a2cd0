"""The clicker of a talk: the browser owns the step, so buttons and keys act at once; Python draws the step."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.components import mounted, released
from kd_core.messages import N_

WORDS = {
    "back": N_("← Back"),
    "next": N_("Next →"),
    "onward": N_("{next} →"),
    "reveal": N_("Reveal (V)"),
    "cover": N_("Cover again (V)"),
    "step": N_("step {now} of {all}"),
    "speaker": N_("Speaker view"),
}
_NOWHERE = {"at": 0, "revealed": (), "runs": 0, "speaks": False, "number": 0}
_mount = mounted(__file__, shared=("talk",))


@dataclass(frozen=True)
class Place:
    """Where the browser says a talk is: the step, from 0, and the steps whose answer is shown.

    at: the number of steps itself once the last step is left; run: whether a run was just asked for;
    speaks: whether the speaker has a view of their own.
    """

    at: int
    revealed: frozenset[int]
    run: bool = False
    speaks: bool = False


def clicker(
    at: int,
    steps: int,
    revealed: Collection[int],
    *,
    runs_at: int,
    may_run: bool,
    technique: str,
    shared: str,
    speaker: str,
    words: Mapping[str, str],
    key: str,
    on_place: Callable[[Place], object],
) -> None:
    """Draw the buttons of a talk and listen to its keys as long as this is on the page.

    at, revealed: what Python shows; the browser adopts it unless it answers an older state than the last one sent.
    runs_at: the step where a run is watched; may_run: whether one may be started. shared: the path under which the
    place of the technique's talk is shared with its speaker, "" while that is not so; speaker: the address of the
    speaker's view. `on_place(place)` is called before the rerun that a key or a button causes, with the latest of
    several.
    """
    started = f"{key}_runs"  # how many runs the browser has asked for

    def read(told: Mapping[str, Any]) -> tuple[Place, int]:
        now = {**_NOWHERE, **told}
        shown = frozenset(int(step) for step in now["revealed"] if 0 <= int(step) < steps)
        run = now["runs"] > st.session_state.get(started, 0)
        place = Place(min(max(int(now["at"]), 0), steps), shown, run, bool(now["speaks"]))
        return place, now["runs"]

    def take(said: tuple[Place, int]) -> None:
        place, st.session_state[started] = said
        on_place(place)

    data = {
        "at": at, "steps": steps, "revealed": sorted(revealed), "heard": _said(key)["number"],
        "runs": st.session_state.get(started, 0), "runs_at": runs_at, "may_run": may_run, "words": dict(words),
        "technique": technique, "shared": shared, "speaker": speaker,
    }  # fmt: skip
    _mount(key, data, told={"place": (read, take)}, width="content")


def _said(key: str) -> dict[str, Any]:
    """What the browser last said."""
    return {**_NOWHERE, **released(key, "place")}
