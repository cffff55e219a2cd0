"""What is sent ahead of the pages: it is what the pages say, and it stands back where it knows nothing."""

import asyncio
import gzip
import re
from html.parser import HTMLParser
from typing import NamedTuple

import pytest
from starlette.responses import PlainTextResponse

from app import prelude
from app.prelude import FOLDER, LOADS, SENT, STREAMLIT, Prelude, page_ahead
from app.prelude.make import made
from app.text import LANGUAGES

CHINESE = re.compile("[\u4e00-\u9fff]")


class Answered(NamedTuple):
    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        zipped = "content-encoding" in self.headers
        return (gzip.decompress(self.content) if zipped else self.content).decode()


class Client:
    """Asks the middleware as a server does; behind it stands an application that knows every address."""

    def ask(self, method: str, address: str, **headers: str) -> Answered:
        path, _, query = address.partition("?")
        sent = {"accept-language": "en-US,en;q=0.9", "accept-encoding": "gzip, br", **headers}
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }  # fmt: skip
        messages = []

        async def send(message):
            messages.append(message)

        asyncio.run(Prelude(PlainTextResponse("Streamlit's"))(scope, None, send))
        return Answered(
            messages[0]["status"],
            {name.decode(): value.decode() for name, value in messages[0]["headers"]},
            b"".join(message.get("body", b"") for message in messages[1:]),
        )

    def get(self, address: str, headers: dict[str, str] | None = None) -> Answered:
        return self.ask("GET", address, **(headers or {}))


@pytest.fixture
def client(monkeypatch):
    """The theme is as if `.streamlit/config.toml` had been read, which a server does."""
    page_ahead.cache_clear()
    monkeypatch.setattr(prelude, "_theme", lambda: ":host {--st-text-color: black;}")
    yield Client()
    page_ahead.cache_clear()


def is_ahead(answer) -> bool:
    return 'id="prelude"' in answer.text


def test_what_is_sent_is_what_the_pages_say():
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert stored == made(), "run `make prelude`"


def test_chinese_is_sent_in_chinese():
    words = re.compile(r">([^<>]*)<")
    for page in SENT:
        said = {
            language: " ".join(words.findall((FOLDER / f"{page}.{language}.html").read_text(encoding="utf-8")))
            for language in LANGUAGES
        }
        assert len(CHINESE.findall(said["zh"])) > 50
        assert CHINESE.findall(said["en"]) == list("语言中文")  # the two names in the sidebar


@pytest.mark.parametrize("path", ["/", "/distillation", "/?lang=zh", "/distillation?lang=en", "/base/distillation"])
def test_a_page_at_its_defaults_begins_ahead(client, path):
    assert is_ahead(client.get(path))


@pytest.mark.parametrize(
    "path",
    ["/transfer", "/distillation?temperature=8", "/?present=1", "/distillation?lang=xx", "/distillation?lesson=",
     "/?lang=zh&embed=true", "/_stcore/health", "/distillation?lang=../../docs/design"],
)  # fmt: skip
def test_everything_else_is_streamlits(client, path):
    assert client.get(path).text == "Streamlit's"


def test_nothing_is_kept_of_what_anybody_may_ask(client):
    for number in range(5):
        client.get(f"/?lang={number}")
    assert page_ahead.cache_info().currsize == 0


def test_only_what_is_asked_for_is_answered(client):
    for method in ("HEAD", "POST"):
        assert client.ask(method, "/").text == "Streamlit's"


@pytest.mark.parametrize(("browser", "address", "expected"), [
    ("zh-CN,zh;q=0.9", "/", "zh"), ("en-GB", "/", "en"), ("de", "/", "en"), ("zh-TW", "/?lang=en", "en"),
])  # fmt: skip
def test_the_language_is_the_addresss_or_the_browsers(client, browser, address, expected):
    answer = client.get(address, headers={"accept-language": browser})
    assert f'data-language="{expected}"' in answer.text
    assert "accept-language" in answer.headers["vary"]


def test_what_a_browser_has_is_not_sent_again(client):
    first = client.get("/distillation")
    again = client.get("/distillation", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"if-none-match": first.headers["etag"]}).status_code == 200
    assert first.headers["cache-control"] == "no-cache"  # asked for each time: it changes with the lab


def test_it_is_compressed_for_who_takes_that(client):
    answer = page_ahead(FOLDER / "distillation.en.html", "en")
    assert gzip.decompress(answer.compressed) == answer.plain
    assert client.get("/distillation").headers["content-encoding"] == "gzip"
    plain = client.get("/distillation", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.plain


def test_all_that_streamlit_loads_is_loaded_later_and_once(client):
    shell = (STREAMLIT / "index.html").read_text(encoding="utf-8")
    loads = LOADS.findall(shell)
    assert any('<script type="module"' in load for load in loads)
    sent = client.get("/distillation").text
    before, later = sent.split('<template id="streamlit">')
    assert LOADS.findall(before) == []
    assert [load for load in LOADS.findall(later) if load in loads] == loads
    assert "<script" not in LOADS.sub("", shell).replace("<script>\n      window.prerenderReady", "")


class Nested(HTMLParser):
    """Are all elements closed that are opened?"""

    VOID = ("meta", "link", "img", "input", "hr", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("page", SENT)
def test_the_html_is_whole(client, page):
    for language in LANGUAGES:
        nested = Nested()
        nested.feed((FOLDER / f"{page}.{language}.html").read_text(encoding="utf-8"))
        assert nested.open == []


@pytest.mark.parametrize("change", [
    {"_theme": lambda: None}, {"ENDS": "</not-there>"}, {"FOLDER": FOLDER / "not-there"},
])  # fmt: skip
def test_where_something_is_missing_streamlits_page_comes_alone(client, monkeypatch, change):
    for name, value in change.items():
        monkeypatch.setattr(prelude, name, value)
    page_ahead.cache_clear()
    assert client.get("/distillation").text == "Streamlit's"


def test_the_theme_is_that_of_the_configuration(monkeypatch):
    options = {f"theme.{base}.{name}": f"{base}-{name}" for base in ("light", "dark") for name in prelude.COLOURS}
    options["theme.font"] = "Some Sans"
    monkeypatch.setattr(prelude.st, "get_option", options.get)
    assert "--st-secondary-background-color: light-dark(light-secondaryBackgroundColor, dark-" in prelude._theme()
    del options["theme.dark.primaryColor"]
    assert prelude._theme() is None
