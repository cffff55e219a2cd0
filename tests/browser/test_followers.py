"""What follows T under the result, on the dark page: every arm's answer; a figure is saved as it is seen."""

from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect

from app.results.bundled import recorded
from tests.browser.conftest import PATIENCE, saved_as_svg, silent
from tests.browser.live import gallery_logits, softened

pytestmark = pytest.mark.browser


def test_every_arms_answer_follows_digit_and_temperature_and_is_saved(open_page):
    shown_result, sent = recorded("distillation"), []
    page = open_page("/distillation", sent=sent, color_scheme="dark")
    luminance = """(element, what) => {
        const [r, g, b] = getComputedStyle(element)[what].match(/[\\d.]+/g).map(Number);
        return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255; }"""
    assert page.locator(".stApp").evaluate(luminance, "backgroundColor") < 0.15  # the page is dark, and readable
    assert page.locator(".st-key-verdict h4").evaluate(luminance, "color") > 0.7
    part = page.locator(".answers")
    part.locator(".bar").first.wait_for(state="attached")
    part.scroll_into_view_if_needed()
    page.locator(".st-key-curves .js-plotly-plot .scatterlayer").first.wait_for()
    silent(page, sent)
    place, t = 3, 20.0
    part.locator(".thumb").nth(place).click()
    part.locator(".chips").get_by_role("button", name="20", exact=True).click()
    digit = shown_result.gallery[place]
    assert f"image {digit.index}" in part.locator("figcaption").inner_text()
    for number, arm in enumerate(shown_result.arms):
        truth = softened(gallery_logits(shown_result, arm.name)[:, place], t).mean(0)
        shown = part.locator(".legend b").nth(number).inner_text()
        assert float(shown) == pytest.approx(truth[digit.label], abs=6e-5)
        bars = part.locator("svg.chart rect.bar").evaluate_all("all => all.map(bar => +bar.getAttribute('height'))")
        drawn = np.array(bars).reshape(len(shown_result.arms), 10)[number]
        np.testing.assert_allclose(drawn / drawn.sum(), truth, atol=1e-3)
    part.locator(".legend button").first.click()
    assert part.locator("svg.chart rect.bar").count() == 10 * (len(shown_result.arms) - 1)
    assert sent == []  # Python hears of nothing

    with page.expect_download() as download:
        part.locator(".save").click()
    assert download.value.suggested_filename == "distillation-lab-answers.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")

    page.get_by_role("link", name="History").first.click()
    page.get_by_role("heading", name="History").first.wait_for()
    page.get_by_role("link", name="Distillation", exact=True).first.click()
    expect(part.locator("figcaption")).to_contain_text(f"image {digit.index}", timeout=PATIENCE)  # as it was left
    assert part.locator("[data-out=T]").inner_text() == "20.0"

    page.locator(".st-key-result").get_by_role("tab", name="Export").click()
    page.locator(".st-key-figure_format").get_by_text("SVG").click()
    saved = saved_as_svg(page, page.locator(".lengths .save"), "distillation-lab-gradients.svg")
    text = saved.path().read_text(encoding="utf-8")
    assert 'fill="#10151C"' in text  # else its light letters would stand on nothing
    assert "var(" not in text  # nothing is left to the page's style
    page.goto("data:text/html,<img>")
    size = page.locator("img").evaluate(
        """async (image, source) => {
            image.src = source; await image.decode(); return [image.naturalWidth, image.naturalHeight]; }""",
        "data:image/svg+xml," + quote(text),
    )
    assert min(size) > 200
