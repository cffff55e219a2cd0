"""Runs in a browser: to the verdict, streaming, through a refresh, stopped; and, long, what is left by a kill."""

import re
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

from app.runs.visitor import COOKIE
from tests.browser.conftest import PATIENCE, Server

pytestmark = pytest.mark.browser
TINY = "student=mlp30&train_size=50&epochs=2&seeds=2"
LONG = "student=article&teacher_data=same&train_size=5000&epochs=200&seeds=4"


def press_run(page):
    page.locator(".st-key-run button").click()
    page.locator(".st-key-stop").wait_for()


def parts(server, words):
    """The processes of a server with these words in their command line: "spawn_main" is a worker's."""
    everyone = psutil.Process(server.process.pid).children(recursive=True)
    return [part for part in everyone if part.status() != "zombie" and words in " ".join(part.cmdline())]


@pytest.fixture(scope="module")
def page(open_once):
    """A page that is set to a tiny run."""
    return open_once(f"/distillation?{TINY}")


def test_run_to_the_verdict_while_the_web_process_has_no_torch(page, server):
    page.locator(".st-key-run button").click()
    page.get_by_text(re.compile(r"Finished in [\d.]+ s")).wait_for()
    assert page.get_by_text("recorded on").count() == 0
    verdict = page.locator(".st-key-verdict").inner_text()
    assert "2 paired trials" in verdict
    assert "each student 50" in verdict
    mapped = {Path(region.path).name for region in psutil.Process(server.process.pid).memory_maps()}
    assert not any("torch" in name for name in mapped)


def test_run_streams_survives_a_refresh_and_stops(page, server):
    page.goto(f"{server.address}/distillation?{LONG}")
    press_run(page)
    progress = page.locator(".st-key-progress")
    for stage in ("Train the teacher", "Make soft targets", "Train the students"):
        expect(progress.get_by_text(stage)).to_have_count(1, timeout=PATIENCE)
    canvas = progress.locator("canvas").first
    canvas.wait_for()
    status = progress.get_by_text(re.compile(r"\d+ % done"))
    status.wait_for()  # its workers may be new
    said = status.inner_text()
    canvas.evaluate("element => element.dataset.mark = 'same'")
    expect(status).not_to_have_text(said, timeout=PATIENCE)  # it has gone on
    assert progress.locator("canvas").first.get_attribute("data-mark") == "same"  # drawn on, never replaced

    page.reload()  # a new session: the address finds the run again, and a cookie whose it is
    page.locator(".st-key-stop").wait_for()
    (cookie,) = (cookie for cookie in page.context.cookies() if cookie["name"] == COOKIE)
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert page.evaluate("document.cookie.includes('visitor')") is False  # scripts cannot read it
    page.locator(".st-key-result .js-plotly-plot").first.wait_for()
    page.locator(".st-key-stop button").click()
    page.get_by_text("Stopped after").wait_for(timeout=30_000)  # more only if Stop is broken: the claim is a second
    expect(page.locator(".st-key-stop")).to_have_count(0, timeout=PATIENCE)
    expect(page.locator(".st-key-run button")).to_be_enabled(timeout=PATIENCE)


@pytest.mark.proof
def test_two_tabs_run_at_once(open_page):
    pages = [open_page(f"/distillation?{TINY}&seed={seed}") for seed in (1, 2)]
    for page in pages:
        page.locator(".st-key-run button").click()
    for page in pages:
        page.get_by_text(re.compile(r"Finished in [\d.]+ s")).wait_for(timeout=90_000)
    assert pages[0].url != pages[1].url


@pytest.mark.proof
def test_a_killed_worker_is_replaced_and_the_page_says_so(open_page, server):
    page = open_page(f"/distillation?{LONG}")
    press_run(page)
    page.locator(".st-key-progress").get_by_text(re.compile(r"\d+ % done")).wait_for(timeout=30_000)
    page.locator(".st-key-progress canvas").first.wait_for()  # it trains
    max(parts(server, "spawn_main"), key=lambda worker: worker.cpu_times().user).kill()
    page.get_by_text("A worker process died").wait_for()
    page.locator(".st-key-stop button").click()
    page.get_by_text("Stopped after").wait_for(timeout=10_000)


@pytest.mark.proof
def test_nothing_is_left_when_the_server_is_killed(open_page, chromium):
    server = Server().wait()
    page = chromium.new_page()
    page.goto(f"{server.address}/distillation?{LONG}")
    page.locator(".st-key-run button").click()
    page.locator(".st-key-stop").wait_for(timeout=30_000)
    page.locator(".st-key-progress").get_by_text("done").first.wait_for(timeout=30_000)
    family = psutil.Process(server.process.pid).children(recursive=True)
    assert len(family) >= 2
    server.process.kill()
    server.process.communicate()
    page.close()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []


@pytest.mark.proof  # one more server, and a whole run on it; AppTest reads the notice
def test_without_mnist_the_page_says_so_and_still_runs(chromium, tmp_path):
    (tmp_path / "file").write_text("")  # even root cannot make a folder inside a file
    server = Server(KD_DATA_DIR=str(tmp_path / "file" / "data")).wait()
    try:
        page = chromium.new_page()
        page.goto(f"{server.address}/distillation?{TINY}")
        page.get_by_text("This is NOT MNIST").first.wait_for(timeout=60_000)  # by itself, nothing was pressed
        page.locator(".st-key-run button").click()
        page.get_by_text(re.compile(r"Finished in [\d.]+ s")).wait_for(timeout=90_000)
        assert page.get_by_text("cannot be written").count() >= 1
        assert page.locator(".st-key-preset_small_student button").first.is_disabled()
        assert page.get_by_text("1,197 training").count() == 1
        page.close()
    finally:
        server.stop()
