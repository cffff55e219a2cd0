"""A lab that takes one page at a time: who comes second is told so, and gets the page when the first has left."""

import pytest

from app.i18n.text import Translate
from app.shell.connection import FULL
from tests.browser.conftest import PATIENCE, Server

pytestmark = [pytest.mark.browser, pytest.mark.proof]


def test_who_comes_too_late_is_told_and_gets_a_place_that_is_left(chromium, tmp_path):
    server = Server(KD_MAX_SESSIONS="1", KD_DATABASE_URL=f"sqlite:///{tmp_path}/lab.db").wait()
    try:
        first, second = (chromium.new_context(locale=locale).new_page() for locale in ("en-US", "zh-CN"))
        for page in (first, second):
            page.set_default_timeout(PATIENCE)
        first.goto(server.address)
        first.locator("h1").first.wait_for()
        first.reload()  # one's own place is not in one's way
        first.locator("h1").first.wait_for()
        second.goto(f"{server.address}/distillation")
        said = second.get_by_role("alert").filter(has_text=Translate("zh")(FULL))
        said.wait_for()
        assert second.locator("h1").count() == 0
        first.close()
        second.locator("h1").first.wait_for()
        assert said.count() == 0
        second.close()
    finally:
        server.stop()
