"""Meta-learning: adapt two networks to a few points by hand, train a starting point, read an honest verdict."""

import streamlit as st

from app.controls.widgets import controls, presets, value
from app.distillation.article import chips
from app.glossary import glossary
from app.lessons.player import lesson
from app.meta_learning import figures
from app.meta_learning.bundled import sinusoids
from app.meta_learning.components.adaptation import WORDS, adaptation
from app.meta_learning.lesson import LESSON
from app.meta_learning.measured import answer_measured
from app.results.chart import chart
from app.results.lazy_tabs import lazy_tabs
from app.results.page import show, verdict
from app.runs.estimate import takes
from app.runs.panel import watch
from app.runs.server import data_notices, mnist_is_there
from app.shell.frame import opening, stage
from app.techniques import view
from kd_core.data.pixels import test_images
from kd_core.messages import N_, Problem
from kd_core.meta_learning.presets import META_PRESETS
from kd_core.meta_learning.settings import MetaSettings

_ = opening(
    N_("Meta-learning"),
    N_("Not an answer but a **starting point**: one from which a step or two on a few examples fit a new task."),
    MetaSettings,
)

guide = lesson(LESSON, MetaSettings, _)
picture, run = stage()
with picture, st.container(key="live"):
    adaptation(
        sinusoids(), covers=guide.covers, words={key: _(text) for key, text in WORDS.items()}, key="live_adaptation"
    )

with run:
    st.subheader(_("Does a learned start beat ordinary pre-training?"), anchor=False)
    presets(MetaSettings, META_PRESETS, _, mnist=mnist_is_there(), takes=takes(_))
    classifies = value(MetaSettings, "problem") == "digits"
    settings = controls(MetaSettings, _, without=() if classifies else {"ways"}, across=2)
    data_notices(_)
    finished = watch(settings, _)
    result, is_recorded = verdict(finished, settings, _)
    chips("3.2.3", "4.4", _=_)
    st.html(glossary(view("meta_learning").words, _))
with picture:
    st.latex(figures.formula(settings))
    answer_measured(settings, _)
show(result, is_recorded, _, left=figures.scores, curves=figures.training_curves)

st.subheader(_("How each start moves"), anchor=False)


def curves() -> None:
    chart(figures.adaptation(result, _), "adaptation", _("Query error over adaptation steps"))
    st.caption(_("Mean over 100 test tasks in each trial; bands are 95 % intervals over trials. Dotted: the number "
                 "of steps that is compared."))  # fmt: skip
    st.caption(figures.rates_say(result, _))


def tasks() -> None:
    if result.measure == "errors":
        st.markdown(figures.held_out_says(result, _))
        try:
            st.html(figures.digit_tasks(result, test_images(result.data.name), _))
        except Problem as problem:
            st.info(_.escaped(problem.message))
    else:
        chart(figures.before_and_after(result, _), "before_and_after", _("Curves before and after adapting"))
        st.caption(_("Three test curves of the first trial, before and after the number of steps that is set."))


def order() -> None:
    st.markdown(_("MAML's gradient passes through the adaptation, so it has second derivatives. First-order MAML "
                  "leaves them out: it asks which way the *adapted* network should go, and moves the start that "
                  "way."))  # fmt: skip
    st.markdown(figures.order_table(result, _))
    st.caption(_("Means over trials on one core. Memory is the most that tensors made in one meta-step held "
                 "between two operations. The share is the length of the second-order part over that of the whole "
                 "gradient, at the end of training; above 1 the two parts partly cancel."))  # fmt: skip


def article() -> None:
    st.markdown(_("The article says that meta-learning learns the optimiser. MAML learns an *initialisation*; the "
                  "optimiser stays plain gradient descent. Its formula sums over tasks without naming them: above "
                  "it stands as printed, then with the index i of the task and the values set."))  # fmt: skip
    chips("3.2.3", "4.4", _=_)


lazy_tabs(
    {
        _("Over steps"): curves,
        _("Before and after"): tasks,
        _("First or second order"): order,
        _("The article"): article,
    },
    "explained_meta",
)
