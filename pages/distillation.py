"""Distillation: drag the temperature, train a student alone and one distilled, read an honest verdict."""

import streamlit as st

from app.controls.address import page_link
from app.controls.widgets import controls, follow, presets, value
from app.distillation import figures, held_out
from app.distillation.article import SECTIONS, chips, completed, listings
from app.distillation.bundled import class_logits
from app.distillation.components.bias import bias, words_for
from app.distillation.components.soft_targets import WORDS, soft_targets
from app.distillation.components.t_squared import WORDS as T_SQUARED_WORDS
from app.distillation.components.t_squared import t_squared
from app.distillation.lesson import LESSON
from app.distillation.measured import answer_measured
from app.glossary import glossary
from app.lessons.player import lesson
from app.results.brought import brought
from app.results.bundled import gallery
from app.results.chart import saved_as
from app.results.lazy_tabs import lazy_tabs
from app.results.page import show, verdict
from app.runs.estimate import takes
from app.runs.panel import watch
from app.runs.seen import NUMBERS_ONLY
from app.runs.server import data_notices, mnist_is_there
from app.shell.frame import opening, stage
from app.techniques import view
from kd_core.data.chosen import MNIST
from kd_core.distillation.presets import DISTILLATION_LIMITS, DISTILLATION_PRESETS, HINTON_PRESETS
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import N_
from kd_core.results.schema import Result

CLEAR_SEVEN, SEVEN_LIKE_ONE = 0, 4027  # indices in the test set
_ = opening(
    N_("Distillation"),
    N_(
        "A large network's **wrong** answers carry knowledge: its *soft targets* say how alike two digits look, "
        "and a small student can learn from that."
    ),
    DistillationSettings,
)

guide = lesson(LESSON, DistillationSettings, _)
digits = gallery()
places = {digit["index"]: place for place, digit in enumerate(digits)}
picture, run = stage()
of_digits = value(DistillationSettings, "dataset") == MNIST or guide.covers is not None
with picture, st.container(key="soft_targets"):
    if of_digits:
        soft_targets(
            digits,
            temperature=value(DistillationSettings, "temperature"),
            alpha=value(DistillationSettings, "alpha"),
            t_squared=value(DistillationSettings, "t_squared"),
            classes=class_logits(),
            pair=guide.pair or (places[CLEAR_SEVEN], places[SEVEN_LIKE_ONE]),
            covers=guide.covers,
            words={key: _(text) for key, text in WORDS.items()},
            key="live_soft_targets",
            on_temperature=follow(DistillationSettings, "temperature"),
        )
with run:
    st.subheader(_("Does a student learn more from these answers than from the labels alone?"), anchor=False)
    says_how_long = takes(_)
    presets(DistillationSettings, DISTILLATION_PRESETS, _, mnist=mnist_is_there(), takes=says_how_long)
    settings = controls(DistillationSettings, _, across=2)
    data_notices(_, settings.dataset_name)
    finished = watch(settings, _)
    result, is_recorded = verdict(finished, settings, _)
    chips("3.1", "4.1", "5.1", _=_)
    st.html(glossary(view("distillation").words, _))
    page_link("pitfalls", _("This loss in other libraries, and its well-known bugs"),
                 icon=":material/bug_report:")  # fmt: skip
    page_link("data", _("The same with images of your own"), icon=":material/add_photo_alternate:")
with picture:
    if of_digits:
        answer_measured(settings, _)
    else:
        brought(settings, result, _)


def left_out(shown: Result) -> None:
    """What a shift of their biases is worth to digits that no student of this result was shown."""
    panel = held_out.panel(shown)
    if panel is None:
        return
    digits = panel["left_out"]
    with st.container(key="raised"):
        st.markdown(f"#### {_(held_out.TITLES[digits])}")
        st.markdown(_(held_out.ABOUT[digits]))
        bias(panel, words={name: _(text) for name, text in words_for(digits).items()}, key="live_bias")
        st.caption(_(held_out.PUBLISHED[digits], **held_out.PAPER[digits]))


show(result, is_recorded, _, live=left_out)
page_link("draw", _("Draw a digit yourself: these networks answer while you draw"),
             icon=":material/draw:")  # fmt: skip

st.subheader(_("What T, α and T² do"), anchor=False)
t, alpha = settings.temperature, settings.alpha


def effect() -> None:
    if not result.gallery:
        st.caption(_(NUMBERS_ONLY))
        return
    t_squared(
        figures.TEMPERATURES, figures.gradient_lengths(result), temperature=t, alpha=alpha, colours=figures.PARTS,
        form=saved_as(), words={key: _(text) for key, text in T_SQUARED_WORDS.items()}, key="gradients",
    )  # fmt: skip
    st.caption(
        _("Mean over the {n} images of the gallery, at the logits of the first student alone. Try it: “T² in the "
          "loss” under “More”, with α below 1; at α = 1 there is nothing to weigh it against, and Adam nearly "
          "hides the scale.", n=len(result.gallery))
    )  # fmt: skip


def published() -> None:
    st.markdown(
        _("The paper's runs on MNIST, with the lab's networks: press one, and its settings and its recorded result "
          "stand above.")
    )  # fmt: skip
    if presets(DistillationSettings, HINTON_PRESETS, _, mnist=mnist_is_there(), takes=says_how_long, key="hinton"):
        st.rerun()  # the controls are outside these tabs


def limits() -> None:
    angles = _(
        "**T large: matching logits.** As T grows, the gradient T (q − p) turns into (z − v) / {c}, the difference "
        "of the centred logits: the student copies numbers, not probabilities.", c=len(result.data.classes)
    )  # fmt: skip
    if result.gallery:
        one, now, far = (figures.degrees_from_matching(result, at) for at in (1.0, t, 50.0))
        angles += " " + _(
            "On the images of the gallery the two directions are {one}° apart at T = 1, {now}° at T = {t} and "
            "{far}° at T = 50.", one=f"{one:.0f}", t=f"{t:g}", now=f"{now:.0f}", far=f"{far:.1f}"
        )  # fmt: skip
    st.markdown(angles)
    st.markdown(
        _("**T = 1, α = 0: plain training.** Then the loss is the labels' cross-entropy alone, and the run says "
          "that there is no difference at all.")
    )  # fmt: skip
    if presets(
        DistillationSettings, DISTILLATION_LIMITS, _, mnist=mnist_is_there(), takes=says_how_long, key="limits"
    ):
        st.rerun()  # the controls are outside these tabs


def listing() -> None:
    st.markdown("**" + _("The formula as printed, and completed") + "**")
    st.latex(SECTIONS["4.1"].formula)
    st.latex(completed(settings))
    st.caption(_("p are the teacher's soft targets, q the student's, both at T; the labels y are compared with the "
                 "student's answers at T = 1. The values are those set above."))  # fmt: skip
    st.markdown(
        _("The article's listing cannot run as printed: it hands the teacher's logits for all images to the loss "
          "of one batch. It also leaves out T² and the labels, which its own text uses. The preset “The article” "
          "above runs it as it was meant, and “T² in the loss” under “More” leaves T² out.")
    )  # fmt: skip
    listings(_)
    chips("3.1", "4.1", "5.1", _=_)


lazy_tabs(
    {
        _("What T² does"): effect,
        _("The limits"): limits,
        _("Hinton 2015, section 3"): published,
        _("The article"): listing,
    },
    "explained_distillation",
)
