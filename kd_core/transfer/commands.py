"""`python -m kd_core backbone`: weights of a network of ImageNet, fetched or handed over."""

import argparse
import sys
from pathlib import Path

from kd_core.cli.progress import bar, show
from kd_core.results.events import Reporter
from kd_core.transfer.settings import BACKBONES


def offer(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("name", help=", ".join(BACKBONES))
    parser.add_argument("--weights", metavar="FILE", type=Path,
                          help="a state dict on this computer, torch's (only tensors are read) or safetensors; "
                               "default: where torchvision has it, or the installed package")  # fmt: skip


def check(options: argparse.Namespace) -> None:
    """Raise Problem for a network that is not known."""
    from kd_core.transfer import backbones

    backbones.known(options.name)


def carry_out(options: argparse.Namespace) -> int:
    """Fetch the weights, or take those of a file."""
    from kd_core.transfer import backbones

    name, file = options.name, options.weights
    if file is not None:
        kept = backbones.keep(name, file)
    else:
        with bar() as shown:
            weights = backbones.obtain(name, Reporter("weights", name, 0))
            while True:
                try:
                    show(shown, "weights", next(weights).progress)
                except StopIteration:
                    break
        kept = backbones.kept_path(name)
    doubt = backbones.doubt(name)
    if doubt:
        print(doubt, file=sys.stderr)
    said = f"Kept as {backbones.UNKNOWN[name]}" if doubt else f"{BACKBONES[name]} is ready"
    print(said + (f": {kept}" if kept.is_file() else "."))
    return 0
