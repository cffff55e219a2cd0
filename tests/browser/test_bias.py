"""The slider over a bias in a browser: a guess first, then the result's own numbers, by keyboard and by mark."""

import os
from statistics import fmean

import pytest
from playwright.sync_api import expect

from kd_core.distillation.settings import ALONE, DISTILLED, SHIFTS, DistillationSettings
from kd_core.runs.store import Store
from tests.browser.conftest import PATIENCE, fits, has_value, silent
from tests.without_digits import without

pytestmark = pytest.mark.browser
IMAGES = 1010


@pytest.fixture
def kept():
    """A run without 3s in the store that the server reads."""
    store, result = Store(os.environ["KD_DATABASE_URL"]), without("3")
    store.finish("browser-no-three", DistillationSettings(**result.settings), result, "MNIST", 9.0)
    yield result
    store.remove("browser-no-three")
    store.close()


def says(page, name, text):
    """Wait until a place of the readout says this."""
    expect(page.locator(f".bias [data-out='{name}']")).to_have_text(text, timeout=PATIENCE)


def share(missed):
    return f"{100 * (IMAGES - fmean(missed)) / IMAGES:.1f} %"


def whole(counts):
    return f"{int(fmean(counts) + 0.5):,}"


def test_a_guess_then_the_numbers_of_the_result_under_the_slider(open_page, kept):
    sent = []
    page = open_page("/distillation?run=browser-no-three", sent=sent)
    page.locator(".bias .step.now").wait_for()
    page.locator(".st-key-result .js-plotly-plot").first.wait_for()
    silent(page, sent)
    trials, alone = kept.arm(DISTILLED).trials, kept.arm(ALONE).trials
    says(page, "distilled-errors", "?")
    assert page.locator(".bias .curve").count() == 0  # nothing to find beneath

    page.locator(".bias [data-guess=high]").click()
    matched = [t.measures["matched missed"] for t in trials]
    says(page, "distilled-share", share(matched))
    says(page, "distilled-errors", whole([t.measures["matched errors"] for t in trials]))
    fact = page.locator(".bias [data-out=fact]").inner_text()
    assert fact.startswith("You said over two thirds.")
    assert f"{whole([IMAGES - m for m in matched])}, or {share(matched)}" in fact
    assert page.locator(".bias .curve").count() == 4
    assert page.locator(".bias .each").count() == 4 * 5

    slider = page.get_by_role("slider", name="Added to the bias of the 3")
    slider.focus()
    slider.press("Home")
    for _press in range(3):
        slider.press("ArrowRight")
    has_value(slider, SHIFTS[3])
    errors = [t.series["errors by shift"][3] for t in trials]
    says(page, "distilled-errors", whole(errors))
    says(page, "distilled-errors-spread", f"({min(errors):,} to {max(errors):,})")
    says(page, "distilled-share", share([t.series["missed by shift"][3] for t in trials]))
    says(page, "alone-errors", whole([t.series["errors by shift"][3] for t in alone]))
    assert slider.get_attribute("aria-valuetext").startswith("+0.3: ")

    page.get_by_role("button", name="tuned on the test set, as the paper did").click()
    says(page, "distilled-errors", whole([t.measures["tuned errors"] for t in trials]))
    assert page.locator(".bias [aria-pressed=true]").get_attribute("data-point") == "tuned"
    assert sent == []  # nothing of it asks the server
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator(".bias.narrow .legend").wait_for()
    fits(page)
