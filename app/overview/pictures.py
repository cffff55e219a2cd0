"""Small drawings for the overview: circles are networks, what moves is drawn in the arrow."""

from base64 import b64encode

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6B7280"
GREEN, PINK, SKY = "#009E73", "#CC79A7", "#56B4E9"


def _svg(body: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 110" width="440" height="220" '
        'fill="none" stroke-width="3" stroke-linecap="round">' + body + "</svg>"
    )


def _net(x: float, y: float, radius: float, colour: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}" fill-opacity=".18" stroke="{colour}"/>'


def _arrow(x1: float, y1: float, x2: float, y2: float, colour: str = GREY) -> str:
    """A straight arrow; its head is drawn from the direction of the line."""
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    dx, dy = 8 * (x2 - x1) / length, 8 * (y2 - y1) / length
    left, right = (x2 - dx - dy * 0.6, y2 - dy + dx * 0.6), (x2 - dx + dy * 0.6, y2 - dy - dx * 0.6)
    head = f"M{left[0]:.1f} {left[1]:.1f}L{x2} {y2}L{right[0]:.1f} {right[1]:.1f}"
    return f'<path d="M{x1} {y1}L{x2} {y2}{head}" stroke="{colour}"/>'


def _bars(x: float, base: float, heights: tuple[int, ...], colour: str) -> str:
    return "".join(
        f'<rect x="{x + 9 * i}" y="{base - h}" width="6" height="{h}" fill="{colour}" stroke="none"/>'
        for i, h in enumerate(heights)
    )


PICTURES = {
    "distillation": _svg(
        _net(46, 55, 36, BLUE)
        + _bars(90, 62, (6, 28, 4, 3, 12), BLUE)
        + _arrow(92, 74, 134, 74)
        + _net(170, 62, 20, ORANGE)
    ),
    "transfer": _svg(
        _net(46, 55, 30, BLUE)
        + _arrow(86, 55, 134, 55)
        + _net(172, 55, 30, ORANGE)
        + "".join(f'<path d="M{x} 40v30M{x + 12} 40v30" stroke="{BLUE}"/>' for x in (34, 160))
        + f'<path d="M184 40v30" stroke="{ORANGE}"/>'
    ),
    "multitask": _svg(
        _net(60, 55, 32, BLUE)
        + _arrow(96, 44, 150, 20, GREEN)
        + _arrow(98, 55, 150, 55, PINK)
        + _arrow(96, 66, 150, 90, SKY)
        + _net(168, 16, 12, GREEN)
        + _net(168, 55, 12, PINK)
        + _net(168, 94, 12, SKY)
    ),
    "meta_learning": _svg(
        f'<circle cx="110" cy="62" r="7" fill="{ORANGE}" stroke="none"/>'
        + f'<path d="M30 96C50 92 80 84 102 68" stroke="{GREY}" stroke-dasharray="2 7"/>'
        + _arrow(116, 56, 146, 24, GREEN)
        + _arrow(120, 62, 176, 60, PINK)
        + _arrow(116, 69, 148, 94, SKY)
        + _net(156, 14, 10, GREEN)
        + _net(190, 60, 10, PINK)
        + _net(158, 100, 8, SKY)
    ),
}


def drawing(name: str) -> str:
    """A drawing as HTML. It says nothing that the words beside it do not, so it has no alternative text.

    As an image: Streamlit takes the shapes out of an SVG that stands in HTML.
    """
    return (
        f'<img src="data:image/svg+xml;base64,{b64encode(PICTURES[name].encode()).decode()}" alt="" width="100%">'
    )
