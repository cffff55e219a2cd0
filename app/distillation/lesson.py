"""The lesson of distillation: what a temperature does, where it is used, what α weighs, what is gained."""

from collections.abc import Sequence
from functools import cache
from statistics import fmean

import numpy as np

from app.distillation import teacher
from app.figures.arms import softmax
from app.lessons.model import Bars, Choice, Goal, Leads, LessonStep, Number, Values
from app.results.bundled import gallery, recorded
from kd_core.distillation.settings import DISTILLED, DistillationSettings
from kd_core.inspection.examples import hundred_classes
from kd_core.inspection.logits import Logits
from kd_core.messages import N_
from kd_core.results.numbers import fixed, signed
from kd_core.settings.base import Settings

TEMPERATURE = DistillationSettings.specs()["temperature"]
LOW, HIGH = float(TEMPERATURE.low or 0), float(TEMPERATURE.high or 0)
CLEAR_SEVEN, SEVEN_LIKE_ONE, FOUR_LIKE_NINE = 0, 4027, 740  # indices in the test set
BELOW = 0.6  # the goal for p(7)
FADED_T = 8.0
USUAL_T = 4.0  # the page's default


def place(index: int) -> int:
    """Where the test image of this index is in the gallery."""
    return next(at for at, digit in enumerate(gallery()) if digit["index"] == index)


def top_two(logits: Sequence[float]) -> tuple[int, int]:
    """The two digits with the largest logits."""
    first, second = sorted(range(10), key=lambda digit: -logits[digit])[:2]
    return first, second


def winners_that_change(rows: Sequence[Sequence[float]], temperatures: Sequence[float]) -> int:
    """How many rows of logits have not the same largest probability at all `temperatures`."""

    def winner(logits: Sequence[float], t: float) -> int:
        p = softmax(logits, t)
        return p.index(max(p))

    return sum(len({winner(logits, t) for t in temperatures}) > 1 for logits in rows)


def temperature_for(logits: Sequence[float], digit: int, p: float) -> float:
    """The T at which softmax(logits / T)[digit] falls to `p`, by halving the range of T. The digit must win."""
    low, high = LOW, HIGH
    for _step in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if softmax(logits, middle)[digit] > p else (low, middle)
    return high


def label_share(alpha: float) -> float:
    """The labels' share of the loss in percent, at teacher weight `alpha`."""
    return 100 * (1 - alpha)


@cache
def _student() -> list[tuple[float, ...]]:
    """The logits that the recorded first distilled student gives to its gallery."""
    return [tuple(row) for row in recorded("distillation").arm(DISTILLED).trials[0].gallery_logits]


def _alpha() -> float:
    return float(recorded("distillation").settings["alpha"])


def _trained_at() -> float:
    return float(recorded("distillation").settings["temperature"])


def _worked() -> Values:
    logits = gallery()[place(SEVEN_LIKE_ONE)]["logits"]
    first, second = top_two(logits)
    gap = logits[first] - logits[second]
    ratios = {t: softmax(logits, t)[first] / softmax(logits, t)[second] for t in (1.0, 4.0)}
    rows = [digit["logits"] for digit in gallery()]
    return {
        "first": first, "second": second, "z": f"{logits[first]:.2f}", "w": f"{logits[second]:.2f}",
        "gap": f"{gap:.2f}", "ratio": f"{ratios[1.0]:.2f}", "quarter": f"{gap / 4:.2f}",
        "ratio4": f"{ratios[4.0]:.2f}", "p": f"{softmax(logits, 20.0)[first]:.3f}",
        "q": f"{softmax(logits, 20.0)[second]:.3f}", "n": len(rows), "low": f"{LOW:g}", "high": f"{HIGH:g}",
        "changed": winners_that_change(rows, (LOW, 1.0, 4.0, 20.0, HIGH)),
    }  # fmt: skip


def _winner_at_20() -> str:
    logits = gallery()[place(SEVEN_LIKE_ONE)]["logits"]
    first, second = top_two(logits)
    p = softmax(logits, 20.0)
    if p[first] == p[second]:
        return "tie"
    return "same" if max(p) == p[first] else "other"


def _faded() -> Values:
    logits = gallery()[place(FOUR_LIKE_NINE)]["logits"]
    first, second = top_two(logits)
    p, soft = softmax(logits, 1.0), softmax(logits, FADED_T)
    return {
        "first": first, "second": second, "t": f"{FADED_T:g}", "p": f"{p[first]:.2f}", "q": f"{p[second]:.2f}",
        "ratio": f"{p[first] / p[second]:.2f}", "root": f"{(p[first] / p[second]) ** (1 / FADED_T):.2f}",
        "p_soft": f"{soft[first]:.2f}", "q_soft": f"{soft[second]:.2f}",
        "rest": f"{1 - soft[first] - soft[second]:.2f}",
    }  # fmt: skip


def temperature_of(settings: Settings) -> float:
    """The temperature that is set."""
    return float(settings.model_dump()["temperature"])


def seven_at(temperature: float) -> float:
    """p(7) of the clear seven at `temperature`."""
    return softmax(gallery()[place(CLEAR_SEVEN)]["logits"], temperature)[7]


def _seven_now(settings: Settings) -> Values:
    t = temperature_of(settings)
    return {"t": f"{t:g}", "p": f"{seven_at(t):.2f}"}


def _goal_temperature() -> float:
    return temperature_for(gallery()[place(CLEAR_SEVEN)]["logits"], 7, BELOW)


def _inference() -> Values:
    rows, t = _student(), _trained_at()
    return {
        "t": f"{t:g}", "n": len(rows), "changed": winners_that_change(rows, (1.0, t)),
        "sure": f"{fmean(max(softmax(row, 1.0)) for row in rows):.2f}",
        "soft": f"{fmean(max(softmax(row, t)) for row in rows):.2f}",
    }  # fmt: skip


def _gain() -> Values:
    result = recorded("distillation")
    difference = result.verdict.difference
    seen = result.arm(DISTILLED)
    return {
        "points": signed(difference.mean, 2), "low": signed(difference.low or 0, 2),
        "high": signed(difference.high or 0, 2), "n": difference.n, "labels": fixed(seen.labels),
        "teacher_labels": fixed(seen.teacher_labels or 0),
        "date": result.provenance.created[:10],
    }  # fmt: skip


def outside(logits: Logits, temperature: float) -> float:
    """The probability outside the top class at `temperature`, mean over the rows."""
    z = logits.values.astype(float) / temperature
    return float(1 - (1 / np.exp(z - z.max(1, keepdims=True)).sum(1)).mean())


@cache
def same_softness() -> float:
    """The T at which the made-up teacher of 100 classes leaves as much outside its top class as the lab's teacher
    leaves at USUAL_T, by halving the range of T."""
    wanted, low, high = outside(teacher.mnist_teacher(), USUAL_T), LOW, HIGH
    for _step in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if outside(hundred_classes(), middle) < wanted else (low, middle)
    return high


def _own_teacher() -> Values:
    ranges = {source: teacher.example(source).facts["range"] for source in ("mnist", "hundred")}
    ends = {f"{source}_{end}": f"{found[end]['value']:.1f}" for source, found in ranges.items() for end in found}
    return {
        "usual": f"{USUAL_T:g}", "t": f"{same_softness():.1f}", **ends,
        "mnist": f"{100 * outside(teacher.mnist_teacher(), USUAL_T):.0f}",
        "hundred": f"{100 * outside(hundred_classes(), USUAL_T):.0f}",
    }  # fmt: skip


LESSON = (
    LessonStep(
        kind="worked",
        title=N_("One logit gap, divided by T"),
        text=N_(
            "This {first} looks like a {second}. Its two largest logits are {z} and {w}: a gap of {gap}. At T = 1 "
            "the teacher gives {first} a probability $e^{{{gap}}}$ = {ratio} times that of {second}. At T = 4 the "
            "gap is {gap} / 4 = {quarter}, and $e^{{{quarter}}}$ = {ratio4}: the bars come closer."
        ),
        ask=Choice(
            N_("Go on to T = 20. Which of the two bars is then the higher one?"),
            {"same": N_("The same as before"), "other": N_("The other one"), "tie": N_("Neither: they are equal")},
            _winner_at_20,
        ),
        reveals=N_(
            "{first} has {p} and {second} has {q}. A gap divided by T shrinks and keeps its sign, so **T never "
            "changes which answer wins**. From T = {low} to {high} the winner changes for {changed} of the {n} "
            "gallery digits."
        ),
        values=_worked,
        sets={"temperature": 4.0},
        picture=place(SEVEN_LIKE_ONE),
        covers=True,
    ),
    LessonStep(
        kind="faded",
        title=N_("Now you: draw the bars"),
        text=N_(
            "This {first} looks like a {second}. At T = 1 it gets {p} and {q}: a ratio of {ratio}. At T = {t} "
            "the ratio is ${ratio}^{{1/{t}}}$. The other eight digits, almost nothing at T = 1, grow by "
            "the same rule."
        ),
        ask=Bars(N_("Draw the teacher's bars at T = {t}."), place(FOUR_LIKE_NINE), FADED_T),
        reveals=N_(
            "The ratio is {root}: {first} has {p_soft}, {second} has {q_soft}, and the other eight together have "
            "{rest}. Guesses often give these eight too little, and it is from them that the student learns which "
            "digits look alike."
        ),
        values=_faded,
        sets={"temperature": FADED_T},
        picture=place(FOUR_LIKE_NINE),
        pair=(place(FOUR_LIKE_NINE), place(SEVEN_LIKE_ONE)),
        covers=True,
    ),
    LessonStep(
        kind="free",
        title=N_("Make the teacher doubt a clear seven"),
        text=N_(
            "This 7 could hardly be clearer: at T = 1 the teacher leaves the other nine digits together one part "
            "in {doubt}. First guess, then drag the temperature below until its bar for 7 is lower than {below}."
        ),
        ask=Number(
            N_("At which T does p(7) fall to {below}?"), LOW, HIGH, 0.5, _goal_temperature, close=1.0,
        ),
        reveals=N_(
            "It takes T = {t}. The surer the teacher, the larger its logit gaps, and the larger the T that it "
            "takes: softness depends on T and on the teacher together, so no T is right for every teacher."
        ),
        values=lambda: {
            "doubt": f"{1 / (1 - seven_at(1.0)):,.0f}", "below": f"{BELOW:g}",
            "t": f"{_goal_temperature():.1f}",
        },
        sets={"temperature": 1.0},
        goal=Goal(
            N_("Goal: p(7) below {below}."),
            N_("At T = {t}, p(7) = {p}."),
            _seven_now,
            lambda settings: seven_at(temperature_of(settings)) < BELOW,
        ),
        picture=place(CLEAR_SEVEN),
        pair=(place(CLEAR_SEVEN), place(SEVEN_LIKE_ONE)),
        covers=True,
    ),
    LessonStep(
        kind="belief",
        title=N_("On the phone"),
        text=N_(
            "The student was trained with its logits divided by T = {t}. Training is over, and it is put on a "
            "phone."
        ),
        ask=Choice(
            N_("To give the same answers there, must it still divide its logits by T = {t}?"),
            {"yes": N_("Yes, as in training"), "no": N_("No, T can be left out")},
            lambda: "yes" if winners_that_change(_student(), (1.0, _trained_at())) else "no",
        ),
        reveals=N_(
            "With T = {t} or without, {changed} of {n} gallery digits get another answer from the recorded "
            "student. **T belongs to training alone.** What it would change is how sure the student says it is: "
            "{sure} on average at T = 1, {soft} at T = {t}."
        ),
        values=_inference,
        sets={"temperature": 4.0},
    ),
    LessonStep(
        kind="belief",
        title=N_("What α weighs"),
        text=N_(
            "The loss is α T² KL(teacher ‖ student) + (1 − α) CE(labels, student). A paper reports “α = {alpha}, "
            "T = 4”."
        ),
        ask=Number(
            N_("In this lab, what weight do the labels have at teacher weight α = {alpha}, in percent?"),
            0, 100, 5, lambda: label_share(_alpha()), close=0.01, unit=N_("%"), digits=0,
        ),
        reveals=N_(
            "{share} %. **Here α is the weight on the teacher.** Much code has it the other way round: keras-io "
            "and torchdistill give α to the labels, RepDistiller and mdistiller to the teacher. So the same “α "
            "= {alpha}” means two opposite experiments; look at the formula before you compare."
        ),
        values=lambda: {"alpha": f"{_alpha():g}", "share": f"{label_share(_alpha()):.0f}"},
        sets={"alpha": 0.9, "temperature": 4.0},
    ),
    LessonStep(
        kind="belief",
        title=N_("And does it pay?"),
        text=N_(
            "Recorded on {date}: {n} students see {labels} labelled images each, alone; {n} more see the same "
            "images and a teacher's soft answers."
        ),
        ask=Number(
            N_("How many points of accuracy does the teacher add? (Below 0: it costs.)"),
            -5, 20, 0.5, lambda: recorded("distillation").verdict.difference.mean, close=1.0, unit=N_("points"),
        ),
        reveals=N_(
            "{points} points, 95 % interval {low} to {high}. The teacher saw {teacher_labels} labels, which is "
            "part of the answer: try the preset “Teacher with no more labels” below, then press Run."
        ),
        values=_gain,
        sets={"temperature": 4.0, "alpha": 0.9, "train_size": 500},
    ),
    LessonStep(
        kind="belief",
        title=N_("A teacher of your own"),
        text=N_(
            "At T = {usual} the lab's teacher leaves {mnist} % of its probability outside its top class, mean over "
            "1,000 validation images. Another teacher, made up for this lab, tells 100 classes apart. At the same "
            "T it leaves {hundred} % outside."
        ),
        ask=Number(
            N_("At which T does the teacher of 100 classes leave {mnist} % outside, too?"), LOW, HIGH, 0.5,
            same_softness, close=0.7,
        ),
        reveals=N_(
            "T = {t}. **No T is right for every teacher.** A rule of thumb is to begin where 5 to 50 % are "
            "outside: from T = {mnist_low} to {mnist_high} with the lab's teacher, from {hundred_low} to "
            "{hundred_high} with this one. Save the logits of a teacher of your own, and the lab says the same of "
            "it, with the loss to paste into your code."
        ),
        values=_own_teacher,
        sets={"temperature": USUAL_T},
        leads=Leads("teacher", N_("Look at these 100 classes, or bring a teacher of your own"),
                    {"source": "hundred"}),
    ),
)  # fmt: skip
