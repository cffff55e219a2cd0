"""What the speaker of a talk sees: notes, the next step, a clock.

It follows and turns the talk through the server.
"""

from collections.abc import Mapping

from app.components import mounted
from kd_core.messages import N_

WORDS = {
    "back": N_("← Back"),
    "next": N_("Next →"),
    "reveal": N_("Reveal (V)"),
    "cover": N_("Cover again (V)"),
    "where": N_("{talk} · step {now} of {all}"),
    "coming": N_("Next: {title}"),
    "last": N_("Next: the end of this talk"),
    "shown": N_("answer shown"),
    "covered": N_("answer covered"),
    "wait": N_("Waiting for the talk: open a technique in presentation mode in this browser. If it is open, press "
               "“Speaker view” in it."),
    "over": N_("This talk is at its end."),
    "clock": N_("Time"),
    "start": N_("Start the clock"),
    "again": N_("Clock to 0:00"),
    "steps": N_("Steps"),
    "path": N_("★ The ten-minute path: leave the step by this minute, and skip the others."),
    "by": N_("★ by {n}:00"),
    "left": N_("{time} left for this step"),
    "late": N_("{time} over"),
    "skipped": N_("skip"),
    "device": N_("On another device"),
    "secret": N_("Whoever has this link can turn the talk. Do not show it on the projector."),
    "unreachable": N_("Other devices cannot reach this address: it is this computer's own. Start the lab with make "
                      "app HOST=0.0.0.0 and open the address that it prints."),
    "qr": N_("QR code of {address}"),
    "lost": N_("No connection to the lab; trying again …"),
    "gone": N_("This talk is over, or its link was mistyped: open the speaker view from the talk again."),
}  # fmt: skip

_mount = mounted(__file__, shared=("talk",))


def speaker(
    *,
    path: str,
    talks: Mapping[str, object],
    link: str,
    qr: str,
    is_reachable: bool,
    other: tuple[str, str],
    words: Mapping[str, str],
    key: str,
) -> None:
    """The view. path: where the talk's place is shared; talks: by technique, title and steps.

    link: of this view for another device, and qr, an image of it; other: address and name of the other language.
    """
    data = {"path": path, "talks": dict(talks), "link": link, "qr": qr, "is_reachable": is_reachable,
            "other": list(other), "words": dict(words)}  # fmt: skip
    _mount(key, data)
