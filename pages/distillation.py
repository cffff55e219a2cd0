"""Distillation: drag the temperature, train a student alone and one distilled, read an honest verdict."""

import streamlit as st

from app import figures
from app.bundled import gallery, recorded
from app.compare import comparison
from app.components.soft_targets import WORDS, soft_targets
from app.controls import controls, differences, follow, presets, value
from app.frame import opening
from app.watch import data_notices, mnist_is_there, watch
from kd_core.messages import N_
from kd_core.settings import DISTILLATION_PRESETS, DistillationSettings

CLEAR_SEVEN, SEVEN_LIKE_ONE = 0, 4027  # indices in the test set
_ = opening(
    N_("Distillation"),
    N_(
        "A large network's **wrong** answers carry knowledge: its *soft targets* say how alike two digits look, "
        "and a small student can learn from that."
    ),
    DistillationSettings,
)

digits = gallery()
places = {digit["index"]: place for place, digit in enumerate(digits)}
with st.container(key="soft_targets"):
    soft_targets(
        digits,
        temperature=value(DistillationSettings, "temperature"),
        alpha=value(DistillationSettings, "alpha"),
        t_squared=value(DistillationSettings, "t_squared"),
        pair=(places[CLEAR_SEVEN], places[SEVEN_LIKE_ONE]),
        words={key: _(text) for key, text in WORDS.items()},
        key="live_soft_targets",
        on_temperature=follow("temperature"),
    )

st.subheader(_("Does a student learn more from these answers than from the labels alone?"), anchor=False)
presets(DistillationSettings, DISTILLATION_PRESETS, _, mnist=mnist_is_there())
settings = controls(DistillationSettings, _)
data_notices(_)
finished = watch(settings, _)

result = finished or recorded("distillation")
with st.container(key="result"):
    if finished is None:
        st.badge(
            _("recorded on {date}", date=result.provenance.created[:10]),
            icon=":material/history:",
            color="gray",
        )
    changed = differences(result.settings, settings, _)
    if changed:
        st.caption(_("This result was computed with other settings than those set now: {what}.", what=changed))
    with st.container(key="verdict", border=True):
        st.markdown(f"#### {_(result.verdict.text)}")
        st.caption(" ".join(_(sentence) for sentence in result.verdict.scope))
    st.html(comparison(result, _))
    left, right = st.columns(2)
    with left:
        st.markdown("**" + _("Errors on the test set, every trial") + "**")
        st.plotly_chart(figures.errors_by_arm(result, _), key="errors", config={"displayModeBar": False})
    with right:
        st.markdown("**" + _("Errors on the validation set while training") + "**")
        st.plotly_chart(figures.learning_curves(result, _), key="curves", config={"displayModeBar": False})
    st.markdown("**" + _("The same digit, answered by all three (students: mean over trials)") + "**")
    narrow, wide = st.columns([1, 4], vertical_alignment="center")
    with narrow:
        digit = st.selectbox(
            _("Digit"), range(len(result.gallery)), key="digit", index=min(15, len(result.gallery) - 1),
            format_func=lambda i: _("{label} (image {index})", label=result.gallery[i].label,
                                    index=result.gallery[i].index),
        )  # fmt: skip
        st.image(figures.digit_image(result.gallery[digit]), width=140)
    with wide:
        answers = figures.soft_targets(result, digit, float(result.settings["temperature"]), _)
        st.plotly_chart(answers, key="answers", config={"displayModeBar": False})
    created = result.provenance.teacher_created
    if created:
        st.caption(_("The teacher was trained before this run, on {date}, and kept.", date=created[:10]))
    for note in result.notes:
        st.caption(_.escaped(note))
    st.caption(
        _("{data}: {train} training, {validation} validation, {test} test images. Computed on {processor}, PyTorch "
          "{torch}.", data=result.data.name, train=f"{result.data.train:,}",
          validation=f"{result.data.validation:,}", test=f"{result.data.test:,}",
          processor=result.provenance.processor, torch=result.provenance.torch)
    )  # fmt: skip
    st.download_button(_("Download this result (JSON)"), result.model_dump_json(indent=1), "distillation.json",
                       "application/json", icon=":material/download:")  # fmt: skip
    st.markdown("**" + _("What T² does") + "**")
    t, alpha = settings.temperature, settings.alpha
    st.markdown(
        _("Each of the teacher's probabilities moves a logit by its difference over T, and at high T the "
          "differences themselves shrink like 1/T: without T² the soft part of the gradient vanishes like 1/T². "
          "T² keeps it, but does not make it equal to the hard part. Leaving it out at T = {t} turns α = {alpha} "
          "into about {acts}.", t=f"{t:g}", alpha=f"{alpha:g}",
          acts=f"{alpha / (alpha + (1 - alpha) * t * t):.2f}")
    )  # fmt: skip
    st.plotly_chart(figures.gradient_norms(result, t, _), key="gradients", config={"displayModeBar": False})
    st.caption(
        _("Mean over the {n} gallery digits, at the logits of the first student alone. Try it: “T² in the loss” "
          "under “More”, with α below 1; at α = 1 there is nothing to weigh it against, and Adam nearly hides the "
          "scale.", n=len(result.gallery))
    )  # fmt: skip
