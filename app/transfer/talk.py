"""Transfer learning as a talk: from labels that run out to what is forgotten."""

import streamlit as st

from app.controls.widgets import follow
from app.i18n.text import Translate
from app.results.bundled import gallery
from app.talks.model import Choices, Stage, Step, choice, errors, found, show
from app.transfer import figures as transfer_figures
from app.transfer.bundled import lambda_map, recorded_curve
from app.transfer.components.labels_curve import WORDS, labels_curve
from kd_core.messages import N_
from kd_core.results.numbers import fixed, signed
from kd_core.results.schema import Interval
from kd_core.results.statistics import t_interval
from kd_core.transfer.settings import FROZEN, TUNED

ASK, INTERVAL, NO_GAIN, POINTS = (WORDS[name] for name in ("ask", "interval", "no_gain", "points"))


def _curve(stage: Stage, _: Translate) -> None:
    labels_curve(
        recorded_curve(), gallery(), labels=int(stage.settings.model_dump()["labels_per_class"]),
        mine=None if stage.recorded else transfer_figures.own_run(stage.result, recorded_curve()),
        words={key: _(text) for key, text in WORDS.items()}, key="talk_labels_curve",
        on_labels=follow(type(stage.settings), "labels_per_class"), covers=not stage.revealed, talk=True,
    )  # fmt: skip


def _ahead() -> list[int]:
    """The places of the recorded numbers of labels with a gain whose interval lies above 0."""
    return [place for place, gain in enumerate(recorded_curve()["gain"]) if gain["kind"] == "better"]


def _numbers_of_labels(stage: Stage) -> dict[str, str]:
    return {str(labels): str(labels) for labels in recorded_curve()["labels"]} | {"never": WORDS["never"]}


def _caught_up_at(stage: Stage) -> str:
    labels, ahead = recorded_curve()["labels"], _ahead()
    at = ahead[-1] + 1 if ahead else 0
    return str(labels[at]) if at < len(labels) else "never"


def _catches_up(stage: Stage, _: Translate) -> str:
    """The first recorded number of labels from which on no point has a gain whose interval lies above 0."""
    curve, ahead = recorded_curve(), _ahead()
    if not ahead:
        return _(NO_GAIN)
    at = min(ahead[-1] + 1, len(curve["gain"]) - 1)
    gain, labels = curve["gain"][at], curve["labels"][at]
    points = _(POINTS, points=signed(gain["points"], 2))
    low, high = gain["low"], gain["high"]
    interval = "" if low is None or high is None else _(INTERVAL, low=signed(low, 2), high=signed(high, 2))
    text = WORDS[{"better": "not_caught_up", "worse": "overtaken"}.get(gain["kind"], "caught_up")]
    return _(text, labels=labels, gain=f"{points} {interval}".strip())


def _layers(stage: Stage, _: Translate) -> None:
    every = lambda_map()
    lam = choice(_("Pull to the old weights λ"), every["lams"], "talk_lam", 0.01, _)
    show(stage, lambda: transfer_figures.distances_at(every, lam, _), f"layers {lam:g}",
         _("How far each layer has moved"))  # fmt: skip
    st.caption(_("Recorded on {date} with the settings that the page starts with: distance from the old weights "
                 "after training with L2-SP, mean over {seeds} trials.", date=every["created"][:10],
                 seeds=every["seeds"]))  # fmt: skip


def _less_or_more(stage: Stage) -> str:
    first, *_between, last = (transfer_figures.moved_in_all(lam) for lam in lambda_map()["lams"])
    return "less" if last < first else "more"


def _moves(stage: Stage, _: Translate) -> str:
    every = lambda_map()
    low, high = every["lams"][0], every["lams"][-1]
    first, last = (transfer_figures.moved_in_all(lam) for lam in (low, high))
    says = _("Less:") if last < first else _("Not less:")
    return says + " " + _("all layers together move by {first} at λ = {low} and by {last} at λ = {high}. λ = 0 is "
                          "fine-tuning; a very large λ is almost feature extraction.", first=fixed(first, 2),
                          last=fixed(last, 2), low=f"{low:g}", high=f"{high:g}")  # fmt: skip


def _forgetting(stage: Stage, _: Translate) -> None:
    if transfer_figures.gains_and_losses(stage.result):
        show(stage, lambda: transfer_figures.forgetting(stage.result, _), "forgetting",
             _("Gain on the target against errors on the source"))  # fmt: skip
    else:
        st.caption(_("What was forgotten of ImageNet cannot be measured: its photographs are not here."))


def _forgotten(stage: Stage) -> dict[str, Interval]:
    """By arm: errors on the old task; none where the result does not say."""
    measured = transfer_figures.gains_and_losses(stage.result)
    there = {FROZEN, TUNED} <= measured.keys()
    return {arm: t_interval(lost) for arm, (_gained, lost) in measured.items()} if there else {}


def _most(stage: Stage) -> str:
    errors = _forgotten(stage)
    return max(errors, key=lambda arm: errors[arm].mean)


def _forgets(stage: Stage, _: Translate) -> str:
    errors = _forgotten(stage)
    if not errors:
        return _("This result does not say.")
    most = _most(stage)
    return _("On average “{arm}”: with its old last layer back, it makes {errors} errors in 10,000 on the old task "
             "(± is the 95 % interval over trials); “{frozen}” makes {least}.", arm=most, errors=str(errors[most]),
             frozen=FROZEN, least=fixed(errors[FROZEN].mean))  # fmt: skip


STEPS = (
    Step(
        N_("Can old weights replace labels?"),
        N_("A network that can tell 0 to 4 apart hands its weights to a new task: 5 to 9, with few labels."),
        _curve,
        lambda stage, _: _(ASK),
        _catches_up,
        of_result=False,
        choices=Choices(_numbers_of_labels, _caught_up_at),
        told=N_("Old weights replace labels"),
        notes=N_("The network already knows 0 to 4; now it has to learn 5 to 9 from a handful of images. Ask "
                 "how many labels of each class it takes until a start from scratch is just as good. Then "
                 "reveal the curve, and move along it from one label to many."),
        until=3,
    ),
    Step(
        N_("Old weights or new ones?"),
        N_("Run trains every arm for real while you watch; until then a recorded result is shown."),
        errors,
        lambda stage, _: _("Old weights or a start from scratch: which is more accurate with {labels} labels per "
                           "class?", labels=int(stage.shown["labels_per_class"])),
        lambda stage, _: _(stage.result.verdict.text),
        choices=Choices(
            lambda stage: {"better": N_("Old weights"), "worse": N_("A start from scratch"),
                           "undetectable": N_("No detectable difference")},
            found,
        ),
        runs=True,
        notes=N_("Two networks, the same few labelled images; the only difference is where their weights "
                 "start. Take a vote and then reveal, or press R in the talk and train them while you speak. "
                 "Read the whole sentence with its interval."),
        until=7,
    ),
    Step(
        N_("λ: how far may the weights go?"),
        N_("$L = L_\\text{new} + \\lambda \\lVert \\theta - \\theta_\\text{pre} \\rVert^2$: λ weighs the distance "
           "from the old weights."),
        _layers,
        lambda stage, _: _("The larger λ: do the layers move more, or less?"),
        _moves,
        of_result=False,
        choices=Choices(lambda stage: {"more": N_("More"), "less": N_("Less")}, _less_or_more),
        notes=N_("Lambda is a rubber band between the new weights and the old ones. At zero the network may go "
                 "wherever it likes: that is fine-tuning. If it is very large, the old layers hardly move: "
                 "that is almost feature extraction."),
    ),
    Step(
        N_("Is anything forgotten?"),
        N_("After it has learned the new task, each network is asked about the old one."),
        _forgetting,
        lambda stage, _: _("Put the old last layer back and ask about the old digits: who has forgotten most?"),
        _forgets,
        choices=Choices(lambda stage: {arm: arm for arm in _forgotten(stage)}, _most),
        told=N_("What is forgotten"),
        notes=N_("Learning the new task may overwrite the old one; this is called catastrophic forgetting. We "
                 "give each network its old last layer back and ask it about the old digits again. Ask who has "
                 "forgotten most, reveal, and then discuss when that would matter in practice."),
        until=10,
    ),
)  # fmt: skip
