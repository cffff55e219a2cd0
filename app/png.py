"""A small grey image as a PNG file, written here: nothing else of an image library is needed."""

import struct
import zlib
from base64 import b64encode

import numpy as np


def data_uri(image: np.ndarray) -> str:
    """A grey image uint8 [H, W] as an address that holds it."""
    return "data:image/png;base64," + b64encode(png(image)).decode()


def png(image: np.ndarray) -> bytes:
    """A grey image uint8 [H, W] as a PNG file."""
    height, width = image.shape
    lines = np.hstack([np.zeros((height, 1), np.uint8), image]).tobytes()  # each line starts with its filter: none

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, content) for kind, content in ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    )
