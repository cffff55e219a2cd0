"""Summary: one plain sentence, its uncertainty, three columns, and what the numbers do not promise."""

from datetime import date

import streamlit as st

from app.controls import link
from app.controls.address import go_to
from app.distillation.bundled import all_labels
from app.distillation.shipping import answer_budget, in_a_talk
from app.distillation.summary import (
    epochs,
    on_a_device,
    plainly,
    printed,
    same_network,
    sentence,
    teacher_cost,
    three_columns,
    worth_in_labels,
    your_data,
)
from app.results.bundled import recorded
from app.results.scope import scope
from app.runs.shown import latest, latest_run, named
from app.shell.frame import opening, presenting
from kd_core.data.chosen import is_own
from kd_core.messages import N_

_ = opening(N_("What distillation buys"))
WHY = (
    N_("Networks that do well are large; phones, watches and sensors have little memory, little power and no time "
       "to wait. **Model compression** makes networks small enough for them. One way is **knowledge distillation** "
       "(model distillation): a large network, the *teacher*, trains a small one, the *student*, with its answers. "
       "Below is what that bought in a measured run.")
)  # fmt: skip

own = latest("distillation")
if "run" in st.query_params and named("distillation") is None:
    st.info(_("The run in this address is not a finished run of distillation, so another one is shown."))
result = own or recorded("distillation")
if presenting():
    in_a_talk(result, _)
    st.stop()
# Beside a run on MNIST stands the recorded one of all labels; other images' errors are not compared with it.
shown_runs = (result,) if is_own(result.data.name) else (result, all_labels())
st.header(plainly(result, _), anchor=False)
st.markdown(_(WHY))
columns = st.columns([3, 2][: len(shown_runs)])
for column, shown, size in zip(columns, shown_runs, ("####", "#####"), strict=False):
    with column, st.container(border=True, height="stretch", key="headline" if size == "####" else "all_labels"):
        day = shown.provenance.created[:10]
        mine = _("your run of {date}", date=day) if shown is own else _("recorded on {date}", date=day)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(mine, icon=":material/history:", color="green" if shown is own else "gray")
            st.caption(epochs(shown, _), width="content")
        st.markdown(f"{size} {sentence(shown, _)}")
        if worth := worth_in_labels(shown, _):
            st.markdown(worth)

st.html(three_columns(shown_runs, _))
st.markdown(same_network(result, _))
if not is_own(result.data.name):  # measured on MNIST
    answer_budget(_)
for column, told in zip(st.columns(3), (teacher_cost, on_a_device, your_data), strict=True):
    with column:
        st.markdown(told(result, _))

with st.expander(_("The mathematics, and how it was measured")):
    t, alpha = result.settings["temperature"], result.settings["alpha"]
    st.latex(r"\begin{aligned} L =\ &\alpha\,T^2\,KL(p_{teacher} \Vert p_{student}) \\ "
             r"&+ (1 - \alpha)\,CE(labels, p_{student}), \\ "
             rf"&\alpha = {alpha:g},\; T = {t:g} \end{{aligned}}")  # fmt: skip
    st.markdown(
        _("The p are softened by the temperature T; the teacher weight α is the share of the loss that listens to "
          "the teacher. Both small networks of a trial get the same images, first weights and batch order, and "
          "their errors are subtracted trial by trial; the interval is Student's t over these differences. Errors "
          "are counted on {test} test images after the last epoch. Time is the median for one image on one thread.",
          test=f"{result.data.test:,}")
    )  # fmt: skip
    for shown in shown_runs:
        st.caption(f"**{epochs(shown, _)}:** " + " ".join(map(_, (shown.verdict.text, *scope(shown)))))
run = latest_run("distillation")
address = link.base(st.context.url) + "summary" + (f"?run={run}" if run else "")
st.html(printed(address, f"{date.today():%Y-%m-%d}", _))
if st.button(_("See it happen: Distillation"), icon=":material/arrow_forward:"):
    go_to("distillation")
