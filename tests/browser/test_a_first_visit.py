"""A new server's first page, in a new browser: one opening of /distillation, and what a hand does to it, in order.

Each test leaves the page as the next one may find it: a temperature that is known, every guess answered.
"""

import math
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from playwright.sync_api import expect

from app.controls.address import SETTLED_SECONDS
from app.distillation.grid import answers, grid
from app.results.bundled import gallery, recorded
from assets.grid import ALPHAS, TEMPERATURES
from tests.browser.axe import serious
from tests.browser.conftest import PATIENCE, fits, has_value, silent, until
from tests.browser.live import bars, expected_bars, lengths, mean_soft_targets, now, opinion, slider, softened

pytestmark = pytest.mark.browser
WIDE = {"width": 1440, "height": 900}

# The least and the greatest value that a slider shows from now on, in every frame: none is missed by chance.
EXTREMES = """slider => {
    window.extremes = [Infinity, -Infinity];
    const look = () => {
        const T = slider.valueAsNumber, [low, high] = window.extremes;
        window.extremes = [Math.min(low, T), Math.max(high, T)];
        requestAnimationFrame(look);
    };
    look();
}"""


@pytest.fixture(scope="module")
def visit(open_once):
    """The page, and what it sends to the server."""
    sent = []
    return SimpleNamespace(
        page=open_once("/distillation?temperature=8&alpha=nan", sent=sent, reduced_motion="no-preference"),
        sent=sent,
    )


@pytest.fixture
def page(visit):
    return visit.page


@pytest.fixture
def sent(visit):
    """What the page sends from now on; until now it was at rest."""
    silent(visit.page, visit.sent)
    return visit.sent


def follows(page, temperature):
    """Wait until Python has this temperature too: it is in the control that Python draws, and in the address."""
    control = page.locator(".st-key-temperature input")
    expect(control).to_have_value(re.compile(rf"^{re.escape(f'{temperature:g}')}(\.0*)?$"), timeout=PATIENCE)
    if temperature == 4:  # the default
        expect(page).not_to_have_url(re.compile("temperature="), timeout=PATIENCE)
    else:
        expect(page).to_have_url(re.compile(rf"temperature={temperature:g}(&|$)"), timeout=PATIENCE)


def middle(box):
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_first_address_of_a_new_server_may_be_a_page(page, server):
    # Streamlit would run pages/distillation.py without the entry script until st.navigation is called.
    assert server.first != "/", "the overview was opened first: this file has to run before test_lab.py"
    slider(page).wait_for()
    assert page.get_by_role("link", name="Overview").count() == 1
    has_value(slider(page), "8")
    page.get_by_text("alpha = nan").wait_for()  # other values: tests/test_pages.py
    has_value(page.locator(".st-key-alpha input"), "0.9")


def test_the_first_paint_is_full_and_comes_to_rest_and_the_web_process_has_no_torch(visit, server):
    page = visit.page
    page.get_by_text("recorded on").wait_for()
    page.locator(".st-key-verdict").get_by_text("Distillation helped").first.wait_for()
    page.locator(".st-key-result table.arms").get_by_text("121,930").wait_for()
    np.testing.assert_allclose(bars(page), expected_bars(8.0), atol=1e-3)
    page.locator(".st-key-errors .scatterlayer .point").first.wait_for()
    page.locator(".st-key-errors").get_by_role("figure", name="Errors on the test set, every trial").wait_for()
    page.locator(".st-key-curves .js-plotly-plot .scatterlayer").first.wait_for()
    silent(page, visit.sent, seconds=2.5)  # it does not ask again and again
    mapped = {Path(region.path).name for region in psutil.Process(server.process.pid).memory_maps()}
    assert not any("torch" in name for name in mapped)


def test_axe_finds_nothing_serious(page):
    page.set_viewport_size(WIDE | {"height": 3000})
    assert serious(page) == []
    page.set_viewport_size(WIDE)


def test_guesses_and_facts_in_this_browser_alone(page, sent):
    covers = page.locator(".panel .cover")
    assert [cover.is_visible() for cover in covers.all()] == [True] * 4
    np.testing.assert_allclose(bars(page), expected_bars(8.0), atol=1e-3)  # there, and covered
    assert "Both are labelled 7. Will the teacher's bars be the same?" in now(page)
    strip, height = page.locator(".quiz"), page.locator(".quiz").bounding_box()["height"]

    page.get_by_role("button", name="The same", exact=True).click()
    a, b = expected_bars(8.0)
    assert f"You said the same. They differ: at T = 8.0, A is {opinion(a)}; B is {opinion(b)}." in now(page)
    covers.first.wait_for(state="hidden")
    assert not any(cover.is_visible() for cover in covers.all())

    slider(page).evaluate(EXTREMES)
    page.get_by_role("button", name="No", exact=True).click()
    page.locator(".quiz .step.now").filter(has_not_text="Watch the bars").wait_for()
    assert page.evaluate("() => window.extremes") == [1, 20]
    has_value(slider(page), "8")  # and it is back
    assert "You said no. Right: T never changes the order. From T = 0.5 to 50, A stays 7 and B stays 7" in now(page)
    assert strip.bounding_box()["height"] == height

    page.get_by_role("button", name="Ask again").click()
    assert covers.first.is_visible()
    assert "Will the teacher's bars be the same?" in now(page)
    page.get_by_role("button", name="Skip").click()
    assert "You said" not in now(page)
    page.wait_for_timeout(600)  # silence takes time: a key's pause, after which it would speak, is 400 ms
    assert sent == []


def test_the_gradients_lengths_follow_the_hand_and_python_hears_of_the_release(page, sent):
    result, part = recorded("distillation"), page.locator(".lengths")
    part.locator("polyline").first.wait_for()
    part.scroll_into_view_if_needed()
    plots = page.locator(".js-plotly-plot").element_handles()
    assert len(plots) == 2
    box = part.locator(".stage svg").bounding_box()
    page.mouse.move(*middle(box))
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2, steps=4)
    said = part.locator("[data-out=T]").inner_text()
    t = float(said)
    assert t > 6
    expected = lengths(result, t)
    shown = part.locator("td[data-out]").evaluate_all("cells => cells.map(c => [c.dataset.out, +c.innerText])")
    assert dict(shown) == pytest.approx(expected, rel=0.06)  # two digits are printed
    weighted = re.search(r"is ([\d.]+) times", part.locator(".weighted").inner_text())[1]
    assert float(weighted) == pytest.approx(0.9 * expected["soft"] / (0.1 * expected["hard"]), rel=0.06)
    assert page.locator(".soft-targets output").inner_text() == said  # the live picture took it
    what = f"Temperature T 4 → {t:g}"
    assert what in page.locator(".differs").inner_text()
    assert sent == []  # all of it before the hand let go
    page.mouse.up()
    follows(page, t)
    page.wait_for_timeout(500)  # silence takes time
    assert len(sent) == 1
    assert part.locator("[data-out=T]").inner_text() == said
    assert page.locator(".differs").inner_text().endswith(f"{what}.")

    part.locator("input").press("ArrowLeft")  # keys have no release
    follows(page, t - 0.5)

    page.locator(".st-key-alpha input").press("ArrowLeft")
    page.locator(".differs").get_by_text("Teacher weight α 0.9 → 0.85").wait_for()
    assert "α = 0.85" in part.locator("[data-out=acts]").inner_text()
    expect(page).to_have_url(re.compile(r"alpha=0\.85"), timeout=PATIENCE)
    silent(page, sent)
    assert all(plot.evaluate("plot => plot.isConnected") for plot in plots)  # no chart was drawn anew
    assert page.locator(".js-plotly-plot").count() == 2


def test_dragging_is_silent_and_a_release_speaks_once(page, sent):
    page.get_by_role("button", name="T = 4", exact=True).click()
    follows(page, 4)
    silent(page, sent)
    box = slider(page).bounding_box()
    y = box["y"] + box["height"] / 2
    thumb, low, high = box["height"], 0.5, 50
    begin, width = box["x"] + thumb / 2, box["width"] - thumb
    start = begin + width * math.log(4 / low) / math.log(high / low)  # the rail is logarithmic
    before = bars(page)
    page.mouse.move(start, y)
    page.mouse.down()
    seen = []
    for step in range(1, 21):
        page.mouse.move(start + step * 10, y)
        seen.append(bars(page)[0].max())
    assert sent == []  # the bars have followed the hand, and the server knows nothing of it
    assert len({round(p, 6) for p in seen}) > 10
    assert not np.allclose(bars(page), before)
    temperature = float(slider(page).input_value())
    assert temperature == pytest.approx(low * (high / low) ** ((start + 200 - begin) / width), abs=0.06)
    np.testing.assert_allclose(bars(page), expected_bars(temperature), atol=1e-3)
    page.mouse.up()
    follows(page, temperature)
    page.wait_for_timeout(500)  # silence takes time
    assert len(sent) == 1

    alpha = page.locator(".st-key-alpha input[type=range]")
    page.locator(".st-key-alpha").scroll_into_view_if_needed()
    silent(page, sent)
    before = float(alpha.input_value())
    x, y = middle(alpha.locator("xpath=../..").bounding_box())  # the handle
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y, steps=5)
    held = float(alpha.input_value())
    expect(page.locator("[data-out=alpha]").first).to_have_text(f"{held:.2f}")  # the formula follows this hand, too
    assert held < before
    assert sent == []
    page.mouse.up()
    expect(page).to_have_url(re.compile(rf"alpha={held:g}\b"), timeout=PATIENCE)


def test_keys_presets_and_the_browsers_back_move_the_temperature(page):
    page.locator(".st-key-preset_hard_teacher button").first.click()  # α, too, is then what it will be below
    follows(page, 1)
    page.get_by_role("button", name="T = 4", exact=True).click()
    follows(page, 4)
    slider(page).focus()
    page.keyboard.press("ArrowRight")
    has_value(slider(page), "4.5")
    follows(page, 4.5)
    page.get_by_role("button", name="T = 20", exact=True).click()
    follows(page, 20)
    page.locator(".st-key-preset_hard_teacher button").first.click()
    follows(page, 1)
    has_value(slider(page), "1")
    page.get_by_role("button", name="T = 8", exact=True).click()
    follows(page, 8)
    for go, temperature in ((page.go_back, 1), (page.go_back, 20), (page.go_forward, 1)):
        page.wait_for_timeout(1000 * SETTLED_SECONDS)  # until then the page takes an old address for one that lags
        go()
        has_value(slider(page), str(temperature))
        follows(page, temperature)


def drag_to(page, temperature):
    """As a hand does it, but to this very value."""
    slider(page).evaluate(
        "(e, T) => { e.value = T; e.dispatchEvent(new Event('input', { bubbles: true })); }", temperature
    )


def test_the_matrix_is_the_mean_of_soft_targets_and_follows_the_slider(page):
    page.locator(".classes summary").get_by_text("Which digits look alike to the teacher").click()
    table = page.get_by_role("table", name="Which digits look alike to the teacher")
    assert table.locator("tbody th[scope=row]").all_inner_texts() == [str(digit) for digit in range(10)]
    for temperature in (4.0, 12.3):
        drag_to(page, temperature)
        p = mean_soft_targets(temperature)
        exact = table.locator("td").evaluate_all("cells => cells.map(cell => cell.getAttribute('aria-label'))")
        shown = np.array([float(text.split(": ")[1]) for text in exact if "10⁻" not in text])
        np.testing.assert_allclose(shown, p[p >= 1e-4], atol=6e-5)
        texts = table.locator("td").all_inner_texts()
        assert all((text == "·") == (value < 0.005) for text, value in zip(texts, p.ravel(), strict=True))
        off = np.where(np.eye(10, dtype=bool), 0, p)
        label, answer = np.unravel_index(off.argmax(), off.shape)
        strongest = page.locator(".strongest").inner_text()
        assert strongest == (
            f"At T = {temperature:.1f}, a digit labelled {label} looks most like {answer}: {off.max():.2f}."
        )
    table.locator("td").nth(47).hover()
    assert page.locator(".pointed").inner_text() == f"Label 4, answer 7: {p[4, 7]:.4f}"


def test_the_measured_answer_follows_the_slider_and_is_interpolated_between_measured_settings(page):
    measured = answers("article", 500)
    at_four, at_eight = (measured["cells"][measured["temperatures"].index(t)][measured["alphas"].index(0.9)]
                         for t in (4, 8))  # fmt: skip
    part = page.locator(".measured")

    def said(name):
        return part.locator(f"[data-out={name}]").inner_text()

    def numbers(name):
        return [float(number.replace("−", "-")) for number in re.findall(r"[−]?\d+\.\d+", said(name))]

    drag_to(page, 8)
    assert numbers("line-0") == pytest.approx([measured["alone"]["mean"]], abs=0.051)
    assert numbers("line-1") == pytest.approx([at_eight["errors"]["mean"]], abs=0.051)
    assert numbers("gain-0") == pytest.approx([at_eight["gain"]["mean"]], abs=0.051)
    assert numbers("interval-0") == pytest.approx([at_eight["gain"]["low"], at_eight["gain"]["high"]], abs=0.051)
    assert said("basis") == "Measured with 5 seeds, on 5,000 validation images of MNIST."
    labels = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", said("further"))]
    worth = [at_eight["worth"][side] for side in ("mean", "low", "high")]
    assert labels == pytest.approx([500, *worth], rel=0.06)  # two digits of each are shown
    drag_to(page, 6)
    share = np.log(6 / 4) / np.log(8 / 4)
    between = (1 - share) * at_four["errors"]["mean"] + share * at_eight["errors"]["mean"]
    assert numbers("line-1") == pytest.approx([between], abs=0.051)
    assert said("basis").startswith("Between measured settings: interpolated.")
    logits = grid()["logits"]["article"]["500"]
    cell = logits["distilled"][
        TEMPERATURES.index(8) * len(ALPHAS) + ALPHAS.index(0.9)
    ]  # 6 is nearer to 8 than to 4
    for at, place in enumerate((14, 15)):
        p = softened(np.array([gallery()[place]["logits"], logits["alone"][at], cell[at]]), 6.0)[:, 7]
        told = page.locator(".two-digits svg").nth(at).get_attribute("aria-label")
        assert [float(number) for number in re.findall(r"(\d\.\d\d)\b", told)] == pytest.approx(p, abs=0.006)
    drag_to(page, 50)
    assert said("basis").startswith("Measured from T = 1 to T = 20: shown is T = 20. Measured with 5 seeds")
    part.get_by_role("slider", name="Temperature T").press("ArrowLeft")  # to the next measured one
    has_value(slider(page), "20")
    assert said("basis") == "Measured with 5 seeds, on 5,000 validation images of MNIST."


def test_a_term_shows_its_sentence_to_pointer_tap_and_keyboard(page):
    term = page.locator(".words .term").filter(has_text="soft target")
    tip = term.locator(".tip")
    expect(tip).to_be_hidden()
    term.hover()
    expect(tip).to_be_visible()
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    term.click()  # as a tap: it takes the focus, which stays when the pointer has gone
    page.mouse.move(0, 0)
    expect(tip).to_be_visible()
    page.locator(".words b").click()
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    term.focus()
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("learned from in place of one hard label")


def glided(page, side, expected, tolerance):
    """Wait until the live bars, which glide, have these shares of the plot, in the picture."""

    def there():
        drawn = page.locator(".panel .column .solid").evaluate_all(
            "(bars, side) => bars.map(bar => bar.getBoundingClientRect()[side.toLowerCase()]"
            " / bar.closest('.plot')['client' + side])", side,
        )  # fmt: skip
        return np.allclose(drawn, expected, rtol=0, atol=tolerance)

    until(page, there, "the bars' new places")


def test_small_values_are_drawn_and_printed_on_the_log_scale_and_a_phone_cuts_nothing(page):
    drag_to(page, 2)
    page.locator(".switch").get_by_text("Log", exact=True).click()
    p = expected_bars(2.0)
    height = np.clip(1 + np.log10(p) / 6, 0, 1).ravel()
    np.testing.assert_allclose(bars(page), p, atol=1e-3)
    glided(page, "Height", height, 0.01)
    assert page.locator(".panel").first.locator(".axis span").all_inner_texts() == ["10⁻⁶", "10⁻⁴", "10⁻²", "1"]
    assert page.locator(".axis-title").first.inner_text() == "Probability, log scale"
    printed = page.locator(".panel .column .value").all_inner_texts()
    for text, value in zip(printed, p.ravel(), strict=True):
        if value < 1e-6:
            assert text == "<10⁻⁶"
        elif value < 0.0099:
            digits, exponent = f"{value:.0e}".split("e-0")
            assert text == f"{digits}·10⁻{'⁰¹²³⁴⁵⁶'[int(exponent)]}"
        else:
            assert text == f"{value:.2f}"
    page.set_viewport_size({"width": 390, "height": 844})
    glided(page, "Width", height, 0.02)  # a phone's bars lie down
    fits(page)
