"""Addresses that end with a slash, as a browser and a web server in front ask for them."""

import asyncio
from urllib.parse import urljoin

import pytest

from app.shell.slash import PAGES, SlashDropped


def asked(path, query="", kind="http"):
    """Where a request is sent to, None where the lab answers it."""
    sent, passed = [], []

    async def app(scope, _receive, _send):
        passed.append(scope["path"])

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "scheme": "https", "server": ("lab.example", 443), "method": "GET", "path": path,
             "query_string": query.encode(), "headers": []}  # fmt: skip
    asyncio.run(SlashDropped(app)(scope, None, send))
    if passed:
        assert sent == []
        return None
    assert sent[0]["status"] == 308
    location = dict(sent[0]["headers"])[b"location"].decode()
    return urljoin(f"https://lab.example{path}", location)


@pytest.mark.parametrize("base", ["", "/lab"])
@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_slash_at_the_end_leads_to_the_page(base, name):
    assert asked(f"{base}/{name}/") == f"https://lab.example{base}/{name}"
    query = "temperature=4&lang=zh"
    assert asked(f"{base}/{name}/", query) == f"https://lab.example{base}/{name}?{query}"


@pytest.mark.parametrize("path", ["/", "/lab/", "/static/", "/distillation", "/distillation/x/", "//evil.example/"])
def test_other_addresses_are_left_alone(path):
    assert asked(path) is None


def test_a_websocket_is_left_alone():
    assert asked("/distillation/", kind="websocket") is None
