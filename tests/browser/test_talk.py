"""A talk given with the keys of a keyboard or a clicker alone."""

import re

import pytest

from app.talk import steps_of

pytestmark = pytest.mark.browser
STEPS = steps_of("distillation")


def test_distillation_goes_by_keys_alone(open_page):
    from playwright.sync_api import expect

    page = open_page("/distillation?present=1", width=1920, height=1080)
    title, back = page.locator("h1"), page.locator(".st-key-talk_back button")
    question = page.locator(".st-key-talk_ask")

    def stands_at(step, revealed=False):
        expect(title).to_have_text([STEPS[step - 1].title], timeout=20_000)  # one, once the old page has gone
        expect(page).to_have_url(re.compile(rf"step={step}\b" if step > 1 else r"^((?!step=).)*$"))
        (expect(question).not_to_contain_text if revealed else expect(question).to_contain_text)("…")

    stands_at(1)
    page.locator("i[data-listens]").wait_for(state="attached")
    page.keyboard.press("v")
    stands_at(1, revealed=True)
    page.keyboard.press("PageDown")
    stands_at(2)
    page.keyboard.press("ArrowRight")
    stands_at(3)
    page.keyboard.press("PageUp")
    stands_at(2)

    # Arrows on a slider that has the focus move it and turn no page; a clicker's PageDown turns it all the same.
    slider = page.get_by_role("slider", name="Temperature T")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("4.5")
    stands_at(2)
    page.keyboard.press("Escape")  # out of the slider, and not yet out of the talk
    expect(slider).not_to_be_focused()
    page.keyboard.press("ArrowRight")
    stands_at(3)
    page.keyboard.press("PageUp")
    stands_at(2)
    slider.focus()
    page.keyboard.press("PageDown")
    stands_at(3)

    # A button pressed by mouse does not swallow the next Space.
    back.click()
    stands_at(2)
    page.keyboard.press("Space")
    stands_at(3)
    for step in range(4, len(STEPS) + 1):
        page.keyboard.press("PageDown")
        stands_at(step)
        page.keyboard.press("Enter")
        stands_at(step, revealed=True)
        below = "document.querySelector('[data-testid=stMain]').scrollHeight - innerHeight"
        assert page.evaluate(below) <= 0, f"step {step} does not fit the screen"
    page.reload()
    expect(title).to_have_text([STEPS[-1].title], timeout=20_000)
    page.locator("i[data-listens]").wait_for(state="attached")
    page.keyboard.press("Escape")
    expect(title).to_have_text(["Distillation"], timeout=20_000)
    expect(page).not_to_have_url(re.compile("present|step"))


def test_the_last_step_leads_to_the_next_talk(open_page):
    from playwright.sync_api import expect

    page = open_page("/meta_learning?present=1&step=4")
    expect(page.locator(".st-key-talk_on button")).to_contain_text("Summary")
    page.locator("i[data-listens]").wait_for(state="attached")
    page.keyboard.press("PageDown")
    expect(page.locator("h1")).to_have_text(["What distillation buys"], timeout=20_000)
    expect(page).to_have_url(re.compile("/summary.*present=1"))
