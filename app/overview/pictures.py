"""Small drawings for the overview: circles are networks, what moves is drawn in the arrow."""

from base64 import b64encode

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#6B7280"
GREEN, PINK, SKY = "#009E73", "#CC79A7", "#56B4E9"


def svg(body: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 110" width="440" height="220" '
        'fill="none" stroke-width="3" stroke-linecap="round">' + body + "</svg>"
    )


def net(x: float, y: float, radius: float, colour: str) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}" fill-opacity=".18" stroke="{colour}"/>'


def arrow(x1: float, y1: float, x2: float, y2: float, colour: str = GREY) -> str:
    """A straight arrow; its head is drawn from the direction of the line."""
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    dx, dy = 8 * (x2 - x1) / length, 8 * (y2 - y1) / length
    left, right = (x2 - dx - dy * 0.6, y2 - dy + dx * 0.6), (x2 - dx + dy * 0.6, y2 - dy - dx * 0.6)
    head = f"M{left[0]:.1f} {left[1]:.1f}L{x2} {y2}L{right[0]:.1f} {right[1]:.1f}"
    return f'<path d="M{x1} {y1}L{x2} {y2}{head}" stroke="{colour}"/>'


def bars(x: float, base: float, heights: tuple[int, ...], colour: str) -> str:
    return "".join(
        f'<rect x="{x + 9 * i}" y="{base - h}" width="6" height="{h}" fill="{colour}" stroke="none"/>'
        for i, h in enumerate(heights)
    )


def drawing(shapes: str) -> str:
    """A drawing, an SVG, as HTML. It says nothing that the words beside it do not, so it has no alternative text.

    As an image: Streamlit takes the shapes out of an SVG that stands in HTML.
    """
    return f'<img src="data:image/svg+xml;base64,{b64encode(shapes.encode()).decode()}" alt="" width="100%">'
