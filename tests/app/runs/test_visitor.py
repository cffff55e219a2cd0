"""The cookie that a browser is known by: who is given one, with which marks, and which are believed."""

import asyncio
from types import SimpleNamespace

import pytest

from app.runs import visitor
from app.runs.visitor import COOKIE, SECONDS, VALUE, VisitorCookie

PAGE = {"accept": "text/html,application/xhtml+xml"}
FRAMED = {"sec-fetch-dest": "iframe", "sec-fetch-site": "cross-site"}
GIVEN = "k" * 32


def answered(scheme="http", kind="http", **headers) -> list[tuple[str, str]]:
    """The headers of the server's answer to a request."""
    sent = []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"no-cache")]})
        await send({"type": "http.response.body", "body": b"<html>"})

    async def send(message):
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(VisitorCookie(app)({"type": kind, "scheme": scheme, "path": "/", "headers": raw}, None, send))
    assert sent[1]["body"] == b"<html>"
    return [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]


def cookies(*given, **headers) -> list[str]:
    """The cookies that the answer sets."""
    return [value for name, value in answered(*given, **headers) if name == "set-cookie"]


def marks(cookie: str) -> set[str]:
    """What a cookie says beside its value, which must be one that is believed."""
    first, *further = cookie.split("; ")
    name, _, value = first.partition("=")
    assert name == COOKIE
    assert VALUE.fullmatch(value)
    return set(further)


def test_a_browser_is_given_a_cookie_once():
    (cookie,) = cookies(**PAGE)
    given = cookie.partition(";")[0]
    assert cookies(**PAGE, cookie=f"other=1; {given}") == []
    assert cookies(**PAGE) != [cookie]  # another browser gets another one
    assert ("cache-control", "private, no-cache") in answered(**PAGE)
    assert ("cache-control", "no-cache") in answered(**PAGE, cookie=given)


def test_only_pages_set_it():
    assert cookies(accept="*/*") == []  # a script, a picture
    assert cookies() == []
    assert cookies(kind="websocket", **PAGE) == []


@pytest.mark.parametrize("value", ["", "short", GIVEN + "k", "k" * 31 + "|", "k" * 31 + "é", '"' + GIVEN + "k"])
def test_one_that_we_cannot_have_set_is_replaced(value):
    assert len(cookies(**PAGE, cookie=f"{COOKIE}={value}")) == 1


LASTING = {"Path=/", f"Max-Age={SECONDS}", "HttpOnly"}
LAX, PARTITIONED = {"SameSite=Lax"}, {"SameSite=None", "Secure", "Partitioned"}


@pytest.mark.parametrize(
    ("scheme", "headers", "expected"),
    [
        ("http", {}, LAX),
        ("http", FRAMED, LAX),  # a browser takes no other over http
        ("https", {}, LAX | {"Secure"}),
        ("https", FRAMED, PARTITIONED),
        ("https", {**FRAMED, "sec-fetch-site": "same-site"}, LAX | {"Secure"}),
        ("https", {"sec-fetch-dest": "document", "sec-fetch-site": "cross-site"}, LAX | {"Secure"}),  # a link to us
        ("http", {**FRAMED, "x-forwarded-proto": "https"}, PARTITIONED),
        ("http", {"x-forwarded-proto": "https, http"}, LAX | {"Secure"}),  # the browser's own comes first
        ("https", {**FRAMED, "x-forwarded-proto": "http"}, LAX),
    ],
)
def test_its_marks_are_those_that_the_browser_will_send_back(scheme, headers, expected):
    (cookie,) = cookies(scheme, **PAGE, **headers)
    assert marks(cookie) == LASTING | expected


@pytest.mark.parametrize("base", ["lab", "/lab/"])
def test_it_is_sent_to_this_lab_alone_where_it_is_not_the_whole_address(base, monkeypatch):
    monkeypatch.setattr(visitor.st, "get_option", {"server.baseUrlPath": base}.get)
    (cookie,) = cookies(**PAGE)
    assert "Path=/lab" in marks(cookie)


def known(monkeypatch, cookie: str) -> str:
    session = {}
    shown = SimpleNamespace(context=SimpleNamespace(cookies={COOKIE: cookie}), session_state=session, user={})
    monkeypatch.setattr(visitor, "st", shown)
    name = visitor.visitor()
    assert name == visitor.visitor()  # as long as the session lasts
    assert cookie not in (name, *session.values()) or not cookie
    return name


def test_a_cookie_makes_one_person_of_sessions_and_another_of_another(monkeypatch):
    assert known(monkeypatch, GIVEN) == known(monkeypatch, GIVEN)
    assert known(monkeypatch, GIVEN) != known(monkeypatch, "j" * 32)


@pytest.mark.parametrize("cookie", ["", "guest", "k" * 31 + "|"])
def test_without_a_cookie_of_ours_each_session_is_a_person(monkeypatch, cookie):
    assert known(monkeypatch, cookie) != known(monkeypatch, cookie)
