"""Small grey images as HTML: one as an address that holds it, several side by side with captions."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO

import numpy as np
from PIL import Image


def data_uri(image: np.ndarray) -> str:
    """A grey image uint8 [H, W] as a PNG file, in a data: address."""
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()


STYLE = """<style>
.tiles {display: flex; flex-wrap: wrap; gap: .9rem; margin: 0; padding: 0}
.tiles figure {margin: 0; width: 7.6rem}
.tiles img {width: 84px; height: 84px; image-rendering: pixelated; border-radius: 4px; display: block}
.tiles figcaption {font-size: .8rem; line-height: 1.3; margin-top: .25rem; opacity: .9}
.tiles.small {gap: .6rem} .tiles.small figure {width: 5.2rem} .tiles.small img {width: 56px; height: 56px}
.tiles.large figure {width: 9rem} .tiles.large img {width: 140px; height: 140px}
</style>"""


def tiles(
    images: Sequence[np.ndarray], captions: Sequence[Sequence[str]], alts: Sequence[str], size: str = ""
) -> str:
    """Images uint8 [H, W] side by side as HTML, each with its caption's lines under it; size: small or large."""
    shown = "".join(
        f'<figure><img src="{data_uri(image)}" alt="{escape(alt)}">'
        f"<figcaption>{'<br>'.join(escape(line) for line in lines)}</figcaption></figure>"
        for image, lines, alt in zip(images, captions, alts, strict=True)
    )
    return f'{STYLE}<div class="tiles {size}">{shown}</div>'
