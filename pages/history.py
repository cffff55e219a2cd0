"""History: every run with its settings and verdict; tick some to see what differs between them."""

import streamlit as st

from app.controls.widgets import controls
from app.history.maps import fold
from app.history.marking import manage, undo
from app.history.page import ADDRESS, MAPS, compare, opened, past_runs, read_in, run_table, take_away
from app.history.table import HistorySettings, chosen
from app.shell.frame import opening
from kd_core.messages import N_

_ = opening(
    N_("History"),
    N_("Every run that was made here: find one again, or tick several and see **what differs** between them."),
    HistorySettings,
    own={ADDRESS, MAPS},
)

undo(_)
every = past_runs(_)
if every:
    view = controls(HistorySettings, _)
    listed = chosen(every, view)
    ticked = run_table(fold(listed, opened()), every, _)
    manage(ticked, _)
    st.caption(
        _("{n} of {all} runs. Ranked by the validation errors (of several tasks their mean, or the loss) of the "
          "arm that a run is about, within one technique, data set and task, never across; imported runs are not "
          "ranked.", n=len(listed), all=len(every))
    )  # fmt: skip
    st.subheader(_("What differs between runs"), anchor=False)
    compare(ticked, _)
    take_away(listed, every, _)
read_in(_)
