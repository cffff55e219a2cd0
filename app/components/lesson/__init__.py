"""The client-side parts of a lesson: its heading, which takes the focus at a new step, and the offer to take it.

Whether the offer was made before is known to this browser alone; Python hears nothing of it.
"""

from collections.abc import Mapping

from app.components import mounted
from kd_core.messages import N_

WORDS = {
    "step": N_("Step {at} of {count}"),
    "offer": N_("New here? {count} short steps; in each you guess first."),
    "later": N_("Not now"),
}

_heading = mounted(__file__, name="heading", style="")
_offer = mounted(__file__, name="offer", style="")


def heading(at: int, count: int, kind: str, title: str, *, moves: int, words: Mapping[str, str], key: str) -> None:
    """Step `at` (from 0) of `count`, its kind and title. It takes the focus each time that `moves` has grown."""
    data = {"at": at, "count": count, "kind": kind, "title": title, "moves": moves, "words": {**WORDS, **words}}
    _heading(key, data)


def offer(count: int, *, answered: bool, words: Mapping[str, str], key: str) -> None:
    """A line that offers a lesson of `count` steps on a browser's first visit, until it is `answered`, and never
    again."""
    _offer(key, {"count": count, "answered": answered, "words": {**WORDS, **words}})
