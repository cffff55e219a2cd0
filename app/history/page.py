"""The history on its page: the table of runs and what is ticked in it, several runs compared, a file read in."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from app.controls.address import moved, page_link, write
from app.history import comparing, importing, table
from app.history.figures import RUN_COLOURS, overlaid
from app.history.maps import Fold, Row
from app.history.table import LETTERS
from app.i18n.text import Translate, markdown
from app.results.chart import chart
from app.runs.seen import may_list
from app.runs.server import store, told_by
from app.runs.visitor import sign_in_needed, visitor
from app.shell.limits import NO_ROOM, uploads_fit
from kd_core.messages import Problem, message
from kd_core.results.schema import Result
from kd_core.runs.entry import Entry
from kd_core.techniques import NAMES, title

TABLE, ADDRESS, MAPS = "runs_table", "runs", "maps"
MOST_LISTED = 500
ROW = 82  # pixels, for four lines; Streamlit breaks a cell's text above 4 rem, 80 pixels while presenting


def past_runs(_: Translate) -> list[Entry]:
    """The newest runs of the store; where it cannot be read, or is empty, the page says so."""
    entries = [entry for entry in store().history(MOST_LISTED) if may_list(entry)]
    for said in told_by(store()):
        st.warning(_.escaped(said))
    if not entries and not store().problem:
        st.info(_("Nothing has been run here yet. Train a student, and it will be listed here."))
        page_link(NAMES[0], _("Open distillation"), icon=":material/arrow_forward:")
    return entries


def opened() -> list[str]:
    """The maps whose cells are listed. They stand in the address as `maps`."""
    if moved(MAPS) or st.session_state.get("entered"):
        st.session_state["maps_open"] = list(filter(None, st.query_params.get(MAPS, "").split(",")))
    found: list[str] = st.session_state.setdefault("maps_open", [])
    write(MAPS, ",".join(found) or None)
    return found


def run_table(listed: Sequence[Row], every: Sequence[Entry], _: Translate) -> list[Row]:
    """The table of runs and maps, ranked among `every` run; returns those ticked, the oldest run first.

    What is ticked stands in the address as `runs`, and is read from there on arrival and on the browser's Back.
    """
    ids = [row.id for row in listed]
    _tick(ids, _)
    ranked = table.ranks(every)
    when = st.context.timezone
    heads = {name: _(label) for name, label in table.COLUMNS.items()}
    config: dict[str, Any] = dict(heads)
    config |= {
        "rank": st.column_config.NumberColumn(heads["rank"], width=60, help=_(
            "By validation, within one technique, data set and task; never across them.")),
        "name": st.column_config.TextColumn(heads["name"], width=150) if any(map(_is_called, listed)) else None,
        "settings": st.column_config.TextColumn(heads["settings"], width=185),
        "validation": st.column_config.TextColumn(heads["validation"], width=220),
        "seconds": st.column_config.NumberColumn(heads["seconds"], format="%.1f", width=80),
        "created": st.column_config.DatetimeColumn(
            heads["created"], format="YYYY-MM-DD HH:mm", timezone=when, width=145),
        "verdict": st.column_config.TextColumn(heads["verdict"], width=420),
        "open": st.column_config.LinkColumn(heads["open"], display_text=_("Open"), width=70),
    }  # fmt: skip
    chosen = st.dataframe(
        table.table(listed, ranked, _, _.language), key=TABLE, hide_index=True, on_select="rerun",
        selection_mode="multi-row", column_config=config, height=min(5, len(ids)) * ROW + 40,
        row_height=ROW, placeholder="–",
        alt=_("All runs, one per row"),
    )  # fmt: skip
    rows = sorted(row for row in chosen["selection"]["rows"] if row < len(ids))
    st.session_state["runs_ticked"] = [ids[row] for row in rows]
    write(ADDRESS, ",".join(st.session_state["runs_ticked"]) or None)
    return sorted((listed[row] for row in rows), key=lambda row: (isinstance(row, Fold), _date(row)))


def _is_called(row: Row) -> bool:
    return isinstance(row, Entry) and bool(table.called(row))


def _date(row: Row) -> datetime:
    return row.cells[0].created if isinstance(row, Fold) else row.created


def _tick(ids: list[str], _: Translate) -> None:
    """Tick the rows that the address names, or that were ticked before the table was filtered or sorted."""
    if moved(ADDRESS) or st.session_state.get("entered"):
        known, unknown = table.named(st.query_params.get(ADDRESS, ""), ids)
        st.session_state.update({"runs_unknown": unknown, "runs_ticked": known, "runs_listed": None})
    if st.session_state.get("runs_listed") != ids:
        ticked = [ids.index(run) for run in st.session_state.get("runs_ticked", ()) if run in ids]
        st.session_state[TABLE] = {"selection": {"rows": ticked, "columns": [], "cells": []}}
        st.session_state["runs_listed"] = ids
    if missing := st.session_state.get("runs_unknown"):
        names = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
        said = message("The address names runs that are not among those listed here: {names}.", names=names)
        st.warning(_.escaped(said))


def take_away(entries: Sequence[Entry], every: Sequence[Entry], _: Translate) -> None:
    """The listed runs as a CSV file."""
    st.download_button(
        _("These runs (CSV)"), table.csv(entries, table.ranks(every)), "distillation-lab-runs.csv", "text/csv",
        icon=":material/download:", on_click="ignore", disabled=not entries,
    )  # fmt: skip


def compare(ticked: Sequence[Row], _: Translate) -> None:
    """Two to four runs: the verdict between them, their curves over each other, their numbers side by side."""
    runs = [row for row in ticked if isinstance(row, Entry)]
    if len(runs) < len(ticked):
        st.caption(_("The cells of a map are compared on its own page; to compare some here, show its cells."))
    found = [(entry, store().result(entry.id)) for entry in runs]
    finished = [(entry, result) for entry, result in found if result is not None]
    if len(finished) < len(found):
        st.caption(_("Only finished runs can be compared: those without a result are left out."))
    if len(finished) > len(LETTERS):
        most = len(LETTERS)
        st.caption(_("At most {most} runs are compared at once; these are the oldest of those ticked.", most=most))
        finished = finished[: len(LETTERS)]
    _legend([entry for entry, _result in finished], _)
    if len(finished) < 2:
        st.info(_("Tick two or more finished runs in the table to lay them over each other."))
        return
    results = [result for _entry, result in finished]
    _verdicts(results, _)
    figure = overlaid(results, _)
    title = _("Validation while training, the runs over each other")
    st.markdown(f"**{title}**")
    if figure:
        chart(figure, "overlaid", title)
        st.caption(_("Bold: the mean of the arm that a run is about; faint: its single trials; thin: the arm that "
                     "it is compared with."))  # fmt: skip
    else:
        st.caption(_("Some of these runs count errors and others a loss: they share no axis."))
    st.markdown("**" + _("Side by side") + "**")
    names = [entry.name for entry, _result in finished]
    st.html(comparing.side_by_side(results, RUN_COLOURS, _, names))
    st.caption(
        _("± is one standard deviation over trials. All numbers are of validation data, after the last epoch.")
    )


def _legend(entries: Sequence[Entry], _: Translate) -> None:
    """Which letter stands for which run, each a link to its own page."""
    for letter, entry in zip(LETTERS, entries, strict=False):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            what = table.shown_settings(entry, _)
            words = markdown(entry.name) or _(title(entry.technique))
            page_link(entry.technique, f"**{letter}** · {words}",
                      table.parameters(entry, whole=True), width="content",
                      icon=":material/open_in_new:", help=_("Open this run on its page"))  # fmt: skip
            note = f"{markdown(entry.note)} · " if entry.note else ""
            st.caption(f"{note}{what} · {entry.created:%Y-%m-%d %H:%M} UTC", width="content")


def _verdicts(results: Sequence[Result], _: Translate) -> None:
    answers = comparing.answers(results)
    with st.container(key="between", border=True):
        for answer in answers:
            st.markdown(f"#### {_(answer.text)}" if len(answers) == 1 else f"**{_(answer.text)}**")
            if answer.how:
                st.caption(_(answer.how))
        if len([answer for answer in answers if answer.difference]) > 1:
            st.caption(_("{n} comparisons with A: each interval is widened so that all of them hold at once with "
                         "95 %.", n=len(answers)))  # fmt: skip
        st.caption(_("Measured on validation data after the last epoch; test data are for each run's own verdict. "
                     "The best of many runs is partly luck: confirm the choice with new seeds."))  # fmt: skip


def read_in(_: Translate) -> None:
    """A result from a JSON file into the history: checked, kept as imported, never executed."""
    with st.expander(_("Read a result in (JSON)"), icon=":material/upload:", key="read_in"):
        if sign_in_needed():
            st.caption(_("Sign in to read results in."))
            return
        if st.session_state.get("import_file") is None and not uploads_fit(importing.MOST_BYTES):
            st.info(_(NO_ROOM))
            return
        file = st.file_uploader(
            _("A JSON file from the Export tab of a result"), type="json", key="import_file", max_upload_size=8
        )
        st.caption(_("At most 8 MB. It is checked and shown, marked as imported; nothing in it is executed."))
        if file is None:
            return
        content = file.getvalue()
        run = "imported-" + hashlib.sha256(content).hexdigest()[:16]
        if st.session_state.get("import_seen") == run:  # this upload was dealt with
            _say_imported(_)
            return
        st.session_state["import_seen"], st.session_state["import_said"] = run, None
        try:
            if store().find(run) is None:
                store().add(run, importing.read(content), visitor())
        except Problem as problem:
            st.session_state["import_said"] = problem.message
            _say_imported(_)
            return
        st.session_state["runs_ticked"] = [run, *st.session_state.get("runs_ticked", ())]
        st.session_state["runs_listed"] = None
        st.rerun()


def _say_imported(_: Translate) -> None:
    said = st.session_state.get("import_said")
    if said is None:
        st.success(_("It is in the history now, marked as imported."))
    else:
        st.error(_.escaped(said))
