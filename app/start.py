"""The server beside the script: what is done once, as soon as it runs, and not when somebody waits for a page.

A browser that comes for the first time loads Streamlit's own scripts for a second or more before it asks for the
page. In this time a thread imports what a page needs.
"""

import inspect
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import Any

import streamlit as st

NEEDED = (
    "app.frame", "app.pictures", "app.watch", "app.result", "app.behind", "app.article",
    "app.components.soft_targets", "app.components.t_squared", "plotly.io", "streamlit.emojis",
    "streamlit.material_icon_names",
    "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.GifImagePlugin", "PIL.BmpImagePlugin", "PIL.PpmImagePlugin",
)  # fmt: skip
LATER = "kd_core.runs.store"  # what the first run needs
PAINT_SECONDS = 0.7  # a browser that waits for the first page has asked for Streamlit's files in this time
REST_SECONDS = 8.0  # the first page itself is drawn in this time
PATIENCE = 30.0  # seconds that a page waits for what it needs; then it imports it itself
OFTEN = 0.0005  # seconds after which this thread lets the one that serves go on; by default it is ten times as long

_imported = threading.Event()  # cleared while a server imports what its pages need
_imported.set()


@asynccontextmanager
async def ready(_app: Any) -> AsyncIterator[None]:
    """What is done around the server's life."""
    send_at_once()
    through_the_entry()
    _imported.clear()
    for seconds, work, what in ((PAINT_SECONDS, make_ready, ()), (REST_SECONDS, import_module, (LATER,))):
        timer = threading.Timer(seconds, work, what)
        timer.daemon = True
        timer.start()
    _open_browser()
    yield


def send_at_once() -> None:
    """Have every connection that the server takes send small pieces at once (TCP_NODELAY).

    asyncio sets this only on sockets that were made with TCP's number, and Streamlit makes its own without. Then
    the second piece of an answer waits until the browser has acknowledged the first, which it delays by 40 ms: so
    did each of sixty files, and each message of a rerun. Connections inherit it from the socket that listens.
    """
    with suppress(OSError):  # where files have no such names, on Windows
        for name in os.listdir("/dev/fd"):
            with suppress(OSError):  # no socket, or closed since
                number = os.dup(int(name))
                try:
                    listening = socket.socket(fileno=number)
                except OSError:
                    os.close(number)
                    continue
                with listening:
                    if listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def through_the_entry() -> None:
    """Have the first address, too, run the entry script.

    Until `st.navigation` is first called, Streamlit would run a file of a folder named `pages/` by itself: without
    language, style and sidebar, without waiting for what is being imported, and then all of it again. What says so
    is no public name of Streamlit's; where it is gone, `app.frame.opening` starts such a page over.
    """
    with suppress(ImportError):
        from streamlit.runtime.pages_manager import PagesManager

        PagesManager.uses_pages_directory = False


def await_imports() -> None:
    """Return once what a page needs is imported: at once where there is no server.

    Two threads that import the same packages from different ends may each be given the other's half of them: so
    Python keeps them from waiting for each other for ever.
    """
    _imported.wait(PATIENCE)


def make_ready(careful: bool = True) -> None:
    """Import what the first page needs.

    careful: what fails here is left to fail where somebody sees it.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(OFTEN)
    with suppress(*[Exception] if careful else []):
        try:
            for name in NEEDED:
                import_module(name)
        finally:
            _imported.set()
        inspect.stack()  # Streamlit asks once for it; that looks at every module there is
    sys.setswitchinterval(usual)


def _open_browser() -> None:
    """As `streamlit run` does for a script without an `App`."""
    if not st.get_option("server.headless"):
        address = st.get_option("server.address")
        here = address if address and address not in ("0.0.0.0", "::") else "localhost"
        webbrowser.open(f"http://{here}:{st.get_option('server.port')}")
