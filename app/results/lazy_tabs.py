"""Lazy tabs: only the open tab is rendered."""

from collections.abc import Callable, Mapping

import streamlit as st


@st.fragment
def lazy_tabs(bodies: Mapping[str, Callable[[], object]], key: str) -> None:
    """A tab for each of `bodies`, words -> what draws it. Opening one draws nothing else on the page again."""
    labels = list(bodies)
    if st.session_state.get(key) not in labels:  # the words of another language
        st.session_state[key] = labels[st.session_state.get(f"{key}_open", 0)]
    for place, tab in enumerate(st.tabs(labels, on_change="rerun", key=key)):
        if tab.open:
            st.session_state[f"{key}_open"] = place
            with tab:
                bodies[labels[place]]()
