"""What one server has for all its sessions: store, queue, limits, the data that its workers know."""

import os
import secrets
from contextlib import suppress

import streamlit as st

from app.i18n.text import Translate
from app.runs.pace import Pace
from kd_core.data import own
from kd_core.data.chosen import MNIST
from kd_core.messages import Message, Problem
from kd_core.paths import mnist_on_disk
from kd_core.runs.queue import Limits, Queue
from kd_core.runs.store import Store

REST_SECONDS = 8.0  # before the workers start: they would take the processor from the first page


@st.cache_resource(show_spinner=False, on_release=lambda made: made.close())
def store() -> Store:
    """The server's one store."""
    return Store()


def told_by(kept: Store) -> list[Message]:
    """What a person should know of a store: what happened when it was opened, and why nothing is kept."""
    return [*kept.notices, *filter(None, [kept.problem])]


@st.cache_resource(show_spinner=False, on_release=lambda made: made.close())
def queue() -> Queue:
    """The server's one queue; its cluster starts in the background soon after the first visit."""
    return Queue(rest=REST_SECONDS, store=store(), limits=limits()[0])


@st.cache_resource(show_spinner=False)
def _pace() -> Pace:
    """How often the pages of this server poll."""
    return Pace()


@st.cache_resource(show_spinner=False)
def limits() -> tuple[Limits, Message | None]:
    """What this server allows, and what is wrong with how that was set; there the default holds."""
    environment, said = dict(os.environ), None
    while True:
        try:
            return Limits.read(environment), said
        except Problem as problem:
            said = said or problem.message
            del environment[str(problem.message.values["name"])]


def mnist_is_there() -> bool:
    """Whether runs use MNIST, as far as is known: True until the workers say otherwise."""
    data = queue().data
    return data is None or data.name == "MNIST"


@st.fragment(run_every=1.0)
def _until_data_is_known() -> None:
    if queue().data is not None:
        st.rerun()


def data_notices(_: Translate, dataset: str = MNIST) -> None:
    """What a person should know of the workers' data, once they have loaded it, and of a set that is added."""
    if dataset != MNIST:
        with suppress(Problem):  # the page says so in the set's own place
            for notice in own.describe(dataset).notices:
                st.warning(_.escaped(notice))
    data = queue().data
    if data is None and not mnist_on_disk():  # then there may be something to say; else nothing is polled
        _until_data_is_known()
    for notice in data.notices if data else ():
        st.warning(_.escaped(notice))


def poll_seconds() -> float:
    """After how many seconds this page is to poll again, among all those of this server that do."""
    watcher = st.session_state.setdefault("watcher", secrets.token_hex(8))  # this page among those that poll
    return _pace().seconds(str(watcher))
