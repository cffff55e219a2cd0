"""A queued run on the page: Run, the three stages, live curves, Stop, and at last its Result."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import streamlit as st

from app.controls.address import go_to, page_link
from app.controls.widgets import address_of, by_field, differences, wish
from app.figures import arms
from app.figures import ghost as ghosts
from app.figures.arms import COLOURS
from app.figures.enlarged import enlarged_option
from app.figures.ghost import Ghost
from app.figures.live_digits import live_digits
from app.i18n.text import Translate
from app.results.bundled import durations
from app.runs.pace import Pace
from app.runs.visitor import sign_in_needed, visitor
from app.techniques import view as technique_view
from kd_core.data import pixels
from kd_core.messages import Message, Problem, Scalar, message
from kd_core.paths import mnist_on_disk
from kd_core.results.comparability import group
from kd_core.results.schema import Result
from kd_core.runs.queue import Handle, Limits, Queue, View, expected_seconds
from kd_core.runs.store import Store
from kd_core.settings.base import Settings
from kd_core.settings.fields import written
from kd_core.techniques import TECHNIQUES

MORE_SEEDS = 5
REST_SECONDS = 8.0  # before the workers start: they would take the processor from the first page
ANCHOR = "run"  # of the Run button, where progress and result begin
SIGNS = {"waiting": "○", "running": "◐", "done": "●"}


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
    return Queue(rest=REST_SECONDS, store=store(), limits=_limits()[0])


@st.cache_resource(show_spinner=False)
def _pace() -> Pace:
    """How often the pages of this server poll."""
    return Pace()


def _as_recorded(settings: Settings) -> float | None:
    """What the recorded default run tells of these settings, at the speed of this machine and its workers."""
    there, here = durations(), queue().calibration
    seconds = expected_seconds(settings, there["runs"].get(settings.technique, []))
    if seconds is None or here is None:
        return None
    return seconds * here / there["calibration"] * there["workers"] / queue().lanes


def about(seconds: float) -> str:
    """Seconds as an estimate is read: two digits, and none below 1."""
    return written(float(f"{max(1.0, seconds):.2g}"))


def takes(_: Translate) -> Callable[[Settings], str]:
    """Says of settings how long a run of them takes here, in words; "" where nothing tells."""
    expected = _expected()
    return lambda settings: _said(expected(settings), _)


def _said(seconds: float | None, _: Translate) -> str:
    return "" if seconds is None else _("About {seconds} s here.", seconds=about(seconds))


def _expected() -> Callable[[Settings], float | None]:
    """How many seconds a run of some settings takes here; None where nothing tells.

    As finished runs like it took, else as the recorded run took, by how fast this machine trains.
    """
    earlier: dict[str, Any] = {}

    def seconds(settings: Settings) -> float | None:
        if settings.technique not in earlier:
            earlier[settings.technique] = store().durations(settings.technique)
        return expected_seconds(settings, earlier[settings.technique]) or _as_recorded(settings)

    return seconds


def _takes_both(settings: Settings, _: Translate) -> str:
    """How long a run of these settings takes here, and a quick look at it, in words; "" where nothing tells."""
    expected, technique = _expected(), TECHNIQUES[settings.technique]
    seconds, quick = expected(settings), expected(technique.quickly(settings))
    if not technique.quick or technique.is_quick(settings.model_dump()) or seconds is None or quick is None:
        return _said(seconds, _)
    return _("About {seconds} s here, a quick look {quick} s.", seconds=about(seconds), quick=about(quick))


def _quick_look(settings: Settings, busy: bool, _: Translate) -> None:
    """The button of a quick look."""
    technique, specs = TECHNIQUES[settings.technique], settings.specs()
    most = ", ".join(f"{_(specs[name].label)} {written(value)}" for name, value in technique.quick.items())
    st.button(
        _("Quick look"), key="quick", icon=":material/bolt:",
        disabled=busy or sign_in_needed() or technique.is_quick(settings.model_dump()),
        on_click=ask, args=(settings.technique, True), width=160,
        help=_("A first answer: the same with at most {most}.", most=most),
    )  # fmt: skip


def poll_seconds() -> float:
    """After how many seconds this page is to poll again, among all those of this server that do."""
    watcher = st.session_state.setdefault("watcher", secrets.token_hex(8))  # this page among those that poll
    return _pace().seconds(str(watcher))


@st.cache_resource(show_spinner=False)
def _limits() -> tuple[Limits, Message | None]:
    """What this server allows, and what is wrong with how that was set; then the defaults hold."""
    try:
        return Limits.read(), None
    except Problem as problem:
        return Limits(), problem.message


def mnist_is_there() -> bool:
    """Whether runs use MNIST, as far as is known: True until the workers say otherwise."""
    data = queue().data
    return data is None or data.name == "MNIST"


@st.fragment(run_every=1.0)
def _until_data_is_known() -> None:
    if queue().data is not None:
        st.rerun()


def data_notices(_: Translate) -> None:
    """What a person should know of the workers' data, shown as soon as they have loaded it."""
    data = queue().data
    if data is None and not mnist_on_disk():  # then there may be something to say; else nothing is polled
        _until_data_is_known()
    for notice in data.notices if data else ():
        st.warning(_.escaped(notice))


def arrival(technique: str, _: Translate) -> None:
    """What has become of the run that the address names, at the top of its page, unless this session started it.

    Whoever follows a link or refreshes the page comes for that run, which stands further down.
    """
    named, mine = st.query_params.get("run"), st.session_state.get(f"run_{technique}")
    if not named or named == mine:
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
            st.button(_("Sign in to start runs"), key="sign_in", on_click=st.login)
        elif not busy:
            st.caption(" ".join((_("Trains for real, in worker processes of this computer."),
                                 _takes_both(settings, _))))  # fmt: skip
    _refused(settings, _)
    with st.container(key="progress", gap="xsmall"):
        if handle and busy:
            if set_otherwise := _started_with(handle.settings, settings, _):
                st.caption(set_otherwise)
            pace = poll_seconds()
            live = st.fragment(_live, run_every=pace)
            mine = handle.owner in ("", visitor()) and not sign_in_needed()
            live(handle.id, _, _previous(handle.id, handle.settings), pace, mine)
        elif handle and view:
            _ended(view, handle, settings, _)
    for said in filter(None, (*told_by(store()), _limits()[1])):
        st.caption(":material/warning: " + _.escaped(said))
    newest = f"result_{settings.technique}"
    if view and view.result:
        st.session_state[newest] = view.result
        _now_shown(view.id, settings.technique, view.result)
    found: Result | None = st.session_state.get(newest)
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
    return handle.view().result if handle and handle.technique == technique else None


def latest(technique: str) -> Result | None:
    """The Result that the address names, else the newest that this session has seen."""
    newest: Result | None = st.session_state.get(f"result_{technique}")
    return named(technique) or newest


def latest_run(technique: str) -> str:
    """The run whose Result is the `latest`; "" where there is none."""
    run = st.query_params["run"] if named(technique) else st.session_state.get(f"shown_{technique}", "")
    return str(run)


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


def _now_shown(run: str, technique: str, result: Result) -> None:
    """Remember which run is shown; the one that was shown before it, or is before it in the store, is its ghost."""
    if st.session_state.get(f"shown_{technique}") != run:
        kind = group(technique, result.settings, result.data.name)
        st.session_state[f"ghost_{technique}"] = run, _ghost(run, technique, kind)
        st.session_state[f"shown_{technique}"] = run


def _previous(run: str, settings: Settings) -> Ghost | None:
    """The ghost behind the curves of a run under way; looked for once."""
    found: tuple[str, Ghost | None] | None = st.session_state.get("live_ghost")
    if found is None or found[0] != run:
        data = queue().data
        kind = group(settings.technique, settings.model_dump(), data.name if data else "MNIST")
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
    """Submit a run, or have the page say why not."""
    try:
        handle = queue().submit(settings, visitor(), again)
    except Problem:
        st.session_state["refused"] = settings
        return
    st.session_state.pop("refused", None)
    handle.expected = handle.expected or _as_recorded(settings)  # until runs like it tell more
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
    if not sign_in_needed():
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


def _live(run: str, _: Translate, ghost: Ghost | None, pace: float, mine: bool) -> None:
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
    _notices(view, _)
    _curves(view, handle, _, ghost)
    _watched(view, handle, _)


def _watched(view: View, handle: Handle, _: Translate) -> None:
    """What the first trial's networks answer to test digits while they train; nothing where these are not here."""
    last, data = list(handle.settings.stages)[-1], queue().data
    seeds = {seed for stage, _arm, seed in view.watched if stage == last}
    if not seeds or data is None:
        return
    seen = {arm: view.watched[last, arm, min(seeds)] for arm in COLOURS if (last, arm, min(seeds)) in view.watched}
    with suppress(Problem):  # the images are not on this computer
        images, labels = pixels.test_images(data.name), pixels.test_labels(data.name)
        t = float(handle.settings.model_dump().get("temperature", 1.0))
        st.html(live_digits(seen, images, labels.tolist(), technique_view(handle.technique).pair, t, _))


def _curves(view: View, handle: Handle, _: Translate, ghost: Ghost | None = None) -> None:
    last = list(handle.settings.stages)[-1]
    option = arms.live_curves(view.curves, view.loss_curves, view.epochs, last, _)
    if ghost and any(stage == last for stage, _arm, _seed in view.epochs):  # a teacher's epochs are others
        option = ghosts.behind_live(option, ghost, _)
    large = bool(st.session_state.get("presenting"))
    st.echarts_chart(enlarged_option(option) if large else option, key="live_curves", height=460 if large else 260)


def _ended(view: View, handle: Handle, settings: Settings, _: Translate) -> None:
    """A line on how the run ended, and how to go on; what it had drawn stays when it was stopped or failed."""
    _notices(view, _)
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
        st.button(_("Start it again"), key="restart", on_click=start, args=(handle.settings,))
    elif view.state == "finished":
        _go_on(view, handle, settings, _)
    if view.state in ("failed", "stopped") and (view.curves or view.loss_curves):
        _curves(view, handle, _)


def _go_on(view: View, handle: Handle, settings: Settings, _: Translate) -> None:
    """How long it took or when it was stored, and beside it: train it again, add seeds to it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        entry = store().find(view.id) if view.stored else None
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
        seeds = settings.specs()["seeds"]
        more = min(len(handle.settings.trial_seeds) + MORE_SEEDS, int(seeds.high or 0))
        if more > len(handle.settings.trial_seeds):
            st.button(_("Add seeds: {n} in all", n=more), key="more_seeds", icon=":material/add:",
                      on_click=_add_seeds, args=(handle.settings, more), disabled=sign_in_needed(),
                      help=_("The trials that are finished are kept and pooled with new ones."))  # fmt: skip


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


def _notices(view: View, _: Translate) -> None:
    for notice in view.notices:
        st.info(_.escaped(notice))
