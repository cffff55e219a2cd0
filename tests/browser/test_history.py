"""The history as only a browser shows it: rows that are ticked, an address that keeps them, a file read in."""

import os
import re

import pytest

from app.history.page import ROW
from app.reports import files
from app.results.bundled import recorded
from kd_core.distillation.settings import DistillationSettings
from kd_core.runs.store import Store
from tests.browser.conftest import has_value, still

pytestmark = [pytest.mark.browser, pytest.mark.proof]  # a minute; tests/app/history/test_page.py has the page


@pytest.fixture
def two_runs():
    """Two finished runs in the store that the server reads."""
    store = Store(os.environ["KD_DATABASE_URL"])
    result = recorded("distillation")
    for run, temperature in (("browser-one", 4.0), ("browser-two", 8.0)):
        settings = DistillationSettings(**result.settings | {"temperature": temperature})
        store.finish(run, settings, result.model_copy(update={"settings": settings.model_dump()}), "MNIST", 12.5)
    yield "browser-one", "browser-two"
    for run in ("browser-one", "browser-two"):
        store.remove(run)
    store.close()


def test_runs_are_ticked_compared_opened_and_read_in(open_page, two_runs, tmp_path):
    page = open_page("/history?show=distillation")
    table = page.locator("[data-testid=stDataFrame]")
    table.locator("canvas").first.wait_for()
    still(page)
    box = table.bounding_box()
    for row in range(2):  # the newest two
        page.mouse.click(box["x"] + 16, box["y"] + 36 + ROW * (row + 0.5))
        page.wait_for_url(re.compile("runs=browser-two(,|%2C)browser-one" if row else "runs=browser-two"))
    page.locator(".st-key-between").get_by_text("No difference at all between B and A").wait_for()
    page.locator(".st-key-overlaid .js-plotly-plot .scatterlayer").first.wait_for()
    page.wait_for_url(re.compile("runs=browser-two(,|%2C)browser-one"))

    page.reload()  # the address is the state
    page.locator(".st-key-between").get_by_text("Paired: 5 trials").wait_for()
    assert page.locator(".arms th[scope=row]").first.inner_text() == "Temperature T"

    file = tmp_path / "result.json"
    file.write_text(files.json(recorded("transfer")), encoding="utf-8")
    page.get_by_text("Read a result in (JSON)").click()
    page.locator(".st-key-import_file input[type=file]").set_input_files(file)
    page.get_by_text("It is in the history now").wait_for()
    bad = tmp_path / "bad.json"
    bad.write_text('{"technique": "<b>x</b>"}', encoding="utf-8")
    page.locator(".st-key-import_file input[type=file]").set_input_files(bad)
    page.get_by_text("This file is no result of this lab").wait_for()

    page.get_by_role("link", name="B · Distillation").click()
    page.wait_for_url(re.compile("/distillation\\?.*run=browser-two"))
    page.locator(".st-key-verdict").get_by_text("Distillation helped").first.wait_for()
    has_value(page.get_by_role("spinbutton", name="Temperature T"), "8")
