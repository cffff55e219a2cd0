"""The language of a session: chosen, in the address, or the browser's."""

import streamlit as st

from app.i18n.text import LANGUAGES, Translate


def current() -> Translate:
    """The translator of this session's language."""
    return Translate(language())


def language() -> str:
    """This session's language: the one chosen, else the address's, else the browser's if we speak it."""
    for wish in (st.session_state.get("lang"), st.query_params.get("lang")):
        if wish in LANGUAGES:
            return str(wish)
    return default_language()


def default_language() -> str:
    """Chinese for a Chinese browser, else English."""
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"
