"""The meta-learning page's networks in a browser: its gradient descent against numpy's, and points that move."""

import numpy as np
import pytest

from app.bundled import sinusoids

pytestmark = pytest.mark.browser


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


def test_steps_in_the_browser_are_those_of_numpy_and_points_move_at_once(open_page):
    sent = []
    page = open_page("/meta_learning", sent=sent)
    page.locator(".adaptation .step.now").wait_for()
    page.locator(".st-key-result .js-plotly-plot").first.wait_for()
    page.wait_for_timeout(1500)
    sent.clear()
    assert shown(page, "error-maml") == "?"
    assert page.locator(".adaptation .curve").count() == 0
    page.locator("[data-guess=same]").click()
    page.locator(".adaptation .curve").first.wait_for()
    found = sinusoids()
    said = shown(page, "fact")
    assert f"{found['mean']['maml'][0]:.2f}" in said
    assert f"{found['mean']['joint'][1]:.2f}" in said
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
    taken = page.locator(".adaptation .maml [data-point='1']").evaluate("""point => {
        const start = performance.now();
        point.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowUp", bubbles: true}));
        return performance.now() - start;
    }""")
    assert taken < 100  # milliseconds: ten steps of two networks and both drawings
    page.get_by_role("button", name="Put the points back").click()
    assert shown(page, "error-maml") == before
    assert sent == []  # all of it in this browser
