"""A map as a page shows it: a table of coloured cells, what to make of it in a sentence, Optuna's figures of it.

Pure functions. The table is HTML and no chart: each cell is a link to its run, for mouse, keyboard and screen
reader alike, and nothing flickers while cells fill in.
"""

import math
import warnings
from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

import plotly.graph_objects as go
from plotly.colors import sample_colorscale, unlabel_rgb

from app.figures.arms import Translator
from app.figures.log_axis import set_ticks
from kd_core.messages import N_, Scalar
from kd_core.results.comparability import main_arms
from kd_core.results.multiple_comparisons import FEWEST_SEEDS, Standing, shared_seeds
from kd_core.results.numbers import fixed, number, signed
from kd_core.settings.fields import Spec, written
from kd_core.sweeps.plan import Plan
from kd_core.sweeps.study import Cell, MapView
from kd_core.sweeps.table import experiments, judged, name_of
from kd_core.techniques import TECHNIQUES

LISTED = 12  # cells of a search
BEST, MAY_BE, SCALE = "★", "≈", "Cividis_r"  # bright is few errors, and so it reads in grey and by the colour-blind
SIGNS = {"waiting": "·", "running": "◐", "pruned": "✂", "failed": "✕"}
STATES = {
    "waiting": N_("waiting"), "running": N_("running"), "pruned": N_("given up as hopeless"),
    "failed": N_("failed"),
    "finished": N_("finished"),
}  # fmt: skip
STYLE = """<style>
.map {border-collapse: separate; border-spacing: 3px; width: 100%; table-layout: fixed; font-variant-numeric:
  tabular-nums}
.map caption {text-align: left; padding-bottom: .4rem; opacity: .85; caption-side: top}
.map caption span {display: block; max-width: calc(100vw - 2rem)} /* the table may be wider than a phone */
.map th {font-weight: 500; padding: .25rem .3rem; font-size: .92rem}
.map thead th {text-align: center} .map tbody th {text-align: right}
.map td {text-align: center; padding: 0; border-radius: 4px; height: 2.7rem; background: rgba(128,128,128,.14)}
.map td a {display: block; padding: .55rem .2rem; color: inherit !important; text-decoration: none;
  border-radius: 4px}
.map td a:hover, .map td a:focus-visible {outline: 3px solid #56B4E9; outline-offset: 1px}
.map td.may a {box-shadow: inset 0 0 0 3px #D55E00}
.map small {opacity: .9; margin-left: .15em}
.maplegend {display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; margin: .35rem 0 0; padding: 0; font-size: .92rem;
  list-style: none; opacity: .95}
.mapbox {overflow-x: auto}
@media (max-width: 700px) {.map {font-size: .85rem; min-width: 30rem}}
</style>"""


def measure(view: MapView, _: Translator) -> str:
    """What the cells show."""
    return _("validation loss") if view.losses else _("validation errors per 10,000")


def short(spec: Spec, value: Scalar, _: Translator) -> str:
    """A value as an axis shows it, short."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return fixed(value) if type(value) is int else _(spec.written(value))


def place(plan: Plan, cell: Cell, _: Translator) -> str:
    """A cell's place in words: "Temperature T 4, Teacher weight α 0.9"."""
    specs = TECHNIQUES[plan.technique].settings.specs()
    return ", ".join(f"{_(specs[n].label)} {short(specs[n], value, _)}" for n, value in cell.at.items())


def parameters(plan: Plan, cell: Cell, *, run: bool = True, language: str = "") -> dict[str, str]:
    """The address's parameters that open a cell's run on its technique's page, or set its settings alone there.

    All settings of the technique that have no default meaning "auto" are named: the page may have been left
    otherwise.
    """
    values = plan.settings_at(cell.at).model_dump()
    specs = TECHNIQUES[plan.technique].settings.specs()
    own = {name: written(value) for name, value in values.items() if specs[name].default != "auto"}
    named = {"run": cell.run} if run and cell.run else {}
    return {**named, **own, **({"lang": language} if language else {})}


def heat(view: MapView, _: Translator, language: str = "", linked: bool = True) -> str:
    """The map as HTML: of a grid its cells where they lie, of a search or a single axis the cells, best first."""
    marks = judged(view)
    ends = [_scaled(view, cell) for cell in view.finished]
    best, apart = view.best and view.experiment(view.best), stands_apart(view)
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)

    def drawn(cell: Cell) -> str:
        if cell not in view.finished:
            return _unfinished(view, cell, _)
        share = (_scaled(view, cell) - low) / (high - low) if high > low else 0.0
        stands = marks.get(name_of(cell))
        may = apart and stands is not None and stands.may_be_best
        sign = BEST if view.experiment(cell) == best else MAY_BE if may else ""
        return _finished(view, cell, stands, sign, share, _, language, linked)

    is_grid = not view.plan.trials and len(view.plan.axes) == 2
    rows = _grid(view, drawn, _) if is_grid else _list(view, drawn, _)
    arms = main_arms(view.plan.technique, view.plan.settings_at(view.cells[0].at).model_dump(), view.plan.varied)
    what = f"{escape(measure(view, _))} ({escape(', '.join(map(_, arms)))})"
    caption = _("{what}, mean over the seeds of each cell; brighter is better.", what=what)
    head = f"<caption><span>{caption}</span></caption>"
    return f'{STYLE}<div class="mapbox" tabindex="0"><table class="map">{head}{rows}</table></div>'


def _scaled(view: MapView, cell: Cell) -> float:
    centre = view.centre(cell)
    return math.log10(centre) if view.losses and centre > 0 else centre


def _grid(view: MapView, drawn: Any, _: Translator) -> str:
    specs = TECHNIQUES[view.plan.technique].settings.specs()
    down, across = view.plan.axes
    d_spec, a_spec = specs[down.field], specs[across.field]
    at = {tuple(cell.at.values()): cell for cell in view.cells}
    heads = "".join(f'<th scope="col">{escape(short(a_spec, a, _))}</th>' for a in across.values)
    corner = f"{escape(_(d_spec.label))} ↓ · {escape(_(a_spec.label))} →"
    body = "".join(
        f'<tr><th scope="row">{escape(short(d_spec, d, _))}</th>'
        + "".join(drawn(at[d, a]) for a in across.values) + "</tr>"
        for d in down.values
    )  # fmt: skip
    return f'<thead><tr><th scope="col">{corner}</th>{heads}</tr></thead><tbody>{body}</tbody>'


def _list(view: MapView, drawn: Any, _: Translator) -> str:
    specs = TECHNIQUES[view.plan.technique].settings.specs()
    order = {"finished": 0, "running": 1, "waiting": 1, "pruned": 2, "failed": 3}
    cells = sorted(view.cells, key=lambda cell: (order[cell.state], view.centre(cell) if cell.measures else 0.0))
    cells = cells[:LISTED] if view.plan.trials else list(view.cells)
    names = [axis.field for axis in view.plan.axes]
    heads = "".join(f'<th scope="col">{escape(_(specs[n].label))}</th>' for n in names)
    body = "".join(
        "<tr>" + "".join(f'<th scope="row">{escape(short(specs[n], cell.at[n], _))}</th>' for n in names)
        + drawn(cell) + "</tr>"
        for cell in cells
    )  # fmt: skip
    return f'<thead><tr>{heads}<th scope="col">{escape(measure(view, _))}</th></tr></thead><tbody>{body}</tbody>'


def _unfinished(view: MapView, cell: Cell, _: Translator) -> str:
    why = f": {_(cell.problem)}" if cell.problem else ""
    state = _(STATES[cell.state])
    title = escape(f"{place(view.plan, cell, _)}: {state}{why}")
    return f'<td title="{title}" aria-label="{escape(state)}">{SIGNS.get(cell.state, "")}</td>'


def _finished(
    view: MapView, cell: Cell, stands: Standing | None, sign: str, share: float,
    _: Translator, language: str, linked: bool,
) -> str:  # fmt: skip
    colour = sample_colorscale(SCALE, [share])[0]
    ink = "#000" if _luminance(colour) > 0.179 else "#fff"  # where both contrast alike
    centre = number(view.centre(cell))
    words = f"{place(view.plan, cell, _)}: {centre}"
    if stands and stands.low is not None:
        words += " · " + interval(stands, view, _)
    inside = f"{centre}<small>{sign}</small>"
    if linked and cell.run:
        to = f"{view.plan.technique}?{urlencode(parameters(view.plan, cell, language=language))}"
        inside = f'<a href="{escape(to)}" target="_self" title="{escape(words)}">{inside}</a>'
    else:
        inside = f'<a title="{escape(words)}">{inside}</a>'
    outlined = ' class="may"' if sign else ""
    return f'<td{outlined} style="background:{colour};color:{ink}">{inside}</td>'


def _luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, of "rgb(r, g, b)", as WCAG 2 defines it."""
    shares = [value / 255 for value in unlabel_rgb(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def stands_apart(view: MapView) -> bool:
    """Whether any cell is detectably worse than the best: else there is no ridge to mark."""
    return any(not stands.may_be_best for stands in judged(view).values())


def interval(stands: Standing, view: MapView, _: Translator) -> str:
    """A cell against the best of the others in words: how far it is from it, and what cannot be ruled out."""
    assert stands.low is not None
    assert stands.high is not None
    if view.losses:
        low, high = f"{10**-stands.low:.2f}", f"{10**stands.high:.2f}"
        above = f"{10 ** abs(stands.above):.2f}"
        if stands.is_best:
            return _("the best, detectably: the next has {times} times its loss (95 %: at most {low} times)",
                     times=above, low=low)  # fmt: skip
        if not stands.may_be_best:
            return _("detectably worse: {times} times the least loss (95 %: at most {high} times)", times=above,
                     high=high)  # fmt: skip
        return _("may be the best: {times} times the least loss of the others (95 %: {low} to {high} times)",
                 times=f"{10**stands.above:.2f}", low=f"{10**stands.low:.2f}", high=high)  # fmt: skip
    above, low, high = fixed(abs(stands.above)), fixed(-stands.low), fixed(stands.high)
    if stands.is_best:
        return _("the best, detectably: {above} errors fewer than the next (95 %: at most {low} fewer)",
                 above=above, low=low)  # fmt: skip
    if not stands.may_be_best:
        return _("detectably worse: {above} errors more than the best (95 %: at most {high} more)", above=above,
                 high=high)  # fmt: skip
    return _("may be the best: {above} errors against the best of the others (95 %: from {low} fewer to {high} "
             "more)",
             above=signed(stands.above), low=low, high=high)  # fmt: skip


def summary(view: MapView, _: Translator) -> str:
    """What the map allows to say, and no more."""
    best = view.best
    if best is None:
        return ""
    marks, apart = judged(view), experiments(view)
    values = dict(where=place(view.plan, best, _), value=number(view.centre(best)))
    over = view.state == "finished"
    said = [_("Best cell: {where} ({value}).", **values) if over else
            _("Best cell so far: {where} ({value}).", **values)]  # fmt: skip
    n = len(apart)
    if any(stands.low is None for stands in marks.values()):
        said.append(_why_no_interval(apart, _))
    else:
        standing = {name: marks[name_of(cell)] for name, cell in apart.items()}
        may = sum(stands.may_be_best for stands in standing.values())
        half = max((s.high or 0) - s.above for s in standing.values() if s.high)
        if may == 1:
            said.append(_("It is detectably better than each of the {n} others.", n=n - 1))
        elif may == n and view.losses:
            said.append(_("No other can be told apart from it: losses that differ by a factor of less than {times} "
                          "cannot be detected here. Add seeds.", times=f"{10**half:.2f}"))  # fmt: skip
        elif may == n:
            said.append(_("No other can be told apart from it: differences below {points} errors per 10,000 cannot "
                          "be detected here. Add seeds.", points=fixed(half)))  # fmt: skip
        else:
            said.append(_("{may} of {n}, outlined, may be the best; the others are detectably worse. This is a "
                          "plateau and not a peak: read no order into it.", may=may, n=n))  # fmt: skip
    same = len(view.finished) - n
    if same > 0:
        said.append(_("{all} cells are {n} experiments: a setting that has no effect beside the others, such as T "
                      "at α = 0, makes no new one.", all=len(view.finished), n=n))  # fmt: skip
    return " ".join(said)


def _why_no_interval(apart: Mapping[str, Cell], _: Translator) -> str:
    """Why nothing can be said of cells that differ."""
    if len(apart) < 2:
        return _("There is nothing to compare it with yet.")
    seeds = len(shared_seeds({name: cell.measures for name, cell in apart.items()}))
    if seeds < FEWEST_SEEDS:
        return _("Seeds per cell: {seeds}. At least {fewest} are needed to call a difference detectable.",
                 seeds=seeds, fewest=FEWEST_SEEDS)  # fmt: skip
    return _("The cells differ by the same amount at every seed: too coarse for an interval.")


def legend(view: MapView, _: Translator) -> str:
    """What the signs mean; only those that are there."""
    there = {cell.state for cell in view.cells}
    words = {BEST: _("best")} if view.best else {}
    if stands_apart(view):
        words[MAY_BE] = _("outlined: cannot be told from the best (95 %, all cells at once)")
    words |= {sign: _(STATES[state]) for state, sign in SIGNS.items() if state in there}
    lines = [f"{sign} {word}" for sign, word in words.items()]
    return '<ul class="maplegend">' + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


# Optuna's own figures


def study_of(view: MapView) -> Any:
    """The map's finished cells as an Optuna study in memory, which its figures are made from."""
    import optuna
    from optuna.trial import create_trial

    from kd_core.sweeps.study import distributions

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    kinds = distributions(view.plan)
    for cell in view.cells:
        if cell.state == "finished" and cell.mean is not None:
            study.add_trial(create_trial(value=cell.mean, params=dict(cell.at), distributions=kinds))
    return study


def slices(view: MapView, _: Translator) -> go.Figure:
    """Optuna's slice plot: every cell's measure over each setting alone."""
    from optuna.visualization import plot_slice

    fields = [axis.field for axis in view.plan.axes]
    return _ours(plot_slice(study_of(view), params=fields, target_name=measure(view, _)), view, _)


def importance(view: MapView, _: Translator) -> go.Figure:
    """Optuna's importance of each setting: how much of the spread between cells goes with it (fANOVA)."""
    from optuna.importance import FanovaImportanceEvaluator
    from optuna.visualization import plot_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = plot_param_importances(study_of(view), evaluator=FanovaImportanceEvaluator(seed=0))
    figure.update_traces(cliponaxis=False)  # the longest bar's number stands in the margin
    figure.update_layout(margin_r=48)
    return _ours(figure, view, _)


def _ours(figure: go.Figure, view: MapView, _: Translator) -> go.Figure:
    """The same figure with our names for settings, in the reader's language, and without a title of its own."""
    specs = TECHNIQUES[view.plan.technique].settings.specs()
    names: Mapping[str, str] = {axis.field: _(specs[axis.field].label) for axis in view.plan.axes}
    words = {**names, "Hyperparameter": "", "Hyperparameter Importance": _("Share of the spread between cells"),
             "Trial": _("Cell")}  # fmt: skip
    figure.update_layout(title=None, template=None, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
                         margin=dict(t=20), height=320, showlegend=False)  # fmt: skip
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis.title.text = words.get(axis.title.text or "", axis.title.text)
    for trace in figure.data:
        if trace.type == "bar":
            trace.y = [names.get(str(name), str(name)) for name in trace.y]
            trace.marker.color = "#0072B2"
            trace.hovertemplate = "%{y}: %{x:.2f}<extra></extra>"
        else:
            trace.marker.color, trace.marker.colorbar = "#0072B2", None
            trace.marker.showscale, trace.marker.size = False, 9
    figure.update_yaxes(automargin=True)
    return set_ticks(figure)


def spread(view: MapView) -> bool:
    """Whether there are enough different cells for an importance."""
    means = [view.centre(cell) for cell in view.finished]
    return len(means) >= 4 and max(means) > min(means) and len(view.plan.axes) > 1


def average(view: MapView, cell: Cell) -> str:
    """What it comes to, and its seeds' values."""
    values = ", ".join(map(number, cell.measures.values()))
    return f"{number(view.centre(cell))} ({values})"
