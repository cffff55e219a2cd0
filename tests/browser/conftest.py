"""A real server and a real Chromium; without one these tests skip, or fail if KD_REQUIRE_BROWSER is set."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.missing import missing

ROOT = Path(__file__).parents[2]
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

    expect(field).to_have_value(str(value), timeout=15_000)


class Server:
    """`streamlit run streamlit_app.py` as a person starts it; or another script, with the lab's configuration."""

    def __init__(self, port: int | None = None, script: str = "streamlit_app.py", **env: str) -> None:
        self.port = port or free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
        self.process = subprocess.Popen(
            [*command, "--server.port", str(self.port)], cwd=ROOT, env={**os.environ, **env},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def wait(self, seconds: float = 60) -> "Server":
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1):
                    return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=20)


@pytest.fixture(scope="session")
def server():
    """One server for all browser tests of a process: its workers take ten seconds of processor time to start."""
    running = Server().wait()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def chromium():
    """The browser, started once; closed after this folder, since it runs an event loop in this thread."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        missing("no Chromium was found; install it to run the browser tests", "KD_REQUIRE_BROWSER")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=[*ARGUMENTS, *LIGHT])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, server):
    """Open an address of the lab in a fresh context; errors that the page throws fail the test."""
    contexts, thrown = [], []

    def opened(path="/distillation", *, width=1440, height=900, sent=None, asked=None, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: thrown.append(str(error)))
        if sent is not None:  # collects what the browser sends to the server
            page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
        if asked is not None:  # collects every address that the browser asks
            page.on("request", lambda request: asked.append(request.url))
        page.goto(server.address + path)
        page.locator("h1").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert thrown == []
