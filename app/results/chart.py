"""Charts and images on a page: every chart can be saved, every image says what it shows."""

from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app.figures.image import data_uri

FORMATS = {"png": "PNG", "svg": "SVG"}
NO_USE = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d", "select2d", "lasso2d"]


def chart(figure: go.Figure, key: str, alt: str | None = None, **options: Any) -> Any:
    """Draw `figure` with one button that saves it, in the format that is set under "Export".

    alt: what it shows, for who cannot see it. options: those of `st.plotly_chart`.
    """
    form = saved_as()
    config = {
        "displayModeBar": "hover",
        "displaylogo": False,
        "modeBarButtonsToRemove": NO_USE,
        "toImageButtonOptions": {"format": form, "filename": f"distillation-lab-{key}", "scale": 2},
    }
    return st.plotly_chart(figure, key=key, alt=alt, config=config, **options)


def saved_as() -> str:
    """The format in which figures are saved: "png" or "svg"."""
    return str(st.session_state.get("figure_format") or "png")


def picture(image: np.ndarray, alt: str, width: int) -> None:
    """Draw one grey image uint8 [H, W]; alt says what it is, for who cannot see it (`st.image` can't say it)."""
    style = f"width: {width}px; max-width: 100%; image-rendering: pixelated; border-radius: 4px"
    st.html(f'<img src="{data_uri(image)}" alt="{escape(alt)}" style="{style}">')
