"""A real server and a real Chromium; without one these tests skip, or fail if KD_REQUIRE_BROWSER is set."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.missing import missing

ROOT = Path(__file__).parents[2]
PATIENCE = 60_000  # milliseconds; a wait ends as soon as what it waits for is seen
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
             "--no-first-run"]  # fmt: skip

LIGHT = [
    "--in-process-gpu",
    "--disable-gpu-compositing",
    "--disable-software-rasterizer",
]  # less work for each page


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def has_value(field, value: object) -> None:
    """Wait until an input holds this value: a control is drawn first and given its value a moment later."""
    from playwright.sync_api import expect

    expect(field).to_have_value(str(value), timeout=PATIENCE)


def until(page, seen, what: str = "what was waited for") -> None:
    """Wait until `seen()`, asked again and again, is true: for what `expect` has no word for."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not seen():
        assert time.monotonic() < deadline, f"{what} did not come"
        page.wait_for_timeout(50)


def saved_as_svg(page, button, name: str):
    """Save a figure until it is the SVG just chosen: no sign on the page says when Python has heard of that."""
    saved = []

    def is_svg():
        with page.expect_download() as download:
            button.click()
        saved.append(download.value)
        return saved[-1].suggested_filename == name

    until(page, is_svg, name)
    return saved[-1]


def silent(page, sent: list, seconds: float = 1.0) -> None:
    """Wait until the page has sent nothing for this long, and forget what it sent: only time shows silence."""
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        before = len(sent)
        page.wait_for_timeout(1000 * seconds)
        if len(sent) == before:
            return sent.clear()
    raise AssertionError(f"the page sends again and again: {sent[-3:]}")


def still(page) -> None:
    """Wait until Python has drawn the page to its end.

    A person sees the sign at the top right go, but a talk hides it and a short run never shows it: hence
    Streamlit's attribute for tests, here alone.
    """
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(state="attached")


FITS = """() => {
    const main = document.querySelector("[data-testid=stMain]");
    return main.clientWidth <= innerWidth && main.scrollWidth - main.clientWidth <= 1;
}"""


def fits(page) -> None:
    """Wait until nothing of the page is wider than the window, and see that it stays so."""
    page.wait_for_function(FITS)
    page.wait_for_timeout(500)  # that nothing comes to stick out, only time shows
    page.wait_for_function(FITS)


def fits_a_phone(page) -> None:
    """Make the window as wide as a phone, and see that nothing is cut."""
    page.set_viewport_size({"width": 390, "height": 844})
    fits(page)


def chromium_path() -> str | None:
    """Where a Chromium is, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def until_served(address: str, seconds: float = 60, every: float = 0.1) -> None:
    """Wait until the lab answers at this address: its port is bound, and let go again, before that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
            return
        time.sleep(every)
    raise AssertionError("the server did not start")


class Server:
    """`streamlit run streamlit_app.py` as a person starts it; or another script, with the lab's configuration."""

    def __init__(self, port: int | None = None, script: str = "streamlit_app.py", **env: str) -> None:
        self.port = port or free_port()
        self.first: str | None = None  # what the tests asked it first
        self.address = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
        self.process = subprocess.Popen(
            [*command, "--server.port", str(self.port)], cwd=ROOT, env={**os.environ, "KD_WORKERS": "1", **env},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def wait(self, seconds: float = 60) -> "Server":
        until_served(self.address, seconds)
        return self

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


@contextmanager
def sync_chromium():
    """A real Chromium; where there is none, whoever asks for it is skipped, or fails."""
    path = chromium_path()
    if path is None:
        missing("no Chromium was found; install it to run the browser tests", "KD_REQUIRE_BROWSER")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*ARGUMENTS, *LIGHT])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server():
    """One server for all browser tests: its worker takes ten seconds of processor time to start."""
    running = Server().wait()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def chromium():
    """The browser, started once; closed after this folder, since it runs an event loop in this thread."""
    with sync_chromium() as browser:
        yield browser


@contextmanager
def browsing(chromium, server):
    """How to open an address of the lab in a fresh context; errors that a page throws fail the test."""
    contexts, thrown = [], []

    def opened(
        path="/distillation", *, width=1440, height=900, beside=None, sent=None, asked=None, cookies=(), **options
    ):
        if beside is None:  # what moves while a page is drawn takes a sixth of the processor's time for it
            as_usual = {"locale": "en-US", "reduced_motion": "reduce"}
            context = chromium.new_context(viewport={"width": width, "height": height}, **as_usual | options)
            context.set_default_timeout(PATIENCE)
            contexts.append(context)
            context.add_cookies([dict(name=name, value=value, url=server.address) for name, value in cookies])
        else:  # another tab of the browser that has this page
            context = beside.context
        page = context.new_page()
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.on(
            "console", lambda said: thrown.append(said.text) if "Content Security Policy" in said.text else None
        )
        if sent is not None:  # collects what the browser sends to the server
            page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
        if asked is not None:  # collects every address that the browser asks
            page.on("request", lambda request: asked.append(request.url))
        server.first = server.first or path
        page.goto(server.address + path)
        page.locator("h1").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert thrown == []


@pytest.fixture
def open_page(chromium, server):
    with browsing(chromium, server) as opened:
        yield opened


@pytest.fixture(scope="module")
def open_once(chromium, server):
    """As `open_page`, for a page that the tests of a file share: an opening is seconds of both cores."""
    with browsing(chromium, server) as opened:
        yield opened
