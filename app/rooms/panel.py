"""Class mode on the projector: opening a room, and its part of a talk's step."""

from urllib.parse import urlsplit

import streamlit as st

from app.components.tally import WORDS, tally
from app.i18n.text import Translate
from app.rooms.address import base, is_loopback, qr_code, room_address
from app.rooms.routes import rooms
from app.runs.visitor import sign_in_needed, visitor
from app.shell.look import style
from kd_core.messages import Problem
from kd_core.runs.rooms import Question

STYLE = """
@media (min-width: 1000px) {
 .block-container:has(.st-key-talk_class) {padding-right: calc(2.5vw + 18rem) !important}
 .st-key-talk_class {position: fixed; z-index: 90; inset: 0 0 3.4rem auto; width: 17.5rem !important;
  overflow-y: auto; padding: 1rem 1.2rem .5rem; background: rgba(128,128,128,.08);
  border-left: 1px solid rgba(128,128,128,.3)}
 .st-key-talk_class [data-testid="stAlert"] p {font-size: .8rem; line-height: 1.3}
}
"""


def room_of_this_speaker() -> str | None:
    """The code of the room that this person has open; without a database there is none."""
    try:
        return rooms().of(visitor())
    except Problem:
        return None


def class_button(_: Translate) -> None:
    """Opens a room."""
    st.button(_("Class"), key="talk_class_open", on_click=_open, disabled=sign_in_needed(),
              help=_("Phones in the room guess along, without names."))  # fmt: skip


def ask_room(question: Question | None, truth: str | None) -> None:
    """Have the phones show this question, or that there is none; with a truth, what was right."""
    try:
        rooms().show(visitor(), question, truth)
    except Problem as problem:
        _note(problem)


def panel(code: str, question: Question, *, revealed: bool, _: Translate) -> None:
    """The room beside the step: QR code, address and number of guesses, then the tally; and its end."""
    style(STYLE)
    address = room_address(code, str(st.context.url or ""))
    with st.container(key="talk_class"):
        tally(
            question=question.name, options=question.options[_.language], revealed=revealed,
            state=f"{base()}/c/{code}/state?lang={_.language}", address=address, qr=qr_code(address),
            words={key: _(text) for key, text in WORDS.items()}, key="talk_tally",
        )  # fmt: skip
        if not revealed and is_loopback(urlsplit(address).hostname):
            st.warning(_("Phones cannot reach this address: it is this computer's own. Start the lab with "
                         "`make app HOST=0.0.0.0` and open the address that it prints."))  # fmt: skip
        st.button(_("End class"), key="talk_class_end", type="tertiary", on_click=_end)


def _open() -> None:
    st.session_state.get("notices", {}).pop("class", None)
    try:
        rooms().open(visitor())
    except Problem as problem:
        _note(problem)


def _end() -> None:
    try:
        rooms().close(visitor())
    except Problem as problem:
        _note(problem)


def _note(problem: Problem) -> None:
    st.session_state.setdefault("notices", {})["class"] = problem.message
