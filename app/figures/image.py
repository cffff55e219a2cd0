"""A small grey image as an address that holds it, for an `<img>`."""

from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image


def data_uri(image: np.ndarray) -> str:
    """A grey image uint8 [H, W] as a PNG file, in a data: address."""
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()
