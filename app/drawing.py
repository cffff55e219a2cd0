"""A figure as a still picture: the part of Plotly that our figures use -> one piece of SVG, without any script.

    svg(figure, alt) -> str      # for a page that sets --ink, --soft and --faint, and follows RULES
    address(figure, …) -> str    # the same as an address that holds it, for an <img>

Plotly's own way to a picture needs a browser, its own page 4.5 MB of script. A report that is sent by mail or
printed needs neither: lines, marks, bars, maps of numbers, on linear, logarithmic or named axes.
"""

import math
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import plotly.graph_objects as go

from app.axes import Axis, axes_of, number
from app.axes import width as text_width

NARROW, WIDE = 540, 860  # of a picture, in its own units: about a pixel each
LETTER = 13
DASHES = {"dash": "9 5", "dot": "2 4", "dashdot": "9 4 2 4", "longdash": "14 6", "longdashdot": "14 5 2 5"}
PATTERNS = {
    "/": "M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4", "\\": "M-2,6 l4,4 M0,0 l8,8 M6,-2 l4,4",
    "x": "M0,8 l8,-8 M0,0 l8,8", "-": "M0,4 h8", "|": "M4,0 v8", "+": "M0,4 h8 M4,0 v8", ".": "M3,4 h2",
}  # fmt: skip
RULES = (
    "text {fill: var(--ink)}", ".title {fill: var(--soft)}", ".strong {font-weight: 650}",
    ".small {font-size: 12px}", ".grid {stroke: var(--faint)}", ".axis {stroke: var(--soft)}",
)  # fmt: skip
INKS = {
    "light": "--ink: #1B2430; --soft: #55606E; --faint: #d9dee4",
    "dark": "--ink: #E8EDF2; --soft: #a9b4c0; --faint: #36404c",
}


def svg(figure: go.Figure, alt: str, size: tuple[float, float] | None = None) -> str:
    """The figure as it is first shown: what waits in its legend is left out.

    alt: what it shows, in words. size: width and height of the whole picture; else as wide and high as it needs.
    """
    traces = [trace for trace in figure.data if trace.visible in (None, True)]
    panels: dict[tuple[str, str], list[Any]] = {}
    for trace in traces:
        panels.setdefault((trace.xaxis or "x", trace.yaxis or "y"), []).append(trace)
    axes = axes_of(figure, panels)
    several = len({axes[x].domain for x, _y in panels}) > 1
    kind = "wide" if several else "narrow"
    width = size[0] if size else WIDE if several else NARROW
    legend, legend_height = _legend(traces, width)
    area = _area(figure, axes, panels, width, legend_height)
    height = size[1] if size else (figure.layout.height or 340) + legend_height
    drawn, headed = [legend], _headed(figure)
    for (x, y), mine in panels.items():
        horizontal, vertical = axes[x].at(area[0], area[1]), axes[y].at(height - area[3], area[2])
        drawn += [_frame(horizontal, vertical, headed), *_shapes(figure, x, y, horizontal, vertical)]
        drawn += _bars([t for t in mine if t.type == "bar"], horizontal, vertical, figure)
        for trace in mine:
            drawn += {"scatter": _scatter, "heatmap": _heatmap}.get(trace.type, _nothing)(
                trace, horizontal, vertical
            )
    drawn += _annotations(figure, axes, area, height)
    body = "".join(drawn)
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(alt)}" font-size="{LETTER}">{_definitions(body)}{body}</svg>'
    )


def address(figure: go.Figure, size: tuple[float, float], theme: str) -> str:
    """The figure as an address that holds it: it stands alone, in the colours of the theme, "light" or "dark"."""
    own = f"svg {{font-family: system-ui, sans-serif; {INKS[theme]}}} {' '.join(RULES)}"
    drawn = svg(figure, "", size).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return "data:image/svg+xml," + quote(drawn.replace("<defs>", f"<style>{own}</style><defs>", 1), safe=" =:/,;()")


def _area(
    figure: go.Figure, axes: dict[str, Axis], panels: Iterable[tuple[str, str]], size: float, above: float
) -> tuple[float, float, float, float]:
    """Left and right end of the room for the panels, its top from above, its bottom from below."""
    panels = list(panels)
    labels = [text_width(label) for _x, y in panels if axes[y].labels for _at, label in axes[y].ticks]
    left = min(max(labels, default=0) + 14, 0.5 * size)
    ends = max(14.0, figure.layout.margin.r or 0)
    titled = 18 if any(axes[y].title for _x, y in panels) else 0
    top = above + 14 + titled + (20 if _headed(figure) else 0)
    below = 8 + (20 if any(axes[x].labels for x, _y in panels) else 0)
    below += 20 if any(axes[x].title for x, _y in panels) else 0
    return left, size - ends, top, below


def _headed(figure: go.Figure) -> bool:
    """Whether words stand above its panels."""
    return (figure.layout.margin.t or 0) > 30 and len(figure.layout.annotations) > 0


def _frame(x: Axis, y: Axis, headed: bool) -> str:
    """Grid, numbers and names of a panel's two axes."""
    left, right, bottom, top = x.start, x.end, y.start, y.end
    parts = []
    for at, label in x.ticks:
        place = x.place(at)
        if x.grid:
            parts.append(_line(place, top, place, bottom))
        if x.labels:
            parts.append(_text(place, bottom + 17, label, "middle"))
    for at, label in y.ticks:
        place = y.place(at)
        if y.grid:
            parts.append(_line(left, place, right, place))
        if y.labels:
            parts.append(_text(left - 7, place + 4.5, label, "end"))
    parts.append(_line(left, bottom, right, bottom, "axis"))
    if x.title:
        parts.append(_text((left + right) / 2, bottom + 38 - (0 if x.labels else 20), x.title, "middle", "title"))
    if y.title:
        parts.append(_text(2 if left < 100 else left, top - (28 if headed else 10), y.title, "start", "title"))
    return "".join(parts)


def _nothing(*_: Any) -> list[str]:
    return []


def _points(trace: Any, x: Axis, y: Axis) -> list[tuple[float, float]]:
    xs = range(len(trace.y)) if trace.x is None else trace.x
    return [
        (x.place(a), y.place(b)) if x.can_show(a) and y.can_show(b) else (math.nan, math.nan)
        for a, b in zip(xs, trace.y, strict=True)
    ]


def _scatter(trace: Any, x: Axis, y: Axis) -> list[str]:
    mode, parts = trace.mode or "lines", []
    points = _points(trace, x, y)
    if trace.fill == "toself":
        shape = " ".join(f"{a:.1f},{b:.1f}" for a, b in points if not math.isnan(a))
        return [f'<polygon points="{shape}" fill="{_colour(trace.fillcolor)}" opacity="{trace.opacity or 1:g}"/>']
    colour = trace.line.color or (trace.marker.color if isinstance(trace.marker.color, str) else None)
    if "lines" in mode and trace.line.width != 0:
        dash = DASHES.get(trace.line.dash or "", "")
        parts.append(
            f'<path d="{_path(points)}" fill="none" stroke="{_colour(colour)}" '
            f'stroke-width="{trace.line.width or 2:g}"' + (f' stroke-dasharray="{dash}"' if dash else "") + "/>"
        )
    parts += _error_bars(trace, points, x, y)
    sizes = trace.marker.size
    if "markers" in mode and trace.marker.opacity != 0:
        for place, point in enumerate(points):
            size = sizes if isinstance(sizes, int | float) else 7 if sizes is None else sizes[place]
            parts.append(_mark(trace.marker.symbol or "circle", *point, size, _stroke(trace, colour), trace.marker))
    if "text" in mode:
        raised = "top" in (trace.textposition or "")
        for (a, b), text in zip(points, trace.text, strict=True):
            parts.append(_text(a, b - 12 if raised else b + 4.5, str(text), "middle", "strong" if raised else ""))
    faint = trace.opacity if trace.opacity is not None else 1
    return [f'<g opacity="{faint:g}">{"".join(parts)}</g>'] if faint < 1 else parts


def _stroke(trace: Any, colour: str | None) -> str:
    own = trace.marker.color if isinstance(trace.marker.color, str) else None
    return _colour(trace.marker.line.color if own == "rgba(0,0,0,0)" else own or colour)


def _error_bars(trace: Any, points: Sequence[tuple[float, float]], x: Axis, y: Axis) -> list[str]:
    """The intervals of a trace, horizontal and vertical, with their ends."""
    parts = []
    for error, axis in ((trace.error_x, x), (trace.error_y, y)):
        if error.visible is False or error.array is None:
            continue
        values = trace.x if axis is x else trace.y
        minus = error.array if error.arrayminus is None else error.arrayminus
        for (a, b), value, up, down in zip(points, values, error.array, minus, strict=True):
            low, high = axis.place(axis.number(value) - (down or 0)), axis.place(axis.number(value) + (up or 0))
            line = f'stroke="{_stroke(trace, None)}" stroke-width="{error.thickness or 2:g}"'
            ends = (
                f"M{low:.1f},{b:.1f} H{high:.1f} M{low:.1f},{b - 5:.1f} v10 M{high:.1f},{b - 5:.1f} v10"
                if axis is x
                else f"M{a:.1f},{low:.1f} V{high:.1f} M{a - 5:.1f},{low:.1f} h10 M{a - 5:.1f},{high:.1f} h10"
            )
            parts.append(f'<path d="{ends}" fill="none" {line}/>')
    return parts


def _mark(symbol: str, x: float, y: float, size: float, colour: str, marker: Any) -> str:
    if math.isnan(x):
        return ""
    r, open_ = size / 2, symbol.endswith("-open") or marker.color == "rgba(0,0,0,0)"
    shapes = {
        "circle": f"M{x - r:.1f},{y:.1f} a{r:g},{r:g} 0 1 0 {size:g},0 a{r:g},{r:g} 0 1 0 {-size:g},0",
        "square": f"M{x - r:.1f},{y - r:.1f} h{size:g} v{size:g} h{-size:g} z",
        "diamond": f"M{x:.1f},{y - r * 1.2:.1f} l{r:g},{r * 1.2:g} l{-r:g},{r * 1.2:g} l{-r:g},{-r * 1.2:g} z",
        "triangle-up": f"M{x:.1f},{y - r * 1.1:.1f} l{r * 1.1:g},{r * 1.9:g} h{-r * 2.2:g} z",
        "x": f"M{x - r:.1f},{y - r:.1f} l{size:g},{size:g} M{x + r:.1f},{y - r:.1f} l{-size:g},{size:g}",
    }
    plain = symbol.removesuffix("-open")
    fill = "none" if open_ or plain == "x" else colour
    faint = marker.opacity if isinstance(marker.opacity, int | float) else 1
    return (
        f'<path d="{shapes.get(plain, shapes["circle"])}" fill="{fill}" stroke="{colour}" stroke-width="2" '
        f'opacity="{faint:g}"/>'
    )


def _bars(traces: Sequence[Any], x: Axis, y: Axis, figure: go.Figure) -> list[str]:
    """Bars side by side, upright or lying, from 0."""
    parts = []
    together = len(traces) if figure.layout.barmode == "group" else 1
    for place, trace in enumerate(traces):
        lying = trace.orientation == "h"
        across, along = (y, x) if lying else (x, y)
        names, values = (trace.y, trace.x) if lying else (trace.x, trace.y)
        texts = trace.text if trace.text is not None else [""] * len(values)
        thick = abs(across.place_of(1) - across.place_of(0)) * 0.8 / together
        middle = (place % together - (together - 1) / 2) * thick
        fill = _fill(_colour(trace.marker.color), trace.marker.pattern.shape or "")
        for name, value, text in zip(names, values, texts, strict=True):
            start, end, at = along.place(0), along.place(value), across.place(name) + middle
            low, long = min(start, end), abs(end - start)
            box = (low, at - thick / 2, long, thick) if lying else (at - thick / 2, low, thick, long)
            parts.append('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" '.format(*box) + fill + "/>")
            if text:
                where = (end + 6, at + 4.5, "start") if lying else (at, end - 5, "middle")
                parts.append(_text(where[0], where[1], str(text), where[2], "small"))
    return parts


def _fill(colour: str, pattern: str) -> str:
    """The attributes of a bar: a plain colour, or its pattern on a lighter ground (see `_definitions`)."""
    if not pattern:
        return f'fill="{colour}"'
    return f'fill="url(#{_pattern_name(colour, pattern)})" stroke="{colour}" stroke-width="1"'


def _pattern_name(colour: str, pattern: str) -> str:
    return f"p{list(PATTERNS).index(pattern)}-{colour.lstrip('#')}"


def _definitions(body: str) -> str:
    """The patterns that a picture uses; equal names are equal patterns, also in another picture of the page."""
    marks = list(PATTERNS.values())
    return "<defs>" + "".join(
        f'<pattern id="p{kind}-{colour}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" fill="#{colour}" fill-opacity="0.3"/>'
        f'<path d="{marks[int(kind)]}" stroke="#{colour}" stroke-width="1.6"/></pattern>'
        for kind, colour in sorted(set(re.findall(r"url\(#p(\d)-([0-9A-Fa-f]+)\)", body)))
    ) + "</defs>"  # fmt: skip


def _heatmap(trace: Any, x: Axis, y: Axis) -> list[str]:
    """A rectangle a cell, with its text; what is no number has no colour."""
    rows = [[float(value) for value in row] for row in trace.z]
    known = [value for row in rows for value in row if not math.isnan(value)]
    low = trace.zmin if trace.zmin is not None else min(known, default=0)
    high = trace.zmax if trace.zmax is not None else max(known, default=1)
    wide, tall = abs(x.place_of(1) - x.place_of(0)), abs(y.place_of(1) - y.place_of(0))
    across = trace.x if trace.x is not None else range(len(rows[0]))
    along = trace.y if trace.y is not None else range(len(rows))
    parts = []
    for row, name in zip(rows, along, strict=True):
        for value, other in zip(row, across, strict=True):
            if math.isnan(value):
                continue
            colour = _between(trace.colorscale, (value - low) / ((high - low) or 1))
            a, b = x.place(other), y.place(name)
            parts.append(
                f'<rect x="{a - wide / 2 + 0.5:.1f}" y="{b - tall / 2 + 0.5:.1f}" width="{wide - 1:.1f}" '
                f'height="{tall - 1:.1f}" fill="rgb{colour}"/>'
            )
            text = f"{value:.2f}" if "z:" in (trace.texttemplate or "") else number(round(value, 1))
            dark = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] < 140
            parts.append(
                f'<text x="{a:.1f}" y="{b + 4.5:.1f}" text-anchor="middle" '
                f'style="fill:{"#fff" if dark else "#000"}">{escape(text)}</text>'
            )
    return parts


def _between(scale: Sequence[Sequence[Any]], share: float) -> tuple[int, int, int]:
    """The colour at `share`, 0 to 1, of a scale of (share, "#rrggbb" or "rgb(r, g, b)")."""
    share = min(max(share, 0.0), 1.0)
    after = next((i for i, (at, _colour) in enumerate(scale) if at >= share), len(scale) - 1)
    (start, low), (end, high) = scale[max(after - 1, 0)], scale[after]
    part = (share - start) / ((end - start) or 1)
    first, second = _rgb(low), _rgb(high)
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _rgb(colour: str) -> tuple[int, ...]:
    if colour.startswith("#"):
        return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(round(float(part)) for part in re.findall(r"[\d.]+", colour)[:3])


def _shapes(figure: go.Figure, xname: str, yname: str, x: Axis, y: Axis) -> list[str]:
    """Lines through a panel and frames around a cell of it."""
    parts = []
    for shape in figure.layout.shapes:
        xref, yref = shape.xref or "x", shape.yref or "y"
        if xref.split()[0] != xname or yref.split()[0] != yname:
            continue
        a, c = (x.within(v) if xref.endswith("domain") else x.place(v) for v in (shape.x0, shape.x1))
        b, d = (y.within(v) if yref.endswith("domain") else y.place(v) for v in (shape.y0, shape.y1))
        dash = DASHES.get(shape.line.dash or "", "")
        path = f"M{a:.1f},{b:.1f} L{c:.1f},{d:.1f}"
        if shape.type == "rect":
            path = f"M{a:.1f},{b:.1f} H{c:.1f} V{d:.1f} H{a:.1f} z"
        parts.append(f'<path d="{path}" fill="none" stroke="{_colour(shape.line.color)}" '
                     f'stroke-width="{shape.line.width or 2:g}" stroke-dasharray="{dash}"/>')  # fmt: skip
    return parts


def _annotations(
    figure: go.Figure, axes: dict[str, Axis], area: tuple[float, float, float, float], height: float
) -> list[str]:
    """Words beside curves and above panels."""
    left, right, top, below = area
    parts = []
    for said in figure.layout.annotations:
        xref, yref = said.xref or "x", said.yref or "y"
        x, y = _where(said.x, xref, axes, left, right), _where(said.y, yref, axes, height - below, top)
        anchor = {"left": "start", "right": "end"}.get(said.xanchor or "", "middle")
        down = {"bottom": -4, "top": 14}.get(said.yanchor or "", 4.5)
        style = "strong" if xref == yref == "paper" else ""
        text = _text(x + (said.xshift or 0), y + down, said.text or "", anchor, style)
        if said.textangle:  # a name beside a row of panels
            text = _text(x + 8, y, said.text or "", "middle", style)
            text = f'<g transform="rotate({said.textangle:g} {x + 8:.1f} {y:.1f})">{text}</g>'
        parts.append(text)
    return parts


def _where(value: Any, ref: str, axes: dict[str, Axis], start: float, end: float) -> float:
    """Where an annotation stands: a share of the picture or a panel, or on an axis (log10 on a log one)."""
    if ref == "paper":
        return start + (end - start) * float(value)
    axis = axes[ref.split()[0]].at(start, end)
    if ref.endswith("domain"):
        return axis.within(value)
    return axis.place_of(value) if isinstance(value, int | float) else axis.place(value)


def _legend(traces: Sequence[Any], size: float) -> tuple[str, float]:
    """A line, mark or bar with its name for each trace that has one, in rows, and their height."""
    named = [t for t in traces if t.name and t.showlegend is not False and t.type != "heatmap"]
    if len(named) < 2:
        return "", 0.0
    parts, x, y = [], 4.0, 14.0
    for trace in named:
        wide = 44 + text_width(trace.name)
        if x + wide > size and x > 4:
            x, y = 4.0, y + 22
        parts.append(_sample(trace, x, y) + _text(x + 32, y + 4.5, trace.name, "start"))
        x += wide
    return "".join(parts), y + 14


def _sample(trace: Any, x: float, y: float) -> str:
    if trace.type == "bar":
        fill = _fill(_colour(trace.marker.color), trace.marker.pattern.shape or "")
        return f'<rect x="{x + 4:.1f}" y="{y - 7:.1f}" width="20" height="14" {fill}/>'
    colour, parts = _stroke(trace, trace.line.color), []
    if "lines" in (trace.mode or "lines"):
        dash = DASHES.get(trace.line.dash or "", "")
        parts.append(f'<path d="M{x:.1f},{y:.1f} h26" stroke="{_colour(trace.line.color)}" stroke-width="3" '
                     f'stroke-dasharray="{dash}"/>')  # fmt: skip
    if "markers" in (trace.mode or ""):
        parts.append(_mark(trace.marker.symbol or "circle", x + 13, y, 8, colour, trace.marker))
    return "".join(parts)


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A line through the points, broken where one is missing."""
    parts, pen = [], "M"
    for x, y in points:
        if math.isnan(x):
            pen = "M"
        else:
            parts.append(f"{pen}{x:.1f},{y:.1f}")
            pen = "L"
    return " ".join(parts)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> str:
    return f'<path class="{kind}" d="M{x1:.1f},{y1:.1f} L{x2:.1f},{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    plain = escape(re.sub(r"<[^>]*>", "", text))
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{plain}</text>' if plain else ""


def _colour(colour: str | None) -> str:
    """A colour of ours; any other text, which a file could have brought in, becomes grey."""
    return colour if colour and re.fullmatch(r"#[0-9A-Fa-f]{6}", colour) else "#6B7280"
