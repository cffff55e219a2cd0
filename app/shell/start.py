"""What the server does once, before it takes the first request: `st.App` calls `ready` as its lifespan."""

import pkgutil
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import streamlit as st

import app
from app.runs.server import limits
from app.shell.headers import wrong_sites


@asynccontextmanager
async def ready(_app: Any) -> AsyncIterator[None]:
    """Import what the pages need, open a browser, and then serve.

    Pages run in threads: imported here, no module is imported by two of them at once, and no page waits for it.
    """
    import_pages_modules()
    for said in wrong_environment():
        print(said, file=sys.stderr)
    _open_browser()
    yield


def wrong_environment() -> list[str]:
    """What was set in the environment and is not taken: a sentence each, for whoever starts the server."""
    of_limits = limits()[1]
    return [said for said in (wrong_sites(), of_limits and f"{of_limits} The default holds.") if said]


def import_pages_modules() -> None:
    """Import every module of `app`, and the store, which the first page opens."""
    for module in pkgutil.walk_packages(app.__path__, "app."):
        import_module(module.name)
    import_module("kd_core.runs.store")


def _open_browser() -> None:
    """As `streamlit run` does for a script without an `App`."""
    if not st.get_option("server.headless"):
        address = st.get_option("server.address")
        here = address if address and address not in ("0.0.0.0", "::") else "localhost"
        webbrowser.open(f"http://{here}:{st.get_option('server.port')}")
