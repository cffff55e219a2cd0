"""The address of a session's page: what the session writes into it, and whether a person has moved it since.

The browser hears of what is written a moment later, and a rerun that it asks for meanwhile brings the old address
along. That is not followed; a person's Back or Forward, or what they type, is.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

SETTLED_SECONDS = 1.0  # after which the browser certainly shows what was written


@dataclass(frozen=True)
class _Known:
    """What the address is known to say of a name (None: nothing), and when it was written; 0 if it was read."""

    text: str | None
    written: float = 0.0


def begin() -> None:
    """Know nothing of the address: another page begins."""
    st.session_state.pop("known_address", None)


def write(name: str, text: str | None) -> None:
    """Have the address say `text` of `name`; with None nothing."""
    known = _known()
    if name not in known or known[name].text != text:
        known[name] = _Known(text, time.monotonic())
    _say(name, text)


def moved(*names: str) -> bool:
    """Whether a person has moved the address to say something else of `names` than was last written or read.

    It answers so once. Of an address that only lags behind it says no, and has it say again what was written.
    """
    known = _known()
    if any(name in known and not settled(known[name].written) for name in names):
        for name in names:
            if name in known:
                _say(name, known[name].text)
        return False
    now = {name: st.query_params.get(name) for name in names}
    if is_known(now):
        return False
    known.update({name: _Known(text) for name, text in now.items()})
    return True


def is_known(texts: Mapping[str, str | None]) -> bool:
    """Whether `texts`, by name, are what was last written into the address or read from it."""
    known = _known()
    return all(known.get(name, _Known(None)).text == text for name, text in texts.items())


def settled(since: float) -> bool:
    """Whether the browser has certainly heard of what was sent to it at `since`, by the monotonic clock."""
    return time.monotonic() - since >= SETTLED_SECONDS


def _known() -> dict[str, _Known]:
    known: dict[str, _Known] = st.session_state.setdefault("known_address", {})
    return known


def _say(name: str, text: str | None) -> None:
    if text is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != text:
        st.query_params[name] = text
