"""The projector's part of a class: where phones find it, how many have guessed, and the tally once it is shown.

The browser asks the server itself, by the address that the phones ask; no rerun is needed for a new guess.
"""

from collections.abc import Mapping
from typing import Any

from app.components import mounted
from kd_core.messages import N_

WORDS = {
    "class": N_("The class guesses"),
    "qr": N_("QR code of {address}"),
    "open": N_("Open on a phone:"),
    "none": N_("no guesses yet"),
    "one": N_("1 guess"),
    "many": N_("{n} guesses"),
    "count": N_("{n} · {share} %"),
    "right": N_("right"),
    "lost": N_("No connection to the lab; trying again …"),
}
SECONDS = 0.4  # between two polls

_mount = mounted(__file__)


def tally(
    *,
    question: str,
    options: Mapping[str, str],
    revealed: bool,
    state: str,
    address: str,
    qr: str,
    words: Mapping[str, str],
    key: str,
) -> None:
    """The class at a question. state: the path of what the room shows; qr: an image of `address`.

    While the answer is covered it shows how to come in, the options and the number of guesses; revealed, the tally.
    """
    data: dict[str, Any] = {
        "question": question, "options": list(options.items()), "revealed": revealed, "state": state,
        "address": address, "qr": qr, "seconds": SECONDS, "words": {**WORDS, **words},
    }  # fmt: skip
    _mount(key, data)
