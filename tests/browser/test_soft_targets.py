"""The live part in a browser: what was asked and guessed is kept. The rest: tests/browser/test_a_first_visit.py."""

import pytest

from tests.browser.conftest import has_value
from tests.browser.live import expected_bars, now, opinion

pytestmark = [pytest.mark.browser, pytest.mark.proof]


def test_moving_t_uncovers_and_a_rerun_or_a_refresh_forgets_nothing(open_page):
    page = open_page("/distillation", reduced_motion="reduce")
    page.locator(".quiz .step.now").wait_for()
    page.locator(".st-key-errors .scatterlayer .point").first.wait_for()
    page.get_by_role("button", name="T = 8", exact=True).click()
    page.wait_for_url("**temperature=8**")
    has_value(page.locator(".st-key-temperature input"), "8")  # Python has heard and rerun
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
