"""Arrays in numpy's format out of a stranger's file: nothing is unpickled, and no size in it is believed."""

import math
import struct
import zipfile
import zlib
from typing import BinaryIO

import numpy as np

from kd_core.messages import N_, Problem

LONGEST_HEADER = 1000  # characters of a .npy header, as numpy writes it, are 128
# RuntimeError: a member is encrypted, or packed in a way that zipfile does not know.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without a limit
UNZIPPING = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, struct.error)


def short(text: str) -> str:
    """What of a stranger's text is printable, at most 40 characters."""
    return "".join(letter for letter in text if letter.isprintable())[:40]


def read_array(stream: BinaryIO, size: int, name: str, most: int) -> np.ndarray:
    """One array of numpy's format, of which `size` bytes are there."""
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, by_columns, kind = read_header[version](stream, max_header_size=LONGEST_HEADER)
    except Exception as error:  # numpy parses the header as Python text, and many things can be wrong with that
        raise Problem(N_("{name} is no array that numpy has saved: {why}"), name=name,
                      why=short(str(error)) or type(error).__name__) from None  # fmt: skip
    if kind.hasobject:
        raise Problem(N_("{name} holds Python objects, which only pickle could read; it is refused, since pickle "
                         "runs code. Save a plain array of numbers, such as float32."), name=name)  # fmt: skip
    if kind.kind not in "fiubUS" or any(length < 0 for length in shape):
        raise Problem(N_("{name} are of type {type}; save them as floating-point numbers, such as float32."),
                      name=name, type=short(str(kind)))  # fmt: skip
    count = math.prod(shape)
    need = count * kind.itemsize
    there = size - stream.tell()
    if need > there or (count and not kind.itemsize):
        raise Problem(
            N_("{name} should be {shape} and take {need} bytes, but {there} are there: the file is cut off, or its "
               "header is wrong."),
            name=name, shape=short(str(list(shape))), need=f"{need:,}", there=f"{there:,}")  # fmt: skip
    if need > most:
        raise Problem(N_("{name} take {need} bytes; at most {most} can be read. Save fewer rows."), name=name,
                      need=f"{need:,}", most=f"{most:,}")  # fmt: skip
    content = stream.read(need)
    if len(content) < need:
        raise Problem(N_("The file is cut off within {name}; save it again."), name=name)
    flat = np.frombuffer(content, dtype=kind) if count else np.zeros(0, dtype=kind)
    return flat.reshape(shape, order="F" if by_columns else "C")


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> np.ndarray:
    """The array of this name in an .npz, of at most so many bytes."""
    info = archive.getinfo(f"{name}.npy")
    require_unpackable(info)
    with archive.open(info.filename) as packed:
        return read_array(packed, info.file_size, name, most)  # type: ignore[arg-type]


def require_unpackable(info: zipfile.ZipInfo) -> None:
    """Raise Problem for a file of a .zip that could unpack to any size."""
    if info.compress_type not in METHODS:
        raise Problem(N_("{name} is packed in a way that is not read here; pack it as usual (deflate)."),
                      name=short(info.filename))  # fmt: skip


def directory(stream: BinaryIO, size: int) -> int:
    """How many bytes a .zip's list of files has, of which each takes memory; 0 where there is no such list.

    Found as zipfile finds it: the record at the end says how long the list before it is, and one before that in
    archives that are large or have many files.
    """
    stream.seek(max(0, size - 2**16 - 98))
    end = stream.read()
    at = len(end) - 22 if end[-22:-18] == b"PK\x05\x06" and end[-2:] == b"\0\0" else end.rfind(b"PK\x05\x06")
    if not 0 <= at <= len(end) - 22:
        return 0
    length = int.from_bytes(end[at + 12 : at + 16], "little")
    locator = end[max(0, at - 20) : at]
    if locator[:4] == b"PK\x06\x07":
        places = (max(0, size - len(end) + at - 76), int.from_bytes(locator[8:16], "little"))
        for place in places:  # versions of zipfile look here or there
            stream.seek(min(place, size))
            record = stream.read(56)
            if record[:4] == b"PK\x06\x06":
                length = max(length, int.from_bytes(record[40:48], "little"))
    stream.seek(0)
    return length


def texts(names: np.ndarray) -> list[str]:
    """The names in an array of texts. Raises Problem where it is none."""
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise Problem(N_("class_names must be a list of texts, one for each class; {type} was given."),
                      type=short(str(names.dtype)))  # fmt: skip
    if names.dtype.kind == "S":
        return [bytes(name).decode("utf-8", "replace") for name in names]
    try:
        return [str(name) for name in names]
    except ValueError:  # four bytes that are no letter
        raise Problem(N_("class_names hold characters that do not exist; save them again.")) from None
