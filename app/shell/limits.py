"""What the server takes from its visitors at once: pages that are open, and files that are uploaded.

Both are refused before Streamlit sees them. What a run may cost stands in `kd_core/runs/limits.py`.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from streamlit.runtime import get_instance

from app.i18n.text import LANGUAGES, Translate
from app.runs.server import limits
from kd_core.messages import N_

UPLOADS = "/_stcore/upload_file/"
TRY_AGAIN_LATER = 1013  # of a websocket that is closed: connection.js says then that the lab is full
MOST_BYTES = 65 * 10**6  # of an upload: server.maxUploadSize, and a form around it
NO_ROOM = N_("The lab holds as many uploaded files as it may; try again in a few minutes.")
KEPT_SECONDS = 600.0  # Streamlit keeps the files of a page that was closed for two minutes, should it come back


class SessionsLimited:
    """Middleware of the server: where as many pages are open as may, another one is closed at once."""

    def __init__(self, app: ASGIApp, most: int | None = None) -> None:
        self.app, self.most, self.open = app, most, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
        elif self.open >= (self.most or limits()[0].sessions):
            socket = WebSocket(scope, receive, send)
            await socket.accept(subprotocol=next(iter(scope.get("subprotocols") or ()), None))
            await socket.close(TRY_AGAIN_LATER)
        else:
            self.open += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self.open -= 1


class _Held(NamedTuple):
    bytes: int
    since: float


_held: dict[tuple[str, str], _Held] = {}  # what is uploaded at present, by session and file


def uploads_fit(more: float = MOST_BYTES, name: tuple[str, str] = ("", "")) -> bool:
    """Whether an upload of so many bytes, by default the largest there is, fits beside those that are held."""
    others = sum(held.bytes for other, held in list(_held.items()) if other != name)
    return others + more <= 1e6 * limits()[0].uploads


class UploadsLimited:
    """Middleware of the server: a file that would not fit beside those that are held is refused.

    Streamlit limits the size of each file, but not how many a session uploads.
    """

    def __init__(self, app: ASGIApp, is_open: Callable[[str], bool] | None = None) -> None:
        self.app, self.is_open = app, is_open or (lambda session: get_instance().is_active_session(session))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method") if scope["type"] == "http" and UPLOADS in scope["path"] else None
        if method not in ("PUT", "DELETE"):
            await self.app(scope, receive, send)
            return
        session, _, file = scope["path"].rpartition(UPLOADS)[2].partition("/")
        if method == "PUT":
            self._forget()
            size = _size(Headers(scope=scope))
            if not uploads_fit(size, (session, file)):
                said = "\n".join(Translate(language)(NO_ROOM) for language in LANGUAGES)
                await PlainTextResponse(said, 503)(scope, receive, send)
                return
            _held[session, file] = _Held(size, time.monotonic())

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and (method == "DELETE" or message["status"] >= 400):
                _held.pop((session, file), None)
            await send(message)

        await self.app(scope, receive, watched)

    def _forget(self) -> None:
        """Forget the files of pages that were closed a while ago, which Streamlit has let go of."""
        before = time.monotonic() - KEPT_SECONDS
        gone = [name for name, held in _held.items() if held.since < before and not self.is_open(name[0])]
        for name in gone:
            del _held[name]


def _size(headers: Headers) -> int:
    """How many bytes a request says it sends; the most that one may, where it does not say."""
    said = headers.get("content-length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 15 else MOST_BYTES
