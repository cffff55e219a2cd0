"""Distillation for those who decide: one sentence from a Result, its three columns, what the teacher cost."""

from collections.abc import Sequence
from html import escape
from statistics import fmean

from app.distillation.grid import BEYOND, WORTH, worth_of
from app.distillation.sizes import sizes, times_of
from app.figures.arms import COLOURS, Translator
from app.figures.depth import LATENCY_NOISE
from app.i18n.text import markdown
from kd_core.data.chosen import is_own
from kd_core.distillation.settings import ALONE, DISTILLED, LEFT_OUT, DistillationSettings
from kd_core.results.numbers import fixed, signed
from kd_core.results.schema import Arm, Result
from kd_core.settings.common import TEACHER

COLUMNS = (TEACHER, ALONE, DISTILLED)
STYLE = """<style>
.three {overflow-x: auto}
.three table {border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; table-layout: fixed}
.three th, .three td {padding: .5rem .9rem; text-align: left; vertical-align: top;
 border-bottom: 1px solid rgba(128,128,128,.25); overflow-wrap: anywhere}
.three tbody th {font-weight: 400; width: 22%}
.three thead th {font-size: 1.25rem; line-height: 1.25}
.three thead th, .three thead td {border-bottom-width: 2px}
.three thead td {width: 22%}
.three i {display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em}
.three b {font-size: 1.6rem; line-height: 1.2; font-weight: 650}
.three .size b {font-size: 1.25rem}
.three small {display: block; font-size: .875rem; font-weight: 400; line-height: 1.35; opacity: .8}
.three .bar {position: relative; height: .8rem; margin: .3rem 0 .1rem; background: rgba(128,128,128,.14)}
.three .bar span {position: absolute; inset: 0 auto 0 0}
.three .bar hr {position: absolute; top: 50%; margin: 0; border: 0; height: 2px; background: currentColor;
 transform: translateY(-50%); overflow: visible; color: inherit; box-shadow: 0 0 0 1.5px rgba(255,255,255,.65)}
.three .bar hr::before, .three .bar hr::after {content: ""; position: absolute; top: -.3rem; width: 2px;
 height: calc(.6rem + 2px); background: currentColor}
.three .bar hr::after {right: 0}
@media (max-width: 640px) {.three th, .three td {padding: .35rem .35rem; font-size: .82rem}
 .three thead th {font-size: .9rem} .three b, .three .size b {font-size: 1.05rem} .three small {font-size: .75rem}}
.printed {display: none}
@page {size: A4; margin: 8mm 10mm}
@media print {
 [data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stToolbar"], [data-testid="stButton"],
 [data-testid="stExpander"]:not(:has(details[open])) {display: none !important}
 [data-testid="stMainBlockContainer"] {padding: 0 !important; gap: .5rem}
 .stApp, .stApp * {color: #1B2430 !important}
 html, body, .stApp, [data-testid="stMain"], [data-testid="stMarkdownContainer"] span {background: none !important}
 h1 {font-size: 1.4rem !important; padding: 0 0 .2rem !important}
 h2 {font-size: 1.2rem !important; padding: 0 0 .2rem !important}
 h4, h5 {font-size: .75rem !important; line-height: 1.25 !important; padding: 0 !important}
 p {font-size: .72rem !important; line-height: 1.25 !important}
 :is(.st-key-headline, .st-key-all_labels, .st-key-budget) {padding: .3rem .6rem !important; gap: .1rem !important}
 :is(.st-key-headline, .st-key-all_labels) :is(.stMarkdownBadge, .stMarkdownBadge *) {
  font-size: .7rem !important}
 .stColumn:has(.st-key-headline, .st-key-all_labels) {flex: 1 1 0 !important}
 :is(.st-key-headline, .st-key-all_labels) {
  height: auto !important; padding-bottom: .8rem !important}
 :is(.st-key-headline, .st-key-all_labels) :is(h4, h5) {margin: 0 !important}
 :is(.st-key-headline, .st-key-all_labels) [data-testid="stHorizontalBlock"] {gap: .3rem !important}
 .three th, .three td {padding: .1rem .5rem} .three b {font-size: 1rem} .three .size b {font-size: .9rem}
 .three small {font-size: .62rem; line-height: 1.2} .three .bar {margin: .1rem 0; height: .5rem}
 .three th, .three thead th, .three tbody th {font-size: .8rem; line-height: 1.2}
 [data-testid="stVerticalBlock"] {gap: .4rem !important}
 .three tr, .stAlert {break-inside: avoid} .three .bar, .three .bar *, .three i {print-color-adjust: exact}
 .printed {display: block; font-size: .75rem}
}
</style>"""


def plainly(result: Result, _: Translator) -> str:
    """What teaching bought, in one sentence without an interval: the share of errors, and the network's size."""
    d, alone = result.verdict.difference, result.arm(ALONE)
    large, small = result.arm(TEACHER).cost.parameters, alone.cost.parameters
    share = 100 * abs(100 * d.mean) / alone.errors_per_10000.mean if alone.errors_per_10000.mean else 0.0
    values = {"labels": f"{alone.labels:,}", "times": f"{large / small:.2g}", "share": fixed(share)}
    if d.low is None or d.high is None or (d.low == d.high and d.mean):
        return _("With {labels} labelled images, a network taught by one {times} times its size made {errors} "
                 "errors in 10,000, and {alone} when it learned alone: this run cannot tell whether that was "
                 "chance.", **values, errors=_mean(result, DISTILLED), alone=_mean(result, ALONE))  # fmt: skip
    if d.low > 0:
        return _("With {labels} labelled images, a network taught by one {times} times its size makes {share} % "
                 "fewer errors than when it learns alone.", **values)  # fmt: skip
    if d.high < 0:
        return _("With {labels} labelled images, a network taught by one {times} times its size makes {share} % "
                 "more errors than when it learns alone: here teaching did harm.", **values)  # fmt: skip
    return _("With {labels} labelled images, a network taught by one {times} times its size does no better than "
             "when it learns alone, as far as this run can tell.", **values)  # fmt: skip


def worth_in_labels(result: Result, _: Translator) -> str:
    """How many labels alone would come to the distilled student's errors, with its interval; "" where unknown."""
    found = worth_of(result)
    if found is None:
        return ""
    low, about, high = (f"{float(f'{found[side]:.2g}'):,.0f}" for side in ("low", "mean", "high"))
    labels = f"{result.arm(DISTILLED).labels:,}"
    if found["beyond"]:
        return _(BEYOND, labels=labels, low=low)
    return _(WORTH, labels=labels, worth=about, low=low, high=high)


def printed(address: str, today: str, _: Translator) -> str:
    """The foot of the printed page, not seen on the screen: where it comes from, and when it was printed."""
    said = _("Distillation Lab · {address} · printed on {date}", address=address, date=today)
    return f'<div class="printed">{escape(said)}</div>'


def sentence(result: Result, _: Translator) -> str:
    """What teaching changed in the errors of the small network, in 10,000 images, with its 95 % interval.

    The same numbers as the verdict's, which is in points: a point is 100 errors in 10,000.
    """
    d = result.verdict.difference
    seen = f"{result.arm(DISTILLED).labels:,}"
    values = {"labels": seen, "n": d.n}
    if d.low is None or d.high is None or d.half_width is None or d.low == d.high:
        if d.low is not None and d.mean == 0:
            return _("With {labels} labelled images, the small network makes exactly as many errors when the large "
                     "one teaches it as when it learns from the labels alone, in each of {n} trials.",
                     **values)  # fmt: skip
        return _("With {labels} labelled images, the small network makes {errors} errors in 10,000 when the large "
                 "one teaches it and {alone} when it learns from the labels alone; there is no interval, so nobody "
                 "can say whether this would come out again.", **values, errors=_mean(result, DISTILLED),
                 alone=_mean(result, ALONE))  # fmt: skip
    if d.low > 0:
        return _("With {labels} labelled images, the small network makes **{fewer} fewer errors in 10,000** when "
                 "the large one teaches it than when it learns from the labels alone (95 % interval {low} to "
                 "{high} fewer, {n} paired trials).", **values, fewer=_whole(d.mean), low=_whole(d.low),
                 high=_whole(d.high))  # fmt: skip
    if d.high < 0:
        return _("With {labels} labelled images, the small network makes **{more} more errors in 10,000** when the "
                 "large one teaches it than when it learns from the labels alone (95 % interval {low} to {high} "
                 "more, {n} paired trials): here distillation did harm.", **values, more=_whole(-d.mean),
                 low=_whole(-d.high), high=_whole(-d.low))  # fmt: skip
    return _("With {labels} labelled images, **no difference can be detected** between the small network that the "
             "large one teaches and the one that learns from the labels alone: teaching changes the errors by "
             "{change} in 10,000 (95 % interval {low} to {high}, {n} paired trials). A difference below "
             "{invisible} would be invisible here.",
             **values, change=_signed(-d.mean), low=_signed(-d.high), high=_signed(-d.low),
             invisible=_whole(d.half_width))  # fmt: skip


def _whole(points: float) -> str:
    """Points as errors in 10,000, with a decimal where whole numbers would say nothing."""
    errors = 100 * points
    return fixed(errors, 0 if abs(errors) >= 10 else 1)


def _signed(points: float) -> str:
    return signed(100 * points, 0 if abs(100 * points) >= 10 else 1)


def _mean(result: Result, arm: str) -> str:
    return fixed(result.arm(arm).errors_per_10000.mean)


def three_columns(results: Sequence[Result], _: Translator) -> str:
    """Large, small, small distilled as a table: the errors of each of `results`, then what the first's cost."""
    first = results[0]
    names = {TEACHER: _("Large"), ALONE: _("Small"), DISTILLED: _("Small, distilled")}
    alone, taught = _("learns from labels alone"), _("the large one teaches it")
    how = {TEACHER: _("the teacher"), ALONE: alone, DISTILLED: taught}
    head = "".join(
        f'<th scope="col"><i style="background:{COLOURS[arm]}"></i>{escape(names[arm])}'
        f"<small>{escape(how[arm])}: {escape(_(first.arm(arm).model))}</small></th>"
        for arm in COLUMNS
    )
    seen = [result.arm(name).errors_per_10000 for result in results for name in COLUMNS]
    most = max(errors.high or errors.mean for errors in seen) or 1.0  # one scale for all: bars can be compared
    rows = [_errors_row(result, most, _) for result in results]
    costs = {arm: first.arm(arm).cost for arm in COLUMNS}
    large = costs[TEACHER]
    fewer, faster = _("{times} times fewer"), _("{times} times faster")
    count = [(f"{c.parameters:,}", _less(large.parameters, c.parameters, fewer)) for c in costs.values()]
    weigh = [(_bytes(c.bytes), f"{c.bytes:,} B") for c in costs.values()]
    take, about = _times(first, faster, _)
    rows += [
        _row(_("parameters"), count),
        _row(_("size of the weights (float32)"), weigh),
        _row(_("time for one image"), take, about),
    ]
    table = f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'{STYLE}<div class="three" tabindex="0">{table}</div>'


def _times(result: Result, faster: str, _: Translator) -> tuple[list[tuple[str, str]], str]:
    """The time of each column, and where it was measured: in ONNX Runtime where the recording has these networks.

    Beside it PyTorch's, as the run measured it; that alone for networks that were not recorded.
    """
    own = [result.arm(arm).cost.latency_ms for arm in COLUMNS]
    recorded = times_of(result)
    if recorded is None:
        cells = [(f"{ms:.2f} ms", _less(own[0], ms, faster, LATENCY_NOISE)) for ms in own]
        return cells, _("PyTorch, one thread, as this run measured it")
    runtime = [recorded[arm]["ms"]["float32"] for arm in COLUMNS]
    less = [_less(runtime[0], ms, faster, LATENCY_NOISE) for ms in runtime]
    beside = [_("PyTorch: {ms} ms", ms=f"{ms:.2f}") for ms in own]
    cells = [
        (f"{float(f'{ms:.2g}'):g} ms", " · ".join(filter(None, (times, also))))
        for ms, times, also in zip(runtime, less, beside, strict=True)
    ]
    return cells, _("ONNX Runtime, one thread")


def _errors_row(result: Result, most: float, _: Translator) -> str:
    """Errors per 10,000 of the three, each with its bar (of `most`) and its interval over the bar."""
    cells = "".join(_errors_cell(result.arm(name), most, _) for name in COLUMNS)
    heading = _("errors in 10,000")
    labels = _("small networks: {labels} labels", labels=f"{result.arm(DISTILLED).labels:,}")
    return f'<tr><th scope="row">{escape(heading)}<small>{escape(labels)}</small></th>{cells}</tr>'


def _errors_cell(arm: Arm, most: float, _: Translator) -> str:
    errors = arm.errors_per_10000
    low, high = max(errors.low or 0.0, 0.0), errors.high
    whisker = ""
    if high is not None:
        whisker = f'<hr style="left:{100 * low / most:.1f}%;width:{max(100 * (high - low) / most, 1):.1f}%">'
    bar = f'<span style="width:{100 * errors.mean / most:.1f}%;background:{COLOURS[arm.name]}"></span>{whisker}'
    if arm.shared:
        about = _("one network, no interval")
    elif errors.n > 1:
        about = _("± is the 95 % interval of the mean, {n} trials", n=errors.n)
    else:
        about = _("one trial, no interval")
    return (f'<td><b>{escape(str(errors))}</b><div class="bar" aria-hidden="true">{bar}</div>'
            f"<small>{escape(about)}</small></td>")  # fmt: skip


def _row(label: str, cells: Sequence[tuple[str, str]], about: str = "") -> str:
    shown = "".join(f"<td><b>{escape(main)}</b><small>{escape(note)}</small></td>" for main, note in cells)
    heading = f"{escape(label)}<small>{escape(about)}</small>"
    return f'<tr class="size"><th scope="row">{heading}</th>{shown}</tr>'


def _less(large: float, own: float, words: str, least: float = 1.05) -> str:
    """How many times less an arm needs than the large network; nothing for what is not less, or hardly."""
    return words.format(times=fixed(large / own, 1)) if large / own > least else ""


def _bytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def same_network(result: Result, _: Translator, columns: bool = True) -> str:
    """What buys what: small and small distilled are one architecture. columns: they stand in a table."""
    small, taught = result.arm(ALONE).cost, result.arm(DISTILLED).cost
    assert (small.parameters, small.bytes) == (taught.parameters, taught.bytes)
    same = _("Neither: they are **the same network**, trained in two ways: same size, same speed.")
    if columns:
        same = _("The last two columns are **the same network**, trained in two ways: same size, same speed.")
    return same + " " + _("Distillation buys **accuracy**; the smaller architecture buys **size and speed**.")


def teacher_cost(result: Result, _: Translator) -> str:
    """What the teacher cost, once: labels, time, size, its own errors."""
    teacher = result.arm(TEACHER)
    seconds = fmean(trial.seconds for trial in teacher.trials)
    small = fmean(trial.seconds for trial in result.arm(DISTILLED).trials)
    return _("**What the teacher cost, once:** {labels} labelled images, {seconds} s of training (a small network: "
             "{small} s), {parameters} parameters, and {errors} errors in 10,000 of its own. It teaches, and is "
             "not shipped.", labels=f"{teacher.labels:,}", seconds=f"{seconds:.0f}", small=f"{small:.0f}",
             parameters=f"{teacher.cost.parameters:,}",
             errors=f"{teacher.errors_per_10000.mean:,.0f}")  # fmt: skip


def on_a_device(result: Result, _: Translator) -> str:
    """What the numbers say of a small device, and what they do not."""
    large, small = result.arm(TEACHER).cost, result.arm(DISTILLED).cost
    where = {"small": _bytes(small.bytes), "large": _bytes(large.bytes), "processor": result.provenance.processor}
    if times_of(result) is None:
        return _("**On a phone:** it would store {small} instead of {large}. The times were measured on one thread "
                 "of this processor: {processor}. No phone was measured, and times there differ; measure on yours.",
                 **where)  # fmt: skip
    machine = sizes()["times"]["machine"]
    return _("**On a phone:** it would store {small} instead of {large}. The times are those of ONNX Runtime, "
             "which one would ship, recorded on {date} on one thread of this processor: {recorder}; PyTorch's are "
             "of the run ({processor}). No phone was measured, and times there differ; measure on yours.",
             **where, date=machine["created"][:10], recorder=machine["processor"])  # fmt: skip


def your_data(result: Result, _: Translator) -> str:
    """What these numbers do not promise."""
    teacher, student = result.arm(TEACHER), result.arm(DISTILLED)
    fair = (
        _("Here the teacher saw {teacher} labels and each small network {student}: part of the gain is what those "
          "labels taught it.", teacher=f"{teacher.labels:,}", student=f"{student.labels:,}")
        if teacher.labels > student.labels
        else _("Here the teacher saw as many labels as each small network: {student}.",
               student=f"{student.labels:,}")
    )  # fmt: skip
    if is_own(result.data.name):
        return _("**This is your data:** {data}, {n} classes. Other images of the same kind may differ from its "
                 "test images. How much a small network gains depends on its labels, its size and its teacher, and "
                 "it can lose. {fair}", data=markdown(result.data.name), n=len(result.data.classes),
                 fair=fair)  # fmt: skip
    return _("**Your data may differ.** {data} is small, clean and easy. How much a small network gains depends on "
             "its labels, its size and its teacher, and it can lose. {fair}", data=result.data.name,
             fair=fair)  # fmt: skip


def epochs(result: Result, _: Translator) -> str:
    """How long the small networks of a run were trained, and which digits they were not shown."""
    said = _("{labels} labels, {epochs} epochs, {n} trials", labels=f"{result.arm(DISTILLED).labels:,}",
             epochs=int(result.settings["epochs"]), n=len(result.arm(DISTILLED).trials))  # fmt: skip
    left_out = str(result.settings.get("left_out", "none"))
    if left_out == "none":
        return said
    return f"{said} · {_(DistillationSettings.specs()['left_out'].label)}: {_(LEFT_OUT[left_out])}"
