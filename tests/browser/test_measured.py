"""The measured answers of three pages in a browser: they follow the hand, and Python follows what is released."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from app.i18n.text import Translate
from app.meta_learning.measured import answers as meta_learning
from app.multitask.measured import answers as multitask
from app.transfer.measured import answers as transfer
from tests.browser.conftest import PATIENCE

pytestmark = pytest.mark.browser
en = Translate("en")


class Measured:
    """The measured answer of a page, and what it says."""

    def __init__(self, page, answers):
        self.page, self.answers, self.part = page, answers(en), page.locator(".measured")
        self.slider = self.part.get_by_role("slider")

    def said(self, name):
        return self.part.locator(f"[data-out={name}]").inner_text()

    def reads(self, *place):
        """Wait until each line reads what was measured at this place: marks of the axes, or a share between two."""
        for at, line in enumerate(self.answers.lines):
            value = self.mean(line.cells, place)
            words = "–" if value is None else f"{value:.2f}" if self.answers.log else f"{value:.1f} %"
            expect(self.part.locator(f"[data-out=line-{at}]")).to_have_text(words, timeout=PATIENCE)

    def mean(self, cells, place):
        """At (row, column), which may lie between two rows."""
        row, column = place if len(place) > 1 else (*place, 0)
        below, share = int(row), row % 1
        each = [cells[below][column], *([cells[below + 1][column]] if share else [])]
        if None in each:
            return None
        return float(np.average([cell["mean"] for cell in each], weights=[1 - share, share][: len(each)]))

    def is_in_address(self, text):
        expect(self.page).to_have_url(re.compile(re.escape(text) + "(&|$)"), timeout=PATIENCE)


def test_transfer_follows_labels_of_the_live_picture_and_its_own_pull(open_page):
    found = Measured(open_page("/transfer"), transfer)
    page, basis = found.page, found.part.locator("[data-out=basis]")
    found.reads(2, 3)  # λ = 0.01, ten labels a class
    found.slider.press("ArrowRight")
    found.reads(3, 3)
    assert found.said("basis") == "Measured with 5 seeds, on 2,480 validation images of MNIST 5-9."
    found.is_in_address("lam=0.1")
    page.locator(".labels-curve input[type=range]").press("ArrowRight")
    found.reads(3, 4)
    found.is_in_address("labels_per_class=20")
    labels = page.locator(".st-key-labels_per_class input")
    for typed, words in ((30, "Between measured settings: interpolated."),
                         (300, "Measured from labels per class = 1 to labels per class = 100: shown is "
                               "labels per class = 100.")):  # fmt: skip
        labels.fill(str(typed))
        labels.press("Enter")
        expect(basis).to_contain_text(words, timeout=PATIENCE)
    found.reads(3, 6)


@pytest.mark.proof
def test_multitask_asks_the_live_picture_for_its_weights_and_reads_their_ratio(open_page):
    found = Measured(open_page("/multitask"), multitask)
    page, basis = found.page, found.part.locator("[data-out=basis]")
    found.reads(4)
    found.slider.press("ArrowLeft")
    found.reads(3)
    first, second = page.locator(".gradients .weights input").all()
    expect(first).to_have_attribute("aria-valuetext", "0.6")
    expect(second).to_have_attribute("aria-valuetext", "1.4")
    found.is_in_address("weight_left=0.6&weight_right=1.4")
    first.press("End")  # 2 : 1.4
    found.reads(4 + (4 / 3.4 - 1) / 0.4)
    expect(basis).to_contain_text("Between measured settings: interpolated.")
    second.press("Home")  # 2 : 0
    found.reads(8)
    first.press("Home")  # 0 : 0
    expect(basis).to_have_text("All weights are 0: nothing would be learned.")


@pytest.mark.proof
def test_meta_learning_follows_the_steps_and_says_where_training_breaks_off(open_page):
    found = Measured(open_page("/meta_learning"), meta_learning)
    found.reads(2, 0)
    found.slider.press("ArrowRight")
    found.is_in_address("inner_lr=0.03")
    steps = found.page.locator(".st-key-inner_steps").get_by_role("slider")
    steps.press("ArrowRight")
    found.reads(3, 1)
    found.is_in_address("inner_steps=2")
    found.slider.press("End")
    for _ in range(3):
        steps.press("ArrowRight")
    found.reads(4, 2)
    assert found.said("basis").startswith("At α = 0.1, inner steps = 5 training breaks off: the step is too large.")
    found.is_in_address("inner_steps=5")
