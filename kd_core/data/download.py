"""A large file from the network, told as it comes, checked, and whole on disk or not there at all."""

import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kd_core.messages import N_, Problem

ANSWER_SECONDS = 10.0  # for a server to answer, its name's look-up included, which has no time limit of its own
CHUNK = 1 << 18


class NotFetched(Problem):
    """Why a file could not be had."""


def stream(url: str, path: Path, algorithm: str, digest: str) -> Iterator[tuple[int, int]]:
    """Fetch `url` into `path`, yielding (bytes so far, bytes in all or 0) a few times a second or more often.

    algorithm: "md5" or "sha256", of which `digest` is the beginning in hexadecimal. Nothing is left at `path`
    unless all of it came and the digest is right. Raises NotFetched, and OSError where `path` can't be written.
    """
    check = hashlib.new(algorithm, usedforsecurity=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")  # beside it, so that the rename stays on one disk
    done = total = 0
    answer = _answer(url)
    try:
        with answer, partial.open("wb") as file:
            total = int(answer.headers.get("Content-Length") or 0)
            while chunk := _read(answer):
                file.write(chunk)
                check.update(chunk)
                done += len(chunk)
                yield done, max(total, done)
        if done < total:
            raise NotFetched(N_("it broke off after {done} of {total} bytes"), done=f"{done:,}", total=f"{total:,}")
        if not check.hexdigest().startswith(digest):
            raise NotFetched(N_("what came is not the file: its checksum is wrong"))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def from_mirrors(urls: Sequence[str], path: Path, algorithm: str, digest: str) -> Iterator[tuple[int, int]]:
    """As `stream`, from the first of `urls` that has the file. Raises what the last one said, if none has it."""
    for url in urls:
        try:
            yield from stream(url, path, algorithm, digest)
            return
        except NotFetched:
            if url == urls[-1]:
                raise


def _answer(url: str) -> Any:
    """The opened answer, asked for in a thread, since a name look-up can't be given up otherwise."""
    got: list[Any] = []

    def ask() -> None:
        try:
            got.append(urllib.request.urlopen(url, timeout=ANSWER_SECONDS))
        except Exception as error:  # whatever it is, it is told
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            got.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_SECONDS)
    if not got:
        raise NotFetched(N_("no answer in {seconds} s"), seconds=f"{ANSWER_SECONDS:g}")
    if isinstance(got[0], Exception):
        raise _told(got[0])
    return got[0]


def _read(answer: Any) -> bytes:
    try:
        chunk: bytes = answer.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _told(error) from error
    return chunk


def _told(error: Exception) -> NotFetched:
    why = getattr(error, "reason", None) or error
    why = getattr(why, "strerror", None) or why  # without "[Errno -2]"
    return NotFetched("{why}", why=(str(why).strip() or type(error).__name__)[:200])
