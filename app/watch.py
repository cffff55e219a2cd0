"""A queued run on the page: Run, the three stages, live curves, Stop, and at last its Result."""

import streamlit as st

from app import figures
from app.text import Translate
from kd_core.events import Result
from kd_core.messages import N_
from kd_core.runs.queue import Handle, Queue, View
from kd_core.settings import Settings

POLL_SECONDS = 0.5
STAGES = {
    "teacher": N_("1 · Train the teacher"),
    "soft_targets": N_("2 · Make soft targets"),
    "student": N_("3 · Train the students"),
}
SIGNS = {"waiting": "○", "running": "◐", "done": "●"}


@st.cache_resource(show_spinner=False, on_release=lambda made: made.close())
def queue() -> Queue:
    """The server's one queue; its cluster starts in the background at the first visit."""
    return Queue()


def mnist_is_there() -> bool:
    """Whether runs use MNIST, as far as is known: True until the workers say otherwise."""
    data = queue().data
    return data is None or data.name == "MNIST"


def watch(settings: Settings, _: Translate) -> Result | None:
    """The Run button and the run it started (or that the address names); its Result once there is one."""
    handle = _handle(settings, _)
    view = handle.view() if handle else None
    busy = view is not None and view.state in ("queued", "running")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("Run"), key="run", type="primary", icon=":material/play_arrow:", disabled=busy,
                  on_click=_start, args=(settings,), width=160)  # fmt: skip
        if not busy:
            st.caption(_("Trains on real images in worker processes of this computer."))
    with st.container(key="progress"):
        if handle and busy:
            _live(handle, _)
        elif handle and view:
            _ended(view, handle, _)
    return view.result if view else None


def _start(settings: Settings) -> None:
    handle = queue().submit(settings)
    st.query_params["run"] = handle.id


def _handle(settings: Settings, _: Translate) -> Handle | None:
    run_id = st.query_params.get("run")
    if run_id is None:
        return None
    handle = queue().find(run_id)
    if handle is None or handle.technique != settings.technique:
        st.info(_("The run in this address is no longer known to the server; press Run to start it again."))
        return None
    return handle


@st.fragment(run_every=POLL_SECONDS)
def _live(handle: Handle, _: Translate) -> None:
    """What moves while a run is under way; only this part of the page is drawn again."""
    view = handle.view()
    if view.state not in ("queued", "running"):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(view.progress, text=_status(view, _), width="stretch")
        st.button(_("Stop"), key="stop", icon=":material/stop:", on_click=handle.stop)
    _stages(view, _)
    _notices(view, _)
    epochs = int(getattr(handle.settings, "epochs", 1))
    st.echarts_chart(figures.live_curves(view.curves, epochs, _), key="live_curves", height=320)


def _ended(view: View, handle: Handle, _: Translate) -> None:
    """A line on how the run ended; what it had drawn stays when it was stopped or failed."""
    _notices(view, _)
    if view.state == "failed" and view.problem:
        st.error(_("The run failed: {why}", why=_(view.problem)))
    elif view.state == "stopped":
        st.info(_("Stopped after {seconds} s; the curves so far are below.",
                  seconds=f"{view.seconds_elapsed:.0f}"))  # fmt: skip
    elif view.state == "finished":
        st.caption(_("Finished in {seconds} s.", seconds=f"{view.seconds_elapsed:.1f}"))
    if view.state in ("failed", "stopped") and view.curves:
        epochs = int(getattr(handle.settings, "epochs", 1))
        st.echarts_chart(figures.live_curves(view.curves, epochs, _), key="live_curves", height=320)


def _status(view: View, _: Translate) -> str:
    if view.state == "queued":
        if view.place:
            return _("Waiting: {n} runs are ahead.", n=view.place)
        return _("Starting the workers …")
    if not view.progress:
        return _("Loading the images and networks …")
    share = f"{100 * view.progress:.0f}"
    if view.seconds_left is None:
        return _("{share} % done", share=share)
    return _("{share} % done, about {seconds} s left", share=share, seconds=f"{view.seconds_left:.0f}")


def _stages(view: View, _: Translate) -> None:
    with st.container(horizontal=True, key="stages"):
        for name, label in STAGES.items():
            stage = view.stages[name]
            percent = f" · {100 * stage.share:.0f} %"
            extra = percent if stage.state == "running" and name != "student" else ""
            if name == "student":
                extra = " · " + _("{done} of {all} trials", done=view.trials_done, all=view.trials)
            text = f"{SIGNS[stage.state]} {_(label)}{extra}"
            st.markdown(f"**{text}**" if stage.state == "running" else text, width="content")


def _notices(view: View, _: Translate) -> None:
    for notice in view.notices:
        st.info(_(notice))
