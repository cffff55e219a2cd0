"""A Result on its page: verdict; then controls, table, two charts, and under tabs all that lies behind them."""

from collections.abc import Callable

import streamlit as st
from plotly.graph_objects import Figure

from app.components.differs import differs
from app.figures import arms, ghost
from app.figures.arms import Translator
from app.figures.depth import of_one
from app.i18n.text import Translate, markdown
from app.results.bundled import recorded, recorded_with
from app.results.chart import chart
from app.results.comparison import comparison
from app.results.scope import is_quick_look, scope
from app.results.tabs import depth
from app.runs.shown import previous
from app.techniques import view
from kd_core.data import own
from kd_core.data.chosen import MNIST
from kd_core.results.schema import Result
from kd_core.settings.base import Settings
from kd_core.settings.common import TEACHER


def verdict(finished: Result | None, settings: Settings, _: Translate) -> tuple[Result, bool]:
    """The Result that a page shows, and whether it is a recorded one; draws what it says in a sentence.

    It is what this session has finished; else what is recorded of these settings, as of a preset; else the recorded
    one that stood there before. Where it was made with other settings than `settings`, that is said.
    """
    result = finished or _recorded_before(settings)
    differs(result.settings, settings, _, "differs")
    if is_of_another_set(result, settings):
        st.info(_("This result is of {data}. Press Run to train on {name}.",
                  data=markdown(result.data.name), name=markdown(settings.dataset_name)))  # fmt: skip
    with st.container(key="verdict", border=True, gap="xsmall"):
        if not finished:
            date = result.provenance.created[:10]
            st.badge(_("recorded on {date}", date=date), icon=":material/history:", color="gray")
        elif is_quick_look(result):
            st.badge(_("quick look"), icon=":material/bolt:", color="orange")
        st.markdown(f"#### {_(result.verdict.text)}")
        st.caption(" ".join(_(sentence) for sentence in scope(result)))
    return result, not finished


def is_of_another_set(result: Result, settings: Settings) -> bool:
    """Whether `settings` name a data set that somebody has added, and `result` is of other images."""
    if settings.dataset_name == MNIST:
        return False
    known = own.called(result.data.name)
    return known is None or known.name != settings.dataset_name


def _recorded_before(settings: Settings) -> Result:
    """What is recorded of these settings, else the recorded Result that this session has seen last."""
    key = f"recorded_{settings.technique}"
    found = recorded_with(settings)
    if found:
        st.session_state[key] = settings
    before: Settings = st.session_state.get(key, type(settings)())
    return found or recorded_with(before) or recorded(settings.technique)


def show(
    result: Result,
    is_recorded: bool,
    _: Translate,
    left: Callable[[Result, Translator], Figure] = arms.errors_by_arm,
    curves: Callable[[Result, Translator], Figure] = arms.learning_curves,
    live: Callable[[Result], None] | None = None,
) -> None:
    """Draw all of `result` but its verdict.

    left, curves: the figures of what the arms came to, and of what they did while training. live: draws what a
    technique has to show of some of its results, before the table.
    """
    with st.container(key="result"):
        _controls(result, _)
        for note in result.notes:
            st.caption(_.escaped(note))
        if live:
            live(result)
        st.html(comparison(result, _))
        earlier = None if is_recorded else previous(result.technique)
        for column, figure, key in zip(st.columns(2), (left, curves), ("errors", "curves"), strict=True):
            title = _(view(result.technique).titles[key])
            with column:
                st.markdown(f"**{title}**")
                drawn = figure(result, _)
                if key == "curves" and earlier:
                    drawn = ghost.behind(drawn, earlier, _)
                chart(drawn, key, title)
        depth(result, _)
        _provenance(result, _)


def _controls(result: Result, _: Translate) -> None:
    """The further verdicts, in a line each."""
    told = [f for f in result.comparisons if not f.difference.low == f.difference.high == f.difference.mean == 0]
    if not told:  # arms that were set alike are one and the same
        return
    st.markdown("**" + _(view(result.technique).further(told)) + "**")
    st.markdown("\n".join(f"- {_(further.text)}" for further in told))
    st.caption(_("Each interval stands on its own: none is corrected for multiple comparisons."))


def _provenance(result: Result, _: Translate) -> None:
    date = (result.provenance.teacher_created or "")[:10]
    if date and any(arm.name == TEACHER for arm in result.arms):
        st.caption(_("The teacher was trained before this run, on {date}, and kept.", date=date))
    elif date:
        st.caption(_("The source network was trained before this run, on {date}, and kept.", date=date))
    st.caption(
        _("{data}: {train} training, {validation} validation, {test} {tested}. Computed on {processor}, PyTorch "
          "{torch}.", data=result.data.name, train=f"{result.data.train:,}",
          validation=f"{result.data.validation:,}", test=f"{result.data.test:,}",
          tested=of_one(result, _)[2], processor=result.provenance.processor, torch=result.provenance.torch)
    )  # fmt: skip
