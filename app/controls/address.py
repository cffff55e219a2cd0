"""The address of a session's page: what the session writes into it, and whether a person has moved it since.

The browser hears of what is written a moment later, and a rerun that it asks for meanwhile brings the old address
along. That is not followed; a person's Back or Forward, or what they type, is.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st

OF_ALL = ("lang", "present")  # parameters that go along from page to page
SETTLED_SECONDS = 1.0  # after which the browser certainly shows what was written


class _Known(NamedTuple):
    """What the address is known to say of a name (None: nothing), and when it was written; 0 if it was read."""

    text: str | None
    written: float = 0.0


def begin(left: str | None = None) -> None:
    """Know nothing of the address: another page begins. left: the title of the one before, to come back to."""
    known: dict[str, _Known] = st.session_state.pop("known_address", {})
    if left is not None:
        said = {name: text for name, (text, _) in known.items() if text is not None and name not in OF_ALL}
        st.session_state.setdefault("left_addresses", {})[left] = said


def page_link(page: str, label: str, query: Mapping[str, str] | None = None, **look: Any) -> None:
    """A link to a page of the lab; `query` is what its address is to say, `look` what `st.page_link` takes."""
    st.page_link(f"pages/{page}.py", label=label, query_params=_whole(query or {}), **look)


def go_to(page: str, query: Mapping[str, str] | None = None) -> None:
    """Go to a page of the lab at once, as by a link."""
    st.switch_page(f"pages/{page}.py", query_params=_whole(query or {}))


def as_left(title: str) -> dict[str, str]:
    """What the address of the page with this title said when this session left it."""
    left: dict[str, dict[str, str]] = st.session_state.get("left_addresses", {})
    return left.get(title, {})


def _whole(query: Mapping[str, str]) -> dict[str, str]:
    """`query` and what goes along from page to page.

    The page would write it into its address anyway, but a moment later, as one more entry of the browser's history:
    Back would then lead from the page to itself.
    """
    carried = {name: st.query_params[name] for name in OF_ALL if name in st.query_params}
    return carried | dict(query)


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
