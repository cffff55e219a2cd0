"""A run under way on its page: how far it is, its stages, curves, and test digits that turn right."""

from contextlib import suppress

import streamlit as st

from app.figures import arms
from app.figures import ghost as ghosts
from app.figures.arms import COLOURS
from app.figures.enlarged import enlarged_option
from app.figures.ghost import Ghost
from app.figures.live_digits import live_digits
from app.i18n.text import Translate
from app.runs.seen import may_see
from app.runs.server import poll_seconds, queue
from app.techniques import view as technique_view
from kd_core.data import own, pixels
from kd_core.data.chosen import is_own, kept_under
from kd_core.messages import Problem
from kd_core.results.schema import DIGITS
from kd_core.runs.queue import Handle, View
from kd_core.settings.base import Settings

SIGNS = {"waiting": "○", "running": "◐", "done": "●"}


def draw_live(run: str, _: Translate, ghost: Ghost | None, pace: float, mine: bool) -> None:
    """What moves while a run is under way; only this part of the page is drawn again, every `pace` seconds."""
    handle = queue().find(run)
    if handle is None or (view := handle.view()).over:
        st.rerun()
    if not pace / 2 < poll_seconds() < 2 * pace:  # many have come, or gone
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(view.progress, text=_status(view, _), width="stretch")
        if mine:
            st.button(_("Stop"), key="stop", icon=":material/stop:", on_click=handle.stop)
        else:
            st.caption(_("You are watching somebody else's run."), width="content")
    _stages(view, handle.settings, _)
    run_notices(view, _)
    beside = bool(view.watched) and _in_a_talk()  # in a talk: all of it on one screen
    curves, digits = st.columns([3, 2]) if beside else (st.container(), st.container())
    with curves:
        live_curves(view, handle, _, ghost)
    with digits:
        _watched(view, handle, _)


def _watched(view: View, handle: Handle, _: Translate) -> None:
    """What the first trial's networks answer to test digits while they train; nothing where these are not here."""
    last, data = list(handle.settings.stages)[-1], queue().data
    seeds = {seed for stage, _arm, seed in view.watched if stage == last}
    if not seeds or data is None:
        return
    seen = {arm: view.watched[last, arm, min(seeds)] for arm in COLOURS if (last, arm, min(seeds)) in view.watched}
    name, pair = kept_under(handle.settings.dataset_name, data.name), technique_view(handle.technique).pair
    brought = own.called(name.split(",")[0])
    if is_own(name) and (brought is None or not may_see(brought.data_name)):
        return
    with suppress(Problem):  # the images are not on this computer
        name, classes = (brought.data_name, brought.classes) if brought else (name, DIGITS)
        images, labels = pixels.test_images(name), pixels.test_labels(name)
        if brought:
            pair = tuple(index for index, _logits in next(iter(seen.values())))[:2]
        t = float(handle.settings.model_dump().get("temperature", 1.0))
        st.html(live_digits(seen, images, labels.tolist(), pair, t, _, classes))


def live_curves(view: View, handle: Handle, _: Translate, ghost: Ghost | None = None) -> None:
    last = list(handle.settings.stages)[-1]
    option = arms.live_curves(view.curves, view.loss_curves, view.epochs, last, _)
    if ghost and any(stage == last for stage, _arm, _seed in view.epochs):  # a teacher's epochs are others
        option = ghosts.behind_live(option, ghost, _)
    large = _in_a_talk()
    st.echarts_chart(enlarged_option(option) if large else option, key="live_curves", height=430 if large else 260)


def _in_a_talk() -> bool:
    return bool(st.session_state.get("presenting"))


def _status(view: View, _: Translate) -> str:
    if view.state == "queued":
        if view.place and view.wait is not None:
            return _("Waiting; runs ahead: {n}, about {seconds} s.", n=view.place, seconds=f"{view.wait:.0f}")
        if view.place:
            return _("Waiting; runs ahead: {n}.", n=view.place)
        return _("Starting the workers …")
    if view.trials_done == view.trials:
        return _("Joining the trials …")
    if not view.progress:
        return _("Loading the images and networks …")
    share = f"{100 * view.progress:.0f}"
    if view.seconds_left is None:
        return _("{share} % done", share=share)
    return _("{share} % done, about {seconds} s left", share=share, seconds=f"{view.seconds_left:.0f}")


def _stages(view: View, settings: Settings, _: Translate) -> None:
    last = list(settings.stages)[-1]
    with st.container(horizontal=True, key="stages"):
        for name, label in settings.stages.items():
            stage = view.stages[name]
            percent = f" · {100 * stage.share:.0f} %"
            extra = percent if stage.state == "running" and name != last else ""
            if name == last:
                extra = " · " + _("{done} of {all} trials", done=view.trials_done, all=view.trials)
            text = f"{SIGNS[stage.state]} {_(label)}{extra}"
            st.markdown(f"**{text}**" if stage.state == "running" else text, width="content")


def run_notices(view: View, _: Translate) -> None:
    for notice in view.notices:
        st.info(_.escaped(notice))
