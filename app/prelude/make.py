"""Draws what is sent ahead of the pages: `python -m app.prelude.make`, or `make prelude`.

It runs a page's own script and writes as plain HTML what Streamlit would build in the browser: from the top to the
page's live part, and only elements that are known here. So no word is written twice, and a test fails when
`assets/prelude` is not what the pages say.
"""

import html
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from app.frame import OVERVIEW, PAGES
from app.prelude import FOLDER, PARTS, SENT
from app.text import LANGUAGES, ROOT, Translate

ENTRY = str(ROOT / "streamlit_app.py")
LINKS = {"lesson_take": "?lesson=1", **{f"open_{name}": f"./{name}" for name in PAGES}}  # where a button leads
TEXT = MarkdownIt()


class UnknownElement(Exception):
    """Something that is not drawn ahead: what is sent ends before it."""


def made() -> dict[str, str]:
    """Every file of `assets/prelude` by its name."""
    return {f"{page}.{language}.html": drawn(page, language) for page in SENT for language in LANGUAGES}


def drawn(page: str, language: str) -> str:
    """The page's HTML as far as it is sent ahead."""
    at = AppTest.from_file(ENTRY, default_timeout=60)
    at.query_params["lang"] = language
    at.run()
    if page != OVERVIEW:
        at.switch_page(f"pages/{page}.py").run()
    assert not at.exception
    inside = "".join(_until_unknown(at.main))
    return f'{_sidebar(page, Translate(language))}\n<main><div class="stack">\n{inside}</div></main>\n'


def _sidebar(page: str, _: Translate) -> str:
    def link(name: str, title: str) -> str:
        current = ' aria-current="page"' if name == page else ""
        return f'<a href="./{"" if name == OVERVIEW else name}"{current}>{html.escape(_(title))}</a>\n'

    def language(code: str, name: str) -> str:
        current = ' aria-current="true"' if code == _.language else ""
        return f'<a href="?lang={code}" lang="{code}"{current}>{name}</a>'

    pages = "".join(link(*each) for each in PAGES.items())
    languages = "".join(language(*each) for each in LANGUAGES.items())
    present = _button(_("Presentation mode"), ":material/present_to_all:", "?present=1")
    return (
        f"<aside>\n<nav>\n{pages}</nav>\n<hr>\n<p>Language · 语言</p>\n"
        f'<div class="choice">{languages}</div>\n{present}</aside>'
    )


def _until_unknown(block: Block) -> Iterator[str]:
    for child in block.children.values():
        try:
            yield _drawn(child)
        except UnknownElement:
            return


def _drawn(node: Any) -> str:
    """An element: a heading, text, a drawing, a button, a link or a live part. A block: a column or a container."""
    proto = node.proto
    if isinstance(node, Block):
        inside = "".join(map(_drawn, node.children.values()))
        if node.type == "column":
            return f'<div class="column">{inside}</div>\n'
        if node.type != "flex_container":
            raise UnknownElement
        flex, key = proto.flex_container, _key(proto.id)
        classes = ["row" if flex.direction == flex.HORIZONTAL else "stack"]
        classes += ["card"] * flex.border + [f"key-{key}"] * bool(key)
        return f'<div class="{" ".join(classes)}">{inside}</div>\n'
    match node.type:
        case "title" | "subheader":
            return f"<{proto.tag}>{TEXT.renderInline(proto.body)}</{proto.tag}>\n"
        case "markdown" if proto.body.startswith("<style>"):
            return ""
        case "markdown" | "caption":
            return f'<div class="text {node.type}">{TEXT.render(proto.body)}</div>\n'
        case "html":
            return f'<div class="drawing">{proto.body}</div>\n'
        case "button" if (key := _key(proto.id)) in LINKS:
            return _button(proto.label, proto.icon, LINKS[key], f"{proto.type} key-{key}")
        case "page_link":
            return f'<a class="page-link" href="./{proto.page}">{_icon(proto.icon)}{html.escape(proto.label)}</a>\n'
        case "bidi_component" if (name := proto.component_name) in PARTS:
            data = proto.json.replace("<", "\\u003c")
            return (
                f'<div class="part" data-part="{name}" data-key="{_key(proto.id)}">'
                f'<script type="application/json">{data}</script></div>\n'
            )
    raise UnknownElement


def _key(identity: str) -> str:
    """The key that the page's script gave, if any: Streamlit makes "$$ID-1f3a…-way_transfer" of "way_transfer"."""
    return "".join(identity.split("-", 2)[2:])


def _button(label: str, icon: str, href: str, kind: str = "secondary") -> str:
    return f'<a class="button {kind}" href="{href}">{_icon(icon)}<span>{html.escape(label)}</span></a>\n'


def _icon(name: str) -> str:
    """The icon ":material/school:"; its font draws the name as a picture."""
    return f'<i aria-hidden="true">{name.removeprefix(":material/").removesuffix(":")}</i>' if name else ""


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in made().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
