"""The arms of a Result beside each other, as an HTML table: errors, labels, size, compute, latency."""

from collections.abc import Hashable, Sequence
from html import escape

from app.figures.arms import COLOURS, Translator
from app.figures.depth import of_one
from kd_core.results.numbers import fixed
from kd_core.results.schema import Arm, Result

NONE = "–"
MOST_COLUMNS = 5
STYLE = """<style>
.beside {overflow-x: auto}
.arms {border-collapse: collapse; width: 100%; font-size: 1rem; font-variant-numeric: tabular-nums}
.arms th, .arms td {padding: .35rem .7rem; text-align: right; border-bottom: 1px solid rgba(128,128,128,.25)}
.arms th:first-child, .arms td:first-child {text-align: left; font-weight: 400}
.arms thead th {vertical-align: bottom; border-bottom-width: 2px}
.arms .dot {display: inline-block; width: .75em; height: .75em; border-radius: 50%; margin-right: .4em}
.arms .main {font-size: 1.35rem; font-weight: 650}
.arms .main {white-space: nowrap}
.arms.turned {font-size: .9rem}
.arms.turned th, .arms.turned td {padding: .35rem .5rem}
.arms.turned th:first-child {min-width: 9.5rem}
.arms small {opacity: .75; font-weight: 400; display: block}
@media (max-width: 640px) {.arms {font-size: .8rem} .arms th, .arms td {padding: .3rem .3rem}
 .arms .main {font-size: 1rem}}
</style>"""


def comparison(result: Result, _: Translator) -> str:
    """The arms of a Result beside each other: what they came to, the labels they saw, their cost.

    A column each; where there are more than MOST_COLUMNS, a row each. Arms that were set alike, and so are one and
    the same, stand once under both names.
    """
    adds, latency, _tested = of_one(result, _)
    alike = _alike(result.arms)
    arms = [same[0] for same in alike]
    measures = [
        (_MEASURES[result.measure](_), "main", [_main(arm) for arm in arms]),
        (_("what ± means"), "", [_spread(arm, _) for arm in arms]),
        (_("labels it saw"), "", [f"{arm.labels:,}" for arm in arms]),
        (_("labels behind its teacher or source"), "", [_count(arm.teacher_labels) for arm in arms]),
        (_("parameters"), "", [f"{arm.cost.parameters:,}" for arm in arms]),
        (adds, "", [f"{arm.cost.multiply_adds:,}" for arm in arms]),
        (_("bytes (float32)"), "", [f"{arm.cost.bytes:,}" for arm in arms]),
        (_("{latency}, one thread", latency=latency), "", [f"{arm.cost.latency_ms:.2f}" for arm in arms]),
    ]
    measures = [measure for measure in measures if set(measure[2]) - {"", NONE}]
    names = [
        f'<span class="dot" style="background:{COLOURS[same[0].name]}"></span>'
        + escape(_names([_(arm.name) for arm in same]))
        + f"<small>{escape(_(same[0].model))}</small>"
        for same in alike
    ]
    if len(arms) > MOST_COLUMNS:
        heads = [escape(label) for label, _style, _cells in measures]
        columns = zip(*([(style, cell) for cell in cells] for _label, style, cells in measures), strict=True)
        rows = list(zip(names, map(list, columns), strict=True))
    else:
        heads = names
        rows = [(escape(label), [(style, cell) for cell in cells]) for label, style, cells in measures]
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{text}</th>'
        + "".join(f'<td class="{style}">{escape(cell)}</td>' for style, cell in cells)
        + "</tr>"
        for text, cells in rows
    )
    turned = " turned" if len(arms) > MOST_COLUMNS else ""
    table = f'<table class="arms{turned}"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'{STYLE}<div class="beside" tabindex="0">{table}</div>'


def _names(same: Sequence[str]) -> str:
    """The names of one arm: "left digit · joint, equal weights = joint, as set"."""
    first, *others = same
    task, dot, _name = first.rpartition(" · ")
    return " = ".join([first, *(other.removeprefix(task + dot) for other in others)])


def _alike(arms: Sequence[Arm]) -> list[list[Arm]]:
    """The arms, those together that saw the same labels and whose trials are the same in every number."""
    found: dict[Hashable, list[Arm]] = {}
    for arm in arms:
        outcomes = tuple(
            (t.seed, t.curve, t.confusion, t.mistakes, frozenset(() if t.confusion else t.measures.items()))
            for t in arm.trials
        )
        found.setdefault((arm.model, arm.labels, arm.teacher_labels, outcomes), []).append(arm)
    return list(found.values())


_MEASURES = {
    "errors": lambda _: _("errors per 10,000"),
    "query loss": lambda _: _("mean squared error after adapting"),
}


def _main(arm: Arm) -> str:
    if arm.score is None:
        return str(arm.errors_per_10000)
    half = arm.score.half_width
    return fixed(arm.score.mean, 2) + ("" if half is None else f" ± {fixed(half, 2)}")


def _spread(arm: Arm, _: Translator) -> str:
    if arm.shared:
        return _("one network")
    n = (arm.score or arm.errors_per_10000).n
    return _("95 % interval, {n} trials", n=n) if n > 1 else _("one trial")


def _count(labels: int | None) -> str:
    return NONE if labels is None else f"{labels:,}"
