"""The client-side parts: each its HTML, CSS and JavaScript beside one small Python mount."""

from pathlib import Path

_HERE = Path(__file__).parent
SHARED = (_HERE / "shared.js").read_text(encoding="utf-8")  # what several scripts end with
STYLE = (_HERE / "shared.css").read_text(encoding="utf-8")  # what each part's own style follows
SVG = (_HERE / "svg.js").read_text(encoding="utf-8")  # and those that draw charts, before that
