"""A pad to draw a digit on, the 28x28 that the networks see, and what three of them answer, while one draws.

All of it is computed in the browser, with the networks' own weights. Python hears of the temperature once it is
released, and of nothing that is drawn or loaded.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from app.components import mounted
from app.distillation.draw import Network
from app.results.bundled import Digit
from kd_core.messages import N_

WORDS = {
    # The pad and its buttons.
    "pad": N_("Drawing pad: draw with a finger, a pen or the mouse. By keyboard, choose a test digit or load a "
              "picture."),
    "hint": N_("Draw a digit here"),
    "hint_example": N_("Draw over this example"),
    "undo": N_("Undo"),
    "clear": N_("Clear"),
    "load": N_("Load a picture"),
    # What comes of it.
    "seen": N_("What the networks see"),
    "seen_says": N_("28 × 28 pixels, made like MNIST's: thin strokes widened, the longer side scaled to 20 "
                    "(dashed), the centre of mass (ring) moved to the middle."),
    "seen_exact": N_("28 × 28 pixels of MNIST's test set, as they are. Once you draw on them, they are scaled and "
                     "centred anew."),
    # What to try.
    "try": N_("Try"),
    "one_or_seven": N_("1 or 7?"),
    "one_or_seven_says": N_("Which student shares the teacher's doubt? One has learned from the teacher's answers, "
                            "the other from labels alone."),
    "four_or_nine": N_("4 or 9?"),
    "four_or_nine_says": N_("Close its top with one more stroke: in each network the probability moves from 4 to 9 "
                            "at another moment."),
    "scribble": N_("Scribble"),
    "scribble_says": N_("No digit at all. Softmax must still share out a probability of 1 among ten digits, so a "
                        "sure answer does not mean a known image."),
    "gallery": N_("Test digits"),
    "pick": N_("Put a test digit labelled {label} on the pad"),
    # A picture that cannot be used.
    "too_large": N_("The file is larger than {mb} MB; choose a smaller picture."),
    "no_picture": N_("The browser cannot read this file as a picture; PNG and JPEG work."),
    "no_digit": N_("Nothing in this picture stands out from its background; a dark digit on light paper works "
                   "best."),
    # The slider.
    "temperature": N_("Temperature T"),
    "sharper": N_("sharper"),
    "flatter": N_("flatter"),
    "presets": N_("Quick temperatures"),
    # What the networks answer.
    "empty": N_("Nothing is drawn yet."),
    "two": N_("Two pieces stand apart, perhaps two digits. The networks know one digit at a time and take both "
              "for one: draw one alone."),
    "all_agree": N_("All three answer {teacher}."),
    "distilled_agrees": N_("The distilled student answers {teacher}, as the teacher does; the student alone "
                           "answers {alone}."),
    "alone_agrees": N_("The student alone answers {teacher}, as the teacher does; the distilled student answers "
                       "{distilled}."),
    "students_agree": N_("The teacher answers {teacher}, both students {alone}."),
    "none_agree": N_("Three different answers: teacher {teacher}, student alone {alone}, distilled student "
                     "{distilled}."),
    "nearer": N_("KL from the teacher at T = {T}: student alone {alone} bits, distilled student {distilled} bits."),
    # A panel.
    "facts": N_("{labels} labels; {errors} of {test} test digits wrong"),
    "chart": N_("{name}, T = {T}: {first} with {p}, {second} with {q}"),
    "top": N_("Probability of {digit}"),
    "probability": N_("Probability"),
    "entropy": N_("Entropy, bits"),
    "kl": N_("KL(teacher ‖ student), bits"),
    # Below: every probability as a table.
    "table": N_("All values"),
    "digit": N_("Digit"),
}  # fmt: skip

_mount = mounted(__file__, "ink", "net", "picture", "examples", shared=("controls", "svg"))


def draw(
    networks: Sequence[Network],
    gallery: Sequence[Digit],
    *,
    temperature: float,
    note: str,
    words: Mapping[str, str],
    key: str,
    on_temperature: Callable[[float], object],
    talk: bool = False,
) -> None:
    """The pad, and what `networks` (teacher, student alone, distilled student, in this order) answer.

    `temperature` leads: when it changes from one rerun to the next, other than by a release, the slider follows;
    else the slider keeps what the person chose, and the message stays the same, so that Streamlit does not send
    most of a megabyte of weights again.
    `gallery`: test digits offered as buttons. `note`: says which networks these are. `on_temperature(T)` is called
    before the rerun that a release causes. talk: for the back row of a room, and on one screen.
    """

    released_at = (st.session_state.get(key) or {}).get("temperature")
    wish = st.session_state.get(f"{key}_wish")
    if wish is None or st.session_state.get("entered") or temperature not in (wish["seen"], released_at):
        wish = {"temperature": temperature, "number": wish["number"] + 1 if wish else 0}
    st.session_state[f"{key}_wish"] = {**wish, "seen": temperature}

    data: dict[str, Any] = {
        "networks": [{**network, "weights": base64.b64encode(network["weights"]).decode()} for network in networks],
        "gallery": [{"label": digit["label"], "pixels": digit["pixels"]} for digit in gallery],
        "wish": {name: wish[name] for name in ("temperature", "number")},
        "note": note,
        "talk": talk,
        "words": {**WORDS, **words},
    }
    _mount(key, data, told={"temperature": (float, on_temperature)})
