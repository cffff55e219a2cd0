"""What is sent ahead of Streamlit's page, with the HTML itself: the page as it begins, in place and alive.

A browser loads and runs Streamlit's scripts before the page's own first element arrives.
Meanwhile this stands where the page will: the same words, and the same live part from the same files, which follows
the hand. `prelude.js` takes it away once the page stands, and hands on what was done to it.

Only a page at its defaults is known ahead: an address that says more than the language gets Streamlit's page alone.
So does every address where the theme, or Streamlit's own HTML, is not as it is known here.
"""

import gzip
import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp as Asgi
from starlette.types import Receive, Scope, Send

from app.components import SHARED, SOFT_TARGETS, Sources, small, sources
from app.start import hints

HERE = Path(__file__).parent
FOLDER = HERE.parent.parent / "assets" / "prelude"  # `app.prelude.make` draws what is in it
STREAMLIT = Path(st.__file__).parent / "static"
SENT = ("overview", "distillation")  # the pages that begin ahead
PARTS: dict[str, Callable[[], Sources]] = {
    "soft_targets": lambda: sources(*SOFT_TARGETS, shared=(SHARED,)),
    "lesson_offer": lambda: small("lesson/offer"),
}
FONTS = (  # family, style, and the file that Streamlit brings
    ("Source Sans", "normal", "SourceSansVF-Upright"),
    ("Source Sans", "italic", "SourceSansVF-Italic"),
    ("Material Symbols Rounded", "normal", "MaterialSymbols-Rounded"),
)
ENDS = "</body>"
LOADS = re.compile(  # what Streamlit's page loads before it can begin
    r'<script type="module"[^>]*></script>|<link rel="(?:modulepreload|stylesheet)"[^>]*>'
)
COLOURS = ("textColor", "backgroundColor", "secondaryBackgroundColor", "primaryColor")


class Answer(NamedTuple):
    """A page's HTML, the same compressed, and a name that changes with it."""

    plain: bytes
    compressed: bytes
    tag: str


class Prelude:
    """Answers for the pages that begin ahead, and leaves everything else to Streamlit."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = asked(scope)
        await (self.app if answer is None else _response(answer, Headers(scope=scope)))(scope, receive, send)


def asked(scope: Scope) -> Answer | None:
    """The page that is asked for, if it begins ahead and the address says nothing but perhaps the language."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    page = scope["path"].rpartition("/")[2] or SENT[0]
    if page not in SENT:
        return None  # as most requests are: Streamlit's scripts
    said = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    browser = Headers(scope=scope).get("accept-language", "").lower()
    language = said.pop("lang", "zh" if browser.startswith("zh") else "en")  # as app.text.default_language
    file = {path.name: path for path in FOLDER.glob("*.html")}.get(f"{page}.{language}.html")
    return None if said or file is None else page_ahead(file, language)


def _response(answer: Answer, headers: Headers) -> Response:
    own = {"etag": answer.tag, "cache-control": "no-cache", "vary": "accept-language, accept-encoding"}
    if answer.tag in headers.get("if-none-match", ""):
        return Response(status_code=304, headers=own)
    if "gzip" in headers.get("accept-encoding", ""):
        return Response(answer.compressed, media_type="text/html", headers={**own, "content-encoding": "gzip"})
    return Response(answer.plain, media_type="text/html", headers=own)


@cache
def page_ahead(file: Path, language: str) -> Answer | None:
    """Streamlit's page with what `file` has to send ahead of it; None where it would not be right."""
    shell = (STREAMLIT / "index.html").read_text(encoding="utf-8")
    theme = _theme()
    if theme is None or ENDS not in shell:
        return None
    drawn = file.read_text(encoding="utf-8")
    parts = {name: read() for name, read in PARTS.items() if f'data-part="{name}"' in drawn}
    ahead = [
        f"<style>{_fonts()}</style>",
        f'<div id="prelude" data-language="{language}"></div>',
        f"<template><style>{theme}{_read('prelude.css')}</style>\n{drawn}</template>",
        *(
            f'<template data-part="{name}"><style>{part.css}</style>\n{part.html}</template>'
            for name, part in parts.items()
        ),
        f"<script>\n{_script(parts)}</script>",
        f'<template id="streamlit">{"".join(LOADS.findall(shell))}',
        *(f'<link rel="modulepreload" href="{script}">' for script in hints() if parts),
        f"</template>\n<script>\n{_read('then.js')}</script>",
    ]
    named = LOADS.sub("", shell).replace("<title>Streamlit</title>", "<title>Distillation Lab</title>")
    plain = named.replace(ENDS, "\n".join([*ahead, ENDS])).encode()
    return Answer(plain, gzip.compress(plain, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:20]}"')


def _script(parts: dict[str, Sources]) -> str:
    """prelude.js with the parts' scripts. Not modules: those wait until Streamlit's have been loaded."""
    draw = {name: part.js.replace("export default function", "function draw") for name, part in parts.items()}
    each = "".join(f"{name}: (() => {{\n{js}\nreturn draw;\n}})(),\n" for name, js in draw.items())
    return f'"use strict";\n{{\nconst PARTS = {{\n{each}}};\n{_read("prelude.js")}}}\n'


def _fonts() -> str:
    """The page's fonts, as Streamlit's scripts declare them later."""
    return "".join(
        f'@font-face {{font-family: "{family}"; font-style: {style}; font-weight: 200 900; font-display: block; '
        f'src: url(./static/media/{file.name}) format("woff2")}}\n'
        for family, style, name in FONTS
        for file in (STREAMLIT / "static" / "media").glob(f"{name}.*")
    )


def _theme() -> str | None:
    """Colours and font of the configuration by the names that a part knows; None if Streamlit has to choose."""
    font = st.get_option("theme.font")
    both = {name: [st.get_option(f"theme.{base}.{name}") for base in ("light", "dark")] for name in COLOURS}
    if not font or not all(map(all, both.values())):
        return None
    named = {re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name): pair for name, pair in both.items()}
    colours = " ".join(f"--st-{name}: light-dark({light}, {dark});" for name, (light, dark) in named.items())
    return f":host {{{colours} --st-font: {font};}}\n"


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
