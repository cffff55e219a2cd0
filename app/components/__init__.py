"""The client-side parts: each its HTML, CSS and JavaScript beside one small Python mount."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent
SHARED = (_HERE / "shared.js").read_text(encoding="utf-8")  # what several scripts end with
STYLE = (_HERE / "shared.css").read_text(encoding="utf-8")  # what each part's own style follows
SVG = (_HERE / "svg.js").read_text(encoding="utf-8")  # and those that draw charts, before that


def mounted(name: str, *scripts: str, shared: Sequence[str] = ()) -> Any:
    """The mount of the part in the folder `name`: its HTML, its CSS after STYLE, its scripts and those in `shared`.

    The scripts make one module: Streamlit takes one. Only the first, `name`.js, exports; `scripts` are the others,
    as in "quiz" for `name`.quiz.js.
    """

    def read(suffix: str) -> str:
        return (_HERE / name / f"{name}.{suffix}").read_text(encoding="utf-8")

    own = [read("js"), *(read(f"{script}.js") for script in scripts)]
    return st.components.v2.component(
        name, html=read("html"), css=STYLE + read("css"), js="\n".join([*own, *shared])
    )
