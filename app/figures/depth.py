"""Result -> figures and numbers in depth: calibration, agreement, confusion, what was fixed and broken, cost."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from math import floor, fsum
from statistics import fmean

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.figures.arms import (
    ABOVE,
    CACHED,
    COLOURS,
    DASHES,
    LONG_NAME,
    MARKERS,
    PATTERNS,
    Translator,
    dots,
    finish,
    in_two_lines,
    named_ticks,
    rows_of,
    shown_at_first,
)
from kd_core.results.numbers import fixed
from kd_core.results.schema import DIGITS, Arm, ArmTrial, Bin, Dataset, Result
from kd_core.results.statistics import agreement, calibration_error
from kd_core.settings.common import TEACHER

FEW = 10  # answers in a bin below which its point is drawn faint
MANY = 16  # classes beyond which a confusion matrix is drawn smaller
READ_AT = 0.9  # the confidence at which a sentence reads the diagram: chosen beforehand, not by its outcome
ABOUT_RIGHT = 0.02  # between confidence and accuracy
LATENCY_NOISE = 1.15  # between medians of networks of one size on a machine that has other work, too
SINUSOIDS = "sinusoids"  # the one data set without images


def pairs(arm: Arm, other: Arm) -> list[tuple[ArmTrial, ArmTrial]]:
    """The trials of two arms seed by seed; one that is shared by all trials meets each of them."""
    if other.shared:
        return [(trial, other.trials[0]) for trial in arm.trials]
    if arm.shared:
        return [(arm.trials[0], trial) for trial in other.trials]
    theirs = {trial.seed: trial for trial in other.trials}
    return [(trial, theirs[trial.seed]) for trial in arm.trials if trial.seed in theirs]


# Calibration


def pooled_bins(arm: Arm) -> list[Bin]:
    """The reliability bins of all trials of an arm, added up."""
    return [
        Bin(count=sum(b.count for b in same), confidence=sum(b.confidence for b in same),
            correct=sum(b.correct for b in same))
        for same in zip(*(trial.bins for trial in arm.trials), strict=True)
    ]  # fmt: skip


@lru_cache(CACHED)
def reliability(result: Result, _: Translator) -> go.Figure:
    """How often answers are right over how sure they are, all trials together; on the diagonal they match.

    The larger a point, the more answers; bins of fewer than FEW are faint and not joined.
    """
    figure = go.Figure()
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line=dict(color="#8a94a3", width=1, dash="dot"),
                       hoverinfo="skip", showlegend=False)  # fmt: skip
    for number, arm in enumerate(_main_first(result)):
        bins = [b for b in pooled_bins(arm) if b.count]
        sure, right, count = (np.array(values) for values in zip(
            *((100 * b.confidence / b.count, 100 * b.correct / b.count, b.count) for b in bins), strict=True
        ))  # fmt: skip
        enough = count >= FEW
        look = dict(color=COLOURS[arm.name], symbol=MARKERS[arm.name])
        visible = shown_at_first(number, len(result.arms))
        hover = "%{x:.0f} % → %{y:.0f} % (%{customdata:,})<extra>" + _(arm.name) + "</extra>"
        figure.add_scatter(
            x=sure[enough], y=right[enough], customdata=count[enough], mode="lines+markers", name=_(arm.name),
            line=dict(color=COLOURS[arm.name], dash=DASHES[arm.name], width=2), hovertemplate=hover,
            marker=dict(size=4 + 4 * np.log10(count[enough]), opacity=1, **look), legendgroup=arm.name,
            visible=visible,
        )  # fmt: skip
        figure.add_scatter(
            x=sure[~enough], y=right[~enough], customdata=count[~enough], mode="markers", hovertemplate=hover,
            marker=dict(size=6, opacity=0.3, **look), legendgroup=arm.name, showlegend=False, visible=visible,
        )  # fmt: skip
    figure.update_xaxes(title=_("how sure: largest probability at T = 1 (%)"), range=[0, 103])
    figure.update_yaxes(title=_("how often right (%)"), range=[-3, 103])
    figure.update_layout(legend=dict(ABOVE, itemsizing="constant"))
    return finish(figure, height=max(420, 90 + 60 * len(result.arms)))


def _main_first(result: Result) -> list[Arm]:
    """The arms with the verdict's two and the teacher before the others."""
    main = (TEACHER, result.verdict.baseline, result.verdict.arm)
    return sorted(result.arms, key=lambda arm: arm.name not in main)


@lru_cache(CACHED)
def calibration_errors(result: Result, _: Translator) -> go.Figure:
    """Expected calibration error of each arm in points, its trials and mean with the 95 % interval."""
    each = {arm.name: [100 * calibration_error(trial) for trial in arm.trials] for arm in result.arms}
    return dots(rows_of(each), _("ECE in points (mean, 95 % interval)"), 100, _, decimals=1)


def reading(arm: Arm, _: Translator) -> str:
    """One sentence on an arm's calibration: what comes of its answers of about 90 % confidence."""
    bins = pooled_bins(arm)
    read = bins[int(READ_AT * len(bins))]
    if read.count < FEW:
        return _("“{arm}” gives fewer than {few} answers of about {said} % confidence.", arm=arm.name, few=FEW,
                 said=f"{100 * READ_AT:.0f}")  # fmt: skip
    said, right = read.confidence / read.count, read.correct / read.count
    values = dict(arm=arm.name, said=f"{100 * said:.0f}", right=f"{100 * right:.0f}", count=f"{read.count:,}")
    if said - right > ABOUT_RIGHT:
        return _("“{arm}” is too sure: where it says {said} %, it is right {right} % of the time "
                 "({count} answers).", **values)  # fmt: skip
    if right - said > ABOUT_RIGHT:
        return _("“{arm}” is not sure enough: where it says {said} %, it is right {right} % of the time "
                 "({count} answers).", **values)  # fmt: skip
    return _("“{arm}” is right about as often as it says: where it says {said} %, it is right {right} % of the "
             "time ({count} answers).", **values)  # fmt: skip


# Agreement with the teacher


def same_answers(result: Result) -> dict[str, list[float]]:
    """For each other arm the share of test images, in %, with the teacher's answer: in each trial."""
    teacher = result.arm(TEACHER)
    return {
        arm.name: [100 * agreement(trial, its) / result.data.test for trial, its in pairs(arm, teacher)]
        for arm in result.arms
        if arm.name != TEACHER
    }


@lru_cache(CACHED)
def agreements(result: Result, _: Translator) -> go.Figure:
    """On how many test images each arm answers as the teacher does, whether right or wrong."""
    title = _("agreement with the teacher (%)")
    return dots(rows_of(same_answers(result)), title, 100, _, decimals=1, from_zero=False)


@dataclass(frozen=True)
class OnMistakes:
    """What an arm answers to the images that the teacher gets wrong, `of` them: counts that add up."""

    of: int
    same: int
    other: int
    right: int


def on_mistakes(trial: ArmTrial, teacher: ArmTrial) -> OnMistakes:
    """How often an arm gives the teacher's wrong answer, another wrong one, or the right one."""
    mine, total = dict(trial.mistakes), len(teacher.mistakes)
    same = sum(mine.get(index) == answer for index, answer in teacher.mistakes)
    wrong = sum(index in mine for index, _answer in teacher.mistakes)
    return OnMistakes(total, same, wrong - same, total - wrong)


@lru_cache(CACHED)
def repeated_mistakes(result: Result, _: Translator) -> go.Figure | None:
    """The share of the teacher's mistakes that each arm repeats; None if the teacher makes none."""
    teacher, repeated = result.arm(TEACHER), {}
    for arm in result.arms:
        counts = [on_mistakes(*pair) for pair in pairs(arm, teacher)]
        each = [100 * count.same / count.of for count in counts if count.of]
        if arm.name != TEACHER and each:
            repeated[arm.name] = each
    return dots(rows_of(repeated), _("mistakes repeated (%)"), 100, _) if repeated else None


def mistakes_in_words(arm: Arm, teacher: Arm, _: Translator) -> str:
    """One sentence on what an arm answers where the teacher is wrong, in a mean trial."""
    counts = [on_mistakes(*pair) for pair in pairs(arm, teacher)]
    same, other, right = (fmean(each) for each in zip(*((c.same, c.other, c.right) for c in counts), strict=True))
    of, (same, other, right) = rounded_parts(same, other, right)
    return _("Of the {of} images that the teacher gets wrong, “{arm}” repeats its mistake on {same}, makes another "
             "on {other} and is right on {right}.", of=of, arm=arm.name, same=same, other=other,
             right=right)  # fmt: skip


def rounded_parts(*parts: float) -> tuple[int, tuple[int, ...]]:
    """The rounded total of parts of 0 or more, and the parts as whole numbers that add up to it.

    The largest remainders are rounded up (Hamilton's method): no part is off by 1 or more.
    """
    total, floors = round(fsum(parts)), [floor(part) for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda at: floors[at] - parts[at])
    for at in by_remainder[: total - sum(floors)]:
        floors[at] += 1
    return total, tuple(floors)


# Confusion


def mean_confusion(arm: Arm) -> np.ndarray:
    """[true, answered]: test images, averaged over the arm's trials."""
    mean: np.ndarray = np.mean([trial.confusion for trial in arm.trials], axis=0)
    return mean


def confusion(arm: Arm, chosen: tuple[int, int], _: Translator, classes: Sequence[str] = DIGITS) -> go.Figure:
    """The mean confusion matrix; the right answers are numbers without colour, so that the errors have it all.

    Over every cell of errors lies an invisible marker, for a heat map cannot be selected in; its customdata is
    (true, answered). `chosen` is framed; classes: their names.
    """
    mean = mean_confusion(arm)
    size, shown = len(mean), digits_of(arm)
    called = Dataset(name="", train=0, validation=0, test=0, classes=tuple(classes)).called
    letters = 12 if size <= MANY else 9
    errors = np.where((np.eye(size) == 1) | (mean == 0), np.nan, mean)
    figure = go.Figure(go.Heatmap(
        z=errors, colorscale="Cividis", zmin=0, xgap=1, ygap=1, hoverinfo="skip", texttemplate="%{text}",
        text=[[_count(cell) for cell in row] for row in mean * (1 - np.eye(size))], showscale=False,
        textfont=dict(size=letters),
    ))  # fmt: skip
    figure.add_scatter(x=list(shown), y=list(shown), mode="text", text=[_count(mean[d, d]) for d in shown],
                       textfont=dict(size=letters), hoverinfo="skip", showlegend=False)  # fmt: skip
    cells = [(true, said) for true in shown for said in shown if true != said]
    figure.add_scatter(
        x=[said for _true, said in cells], y=[true for true, _said in cells], mode="markers", showlegend=False,
        marker=dict(symbol="square", size=26 if size <= MANY else 260 // size, opacity=0), customdata=cells,
        hovertext=[_("{true} answered as {said}: {count}", true=escape(called(true)), said=escape(called(said)),
                     count=_count(mean[true, said])) for true, said in cells],
        hovertemplate="%{hovertext}<extra></extra>", selected=dict(marker=dict(opacity=0)),
        unselected=dict(marker=dict(opacity=0)),
    )  # fmt: skip
    true, said = chosen
    figure.add_shape(type="rect", x0=said - 0.5, x1=said + 0.5, y0=true - 0.5, y1=true + 0.5,
                     line=dict(color="#D55E00", width=3))  # fmt: skip
    low, high = shown[0] - 0.5, shown[-1] + 0.5
    ticks = named_ticks(classes) | (dict(tickfont=dict(size=10)) if size > MANY else {})
    true_class = _("true digit") if tuple(classes) == DIGITS else _("true class")
    figure.update_xaxes(title=_("answered"), showgrid=False, range=[low, high], **ticks)
    figure.update_yaxes(title=true_class, showgrid=False, range=[high, low], **ticks)
    figure.update_layout(hoverdistance=22, clickmode="event+select")
    return finish(figure, height=540 if size <= MANY else 720, t=44)  # room for the camera


def _count(mean: float) -> str:
    """A mean count as a cell has room for it: 978, 12, 3.4, nothing for none at all."""
    if mean == 0:
        return ""
    return f"{mean:.0f}" if mean >= 9.95 or mean == int(mean) else f"{mean:.1f}"


def digits_of(arm: Arm) -> range:
    """From the first to the last digit that is in the test set or is ever answered."""
    mean = mean_confusion(arm)
    there = np.flatnonzero(mean.sum(0) + mean.sum(1))
    return range(int(there[0]), int(there[-1]) + 1)


def largest_error(arm: Arm) -> tuple[int, int]:
    """(true, answered) of the mistake that is made most often."""
    errors = mean_confusion(arm) * (1 - np.eye(len(arm.trials[0].confusion)))
    true, said = np.unravel_index(int(errors.argmax()), errors.shape)
    return int(true), int(said)


def behind(arm: Arm, true: int, said: int, labels: np.ndarray) -> list[tuple[int, int]]:
    """(index, number of trials) of the test images of `true` answered as `said`, the most frequent first."""
    every = (mistake for trial in arm.trials for mistake in trial.mistakes)
    found = Counter(index for index, answer in every if answer == said and labels[index] == true)
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


# What one arm gets right and another wrong


@dataclass(frozen=True)
class Change:
    """One test image that changes from wrong to right, or back, between two arms.

    times: in how many trials; answer: what the arm that is wrong there says most often.
    """

    index: int
    times: int
    answer: int


def changes(right: Arm, wrong: Arm) -> tuple[list[int], list[Change]]:
    """Test images that `wrong` gets wrong and `right` gets right at the same seed.

    Returns how many in each trial, and the images, those of most trials first.
    """
    each: list[int] = []
    found: dict[int, list[int]] = {}
    for trial, other in pairs(right, wrong):
        mine = dict(trial.mistakes)
        lost = [(index, answer) for index, answer in other.mistakes if index not in mine]
        each.append(len(lost))
        for index, answer in lost:
            found.setdefault(index, []).append(answer)
    listed = [Change(index, len(said), Counter(said).most_common(1)[0][0]) for index, said in found.items()]
    return each, sorted(listed, key=lambda change: (-change.times, change.index))


def disputed(trials: Sequence[ArmTrial]) -> list[int]:
    """The test images to which not all of these networks give the same answer, in order."""
    wrong = [dict(trial.mistakes) for trial in trials]
    seen = {index for answers in wrong for index in answers}
    return sorted(index for index in seen if len({answers.get(index) for answers in wrong}) > 1)


# Cost


def equal_cost(result: Result) -> list[list[Arm]]:
    """The arms grouped by what they cost: the same network, however it was trained, costs the same."""
    groups: dict[tuple[object, ...], list[Arm]] = {}
    for arm in result.arms:
        groups.setdefault((arm.model, arm.cost), []).append(arm)
    return list(groups.values())


@lru_cache(CACHED)
def costs(result: Result, _: Translator, only: int | None = None) -> go.Figure:
    """Parameters, multiply-adds, bytes and latency of each network as bars, each with an axis of its own.

    only: the place of the one of these that is wanted.
    """
    groups = equal_cost(result)
    adds, latency, _tested = of_one(result, _)
    panels: dict[str, tuple[list[float], str]] = {
        _("parameters"): ([group[0].cost.parameters for group in groups], ",.0f"),
        adds: ([group[0].cost.multiply_adds for group in groups], ",.0f"),
        _("bytes (float32)"): ([group[0].cost.bytes for group in groups], ",.0f"),
        latency: ([group[0].cost.latency_ms for group in groups], ".2f"),
    }
    if only is not None:
        panels = dict(list(panels.items())[only : only + 1])
    shown = [_representative(group, result) for group in groups]
    names = [
        _("{arm} and {n} more", arm=arm.name, n=len(group) - 1) if len(group) > 1 else _(arm.name)
        for arm, group in zip(shown, groups, strict=True)
    ]
    if only is not None:  # there is room for the names
        few = [len(group) <= 2 for group in groups]
        names = [" = ".join(_(arm.name) for arm in group) if it else name
                 for group, it, name in zip(groups, few, names, strict=True)]  # fmt: skip
    said = ["<br>= ".join(in_two_lines(part, LONG_NAME) for part in name.split(" = ")) for name in names]
    rows = (12 + 20 * max(1 + name.count("<br>") for name in said)) * len(groups)
    height = 60 + len(panels) * (40 + rows)
    figure = make_subplots(rows=len(panels), cols=1, subplot_titles=list(panels), vertical_spacing=40 / height)
    for row, (amounts, form) in enumerate(panels.values(), start=1):
        for arm, name, amount in zip(shown, names, amounts, strict=True):
            figure.add_bar(
                x=[amount], y=[name], orientation="h", row=row, col=1, text=[format(amount, form)],
                textposition="outside", cliponaxis=False, showlegend=False, hoverinfo="skip",
                marker=dict(color=COLOURS[arm.name], pattern=dict(shape=PATTERNS[arm.name])),
            )  # fmt: skip
        figure.update_xaxes(row=row, col=1, range=[0, 1.5 * max(amounts)], showticklabels=False, showgrid=False)
    figure.update_yaxes(autorange="reversed", tickmode="array", tickvals=names, ticktext=said)
    figure.update_annotations(x=0, xanchor="left", font=dict(size=14))
    return finish(figure, height=height)


def _representative(group: Sequence[Arm], result: Result) -> Arm:
    """The arm whose colour a group of equal cost has: the verdict's own if it is among them."""
    return next((arm for arm in group if arm.name == result.verdict.arm), group[0])


def cost_ratios(result: Result) -> tuple[float, float, float] | None:
    """How many times fewer parameters and multiply-adds and how many times faster the verdict's arm is than
    the dearest network; None if there is no dearer one."""
    mine = result.arm(result.verdict.arm).cost
    dearest = max((arm.cost for arm in result.arms), key=lambda cost: cost.parameters)
    if dearest.parameters <= mine.parameters or not mine.latency_ms or not mine.multiply_adds:
        return None
    return (
        dearest.parameters / mine.parameters,
        dearest.multiply_adds / mine.multiply_adds,
        dearest.latency_ms / mine.latency_ms,
    )


def cost_says(result: Result, _: Translator) -> str:
    """The dearest network against the verdict's arm, each ratio as what it is; "" if there is no dearer one."""
    ratios = cost_ratios(result)
    if ratios is None:
        return ""
    parameters, multiply_adds, latency = ratios
    return _(
        "The largest network compared with “{arm}”: parameters {parameters}, multiply-adds {multiply_adds}, "
        "latency {latency}.", arm=result.verdict.arm, parameters=_more(parameters, _),
        multiply_adds=_more(multiply_adds, _), latency=latency_says(latency, _),
    )  # fmt: skip


def latency_says(ratio: float, _: Translator) -> str:
    """How many times as long, or that no difference can be told from the measurement's noise."""
    return _("about the same") if within_noise(ratio) else _more(ratio, _)


def within_noise(ratio: float) -> bool:
    """Whether two latencies of one run differ by no more than such medians do for networks of equal size."""
    return 1 / LATENCY_NOISE < ratio < LATENCY_NOISE


def _more(ratio: float, _: Translator) -> str:
    """A ratio in words: 4.0 times as many, 5 % more, 12 % less; never "1.0 times"."""
    if ratio >= 1.5:
        return _("{times} times as much", times=fixed(ratio, 1))
    percent = fixed(abs(100 * (ratio - 1)), 1 if abs(ratio - 1) < 0.01 else 0)
    if ratio == 1:
        return _("equal")
    return _("{percent} % more", percent=percent) if ratio > 1 else _("{percent} % less", percent=percent)


def of_one(result: Result, _: Translator) -> tuple[str, str, str]:
    """What multiply-adds and latency are measured on: the names of both measures and of its test data."""
    if result.data.name == SINUSOIDS:
        return _("multiply-adds for one point"), _("latency of one point (ms)"), _("test tasks")
    return _("multiply-adds for one image"), _("latency of one image (ms)"), _("test images")


def listed(names: Iterable[str], _: Translator) -> str:
    """Names of arms as a list in words."""
    return _(", ").join("“" + _(name) + "”" for name in names)
