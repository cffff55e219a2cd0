"""What a server takes at once: open pages and uploaded files; what is beyond that is refused, and no more."""

import asyncio

import pytest

from app.i18n.text import Translate
from app.runs.server import limits
from app.shell import limits as here
from app.shell.limits import NO_ROOM, TRY_AGAIN_LATER, SessionsLimited, UploadsLimited, uploads_fit
from app.shell.start import wrong_environment
from kd_core.runs.limits import Limits
from tests.pages import open_page, texts


@pytest.fixture
def allowed(monkeypatch):
    """Set what the environment allows."""

    def allow(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        limits.clear()

    monkeypatch.setattr(here, "_held", {})
    yield allow
    monkeypatch.undo()
    limits.clear()


def test_a_page_too_many_is_closed_with_its_reason_and_a_place_that_is_left_is_given_again(allowed):
    allowed(KD_MAX_SESSIONS="2")

    async def opened():
        leave, sent = asyncio.Event(), []

        async def app(_scope, _receive, _send):
            await leave.wait()
            raise OSError  # a place is free again however its page ended

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            sent.append(message)

        limited = SessionsLimited(app)
        scope = {"type": "websocket", "path": "/_stcore/stream", "headers": [], "subprotocols": ["streamlit", "x"]}
        pages = [asyncio.create_task(limited(scope, receive, send)) for _ in range(2)]
        await asyncio.sleep(0)
        assert sent == []
        await limited(scope, receive, send)
        accepted, closed = sent
        assert (accepted["type"], accepted["subprotocol"]) == ("websocket.accept", "streamlit")
        assert (closed["type"], closed["code"]) == ("websocket.close", TRY_AGAIN_LATER)
        leave.set()
        await asyncio.gather(*pages, return_exceptions=True)
        assert limited.open == 0

    asyncio.run(opened())


def asked(limited, method, name, size=None, path="/_stcore/upload_file/"):
    """Status and words of the answer to a request for a session's file."""
    sent = []

    async def send(message):
        sent.append(message)

    headers = [] if size is None else [(b"content-length", str(size).encode())]
    scope = {"type": "http", "method": method, "path": path + name, "headers": headers}
    asyncio.run(limited(scope, None, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


def server(status=204, is_open=lambda session: True):
    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": status, "headers": []})

    return UploadsLimited(app, is_open)


def test_files_are_refused_where_they_would_not_fit_and_what_is_let_go_of_makes_room(allowed):
    allowed(KD_MAX_UPLOADS="1")
    taken = server()
    assert asked(taken, "PUT", "one/a", 600_000)[0] == 204
    status, said = asked(taken, "PUT", "two/b", 600_000)
    assert status == 503
    assert said.splitlines() == [NO_ROOM, Translate("zh")(NO_ROOM)]
    assert asked(taken, "PUT", "one/a", 900_000)[0] == 204  # in the place of itself
    assert asked(taken, "PUT", "two/b")[0] == 503  # as large as it may be, where it does not say how large
    assert asked(taken, "PUT", "two/b", "9" * 400)[0] == 503
    assert asked(taken, "GET", "two/b", 600_000)[0] == 204
    assert asked(taken, "PUT", "two/b", 600_000, path="/elsewhere/")[0] == 204
    assert asked(server(400), "PUT", "nobody/c", 50_000)[0] == 400  # Streamlit has not taken it
    assert list(here._held) == [("one", "a")]
    asked(taken, "DELETE", "one/a")
    assert asked(taken, "PUT", "two/b", 600_000)[0] == 204
    assert not uploads_fit()


def test_files_of_a_page_that_was_closed_are_forgotten_with_it(allowed, monkeypatch):
    allowed(KD_MAX_UPLOADS="1")
    assert asked(server(), "PUT", "gone/a", 900_000)[0] == 204
    assert asked(server(is_open=lambda session: False), "PUT", "two/b", 900_000)[0] == 503  # it may come back
    monkeypatch.setattr(here, "KEPT_SECONDS", -1.0)
    assert asked(server(), "PUT", "two/b", 900_000)[0] == 503
    assert asked(server(is_open=lambda session: session != "gone"), "PUT", "two/b", 900_000)[0] == 204


def test_what_the_environment_says_wrongly_is_said_at_the_start_and_the_rest_of_it_holds(allowed):
    allowed(KD_MAX_SESSIONS="many", KD_MAX_QUEUE="7", KD_MAX_MINUTES="-1", KD_FRAME_ANCESTORS="https://a.example/x")
    assert limits()[0] == Limits(queue=7)
    of_sites, of_limits = wrong_environment()
    assert of_sites.startswith("KD_FRAME_ANCESTORS: 'https://a.example/x' was left out; ")
    assert of_limits.startswith("KD_MAX_MINUTES = -1 is not allowed; ")
    assert "\n" not in of_sites + of_limits
    allowed(KD_MAX_SESSIONS="3", KD_MAX_MINUTES="1", KD_FRAME_ANCESTORS="https://a.example")
    assert wrong_environment() == []


@pytest.mark.parametrize(("page", "address"), [("history", {}), ("teacher", {"source": "own"})])
def test_where_no_file_fits_the_page_says_so_instead_of_offering_to_take_one(page, address, allowed):
    page = open_page(f"pages/{page}.py", **address)
    assert NO_ROOM not in texts(page)
    assert len(page.get("file_uploader")) == 1
    allowed(KD_MAX_UPLOADS="1")
    page.run()
    assert NO_ROOM in texts(page)
    assert len(page.get("file_uploader")) == 0


def test_every_visitor_is_limited_by_default():
    assert None not in Limits.read({}).model_dump().values()
