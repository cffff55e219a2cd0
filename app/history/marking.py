"""What can be done with the runs that are ticked: give one a name and a note, delete some, show a map's cells."""

from collections.abc import Sequence

import streamlit as st

from app.controls.address import write
from app.history.maps import Fold, Row
from app.history.page import MAPS
from app.i18n.text import Translate
from app.runs.server import store
from app.runs.shown import forget
from app.runs.visitor import sign_in_needed, visitor
from kd_core.messages import Problem
from kd_core.runs.entry import Entry, may_change
from kd_core.runs.marks import LONGEST_NAME, LONGEST_NOTE, Marks

DELETED, WRONG = "history_deleted", "history_wrong"


def undo(_: Translate) -> None:
    """What was deleted last, with Undo, for as long as this page is open; and why something could not be done."""
    if wrong := st.session_state.pop(WRONG, None):
        st.warning(_.escaped(wrong))
    deleted: list[list[str]] = st.session_state.get(DELETED, [])
    if not deleted:
        return
    with st.container(key="undo", horizontal=True, vertical_alignment="center"):
        n = len(deleted[-1])
        st.markdown(_("Deleted: one run.") if n == 1 else _("Deleted: {n} runs.", n=n), width="content")
        st.button(_("Undo"), key="undo_delete", icon=":material/undo:", on_click=_restore)


def manage(ticked: Sequence[Row], _: Translate) -> None:
    """The line below the table for the rows that are ticked."""
    if sign_in_needed():
        st.caption(_("Sign in to name or delete runs."))
        return
    if not ticked:
        st.caption(_("Tick a run to give it a name or a note, or to delete it."))
        return
    runs = [entry for row in ticked for entry in (row.cells if isinstance(row, Fold) else (row,))]
    every = {run.id: run for run in runs}  # once, though a map and a cell of it may both be ticked
    mine = [run.id for run in every.values() if may_change(run, visitor()) and not run.under_way]
    with st.container(key="manage", border=True):
        (first, *further) = ticked
        if isinstance(first, Entry) and not further:
            _describe(first, _)
        with st.container(horizontal=True, vertical_alignment="center"):
            for whole in (row for row in ticked if isinstance(row, Fold)):
                _open(whole, _)
            _delete(mine, _)
            if len(mine) < len(every):
                st.caption(_whose(runs, _), width="content")


def _describe(entry: Entry, _: Translate) -> None:
    """A run's name and note, to be changed by whoever started it."""
    if not may_change(entry, visitor()):
        return
    keys = f"run_name {entry.id}", f"run_note {entry.id}"
    with st.form("describe", border=False):
        name, note, save = st.columns((3, 5, 1.4), vertical_alignment="bottom")
        name.text_input(_("Name"), entry.name, LONGEST_NAME, key=keys[0])
        note.text_input(_("Note"), entry.note, LONGEST_NOTE, key=keys[1])
        save.form_submit_button(_("Save"), on_click=_save, args=(entry.id, *keys), width="stretch")


def _open(whole: Fold, _: Translate) -> None:
    """Lists a map's cells below its row, or no longer."""
    is_open = whole.id in st.session_state.get("maps_open", ())
    label = _("Hide its cells") if is_open else _("Show its {n} cells", n=len(whole.cells))
    icon = ":material/unfold_less:" if is_open else ":material/unfold_more:"
    st.button(label, key=f"open {whole.id}", icon=icon, on_click=_toggle, args=(whole.id,))


def _delete(runs: list[str], _: Translate) -> None:
    label = _("Delete") if len(runs) < 2 else _("Delete {n} runs", n=len(runs))
    st.button(label, key="delete_runs", icon=":material/delete:", disabled=not runs, on_click=_deleted,
              args=(runs,), help=_("It can be undone above the table."))  # fmt: skip


def _whose(runs: Sequence[Entry], _: Translate) -> str:
    """Why some of the runs can't be deleted."""
    if all(may_change(run, visitor()) for run in runs):
        return _("A run that is under way cannot be deleted; stop it first.")
    return _("Only whoever started a run may name or delete it.")


def _save(run: str, name: str, note: str) -> None:
    said = st.session_state
    try:
        Marks(store()).describe(run, visitor(), str(said[name]), str(said[note]))
    except Problem as problem:
        said[WRONG] = problem.message


def _deleted(runs: list[str]) -> None:
    """Delete them, and let go of what this session and the queue have of them."""
    if sign_in_needed():
        return
    try:
        Marks(store()).delete(runs, visitor())
    except Problem as problem:
        st.session_state[WRONG] = problem.message
        return
    st.session_state.setdefault(DELETED, []).append(runs)
    forget(runs)


def _restore() -> None:
    runs = st.session_state[DELETED].pop()
    try:
        Marks(store()).restore(runs, visitor())
    except Problem as problem:
        st.session_state[WRONG] = problem.message


def _toggle(whole: str) -> None:
    found: list[str] = st.session_state.get("maps_open", [])
    found = [one for one in found if one != whole] if whole in found else [*found, whole]
    st.session_state["maps_open"] = found
    write(MAPS, ",".join(found) or None)
