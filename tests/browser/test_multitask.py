"""The multi-task page's arrows in a browser: a guess first, a silent drag, one word on release, true numbers."""

import pytest

from app.bundled import recorded_step

pytestmark = pytest.mark.browser


def sliders(page):
    return [page.get_by_role("slider", name=f"Task weight α{n}", exact=False) for n in "₁₂"]


def out(page, name):
    return page.locator(f".gradients [data-out='{name}']").inner_text()


def change_at(first, second):
    step = recorded_step()
    return step["change"][step["weights"].index(first)][step["weights"].index(second)]


def as_shown(value):
    size = abs(value)
    return ("−" if value < 0 else "+") + (f"{size:.3f}" if size >= 0.0995 else f"{size:#.2g}")


def test_a_guess_then_the_fact_and_a_drag_that_reaches_the_controls(open_page):
    sent = []
    page = open_page("/multitask", sent=sent)
    page.locator(".gradients .step.now").wait_for()
    page.locator(".st-key-result .js-plotly-plot").first.wait_for()
    page.wait_for_timeout(1500)
    sent.clear()
    assert (out(page, "change-0"), out(page, "change-1")) == ("?", "?")
    assert page.locator(".gradients .arrow.sum").count() == 0  # nothing to find beneath
    page.locator("[data-guess=both]").click()
    page.locator(".gradients .arrow.sum").wait_for()
    one = change_at(1.0, 1.0)
    said = out(page, "fact")
    assert said.startswith("You said both.")
    for delta, task in zip(one, ("left digit", "right digit"), strict=True):
        assert f"the loss of “{task}” {'falls' if delta < 0 else 'rises'} by" in said
    assert [out(page, "change-0"), out(page, "change-1")] == [as_shown(delta) for delta in one]
    assert sent == []  # the guess stays in this browser

    second = sliders(page)[1]
    box = second.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, y, steps=8)
    assert second.get_attribute("aria-valuetext") == "2.0"
    assert [out(page, "change-0"), out(page, "change-1")] == [as_shown(delta) for delta in change_at(1.0, 2.0)]
    assert sent == []
    page.mouse.up()
    page.wait_for_url("**weight_right=2**")
    assert "weight_left" not in page.url


@pytest.mark.proof
def test_a_wish_from_the_address_moves_the_arrows(open_page):
    page = open_page("/multitask?weight_left=0.5", width=390, height=844)
    page.locator(".gradients .step.now").wait_for()
    assert sliders(page)[0].get_attribute("aria-valuetext") == "0.5"
    assert sliders(page)[1].get_attribute("aria-valuetext") == "1.0"
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 1
