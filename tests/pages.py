"""Pages opened without a browser: what one says, and what it has started."""

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from app.runs.server import queue
from kd_core.runs.queue import Handle

ENTRY = str(Path(__file__).parent.parent / "streamlit_app.py")


def open_page(page="pages/distillation.py", **address) -> AppTest:
    """The lab with this page open, at an address that says this."""
    at = AppTest.from_file(ENTRY, default_timeout=60)
    at.session_state["more"] = True  # the expander is open: closed, its controls are not drawn
    if page != "pages/overview.py":
        at.switch_page(page)
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.warning, at.info, at.error)
    return "\n".join([*(str(element.value) for kind in kinds for element in kind), differing(at)])


def differing(at: AppTest) -> str:
    """What the line says on the settings that differ from those of the result that is shown."""
    found = [json.loads(part.proto.json)[0] for part in at.get("bidi_component") if part.key == "differs"]
    return ", ".join(field["text"] for data in found for field in data["fields"] if field["text"])


def started(at: AppTest) -> Handle:
    """The run that the page's address names."""
    run_id = at.query_params["run"]
    handle = queue().find(run_id if isinstance(run_id, str) else run_id[-1])
    assert handle is not None
    return handle
