"""`data`: fetch MNIST; add, list and remove data sets of one's own."""

import argparse
import os
import sys
from typing import Any

from kd_core.cli.progress import bar, show
from kd_core.data import own
from kd_core.data.own import fetching, kept
from kd_core.messages import Problem


def offer_data(parser: argparse.ArgumentParser) -> None:
    """Its flags and subcommands; without one MNIST is fetched."""
    parser.add_argument("--root", help="the data folder (default: KD_DATA_DIR, else the user's cache)")
    commands: Any = parser.add_subparsers(dest="of_data", metavar="{add,list,remove}")
    known = ", ".join(fetching.SETS)
    adding = commands.add_parser("add", help="add a data set of your own, or one of " + known)
    adding.add_argument("file", metavar="FILE",
                        help="images: a .npz as of Keras (x_train, y_train, x_test, y_test) or MedMNIST "
                        "(train_images, train_labels, …); a folder or .zip with the four IDX files of MNIST's "
                        "relatives; a folder or .zip with a folder of images for each class, by choice in folders "
                        f"train, validation, test; or {known}")  # fmt: skip
    adding.add_argument("--name", required=True, help="what it is called from now on: a–z, 0–9, - and _")
    adding.add_argument("--seed", type=int, default=0,
                        help="by which splits are drawn that it does not have; default 0")  # fmt: skip
    adding.add_argument("--form", choices=("as-is", "pad"), default="as-is",
                        help="as-is: made 28 x 28, aspect kept; pad: what is bright is centred as MNIST's digits "
                        "are, its longer side 20 pixels; default as-is")  # fmt: skip
    adding.add_argument("--invert", action=argparse.BooleanOptionalAction, default=None,
                        help="make white black; default: with --form pad, of images with bright edges")  # fmt: skip
    adding.add_argument("--classes", metavar="A,B,…",
                        help="the names of the classes, in the order of their numbers")  # fmt: skip
    commands.add_parser("list", help="the data sets that there are")
    commands.add_parser("remove", help="delete a data set").add_argument("name", metavar="NAME")


def data(options: argparse.Namespace) -> int:
    """Carry it out; the exit status. Raises Problem."""
    if options.of_data is None:
        from kd_core.data.digits import fetch

        fetch(options.root)
        return 0
    before = os.environ.get("KD_DATA_DIR")
    if options.root:
        os.environ["KD_DATA_DIR"] = options.root
    try:
        return {"add": _add, "list": _list, "remove": _remove}[options.of_data](options)
    finally:
        if options.root:
            os.environ.pop("KD_DATA_DIR")
            os.environ.update({"KD_DATA_DIR": before} if before is not None else {})


def _list(_options: argparse.Namespace) -> int:
    print(_table() or "There are no data sets yet. Add one with python -m kd_core data add FILE --name NAME.")
    return 0


def _remove(options: argparse.Namespace) -> int:
    own.remove(options.name)
    print(f"{options.name} is removed.")
    return 0


def _add(options: argparse.Namespace) -> int:
    names = tuple(options.classes.split(",")) if options.classes else ()
    with bar() as shown:
        known = own.add(
            options.file, options.name, seed=options.seed, form="pad" if options.form == "pad" else "as_is",
            invert=options.invert, classes=names, told=lambda done: show(shown, "reading", done),
        )  # fmt: skip
    for note in known.notices:
        print(note, file=sys.stderr)
    for said in known.said:
        print(said)
    counts = f"{known.train:,} training, {known.validation:,} validation and {known.test:,} test images"
    print(f"{known.name}: {len(known.classes)} classes ({', '.join(known.classes)}); {counts}, in "
          f"{kept.root() / known.name}.")  # fmt: skip
    return 0


def _table() -> str:
    rows = [("NAME", "CLASSES", "TRAIN", "VALIDATION", "TEST", "ADDED", "BY")]
    for name in own.names():
        try:
            one = own.describe(name)
        except Problem as problem:
            print(problem, file=sys.stderr)
            continue
        rows.append((name, str(len(one.classes)), f"{one.train:,}", f"{one.validation:,}", f"{one.test:,}",
                     one.added[:10], "upload" if one.owner else "command line"))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) if len(rows) > 1 else ""
