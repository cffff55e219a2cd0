"""Distillation as a talk: from two sevens to what a phone would carry."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
import streamlit as st

from app.controls.widgets import follow
from app.distillation import figures
from app.distillation.bundled import all_labels, class_logits
from app.distillation.components.soft_targets import WORDS, soft_targets
from app.distillation.summary import same_network, sentence, worth_in_labels
from app.figures import arms, depth
from app.i18n.text import Translate
from app.results.bundled import gallery
from app.results.chart import picture
from app.talks.model import Choices, Stage, Step, choice, errors, show
from kd_core.distillation.settings import ALONE, DISTILLED
from kd_core.messages import N_
from kd_core.results.numbers import fixed, signed
from kd_core.results.schema import Arm, Result
from kd_core.settings.common import TEACHER

DIFFER, OPINION, OPINIONS = (WORDS[name] for name in ("differ", "opinion", "opinions"))
STRONGEST, WINNER = WORDS["strongest"], WORDS["winner"]
CLEAR_SEVEN, SEVEN_LIKE_ONE = 0, 4027  # indices in the test set
LOWEST, HIGHEST = 0.5, 50.0  # ends of the slider
EQUAL_BELOW = 0.005  # bars that differ by less look the same, as in the live picture
TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 20.0)
FEW, ALL = "few", "all"


def _temperature(stage: Stage) -> float:
    return float(stage.settings.model_dump()["temperature"])


def _live(stage: Stage, _: Translate, shows: str, covers: bool) -> None:
    """The page's live picture with one of its controls alone."""
    digits = gallery()
    places = {digit["index"]: place for place, digit in enumerate(digits)}
    set_to = stage.settings.model_dump()
    soft_targets(
        digits, temperature=set_to["temperature"], alpha=set_to["alpha"], t_squared=set_to["t_squared"],
        classes=class_logits(), pair=(places[CLEAR_SEVEN], places[SEVEN_LIKE_ONE]),
        words={key: _(text) for key, text in WORDS.items()}, key=f"talk_live_{shows}",
        on_temperature=follow(type(stage.settings), "temperature"), covers=covers and not stage.revealed,
        talk=shows,
    )  # fmt: skip


# Two sevens


def _sevens() -> list[Sequence[float]]:
    logits = {digit["index"]: digit["logits"] for digit in gallery()}
    return [logits[CLEAR_SEVEN], logits[SEVEN_LIKE_ONE]]


def opinion(logits: Sequence[float], t: float, _: Translate) -> str:
    """The teacher's first answer with its probability, and the second where two decimals show it."""
    p = arms.softmax(logits, t)
    first, second = sorted(range(len(p)), key=p.__getitem__, reverse=True)[:2]
    if round(p[second], 2) == 0:
        return _(OPINION, digit=first, p=f"{p[first]:.2f}")
    return _(OPINIONS, digit=first, p=f"{p[first]:.2f}", second=second, q=f"{p[second]:.2f}")


def _differ(stage: Stage, _: Translate) -> str:
    t = _temperature(stage)
    a, b = (opinion(logits, t, _) for logits in _sevens())
    return _(DIFFER, T=f"{t:g}", a=a, b=b)


def _never(stage: Stage, _: Translate) -> str:
    a, b = (int(np.argmax(logits)) for logits in _sevens())
    return _(WINNER, min=f"{LOWEST:g}", max=f"{HIGHEST:g}", a=a, b=b)


def _alike_or_not(stage: Stage) -> str:
    a, b = (np.array(arms.softmax(logits, _temperature(stage))) for logits in _sevens())
    return "same" if np.abs(a - b).max() < EQUAL_BELOW else "different"


def _winner_changes(stage: Stage) -> str:
    winners = [{int(np.argmax(arms.softmax(logits, t))) for t in (LOWEST, HIGHEST)} for logits in _sevens()]
    return "yes" if any(len(each) > 1 for each in winners) else "no"


# Which digits look alike


def most_alike(t: float) -> tuple[int, int, float]:
    """(label, answer, p): the wrong answer that the teacher gives most of, on average over images of one label."""
    mean = np.array([arms.mean_softmax(images, t) for images in class_logits()])
    np.fill_diagonal(mean, 0)
    label, answer = np.unravel_index(int(mean.argmax()), mean.shape)
    return int(label), int(answer), float(mean[label, answer])


def _alike(stage: Stage, _: Translate) -> str:
    t = _temperature(stage)
    label, answer, p = most_alike(t)
    return _(STRONGEST, T=f"{t:g}", label=label, answer=answer, p=f"{p:.3f}")


# T²


def _lengths(stage: Stage, _: Translate) -> None:
    t = choice(_("Temperature T"), TEMPERATURES, "talk_temperature", 4.0, _)
    show(stage, lambda: figures.gradient_norms(stage.result, t, _), "gradients", _("What T² does"))


def _over_t(stage: Stage) -> tuple[float, float]:
    """The length at T = 1 over that at T = 20 without T², and the other way round with it."""
    lengths = figures.gradient_lengths(stage.result)
    at = {t: min(range(61), key=lambda k: abs(figures.TEMPERATURES[k] - t)) for t in (1.0, 20.0)}
    bare, soft = lengths["bare"], lengths["soft"]
    return bare[at[1.0]] / bare[at[20.0]], soft[at[20.0]] / soft[at[1.0]]


def _vanishes(stage: Stage, _: Translate) -> str:
    bare, kept = _over_t(stage)
    return _("At T = 20 it is {bare} times shorter than at T = 1. With T² before it, it is {kept} times as long as "
             "at T = 1: that is why T² stands in the loss.", bare=f"{bare:,.0f}", kept=f"{kept:.1f}")  # fmt: skip


def _pull(stage: Stage) -> str:
    bare = round(_over_t(stage)[0], 1)
    return "falls" if bare > 1 else "rises" if bare < 1 else "stays"


# The run


def _bet(stage: Stage, _: Translate) -> str:
    seen = stage.result.arm(DISTILLED).labels if stage.running is None else int(stage.shown["train_size"])
    return _("Two equal students, the same {n} labelled images; one also learns from the teacher. How many errors "
             "in 10,000 does that save?", n=fixed(seen))  # fmt: skip


# One digit, asked of all


def _answers(stage: Stage, _: Translate) -> None:
    there = stage.result.gallery
    with st.container(horizontal=True, vertical_alignment="bottom"):
        digit = st.selectbox(
            _("Digit"), range(len(there)), index=min(15, len(there) - 1), width=300,
            key=f"talk_digit {stage.result.data.name}",
            format_func=lambda i: _("{label} (image {index})", label=there[i].label, index=there[i].index),
            persist_state="session",
        )  # fmt: skip
        name = _("{label} (image {index})", label=there[digit].label, index=there[digit].index)
        picture(arms.digit_image(there[digit]), name, 90)
    t = float(stage.result.settings["temperature"])
    alt = _("What every arm answers to this digit")
    show(stage, lambda: arms.soft_targets(stage.result, digit, t, _), "answers", alt)


def bits_apart(arm: Arm, other: Arm, t: float) -> float:
    """Mean KL(p_other || p_arm) at T over gallery digits and trials, in bits."""
    found = []
    for place, trial in enumerate(arm.trials):
        its = other.trials[0 if other.shared else place]
        for mine, theirs in zip(trial.gallery_logits, its.gallery_logits, strict=True):
            p, q = np.array(arms.softmax(theirs, t)), np.array(arms.softmax(mine, t))
            found.append(float((p * np.log2(np.maximum(p, 1e-300) / np.maximum(q, 1e-300))).sum()))
    return fmean(found)


def _apart(stage: Stage) -> tuple[str, str]:
    """Bits between the distilled student's answers and the teacher's, and those of the student alone."""
    result, t = stage.result, float(stage.result.settings["temperature"])
    teacher, alone = (fixed(bits_apart(result.arm(DISTILLED), result.arm(name), t), 2) for name in (TEACHER, ALONE))
    return teacher, alone


def _nearer(stage: Stage) -> str:
    teacher, alone = map(float, _apart(stage))
    return "neither" if teacher == alone else "teacher" if teacher < alone else "alone"


def _resembles(stage: Stage, _: Translate) -> str:
    result, t = stage.result, float(stage.result.settings["temperature"])
    teacher, alone = _apart(stage)
    says = {"neither": _("Like neither more than the other."), "teacher": _("More like the teacher's."),
            "alone": _("More like those of the student alone.")}  # fmt: skip
    return says[_nearer(stage)] + " " + _(
        "Over {n} digits at T = {t}, they are {teacher} bits away from the teacher's answers and {alone} bits away "
        "from those of the student alone (mean KL divergence).", n=len(result.gallery), t=f"{t:g}", teacher=teacher,
        alone=alone,
    )  # fmt: skip


# Size


def _carries(stage: Stage, _: Translate) -> None:
    measures = dict(enumerate((_("parameters"), _("multiply-adds for one image"), _("bytes (float32)"),
                               _("latency of one image (ms)"))))  # fmt: skip
    chosen = choice(_("What is measured"), measures, "talk_measure", 2, _)
    show(stage, lambda: depth.costs(stage.result, _, chosen), "costs", _("What each network costs"))


def _smaller(stage: Stage) -> str:
    small, taught = (stage.result.arm(name).cost.parameters for name in (ALONE, DISTILLED))
    return "neither" if small == taught else "alone" if small < taught else "distilled"


# All labels


def _runs(stage: Stage) -> dict[str, Result]:
    return {FEW: stage.result, ALL: all_labels()}


def _labels(stage: Stage, _: Translate) -> None:
    runs = _runs(stage)
    names = {name: f"{run.arm(DISTILLED).labels:,}" for name, run in runs.items()}
    chosen = choice(_("Labelled images"), names, "talk_labels", ALL, _)
    alt = _("Errors on the test set, every trial")
    show(stage, lambda: arms.errors_by_arm(runs[chosen], _), f"errors_{chosen}", alt)


def _left(stage: Stage, _: Translate) -> str:
    """How many of the errors that the teacher saves with few labels it still saves with all."""
    few, every = (100 * run.verdict.difference.mean for run in _runs(stage).values())
    labels, all_of_them = (fixed(run.arm(DISTILLED).labels) for run in _runs(stage).values())
    values = dict(few=signed(-few), labels=labels, every=signed(-every), all=all_of_them)
    return _("Teaching changes the errors in 10,000 by {few} with {labels} labels, and by {every} with {all}.",
             **values) + " " + sentence(all_labels(), _)  # fmt: skip


STEPS = (
    Step(
        N_("One label, one opinion?"),
        N_("A large network, the *teacher*, looks at two sevens."),
        lambda stage, _: _live(stage, _, "gallery", True),
        lambda stage, _: _("Both are labelled 7. Will the teacher's answers be the same?"),
        _differ,
        of_result=False,
        choices=Choices(lambda stage: {"same": WORDS["same"], "different": WORDS["different"]}, _alike_or_not),
        told=N_("One label, different opinions"),
        notes=N_("Two sevens from the test set, both labelled 7. Let everybody look at them, and ask for a "
                 "show of hands before you reveal the answer. The label says the same of both and the teacher "
                 "does not: that difference is what we are going to pass on."),
        until=2,
    ),
    Step(
        N_("Temperature softens an answer"),
        N_("Drag T: each logit is divided by it before the softmax. What becomes visible are *soft targets*."),
        lambda stage, _: _live(stage, _, "temperature", False),
        lambda stage, _: _("Will T change which digit wins?"),
        _never,
        of_result=False,
        choices=Choices(lambda stage: {"yes": WORDS["yes"], "no": WORDS["no"]}, _winner_changes),
        notes=N_("Drag T slowly from 1 to 8 and let the small bars grow. At T = 1 the teacher sounds certain; "
                 "higher up you see what else it considered. Dividing all logits by the same number never "
                 "changes their order, so the winner stays."),
        until=4,
    ),
    Step(
        N_("Dark knowledge: what looks like what"),
        N_("The teacher's mean answer to a hundred images of each "
           "digit. What lies off the diagonal is in no label."),
        lambda stage, _: _live(stage, _, "matrix", True),
        lambda stage, _: _("Which digit looks most like another one to the teacher?"),
        _alike,
        of_result=False,
        notes=N_("Read one row aloud: this is what the teacher thinks of a hundred images of that digit. Ask "
                 "which digits the room would mix up, then reveal. Nobody labelled these resemblances; the "
                 "teacher found them while it learned to classify."),
    ),
    Step(
        N_("What does T² do in the loss?"),
        N_("The student learns from both: α T² KL(teacher ‖ student) + (1 − α) CE(labels). The length of a "
           "gradient says how hard each of them pulls."),
        _lengths,
        lambda stage, _: _("Without T²: what becomes of the teacher's pull when T grows from 1 to 20?"),
        _vanishes,
        choices=Choices(
            lambda stage: {"falls": N_("It falls"), "stays": N_("It stays"), "rises": N_("It rises")}, _pull
        ),
        told=N_("Why T² is in the loss"),
        notes=N_("Without T², the gradient of the soft part shrinks roughly as one over T squared, so the "
                 "teacher falls silent just when its answers become interesting. With T², teacher and labels "
                 "keep about the same balance at every temperature. If time is short, skip this step."),
    ),
    Step(
        N_("Does the student learn more?"),
        N_("Run trains them for real while you watch; until then a recorded result is shown."),
        errors,
        _bet,
        lambda stage, _: f"{sentence(stage.result, _)} {worth_in_labels(stage.result, _)}".strip(),
        runs=True,
        notes=N_("Say what is equal: the same network, the same images, the same starting weights. Only the "
                 "teacher is added. Collect bets before you reveal, or press R in the talk and train them now. "
                 "Read the interval aloud, too: a difference without it is an anecdote."),
        until=7,
    ),
    Step(
        N_("The same digit, asked of all"),
        N_("Teacher, student alone and distilled student, each asked about one digit."),
        _answers,
        lambda stage, _: _("Whose answers will the distilled student's look like: the teacher's, or those of the "
                                "student alone?"),
        _resembles,
        choices=Choices(
            lambda stage: {"teacher": N_("The teacher's"), "alone": N_("Those of the student alone"),
                           "neither": N_("Neither more than the other")},
            _nearer,
        ),
        notes=N_("Choose a digit that people could argue about. Compare the whole shape of the bars, not only "
                 "the winner. The distilled student was trained on the teacher's whole answers, so we look for "
                 "the teacher's doubts in its answers as well."),
    ),
    Step(
        N_("What would run on a phone"),
        N_("Memory, arithmetic and time are what small devices lack."),
        _carries,
        lambda stage, _: _("Which is smaller: the small network alone, or the small network distilled?"),
        lambda stage, _: same_network(stage.result, _, columns=False),
        choices=Choices(
            lambda stage: {"alone": N_("The small network alone"), "distilled": N_("The small network distilled"),
                           "neither": N_("Neither: they have the same size")},
            _smaller,
        ),
        notes=N_("This is a trick question, so let them vote first. Distillation changes the weights and not "
                 "the architecture: both small networks have exactly the same size and cost. What it may buy "
                 "is accuracy at the small network's price."),
        until=8,
    ),
    Step(
        N_("And with all the labels?"),
        N_("So far labels were scarce for the students, and not for their teacher."),
        _labels,
        lambda stage, _: _("Give the small networks all {n} labels: how much of the gain is left?",
                                n=f"{all_labels().arm(DISTILLED).labels:,}"),
        _left,
        source=all_labels,
        notes=N_("So far the students saw few labels and their teacher saw many; say so before somebody asks. "
                 "Now let the room guess what is left of the gain when the student has all the labels itself. "
                 "End with the question when labels are scarce in their own work."),
        until=10,
    ),
)  # fmt: skip
