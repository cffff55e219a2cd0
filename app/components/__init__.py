"""Mount of the client-side parts: each is a folder of HTML, CSS and JavaScript, and one Python function.

Such a function takes `words`, its WORDS in the reader's language, and `key`, the part's name in the session.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

Reader = Callable[[Any], Any]  # of what a part says; raises an error of Python's own for what it would not say
Taker = Callable[[Any], object] | None


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


STYLE = _read("shared.css")


def mounted(file: str, *scripts: str, name: str = "", shared: Sequence[str] = (), style: str = STYLE) -> Any:
    """Mount the part whose files stand beside the Python `file` and are called `name`, else as their folder.

    Streamlit takes one module, so scripts are joined: shared.js, the `shared` ones of this folder, name.js, which
    alone exports, and `scripts`, as in "chart" for name.chart.js. In HTML `<!-- quiz.html -->` stands for that file
    of this folder. The part's own CSS follows `style`.
    """
    folder = Path(file).parent
    name = name or folder.name

    def own(suffix: str) -> str:
        return (folder / f"{name}.{suffix}").read_text(encoding="utf-8")

    before = [_read(f"{script}.js") for script in ("shared", *shared)]
    after = [own(f"{script}.js") for script in scripts]
    html = re.sub(r"<!-- (\w+\.html) -->", lambda found: _read(found[1]), own("html"))
    mount = st.components.v2.component(
        name, html=html, css=style + own("css"), js="\n".join([*before, own("js"), *after])
    )

    def draw(key: str, data: object, told: Mapping[str, tuple[Reader, Taker]] | None = None, **options: Any) -> Any:
        """The part with this `data`. told: for each name that it may say, how that is read, and who is given what
        was read before the rerun."""
        listening: Any = {
            f"on_{name}_change": partial(_hear, key, name, *both) for name, both in (told or {}).items()
        }
        return mount(key=key, data=[data], **listening, **options)

    return draw


def _hear(key: str, name: str, read: Reader, take: Taker) -> None:
    """Hand on what the part has said. What no part would say is ignored: a browser can be made to send anything."""
    try:
        value = read(st.session_state[key][name])
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
        return
    if take is not None:
        take(value)


def released(key: str, name: str) -> dict[str, Any]:
    """What the part `key` has last released as `name`, and the running number that it gave it (0: nothing yet)."""
    told = (st.session_state.get(key) or {}).get(name)
    return told if isinstance(told, dict) and isinstance(told.get("number"), int) else {"number": 0}
