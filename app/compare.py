"""The arms of a Result side by side, as an HTML table: errors, labels, size, compute, latency."""

from html import escape

from app.depth import of_one
from app.figures import COLOURS, Translator
from kd_core.events import Arm, Result
from kd_core.numbers import fixed

NONE = "–"
STYLE = """<style>
.beside {overflow-x: auto}
.arms {border-collapse: collapse; width: 100%; font-size: 1rem; font-variant-numeric: tabular-nums}
.arms th, .arms td {padding: .35rem .7rem; text-align: right; border-bottom: 1px solid rgba(128,128,128,.25)}
.arms th:first-child, .arms td:first-child {text-align: left; font-weight: 400}
.arms thead th {vertical-align: bottom; border-bottom-width: 2px}
.arms .dot {display: inline-block; width: .75em; height: .75em; border-radius: 50%; margin-right: .4em}
.arms .main {font-size: 1.35rem; font-weight: 650}
.arms small {opacity: .75; font-weight: 400; display: block}
@media (max-width: 640px) {.arms {font-size: .8rem} .arms th, .arms td {padding: .3rem .3rem}
 .arms .main {font-size: 1rem}}
</style>"""


def comparison(result: Result, _: Translator) -> str:
    """Teacher, student alone and distilled student, a column each; every figure from the Result."""
    adds, latency, _tested = of_one(result, _)
    rows = [
        (_MEASURES[result.measure](_), "main", [_main(arm) for arm in result.arms]),
        (_("what ± means"), "", [_spread(arm, _) for arm in result.arms]),
        (_("labels it saw"), "", [f"{arm.labels:,}" for arm in result.arms]),
        (_("labels behind its teacher or source"), "", [_count(arm.teacher_labels) for arm in result.arms]),
        (_("parameters"), "", [f"{arm.cost.parameters:,}" for arm in result.arms]),
        (adds, "", [f"{arm.cost.multiply_adds:,}" for arm in result.arms]),
        (_("bytes (float32)"), "", [f"{arm.cost.bytes:,}" for arm in result.arms]),
        (_("{latency}, one thread", latency=latency), "", [f"{arm.cost.latency_ms:.2f}" for arm in result.arms]),
    ]
    head = "".join(
        f'<th scope="col"><span class="dot" style="background:{COLOURS[arm.name]}"></span>{escape(_(arm.name))}'
        f"<small>{escape(_(arm.model))}</small></th>"
        for arm in result.arms
    )
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(f'<td class="{style}">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
        for label, style, cells in rows
        if set(cells) - {"", NONE}
    )
    table = f'<table class="arms"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'{STYLE}<div class="beside">{table}</div>'


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
