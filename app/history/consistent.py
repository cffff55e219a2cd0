"""Whether a Result agrees with itself: what follows from the rest of its numbers is computed and compared.

    for said in contradictions(result): ...     # one sentence each: where in the JSON, what it says, what follows

A place is written as in the JSON, "arms.1.trials.0.test_errors"; "sum(…)" and the like say what is made of it.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.techniques import rules as rules_of
from kd_core.messages import Message, message
from kd_core.results.comparability import main_arms, of_losses
from kd_core.results.schema import Arm, ArmTrial, GalleryDigit, Interval, Result, Verdict
from kd_core.results.statistics import loss_verdict, paired_points, paired_ratio, t_interval, verdict
from kd_core.results.wording import answers
from kd_core.settings.base import Settings
from kd_core.techniques import TECHNIQUES

NEAR = 10.0  # degrees: an angle that is off by more is an error
SHORT = 1e-4  # relative: of numbers that are kept to five digits


@dataclass(frozen=True)
class Claim:
    """What a place says, and what must stand there since another place says something else about the same."""

    place: str
    said: Any
    source: str
    follows: Any
    tolerance: float = 1e-6

    @property
    def holds(self) -> bool:
        """Whether both are the same, floats up to rounding."""
        numbers = isinstance(self.said, int | float) and isinstance(self.follows, int | float)
        if numbers:
            return math.isclose(self.said, self.follows, rel_tol=self.tolerance, abs_tol=1e-6)
        return bool(self.said == self.follows)


@dataclass(frozen=True)
class Rules:
    """What follows from its settings in the Results of one technique; `app/<name>/consistent.py` has it.

    baseline: the main arm -> what its verdict is against; end: settings
    and an arm -> the field that says how long it trains, and how long that is; scope: result and verdict's arm ->
    values in the sentences beside the verdict. further: what only this technique claims. prepared: settings -> the
    arms of the preparation, beside those of the trials (`Settings.arms`). measure: what its arms are compared by.
    task: an arm -> the task that it answers, where there are several; repeats: several trials or tasks
    may show an image, and each has classes of its own. untrained: arms without a curve; lowest: an arm -> the least
    answer it may give.
    """

    baseline: Callable[[str], str]
    end: Callable[[Any, Arm], tuple[str, int]]
    scope: Callable[[Result, Arm], Mapping[str, str]]
    further: Callable[[Result, Any], Iterator[Claim]]
    prepared: Callable[[Any], Collection[str]] = lambda settings: ()
    measure: Callable[[Any], str] = lambda settings: "errors"
    task: Callable[[str], str] = lambda arm: ""
    repeats: bool = False
    untrained: Collection[str] = ()
    lowest: Callable[[str], int] = lambda arm: 0


def contradictions(result: Result) -> Iterator[Message]:
    """Where `result`, whose parts are each possible, says two different things of the same."""
    for claim in _claims(result):
        if not claim.holds:
            yield message(
                "“{place}” says {said}, but from “{source}” follows {follows}.",
                place=claim.place, said=_shown(claim.said), source=claim.source, follows=_shown(claim.follows),
            )  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        return text[:77] + "…" if len(text) > 78 else text or "–"
    return f"{value:.6g}"


def _claims(result: Result) -> Iterator[Claim]:
    settings, rules = TECHNIQUES[result.technique].settings.parse(result.settings), rules_of(result.technique)
    names, wanted = sorted(arm.name for arm in result.arms), sorted({*settings.arms, *rules.prepared(settings)})
    yield Claim("arms.name", names, "settings", wanted)
    measure = rules.measure(settings)
    yield Claim("measure", result.measure, "settings", measure)
    if names != wanted or result.measure != measure:
        return
    classes: dict[Any, tuple[str, list[int]]] = {}
    for number, arm in enumerate(result.arms):
        here = f"arms.{number}"
        for place, trial in enumerate(arm.trials):
            there = f"{here}.trials.{place}"
            yield from _of_ends(rules.end(settings, arm), arm, trial, there)
            if not of_losses(result):
                yield from _of_counts(result, rules, arm, trial, there)
                # All answered the same test images: of each class there are equally many.
                rows = [sum(row) for row in trial.confusion]
                kind = rules.task(arm.name), trial.seed if rules.repeats else None
                first, expected = classes.setdefault(kind, (there, rows))
                yield Claim(f"sum(rows of {there}.confusion)", rows, f"{first}.confusion", expected)
        yield from _of_arm(result, settings, arm, here)
    yield from rules.further(result, settings)
    yield from _of_verdict(result, result.verdict, "verdict")
    main = main_arms(result.technique, result.settings)[0]
    yield Claim("verdict.arm", result.verdict.arm, "settings", main)
    yield Claim("verdict.baseline", result.verdict.baseline, "settings", rules.baseline(main))
    for number, further in enumerate(result.comparisons):
        yield from _of_verdict(result, further, f"comparisons.{number}")
    yield from _of_scope(result, rules)


# One trial


def _of_counts(result: Result, rules: Rules, arm: Arm, trial: ArmTrial, here: str) -> Iterator[Claim]:
    """Errors, confusion, mistakes, bins and gallery are counts of the same answers."""
    images, errors, confusion = result.data.test, f"{here}.test_errors", f"{here}.confusion"
    answered = sum(map(sum, trial.confusion))
    yield Claim(f"sum({confusion})", answered, "data.test", images)
    angle = rules.task(arm.name) == "angle"  # its classes are tenths of the range, and say nothing of errors
    if not angle:
        wrong = answered - sum(row[at] for at, row in enumerate(trial.confusion))
        yield Claim(errors, trial.test_errors, confusion, wrong)
    yield Claim(f"len({here}.mistakes)", len(trial.mistakes), errors, trial.test_errors)
    if not angle:
        given = Counter(answer for _, answer in trial.mistakes)
        for answer in sorted({*given, *range(len(trial.confusion))}):
            column = [row[answer] for true, row in enumerate(trial.confusion) if true != answer < len(row)]
            yield Claim(f"count({here}.mistakes, {answer})", given[answer], confusion, sum(column))
    if not rules.repeats:
        indices = {index for index, _ in trial.mistakes}
        yield Claim(f"len(set({here}.mistakes))", len(indices), f"len({here}.mistakes)", len(trial.mistakes))
        beyond = sum(index >= images for index in indices)
        yield Claim(f"count({here}.mistakes from {images:,} on)", beyond, "data.test", 0)
    if trial.bins:
        yield Claim(f"sum({here}.bins.count)", sum(b.count for b in trial.bins), "data.test", images)
        right = sum(b.correct for b in trial.bins)
        yield Claim(f"sum({here}.bins.correct)", right, errors, images - trial.test_errors)
        for at, b in enumerate(trial.bins):
            low, high = b.count * at / len(trial.bins), b.count * (at + 1) / len(trial.bins)
            within = min(max(b.confidence, low), high)
            yield Claim(f"{here}.bins.{at}.confidence", b.confidence, f"{here}.bins.{at}.count", within)
    for at, (digit, row) in enumerate(zip(result.gallery, trial.gallery_logits, strict=False)):
        yield from _of_gallery(digit, row, trial, f"{here}.gallery_logits.{at}", here, rules.task(arm.name))


def _of_gallery(
    digit: GalleryDigit, row: Sequence[float], trial: ArmTrial, place: str, here: str, task: str
) -> Iterator[Claim]:
    """The answer that a row of logits means is the wrong one that is listed, or else the label."""
    truth, mistaken = digit.answers.get(task, digit.label), dict(trial.mistakes)
    if task == "angle":
        off = abs(row[0] - truth)
        if abs(off - NEAR) > 1e-3:
            yield Claim(place, off > NEAR, f"{here}.mistakes", digit.index in mistaken)
        return
    yield Claim(f"len({place})", len(row), f"len({here}.confusion)", len(trial.confusion))
    answer = mistaken.get(digit.index, int(truth))
    best = row[answer] if 0 <= answer < len(row) else -math.inf
    said = answer if best == max(row) else row.index(max(row))
    yield Claim(f"max({place})", said, f"{here}.mistakes and gallery", answer)
    yield Claim(f"{here}.mistakes of gallery", answer, "gallery", answer if digit.index not in mistaken
                or answer != truth else "another answer")  # fmt: skip


def _of_ends(end: tuple[str, int], arm: Arm, trial: ArmTrial, here: str) -> Iterator[Claim]:
    """A curve ends where the training does."""
    field, last = end
    if trial.curve:
        # One network for all trials sees a small training set more often.
        follows = max(last, trial.curve[-1][0]) if arm.shared else last
        yield Claim(f"{here}.curve (its end)", trial.curve[-1][0], f"settings.{field}", follows)
    looks = trial.series.get("meta-steps")
    if looks:
        yield Claim(f"{here}.series.meta-steps (their end)", looks[-1], f"settings.{field}", last)
        seen = trial.series.get("validation loss", ())
        yield Claim(f"len({here}.series.validation loss)", len(seen), f"len({here}.series.meta-steps)", len(looks))


# One arm


def _of_arm(result: Result, settings: Settings, arm: Arm, here: str) -> Iterator[Claim]:
    """Its intervals are those of its trials, whose seeds are those that were set."""
    seeds = [trial.seed for trial in arm.trials]
    if arm.shared:
        yield Claim(f"len({here}.trials)", len(seeds), f"{here}.shared", 1)
    else:
        yield Claim(f"{here}.trials.seed", seeds, "settings.seed and settings.seeds", list(settings.trial_seeds))
    yield Claim(f"{here}.cost.bytes", arm.cost.bytes, f"{here}.cost.parameters", 4 * arm.cost.parameters)
    if of_losses(result):
        losses = [_loss(settings, trial) for trial in arm.trials]
        nothing = Interval(mean=0.0, low=None, high=None, n=0, confidence=0.95)
        yield from _of_interval(arm.errors_per_10000, nothing, f"{here}.errors_per_10000", "measure")
        yield from _of_interval(arm.score or nothing, t_interval(losses), f"{here}.score", f"{here}.trials.series")
        return
    rates = [10_000 * trial.test_errors / result.data.test for trial in arm.trials]
    source = f"{here}.trials.test_errors"
    yield from _of_interval(arm.errors_per_10000, t_interval(rates), f"{here}.errors_per_10000", source)
    if arm.score is not None:
        yield Claim(f"{here}.score", arm.score.mean, "measure", None)


def _of_interval(said: Interval, follows: Interval, place: str, source: str) -> Iterator[Claim]:
    for part in ("n", "mean", "low", "high", "confidence"):
        yield Claim(f"{place}.{part}", getattr(said, part), source, getattr(follows, part))


def _loss(settings: Settings, trial: ArmTrial) -> float:
    losses = trial.series.get("query loss", ())
    at = int(settings.model_dump()["inner_steps"])
    return losses[at] if at < len(losses) else math.inf


# Its verdicts and what they say


def _of_verdict(result: Result, given: Verdict, here: str) -> Iterator[Claim]:
    """Its numbers are the paired differences of its two arms' trials, its words those for such numbers."""
    numbers = {arm.name: number for number, arm in enumerate(result.arms)}
    arm, baseline = result.arm(given.arm), result.arm(given.baseline)
    source = " and ".join(f"arms.{numbers[name]}.trials" for name in (given.arm, given.baseline))
    yield Claim(f"len({source})", len(arm.trials), source, len(baseline.trials))
    if len(arm.trials) != len(baseline.trials):
        return
    if of_losses(result):
        settings = TECHNIQUES[result.technique].settings.parse(result.settings)
        mine, its = ([_loss(settings, trial) for trial in one.trials] for one in (arm, baseline))
        positive = all(0 < loss < math.inf for loss in (*mine, *its))
        yield Claim(f"{source}.series.query loss", positive, "measure", True)
        if not positive:
            return
        expected = loss_verdict(given.arm, given.baseline, paired_ratio(mine, its), ())
    else:
        errors = [trial.test_errors for trial in arm.trials]
        against = [trial.test_errors for trial in baseline.trials]
        difference = paired_points(errors, against, result.data.test)
        expected = verdict(given.arm, given.baseline, difference, ())
    yield from _of_interval(given.difference, expected.difference, f"{here}.difference", source)
    yield Claim(f"{here}.kind", given.kind, f"{here}.difference", expected.kind)
    directions = {"better": [better for better, _ in answers()], "worse": [worse for _, worse in answers()]}
    allowed = directions.get(expected.kind, [expected.text.text])
    said = given.text.text
    yield Claim(f"{here}.text", said, f"{here}.difference", said if said in allowed else expected.text.text)
    words = {**expected.text.values, "arm": given.arm, "baseline": given.baseline,
             "task": given.arm.split(" · ")[0]}  # fmt: skip
    for name, value in given.text.values.items():
        if name in words:
            source = f"{here}.difference" if name in expected.text.values else f"{here}.arm and baseline"
            yield Claim(f"{here}.text.values.{name}", str(value), source, str(words[name]))


def _of_scope(result: Result, rules: Rules) -> Iterator[Claim]:
    """Numbers in the sentences beside the verdict are those of its arm and of the settings."""
    arm = result.arm(result.verdict.arm)
    number = [one.name for one in result.arms].index(arm.name)
    words = rules.scope(result, arm)
    for at, said in enumerate(result.verdict.scope):
        for name, value in said.values.items():
            if name in words:
                yield Claim(f"verdict.scope.{at}.values.{name}", str(value), f"arms.{number}.labels", words[name])


def of_labels(result: Result, arm: Arm, labels: int, behind: int | None, source: str) -> Iterator[Claim]:
    """How many labels an arm saw, and its teacher."""
    here = f"arms.{[one.name for one in result.arms].index(arm.name)}"
    yield Claim(f"{here}.labels", arm.labels, source, labels)
    yield Claim(f"{here}.teacher_labels", arm.teacher_labels, source, behind)
