"""The speaker's view of a talk: notes, what comes next and a clock, in a second window or on another device.

`?speaker=1` is the view of one's own talk; `?speaker=KEY`, which that view shows as a QR code, is the same on a
device that nobody knows. The key is shown nowhere else: whoever has it may turn the talk.
"""

from urllib.parse import urlencode, urlsplit

import streamlit as st

from app.components.speaker import WORDS
from app.components.speaker import speaker as view
from app.i18n.text import LANGUAGES, Translate
from app.rooms.address import is_loopback, qr_code, server_address
from app.runs.visitor import visitor
from app.shell.look import style
from app.talks.routes import path_of, talks
from app.techniques import talk
from kd_core.messages import Problem
from kd_core.techniques import NAMES, title

OWN = ("1", "true")
STYLE = """
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stHeader"] {display: none}
.block-container {padding: 1rem 1.2rem !important; max-width: 1200px}
"""


def address(_: Translate) -> str:
    """The address of the view, beside the talk's."""
    return "?" + urlencode({"speaker": 1, "lang": _.language})


def share() -> None:
    """Open this person's talk for its speaker; where that can't be done, the view says why."""
    try:
        talks().open(visitor())
    except Problem:
        return


def shared() -> str:
    """The path where the place of this person's talk is shared; "" while no speaker's view was opened."""
    try:
        key = talks().of(visitor())
    except Problem:
        return ""
    return path_of(key) if key else ""


def give(_: Translate) -> None:
    """Show the view that the address names, in place of the page."""
    style(STYLE)
    asked = st.query_params["speaker"]
    try:
        key = talks().open(visitor()) if asked in OWN else asked[:40]
        talks().place(key)
    except Problem as problem:
        st.title(_("Speaker view"), anchor=False)
        st.error(_.escaped(problem.message))
        return
    lang = next(language for language in LANGUAGES if language != _.language)
    seen = str(st.context.url or "")
    link = f"{server_address(seen)}/{NAMES[0]}?{urlencode({'speaker': key, 'lang': _.language})}"
    view(
        path=path_of(key), talks={name: _talk(name, _) for name in NAMES}, link=link, qr=qr_code(link),
        is_reachable=not is_loopback(urlsplit(link).hostname),
        other=("?" + urlencode({"speaker": asked, "lang": lang}), LANGUAGES[lang]),
        words={name: _(text) for name, text in WORDS.items()}, key="speaker_view",
    )  # fmt: skip


def _talk(technique: str, _: Translate) -> dict[str, object]:
    steps = [
        {"title": _plainly(_(step.told or step.title)), "asks": _plainly(_(step.title)), "notes": _(step.notes),
         "until": step.until}
        for step in talk(technique)
    ]  # fmt: skip
    return {"title": _(title(technique)), "steps": steps}


def _plainly(text: str) -> str:
    """A title without its Markdown."""
    return text.replace("*", "").replace("$", "")
