"""The progress bar that commands show on standard error."""

import sys

from tqdm import tqdm


def bar() -> tqdm:
    """A bar from 0 to 1; it shows nothing where standard error is no terminal."""
    shape = "{desc} {percentage:3.0f} % |{bar}| {elapsed} + {remaining}"
    return tqdm(total=1.0, bar_format=shape, disable=not sys.stderr.isatty(), leave=False)


def show(bar: tqdm, stage: str, share: float) -> None:
    """Name the stage, and move the bar on to `share`; it never goes back."""
    bar.set_description_str(stage.replace("_", " "), refresh=False)
    bar.update(max(0.0, share - bar.n))
