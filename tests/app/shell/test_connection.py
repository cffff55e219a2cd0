"""A page that is sent says so itself if its websocket does not come about; nothing else that is sent changes."""

import asyncio
import json
import re
from html import unescape

import pytest

from app.i18n.text import Translate
from app.shell.connection import FULL, NO_CONNECTION, SCRIPT, SECONDS, ConnectionWatched
from app.shell.headers import policy

PAGE = "<!doctype html><html><head><title>é</title></head><body></body></html>".encode()
HTML = "text/html; charset=utf-8"


def sent(*parts, kind=HTML, accept="text/html,*/*", scope="http"):
    """Headers and body of what is sent where the server answers with these parts."""
    told = []

    async def app(scope, _receive, send):
        assert len(scope["headers"]) == (1 if "text/html" in accept and scope["type"] == "http" else 2)
        headers = {"content-type": kind, "content-length": str(sum(map(len, parts))), "etag": '"a"',
                   "last-modified": "Sun, 29 Nov 2026 18:17:11 GMT"}  # fmt: skip
        coded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": coded})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": part is not parts[-1]})

    async def send(message):
        told.append(message)

    asked = {
        "type": scope,
        "method": "GET",
        "path": "/",
        "headers": [(b"accept", accept.encode()), (b"accept-encoding", b"gzip")],
    }
    asyncio.run(ConnectionWatched(app)(asked, None, send))
    start, *bodies = told
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return headers, b"".join(message["body"] for message in bodies)


def test_a_page_carries_the_script_and_its_words_in_both_languages():
    headers, body = sent(PAGE)
    assert headers.pop("content-security-policy") == policy(body)
    assert headers == {"content-type": HTML, "content-length": str(len(body))}, (
        "an old page would be kept by its etag"
    )
    script = re.search(r"<script.*?</script>", body.decode(), re.DOTALL)[0]
    assert body.decode() == PAGE.decode().replace("<head>", "<head>" + script)
    assert SCRIPT in script
    told = json.loads(unescape(re.search(r'data-of="(.*?)"', script)[1]))
    assert told["seconds"] == SECONDS
    assert told["words"].keys() == {"missing", "full"}
    for why, text in (("missing", NO_CONNECTION), ("full", FULL)):
        assert told["words"][why] == {"en": text, "zh": Translate("zh")(text)}
        assert told["words"][why]["zh"] != text
    assert SECONDS < 10


@pytest.mark.parametrize(("parts", "how"), [
    ((b"<head>",), {"kind": "text/plain"}),
    ((b"<p>nothing",), {}),
    ((b"a", b"b", b"<head>"), {"kind": "application/octet-stream"}),
    ((PAGE,), {"accept": "*/*"}),
    ((PAGE,), {"scope": "websocket"}),
])  # fmt: skip
def test_anything_else_passes_as_it_is(parts, how):
    headers, body = sent(*parts, **how)
    assert body == b"".join(parts)
    assert headers["content-length"] == str(len(body))
    assert headers["etag"] == '"a"'
