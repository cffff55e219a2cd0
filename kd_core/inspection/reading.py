"""A file of logits -> Logits. It comes from a stranger: nothing is unpickled, no size in it is believed.

    .npz           arrays logits [N, C]; by choice labels [N], class_names [C], student_logits [N, C]
    .npy           logits alone
    .csv           a header with the names of the classes, a row for each sample; by choice a column label
    .safetensors   tensors as in .npz, without class_names

What a header says of a shape is compared with the bytes that are there before any memory is taken for it.
"""

import csv
import io
import os
import zipfile
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from kd_core.data.npy import UNZIPPING, directory, read_array, read_member, short, texts
from kd_core.inspection.logits import MOST_CLASSES, Logits, checked
from kd_core.messages import N_, Problem

UPLOAD = 64_000_000  # bytes that a page takes; in Streamlit a MB has a million
UNPACKED = 160_000_000  # bytes that an uploaded archive may unpack to: 64 MB of float32 and some compression
BY_PATH = 16 * 2**30  # bytes from a path: whoever names it knows their own memory
LONGEST_JSON = 2**20  # bytes of a .safetensors header
LONGEST_DIRECTORY = 2**16  # bytes of a .zip's list of files
ARRAYS = ("logits", "labels", "class_names", "student_logits")
LABEL = ("label", "labels")
ENDINGS = (".npz", ".npy", ".csv", ".safetensors")


def read_file(path: Path) -> Logits:
    """The logits in a file on this computer. Raises Problem: one sentence on what is wrong and what to do."""
    try:
        with path.open("rb") as stream:
            return read(path.name, stream, BY_PATH)
    except OSError as error:
        raise Problem(N_("The file {file} cannot be read ({why})."), file=str(path),
                      why=error.strerror or str(error)) from None  # fmt: skip


def read_upload(name: str, content: bytes) -> Logits:
    """The logits in a file that somebody sent. Raises Problem."""
    if len(content) > UPLOAD:
        raise Problem(
            N_("This file has {given} MB; at most {most} MB can be uploaded. Of a larger one, save some thousand "
               "random rows, or run python -m kd_core inspect FILE on your computer."),
            given=f"{len(content) / 1e6:,.1f}", most=UPLOAD // 10**6,
        )  # fmt: skip
    return read(name, io.BytesIO(content), UNPACKED)


def read(name: str, stream: BinaryIO, most: int) -> Logits:
    """The logits in a file; its name says by its ending what it is. most: bytes of one array. Raises Problem."""
    ending = Path(name).suffix.lower()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if ending not in ENDINGS:
        raise Problem(N_("A file that ends in {given} cannot be read; it may end in {known}."),
                      given=short(ending) or "nothing", known=", ".join(ENDINGS))  # fmt: skip
    if not size:
        raise Problem(N_("This file is empty."))
    if size > most:
        raise Problem(N_("This file has {given} bytes; at most {most} can be read."), given=f"{size:,}",
                      most=f"{most:,}")  # fmt: skip
    try:
        if ending == ".csv":
            return _csv(stream)
        if ending == ".npy":
            return checked(read_array(stream, size, "logits", most))
        found = _npz(stream, size, most) if ending == ".npz" else _safetensors(stream, size)
    except MemoryError:
        raise Problem(N_("This file needs more memory than there is; save fewer rows.")) from None
    names = found.get("class_names")
    return checked(found["logits"], found.get("labels"), None if names is None else texts(names),
                   found.get("student_logits"))  # fmt: skip


# numpy


def _npz(stream: BinaryIO, size: int, most: int) -> dict[str, np.ndarray]:
    """The arrays of an archive that have our names. Each is unpacked as far as its header says, and no further."""
    if directory(stream, size) > LONGEST_DIRECTORY and size < 2**32:
        raise Problem(N_("This .npz file lists too many files; save it with numpy.savez and these arrays alone: "
                         "{arrays}."), arrays=", ".join(ARRAYS))  # fmt: skip
    try:
        with zipfile.ZipFile(stream) as archive:
            there = set(archive.namelist())
            if "logits.npy" not in there:
                saved = ", ".join(sorted(short(name.removesuffix(".npy")) for name in there)[:5])
                raise Problem(N_("This file has no array called logits; it has: {saved}."), saved=saved or "–")
            found = {}
            for name in ARRAYS:
                if f"{name}.npy" in there:
                    found[name] = read_member(archive, name, most)
            return found
    except UNZIPPING as error:
        raise Problem(N_("This .npz file cannot be unpacked: {why}"), why=short(str(error)) or "–") from None


# safetensors


def _safetensors(stream: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """The tensors that have our names. The library compares every shape with the bytes that are there."""
    content = stream.read()
    if size < 8 or int.from_bytes(content[:8], "little") > LONGEST_JSON:
        raise Problem(N_("This is no safetensors file, or its header is longer than any of logits."))
    try:
        every = safetensors.load(content)
    except (SafetensorError, ValueError, RecursionError) as error:
        raise Problem(N_("This safetensors file cannot be read: {why}"), why=short(str(error))) from None
    except KeyError as error:
        raise Problem(N_("This file has a tensor of type {type}; save logits as float32."),
                      type=short(str(error.args[0]))) from None  # fmt: skip
    if "logits" not in every:
        raise Problem(N_("This file has no array called logits; it has: {saved}."),
                      saved=", ".join(map(short, sorted(every)[:5])) or "–")  # fmt: skip
    return {name: every[name] for name in ARRAYS if name in every and name != "class_names"}


# CSV


def _csv(stream: BinaryIO) -> Logits:
    """A table with a header: a column of each class, by choice one called label. Rows may say the class's name."""
    rows = _lines(stream)
    header = [name.strip() for name in next(rows, [])]
    at = next((column for column, name in enumerate(header) if name.lower() in LABEL), None)
    names = [name for column, name in enumerate(header) if column != at]
    if len(names) > MOST_CLASSES or len(names) < 2:
        raise Problem(N_("The header has {given} columns of classes; 2 to {most} are possible, with commas between "
                         "them."), given=f"{len(names):,}", most=f"{MOST_CLASSES:,}")  # fmt: skip
    if all(map(_is_number, names)) and not all(name.isdigit() for name in names):
        raise Problem(N_("The first line holds numbers; it must be a header with the names of the classes."))
    by_name = {name: column for column, name in enumerate(names)}
    values, labels = array("d"), array("q")
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise Problem(N_("Line {line} has {given} columns and the header {wanted}."), line=line,
                          given=len(row), wanted=len(header))  # fmt: skip
        if at is not None:
            labels.append(_label(row.pop(at).strip(), by_name, line))
        try:
            values.extend(map(float, row))
        except ValueError:
            column = next(column for column, cell in enumerate(row) if not _is_number(cell))
            raise Problem(N_("Line {line}, column {column}: {given} is no number."), line=line,
                          column=names[column][:40], given=short(row[column]) or "–") from None  # fmt: skip
    table = np.frombuffer(values, dtype=np.float64) if values else np.zeros(0)
    return checked(table.reshape(-1, len(names)), None if at is None else np.array(labels, dtype=np.int64), names)


def _lines(stream: BinaryIO) -> Iterator[list[str]]:
    try:
        with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
            yield from csv.reader(text, strict=True)
    except (csv.Error, UnicodeDecodeError) as error:
        raise Problem(N_("This is no CSV file in UTF-8: {why}"), why=short(str(error))) from None


def _label(text: str, by_name: dict[str, int], line: int) -> int:
    """A label's class: its number, or its name."""
    if text in by_name:
        return by_name[text]
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number < len(by_name):
        known = ", ".join(islice(by_name, 3))
        raise Problem(
            N_("Line {line}: the label {given} is no class; it may be a number from 0 to {last}, or a name such as "
               "{known}."), line=line, given=short(text) or "–", last=len(by_name) - 1, known=known)  # fmt: skip
    return number


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
