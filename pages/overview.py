"""Overview: what moves from net to net, in one strip of four."""

import streamlit as st

from app.controls.address import go_to, page_link
from app.distillation.article import cite
from app.overview.pictures import drawing
from app.results.bundled import recorded
from app.shell.frame import opening
from app.shell.look import style
from app.techniques import view
from kd_core.distillation.settings import DISTILLED
from kd_core.messages import N_
from kd_core.techniques import TECHNIQUES

_ = opening(
    N_("Distillation Lab"),
    N_("See how knowledge moves between neural networks: four ways, on real digits, trained while you watch."),
)

style("""
/* Four side by side, or two where these would be narrower than 200px, or one: 848 and 416 are these with gaps. */
.stColumn:has([class*=st-key-way_]) {
  min-width: max(clamp(200px, (848px - 100%) * 999, 50% - .5rem), min(100%, (416px - 100%) * 999));
}
""")
for column, (name, technique) in zip(st.columns(len(TECHNIQUES)), TECHNIQUES.items(), strict=True):
    card = view(name).card
    with column, st.container(border=True, key=f"way_{name}", height="stretch"):
        st.html(drawing(card.drawing))
        st.markdown(f"##### {_(technique.title)}\n**{_(card.moves)}**")
        st.markdown(_(card.sentence))
        if st.button(_("Open"), type="primary", icon=":material/arrow_forward:", key=f"open_{name}"):
            go_to(name)

st.subheader(_("Background: why make networks small?"), anchor=False)
st.markdown(
    _("Deep networks became accurate by becoming large, and large ones do not fit where people want them. "
      "**Knowledge distillation**, also called model distillation, trains a small *student* on the answers of a "
      "large *teacher*: one way of compressing networks for mobile devices, beside pruning and quantisation. "
      "**Knowledge transfer** is the wider idea: weights, layers or a starting point move in place of answers.")
)  # fmt: skip
st.markdown(
    _("A phone, a watch or a sensor has little memory, little power and no time to wait. The smaller network buys "
      "size and speed; distillation buys back accuracy. So every comparison here also shows parameters, "
      "multiply-adds, bytes and the latency of one image.")
)  # fmt: skip
st.subheader(_("How to begin"), anchor=False)
example = recorded("distillation")
st.markdown(
    _("1. Open **Distillation** and drag the temperature: the bars follow your hand.\n2. Press **Run**: {n} small "
      "students train alone and {n} with a teacher. It took {seconds} s of work on {cores} cores when it was "
      "recorded.\n3. Read the verdict. It says how certain it is, and it says so when no difference can be "
      "detected.",
      n=len(example.arm(DISTILLED).trials), seconds=f"{example.provenance.seconds:.0f}",
      cores=example.provenance.cores)
)  # fmt: skip
page_link("draw", _("Or draw a digit yourself: teacher and students answer while you draw"),
             icon=":material/draw:")  # fmt: skip
page_link("teacher", _("Or bring your own teacher: see what each temperature makes of its logits"),
             icon=":material/school:")  # fmt: skip
page_link("data", _("Or bring your own images: distil and transfer on them"),
             icon=":material/add_photo_alternate:")  # fmt: skip
cite(_)
st.caption(_("MNIST by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, CC BY-SA 3.0."))
