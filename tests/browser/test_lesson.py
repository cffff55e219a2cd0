"""The lesson in a browser: one by keyboard alone, and every step of all."""

import pytest

from app.distillation import lesson
from app.lessons.model import Bars, Choice
from app.meta_learning import lesson as meta_learning
from app.multitask import lesson as multitask
from app.transfer import lesson as transfer

pytestmark = [pytest.mark.browser, pytest.mark.proof]  # each time: the offer, in test_techniques.py
LESSONS = {
    "distillation": lesson.LESSON,
    "transfer": transfer.LESSON,
    "multitask": multitask.LESSON,
    "meta_learning": meta_learning.LESSON,
}
FOCUSED = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    // a part of the page that scrolls can have the focus too, and holds every text
    if (!at?.matches("button, input, h3")) return "";
    return `${at.getAttribute("aria-label") ?? at.labels?.[0]?.innerText ?? ""} ${at.innerText}`.trim();
}"""
SLIDE = """(slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    slider.dispatchEvent(new Event("change", { bubbles: true }));
    slider.dispatchEvent(new Event("blur"));
}"""


def heading(page, number, steps):
    """Wait until step `number`, from 0, is shown."""
    page.locator(".heading .dots .now").wait_for(timeout=20_000)
    page.wait_for_function(
        "([at, of]) => new URL(location).searchParams.get('lesson') === String(at + 1)", arg=[number, len(steps)],
        timeout=20_000,
    )  # fmt: skip
    page.locator(f".st-key-lesson_ask_{number}").wait_for(timeout=20_000)


def tab_to(page, name, key="Tab", most=60):
    """Press Tab until what has the focus is called `name`."""
    for _press in range(most):
        page.keyboard.press(key)
        if name in page.evaluate(FOCUSED):  # an icon's name may stand before it
            return
    raise AssertionError(f"{key} does not lead to {name!r}, but to {page.evaluate(FOCUSED)!r}")


def revealed(page, number):
    page.locator(f".st-key-lesson_reveals_{number}").wait_for(timeout=20_000)


def test_a_lesson_by_keyboard_alone(open_page):
    page, steps = open_page("/distillation"), LESSONS["distillation"]
    page.locator(".st-key-lesson_take button").wait_for()
    page.locator(".st-key-result .js-plotly-plot").first.wait_for(timeout=20_000)
    tab_to(page, "Take the lesson")
    page.keyboard.press("Enter")
    for number, step in enumerate(steps):
        heading(page, number, steps)
        page.wait_for_function(f"() => ({FOCUSED})().startsWith('Step {number + 1} of')", timeout=20_000)
        if isinstance(step.ask, Choice):
            tab_to(page, list(step.ask.options.values())[1])
            page.keyboard.press("Enter")
        elif isinstance(step.ask, Bars):
            cover = page.locator(".soft-targets .panel .cover").first
            assert cover.is_visible()
            tab_to(page, "Your bar for digit 4")
            for _press in range(3):
                page.keyboard.press("PageUp")
            tab_to(page, "That is my guess")
            page.keyboard.press("Enter")
            page.locator(".bars.answered").wait_for(timeout=20_000)
            cover.wait_for(state="hidden")
            assert page.locator(".bars .column").nth(4).get_attribute("aria-label") == (
                f"Digit 4: your guess 1.00, the teacher {step.ask.truth()[4]:.2f}"
            )
        else:
            span = "0.5 to 50" if step.goal else f"{step.ask.low:g} to {step.ask.high:g}"
            tab_to(page, span.replace("-", "\u2212"))  # a minus
            page.keyboard.type("9")
            page.keyboard.press("Enter")
        if step.goal:
            page.get_by_text("Goal: p(7) below 0.6.").wait_for()
            tab_to(page, "Temperature T")
            for _press in range(2):
                page.keyboard.press("PageUp")
            page.wait_for_url("**temperature=11**")
        revealed(page, number)
        last = number == len(steps) - 1
        back = "Shift+Tab" if step.goal else "Tab"
        tab_to(page, "Finish" if last else "Next step", back)
        page.keyboard.press("Enter")
    page.locator(".st-key-lesson_take button").wait_for()
    assert "lesson=" not in page.url


def reach(page, technique):
    """Reach the goal of a technique's free play with the page's own controls."""
    if technique == "distillation":
        page.locator(".st-key-soft_targets input[type=range]").first.evaluate(SLIDE, 9)
    elif technique == "transfer":
        page.locator(".st-key-labels_curve input[type=range]").focus()
        page.keyboard.press("End")
    elif technique == "multitask":
        page.locator(".st-key-live .weights input").first.evaluate(SLIDE, 7)
    else:
        page.locator(".st-key-inner_lr input").fill("0.5")
        page.keyboard.press("Enter")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("technique", LESSONS)
def test_every_step_of_every_lesson(open_page, technique, language):
    page, steps = open_page(f"/{technique}?lang={language}"), LESSONS[technique]
    page.locator(".st-key-lesson_take button").click()
    for number, step in enumerate(steps):
        heading(page, number, steps)
        assert not page.locator(f".st-key-lesson_reveals_{number}").is_visible()
        if isinstance(step.ask, Choice):
            page.locator(f".st-key-lesson_guess_{number}_{step.ask.truth()} button").click()
        elif isinstance(step.ask, Bars):
            page.locator(".bars .column input").nth(4).evaluate(SLIDE, 40)
            page.locator(".bars .below button").click()
        else:
            field = page.locator(f".st-key-lesson_number_{number} input")
            field.fill(str(step.ask.high))
            field.press("Enter")
        if step.goal:
            page.locator(f".st-key-lesson_number_{number}").wait_for(state="detached")  # the guess is taken
            reach(page, technique)
        revealed(page, number)
        said = page.locator(".st-key-lesson_card").inner_text()
        assert "{" not in said
        assert any("\u4e00" <= letter <= "\u9fff" for letter in said) == (language == "zh")
        last = number == len(steps) - 1
        # For a moment the button to skip stands beside the one that takes its place.
        page.locator(f".st-key-lesson_{'finish' if last else 'next'} button").last.click()
    page.locator(".st-key-lesson_take button").wait_for()
    assert "lesson=" not in page.url
