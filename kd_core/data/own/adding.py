"""`add`: a stranger's file of images becomes a data set, whole or not at all."""

from pathlib import Path
from typing import Literal

from kd_core.data.own.kept import OwnData

Form = Literal["as_is", "pad"]


def add(
    source: Path | str,
    name: str,
    *,
    seed: int = 0,
    form: Form = "as_is",
    invert: bool | None = None,
    classes: tuple[str, ...] = (),
    owner: str = "",
) -> OwnData:
    """Read a data set and keep it as `name`. Raises Problem: one sentence on what is wrong and what to do.

    source: a file, a folder, or the name of one that the lab can fetch; seed: by which splits are drawn where the
    source has none; form: "pad" centres what is there as the drawing pad does; invert: white ground becomes black.
    """
    raise NotImplementedError
