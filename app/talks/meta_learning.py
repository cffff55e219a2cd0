"""Meta-learning as a talk: a start that learns fast, a run, steps, and curves before and after."""

import plotly.graph_objects as go
import streamlit as st

from app import meta_figures as of
from app.bundled import sinusoids
from app.components.adaptation import WORDS, adaptation
from app.talks import Stage, Step, choice, show
from app.text import Translate
from kd_core.messages import N_
from kd_core.settings import MAML, PRETRAINED

ASK = WORDS["ask"]
STEPS_SHOWN = (0, 1, 2, 5, 10)


def _two_nets(stage: Stage, _: Translate) -> None:
    adaptation(
        sinusoids(), words={key: _(text) for key, text in WORDS.items()}, key="talk_adaptation",
        covers=not stage.revealed, talk=True,
    )  # fmt: skip


def _nearer(stage: Stage, _: Translate) -> str:
    """Mean errors of the recorded networks before any step and after one."""
    mean = sinusoids()["mean"]
    maml, joint = mean["maml"], mean["joint"]
    values = dict(maml0=maml[0], joint0=joint[0], maml1=maml[1], joint1=joint[1])
    return _(
        "On average over many curves: {maml0} for MAML and {joint0} for joint pre-training before any step (mean "
        "squared error); {maml1} and {joint1} after one.", **{name: f"{x:.2f}" for name, x in values.items()},
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


def _after_steps(stage: Stage, _: Translate) -> str:
    """The means of MAML and joint pre-training before any step and after the number that is chosen."""
    steps, said = int(st.session_state.get("talk_steps") or 1), []
    for name in (MAML, PRETRAINED):
        if any(arm.name == name for arm in stage.result.arms):
            over = of.over_steps(stage.result, stage.result.arm(name))
            said.append(f"{_(name)}: {over[0].mean:.2f} → {over[min(steps, len(over) - 1)].mean:.2f}")
    return _("From no step to {steps}: {found}.", steps=steps, found="; ".join(said))


def _curves(stage: Stage, _: Translate) -> None:
    if stage.result.measure == "errors":
        st.caption(_("This result is of digits; curves are drawn of a run on sinusoids."))
        return
    show(stage, lambda: of.before_and_after(stage.result, _), "before_and_after",
         _("Curves before and after adapting"))  # fmt: skip


def _what_moved(stage: Stage, _: Translate) -> str:
    return _("Neither knows the curve before it has seen its points. From MAML's start a step or so is enough "
                     "to bend; the start is what was learned.")  # fmt: skip


STEPS = (
    Step(
        N_("Not an answer but a starting point"),
        N_("A few points of a new curve, and two networks that have seen many curves. The slider takes steps of "
           "gradient descent."),
        _two_nets,
        lambda stage, _: _(ASK),
        _nearer,
        of_result=False,
    ),
    Step(
        N_("Does a learned start beat pre-training?"),
        N_("Run trains every start for real, in front of you; what was recorded stands until then."),
        _scores,
        lambda stage, _: _("After a step on a few examples: is MAML ahead of ordinary joint pre-training?"),
        lambda stage, _: _(stage.result.verdict.text),
        runs=True,
    ),
    Step(
        N_("Step by step"),
        N_("The error on new tasks after each step of adapting, with its 95 % band over trials."),
        _over_steps,
        lambda stage, _: _("Does the other start ever catch up?"),
        _after_steps,
    ),
    Step(
        N_("What the start knows"),
        N_("Three curves of the first trial: dashed before adapting, bold after it, dotted the truth."),
        _curves,
        lambda stage, _: _("Before it has seen a single point, what does MAML's network draw?"),
        _what_moved,
    ),
)  # fmt: skip
