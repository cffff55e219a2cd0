"""A JSON file from outside -> a Result that is safe to show. It is read and checked, never executed.

    read(content) -> Result      # raises Problem: one sentence that says what is wrong

Everything in it comes from a stranger. So its size is bounded, numbers must be finite and fit each other, arms must
be those of its technique, settings must be allowed ones, and text must be plain words. Networks are left out.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from app.figures.arms import COLOURS
from app.history import drawable
from app.history.consistent import contradictions
from app.history.drawable import images_on_disk
from app.i18n.text import sentences
from app.techniques import rules
from kd_core.messages import N_, Message, Problem, message
from kd_core.results.comparability import drawn, main_arms, of_losses
from kd_core.results.schema import Arm, ArmTrial, Interval, Result, Verdict
from kd_core.results.statistics import loss_verdict, verdict
from kd_core.techniques import TECHNIQUES

MOST_BYTES = 8_000_000  # a run of 20 seeds and 12 arms takes 4 MB, without its networks
MOST = 10**12  # no count or measure of ours is larger
MOST_TEXT, MOST_ARMS, MOST_TRIALS, MOST_GALLERY, MOST_CURVE = 300, 40, 100, 100, 2000
KINDS = ("better", "worse", "undetectable", "single")
SOURCE = "JSON"
# Words, numbers and the marks between them; nothing that Markdown or HTML would make more of.
PLAIN = re.compile(r"[\w .,;:%+\-−–·/()'’“”²→≈&@=λαβθ]*")
FOREIGN = ("://", "www.")


def read(content: bytes) -> Result:
    """The Result in a file that this lab, or another one, has exported. Raises Problem."""
    if len(content) > MOST_BYTES:
        raise Problem(
            N_("This file has {given} bytes; a result has at most {most}."),
            given=f"{len(content):,}", most=f"{MOST_BYTES:,}",
        )  # fmt: skip
    try:
        result = Result.model_validate_json(content)
    except (ValidationError, ValueError, RecursionError) as error:
        raise Problem(N_("This file is no result of this lab: {why}"), why=_why(error)) from None
    if result.technique not in TECHNIQUES:
        raise Problem(
            N_("This result is of a technique that the lab does not know: {given}; it knows {known}."),
            given=_short(result.technique), known=", ".join(TECHNIQUES),
        )  # fmt: skip
    settings = TECHNIQUES[result.technique].settings.parse(result.settings, SOURCE)
    result = result.without_networks().model_copy(update={"settings": settings.model_dump()})
    _check_values(result)
    for problem in _misfits(result):
        raise Problem(N_("This result does not fit together: {what}"), what=problem)
    result = _with_known_words(result)
    for said in contradictions(result):
        raise Problem(N_("This result contradicts itself: {what}"), what=said)
    drawable.check(result)
    return result


def _why(error: Exception) -> Message:
    """The first thing that is wrong, and where; nothing of what the file says is repeated."""
    found = error.errors() if isinstance(error, ValidationError) else []
    if not found or found[0]["type"] == "json_invalid":
        return message("it is no JSON, or it is cut off.")
    where = ".".join(map(str, found[0]["loc"]))
    return message("“{where}” is missing, unknown or of a wrong kind.", where=_short(where) or "–")


def _short(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:60]


# Every single value


def _check_values(result: Result) -> None:
    """No number is infinite or absurd, and no text is more than words. Raises Problem."""
    elsewhere: Any = {"verdict": True, "comparisons": True, "notes": True}
    elsewhere["arms"] = {"__all__": {"trials": {"__all__": {"mistakes"}}}}  # thousands of pairs: `_fits` looks
    for where, value in _leaves(result.model_dump(exclude=elsewhere), ""):
        if isinstance(value, str):
            if not is_plain(value):
                raise Problem(N_("“{where}” is no plain text; addresses, marks and code are not taken over."),
                              where=where)  # fmt: skip
        elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= MOST):
            given = str(value)[:20]
            raise Problem(N_("“{where}” is {given}, which no measurement gives."), where=_short(where), given=given)


def _leaves(value: Any, where: str) -> Iterable[tuple[str, Any]]:
    """Every name, text and number, but for rows of numbers in which nothing can be wrong."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{where}.{_short(name)}", name
            yield from _leaves(inner, f"{where}.{_short(name)}".strip("."))
    elif isinstance(value, list | tuple):
        if set(map(type, value)) <= {int, float} and sum(map(abs, value)) <= MOST:
            return  # a row of numbers, all of them in order: most of a result is such rows
        for inner in value:
            yield from _leaves(inner, where)
    else:
        yield where, value


def is_plain(text: str) -> bool:
    """Whether it is short and made of words, numbers and common marks only."""
    return len(text) <= MOST_TEXT and bool(PLAIN.fullmatch(text)) and not any(sign in text for sign in FOREIGN)


# Whether it fits together


def _misfits(result: Result) -> Iterable[Message]:
    """What does not fit, part by part; the first is enough."""
    data = result.data
    names = [arm.name for arm in result.arms]
    if not 0 < len(names) <= MOST_ARMS or len(set(names)) < len(names) or not set(names) <= COLOURS.keys():
        yield message("its arms are not those of the lab.")
    wanted = {*main_arms(result.technique, result.settings), result.verdict.arm, result.verdict.baseline}
    if not wanted <= set(names):
        yield message("an arm that its question is about is missing.")
    if min(data.train, data.validation, data.test) < 1 or not 0 < result.version < 1000:
        yield message("a data set is empty, or its version is none.")
    if len(result.gallery) > MOST_GALLERY or any(
        len(digit.pixels) != 784 or not all(0 <= pixel <= 255 for pixel in digit.pixels)
        or not 0 <= digit.index < data.test for digit in result.gallery
    ):  # fmt: skip
        yield message("a digit of its gallery is no image.")
    for one in (result.verdict, *result.comparisons):
        if one.kind not in KINDS or not {one.arm, one.baseline} <= set(names) or not _sound(one.difference):
            yield message("a verdict is not about its arms, or its interval is none.")
    for arm in result.arms:
        yield from _arm_misfits(result, arm)


def _arm_misfits(result: Result, arm: Arm) -> Iterable[Message]:
    here: dict[str, str] = dict(arm=arm.name)
    seeds = [trial.seed for trial in arm.trials]
    if not 0 < len(seeds) <= MOST_TRIALS or len(set(seeds)) < len(seeds):
        yield message("“{arm}” has no trials, too many, or two of one seed.", **here)
    if min(arm.labels, arm.teacher_labels or 0, *arm.cost.model_dump().values()) < 0:
        yield message("“{arm}” has a cost or a number of labels below 0.", **here)
    if not _sound(arm.errors_per_10000) or (arm.score and not _sound(arm.score)):
        yield message("“{arm}” has an interval that is none.", **here)
    for trial in arm.trials:
        if not _fits(result, arm, trial):
            yield message("“{arm}” has a trial whose counts do not add up, seed {seed}.", seed=trial.seed, **here)


def _curve_fits(result: Result, trial: ArmTrial) -> bool:
    """Whether the errors of each point are out of the images it was counted on: all of them at the end."""
    every, images, end = result.data.validation, trial.curve_images, trial.curve_end
    if (images is None) != (end is None) or (images is not None and not (trial.curve and 0 < images <= every)):
        return False
    whole = trial.curve[-1][1] if trial.curve else 0
    return (
        0 <= whole <= every
        and (end is None or end <= whole)
        and all(0 <= errors <= size for _epoch, errors, size in drawn(result, trial))
    )


def _fits(result: Result, arm: Arm, trial: ArmTrial) -> bool:
    """Whether one trial's counts are possible: errors out of the images there are, epochs in order."""
    epochs = [epoch for epoch, _errors in trial.curve]
    size = len(trial.confusion)
    own = rules(result.technique)
    images = images_on_disk(result)
    lowest = own.lowest(arm.name)
    return (
        0 <= trial.test_errors <= result.data.test
        and trial.seconds >= 0
        and len(epochs) <= MOST_CURVE
        and epochs == sorted(set(epochs))
        and _curve_fits(result, trial)
        and (of_losses(result) or arm.name in own.untrained or bool(epochs))
        and size <= 100
        and all(len(row) == size and min(row, default=0) >= 0 for row in trial.confusion)
        and all(0 <= index < images and lowest <= answer < 1000 for index, answer in trial.mistakes)
        and all(
            b.count >= 0 and 0 <= b.correct <= b.count and 0 <= b.confidence <= b.count + 1e-6 for b in trial.bins
        )
        and len(trial.gallery_logits) in (0, len(result.gallery))
    )


def _sound(interval: Interval) -> bool:
    bounds = interval.low, interval.high
    if not (0 <= interval.n <= MOST and 0 < interval.confidence < 1 and math.isfinite(interval.mean)):
        return False
    if None in bounds:
        return bounds == (None, None)
    return bool(-MOST <= bounds[0] <= interval.mean <= bounds[1] <= MOST)  # type: ignore[operator]


# Its sentences


def _with_known_words(result: Result) -> Result:
    """The same with no sentence that the lab does not know: a verdict is said anew, others are left out."""
    verdicts = [_in_known_words(one, of_losses(result)) for one in (result.verdict, *result.comparisons)]
    notes = tuple(note for note in result.notes if is_known(note))
    return result.model_copy(update={"verdict": verdicts[0], "comparisons": tuple(verdicts[1:]), "notes": notes})


def _in_known_words(given: Verdict, losses: bool) -> Verdict:
    scope = tuple(sentence for sentence in given.scope if is_known(sentence))
    if is_known(given.text):
        return given.model_copy(update={"scope": scope})
    say = loss_verdict if losses else verdict
    return say(given.arm, given.baseline, given.difference, scope)


def is_known(said: Message) -> bool:
    """Whether the lab says this sentence itself, and only plain values fill its holes."""
    holes = set(re.findall(r"\{(\w+)\}", said.text))
    return (
        said.text in sentences()
        and holes <= said.values.keys()
        and all(is_known(v) if isinstance(v, Message) else is_plain(str(v)) for v in said.values.values())
    )
