"""The client-side parts: each its HTML, CSS and JavaScript beside one small Python mount."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

_HERE = Path(__file__).parent
SHARED = (_HERE / "shared.js").read_text(encoding="utf-8")  # what several scripts end with
STYLE = (_HERE / "shared.css").read_text(encoding="utf-8")  # what each part's own style follows
SVG = (_HERE / "svg.js").read_text(encoding="utf-8")  # and those that draw charts, before that


class Sources(NamedTuple):
    """What a part is made of. js: one module, which exports the function that draws it."""

    html: str
    css: str
    js: str


def sources(folder: Path, *scripts: str, shared: Sequence[str] = ()) -> Sources:
    """The part in `folder`, by whose name its files are called: HTML, CSS after STYLE, its scripts and `shared`.

    The scripts make one module: Streamlit takes one. Only the first, name.js, exports; `scripts` are the others,
    as in "quiz" for name.quiz.js.
    """

    def read(suffix: str) -> str:
        return (folder / f"{folder.name}.{suffix}").read_text(encoding="utf-8")

    own = [read("js"), *(read(f"{script}.js") for script in scripts)]
    return Sources(read("html"), STYLE + read("css"), "\n".join([*own, *shared]))


def mounted(file: str, *scripts: str, shared: Sequence[str] = ()) -> Any:
    """The mount of the part in whose folder the Python `file` stands; `sources` reads the part."""
    folder = Path(file).parent
    return st.components.v2.component(folder.name, **sources(folder, *scripts, shared=shared)._asdict())


def small(name: str) -> Sources:
    """A part of one script without STYLE: `name` is its folder and files, as in "lesson/offer"."""
    return Sources(*((_HERE / f"{name}.{suffix}").read_text(encoding="utf-8") for suffix in Sources._fields))
