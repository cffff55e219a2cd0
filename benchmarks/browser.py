"""The Chromium in which pages are measured."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import ARGUMENTS, chromium_path


@contextmanager
def launched() -> Iterator[Browser]:
    """It, until it is no longer needed; ends the script where there is none."""
    path = chromium_path()
    if path is None:
        raise SystemExit("No Chromium was found; install it to measure the app.")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()
