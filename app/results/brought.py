"""A data set that somebody has added, where the live picture of MNIST would stand: images and answers."""

import numpy as np
import streamlit as st

from app.components.answers import WORDS, answers
from app.figures.image import tiles
from app.i18n.text import Translate, markdown
from app.results.chart import saved_as
from app.results.page import is_of_another_set
from app.results.tabs import first_digit
from app.runs.seen import sets
from kd_core.data import own
from kd_core.data.own.kept import gallery
from kd_core.messages import Problem
from kd_core.results.schema import Result
from kd_core.settings.base import Settings

MOST = 30  # images shown of a set


def brought(settings: Settings, result: Result, _: Translate) -> None:
    """The set that `settings` name, for somebody who may see it; with the answers of `result`, if it is of it."""
    name = settings.dataset_name
    known = next((one for one in sets() if one.name == name), None)
    if known is None:
        st.warning(_("There is no data set called {name} here, or it is somebody else's.", name=markdown(name)))
        return
    st.markdown(f"#### {markdown(name)}")
    if result.gallery and not is_of_another_set(result, settings):
        st.caption(_counts(known, _))
        answers(
            result, first=first_digit(result), temperature=float(result.settings.get("temperature", 1.0)),
            names=[_(arm.name) for arm in result.arms], form=saved_as(),
            words={key: _(text) for key, text in WORDS.items()}, key="brought_answers",
        )  # fmt: skip
    elif look(known, _):
        st.caption(_("What teacher and students answer to these images stands here after the first run."))


def look(known: own.OwnData, _: Translate) -> bool:
    """How many images a set has, and some of its test images with their classes; False where they can't be read."""
    st.caption(_counts(known, _))
    try:
        images, labels = own.split(known.name, "test")
    except Problem as problem:
        st.error(_.escaped(problem.message))
        return False
    shown = gallery(labels, len(known.classes))[:MOST]
    names = [known.classes[labels[at]] for at in shown]
    st.html(tiles([np.asarray(images[at, 0]) for at in shown], [[name] for name in names], names, "small"))
    if len(known.classes) > MOST:
        st.caption(_("The first {n} classes.", n=MOST))
    return True


def _counts(known: own.OwnData, _: Translate) -> str:
    return _("{classes} classes; {train} training, {validation} validation and {test} test images.",
             classes=len(known.classes), train=f"{known.train:,}", validation=f"{known.validation:,}",
             test=f"{known.test:,}")  # fmt: skip
