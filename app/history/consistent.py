"""Whether a Result agrees with itself: what follows from the rest of its numbers is computed and compared.

    for said in contradictions(result): ...     # one sentence each: where in the JSON, what it says, what follows

A place is written as in the JSON, "arms.1.trials.0.test_errors"; "sum(…)" and the like say what is made of it.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from kd_core.distillation.settings import ALONE, DIGITS_LEFT_OUT, EQUAL, EQUAL_TEACHER, SHIFTS, SMOOTHED, TEACHER
from kd_core.messages import Message, message
from kd_core.meta_learning.settings import (
    CENTROID_FEATURES,
    CENTROID_PIXELS,
    FIRST_ORDER,
    MAML,
    ORACLE,
    PRETRAINED,
    REPTILE,
)
from kd_core.multitask.settings import FAIR, JOINT, JOINT_EQUAL, TASK_ALONE, arm_of, task_of
from kd_core.results.comparability import main_arms, of_losses
from kd_core.results.schema import Arm, ArmTrial, GalleryDigit, Interval, Result, Verdict
from kd_core.results.statistics import delta_m, loss_verdict, paired_points, paired_ratio, t_interval, verdict
from kd_core.results.wording import answers
from kd_core.settings.base import Settings
from kd_core.settings.common import SCRATCH
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import ANCHORED, DECAYED, FROZEN, SOURCE, TUNED

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
    settings = TECHNIQUES[result.technique].settings.parse(result.settings)
    names, wanted = sorted(arm.name for arm in result.arms), sorted(ARMS[result.technique](settings))
    yield Claim("arms.name", names, "settings", wanted)
    measure = "query loss" if result.settings.get("problem") == "sinusoids" else "errors"
    yield Claim("measure", result.measure, "settings", measure)
    if names != wanted or result.measure != measure:
        return
    classes: dict[Any, tuple[str, list[int]]] = {}
    for number, arm in enumerate(result.arms):
        here = f"arms.{number}"
        for place, trial in enumerate(arm.trials):
            there = f"{here}.trials.{place}"
            yield from _of_ends(result, settings, arm, trial, there)
            if not of_losses(result):
                yield from _of_counts(result, arm, trial, there)
                # All answered the same test images: of each class there are equally many.
                rows = [sum(row) for row in trial.confusion]
                kind = _asked(result, arm), trial.seed if result.technique == "meta_learning" else None
                first, expected = classes.setdefault(kind, (there, rows))
                yield Claim(f"sum(rows of {there}.confusion)", rows, f"{first}.confusion", expected)
        yield from _of_arm(result, settings, arm, here)
    yield from OF_TECHNIQUE[result.technique](result, settings)
    yield from _of_verdict(result, result.verdict, "verdict")
    main = main_arms(result.technique, result.settings)[0]
    yield Claim("verdict.arm", result.verdict.arm, "settings", main)
    yield Claim("verdict.baseline", result.verdict.baseline, "settings", _baseline(result.technique, main))
    for number, further in enumerate(result.comparisons):
        yield from _of_verdict(result, further, f"comparisons.{number}")
    yield from _of_scope(result)


def _arms_of_transfer(settings: Any) -> list[str]:
    if settings.has_backbone:
        return [SCRATCH, FROZEN, *([TUNED, DECAYED, ANCHORED] if settings.tune_backbone else [])]
    as_is = [] if settings.task in ("low_high", "fashion") else [SOURCE]
    return [*as_is, SCRATCH, FROZEN, TUNED, DECAYED, ANCHORED]


def _arms_of_meta_learning(settings: Any) -> list[str]:
    own = [ORACLE] if settings.problem == "sinusoids" else [CENTROID_PIXELS, CENTROID_FEATURES]
    further = [name for name, wanted in ((MAML, not settings.first_order), (REPTILE, settings.reptile)) if wanted]
    return [FIRST_ORDER, PRETRAINED, SCRATCH, *own, *further]


ARMS = {
    "distillation": lambda settings: {TEACHER, *settings.arms},
    "transfer": _arms_of_transfer,
    "multitask": lambda settings: [
        arm_of(task, scheme) for task in settings.task_names for scheme in (TASK_ALONE, JOINT_EQUAL, JOINT, FAIR)
    ],
    "meta_learning": _arms_of_meta_learning,
}


def _baseline(technique: str, main: str) -> str:
    if technique == "multitask":
        return arm_of(task_of(main), TASK_ALONE)
    return {"distillation": ALONE, "transfer": SCRATCH}.get(technique, PRETRAINED)


def _asked(result: Result, arm: Arm) -> str:
    """What an arm's answers are to: its task, where there are several."""
    return task_of(arm.name) if result.technique == "multitask" else ""


# One trial


def _of_counts(result: Result, arm: Arm, trial: ArmTrial, here: str) -> Iterator[Claim]:
    """Errors, confusion, mistakes, bins and gallery are counts of the same answers."""
    images, errors, confusion = result.data.test, f"{here}.test_errors", f"{here}.confusion"
    answered = sum(map(sum, trial.confusion))
    yield Claim(f"sum({confusion})", answered, "data.test", images)
    angle = _asked(result, arm) == "angle"  # its classes are tenths of the range, and say nothing of errors
    if not angle:
        wrong = answered - sum(row[at] for at, row in enumerate(trial.confusion))
        yield Claim(errors, trial.test_errors, confusion, wrong)
    yield Claim(f"len({here}.mistakes)", len(trial.mistakes), errors, trial.test_errors)
    if not angle:
        given = Counter(answer for _, answer in trial.mistakes)
        for answer in sorted({*given, *range(len(trial.confusion))}):
            column = [row[answer] for true, row in enumerate(trial.confusion) if true != answer < len(row)]
            yield Claim(f"count({here}.mistakes, {answer})", given[answer], confusion, sum(column))
    if result.technique != "meta_learning":  # there several tasks may show an image
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
        yield from _of_gallery(digit, row, trial, f"{here}.gallery_logits.{at}", here, _asked(result, arm))


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


def _of_ends(result: Result, settings: Settings, arm: Arm, trial: ArmTrial, here: str) -> Iterator[Claim]:
    """A curve ends where the training does."""
    field = "epochs"
    if result.technique == "meta_learning":
        field = "iterations"
    elif arm.shared:
        field = {"distillation": "teacher_epochs", "transfer": "source_epochs"}.get(result.technique, field)
    end = getattr(settings, field)
    if arm.name == SCRATCH and result.technique == "meta_learning":
        end = 0  # it is not trained at all
    if trial.curve:
        # One network for all trials sees a small training set more often.
        follows = max(end, trial.curve[-1][0]) if arm.shared else end
        yield Claim(f"{here}.curve (its end)", trial.curve[-1][0], f"settings.{field}", follows)
    looks = trial.series.get("meta-steps")
    if looks:
        yield Claim(f"{here}.series.meta-steps (their end)", looks[-1], f"settings.{field}", end)
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


def _of_scope(result: Result) -> Iterator[Claim]:
    """Numbers in the sentences beside the verdict are those of its arm and of the settings."""
    arm = result.arm(result.verdict.arm)
    number = [one.name for one in result.arms].index(arm.name)
    labels, behind = f"{arm.labels:,}", f"{arm.teacher_labels or 0:,}"
    words: dict[str, dict[str, str]] = {
        "distillation": {"teacher": behind, "student": labels},
        "transfer": {"source": behind, "target": labels},
        "multitask": {"images": labels},
        "meta_learning": {"labels": behind, "shots": str(arm.labels),
                          "steps": str(result.settings.get("inner_steps"))},
    }  # fmt: skip
    for at, said in enumerate(result.verdict.scope):
        for name, value in said.values.items():
            if name in words[result.technique]:
                follows = words[result.technique][name]
                yield Claim(f"verdict.scope.{at}.values.{name}", str(value), f"arms.{number}.labels", follows)


# What each technique knows further


def _labels(result: Result, arm: Arm, labels: int, behind: int | None, source: str) -> Iterator[Claim]:
    here = f"arms.{[one.name for one in result.arms].index(arm.name)}"
    yield Claim(f"{here}.labels", arm.labels, source, labels)
    yield Claim(f"{here}.teacher_labels", arm.teacher_labels, source, behind)


def _distillation(result: Result, settings: Any) -> Iterator[Claim]:
    one_for_all = settings.teacher_data == "all"
    student = result.arm(ALONE)
    most = settings.train_size  # of these, digits left out are none
    few = student.labels if settings.left_out != "none" else most
    yield Claim(f"“{ALONE}”.labels", student.labels, "settings.train_size", min(student.labels, most))
    everything = result.data.train if one_for_all else few
    for number, arm in enumerate(result.arms):
        here = f"arms.{number}"
        teaches = arm.name == TEACHER
        yield Claim(f"{here}.shared", arm.shared, "settings.teacher_data", teaches and one_for_all)
        behind = {**dict.fromkeys((TEACHER, EQUAL_TEACHER, ALONE, SMOOTHED)), EQUAL: few}.get(arm.name, everything)
        yield from _labels(result, arm, everything if teaches else few, behind, "settings and data.train")
        if settings.left_out != "none" and arm.trials[0].measures:
            for place, trial in enumerate(arm.trials):
                yield from _of_left_out(DIGITS_LEFT_OUT[settings.left_out], trial, f"{here}.trials.{place}")


def _of_left_out(digits: Sequence[int], trial: ArmTrial, here: str) -> Iterator[Claim]:
    """At no shift errors are those of the run; the tuned shift is that of the fewest errors."""
    errors, missed = (trial.series.get(f"{what} by shift", ()) for what in ("errors", "missed"))
    yield Claim(f"len({here}.series.errors by shift)", len(errors), "the lab's shifts", len(SHIFTS))
    yield Claim(f"len({here}.series.missed by shift)", len(missed), "the lab's shifts", len(SHIFTS))
    if len(errors) != len(SHIFTS) or len(missed) != len(SHIFTS) or len(trial.confusion) <= max(digits):
        return
    yield Claim(f"{here}.series.errors by shift.0", errors[0], f"{here}.test_errors", trial.test_errors)
    own = [(digit, trial.confusion[digit]) for digit in digits]
    lost = sum(sum(row) - row[digit] for digit, row in own)
    yield Claim(f"{here}.series.missed by shift.0", missed[0], f"{here}.confusion", lost)
    tuned = min(range(len(SHIFTS)), key=errors.__getitem__)
    follows = {"left-out images": sum(sum(row) for _, row in own), "tuned shift": SHIFTS[tuned],
               "tuned errors": errors[tuned], "tuned missed": missed[tuned]}  # fmt: skip
    for name, value in follows.items():
        yield Claim(f"{here}.measures.{name}", trial.measures.get(name), f"{here}.series and confusion", value)


def _transfer(result: Result, settings: Any) -> Iterator[Claim]:
    rows = [sum(row) for row in result.arms[0].trials[0].confusion]
    few = settings.labels_per_class * sum(row > 0 for row in rows)
    behind = next((arm.teacher_labels for arm in result.arms if arm.name not in (SCRATCH, SOURCE)), None)
    for number, arm in enumerate(result.arms):
        labels = 0 if arm.name == SOURCE else few
        yield Claim(f"arms.{number}.shared", arm.shared, f"arms.{number}.name", arm.name == SOURCE)
        source = "settings.labels_per_class and the other arms"
        yield from _labels(result, arm, labels, None if arm.name == SCRATCH else behind, source)
        for place, trial in enumerate(arm.trials):
            here, trained = f"arms.{number}.trials.{place}.measures", trial.measures.get("trainable parameters")
            if trained is not None and arm.name != FROZEN:
                yield Claim(f"{here}.trainable parameters", trained, f"arms.{number}.cost", arm.cost.parameters)
            if arm.name == FROZEN:
                moved = [value for name, value in trial.measures.items() if name.startswith("distance")]
                yield Claim(f"max({here}.distance)", max(moved, default=0.0), f"arms.{number}.name", 0.0)


def _multitask(result: Result, settings: Any) -> Iterator[Claim]:
    arms = {arm.name: (number, arm) for number, arm in enumerate(result.arms)}
    for number, arm in arms.values():
        yield Claim(f"arms.{number}.shared", arm.shared, "technique", False)
        yield from _labels(result, arm, settings.train_size, None, "settings.train_size")
    first = settings.task_names[0]
    for scheme in (JOINT_EQUAL, JOINT, FAIR):
        number, arm = arms[arm_of(first, scheme)]
        for place in range(len(arm.trials)):
            errors, alone = ([arms[arm_of(task, s)][1].trials[place].test_errors for task in settings.task_names]
                             for s in (scheme, TASK_ALONE))  # fmt: skip
            said, where = arm.trials[place].measures.get("delta_m"), f"arms.{number}.trials.{place}.measures"
            yield Claim(f"{where}.delta_m", said, "arms.trials.test_errors", delta_m(errors, alone))
    number, joint = arms[arm_of(first, JOINT)]
    for place, trial in enumerate(joint.trials):
        yield from _of_conflict(settings, trial, f"arms.{number}.trials.{place}")
    if settings.weighting == "fixed" and set(settings.weights) == {1.0}:  # "as set" is "equal", to the last bit
        for task in settings.task_names:
            (mine, one), (its, other) = arms[arm_of(task, JOINT)], arms[arm_of(task, JOINT_EQUAL)]
            for place, (a, b) in enumerate(zip(one.trials, other.trials, strict=True)):
                for what in ("test_errors", "curve", "confusion", "mistakes", "gallery_logits"):
                    yield Claim(f"arms.{mine}.trials.{place}.{what}", getattr(a, what),
                                f"arms.{its}.trials.{place}.{what}", getattr(b, what))  # fmt: skip


def _of_conflict(settings: Any, trial: ArmTrial, here: str) -> Iterator[Claim]:
    """What was seen of the gradients: as many looks in every series, and the share of them in conflict."""
    steps, looked = settings.epochs * math.ceil(settings.train_size / settings.batch_size), len(
        trial.series.get("step", ()))  # fmt: skip
    for name, series in trial.series.items():
        yield Claim(f"len({here}.series.{name})", len(series), f"len({here}.series.step)", looked)
    pairs = list(combinations(settings.task_names, 2))
    names = [f"cosine, {a}, {b}" for a, b in pairs] if len(pairs) > 1 else ["cosine"]
    clashes = [[cosine < 0 for cosine in trial.series.get(name, ())] for name in names]
    if not looked or any(len(of_pair) != looked for of_pair in clashes):
        yield Claim(f"len({here}.series.cosine)", 0, f"len({here}.series.step)", max(1, looked))
        return
    follows = {"steps": steps, "steps looked at": looked,
               "share of steps in conflict": sum(map(any, zip(*clashes, strict=True))) / looked}  # fmt: skip
    for (a, b), of_pair in zip(pairs, clashes, strict=True):
        if len(pairs) > 1:
            follows[f"share of steps in conflict, {a}, {b}"] = sum(of_pair) / looked
    for name, value in follows.items():
        yield Claim(f"{here}.measures.{name}", trial.measures.get(name), f"{here}.series and settings", value)
    if settings.weighting == "fixed":
        for task, weight in zip(settings.task_names, settings.weights, strict=True):
            for said in set(trial.series.get(f"weight, {task}", ())):
                yield Claim(f"{here}.series.weight, {task}", said, f"settings.weight_{task}", weight, SHORT)


def _meta_learning(result: Result, settings: Any) -> Iterator[Claim]:
    each = settings.ways if settings.problem == "digits" else 1
    drawn = settings.iterations * settings.meta_batch
    queries = each * settings.queries if settings.problem == "digits" else 1
    yield Claim("data.train", result.data.train, "settings", drawn * queries)
    for number, arm in enumerate(result.arms):
        yield Claim(f"arms.{number}.shared", arm.shared, "technique", False)
        seen = (
            None if arm.name in (SCRATCH, CENTROID_PIXELS) else drawn * each * (settings.shots + settings.queries)
        )
        yield from _labels(result, arm, each * settings.shots, seen, "settings")
        for place, trial in enumerate(arm.trials):
            yield from _of_adaptation(result, settings, trial, queries, f"arms.{number}.trials.{place}")


def _of_adaptation(result: Result, settings: Any, trial: ArmTrial, queries: int, here: str) -> Iterator[Claim]:
    """Means over tasks are those of the tasks, before and after as many steps as are set."""
    name = "query loss" if of_losses(result) else "query errors"
    path, steps = trial.series.get(name, ()), trial.series.get("steps", ())
    yield Claim(
        f"{here}.series.steps", list(steps), f"len({here}.series.{name})", list(map(float, range(len(path))))
    )
    for when, at in (("before", 0), ("after", settings.inner_steps)):
        by_task = trial.series.get(f"by task, {when}", ())
        place = f"{here}.series.by task, {when}"
        yield Claim(f"len({place})", len(by_task) * queries, "data.test", result.data.test)
        if by_task and at < len(path):
            yield Claim(f"mean({place})", fmean(by_task), f"{here}.series.{name}.{at}", path[at], SHORT)
    if not of_losses(result) and settings.inner_steps < len(path):
        share = trial.test_errors / result.data.test
        yield Claim(f"{here}.series.{name}.{settings.inner_steps}", path[settings.inner_steps],
                    f"{here}.test_errors", share)  # fmt: skip


OF_TECHNIQUE = {
    "distillation": _distillation, "transfer": _transfer, "multitask": _multitask, "meta_learning": _meta_learning,
}  # fmt: skip
