"""Style sheets of a page."""

import streamlit as st


def style(css: str) -> None:
    """Apply a style sheet, as long as this line is part of the page.

    By Markdown: `st.html` waits for a script that Streamlit's page loads last, and under load shows the page for
    seconds without its styles.
    """
    st.markdown(f"<style>{css}</style>", unsafe_allow_html=True)


def set_language(language: str) -> None:
    """Set the language of the page for the browser, screen readers and the choice of glyphs."""
    st.html(f"<script>{script_of(language)}</script>", unsafe_allow_javascript=True)


def script_of(language: str) -> str:
    """The script that does it, which the pages' content security policy admits by its hash."""
    return f'document.documentElement.lang = "{language}"'
