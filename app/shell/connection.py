"""What a page says where its websocket is refused or does not come about: all else of a page comes through it."""

import json
from html import escape
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.i18n.text import LANGUAGES, Translate
from app.shell.headers import policy
from kd_core.messages import N_

SECONDS = 8  # without a connection; on a busy server it opens within one
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
NO_CONNECTION = N_(
    "The page has come, but its live connection (a websocket) to the lab's server is refused or blocked, so no "
    "more can be shown. If you run this server: a web server in front of it must pass on websockets (the headers "
    "Upgrade and Connection) and the host with its port (in nginx: proxy_set_header Host $http_host), as "
    "docs/deployment.md shows. Otherwise a firewall, a proxy or an extension of the browser may be in between: try "
    "another network or another browser."
)
FULL = N_(
    "As many people have the lab open as this server takes, so this page has to wait. Leave it open: it comes by "
    "itself as soon as somebody leaves. If you run this server: KD_MAX_SESSIONS is how many it takes, as "
    "docs/deployment.md says."
)


class ConnectionWatched:
    """Middleware of the server: Streamlit's page is sent with `connection.js`, and a policy that admits it."""

    def __init__(self, app: ASGIApp) -> None:
        said = {"missing": NO_CONNECTION, "full": FULL}
        words = {why: {language: Translate(language)(text) for language in LANGUAGES} for why, text in said.items()}
        told = escape(json.dumps({"seconds": SECONDS, "words": words}, ensure_ascii=False))
        self.app, self.script = app, f'<script data-of="{told}">{SCRIPT}</script>'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message = {}

        async def with_script(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start:
                headers, body = MutableHeaders(scope=start), message.get("body", b"")
                is_page = headers.get("content-type", "").startswith("text/html") and b"<head>" in body
                if is_page and "content-security-policy" not in headers:  # a phone's page has one, and no websocket
                    page = body.replace(b"<head>", b"<head>" + self.script, 1)
                    message = {**message, "body": page}
                    headers["content-length"] = str(int(headers["content-length"]) + len(self.script))
                    headers["content-security-policy"] = policy(page)
                    for name in ("etag", "last-modified"):  # of the file that Streamlit has, not of this page
                        del headers[name]
                begun, start = start, {}
                await send(begun)
            await send(message)

        await self.app({**scope, "headers": plain}, receive, with_script)  # a compressed page could not be added to
