"""Multi-task learning: weigh two gradients by hand, train tasks alone and together, read an honest verdict."""

import streamlit as st

from app.controls.widgets import controls, follow, presets, value
from app.distillation.article import chips
from app.glossary import glossary
from app.lessons.player import lesson
from app.multitask import figures
from app.multitask.bundled import recorded_step, sweep
from app.multitask.components.gradients import WORDS, gradients
from app.multitask.lesson import LESSON
from app.multitask.measured import answer_measured
from app.results.chart import chart
from app.results.lazy_tabs import lazy_tabs
from app.results.page import show, verdict
from app.runs.estimate import takes
from app.runs.panel import watch
from app.runs.server import data_notices, mnist_is_there
from app.shell.frame import opening, stage
from app.techniques import view
from kd_core.messages import N_
from kd_core.multitask.presets import MULTITASK_PRESETS
from kd_core.multitask.settings import TASK_LABELS, MultitaskSettings

_ = opening(
    N_("Multi-task learning"),
    N_("One network, several tasks: they **share** a body of layers, and each pulls it its own way."),
    MultitaskSettings,
)

guide = lesson(LESSON, MultitaskSettings, _)
step = recorded_step()
weight_fields = [f"weight_{task}" for task in step["tasks"]]


def take(weights: tuple[float, ...]) -> None:
    """Give the weights at which the live part was released to their controls."""
    for field, weight in zip(weight_fields, weights, strict=True):
        follow(MultitaskSettings, field)(weight)


picture, run = stage()
with picture, st.container(key="live"):
    gradients(
        step,
        weights=[value(MultitaskSettings, field) for field in weight_fields],
        labels=[_(TASK_LABELS[task]) for task in step["tasks"]],
        covers=guide.covers,
        words={key: _(text) for key, text in WORDS.items()},
        key="live_gradients",
        on_weights=take,
    )

with run:
    st.subheader(_("Does learning together beat learning alone?"), anchor=False)
    presets(MultitaskSettings, MULTITASK_PRESETS, _, mnist=mnist_is_there(), takes=takes(_))
    chosen = MultitaskSettings(tasks=value(MultitaskSettings, "tasks")).task_names
    unused = {f"weight_{task}" for task in TASK_LABELS if task not in chosen}
    settings = controls(MultitaskSettings, _, without=unused, across=2)
    data_notices(_)
    finished = watch(settings, _)
    result, is_recorded = verdict(finished, settings, _)
    chips("3.2.2", "4.3", _=_)
    st.html(glossary(view("multitask").words, _))
with picture:
    st.latex(figures.loss(settings, _))
    answer_measured(settings, _)
show(result, is_recorded, _, curves=figures.curves_by_task)
for column, (label, figure, about) in zip(st.columns(3), figures.in_short(result, _), strict=True):
    with column:
        st.metric(label, figure)
        st.caption(about)

st.subheader(_("Who pulls where, and what it costs"), anchor=False)


def trade() -> None:
    about = _("Errors of one task over the other")
    chart(figures.trade_off(sweep(), result, _), "trade_off", about)
    st.caption(figures.sweep_says(sweep(), _))


def conflict() -> None:
    st.markdown(figures.conflict_says(result, _))
    chart(figures.conflict(result, _), "conflict", _("Cosine between the tasks' gradients while training"))
    st.markdown("**" + _("Layer by layer, mean over trials") + "**")
    chart(figures.by_layer(result, _), "by_layer", _("Cosine between the tasks' gradients by layer"))
    st.markdown("**" + _("Length of each task's gradient") + "**")
    chart(
        figures.small_multiples(result, "norm", _("gradient length"), _),
        "norms",
        _("Length of each task's gradient"),
    )


def losses() -> None:
    st.markdown(_("Each task's own loss on the batch at hand, before its weight. Cross-entropies in nats; for an "
                  "angle the squared error in units of 45°. They are not comparable with each other, so each has "
                  "its panel."))  # fmt: skip
    chart(figures.small_multiples(result, "loss", _("loss"), _), "losses", _("Losses while training"))
    st.markdown("**" + _("What each loss was multiplied by") + "**")
    chart(
        figures.small_multiples(result, "weight", _("factor"), _), "factors", _("What each loss was multiplied by")
    )


def samples() -> None:
    st.html(figures.samples(result, _))
    st.caption(_("The first trial's networks on test images; the probability of their answer in brackets."))


def ways() -> None:
    st.markdown(_("None of these always wins: with weights tuned as carefully, the plain weighted sum often does "
                  "as well (Kurin et al. 2022)."))  # fmt: skip
    st.markdown(_("**Fixed**: the weights stay as set."))
    st.markdown(_("**Learned uncertainty** (Kendall et al. 2018): each task learns $s_i$, the logarithm of its "
                  "noise's variance. The formula is that of a regression; for a classification the factor ½ before "
                  "the loss is left out in the paper. Here one form serves all."))  # fmt: skip
    st.latex(r"L = \sum_i \tfrac{1}{2} e^{-s_i} \alpha_i L_i + \tfrac{1}{2} s_i")
    st.markdown(_("**Dynamic weight average** (Liu et al. 2019): a task whose loss falls more slowly gets more "
                  "weight in the next epoch; $r_i$ is the ratio of its last two losses."))  # fmt: skip
    st.latex(r"w_i = K \, e^{r_i / T} / \textstyle\sum_k e^{r_k / T}, \qquad T = 2")
    st.markdown(_("**Gradient surgery** (PCGrad, Yu et al. 2020): where two gradients conflict, each loses its "
                  "part along the other before they are added. The paper's guarantee is for plain gradient "
                  "descent; Adam, used here as everywhere, rescales each weight's step, and the guarantee is "
                  "gone."))  # fmt: skip
    st.latex(r"g_i \leftarrow g_i - \frac{g_i \cdot g_j}{\lVert g_j \rVert^2} \, g_j \quad "
             r"\text{if } g_i \cdot g_j < 0")  # fmt: skip


def article() -> None:
    st.markdown(
        _(
            "Parity and “at least five” are functions of the digit: they are extra supervision, not new tasks. Two "
            "overlapping digits (MultiMNIST, after Sener and Koltun 2018) and the rotation angle are tasks of "
            "their own."
        )
    )
    st.markdown(_("The article gives the formula and no listing. Its text shares the first layers and gives each "
                  "task a head, as here; the weights $\\alpha_i$ it leaves to the reader."))  # fmt: skip
    chips("3.2.2", "4.3", _=_)


lazy_tabs(
    {
        _("Trade-off"): trade,
        _("Conflict"): conflict,
        _("Losses"): losses,
        _("Samples"): samples,
        _("Ways of weighting"): ways,
        _("The article"): article,
    },
    "explained_multitask",
)
