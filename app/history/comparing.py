"""Between runs: what differs, and the verdict on their main arms, on validation images after the last epoch.

Trials are paired where equal seeds drew equal data; otherwise Welch's interval says so. Several runs are compared
with the first, each interval widened so that all hold at once (Bonferroni).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import stdev

from app.figures.arms import Translator
from app.history.table import LETTERS
from app.results.comparison import STYLE
from kd_core.messages import N_, Message, Scalar, message
from kd_core.results.comparability import ends, group, main_arms, of_losses, per_10000
from kd_core.results.numbers import number, signed
from kd_core.results.schema import Arm, Interval, Result
from kd_core.results.statistics import CONFIDENCE, t_interval, welch
from kd_core.techniques import TECHNIQUES, title

BETTER = N_("{b} is better than {a}: {points} points fewer validation errors ({c} % interval {low} to {high}).")
WORSE = N_("{b} is worse than {a}: {points} points more validation errors ({c} % interval {low} to {high}).")
UNSEEN = N_(
    "No detectable difference between {b} and {a}: {points} points of validation accuracy ({c} % interval {low} to "
    "{high}); a difference below {invisible} points would be invisible here."
)
LOWER = N_("{b} is better than {a}: its validation loss is {times} times lower ({c} % interval {low} to {high}).")
HIGHER = N_("{b} is worse than {a}: its validation loss is {times} times higher ({c} % interval {low} to {high}).")
UNSEEN_LOSS = N_(
    "No detectable difference between {b} and {a}: the validation loss of {b} is {times} times that of {a} ({c} % "
    "interval {low} to {high})."
)
EQUAL = N_("No difference at all between {b} and {a} on validation data.")
NO_INTERVAL = N_(
    "Too few or too coarse trials for an interval between {b} and {a}: {points} points of validation accuracy "
    "apart. Add seeds."
)
NO_INTERVAL_LOSS = N_(
    "Too few or too coarse trials for an interval between {b} and {a}: the validation loss of {b} is {times} times "
    "that of {a}. Add seeds."
)
OTHER_KIND = N_(
    "No verdict between {b} and {a}: they differ in technique, data or task, so their errors do not measure the "
    "same thing."
)
OTHER_VERSION = N_(
    "No verdict between {b} and {a}: they were made by versions of the lab whose results mean different things."
)
NOTHING = N_("No verdict between {b} and {a}: one of them has no validation curve.")
PAIRED = N_("Paired: {n} trials with equal seeds, which drew equal data.")
APART = N_("Not paired, since their seeds drew different data ({field}): Welch's interval over {n} and {m} trials.")
OTHER_SEEDS = N_(
    "Not paired, since they have fewer than two seeds in common: Welch's interval over {n} and {m} trials."
)


@dataclass(frozen=True)
class Answer:
    """What can be said between two runs. kind: as of a Verdict, or "none"; how: the trials that it rests on.

    difference: of the second over the first, in points of accuracy, or in powers of ten of the loss; None for none.
    """

    kind: str
    text: Message
    how: Message | None = None
    difference: Interval | None = None
    paired: bool = False


def answers(results: Sequence[Result]) -> list[Answer]:
    """Each of the further runs against the first; all their intervals together hold with 95 %."""
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(results) - 1)
    return [
        answer(results[0], other, LETTERS[0], LETTERS[place], confidence)
        for place, other in enumerate(results[1:], start=1)
    ]


def answer(first: Result, second: Result, a: str, b: str, confidence: float = CONFIDENCE) -> Answer:
    """The verdict between two runs' main arms on validation data; it refuses what does not measure the same."""
    if _group(first) != _group(second) or of_losses(first) != of_losses(second):
        return Answer("none", message(OTHER_KIND, a=a, b=b))
    if first.version != second.version:
        return Answer("none", message(OTHER_VERSION, a=a, b=b))
    left, right = (ends(r, main_arms(r.technique, r.settings)) for r in (first, second))
    if not left or not right:
        return Answer("none", message(NOTHING, a=a, b=b))
    if of_losses(first):
        if min(*left.values(), *right.values()) <= 0:
            return Answer("none", message(NOTHING, a=a, b=b))
        left, right = ({seed: math.log10(loss) for seed, loss in side.items()} for side in (left, right))
    common = sorted(left.keys() & right.keys())
    fields = TECHNIQUES[first.technique].sample_fields
    drawn = [field for field in fields if first.settings.get(field) != second.settings.get(field)]
    paired = not drawn and len(common) > 1
    if paired:
        difference = t_interval([left[seed] - right[seed] for seed in common], confidence)
        how = message(PAIRED, n=len(common))
    else:
        difference = welch(list(left.values()), list(right.values()), confidence)
        how = message(OTHER_SEEDS, n=len(left), m=len(right))
        if drawn:
            field = message(TECHNIQUES[first.technique].settings.specs()[drawn[0]].label)
            how = message(APART, field=field, n=len(left), m=len(right))
    kind, text = _wording(difference, a, b, of_losses(first))
    return Answer(kind, text, how, difference, paired)


def _group(result: Result) -> tuple[Scalar, ...]:
    return group(result.technique, result.settings, result.data.name)


def _wording(d: Interval, a: str, b: str, losses: bool) -> tuple[str, Message]:
    """The sentence that the interval allows: in points of accuracy, or in times of a loss (powers of ten)."""
    shown = _times if losses else _points
    size = "times" if losses else "points"
    if d.low is None or d.high is None or (d.low == d.high and d.mean):
        text = NO_INTERVAL_LOSS if losses else NO_INTERVAL
        return "single", message(text, a=a, b=b, **{size: shown(-d.mean) if losses else shown(d.mean)})
    if d.low == d.high:
        return "undetectable", message(EQUAL, a=a, b=b)
    c = f"{100 * d.confidence:.4g}"
    if d.low > 0:
        values = {size: shown(d.mean).lstrip("+"), "low": shown(d.low), "high": shown(d.high)}
        return "better", message(LOWER if losses else BETTER, a=a, b=b, c=c, **values)
    if losses or d.high < 0:
        values = {"low": shown(-d.high), "high": shown(-d.low), size: shown(-d.mean).lstrip("+")}
        if d.high < 0:
            return "worse", message(HIGHER if losses else WORSE, a=a, b=b, c=c, **values)
        return "undetectable", message(UNSEEN_LOSS, a=a, b=b, c=c, **values)
    values = {"points": shown(d.mean), "low": shown(d.low), "high": shown(d.high)}
    invisible = shown(d.half_width or 0).lstrip("+")
    return "undetectable", message(UNSEEN, a=a, b=b, c=c, invisible=invisible, **values)


def _points(value: float) -> str:
    return signed(value, 2) if abs(value) >= 0.005 or value == 0 else signed(float(f"{value:.1g}"), 6).rstrip("0")


def _times(exponent: float) -> str:
    return f"{10**exponent:.3g}"


# Side by side


def differing_settings(results: Sequence[Result]) -> dict[str, list[str]]:
    """Label of each setting in which runs of one technique differ -> its value in each, to be translated."""
    if len({r.technique for r in results}) > 1:
        return {}
    specs = TECHNIQUES[results[0].technique].settings.specs()
    rows = {spec.label: [spec.written(r.settings.get(name, spec.default)) for r in results]
            for name, spec in specs.items()}  # fmt: skip
    return {label: values for label, values in rows.items() if len(set(values)) > 1}


def side_by_side(
    results: Sequence[Result], colours: Mapping[str, str], _: Translator, names: Sequence[str] = ()
) -> str:
    """The runs as columns of an HTML table: what differs, then every arm's validation, then what it took.

    names: what the runs are called, "" for one without a name.
    """
    rows: list[tuple[str, str, list[str]]] = []
    facts = {
        _("technique"): [_(title(r.technique)) for r in results],
        _("data"): [_(r.data.name) for r in results],
        _("processor"): [r.provenance.processor for r in results],
        "PyTorch": [r.provenance.torch for r in results],
    }
    for label, cells in facts.items():
        if len(set(cells)) > 1:
            rows.append((label, "", cells))
    for label, values in differing_settings(results).items():
        rows.append((_(label), "", [_(value) for value in values]))
    measure = _("validation loss") if all(map(of_losses, results)) else _("validation errors per 10,000")
    main = {name for r in results for name in main_arms(r.technique, r.settings)}
    for name in dict.fromkeys(arm.name for r in results for arm in r.arms):
        cells = [_spread(r, next((a for a in r.arms if a.name == name), None)) for r in results]
        rows.append((f"{_(name)}: {measure}", "main" if name in main else "", cells))
    rows.append((_("trials"), "", [str(len(ends(r, main_arms(r.technique, r.settings)))) for r in results]))
    rows.append((_("seconds of work"), "", [f"{r.provenance.seconds:.1f}" for r in results]))
    head = "".join(
        f'<th scope="col"><span class="dot" style="background:{colours[letter]}"></span>{letter}'
        f"<small>{escape(' · '.join(filter(None, (name, r.provenance.created[:16].replace('T', ' ')))))}</small>"
        "</th>"
        for letter, r, name in zip(LETTERS, results, names or [""] * len(results), strict=False)
    )
    body = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(f'<td class="{style}">{escape(cell)}</td>' for cell in cells) + "</tr>"
        for label, style, cells in rows
    )  # fmt: skip
    return (f'{STYLE}<div class="beside" tabindex="0"><table class="arms"><thead><tr><td></td>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")  # fmt: skip


def _spread(result: Result, arm: Arm | None) -> str:
    """Mean over trials with one standard deviation; of one trial, or one network for all, the mean alone."""
    values = per_10000(result, arm) if arm is not None else []
    if not values:
        return "–"
    mean = number(sum(values) / len(values))
    return mean if len(values) == 1 else f"{mean} ± {number(stdev(values))}"
