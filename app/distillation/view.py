"""View of distillation: overview card, report figures, the check of imported results, titles, tabs."""

from collections.abc import Iterable, Sequence
from html import escape

from app.distillation import figures, held_out
from app.distillation.lesson import CLEAR_SEVEN, SEVEN_LIKE_ONE
from app.figures import arms, depth
from app.figures.image import data_uri
from app.history.drawable import ENGLISH, answers
from app.i18n.text import Translate
from app.overview.pictures import BLUE, ORANGE, arrow, bars, net, svg
from app.reports.drawings import counted, training
from app.techniques import Card, Drawing, TechniqueView
from kd_core.distillation.settings import BUGGED
from kd_core.messages import N_
from kd_core.results.schema import Result, Verdict


def drawings(result: Result, _: Translate) -> Iterable[Drawing]:
    yield from training(result, _)
    if held_out.panel(result):
        title = _("Digits left out: errors over a shift of their biases")
        yield title, held_out.errors_by_shift(result, _), escape(held_out.told(result, _))
    if result.gallery:
        digit, t = min(15, len(result.gallery) - 1), float(result.settings["temperature"])
        shown = result.gallery[digit]
        label = result.data.called(shown.label)
        alt = escape(_("{label} (image {index})", label=label, index=shown.index), quote=True)
        title = _("The same image, answered by every arm (mean over trials)")
        picture = f'<img src="{data_uri(arms.digit_image(shown))}" alt="{alt}"> {alt}'
        yield title, arms.soft_targets(result, digit, t, _), picture
        yield _("What T² does"), figures.gradient_norms(result, t, _), ""
    yield from counted(result, _)


def drawn(result: Result) -> None:
    answers(result)
    depth.agreements(result, ENGLISH)
    depth.repeated_mistakes(result, ENGLISH)


def further(told: Sequence[Verdict]) -> str:
    """An arm with a bug is no control."""
    of_a_bug = all(verdict.baseline == BUGGED for verdict in told)
    return N_("Further comparisons") if of_a_bug else N_("Why does it work? Controls")


VIEW = TechniqueView(
    card=Card(
        N_("answers move"),
        N_(
            "A large network's soft answers teach a small one: it hears not only *this is a 7*, but *it looks a "
            "little like a 1*."
        ),
        svg(
            net(46, 55, 36, BLUE)
            + bars(90, 62, (6, 28, 4, 3, 12), BLUE)
            + arrow(92, 74, 134, 74)
            + net(170, 62, 20, ORANGE)
        ),
    ),
    drawings=drawings,
    drawn=drawn,
    further=further,
    pair=(CLEAR_SEVEN, SEVEN_LIKE_ONE),
    words=(
        "logit",
        "softmax",
        "temperature",
        "soft_target",
        "dark_knowledge",
        "kl",
        "cross_entropy",
        "entropy",
        "alpha",
    ),
)
