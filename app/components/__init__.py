"""The client-side parts: each its HTML, CSS and JavaScript beside one small Python mount."""

from pathlib import Path

SHARED = (Path(__file__).parent / "shared.js").read_text(encoding="utf-8")  # what several scripts end with
