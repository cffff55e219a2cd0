"""Maps on their page: what is varied, the map as its cells fill in, and any cell of it."""

import re
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from app.controls.address import page_link
from app.controls.widgets import seed, widget
from app.i18n.text import Translate
from app.results.bundled import recorded_map
from app.results.chart import chart
from app.runs.server import poll_seconds, queue, store
from app.runs.visitor import sign_in, sign_in_needed, visitor
from app.shell.frame import presenting
from app.sweeps import figures
from app.sweeps.link import OWN, parameters
from kd_core.messages import Problem, Scalar, message
from kd_core.runs.queue import expected_seconds
from kd_core.settings.fields import Spec, written
from kd_core.sweeps.plan import MapPreset, Plan, varied
from kd_core.sweeps.plan import presets as map_presets
from kd_core.sweeps.study import Cell, MapView
from kd_core.sweeps.sweep import Sweeps
from kd_core.sweeps.table import judged, name_of
from kd_core.techniques import NAMES, TECHNIQUES, title

FIRST = "temperature_alpha"
NONE = ""  # of the settings that may be varied
ROWS = {"grid": 2, "search": 4}
POLL_SECONDS = 1.0
TRIALS = 24


@st.cache_resource(show_spinner=False, on_release=lambda made: made.close())
def sweeps() -> Sweeps:
    """The server's maps, in the store's database."""
    return Sweeps(queue())


def plan_controls(_: Translate) -> Plan | None:
    """Ready-made maps, and the controls of one's own; None, with one sentence on the page, for what cannot be."""
    if st.session_state.get("entered"):
        _arrive()
    if (wrong := st.session_state.get("map_wrong")) is not None:
        st.warning(_.escaped(wrong))
    with st.container(horizontal=True, key="presets"):
        for name, preset in map_presets().items():
            st.button(_(preset.label), key=f"map_preset_{name}", help=_(preset.help), width="content",
                      on_click=_take, args=(preset.plan,))  # fmt: skip
    with st.expander(_in_words(_), icon=":material/tune:", key="map_plan"):
        _draw(_)
    try:
        plan = Plan.read(*_asked())
    except Problem as problem:
        st.error(_.escaped(problem.message))
        return None
    _publish(plan)
    return plan


def _arrive() -> None:
    """Set the controls to the address's map; where it names none, to what they were left at, or to the first."""
    st.session_state["map_wrong"] = None
    given = st.query_params.get_all("axis")
    if given:
        try:
            trials = st.query_params.get("trials", "0")
            if not trials.isdecimal():
                raise Problem("The address says trials = {given}, which is no whole number.", given=trials[:20])
            technique = st.query_params.get("technique", NAMES[0])
            _take(Plan.read(technique, given, _pairs(st.query_params.get("with", "")), int(trials)))
            return
        except Problem as problem:
            st.session_state["map_wrong"] = message(
                "The map in the address cannot be made ({why}); another is shown.", why=problem.message
            )
    left: Plan | None = st.session_state.get("map_left")
    _take(left or map_presets()[FIRST].plan)


def _take(plan: Plan) -> None:
    """Set every control to a plan."""
    state = st.session_state
    state["map_technique"], state["map_kind"] = plan.technique, "search" if plan.trials else "grid"
    state["map_trials"] = plan.trials or TRIALS
    for name, value in TECHNIQUES[plan.technique].settings.parse(plan.settings).model_dump().items():
        state["map_seeds" if name == "seeds" else _key(plan.technique, name)] = value
    for row in range(max(ROWS.values())):
        axis = plan.axes[row] if row < len(plan.axes) else None
        state[f"map_field_{row}"] = axis.field if axis else NONE
        state[f"map_values_{row}"] = ", ".join(map(written, axis.values)) if axis else ""


def _key(technique: str, name: str) -> str:
    """Of the widget of a setting that is not varied: another one than on the technique's own page."""
    return f"map_{technique}_{name}"


def _others(technique: str) -> dict[str, Spec]:
    """The settings that are the same in every cell, but for the seeds, which have a control of their own."""
    state = st.session_state
    varied_here = {state[f"map_field_{row}"] for row in range(ROWS[state["map_kind"]])}
    specs = TECHNIQUES[technique].settings.specs().items()
    return {name: spec for name, spec in specs if name != "seeds" and name not in varied_here}


def _changed(technique: str) -> dict[str, Scalar]:
    """Those of them that are not at their default."""
    held = {name: (spec, st.session_state[_key(technique, name)]) for name, spec in _others(technique).items()}
    return {name: value for name, (spec, value) in held.items() if value != spec.default}


def _in_words(_: Translate) -> str:
    """What the controls are set to, for who has not opened them: "Temperature T · Student: two layers of 30"."""
    state = st.session_state
    technique = str(state["map_technique"])
    specs = TECHNIQUES[technique].settings.specs()
    names = [state[f"map_field_{row}"] for row in range(ROWS[state["map_kind"]])]
    varied_here = " × ".join(_(specs[name].label) for name in names if name in specs)
    changed = _changed(technique).items()
    others = [f"{_(specs[name].label)}: {_(specs[name].written(value))}" for name, value in changed]
    parts = [_(title(technique)), varied_here, *others, _("seeds: {n}", n=state["map_seeds"])]
    return " · ".join(filter(None, parts))


def _asked() -> tuple[str, list[str], Mapping[str, Any], int]:
    """What the controls are set to now, as `Plan.read` takes it."""
    state = st.session_state
    kind = state["map_kind"]
    rows = ((state[f"map_field_{row}"], state[f"map_values_{row}"]) for row in range(ROWS[kind]))
    axes = [f"{field}={values}" for field, values in rows if field]
    trials = state.get("map_trials", TRIALS) if kind == "search" else 0
    technique = str(state["map_technique"])
    return technique, axes, {**_changed(technique), "seeds": state["map_seeds"]}, trials


def _draw(_: Translate) -> None:
    """The controls."""
    kept: dict[str, Any] = dict(persist_state="session")
    one, two, three, four = st.columns([3, 3, 2, 2], vertical_alignment="bottom")
    technique = one.selectbox(_("Technique"), list(TECHNIQUES), format_func=lambda t: _(title(t)),
                              key="map_technique", on_change=_other_technique, **kept)  # fmt: skip
    words = {"grid": _("Every combination"), "search": _("Search")}
    kind = two.segmented_control(
        _("How"), list(words), format_func=words.__getitem__, key="map_kind", required=True, **kept,
        help=_("A search has a sampler (TPE) choose each next cell from those before; it gives up hopeless ones."),
    )  # fmt: skip
    three.number_input(_("Seeds per cell"), 1, 20, key="map_seeds", **kept, help=_(
        "With fewer than three seeds a map has "
        "no intervals; every further seed makes them all narrower."))  # fmt: skip
    if kind == "search":
        seed("map_trials", TRIALS)
        four.number_input(_("Cells to try"), 4, 400, key="map_trials", **kept)
    specs = varied(TECHNIQUES[technique].settings)
    for row in range(ROWS[kind]):
        left, right = st.columns([3, 7], vertical_alignment="bottom")
        field = left.selectbox(
            _("Setting {n}", n=row + 1), [NONE, *specs], key=f"map_field_{row}",
            format_func=lambda name: _(specs[name].label) if name in specs else _("none"), **kept,
        )  # fmt: skip
        hint = _("Values one after the other, or low:high:count. Allowed: {allowed}.", allowed=_(
            specs[field].allowed)) if field else None  # fmt: skip
        label = _("Least and largest value") if kind == "search" else _("Its values")
        right.text_input(label, key=f"map_values_{row}", help=hint, disabled=not field, **kept)
    about = _("They are the same in every cell; at first at their defaults, or as the map chosen above sets them.")
    if st.toggle(_("All other settings"), key="map_others", help=about, **kept):
        columns = st.columns(3)
        for place, (name, spec) in enumerate(_others(technique).items()):
            with columns[place % 3]:
                widget(spec, _key(technique, name), _)


def _other_technique() -> None:
    """Another technique has other settings: begin with a map of its own."""
    wanted = st.session_state["map_technique"]
    first: MapPreset = next(preset for preset in map_presets().values() if preset.plan.technique == wanted)
    _take(first.plan)


def _pairs(text: str) -> dict[str, Any]:
    """The settings of "student=mlp30, epochs=20", in an address. Commas, semicolons and blanks separate them.

    A part without "=" is a setting of no value, which is refused.
    """
    parts = [part.partition("=") for part in re.split(r"[,，;；\s]+", re.sub(r"\s*=\s*", "=", text)) if part]
    truths = {"true": True, "false": False}
    return {name.strip(): truths.get(value.strip().lower(), value.strip()) for name, _sign, value in parts}


def _publish(plan: Plan) -> None:
    """The address is the state: technique, axes, and what is not at its default."""
    st.session_state["map_left"] = plan
    wanted = parameters(plan)
    for name in OWN:
        given = st.query_params.get_all(name)
        now = wanted.get(name, [])
        if given != (now if isinstance(now, list) else [now]):
            if name in wanted:
                st.query_params[name] = now
            elif given:
                del st.query_params[name]


def carried_out(plan: Plan | None, _: Translate) -> MapView | None:
    """Run and Stop, and the map as far as it is known: under way, stored, or recorded."""
    if plan is None:
        return None
    view = _known(plan)
    running = view is not None and view.state == "running"
    with st.container(horizontal=True, vertical_alignment="center"):
        label = _("Go on") if view and view.state in ("stopped", "interrupted") and view.done else _("Make the map")
        done = view is not None and view.state == "finished" and all(c.state != "failed" for c in view.cells)
        st.button(label, key="run", type="primary", icon=":material/grid_on:", on_click=_start,
                  disabled=running or done or sign_in_needed())  # fmt: skip
        if sign_in_needed():
            st.button(_("Sign in to start runs"), key="sign_in", on_click=sign_in)
        st.caption(_size(plan, view, _), width="content")
    if refused := st.session_state.pop("map_refused", None):
        st.warning(_.escaped(refused))
    for said in filter(None, (sweeps().problem, store().problem)):
        st.caption(":material/warning: " + _.escaped(said))
    if running:
        assert view is not None
        pace = max(POLL_SECONDS, poll_seconds())
        with st.container(key="progress"):
            st.fragment(_live, run_every=pace)(view.id, _)
        return None
    recorded = recorded_map()
    if view is None and recorded.plan.key() == plan.key():
        date = f"{recorded.created:%Y-%m-%d}"
        st.badge(_("recorded on {date}", date=date), icon=":material/history:", color="gray")
        view = recorded
    elif view is None:
        st.info(
            _("This map has not been made yet. Its cells fill in while you watch; runs that are stored already "
              "cost nothing, and a map that is stopped can go on later.")
        )  # fmt: skip
    return view


def _known(plan: Plan) -> MapView | None:
    view = sweeps().view(plan.key())
    return view if view and (view.done or view.state == "running") else None


def _start() -> None:
    """Make the map that is set now: the page may have been drawn before the hand's last move."""
    try:
        sweeps().start(Plan.read(*_asked()), visitor())
    except Problem as problem:
        st.session_state["map_refused"] = problem.message


def _size(plan: Plan, view: MapView | None, _: Translate) -> str:
    """How many cells and runs, and how long that may take, as like runs took."""
    cells = plan.trials or len(plan.grid())
    if view is not None and view.state != "running":
        return _("{done} of {n} cells, {seconds} s of work on this map.", done=view.done, n=cells,
                 seconds=f"{view.seconds:.0f}")  # fmt: skip
    first = plan.settings_at({axis.field: axis.values[-1] for axis in plan.axes})
    said = _("{n} cells, {runs} trials.", n=cells, runs=cells * len(first.trial_seeds))
    each = expected_seconds(first, store().durations(plan.technique))
    if each is not None and view is None:
        minutes = cells * each / queue().lanes / 60
        said += " " + _("About {minutes} minutes, judging by similar runs.", minutes=f"{minutes:.1f}")
    return said


def _live(map_id: str, _: Translate) -> None:
    """The map while it is made; only this is drawn again."""
    sweep = sweeps().find(map_id)
    if sweep is None or not sweep.under_way:
        st.rerun()
    view = sweep.view()
    cells = view.plan.trials or len(view.cells)
    with st.container(horizontal=True, vertical_alignment="center"):
        left = (cells - view.done) * view.seconds / view.done if view.done else None
        text = _("{done} of {n} cells", done=view.done, n=cells)
        if left is not None:
            text += ", " + _("about {seconds} s left", seconds=f"{left:.0f}")
        st.progress(view.done / cells, text=text, width="stretch")
        if sweep.owner == visitor():
            st.button(_("Stop"), key="stop", icon=":material/stop:", on_click=sweep.stop)
        else:
            st.caption(_("You are watching somebody else's map."), width="content")
    st.html(figures.heat(view, _, _.language) + figures.legend(view, _))


def details(view: MapView, _: Translate) -> None:
    """The map as it stands, what it allows to say, any cell of it, and Optuna's figures."""
    recorded = view is recorded_map()
    if view.problem:
        st.warning(_.escaped(view.problem))
    with st.container(key="result"):
        st.html(figures.heat(view, _, _.language, linked=not recorded) + figures.legend(view, _))
        with st.container(key="verdict"):
            st.markdown(f"**{figures.summary(view, _)}**")
        if presenting():  # the map alone, on one screen
            return
        st.caption(_("Measured on validation images after the last epoch, never on test images. All cells share "
                     "their seeds; the spread that remains is taken to be the same in every cell (Hsu 1981, "
                     "multiple comparisons with the best). The best of many is partly luck: confirm it with new "
                     "seeds."))  # fmt: skip
    if view.best is not None:
        _one_cell(view, view.best, recorded, _)
        _figures(view, _)


def _one_cell(view: MapView, best: Cell, recorded: bool, _: Translate) -> None:
    st.subheader(_("One cell in detail"), anchor=False)
    names = {name_of(cell): cell for cell in view.finished}
    if st.session_state.get("map_cell") not in names:
        st.session_state["map_cell"] = name_of(best)
    chosen = st.selectbox(_("Cell"), list(names), format_func=lambda n: figures.place(view.plan, names[n], _),
                          key="map_cell", label_visibility="collapsed")  # fmt: skip
    cell, stands = names[chosen], judged(view).get(chosen)
    said = f"{figures.measure(view, _)}: **{figures.average(view, cell)}**"
    if stands and stands.low is not None:
        said += " · " + figures.interval(stands, view, _)
    st.markdown(said)
    with st.container(horizontal=True):
        settings = figures.parameters(view.plan, cell, run=False)
        page_link(view.plan.technique, _("Use these settings"), settings, icon=":material/tune:", width="content")
        if cell.run and not recorded:
            page_link(view.plan.technique, _("Open its run"), figures.parameters(view.plan, cell),
                      icon=":material/open_in_new:", width="content")  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=32)
def _kept(name: str, state: str, language: str, _view: MapView, _translate: Translate) -> go.Figure:
    """A figure of Optuna's, which takes half a second: made once for what a map has come to, its JSON `state`."""
    figure: go.Figure = getattr(figures, name)(_view, _translate)
    return figure


def _figures(view: MapView, _: Translate) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("**" + _("All cells, by one setting at a time") + "**")
        chart(
            _kept("slices", view.model_dump_json(), _.language, view, _),
            "map_slices",
            _("All cells, by one setting at a time"),
        )
    if figures.spread(view):
        with right:
            st.markdown("**" + _("Which setting matters here") + "**")
            chart(
                _kept("importance", view.model_dump_json(), _.language, view, _),
                "map_importance",
                _("Which setting matters here"),
            )
            st.caption(_("fANOVA, as Optuna computes it from these cells: the share of their spread that goes with "
                         "each setting. It depends on the range that was tried."))  # fmt: skip
