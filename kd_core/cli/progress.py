"""How a command shows that it goes on."""

import sys

from tqdm import tqdm


def bar() -> tqdm:
    shape = "{desc} {percentage:3.0f} % |{bar}| {elapsed} + {remaining}"
    return tqdm(total=1.0, bar_format=shape, disable=not sys.stderr.isatty(), leave=False)


def show(bar: tqdm, stage: str, share: float) -> None:
    bar.set_description_str(stage.replace("_", " "), refresh=False)
    bar.update(max(0.0, share - bar.n))
