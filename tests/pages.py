"""What a page says and has started, for tests that open it without a browser."""

import json

from streamlit.testing.v1 import AppTest

from app.runs.panel import queue
from kd_core.runs.queue import Handle


def texts(at: AppTest) -> str:
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.warning, at.info, at.error)
    return "\n".join([*(str(element.value) for kind in kinds for element in kind), differing(at)])


def differing(at: AppTest) -> str:
    """What the line says on the settings that differ from those of the result that is shown."""
    found = [json.loads(part.proto.json)[0] for part in at.get("bidi_component") if part.key == "differs"]
    return ", ".join(field["text"] for data in found for field in data["fields"])


def started(at: AppTest) -> Handle:
    """The run that the page's address names."""
    run_id = at.query_params["run"]
    handle = queue().find(run_id if isinstance(run_id, str) else run_id[-1])
    assert handle is not None
    return handle
