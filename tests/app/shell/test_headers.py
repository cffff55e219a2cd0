"""What a browser is told to leave alone: the policy of a page, and what goes with every answer."""

import asyncio

import pytest

from app.shell.headers import ALWAYS, FRAMED_BY, HeadersSet, hashes, policy, wrong_sites
from app.shell.look import script_of

PAGE = b"<head><script>one()</script><script src='a.js'></script><script data-of='x'>two()\n</script></head>"


def directives(page=PAGE):
    return {name: sources for name, *sources in (part.split() for part in policy(page).split(";"))}


def test_scripts_of_the_page_run_by_their_hashes_and_nothing_else_that_is_inline():
    scripts = directives()["script-src"]
    known = [b"one()", b"two()\n", script_of("en").encode(), script_of("zh").encode()]
    assert scripts == ["'self'", "blob:", *hashes(known)]
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "data:"} & {*scripts}
    # as browsers compute it, of an empty script (CSP level 3)
    assert hashes([b""]) == ["'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"]


def test_no_other_host_is_asked_and_no_other_site_frames_the_lab_unless_it_is_named(monkeypatch):
    monkeypatch.delenv(FRAMED_BY, raising=False)
    told = directives()
    assert told["default-src"] == told["frame-ancestors"] == told["base-uri"] == told["form-action"] == ["'self'"]
    assert told["object-src"] == ["'none'"]
    assert not any(source.startswith("http") for sources in told.values() for source in sources)


@pytest.mark.parametrize(("named", "allowed"), [
    ("https://course.example", ["https://course.example"]),
    ("https://course.example:8443 https://*.other.example", ["https://course.example:8443", "https://*.other.example"]),
    ("*", ["*"]),
    ("https://a.example; script-src https://b.example;", []),  # a semicolon would begin a directive
    ("'unsafe-inline' javascript:x https://", []),
    ("", []),
])  # fmt: skip
def test_sites_are_named_one_by_one_and_nothing_else_gets_into_the_policy(monkeypatch, named, allowed):
    monkeypatch.setenv(FRAMED_BY, named)
    told = directives()
    assert [source for source in told["frame-ancestors"] if source in allowed or source == "'self'"] == [
        "'self'", *allowed,
    ]  # fmt: skip
    assert len(told) == 11
    left_out = [site for site in named.split() if site not in allowed]
    assert bool(wrong_sites()) == bool(left_out)
    assert all(repr(site) in wrong_sites() for site in left_out)
    assert len(wrong_sites().splitlines()) <= 1


def test_every_answer_says_no_referrer_and_no_guessing_and_a_websocket_is_left_alone():
    def sent(kind):
        told = []

        async def app(_scope, _receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})

        async def send(message):
            told.append(message)

        asyncio.run(HeadersSet(app)({"type": kind}, None, send))
        return {name.decode(): value.decode() for name, value in told[0]["headers"]}

    assert sent("http") == {"a": "b", **ALWAYS}
    assert sent("websocket") == {"a": "b"}
