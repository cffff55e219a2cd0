"""Which run and which Result this session shows, and which stood there before."""

from collections.abc import Collection

import streamlit as st

from app.figures import ghost as ghosts
from app.figures.ghost import Ghost
from app.i18n.text import Translate
from app.runs.seen import seen
from app.runs.server import queue, store
from kd_core.data.chosen import kept_under
from kd_core.messages import Scalar
from kd_core.results.comparability import group
from kd_core.results.schema import Result
from kd_core.settings.base import Settings
from kd_core.techniques import NAMES


def finished(technique: str, _: Translate) -> Result | None:
    """The Result of the run that the address names, else this session's newest of a technique, if there is one."""
    result = latest(technique) if "run" not in st.query_params else named(technique)
    if result is None and "run" in st.query_params:
        st.info(_("This lab knows no finished run of the name in the address."))
    return result


def named(technique: str) -> Result | None:
    """The Result of the run that the address names, if it is finished and of this technique."""
    run = st.query_params.get("run")
    handle = queue().find(run) if run else None
    result = handle.view().result if handle and handle.technique == technique else None
    return result and seen(result)


def latest(technique: str) -> Result | None:
    """The Result that the address names, else the newest that this session has seen."""
    newest: Result | None = st.session_state.get(f"result_{technique}")
    return named(technique) or (newest and seen(newest))


def latest_run(technique: str) -> str:
    """The run whose Result is the `latest`; "" where there is none."""
    run = st.query_params["run"] if named(technique) else st.session_state.get(f"shown_{technique}", "")
    return str(run)


def called(result: Result) -> tuple[str, str]:
    """What a person calls the run whose Result this is, and their note; "" for neither, as of a recorded one."""
    run = latest_run(result.technique) if latest(result.technique) is result else ""
    entry = store().find(run) if run else None
    return (entry.name, entry.note) if entry else ("", "")


def under_way(technique: str) -> bool:
    """Whether this session's run, or the one that the address names, still goes on."""
    return trained(technique) is not None


def trained(technique: str) -> Settings | None:
    """The settings of the run that is under way here; None where none is."""
    run = st.query_params.get("run") or st.session_state.get(f"run_{technique}")
    handle = queue().find(str(run)) if run else None
    goes_on = handle is not None and handle.technique == technique and not handle.view().over
    return handle.settings if handle is not None and goes_on else None


def previous(technique: str) -> Ghost | None:
    """The ghost behind the curves of the Result that this session shows on a technique's page."""
    found: tuple[str, Ghost | None] | None = st.session_state.get(f"ghost_{technique}")
    return found and found[1]


def forget(runs: Collection[str]) -> None:
    """Let go of runs that were deleted, in this session and in the queue."""
    for technique in NAMES:
        for name in (f"shown_{technique}", f"run_{technique}"):
            run = st.session_state.get(name)
            handle = queue().find(run) if run else None
            if run in runs or (handle is not None and handle.kept_as in runs):
                del st.session_state[name]
                st.session_state.pop(f"result_{technique}", None)
    for run in runs:
        queue().forget(run)


def now_shown(run: str, technique: str, result: Result) -> None:
    """Remember which run is shown; the one that was shown before it, or is before it in the store, is its ghost."""
    if st.session_state.get(f"shown_{technique}") != run:
        kind = group(technique, result.settings, result.data.name)
        st.session_state[f"ghost_{technique}"] = run, _ghost(run, technique, kind)
        st.session_state[f"shown_{technique}"] = run


def ghost_of(run: str, settings: Settings) -> Ghost | None:
    """The ghost behind the curves of a run under way; looked for once."""
    found: tuple[str, Ghost | None] | None = st.session_state.get("live_ghost")
    if found is None or found[0] != run:
        data = queue().data
        images = kept_under(settings.dataset_name, data.name if data else "MNIST")
        kind = group(settings.technique, settings.model_dump(), images)
        found = st.session_state["live_ghost"] = run, _ghost(run, settings.technique, kind)
    return found[1]


def _ghost(run: str, technique: str, kind: tuple[Scalar, ...]) -> Ghost | None:
    """Of the run that this session has shown before `run`, else of the one before it in the store."""

    def of(earlier: str | None) -> Ghost | None:
        handle = queue().find(earlier) if earlier and earlier != run else None
        result = handle.view().result if handle else None
        made = ghosts.of(result) if result else None
        return made if made and made.kind == kind else None

    shown = of(st.session_state.get(f"shown_{technique}"))
    return shown or of(ghosts.before(store().history(), run, kind))  # the list is read only if need be
