"""A choice on a page that is remembered from run to run and speaks the language of the day."""

import streamlit as st

from app.controls.widgets import redraw_in_language, seed
from app.i18n.text import Translate


def choice(label: str, options: dict[str, str], key: str, _: Translate, default: str) -> str:
    """One of `options` (value -> words), remembered."""
    seed(key, default)
    if st.session_state[key] not in options:
        st.session_state[key] = default
    redraw_in_language(key, _)
    chosen = st.selectbox(label, list(options), key=key, format_func=options.__getitem__, persist_state="session")
    return str(chosen)


def arm_choice(label: str, arms: list[str], key: str, default: str, _: Translate) -> str:
    """One of the arms called `arms`, remembered."""
    return choice(label, {name: _(name) for name in arms}, key, _, default)
