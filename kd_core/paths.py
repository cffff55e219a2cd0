"""Where things are on disk: the parts of the lab itself, and what it keeps. No torch here."""

import errno
import os
import re
import time
from pathlib import Path

import platformdirs

from kd_core.messages import N_, Problem

NO_HOME = "/nonexistent"  # as Debian calls the home folder of users without one; nothing is made there
FULL = (errno.ENOSPC, errno.EDQUOT)  # of a disk, or of what a user may have of it
MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def part(name: str) -> Path:
    """A part of the lab, as "app" or "streamlit_app.py": in kd_core/lab where it is installed, else beside kd_core.

    In this order: beside an installed kd_core stand other packages, and one of them may be called "app".
    Raises FileNotFoundError, naming both places.
    """
    here = Path(__file__).parent
    places = (here / "lab" / name, here.parent / name)
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"the lab has no part {name!r}: neither {places[0]} nor {places[1]} is there")


def data_root(root: str | Path | None = None) -> Path:
    """Where data and kept teachers are: `root`, else KD_DATA_DIR, else the user's cache folder.

    Raises Problem where that folder is below a home folder, and this user has none.
    """
    given = root or os.environ.get("KD_DATA_DIR")
    try:
        return _at_home(Path(given or platformdirs.user_cache_dir("distillation-lab")).expanduser())
    except RuntimeError:
        raise _no_home("KD_DATA_DIR", str(given or "~/.cache")) from None


def cache_root() -> Path:
    """As `data_root`, for what can be made again: without a home folder a place in which nothing is kept.

    There nothing is found, and writing raises OSError, as in a folder that can only be read.
    """
    try:
        return data_root()
    except Problem:
        return Path(os.devnull)


def teachers_root() -> Path:
    """Where trained teachers are kept."""
    return cache_root() / "teachers"


def slug(words: str) -> str:
    """Words as part of a file's name: a–z, 0–9 and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def database_file() -> Path:
    """Where runs are kept by default: in the user's data folder. Raises Problem where there is no home folder."""
    try:
        return _at_home(platformdirs.user_data_path("distillation-lab") / "lab.db")
    except RuntimeError:
        raise _no_home("KD_DATABASE_URL", "~/.local/share") from None


def _at_home(path: Path) -> Path:
    """The same path; RuntimeError, as Path.expanduser raises it, where it is below the home folder NO_HOME."""
    if Path(NO_HOME) in path.parents:
        raise RuntimeError("there is no home folder")
    return path


def _no_home(variable: str, folder: str) -> Problem:
    """A user without a home folder: HOME is not set, and the system knows no folder of theirs (some containers)."""
    return Problem(
        N_("The folder {folder} cannot be found, since this user has no home folder; set the environment variable "
           "{variable} to {example}, or HOME to a folder."),
        folder=folder, variable=variable,
        example="sqlite:////FOLDER/lab.db" if variable == "KD_DATABASE_URL" else "/FOLDER",
    )  # fmt: skip


def write_whole(path: Path, data: bytes) -> None:
    """Write a file, and its folder if there is none, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside the final name, so that the rename stays on one disk; process and time keep two writers apart.
    partial = path.with_name(f"{path.name}.{os.getpid()}-{time.time_ns()}.part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def unwritable(folder: Path, error: OSError) -> Problem:
    """What a person is told where the data's `folder` cannot be written."""
    if error.errno in FULL:
        return Problem(
            N_("The data folder {folder} cannot be written ({reason}); free some space on its disk, or choose "
               "another with the environment variable KD_DATA_DIR."),
            folder=str(folder), reason=error.strerror or str(error),
        )  # fmt: skip
    return Problem(
        N_("The data folder {folder} cannot be written ({reason}); make it writable, or choose another with the "
           "environment variable KD_DATA_DIR."),
        folder=str(folder), reason=error.strerror or str(error),
    )  # fmt: skip


def mnist_folder(root: str | Path | None = None) -> Path:
    """The folder of MNIST's four files, laid out as torchvision does."""
    return data_root(root) / "MNIST" / "raw"


def mnist_on_disk() -> bool:
    """Whether MNIST's four files are there; whether they are intact, only loading them tells."""
    try:
        return all((mnist_folder() / name).is_file() for name in MNIST_FILES)
    except (OSError, Problem):
        return False
