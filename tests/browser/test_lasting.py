"""Runs that outlive a page, a browser and a server, in a real Chromium."""

import re
import signal

import pytest

from tests.browser.conftest import Server, free_port
from tests.browser.test_runs import LONG, parts, press_run

pytestmark = pytest.mark.browser
DEFAULT_PAGE = "/distillation?seeds=4&lang=en"  # the article's CNNs: half a minute


def progress(page):
    return page.locator(".st-key-progress").inner_text()


@pytest.mark.proof
def test_a_link_may_be_watched_and_only_whoever_started_it_stops_it(open_page):
    mine = open_page(f"/distillation?{LONG}&seed=7000")
    press_run(mine)
    mine.wait_for_function("() => location.search.includes('run=')")
    link = mine.url[mine.url.index("/distillation") :]
    theirs = open_page(link)
    theirs.get_by_text("You are watching somebody else's run.").wait_for(timeout=40_000)
    theirs.locator(".st-key-progress canvas").first.wait_for(timeout=40_000)  # the curve so far
    assert theirs.locator(".st-key-stop").count() == 0
    assert theirs.locator(".st-key-run button").is_disabled()
    tab = mine.context.new_page()  # the same browser
    tab.goto(mine.url)
    tab.locator(".st-key-stop button").wait_for(timeout=40_000)
    tab.close()
    mine.locator(".st-key-stop button").click()
    for page in (mine, theirs):
        page.get_by_text("Stopped after").wait_for(timeout=30_000)


@pytest.mark.proof
def test_killed_worker_cluster_and_server_each_leave_what_was_finished(chromium, tmp_path):
    port, env = free_port(), {"KD_DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}", "KD_WORKERS": "2"}
    server = Server(port, **env).wait()
    page = chromium.new_page(viewport={"width": 1440, "height": 900}, locale="en-US")
    page.goto(server.address + DEFAULT_PAGE)
    press_run(page)

    page.locator(".st-key-progress").get_by_text(re.compile(r"\d+ % done")).wait_for(timeout=60_000)
    page.locator(".st-key-progress canvas").first.wait_for()  # its first trials are under way
    busy = max(parts(server, "spawn_main"), key=lambda worker: worker.cpu_times().user)
    busy.send_signal(signal.SIGKILL)
    page.get_by_text("A worker process died").first.wait_for(timeout=60_000)
    page.get_by_text("Distillation helped").first.wait_for(timeout=240_000)
    page.get_by_text("Finished in").wait_for(timeout=240_000)

    page.goto(server.address + DEFAULT_PAGE.replace("seeds=4", "seeds=8"))
    press_run(page)
    page.get_by_text("Trials kept from earlier runs of these settings: 4").wait_for(timeout=60_000)
    (cluster,) = parts(server, "kd_core.runs.cluster")
    cluster.send_signal(signal.SIGKILL)
    page.get_by_text("ended unexpectedly").wait_for(timeout=30_000)
    page.locator(".st-key-run button").click()  # a new cluster comes up, and goes on
    page.locator(".st-key-stop").wait_for(timeout=60_000)
    page.get_by_text("Trials kept from earlier runs").wait_for(timeout=120_000)
    link = page.url

    server.process.send_signal(signal.SIGKILL)
    server.process.communicate()
    again = Server(port, **env).wait()
    try:
        page.goto(link)
        page.get_by_text("The lab ended in the middle of this run").wait_for(timeout=60_000)
        page.locator(".st-key-restart button").click()
        page.get_by_text("Trials kept from earlier runs").wait_for(timeout=120_000)
        page.get_by_text("Finished in").wait_for(timeout=240_000)
        page.locator(".st-key-verdict").get_by_text("8 paired trials").first.wait_for()
    finally:
        page.close()
        again.stop()
