"""Public names of a package that are imported when first asked for: importing the package imports no torch."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def offering(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of `package` (PEP 562). names: public name -> "submodule" or "submodule:its name there"."""

    def found(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, there = names[name].partition(":")
        return getattr(import_module(f"{package}.{module}"), there or name)

    return found
