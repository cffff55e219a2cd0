"""A queued run on the page: Run, quick look, Stop, how it ends, and at last its Result."""

from collections.abc import Mapping

import streamlit as st

from app.controls.address import go_to, page_link
from app.controls.widgets import address_of, by_field, differences, wish
from app.i18n.text import Translate, markdown
from app.runs.estimate import as_recorded, takes_both
from app.runs.live import draw_live, live_curves, run_notices
from app.runs.seen import seen
from app.runs.server import limits, poll_seconds, queue, store, told_by
from app.runs.shown import ghost_of, now_shown
from app.runs.visitor import sign_in, sign_in_needed, visitor
from kd_core.messages import Problem, Scalar, message
from kd_core.results.schema import Result
from kd_core.runs.queue import Handle, View
from kd_core.settings.base import Settings
from kd_core.settings.fields import written
from kd_core.techniques import TECHNIQUES

MORE_SEEDS = 5
ANCHOR = "run"  # of the Run button, where progress and result begin


def _quick_look(settings: Settings, busy: bool, _: Translate) -> None:
    """The button of a quick look."""
    technique, specs = TECHNIQUES[settings.technique], settings.specs()
    most = ", ".join(f"{_(specs[name].label)} {written(value)}" for name, value in technique.quick.items())
    st.button(
        _("Quick look"), key="quick", icon=":material/bolt:",
        disabled=busy or sign_in_needed() or technique.is_quick(settings.model_dump()),
        on_click=ask, args=(settings.technique, True), width="content",
        help=_("A first answer: the same with at most {most}.", most=most),
    )  # fmt: skip


def arrival(technique: str, _: Translate) -> None:
    """What has become of the run that the address names, at the top of its page, unless this session started it.

    Whoever follows a link or refreshes the page comes for that run, which stands further down.
    """
    named, mine = st.query_params.get("run"), st.session_state.get(f"run_{technique}")
    if not named or named == mine or st.session_state.get("preset") == technique:  # a preset takes its place
        return
    handle = queue().find(named)
    if handle is None:
        st.warning(_("No run of this lab has the name in this address: it was mistyped, or the run was deleted."))
    elif handle.technique != technique:
        st.warning(_("The run in this address belongs to another page."))
        page_link(handle.technique, _("Go to that run"), {"run": named}, icon=":material/arrow_forward:")
    elif mine is None or queue().find(str(mine)) is not handle:
        polled = poll_seconds() if handle.under_way else None
        st.fragment(_arrived, run_every=polled)(named, polled is not None, _)


def _arrived(run: str, was_under_way: bool, _: Translate) -> None:
    """How a run goes on, or what came of it, in a line with the way to it."""
    handle = queue().find(run)
    if handle is None or (was_under_way and not handle.under_way):
        st.rerun()
    view = handle.view()
    share = f"{100 * view.progress:.0f}"
    if view.result:
        said = _("The result of this link:") + " " + _(view.result.verdict.text)
    elif view.state == "queued":
        said = _("The run of this link is waiting for its turn.")
    elif handle.under_way and handle.owner == visitor() != "":
        said = _("A run of yours is training: {share} %.", share=share)
    elif handle.under_way:
        said = _("The run of this link is training: {share} %.", share=share)
    else:
        said = _("The run of this link has ended without a result.")
    way = _("Go to it")
    st.info(f"{said} [{way}](#{ANCHOR})", icon=":material/link:")


def watch(settings: Settings, _: Translate) -> Result | None:
    """The Run button and the run it started (or that the address names); the session's newest Result, if any."""
    start_if_asked(settings)
    _make_way(settings, _)
    st.html(f'<a id="{ANCHOR}"></a>')
    handle = _handle(settings)
    view = handle.view() if handle else None
    busy = view is not None and not view.over
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("Run"), key="run", type="primary", icon=":material/play_arrow:",
                  disabled=busy or sign_in_needed(), on_click=ask, args=(settings.technique,),
                  width=160)  # fmt: skip
        if TECHNIQUES[settings.technique].quick:
            _quick_look(settings, busy, _)
        if sign_in_needed():
            st.button(_("Sign in to start runs"), key="sign_in", on_click=sign_in)
        elif not busy:
            st.caption(" ".join((_("Trains for real, in worker processes of this computer."),
                                 takes_both(settings, _))))  # fmt: skip
    _refused(settings, _)
    with st.container(key="progress", gap="xsmall"):
        if handle and busy:
            if set_otherwise := _started_with(handle.settings, settings, _):
                st.caption(set_otherwise)
            pace = poll_seconds()
            mine = handle.owner in ("", visitor()) and not sign_in_needed()
            going_on = st.fragment(draw_live, run_every=pace)
            going_on(handle.id, _, ghost_of(handle.id, handle.settings), pace, mine)
        elif handle and view:
            _ended(view, handle, settings, _)
    for said in filter(None, (*told_by(store()), limits()[1])):
        st.caption(":material/warning: " + _.escaped(said))
    newest = f"result_{settings.technique}"
    if view and view.result:
        st.session_state[newest] = view.result
        now_shown(view.id, settings.technique, view.result)
    kept: Result | None = st.session_state.get(newest)
    found = kept and seen(kept)
    if found and not (view and view.result):
        st.badge(_("earlier result"), icon=":material/history:", color="gray")
    return found


def _make_way(settings: Settings, _: Translate) -> None:
    """Let go of the run and the Result shown where a preset was pressed, unless they are of its settings.

    They stay in the history, and a run under way goes on.
    """
    name = settings.technique
    if st.session_state.pop("preset", "") != name:
        return

    def is_other(values: Mapping[str, Scalar]) -> bool:
        as_set = (settings, TECHNIQUES[name].quickly(settings))
        return all(differences(values, each, _) for each in as_set)

    handle, shown = _handle(settings), st.session_state.get(f"result_{name}")
    if handle and not handle.under_way and is_other(handle.settings.model_dump()):
        st.query_params.pop("run", None)
        st.session_state.pop(f"run_{name}", None)
    if shown and is_other(shown.settings):
        st.session_state.pop(f"result_{name}")


def _started_with(run: Settings, settings: Settings, _: Translate) -> str:
    """In what the run under way differs from what is set now, if it does: a quick look, or changed since."""
    technique = TECHNIQUES[run.technique]
    whole = run.model_copy(update={name: getattr(settings, name) for name in technique.quick})
    changed = differences(run.model_dump(), settings, _)
    if changed and technique.quickly(whole) == run and not differences(whole.model_dump(), settings, _):
        less = by_field(settings.model_dump(), run, _)
        what = ", ".join(less[name] for name in technique.quick if less[name])
        return _("A quick look at what is set, with less of it: {what}.", what=what)
    if changed:
        return _("This run keeps the settings it was started with; changed since: {what}.", what=changed)
    return ""


def _refused(settings: Settings, _: Translate) -> None:
    """Why the run that was asked for was not taken, as long as that is so and the same is set."""
    asked: Settings | None = st.session_state.get("refused")
    if asked == settings:
        st.fragment(_refusal, run_every=poll_seconds())(settings, _)
    else:
        st.session_state.pop("refused", None)


def _refusal(settings: Settings, _: Translate) -> None:
    """Why a run would not be taken now, and the way to one's own that is in its way."""
    refusal = queue().refusal(settings, visitor())
    if refusal is None:
        st.session_state.pop("refused", None)
        st.rerun()
    st.warning(_.escaped(refusal))
    if mine := queue().of(visitor()):
        page_link(mine.technique, _("Go to your run"), {"run": mine.id}, icon=":material/arrow_forward:")


def start(settings: Settings, again: bool = False) -> None:
    """Submit a run, or have the page say why not.

    Streamlit ignores a disabled button, but a browser can be made to say that a talk's key was pressed.
    """
    if sign_in_needed():
        return
    try:
        handle = queue().submit(settings, visitor(), again)
    except Problem:
        st.session_state["refused"] = settings
        return
    st.session_state.pop("refused", None)
    handle.expected = handle.expected or as_recorded(settings)  # until runs like it tell more
    st.query_params["run"] = st.session_state[f"run_{settings.technique}"] = handle.id


def ask(technique: str, quick: bool = False) -> None:
    """Have the page start a run once it has read what it is set to: a callback does not know the last move yet.

    quick: only a quick look at it.
    """
    st.session_state["asked"] = technique, quick


def start_if_asked(settings: Settings) -> None:
    """Submit a run of these settings, which the page shows, if one was asked for, or a quick look at it."""
    technique, quick = st.session_state.pop("asked", ("", False))
    if technique == settings.technique:
        start(TECHNIQUES[technique].quickly(settings) if quick else settings)


def launch(settings: Settings, page: str) -> None:
    """Start a run from another page and go to its own `page`, set to its settings."""
    start(settings)
    run = st.query_params.get("run")
    go_to(page, address_of(settings) | ({"run": run} if run else {}))


def _add_seeds(settings: Settings, seeds: int) -> None:
    """The same with more seeds: the trials that there are already are not trained again."""
    wish("seeds", seeds)
    start(settings.model_copy(update={"seeds": seeds}))


def _handle(settings: Settings) -> Handle | None:
    """The run that the address names, else this session's own: it goes on while one is on another page."""
    named = st.query_params.get("run")
    mine = st.session_state.get(f"run_{settings.technique}")
    if named is None and mine is None:
        return None
    handle = queue().find(str(named or mine))
    if handle is None or handle.technique != settings.technique:
        return None  # `arrival` has said so
    if named is None and st.session_state.get("entered"):
        st.query_params["run"] = handle.view().id  # not after the browser's Back, which would lead nowhere then
    return handle


def _ended(view: View, handle: Handle, settings: Settings, _: Translate) -> None:
    """A line on how the run ended, and how to go on; what it had drawn stays when it was stopped or failed."""
    run_notices(view, _)
    if "run" in st.query_params:
        st.query_params["run"] = view.id  # under which it is found as long as the store is there
    seconds = f"{view.seconds_elapsed:.1f}"
    if view.state == "failed" and view.problem:
        st.error(_.escaped(message("The run failed: {why}", why=view.problem)))
    elif view.state == "stopped" and not view.seconds_elapsed:
        st.info(_("Stopped before it began."))
    elif view.state == "stopped":
        below = _("The curves so far are below.") if view.curves or view.loss_curves else ""
        st.info(_("Stopped after {seconds} s.", seconds=seconds) + " " + below)
    elif view.state == "interrupted" and view.problem:
        st.warning(_.escaped(view.problem))
        st.button(_("Start it again"), key="restart", on_click=start, args=(handle.settings,),
                  disabled=sign_in_needed())  # fmt: skip
    elif view.state == "finished":
        _go_on(view, handle, settings, _)
    if view.state in ("failed", "stopped") and (view.curves or view.loss_curves):
        live_curves(view, handle, _)


def _go_on(view: View, handle: Handle, settings: Settings, _: Translate) -> None:
    """How long it took or when it was stored, and beside it: train it again, add seeds to it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        entry = store().find(view.id)
        if view.stored and entry and entry.origin == "imported":
            st.badge(_("imported on {date}; nobody here has trained it", date=f"{view.stored:%Y-%m-%d}"),
                     icon=":material/upload:", color="orange")  # fmt: skip
        elif view.stored:
            date = f"{view.stored:%Y-%m-%d}"
            st.badge(_("stored on {date}", date=date), icon=":material/database:", color="green")
            st.button(_("Train again, live"), key="again", icon=":material/replay:", on_click=start,
                      args=(handle.settings, True), disabled=sign_in_needed(),
                      help=_("These settings were run before, so the stored answer was taken."))  # fmt: skip
        else:
            st.caption(_("Finished in {seconds} s.", seconds=f"{view.seconds_elapsed:.1f}"), width="content")
        if entry and entry.name:
            st.markdown(f"**{markdown(entry.name)}**", width="content", help=markdown(entry.note) or None)
        seeds = settings.specs()["seeds"]
        more = min(len(handle.settings.trial_seeds) + MORE_SEEDS, int(seeds.high or 0))
        if more > len(handle.settings.trial_seeds):
            st.button(_("Add seeds: {n} in all", n=more), key="more_seeds", icon=":material/add:",
                      on_click=_add_seeds, args=(handle.settings, more), disabled=sign_in_needed(),
                      help=_("The trials that are finished are kept and pooled with new ones."))  # fmt: skip
