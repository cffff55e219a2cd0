"""Asks for the page anew as soon as a browser has shown it. Nothing is drawn."""

from pathlib import Path

import streamlit as st

_mount = st.components.v2.component(
    "shown", html="<i></i>", js=(Path(__file__).parent / "shown.js").read_text(encoding="utf-8")
)


def shown(key: str) -> None:
    """To be left out of what is drawn then, or the page is drawn again without end."""
    _mount(key=key, data=[], on_shown_change=lambda: None)
