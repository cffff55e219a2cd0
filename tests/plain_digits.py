"""Ten plain digits as strokes of a pen: points [x, y] from 0 to 1 across a square, y downwards."""

import numpy as np
from PIL import Image, ImageDraw


def _arc(x: float, y: float, across: float, down: float, start: float, end: float) -> list[list[float]]:
    """Points on an ellipse about (x, y), from `start` to `end` in degrees: 0 is to the right, 90 below."""
    angles = np.radians(np.linspace(start, end, 40))
    return np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], 1).round(4).tolist()


DIGITS = [
    [_arc(0.5, 0.5, 0.21, 0.32, -90, 270)],
    [[[0.52, 0.18], [0.48, 0.82]]],
    [[*_arc(0.5, 0.35, 0.19, 0.17, -170, 40), [0.3, 0.8], [0.72, 0.8]]],
    [[*_arc(0.47, 0.34, 0.19, 0.16, -150, 90), *_arc(0.47, 0.66, 0.22, 0.17, -90, 150)]],
    [[[0.33, 0.2], [0.29, 0.52], [0.7, 0.52]], [[0.66, 0.2], [0.62, 0.84]]],
    [[[0.7, 0.19], [0.38, 0.19], [0.35, 0.46], *_arc(0.48, 0.63, 0.2, 0.18, -125, 150)]],
    [[[0.6, 0.17], [0.45, 0.32], *_arc(0.5, 0.66, 0.18, 0.17, -170, 190)]],
    [[[0.27, 0.22], [0.72, 0.22], [0.46, 0.82]]],
    [[*_arc(0.5, 0.34, 0.15, 0.15, 90, -270), *_arc(0.5, 0.66, 0.19, 0.17, -90, 270)]],
    [[*_arc(0.49, 0.37, 0.17, 0.18, 0, -350), [0.66, 0.34], [0.6, 0.84]]],
]  # fmt: skip


def drawn(strokes, pen: float, side: int = 800, paper: int = 235, ink: int = 30) -> Image.Image:
    """The strokes in `ink` on `paper` with a round pen, `pen` times as wide as the picture; edges smooth."""
    fine = 4
    image = Image.new("L", (fine * side, fine * side), paper)
    draw = ImageDraw.Draw(image)
    wide = fine * side * pen
    for stroke in strokes:
        points = [(fine * side * x, fine * side * y) for x, y in stroke]
        draw.line(points, ink, width=max(1, round(wide)), joint="curve")
        for at in points:
            draw.circle(at, wide / 2, ink)
    return image.resize((side, side), Image.Resampling.BOX)
