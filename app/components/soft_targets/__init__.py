"""The live picture of the distillation page: two digits, the teacher's opinions of them, one temperature.

Everything that follows the slider is computed in the browser from the teacher's logits. Python hears of
the temperature once it is released.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from app.bundled import Digit
from kd_core.messages import N_

WORDS = {
    # The heading while both digits carry the same label, and while they do not; "" leaves it out.
    "title": N_("One label, different opinions"),
    "title_other": N_("Two labels, two opinions"),
    # The slider: its accessible name, what its two ends do to the bars, its quick choices.
    "temperature": N_("Temperature T"),
    "sharper": N_("sharper"),
    "flatter": N_("flatter"),
    "presets": N_("Quick temperatures"),
    # A panel. {side} is A or B, {label} the digit's label.
    "label": N_("Label"),
    "digit_alt": N_("Digit {side}: handwritten, labelled {label}"),
    "chart": N_("Teacher's probabilities for digit {side}"),
    "bar": N_("{digit}: {live} at T = {T}, {plain} at T = 1"),
    "top": N_("Top class"),
    "entropy": N_("Entropy, bits"),
    "uniform": N_("all equal: 0.1"),
    # The strip of digits.
    "gallery": N_("Choose digit"),
    "pick": N_("{label}, number {number} of {count}: show as digit {side}"),
    # Below: the loss with its values, and every probability as a table.
    "loss": N_("Loss"),
    "alpha": N_("Teacher weight α"),
    "kl": N_("KL(teacher ‖ student)"),
    "ce": N_("CE(label, student)"),
    "table": N_("All values"),
    "digit": N_("Digit"),
}


def _read(suffix: str) -> str:
    return (Path(__file__).parent / f"soft_targets.{suffix}").read_text(encoding="utf-8")


_mount = st.components.v2.component("soft_targets", html=_read("html"), css=_read("css"), js=_read("js"))


def soft_targets(
    gallery: Sequence[Digit],
    *,
    temperature: float,
    alpha: float,
    t_squared: bool = True,
    pair: tuple[int, int],
    words: Mapping[str, str],
    key: str,
    on_temperature: Callable[[float], object] | None = None,
) -> float | None:
    """Two digits of the gallery with softmax(logits / T), T on a slider; the T just released, or None.

    `temperature` leads: when it changes from one rerun to the next, the slider follows; while it stays,
    the slider keeps what the person chose. `alpha` and `t_squared` are shown in the loss.
    `pair` is the positions in `gallery` shown first. `words` has the keys of `WORDS`, translated; one
    left out stays English. `on_temperature(T)` is called before the rerun that a release causes.
    """
    # A release is the temperature with a running number. Python answers with the last number it has
    # heard, so that the browser can tell a late echo of an earlier release from a new wish of Python's.
    last_seen = f"{key}_released"
    release = (st.session_state.get(key) or {}).get("temperature") or {"T": None, "number": 0}
    is_new = release["T"] is not None and release["number"] != st.session_state.get(last_seen)
    st.session_state[last_seen] = release["number"]

    def released() -> None:
        if on_temperature is not None:
            on_temperature(float(st.session_state[key]["temperature"]["T"]))

    data: dict[str, Any] = {
        "gallery": list(gallery),
        "temperature": temperature,
        "heard": release["number"],
        "alpha": alpha,
        "t_squared": t_squared,
        "pair": list(pair),
        "words": {**WORDS, **words},
    }
    _mount(key=key, data=data, on_temperature_change=released)
    return float(release["T"]) if is_new else None
