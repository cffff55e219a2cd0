"""The files in a folder or a .zip: listed, and read one after another. A .zip is never unpacked to disk."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kd_core.data.npy import UNZIPPING, directory, require_unpackable, short
from kd_core.data.own.bounds import Bounds
from kd_core.messages import N_, Problem

MORE_FILES = 1000  # than images: a list of classes, a licence
ENTRY = 150  # bytes that a file takes in the list of a .zip, its name among them
DEEPEST = 12  # folders within folders


@dataclass(frozen=True)
class File:
    """parts: folders and name; open: a stream of its content."""

    parts: tuple[str, ...]
    open: Callable[[], BinaryIO]

    @property
    def name(self) -> str:
        """As a person reads it, shortened."""
        return short("/".join(self.parts[-2:]))

    def read(self, most: int) -> bytes:
        """Its content. Raises Problem where that has more than `most` bytes, or cannot be read."""
        content = bytearray()
        try:
            with self.open() as stream:
                while chunk := stream.read(min(2**20, most + 1 - len(content))):
                    content += chunk
                    if len(content) > most:
                        raise Problem(N_("{name} has more than {most} bytes, which is too many here."),
                                      name=self.name, most=f"{most:,}")  # fmt: skip
        except UNZIPPING as error:
            raise Problem(N_("{name} cannot be read: {why}"), name=self.name,
                          why=short(str(error)) or type(error).__name__) from None  # fmt: skip
        return bytes(content)


class Files(list[File]):
    """Files in order, and all `folders` that there are, also empty ones."""

    folders: set[tuple[str, ...]]

    def __init__(self, files: Iterable[File], folders: set[tuple[str, ...]]) -> None:
        super().__init__(sorted(files, key=lambda file: file.parts))
        self.folders = folders | {file.parts[:-1] for file in self}


def of_folder(path: Path, bounds: Bounds) -> Files:
    """All files below a folder, those aside that systems leave there. Raises Problem, also at a link."""
    found: list[File] = []
    folders: set[tuple[str, ...]] = set()
    left = [(path, 0)]
    while left:
        here, depth = left.pop()
        if depth > DEEPEST:
            raise Problem(N_("There are more than {most} folders within folders."), most=DEEPEST)
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if _left_by_systems(entry.name):
                    continue
                at = Path(entry.path)
                parts = at.relative_to(path).parts
                if entry.is_symlink():
                    raise _link(parts)
                if entry.is_dir():
                    left.append((at, depth + 1))
                    folders.add(parts)
                    _check_count(len(folders), bounds)
                elif entry.is_file():
                    found.append(File(parts, lambda at=at: at.open("rb")))  # type: ignore[misc]
                    _check_count(len(found), bounds)
    return Files(found, folders)


@contextmanager
def of_zip(stream: BinaryIO, bounds: Bounds) -> Iterator[Files]:
    """All files of a .zip, those aside that systems leave there. Raises Problem."""
    size = stream.seek(0, os.SEEK_END)
    _check_count(directory(stream, size) // ENTRY, bounds)
    try:
        archive = zipfile.ZipFile(stream)
    except UNZIPPING as error:
        raise Problem(N_("This .zip file cannot be unpacked: {why}"), why=short(str(error)) or "–") from None
    with archive:
        found, folders = [], set()
        for info in archive.infolist():
            parts = tuple(part for part in info.filename.replace("\\", "/").split("/") if part not in ("", "."))
            if not parts or any(map(_left_by_systems, parts[:DEEPEST])):
                continue
            if ".." in parts or len(parts) > DEEPEST:
                raise Problem(N_("{name} in this .zip file leads out of it, or through more than {most} folders."),
                              name=short(info.filename), most=DEEPEST)  # fmt: skip
            if info.is_dir():
                folders.add(parts)
                continue
            if stat.S_ISLNK(info.external_attr >> 16):
                raise _link(parts)
            require_unpackable(info)
            found.append(File(parts, lambda info=info: archive.open(info)))  # type: ignore[misc,arg-type]
        _check_count(len(found), bounds)
        yield Files(found, folders)


def _check_count(count: int, bounds: Bounds) -> None:
    if count > bounds.images + MORE_FILES:
        raise Problem(N_("There are too many files: at most {most} images are possible here."),
                      most=f"{bounds.images:,}")  # fmt: skip


def _left_by_systems(name: str) -> bool:
    return name in ("__MACOSX", "Thumbs.db", "desktop.ini") or (name.startswith(".") and name != "..")


def _link(parts: tuple[str, ...]) -> Problem:
    return Problem(N_("{name} is a symbolic link, which is not followed; put the file itself there."),
                   name=short("/".join(parts)))  # fmt: skip
