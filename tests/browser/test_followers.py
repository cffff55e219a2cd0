"""The parts of the distillation page that follow T: lengths of the gradient, what differs, every arm's answer."""

import re
from urllib.parse import quote

import numpy as np
import pytest

from kd_core.events import Result
from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def recorded():
    return Result.model_validate_json((ROOT / "assets" / "recorded-distillation.json").read_text(encoding="utf-8"))


def gallery_logits(result, arm):
    """[trial, digit, class]"""
    return np.array([trial.gallery_logits for trial in result.arm(arm).trials])


def softened(logits, t):
    weights = np.exp(logits / t - (logits / t).max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def lengths(result, t):
    """The mean length over the gallery of each part of the gradient at the first student alone's logits."""
    z, v = gallery_logits(result, "student alone")[0], gallery_logits(result, "teacher")[0]
    apart = softened(z, t) - softened(v, t)
    labels = np.eye(10)[[digit.label for digit in result.gallery]]
    centred = (z - v) - (z - v).mean(-1, keepdims=True)
    vectors = {"soft": t * apart, "bare": apart / t, "hard": softened(z, 1.0) - labels, "limit": centred / 10}
    return {name: np.linalg.norm(rows, axis=-1).mean() for name, rows in vectors.items()}


def shown_lengths(page):
    cells = page.locator(".lengths td[data-out]").evaluate_all(
        "cells => cells.map(c => [c.dataset.out, +c.innerText])"
    )
    return dict(cells)


def test_the_gradients_lengths_follow_the_hand_and_python_hears_of_the_release(open_page, recorded):
    sent = []
    page = open_page("/distillation", sent=sent)
    part = page.locator(".lengths")
    part.locator("polyline").first.wait_for()
    page.locator(".st-key-curves .js-plotly-plot .scatterlayer").first.wait_for()
    part.scroll_into_view_if_needed()
    page.wait_for_timeout(1_500)
    plots = page.locator(".js-plotly-plot").element_handles()
    assert len(plots) == 2
    sent.clear()
    box = part.locator(".stage svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=4)
    said = part.locator("[data-out=T]").inner_text()
    t = float(said)
    assert t > 6
    assert shown_lengths(page) == pytest.approx(lengths(recorded, t), rel=0.06)  # two digits are printed
    ratio = 0.9 * lengths(recorded, t)["soft"] / (0.1 * lengths(recorded, t)["hard"])
    assert float(re.search(r"is ([\d.]+) times", part.locator(".weighted").inner_text())[1]) == pytest.approx(
        ratio, rel=0.06
    )
    assert page.locator(".soft-targets output").inner_text() == said  # the live picture took it
    what = f"Temperature T 4 → {t:g}"
    assert what in page.locator(".differs").inner_text()
    assert sent == []  # all of it before the hand let go
    page.mouse.up()
    page.wait_for_url(f"**temperature={t:g}**")
    assert len(sent) == 1
    page.wait_for_timeout(1_500)
    assert part.locator("[data-out=T]").inner_text() == said
    assert page.locator(".differs").inner_text().endswith(f"{what}.")

    part.locator("input").press("ArrowLeft")  # keys have no release
    page.wait_for_url(f"**temperature={t - 0.5:g}**")

    alpha = page.locator(".st-key-alpha input")
    alpha.press("ArrowLeft")
    page.locator(".differs").get_by_text("Teacher weight α 0.9 → 0.85").wait_for()
    assert "α = 0.85" in part.locator("[data-out=acts]").inner_text()
    page.wait_for_timeout(1_000)
    assert all(plot.evaluate("plot => plot.isConnected") for plot in plots)  # no chart was drawn anew
    assert page.locator(".js-plotly-plot").count() == 2


def test_every_arms_answer_follows_digit_and_temperature_and_is_saved(open_page, recorded):
    from playwright.sync_api import expect

    sent = []
    page = open_page("/distillation", sent=sent, color_scheme="dark")
    luminance = """(element, what) => {
        const [r, g, b] = getComputedStyle(element)[what].match(/[\\d.]+/g).map(Number);
        return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255; }"""
    assert page.locator(".stApp").evaluate(luminance, "backgroundColor") < 0.15  # the page is dark, and readable
    assert page.locator(".st-key-verdict h4").evaluate(luminance, "color") > 0.7
    part = page.locator(".answers")
    part.locator(".bar").first.wait_for(state="attached")
    part.scroll_into_view_if_needed()
    page.wait_for_timeout(1_500)
    sent.clear()
    place, t = 3, 20.0
    part.locator(".thumb").nth(place).click()
    part.locator(".chips").get_by_role("button", name="20", exact=True).click()
    digit = recorded.gallery[place]
    assert f"image {digit.index}" in part.locator("figcaption").inner_text()
    for number, arm in enumerate(recorded.arms):
        truth = softened(gallery_logits(recorded, arm.name)[:, place], t).mean(0)
        shown = part.locator(".legend b").nth(number).inner_text()
        assert float(shown) == pytest.approx(truth[digit.label], abs=6e-5)
        bars = part.locator("svg.chart rect.bar").evaluate_all("all => all.map(bar => +bar.getAttribute('height'))")
        drawn = np.array(bars).reshape(len(recorded.arms), 10)[number]
        np.testing.assert_allclose(drawn / drawn.sum(), truth, atol=1e-3)
    part.locator(".legend button").first.click()
    assert part.locator("svg.chart rect.bar").count() == 10 * (len(recorded.arms) - 1)
    assert sent == []  # Python hears of nothing

    with page.expect_download() as download:
        part.locator(".save").click()
    assert download.value.suggested_filename == "distillation-lab-answers.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")

    page.get_by_role("link", name="Transfer learning").first.click()
    page.get_by_role("heading", name="Transfer learning").first.wait_for()
    page.get_by_role("link", name="Distillation", exact=True).first.click()
    expect(part.locator("figcaption")).to_contain_text(f"image {digit.index}", timeout=15_000)  # as it was left
    assert part.locator("[data-out=T]").inner_text() == "20.0"

    page.locator(".st-key-result").get_by_role("tab", name="Export").click()
    page.locator(".st-key-figure_format").get_by_text("SVG").click()
    page.wait_for_timeout(1_500)
    page.locator('[data-test-script-state="notRunning"]').wait_for(timeout=20_000)
    with page.expect_download() as download:
        page.locator(".lengths .save").click()
    assert download.value.suggested_filename == "distillation-lab-gradients.svg"
    text = download.value.path().read_text(encoding="utf-8")
    assert 'fill="#10151C"' in text  # else its light letters would stand on nothing
    assert "var(" not in text  # nothing is left to the page's style
    page.goto("data:text/html,<img>")
    size = page.locator("img").evaluate(
        """async (image, source) => {
            image.src = source; await image.decode(); return [image.naturalWidth, image.naturalHeight]; }""",
        "data:image/svg+xml," + quote(text),
    )
    assert min(size) > 200
