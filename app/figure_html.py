"""Figure -> HTML for a page of its own, which opens without a network: Plotly draws it there from JSON.

place(figure, title) -> str      # one for each figure
scripts() -> str                 # once, at the end of the body
policy() -> str                  # of the page
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

INK, FAINT = "#1B2430", "#d9dee4"  # of words and grid: handout.css lets them follow the theme
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_CLEAR = "rgba(0,0,0,0)"
_AXIS = dict(gridcolor=FAINT, fixedrange=True, title=dict(font=dict(size=14)))
TEMPLATE = dict(
    layout=dict(paper_bgcolor=_CLEAR, plot_bgcolor=_CLEAR, font=dict(color=INK), xaxis=_AXIS, yaxis=_AXIS)
)
LONG = 32  # letters of a title


def is_wide(figure: go.Figure) -> bool:
    """Whether it has panels side by side."""
    return len({axis.domain for axis in figure.select_xaxes()}) > 1


def place(figure: go.Figure, title: str) -> str:
    """The figure's place and its JSON, in which Plotly writes no `<`: nothing in it can end the element.

    title: what it shows, for who cannot see it.
    """
    drawn = go.Figure(figure)  # a copy: figures are kept
    if is_wide(figure):  # the panels' names stand above: the legend stays below and grows downwards
        legend = dict(entrywidth=0, yanchor="top")
    else:  # above, and grows upwards, however many rows it takes
        legend = dict(entrywidth=0, orientation="h", x=0, y=1.02, yanchor="bottom")
    drawn.update_layout(template=TEMPLATE, legend=legend)
    for axis in (*drawn.select_xaxes(), *drawn.select_yaxes()):
        axis.title.text = _in_two_lines(axis.title.text or "")
    drawn.update_traces(cliponaxis=False, selector=dict(mode="markers+text"))  # numbers beside marks at the edge
    drawn.update_traces(showscale=False, selector=dict(type="heatmap"))  # its cells hold their values
    return (
        f'<div class="plot" role="img" aria-label="{escape(title)}" style="height:{drawn.layout.height}px"></div>'
        f'<script type="application/json">{drawn.to_json()}</script>'
    )


def _in_two_lines(title: str) -> str:
    """A long title, broken near its middle: beside long names an axis is short. Chinese letters count twice."""
    breaks = [found.start() for found in re.finditer(" |(?=（)", title)]
    if sum(2 if letter > "\u2e80" else 1 for letter in title) <= LONG or not breaks:
        return title
    at = min(breaks, key=lambda place: abs(place - len(title) / 2))
    return f"{title[:at]}<br>{title[at:].lstrip()}"


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
