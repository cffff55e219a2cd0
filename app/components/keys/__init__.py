"""Keys of a talk: each presses one of the talk's own buttons. Nothing is drawn, and Python hears of nothing."""

from pathlib import Path

import streamlit as st

_mount = st.components.v2.component(
    "keys", html="<i></i>", js=(Path(__file__).parent / "keys.js").read_text(encoding="utf-8")
)


def keys(key: str) -> None:
    """Listen as long as this is on the page."""
    _mount(key=key, data=[])
