"""Where things are kept on disk. No torch here: the web process asks too."""

import os
import time
from pathlib import Path

import platformdirs

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def data_root(root: str | Path | None = None) -> Path:
    """Where data and kept teachers are: `root`, else KD_DATA_DIR, else the user's cache folder."""
    root = root or os.environ.get("KD_DATA_DIR") or platformdirs.user_cache_dir("distillation-lab")
    return Path(root).expanduser()


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


def mnist_folder(root: str | Path | None = None) -> Path:
    """The folder of MNIST's four files, laid out as torchvision does."""
    return data_root(root) / "MNIST" / "raw"


def mnist_on_disk() -> bool:
    """Whether MNIST's four files are there; whether they are intact, only loading them tells."""
    try:
        return all((mnist_folder() / name).is_file() for name in MNIST_FILES)
    except OSError:
        return False
