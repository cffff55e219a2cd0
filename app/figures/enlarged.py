"""A figure for the back row of a room: the same one, with larger letters, points and lines."""

from typing import Any

import plotly.graph_objects as go

LETTERS, MARKS = 2.0, 1.75
VALUES = 36  # pixels, of the values at bars
LIVE = 28 / 12  # of live curves, whose letters have 12 pixels


def enlarged(figure: go.Figure, ink: str | None = None) -> go.Figure:
    """A copy with letters LETTERS and points and lines MARKS times as large, as high as its place.

    ink: the colour of letters that have none of their own.
    """
    large = go.Figure(figure)
    font = large.layout.font.size or 12
    margin = large.layout.margin
    sides = {side: LETTERS * margin[side] for side in "lrtb" if margin[side] is not None}
    large.update_layout(height=None, autosize=True, font_size=LETTERS * font, margin=sides, legend_itemwidth=40)
    letters = {"tickfont_size": LETTERS * font, "title_font_size": LETTERS * font}  # Streamlit's theme has its own
    large.update_xaxes(letters)
    large.update_yaxes(letters)
    large.update_layout(legend_font_size=LETTERS * font)
    if ink:
        large.update_layout(font_color=ink)
        large.update_xaxes(tickfont_color=ink, title_font_color=ink)
        large.update_yaxes(tickfont_color=ink, title_font_color=ink)
        large.update_traces(textfont_color=ink, selector=lambda trace: trace.type in ("scatter", "bar"))
    for axis in large.select_yaxes():  # where there is room for names in one line
        if axis.ticktext is not None:
            axis.ticktext = [name.replace("<br>", " ") for name in axis.ticktext]
        if axis.title.text:  # Plotly's subscripts are smaller than what they stand at
            whole = f'<sub><span style="font-size: {LETTERS * font:g}px">'
            axis.title.text = axis.title.text.replace("<sub>", whole).replace("</sub>", "</span></sub>")
    for annotation in large.layout.annotations:
        if annotation.font.size:
            annotation.font.size *= LETTERS
    for trace in large.data:
        for part, name, times in (
            ("textfont", "size", LETTERS),
            ("marker", "size", MARKS),
            ("line", "width", MARKS),
        ):
            if part in trace and name in trace[part] and isinstance(trace[part][name], int | float):
                trace[part][name] *= times
    large.update_traces(textfont_size=VALUES, selector={"type": "bar"})
    return large


def enlarged_option(option: dict[str, Any]) -> dict[str, Any]:
    """The same of live curves, an ECharts option."""
    letters = {"fontSize": 12 * LIVE}
    larger: dict[str, Any] = {"grid": {side: LIVE * room for side, room in option["grid"].items()}}
    for axis in ("xAxis", "yAxis"):
        gap = LIVE * option[axis]["nameGap"]
        larger[axis] = option[axis] | {
            "nameTextStyle": letters, "axisLabel": option[axis].get("axisLabel", {}) | letters, "nameGap": gap,
        }  # fmt: skip
    # Along its axis the name would be longer than the chart is high, and ECharts would shrink the chart.
    larger["yAxis"] |= {"nameLocation": "end", "nameGap": 12, "nameTextStyle": letters | {"align": "left"}}
    lines = 1 + sum(map(len, option["legend"]["data"])) // 60
    larger["grid"] |= {"top": 60 + 40 * lines, "outerBoundsMode": "none"}
    larger["legend"] = option["legend"] | {"textStyle": letters}
    larger["series"] = [
        each | {"lineStyle": each["lineStyle"] | {"width": MARKS * each["lineStyle"]["width"]}}
        for each in option["series"]
    ]
    return option | larger
