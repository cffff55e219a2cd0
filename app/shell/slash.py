"""Addresses with a slash at their end lead to the page, as they do where Streamlit serves a script alone."""

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kd_core.paths import part

PAGES = frozenset(file.stem for file in part("pages").glob("*.py"))


class SlashDropped:
    """Middleware of the server: who asks for `/distillation/` is sent to `/distillation`, with the same query.

    By a relative address: it holds under a base path, and behind a web server that has another name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope["path"].removesuffix("/").rpartition("/")[2] if scope["type"] == "http" else ""
        if name in PAGES and scope["path"].endswith("/"):
            query = scope["query_string"].decode("latin-1")
            to = f"../{name}?{query}" if query else f"../{name}"
            await RedirectResponse(to, status_code=308)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
