"""The live part in a browser: two guesses before the facts, the log scale, the matrix of mean soft targets."""

import json

import numpy as np
import pytest

from tests.browser.conftest import ROOT, has_value
from tests.browser.test_lab import bars, expected_bars, slider

pytestmark = pytest.mark.browser


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


@pytest.fixture
def live(open_page):
    """The live part of the page, nothing guessed yet."""

    def opened(path="/distillation", **options):
        page = open_page(path, **options)
        slider(page).wait_for()
        page.locator(".quiz .step.now").wait_for()
        return page

    return opened


def now(page):
    """What the strip says or asks at this moment."""
    return page.locator(".quiz .step.now").inner_text()


def drag_to(page, temperature):
    """As a hand does it, but to this very value."""
    slider(page).evaluate(
        "(e, T) => { e.value = T; e.dispatchEvent(new Event('input', { bubbles: true })); }", temperature
    )


def opinion(p):
    first, second = np.argsort(-p)[:2]
    return f"{first} with {p[first]:.2f} and {second} with {p[second]:.2f}"


def test_guesses_facts_the_matrix_and_the_log_scale_in_this_browser_alone(live):
    sent = []
    page = live(sent=sent)
    page.wait_for_timeout(1500)
    sent.clear()
    covers = page.locator(".panel .cover")
    assert [cover.is_visible() for cover in covers.all()] == [True] * 4
    np.testing.assert_allclose(bars(page), expected_bars(4.0), atol=1e-3)  # there, and covered
    assert "Both are labelled 7. Will the teacher's bars be the same?" in now(page)
    strip, height = page.locator(".quiz"), page.locator(".quiz").bounding_box()["height"]

    page.get_by_role("button", name="The same", exact=True).click()
    a, b = expected_bars(4.0)
    assert f"You said the same. They differ: at T = 4.0, A is {opinion(a)}; B is {opinion(b)}." in now(page)
    covers.first.wait_for(state="hidden")
    assert not any(cover.is_visible() for cover in covers.all())

    slider(page).evaluate(EXTREMES)
    page.get_by_role("button", name="No", exact=True).click()
    page.locator(".quiz .step.now").filter(has_not_text="Watch the bars").wait_for()
    assert page.evaluate("() => window.extremes") == [1, 20]
    has_value(slider(page), "4")  # and it is back
    assert "You said no. Right: T never changes the order. From T = 0.5 to 50, A stays 7 and B stays 7" in now(page)
    assert strip.bounding_box()["height"] == height

    page.get_by_role("button", name="Ask again").click()
    assert covers.first.is_visible()
    assert "Will the teacher's bars be the same?" in now(page)
    page.get_by_role("button", name="Skip").click()
    assert "You said" not in now(page)
    page.wait_for_timeout(600)
    assert sent == []
    matrix_is_the_mean_of_soft_targets_and_follows_the_slider(page)
    small_values_are_drawn_and_printed_on_the_log_scale(page)


@pytest.mark.proof
def test_moving_t_uncovers_and_a_rerun_or_a_refresh_forgets_nothing(live):
    page = live(reduced_motion="reduce")
    page.wait_for_timeout(1000)
    page.get_by_role("button", name="T = 8", exact=True).click()
    page.wait_for_url("**temperature=8**")  # Python has heard and rerun
    page.wait_for_timeout(500)
    a, b = expected_bars(8.0)
    assert f"They differ: at T = 8.0, A is {opinion(a)}; B is {opinion(b)}." in now(page)
    assert "Will it change which digit wins?" in now(page)
    page.get_by_role("button", name="Yes", exact=True).click()
    assert "You said yes. No: T never changes the order." in now(page)  # at once: motion is reduced
    page.reload()
    page.locator(".quiz .step.now").wait_for()
    assert "You said yes. No:" in now(page)
    assert "They differ" in now(page)
    assert not page.locator(".panel .cover").first.is_visible()

    page.get_by_role("button", name="Ask again").click()
    page.locator(".thumb").first.click()  # a 0 goes to B: what it says of them, and how it asks
    assert now(page).startswith("They differ: at T = 8.0, A is 7")
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("button", name="Ask again").click()
    assert "A is labelled 7, B is labelled 0." in now(page)
    page.get_by_role("button", name="Different", exact=True).click()
    assert now(page).startswith("You said different. They differ:")


def small_values_are_drawn_and_printed_on_the_log_scale(page):
    drag_to(page, 2)
    page.locator(".switch").get_by_text("Log", exact=True).click()
    page.wait_for_timeout(400)  # they glide there
    p = expected_bars(2.0)
    height = np.clip(1 + np.log10(p) / 6, 0, 1).ravel()
    np.testing.assert_allclose(bars(page), p, atol=1e-3)
    np.testing.assert_allclose(drawn(page, "Height"), height, atol=0.01)
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
    page.wait_for_timeout(400)
    np.testing.assert_allclose(drawn(page, "Width"), height, atol=0.02)  # a phone's bars lie down


def drawn(page, side):
    """The live bars' share of the plot, in the picture."""
    return page.locator(".panel .column .solid").evaluate_all(
        "(bars, side) => bars.map(bar => bar.getBoundingClientRect()[side.toLowerCase()]"
        " / bar.closest('.plot')['client' + side])", side,
    )  # fmt: skip


def mean_soft_targets(temperature):
    logits = json.loads((ROOT / "assets" / "classes.json").read_text(encoding="utf-8"))["logits"]
    z = np.array(logits) / temperature
    e = np.exp(z - z.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).mean(1)


def matrix_is_the_mean_of_soft_targets_and_follows_the_slider(page):
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
