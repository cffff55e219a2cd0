"""The wheel's dependencies: the versions pinned in the requirements files, which `make` and pip read too."""

from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = ("auth", "backbones", "dev", "onnx", "postgres")
FOR_TESTS = ("pytest",)  # of requirements.txt; who installs the lab does without


class CustomMetadataHook(MetadataHookInterface):
    """What hatchling asks while it builds."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the dependencies, and the extras, named as the files are: `requirements-onnx.txt` is "onnx"."""
        root = Path(self.root)
        needed = pinned(root / "requirements.txt")
        metadata["dependencies"] = [line for line in needed if not line.startswith(FOR_TESTS)]
        extras = {name: pinned(root / f"requirements-{name}.txt") for name in EXTRAS}
        extras["dev"] += [line for line in needed if line.startswith(FOR_TESTS)]
        metadata["optional-dependencies"] = extras


def pinned(file: Path) -> list[str]:
    """The lines of a requirements file that name a package, and those of the files that it names."""
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            other = file.with_name(line.removeprefix("-r "))
            lines += [] if other.name == "requirements.txt" else pinned(other)
        elif line and not line.startswith("#"):
            lines.append(line)
    return lines
