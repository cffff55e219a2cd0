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
    st.html(f'<script>document.documentElement.lang = "{language}"</script>', unsafe_allow_javascript=True)
