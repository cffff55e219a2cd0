"""Meta-learning as a talk: a start that learns fast, a run, steps, and curves before and after."""

import plotly.graph_objects as go
import streamlit as st

from app.i18n.text import Translate
from app.meta_learning import figures as of
from app.meta_learning.bundled import sinusoids
from app.meta_learning.components.adaptation import WORDS, adaptation
from app.talks.model import Choices, Stage, Step, choice, found, show
from kd_core.messages import N_, Scalar
from kd_core.meta_learning.settings import FIRST_ORDER, MAML, PRETRAINED
from kd_core.results.numbers import fixed
from kd_core.results.schema import Result
from kd_core.results.statistics import paired_ratio, t_interval

ASK = WORDS["ask"]
STEPS_SHOWN = (0, 1, 2, 5, 10)


def _two_nets(stage: Stage, _: Translate) -> None:
    adaptation(
        sinusoids(), words={key: _(text) for key, text in WORDS.items()}, key="talk_adaptation",
        covers=not stage.revealed, talk=True,
    )  # fmt: skip


def _nearer(stage: Stage, _: Translate) -> str:
    """Which start's mean error is smaller before any step, in the recorded run, and what a step makes of both."""
    maml, joint = (of.start_means()[name] for name in (MAML, PRETRAINED))
    says = {"same": _("About the same."), "maml": _("MAML's."), "joint": _("The jointly pre-trained one.")}
    return says[of.nearer_at_first()] + " " + _(
        "The mean squared error on new curves is {maml0} for MAML and {joint0} for joint pre-training before any "
        "step; after one step it is {maml1} and {joint1}.", maml0=fixed(maml[0].mean, 2),
        joint0=fixed(joint[0].mean, 2), maml1=fixed(maml[1].mean, 2), joint1=fixed(joint[1].mean, 2),
    )  # fmt: skip


def _scores(stage: Stage, _: Translate) -> None:
    alt = _("Errors on new tasks after adapting, every trial")
    show(stage, lambda: of.scores(stage.result, _), "scores", alt)


def _over_steps(stage: Stage, _: Translate) -> None:
    steps = choice(_("Adaptation steps"), STEPS_SHOWN, "talk_steps", 1, _)

    def marked() -> go.Figure:
        figure = go.Figure(of.adaptation(stage.result, _))
        return figure.add_vline(x=steps, line=dict(color="#0072B2", width=4))

    show(stage, marked, f"steps_{steps}", _("Query error over adaptation steps"))


def _starts(stage: Stage) -> tuple[str, str]:
    """The learned start and the other one, as the run's verdict compares them."""
    return stage.result.verdict.arm, stage.result.verdict.baseline


def caught_up(result: Result) -> int | None:
    """The first number of steps, from 1 on, from which on the verdict's arm is no longer detectably ahead of its
    baseline: no interval of the paired ratios of losses (or differences of errors) lies above 0. None where it is
    ahead after the last step, too."""
    arm, baseline = result.arm(result.verdict.arm), result.arm(result.verdict.baseline)
    steps = list(zip(*(of.measured(result, t) for t in arm.trials), strict=True))
    others = list(zip(*(of.measured(result, t) for t in baseline.trials), strict=True))
    last = 0
    for step, (mine, theirs) in enumerate(zip(steps, others, strict=True)):
        if step:
            ahead = (
                t_interval([b - a for a, b in zip(mine, theirs, strict=True)]) if result.measure == "errors"
                else paired_ratio(mine, theirs)
            )  # fmt: skip
            last = step if (ahead.mean if ahead.low is None else ahead.low) > 0 else last
    return None if last == len(steps) - 1 else last + 1


def _after_steps(stage: Stage, _: Translate) -> str:
    """Whether the other start catches up, and both means after the number of steps that is chosen."""
    result, at = stage.result, caught_up(stage.result)
    arm, other = _starts(stage)
    mine, theirs = (of.over_steps(result, result.arm(name)) for name in (arm, other))
    steps = min(int(st.session_state.get("talk_steps", 1)), len(mine) - 1)
    says = (
        _("No: after {n} steps “{arm}” is still ahead.", n=len(mine) - 1, arm=arm) if at is None else
        _("Yes: from step {n} on, “{arm}” is no longer detectably ahead.", n=at, arm=arm)
    )  # fmt: skip
    values: dict[str, Scalar] = {"steps": steps}
    values |= {"mine": fixed(mine[steps].mean, 2), "theirs": fixed(theirs[steps].mean, 2)}
    if result.measure == "errors":
        return says + " " + _("After {steps} steps, errors in percent: {mine} against {theirs}.", **values)
    return says + " " + _("After {steps} steps, mean squared error: {mine} against {theirs}.", **values)


def _curves(stage: Stage, _: Translate) -> None:
    if stage.result.measure == "errors":
        st.caption(_("This result is of digits; curves are drawn of a run on sinusoids."))
        return
    show(stage, lambda: of.before_and_after(stage.result, _), "before_and_after",
         _("Curves before and after adapting"))  # fmt: skip


def drawn_before(result: Result) -> tuple[float, float]:
    """The least and the largest value that MAML's network of the first trial draws before it has seen a point."""
    names = [arm.name for arm in result.arms]
    values = result.arm(MAML if MAML in names else FIRST_ORDER).trials[0].series["task 1, before"]
    return min(values), max(values)


def _what_moved(stage: Stage, _: Translate) -> str:
    if stage.result.measure == "errors":
        return _("This result is of digits; curves are drawn of a run on sinusoids.")
    low, high = drawn_before(stage.result)
    return _("The same curve for every task, with values from {low} to {high}: it cannot know which task comes. "
             "What was learned is a start from which a step or so is enough.", low=fixed(low, 1),
             high=fixed(high, 1))  # fmt: skip


def _ahead(stage: Stage, _: Translate) -> str:
    arm, other = _starts(stage)
    return _("Inner steps on a few examples: {n}. Is “{arm}” ahead of “{other}” then?",
             n=int(stage.shown["inner_steps"]), arm=arm, other=other)  # fmt: skip


STEPS = (
    Step(
        N_("What does MAML learn?"),
        N_("A few points of a new curve, and two networks that have seen many curves. The slider takes steps of "
           "gradient descent."),
        _two_nets,
        lambda stage, _: _(ASK),
        _nearer,
        of_result=False,
        choices=Choices(
            lambda stage: {key: WORDS[key] for key in ("maml", "joint", "same")}, lambda stage: of.nearer_at_first()
        ),
        told=N_("Not an answer but a starting point"),
        notes=N_("Both networks have seen many curves of this family; now they get a few points of a new one. "
                 "Before any step, neither can know which curve it is. Move the slider one step at a time, and "
                 "watch which network makes use of the points."),
        until=3,
    ),
    Step(
        N_("Does a learned start beat pre-training?"),
        N_("Run trains every start for real while you watch; until then a recorded result is shown."),
        _scores,
        _ahead,
        lambda stage, _: _(stage.result.verdict.text),
        choices=Choices(
            lambda stage: {"better": N_("Yes, it is ahead"), "worse": N_("No, it is behind"),
                           "undetectable": N_("No detectable difference")},
            found,
        ),
        runs=True,
        notes=N_("Joint pre-training is the rival that is easily forgotten: it has seen the same tasks. Ask "
                 "whether the learned start beats it, then reveal, or press R in the talk. Compare only after "
                 "the same number of inner steps, and say how many."),
        until=7,
    ),
    Step(
        N_("Step by step"),
        N_("The error on new tasks after each step of adapting, with its 95 % band over trials."),
        _over_steps,
        lambda stage, _: _("Does the other start ever catch up?"),
        _after_steps,
        choices=Choices(
            lambda stage: {"yes": N_("Yes"), "no": N_("No")},
            lambda stage: "no" if caught_up(stage.result) is None else "yes",
        ),
        notes=N_("Read the curves from left to right, one step at a time. Ask whether the other start will "
                 "ever catch up. The band is a 95 % interval over trials: read it before you name a winner."),
        until=10,
    ),
    Step(
        N_("What the start knows"),
        N_("Three curves of the first trial: dashed before adapting, bold after it, dotted the truth."),
        _curves,
        lambda stage, _: _("Before it has seen a single point, what does MAML's network draw?"),
        _what_moved,
        notes=N_("Look at the dashed curves first: this is what the network draws before it has seen a single "
                 "point. It is the same for every task, because it cannot know which one will come. What was "
                 "learned is not an answer but a place from which every answer is near."),
    ),
)  # fmt: skip
