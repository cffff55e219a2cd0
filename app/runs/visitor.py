"""User identity and run ownership: who may start a run, and who may stop which.

Without a sign-in a person is their browser, known by a cookie that it is given with the first page it asks for.
"""

import hashlib
import re
import secrets
import sys

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.errors import StreamlitAuthError

COOKIE = "distillation_lab_visitor"
VALUE = re.compile(r"[A-Za-z0-9_-]{32}")  # as `secrets.token_urlsafe(24)` makes them
# It is not renewed, so a browser becomes somebody else now and then, perhaps while it has a run under way: once a
# year is seldom enough. The store keeps a hash of it with each run, so that who started one may name and delete it.
SECONDS = 365 * 24 * 60 * 60


def sign_in_needed() -> bool:
    """Whether this server lets only signed-in people start runs (`[auth]` in its secrets), and this one is not."""
    return _has_sign_in() and not st.user.is_logged_in


def account() -> str | None:
    """What the person who is signed in is called; "" where nobody is, None where the server has no sign-in."""
    if not _has_sign_in():
        return None
    named = st.user.get("name") or st.user.get("email") or st.user.get("sub")
    return str(named) if st.user.is_logged_in else ""


def sign_in() -> None:
    """Send the person to the server's sign-in, or have the page say that there is none after all.

    What is missing is for whoever runs the server, and stands in its log.
    """
    try:
        st.login()
    except StreamlitAuthError as error:
        print(f"Nobody can sign in: {' '.join(str(error).split())}", file=sys.stderr)
        st.session_state["sign_in_failed"] = True


def visitor() -> str:
    """An unguessable name for this person: their account, else their browser, else this session."""
    if _has_sign_in() and st.user.is_logged_in:
        known = f"{st.user.get('iss')} {st.user.get('sub') or st.user.get('email')}"
        return _hashed(known)
    cookie = str(st.context.cookies.get(COOKIE, ""))  # under AppTest it is no text
    if VALUE.fullmatch(cookie):
        return _hashed(cookie)
    return str(st.session_state.setdefault("visitor", secrets.token_urlsafe(12)))  # the browser keeps no cookies


def _has_sign_in() -> bool:
    return "is_logged_in" in st.user  # Streamlit knows it only where `[auth]` is set


def _hashed(known: str) -> str:
    return hashlib.sha256(known.encode()).hexdigest()


class VisitorCookie:
    """Middleware of the server: a browser that asks for a page and has no cookie of ours is given one.

    The page reads it from the websocket, which the browser opens once the page has come.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _lacks_cookie(request := HTTPConnection(scope)):
            await self.app(scope, receive, send)
            return
        cookie = _new_cookie(request)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.append("set-cookie", cookie)
                headers["cache-control"] = "private, no-cache"  # no proxy may keep it and hand it to others
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def _lacks_cookie(request: HTTPConnection) -> bool:
    """Whether a page is asked for, rather than a script or a picture of one, by a browser without our cookie."""
    is_page = "text/html" in request.headers.get("accept", "")
    return is_page and not VALUE.fullmatch(request.cookies.get(COOKIE, ""))


def _new_cookie(request: HTTPConnection) -> str:
    """A cookie as the response's header: for the lab's own pages, or for a frame in another site's page.

    In such a frame browsers send back only what is marked for it (SameSite=None) and came over https, and keep it
    apart for each site that embeds the lab (Partitioned). Elsewhere, another site's page has it sent only by a link
    to the lab (SameSite=Lax).
    """
    # What the browser asked the web server in front for. Anybody can send it, but it changes only their own cookie.
    protocol = request.headers.get("x-forwarded-proto", request.scope["scheme"]).partition(",")[0].strip()
    is_https = protocol == "https"
    path = "/" + str(st.get_option("server.baseUrlPath") or "").strip("/")
    cookie = f"{COOKIE}={secrets.token_urlsafe(24)}; Path={path}; Max-Age={SECONDS}; HttpOnly"
    is_framed = request.headers.get("sec-fetch-dest") == "iframe"
    if is_https and is_framed and request.headers.get("sec-fetch-site") == "cross-site":
        return f"{cookie}; SameSite=None; Secure; Partitioned"
    return f"{cookie}; SameSite=Lax" + ("; Secure" if is_https else "")
