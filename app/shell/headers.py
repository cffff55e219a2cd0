"""What the server's answers tell a browser to leave alone."""

import base64
import hashlib
import os
import re
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.i18n.text import LANGUAGES
from app.shell.look import script_of

FRAMED_BY = (
    "KD_FRAME_ANCESTORS"  # sites whose pages may show the lab in a frame: "https://course.example …", or "*"
)
SITE = re.compile(r"\*|https?://(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?")
INLINE = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'self'; script-src 'self' blob: {scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors {ancestors}"
)
ALWAYS = {"referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}


def policy(page: bytes) -> str:
    """The content security policy of a page, as strict as Streamlit lets it be.

    Scripts: the lab's own files; parts of a page, which Streamlit loads as blobs; and, by their hashes, those that
    stand in the page and the one that sets its language. No other host is asked for anything. Styles are inline.
    """
    scripts = [*INLINE.findall(page), *(script_of(language).encode() for language in LANGUAGES)]
    sites = [site for site in _named() if SITE.fullmatch(site)]
    return POLICY.format(scripts=" ".join(hashes(scripts)), ancestors=" ".join(["'self'", *sites]))


def wrong_sites() -> str:
    """What is wrong with KD_FRAME_ANCESTORS, in a sentence for whoever starts the server; "" if nothing is."""
    wrong = [site[:60] for site in _named() if not SITE.fullmatch(site)]
    if not wrong:
        return ""
    return (
        f"{FRAMED_BY}: {', '.join(map(repr, wrong))} was left out; a site is written as https://course.example, "
        "https://*.school.example or https://course.example:8443, with no path, or * for all."
    )


def _named() -> list[str]:
    return os.environ.get(FRAMED_BY, "").split()


def hashes(scripts: Iterable[bytes]) -> list[str]:
    """Their sources in a policy: 'sha256-…'."""
    return [f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in scripts]


class HeadersSet:
    """Middleware of the server: no other site hears which page a person was on, and no type is guessed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(ALWAYS)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
