"""Multi-task learning as a talk: two gradients, a run, conflict, and the trade-off."""

import plotly.graph_objects as go

from app.i18n.text import Translate
from app.multitask import figures as of
from app.multitask.bundled import recorded_step, sweep
from app.multitask.components.gradients import WORDS, gradients
from app.talks.model import Choices, Stage, Step, choice, errors, found, show
from kd_core.messages import N_
from kd_core.multitask.settings import TASK_LABELS
from kd_core.results.numbers import fixed

ASK, FACT, TOLD = (WORDS[name] for name in ("ask", "fact", "told"))
TIME, LAYERS = "time", "layers"


def _arrows(stage: Stage, _: Translate) -> None:
    step = recorded_step()
    gradients(
        step, weights=[1.0, 1.0], labels=[_(TASK_LABELS[task]) for task in step["tasks"]],
        words={key: _(text) for key, text in WORDS.items()}, key="talk_gradients",
        covers=not stage.revealed, talk=True,
    )  # fmt: skip


def _what_it_did(stage: Stage, _: Translate) -> str:
    step = recorded_step()
    one = step["weights"].index(1.0)
    said = []
    for task, change in zip(step["tasks"], step["change"][one][one], strict=True):
        text = WORDS["fell"] if change < 0 else WORDS["rose"] if change > 0 else WORDS["stays"]
        said.append(_(text, task=_(TASK_LABELS[task]), by=fixed(abs(change), 4)))
    return _(FACT, told=_(TOLD, first=said[0], second=said[1]))


def _how_many_fall(stage: Stage) -> str:
    step = recorded_step()
    one = step["weights"].index(1.0)
    return ("none", "one", "both")[sum(change < 0 for change in step["change"][one][one])]


def _conflict(stage: Stage, _: Translate) -> None:
    ways = {TIME: _("over training"), LAYERS: _("by layer")}
    chosen = choice(_("Cosine between the tasks' gradients"), ways, "talk_conflict", TIME, _)
    draw = of.conflict if chosen == TIME else of.by_layer
    show(stage, lambda: draw(stage.result, _), f"conflict_{chosen}", _("Cosine between the tasks' gradients"))


def _trade(stage: Stage, _: Translate) -> None:
    measured = sweep()
    names = {place: f"{first:g} : {second:g}" for place, (first, second) in enumerate(measured["weights"])}
    chosen = choice(_("Task weights"), names, "talk_weights", len(names) // 2, _)

    def marked() -> go.Figure:
        figure = go.Figure(of.trade_off(measured, None if stage.recorded else stage.result, _))
        x, y = (measured["errors"][task][chosen]["mean"] for task in measured["tasks"])
        ring = dict(size=24, color="rgba(0,0,0,0)", line=dict(width=4, color="#D55E00"))
        return figure.add_scatter(x=[x], y=[y], mode="markers", hoverinfo="skip", showlegend=False, marker=ring)

    show(stage, marked, f"trade_off_{chosen}", _("Errors of one task over the other"))


def _one_for_both(stage: Stage) -> str:
    """Whether one recorded pair of weights has the fewest errors in both tasks."""
    measured = sweep()
    means = [[errors["mean"] for errors in measured["errors"][task]] for task in measured["tasks"]]
    return "yes" if len({each.index(min(each)) for each in means}) == 1 else "no"


def _best(stage: Stage, _: Translate) -> str:
    """Whether any recorded pair of weights has fewer errors than alone, task by task, and how many fewer."""
    measured = sweep()
    said = []
    for task in measured["tasks"]:
        least = min(errors["mean"] for errors in measured["errors"][task])
        alone = measured["alone"][task]["mean"]
        said.append(_("“{task}”: {least} at best, {alone} alone", task=_(TASK_LABELS[task]), least=fixed(least),
                      alone=fixed(alone)))  # fmt: skip
    yes = _("Yes, here one pair has the fewest errors in both.")
    says = (
        yes if _one_for_both(stage) == "yes" else _("No: the best pair for one task is not the best for the other.")
    )
    return says + " " + _("Validation errors per 10,000, {first}; {second}.", first=said[0], second=said[1])


def _asked(stage: Stage, _: Translate) -> str:
    first = stage.result.verdict.arm.split(" · ")[0]
    return _("Does “{task}” learn better together with the other task, or alone?", task=first)


STEPS = (
    Step(
        N_("Two tasks pull at one body"),
        N_("Two gradients of a real run, in the weights that both tasks share; their weighted sum is the step."),
        _arrows,
        lambda stage, _: _(ASK),
        _what_it_did,
        of_result=False,
        choices=Choices(
            lambda stage: {key: WORDS[f"guess_{key}"] for key in ("both", "one", "none")}, _how_many_fall
        ),
        notes=N_("One body serves two tasks, so every step is a compromise between two gradients. Show the two "
                 "arrows first, then their sum. Ask whether a step along the sum lowers both losses, one of "
                 "them, or none."),
        until=3,
    ),
    Step(
        N_("Together or alone?"),
        N_("Run trains every network for real while you watch; until then a recorded result is shown."),
        errors,
        _asked,
        lambda stage, _: _(stage.result.verdict.text),
        choices=Choices(
            lambda stage: {"better": N_("Together"), "worse": N_("Alone"),
                           "undetectable": N_("No detectable difference")},
            found,
        ),
        runs=True,
        notes=N_("The honest comparison is each task trained alone, with the same body and the same images. "
                 "Let the room bet on together or alone. Whatever comes out, read the interval: it may well be "
                 "that neither is detectably better."),
        until=7,
    ),
    Step(
        N_("Do the tasks fight?"),
        N_("The cosine between the two gradients: above 0 they agree, below 0 they are in conflict."),
        _conflict,
        lambda stage, _: _("In what share of the steps is it below 0?"),
        lambda stage, _: of.conflict_says(stage.result, _),
        notes=N_("A cosine of 1 means that both tasks want the same step; at minus 1 each undoes what the "
                 "other does. Ask for a guess in percent before you reveal. Then switch to the layers: where "
                 "do the tasks get along, and where do they part?"),
    ),
    Step(
        N_("Is one pair of weights best for both?"),
        N_("Every point is one pair of weights; both axes are errors, so the lower left is good."),
        _trade,
        lambda stage, _: _("Is there a pair of weights that is best for both?"),
        _best,
        of_result=False,
        choices=Choices(
            lambda stage: {"yes": N_("Yes, one is best for both"), "no": N_("No, there is none")}, _one_for_both
        ),
        told=N_("The trade-off between the tasks"),
        notes=N_("Each point is a whole training with another pair of weights; lower left is good for both "
                 "tasks. Ask whether one point wins on both axes before you reveal. If none does, choosing the "
                 "weights means deciding what you care about, and no algorithm can decide that for you."),
        until=10,
    ),
)  # fmt: skip
