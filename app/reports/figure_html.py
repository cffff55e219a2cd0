"""Figure -> HTML for a page of its own, which opens without a network: Plotly draws it there from JSON.

place(figure, title) -> str      # one for each figure
scripts() -> str                 # once, at the end of the body
policy() -> str                  # of the page
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

INK, FAINT = "#1B2430", "#d9dee4"  # of words and grid: handout.css lets them follow the theme
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_CLEAR = "rgba(0,0,0,0)"
_AXIS = dict(gridcolor=FAINT, fixedrange=True, title=dict(font=dict(size=14)))
TEMPLATE = dict(
    layout=dict(paper_bgcolor=_CLEAR, plot_bgcolor=_CLEAR, font=dict(color=INK), xaxis=_AXIS, yaxis=_AXIS)
)


def is_wide(figure: go.Figure) -> bool:
    """Whether it has panels side by side."""
    return len({axis.domain for axis in figure.select_xaxes()}) > 1


def place(figure: go.Figure, title: str) -> str:
    """The figure's place and its JSON, in which Plotly writes no `<`: nothing in it can end the element.

    title: what it shows, for who cannot see it.
    """
    drawn = figure.to_dict()  # a copy: figures are kept
    layout = drawn["layout"]
    layout["template"] = _over(layout.get("template", {}), TEMPLATE)
    layout["legend"] = {**layout.get("legend", {}), "entrywidth": 0}
    for trace in drawn["data"]:
        if trace.get("mode") == "markers+text":  # numbers beside marks at the edge
            trace["cliponaxis"] = False
        if trace["type"] == "heatmap":  # its cells hold their values
            trace["showscale"] = False
    return (
        f'<div class="plot" role="img" aria-label="{escape(title)}" style="height:{layout.get("height")}px"></div>'
        f'<script type="application/json">{to_json_plotly(drawn)}</script>'
    )


def _over(below: dict, above: dict) -> dict:
    """`below`, with what `above` says in its place."""
    both = {
        name: _over(below.get(name, {}), value) if isinstance(value, dict) else value
        for name, value in above.items()
    }
    return {**below, **both}


def scripts() -> str:
    """Plotly's script, and the one that draws the figures with it."""
    return f"<script>{get_plotlyjs()}</script><script>{SCRIPT}</script>"


@cache
def policy() -> str:
    """A content security policy: draw, run these two scripts and no other, ask nobody for anything."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in (get_plotlyjs(), SCRIPT))
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
