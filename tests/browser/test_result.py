"""What lies behind a Result, as only a browser shows it: a cell that opens its images, a figure that is saved."""

import json
import re

import pytest

from tests.browser.conftest import ROOT, saved_as_svg

pytestmark = pytest.mark.browser
DARK = "rgb(16, 21, 28)"  # the dark theme's background


def open_tab(page, name):
    page.locator(".st-key-result").get_by_role("tab", name=name).click()


def chosen(page, key):
    return page.locator(f".st-key-{key} input").first.input_value()


@pytest.mark.proof
def test_a_cell_of_the_confusion_matrix_opens_its_images_and_a_figure_is_saved(open_page, mnist):
    page = open_page(color_scheme="dark")
    open_tab(page, "Confusion")
    plot = page.locator(".st-key-confusion .js-plotly-plot")
    plot.locator(".scatterlayer").first.wait_for()
    plot.scroll_into_view_if_needed()
    recorded = json.loads((ROOT / "assets" / "recorded-distillation.json").read_text(encoding="utf-8"))
    arm = next(arm for arm in recorded["arms"] if arm["name"] == recorded["verdict"]["arm"])
    labels = mnist.test.labels.tolist()
    for true, said in ((2, 3), (8, 9)):  # the second click is on a matrix drawn anew
        # While it is drawn anew, the old one stands beside the new one for a moment.
        page.wait_for_function("() => document.querySelectorAll('.st-key-confusion .nsewdrag').length === 1")
        box = plot.locator(".nsewdrag").bounding_box()
        place = box["x"] + box["width"] * (said + 0.5) / 10, box["y"] + box["height"] * (true + 0.5) / 10
        page.mouse.move(*place)
        plot.locator(".hoverlayer .hovertext").first.wait_for()
        page.mouse.click(*place)
        page.locator(".st-key-result").get_by_text(re.compile(f"images of a {true} for a {said}")).wait_for()
        page.locator(f'.st-key-result .tiles img[alt^="{true} (image"]').first.wait_for()
        assert (chosen(page, "cell_true"), chosen(page, "cell_said")) == (str(true), str(said))
        mistakes = {tuple(mistake) for trial in arm["trials"] for mistake in trial["mistakes"]}
        behind = {index for index, answer in mistakes if answer == said and labels[index] == true}
        shown = page.locator(".st-key-result .tiles img").evaluate_all("all => all.map(image => image.alt)")
        assert len(shown) == min(24, len(behind))
        assert {int(re.search(r"image (\d+)", alt)[1]) for alt in shown} <= behind

    open_tab(page, "Export")
    page.locator(".st-key-figure_format").get_by_text("SVG").click()
    plot = page.locator(".st-key-errors .js-plotly-plot").last  # outside the tabs: it has to know the choice too
    plot.hover()
    saved = saved_as_svg(page, plot.locator(".modebar-btn").first, "distillation-lab-errors.svg")
    text = saved.path().read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert f"fill: {DARK}" in text  # else its light letters would stand on nothing
    assert "distilled student" in text
