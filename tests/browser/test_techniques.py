"""One browser's first visit to two techniques: the lesson's offer, multi-task learning's arrows, MAML's steps."""

from types import SimpleNamespace

import numpy as np
import pytest

from app.meta_learning.bundled import sinusoids
from app.meta_learning.figures import start_means
from app.multitask.bundled import recorded_step
from tests.browser.conftest import fits, silent

pytestmark = pytest.mark.browser
ON_WEDGE = """(name) => {
    const wedge = name.parentNode.querySelector(".wedge");
    const { x, y, width, height } = name.getBBox();
    const along = [...Array(21).keys()].map((step) => new DOMPoint(x + (width * step) / 20, y + height / 2));
    return [...new Set(along.map((point) => wedge.isPointInFill(point)))];
}"""


@pytest.fixture(scope="module")
def multitask(open_once):
    """The first page of a new browser, and what it sends to the server."""
    sent = []
    return SimpleNamespace(page=open_once("/multitask", sent=sent), sent=sent)


@pytest.fixture(scope="module")
def meta_learning(open_once, multitask):
    """The next page of the same browser, in a tab of its own, and what it sends."""
    sent = []
    return SimpleNamespace(page=open_once("/meta_learning", beside=multitask.page, sent=sent), sent=sent)


def test_the_offer_is_made_on_the_first_visit_and_can_be_declined(multitask):
    page = multitask.page
    offer = page.locator(".offer")
    offer.wait_for()
    page.reload()
    offer.wait_for()  # still the first visit
    page.get_by_role("button", name="Not now").click()
    offer.wait_for(state="hidden")
    assert page.evaluate("() => localStorage.getItem('lesson_offered')") == "yes"


def test_the_next_visit_is_offered_no_lesson(meta_learning):
    page = meta_learning.page
    page.locator(".adaptation .step.now").wait_for()
    page.locator(".offer").wait_for(state="attached")
    assert not page.locator(".offer").is_visible()


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


def test_a_guess_then_the_fact_and_a_drag_that_reaches_the_controls(multitask):
    page, sent = multitask.page, multitask.sent
    page.locator(".gradients .step.now").wait_for()
    region = page.locator(".gradients svg .region")
    assert region.evaluate(ON_WEDGE) in ([True], [False])  # the wedge's name stands in it or beside it, not across
    page.locator(".st-key-result .js-plotly-plot").first.wait_for()
    silent(page, sent)
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
    fits(page)


def adapted_error(arm, rate, task, steps):
    """Mean squared error of the recorded network on 101 x after `steps` of gradient descent, in numpy."""
    w1, b1, w2, b2, w3, b3 = (np.array(part, dtype=float) for part in sinusoids()[arm])
    x = np.array(task["x"])
    y = task["amplitude"] * np.sin(x - task["phase"])

    def forward(x):
        first = np.maximum(0, x[:, None] @ w1.T + b1)
        second = np.maximum(0, first @ w2.T + b2)
        return first, second, (second @ w3.T + b3)[:, 0]

    for _step in range(steps):
        first, second, said = forward(x)
        out = (2 * (said - y) / len(x))[:, None]
        back2 = (out @ w3) * (second > 0)
        back1 = (back2 @ w2) * (first > 0)
        slopes = [back1.T @ x[:, None], back1.sum(0), back2.T @ first, back2.sum(0), out.T @ second, out.sum(0)]
        w1, b1, w2, b2, w3, b3 = (
            p - rate * g.reshape(p.shape) for p, g in zip((w1, b1, w2, b2, w3, b3), slopes, strict=True)
        )
    grid = np.linspace(-5, 5, 101)
    return np.mean((forward(grid)[2] - task["amplitude"] * np.sin(grid - task["phase"])) ** 2)


def shown(page, name):
    return page.locator(f".adaptation [data-out='{name}']").inner_text()


def test_steps_in_the_browser_are_those_of_numpy_and_points_move_at_once(meta_learning):
    page, sent = meta_learning.page, meta_learning.sent
    page.locator(".adaptation .step.now").wait_for()
    page.locator(".st-key-result .js-plotly-plot").first.wait_for()
    silent(page, sent)
    assert shown(page, "error-maml") == "?"
    assert page.locator(".adaptation .curve").count() == 0
    page.locator("[data-guess=same]").click()
    page.locator(".adaptation .curve").first.wait_for()
    found = sinusoids()
    said = shown(page, "fact")
    assert f"{start_means()['MAML'][0].mean:.2f}" in said
    assert f"{start_means()['joint pre-training'][1].mean:.2f}" in said
    assert said.startswith("Right.")  # the recorded intervals overlap before any step

    for steps in (0, 1, 4):
        page.locator(".adaptation input[type=range]").fill(str(steps))
        for arm, rate in (("maml", found["inner_lr"]), ("joint", found["joint_lr"])):
            expected = adapted_error(arm, rate, found["tasks"][0], steps)
            assert float(shown(page, f"error-{arm}")) == pytest.approx(expected, abs=0.006)

    before = shown(page, "error-maml")
    point = page.locator(".adaptation .maml [data-point='0']")
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] - 60)
    assert shown(page, "error-maml") != before
    page.mouse.up()
    moved = shown(page, "error-maml")
    for _ in range(5):
        page.locator(".adaptation .maml [data-point='1']").press("ArrowUp")
    assert shown(page, "error-maml") != moved
    page.get_by_role("button", name="Put the points back").click()
    assert shown(page, "error-maml") == before
    assert sent == []  # all of it in this browser
