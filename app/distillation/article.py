"""The article behind the lab: its sections in our own words, and chips that lead to them.

A Chinese introduction to knowledge distillation and knowledge transfer. Its formulas are shown as they
were meant, and what its listings need in order to run is said beside them.
"""

from dataclasses import dataclass

import streamlit as st

from app.i18n.text import Translate
from kd_core.distillation.settings import DistillationSettings
from kd_core.messages import N_


@dataclass(frozen=True)
class Section:
    """What one section of the article says: its subject, its formula (LaTeX), and a few sentences of ours."""

    subject: str
    formula: str
    says: str


SECTIONS = {
    "3.1": Section(
        N_("Knowledge distillation: the idea"),
        "",
        N_("A large teacher is trained first. Its softened outputs are soft targets, and a small student learns "
           "from them, so that a phone or a device can carry what the large network knows."),
    ),
    "3.2.1": Section(
        N_("Transfer learning: the idea"),
        "",
        N_("A network trained on one task gives its weights to another. Feature extraction freezes them and trains "
           "a new last part alone; fine-tuning goes on training them, with a small step size."),
    ),
    "3.2.2": Section(
        N_("Multi-task learning: the idea"),
        "",
        N_("One network learns several tasks at once. Its first layers are shared, so that what one task finds out "
           "can serve another, and each task has a last part of its own."),
    ),
    "3.2.3": Section(
        N_("Meta-learning: the idea"),
        "",
        N_("Many tasks are trained on, so that a new one can be learned from few samples: learning to learn. The "
           "article says that the optimiser is learned; what its formula learns is where to start."),
    ),
    "4.1": Section(
        N_("Distillation: formulas and steps"),
        r"p_i = \frac{\exp(z_i/T)}{\sum_j \exp(z_j/T)} \qquad L_{KD} = T^2 \sum_i p_i \log\frac{p_i}{q_i}",
        N_("Three steps: train the teacher, make soft targets, train the student. The text mixes $L_{KD}$ with the "
           "labels' cross-entropy by a weight α; the formula has no labels, which is α = 1."),
    ),
    "4.2": Section(
        N_("Transfer learning: formulas and steps"),
        r"L = L_{new} + \lambda \sum_i \lVert \theta_i - \theta_{pre,i} \rVert^2",
        N_("Three steps: take a pretrained network, replace its last part, train on the new task. The term with λ "
           "pulls the weights back to the old ones: λ = 0 is fine-tuning, λ → ∞ feature extraction."),
    ),
    "4.3": Section(
        N_("Multi-task learning: formula"),
        r"L = \sum_{i=1}^{n} \alpha_i L_i",
        N_("The tasks' losses are added, each with a weight $\\alpha_i$. How to choose the weights it leaves open: "
           "fixed, learned or adapted while training, as here by choice."),
    ),
    "4.4": Section(
        N_("Meta-learning: formula"),
        r"L_{meta} = \sum L_{new}(\theta - \alpha \nabla L_{train})",
        N_("One step of size α on a task's training examples, then the loss on new examples of that task; the sum "
           "runs over tasks. Minimised over θ, the start."),
    ),
    "5.1": Section(
        N_("Distillation: the listing"),
        "",
        N_("Teacher Conv32-pool-Conv64-pool-Dense64-10, student Conv16-pool-Conv32-pool-Dense32-10, T = 5, "
           "5 epochs, Adam. As printed it does not run; “The article” below says why, and how ours does."),
    ),
    "5.2": Section(
        N_("Transfer learning: the listing"),
        "",
        N_("VGG16 of ImageNet, frozen; Flatten, Dense256, Dropout 0.5 and Dense10 are trained on a new task of ten "
           "classes. That is feature extraction: λ of the formula above does not occur in it. The preset “The "
           "article's listing” runs it."),
    ),
}  # fmt: skip


def completed(settings: DistillationSettings) -> str:
    """The formula of §4.1 with the labels' part, which its text has and its formula lacks, and the values set."""
    t, alpha = settings.temperature, settings.alpha
    square = rf"{t:g}^2\," if settings.t_squared else ""
    general = rf"\alpha\,{'T^2' if settings.t_squared else ''}\,KL(p \Vert q) + (1 - \alpha)\,CE(y, q)"
    return rf"L = {general} = {alpha:g} \cdot {square}KL(p \Vert q) + {1 - alpha:g}\,CE(y, q)"


CITED = N_(
    "“The article” is 禅与计算机程序设计艺术 (“Zen and the Art of Computer Programming”), "
    "《一切皆是映射：模型蒸馏和知识转移在神经网络中的实践》 (“Everything is a mapping: model distillation and "
    "knowledge transfer in neural networks, in practice”)."
)


def cite(_: Translate) -> None:
    """Who wrote the article, and what it is called."""
    st.caption(_(CITED))


def chips(*sections: str, _: Translate) -> None:
    """A row of small buttons "article §4.1"; each opens what that section says."""
    with st.container(horizontal=True, gap="small"):
        for number in sections:
            section = SECTIONS[number]
            with st.popover(_("article §{number}", number=number), type="tertiary", width="content"):
                st.markdown(f"**§{number} · {_(section.subject)}**")
                if section.formula:
                    st.latex(section.formula)
                st.markdown(_(section.says))
                cite(_)


# The listing's loss three times, as `tests/app/distillation/test_article.py` runs them: the first cannot work, the
# other two agree.
PRINTED = """\
# teacher_logits: [60000, 10], from one predict() over all images
def loss(answers, labels):              # answers: [32, 10], one batch
    p = softmax(teacher_logits / T)     # [60000, 10] does not fit [32, 10]
    q = softmax(answers / T)
    return kl(p, q)                     # no T²; the labels are not used
"""
CORRECTED = """\
# batch: which images these are, so that their own soft targets are taken
def loss(answers, labels, batch):
    p = softmax(teacher_logits[batch] / T)
    q = softmax(answers / T)
    soft = T**2 * kl(p, q)
    hard = cross_entropy(answers, labels)
    return alpha * soft + (1 - alpha) * hard
"""
OURS = """\
# teacher_logits = predict(teacher, images): made once for all students, kept
def loss(answers, labels, batch):
    return distillation_loss(
        answers, teacher_logits[batch], labels, temperature=T, alpha=alpha
    )
"""
LISTINGS = {
    N_("The listing's idea, as printed"): PRINTED,
    N_("Corrected"): CORRECTED,
    N_("Ours"): OURS,
}


def listings(_: Translate) -> None:
    """The three listings side by side."""
    for column, (title, code) in zip(st.columns(3), LISTINGS.items(), strict=True):
        with column:
            st.markdown(f"**{_(title)}**")
            st.code(code, language="python", wrap_lines=True)


# The transfer listing's idea, in the words of Keras.
TRANSFER = """\
base = VGG16(weights="imagenet", include_top=False, input_shape=(32, 32, 3))
for layer in base.layers:
    layer.trainable = False             # feature extraction: λ → ∞
model = Sequential([
    base,
    Flatten(),
    Dense(256, activation="relu"),
    Dropout(0.5),
    Dense(10, activation="softmax"),    # the new task's ten classes
])
"""


def transfer_listing() -> None:
    """The listing of transfer learning."""
    st.code(TRANSFER, language="python", wrap_lines=True)
