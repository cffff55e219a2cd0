"""What surrounds every page: language, presentation mode, and the first part of each page."""

from collections.abc import Container
from importlib import import_module
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.controls.address import as_left, page_link, write
from app.controls.link import text
from app.controls.widgets import TRUTHS, notices, read_address, seed
from app.i18n.session import current, default_language, language
from app.i18n.text import LANGUAGES, Translate
from app.runs.panel import arrival
from app.runs.visitor import account, sign_in
from app.shell.look import set_language, style
from kd_core.messages import N_, message
from kd_core.settings.base import Settings
from kd_core.techniques import NAMES, title

# Streamlit's public hook is the class of an element with a key (.st-key-…). For its frame, sliders and captions it
# has none: so its class names and test ids stand in style sheets. Should one go, a page looks plainer and works on.
STYLE = """
.block-container {padding: 2.6rem clamp(1rem, 3vw, 2.5rem) 4rem; max-width: 1500px}
.stElementContainer:has(> .stMarkdown style, > .stHtml > script) {display: none}
.st-key-stages p {margin: 0}
/* The halves of a technique's first screen stand below each other where they would be too narrow, as in a frame. */
.stHorizontalBlock:has(> .stColumn .st-key-question) > .stColumn {min-width: min(14rem, 100%)}
.st-key-question :is(h3, h4) {font-size: 1.25rem; line-height: 1.3; padding: .25rem 0 1rem}
[data-testid=stSliderTickBar] {opacity: 1}
[data-testid=stCheckbox] [data-testid=stMarkdownContainer], [data-testid=stCheckbox] p {white-space: normal}
/* Streamlit's greys and blues on tinted ground are below a contrast of 4.5. */
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p {color: inherit !important; opacity: .86}
button[data-selected="true"], [data-testid="stSliderThumbValue"] {color: inherit !important}
"""
OVERVIEW = "overview"  # the page at the address of the lab itself
PAGES = {  # by the name of their file, which is their address too
    OVERVIEW: N_("Overview"),
    NAMES[0]: title(NAMES[0]),
    "draw": N_("Draw a digit"),
    **{name: title(name) for name in NAMES[1:]},
    "sweep": N_("Maps"),
    "summary": N_("Summary"),
    "teacher": N_("Your teacher's logits"),
    "data": N_("Your data"),
    "pitfalls": N_("Conventions and bugs"),
    "history": N_("History"),
}
PRESENT_STYLE = """
@media (min-width: 1000px) {html {font-size: 20px}}
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stHeader"] {display: none}
.block-container {padding: 1rem 2.5vw; max-width: none}
"""
# Pages that a talk leads to. Each fits one screen of a projector, with no letter below 28 px in its picture.
SHOWN = ("draw", "sweep", "summary")
SHOWN_STYLE = """
@media (min-width: 1700px) and (min-height: 950px) {
 html {font-size: 28px}
 .block-container {padding-top: .4rem}
 .block-container > .stVerticalBlock {gap: .4rem}
 .block-container h1 {font-size: 1.5rem; padding: 0 0 .7rem}
 .block-container h2 {font-size: 1.25rem; padding: 0 0 .8rem; text-wrap: balance}
 .block-container button {min-height: 1.9rem}
 .block-container :is(p, button, small, .map th, .maplegend):not(.st-key-ways *) {font-size: 1rem}
 .st-key-ways, .st-key-ways p {font-size: 17px; gap: 0 4px !important}
 .block-container .stMarkdownBadge {font-size: 1rem !important}
 .st-key-map_plan {display: none}
 .block-container .map td {height: auto}
 .block-container .map td :is(a, span) {padding-top: .1rem; padding-bottom: .1rem}
 .block-container .map th {padding-top: 0; padding-bottom: 0}
 .block-container .three :is(th, td) {padding: .15rem .6rem}
}
"""


def presenting() -> bool:
    """Whether this session presents (`?present=1`): it goes on from page to page until it is left."""
    raw = st.query_params.get("present")
    if raw is not None:
        st.session_state["presenting"] = TRUTHS.get(raw, False)
    elif st.session_state.get("presenting"):
        st.query_params["present"] = "1"  # moving to another page drops it
    return bool(st.session_state.get("presenting"))


def speaking(page: str) -> bool:
    """Whether this page is the speaker's view of a talk (`?speaker=1`)."""
    return page in NAMES and "speaker" in st.query_params


def navigation(_: Translate) -> st.Page:
    """The pages there are; returns the one that is asked for.

    No icons: Streamlit would fetch a page's icon from another host, to be the favicon.
    """
    pages = [st.Page(f"pages/{name}.py", title=_(title), default=name == OVERVIEW) for name, title in PAGES.items()]
    return st.navigation(pages, position="hidden")  # `_ways` draws the links: Streamlit's would drop the language


def surround(page: st.Page) -> None:
    """The sidebar with language and presentation mode; while presenting, one line with the way on and out.

    A talk has its own buttons for that.
    """
    st.session_state["framed"] = True
    _ = current()
    style(STYLE)
    if speaking(page.url_path):
        set_language(_.language)
        return
    if presenting():
        style(PRESENT_STYLE)
        set_language(_.language)
        if page.url_path in NAMES:
            return
        if page.url_path in SHOWN:
            style(SHOWN_STYLE)
        with st.container(horizontal=True, vertical_alignment="center", key="ways"):
            _ways(_, width="content")
            st.button(_("Leave presentation mode"), on_click=_present, args=(False,), type="tertiary")
        return
    with st.sidebar:
        ways = st.container(gap="xxsmall", key="links")
        seed("lang", language())
        st.segmented_control("Language · 语言", list(LANGUAGES), required=True,
                             format_func=LANGUAGES.__getitem__, key="lang")  # fmt: skip
        write("lang", text(language(), default_language()))  # its own answer may be None
        with ways:
            _ways(_)
        st.button(_("Presentation mode"), icon=":material/present_to_all:", on_click=_present, args=(True,),
                  help=_("No sidebar and larger type, for a projector."))  # fmt: skip
        _account(_)
        set_language(_.language)


def _account(_: Translate) -> None:
    """Who is signed in, and the way in or out; nothing where the server has no sign-in."""
    name = account()
    if name:
        st.caption(_.escaped(message("Signed in as {name}.", name=name[:60])))
        st.button(_("Sign out"), key="sign_out", icon=":material/logout:", on_click=st.logout)
    elif name is not None:
        st.button(_("Sign in"), key="sign_in_here", icon=":material/login:", on_click=sign_in)


def _ways(_: Translate, **look: Any) -> None:
    """A link to each page, as this session left it."""
    for name, words in PAGES.items():
        page_link(name, _(words), as_left(words), **look)


def opening(
    title: str, sentence: str = "", settings: type[Settings] | None = None, own: Container[str] = ()
) -> Translate:
    """A page's title, its one sentence, and what is wrong with the address; `own` parameters it reads itself.

    A page without a sentence says its own below.
    """
    if not st.session_state.pop("framed", False):
        # Until st.navigation is first called, Streamlit runs a file of pages/ without the entry script:
        # so it does for the first address that a new server is asked for, if that is a page's.
        navigation(current())
        st.rerun()
    read_address(title, settings, own=own)
    _ = current()
    if settings and speaking(settings.technique):
        import_module("app.talks.speaker").give(_)
        st.stop()
    if settings and settings.technique in NAMES and presenting():
        import_module("app.talks.player").give(settings, _)  # imported when wanted: it draws every kind of figure
        st.stop()
    st.query_params.pop("step", None)  # of a talk that was left
    st.title(_(title), anchor=False)
    if sentence:
        st.markdown(_(sentence))
    notices(_)
    if st.session_state.pop("sign_in_failed", False):
        st.error(_("Nobody can sign in here at present: the server's sign-in is not set up completely. Its log "
                   "says what is missing."))  # fmt: skip
    if settings and settings.technique in NAMES:
        arrival(settings.technique, _)
    return _


def stage() -> tuple[DeltaGenerator, DeltaGenerator]:
    """The first screen of a technique: its live picture, and beside it question, controls, Run and verdict."""
    left, right = st.columns((8, 5), gap="medium")
    return left, right.container(gap="xsmall", key="question")


def _present(on: bool) -> None:
    st.session_state["presenting"] = on
    if on:
        st.query_params["present"] = "1"
    else:
        st.query_params.pop("present", None)
