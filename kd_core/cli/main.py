"""The command line: `python -m kd_core distill --temperature 4 …`, `python -m kd_core data`, and `… export FILE`.

`hinton` carries out section 3 of Hinton, Vinyals, Dean 2015, and shows the paper's figures beside ours.
`inspect` reads the logits of a teacher of your own, and says which T to begin with.
`data add FILE --name NAME` keeps images of your own, to distil and transfer on them.
`sweep` makes a map instead: one or two settings varied over a grid, or more of them searched, as
`python -m kd_core sweep distill temperature=1,2,4,8 alpha=0:1:5 --student mlp30`.

The same Settings, events and Result as the app; English. The table or, with --json, one JSON object and
nothing else goes to standard output; progress and notices go to standard error.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from kd_core.cli.app import offer_app, serve
from kd_core.cli.arguments import require_workers
from kd_core.cli.data import data, offer_data
from kd_core.cli.export import export_network
from kd_core.cli.inspect import check_inspect, inspect, offer_inspect
from kd_core.cli.runs import in_process, in_queue, table
from kd_core.cli.sweeps import sweep
from kd_core.messages import Problem
from kd_core.settings.base import Settings
from kd_core.sweeps.plan import Plan
from kd_core.techniques import TECHNIQUES

MODULE = "python -m kd_core"
COMMANDS = {one.command: one for one in TECHNIQUES.values()}
OWN = {command.name: command for one in TECHNIQUES.values() for command in one.commands}


def command() -> int:
    """The installed command `distillation-lab`."""
    say_anything()
    return main(name="distillation-lab")


def main(arguments: Sequence[str] | None = None, name: str = "") -> int:
    """Run one command; returns the exit status: 0, 1 for a run that failed, 2 for what was asked wrongly.

    name: of the program, as its help says it; by default MODULE.
    """
    options = _parser(name).parse_args(arguments)
    if options.command == "app":
        return serve(options)
    own = import_module(OWN[options.command].module) if options.command in OWN else None
    try:
        settings, plan = None, None
        if options.command == "sweep":
            plan = _plan(options)
        elif options.command in COMMANDS:
            settings = _settings(COMMANDS[options.command].settings, options)
        elif options.command == "inspect":
            check_inspect(options)
        elif own:
            own.check(options)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    try:
        if options.command == "export":
            return export_network(options.network, options.int8)
        if options.command == "inspect":
            return inspect(options)
        if own:
            status: int = own.carry_out(options)
            return status
        if plan is not None:
            return sweep(plan, options)
        if settings is None:
            return data(options)
        alone = options.workers == 1 or settings.model_dump()["seeds"] == 1
        result = in_process(settings) if alone else in_queue(settings, options.workers)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    for note in result.notes:
        print(note, file=sys.stderr)
    if result.provenance.teacher_created:
        print(f"The teacher was made on {result.provenance.teacher_created[:10]}, and kept.", file=sys.stderr)
    print(result.model_dump_json() if options.json else table(result))
    return 0


class _AsWritten(argparse.HelpFormatter):
    """Help that is shown as it is written: argparse takes a % in it for the beginning of a format."""

    def _get_help_string(self, action: argparse.Action) -> str:
        return (action.help or "").replace("%", "%%")

    def add_text(self, text: str | None) -> None:
        """A description, in which argparse fills %(prog) alone, and only where it finds that."""
        super().add_text(text.replace("%", "%%") if text and "%(prog)" in text else text)


class _Parser(argparse.ArgumentParser):
    """A parser, and so all its subcommands' parsers, with such help."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_AsWritten, **options)


def _parser(name: str = "") -> argparse.ArgumentParser:
    parser = _Parser(prog=name or MODULE, description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    offer_app(commands.add_parser("app", help="serve the lab, and open it in a browser"))
    offer_data(
        commands.add_parser("data", help="fetch MNIST and verify it; add, list, remove data sets of your own")
    )
    export = commands.add_parser("export", help="write a saved network as ONNX, checked against torch")
    export.add_argument("network", metavar="FILE", type=Path, help="a network that the lab saved as safetensors")
    export.add_argument("--int8", action="store_true",
                        help="also in int8, and measure both on the test images of the data that the file names, "
                        "else MNIST's")  # fmt: skip
    offer_inspect(commands.add_parser("inspect", help="what temperatures make of a teacher's logits in a file"))
    for own in OWN.values():
        import_module(own.module).offer(commands.add_parser(own.name, help=own.summary))
    of_maps = commands.add_parser("sweep", help="make a map: settings varied over a grid, or searched")
    maps = of_maps.add_subparsers(dest="technique", required=True)
    for command, technique in COMMANDS.items():
        _offer(commands.add_parser(command, help=technique.summary, description=technique.summary), command)
        sub = maps.add_parser(command, help=f"a map of {command}: what each run does is as of that command")
        sub.add_argument("axes", nargs="+", metavar="SETTING=VALUES",
                         help="what is varied: temperature=1,2,4,8 or temperature=1:16:5, five values")  # fmt: skip
        sub.add_argument("--trials", type=int, default=0, metavar="N",
                         help="search N cells between least and largest values; default: the grid")  # fmt: skip
        _offer(sub, command)
    return parser


def _offer(parser: argparse.ArgumentParser, command: str) -> None:
    """A flag for every setting of a technique, and those on how it is run."""
    for spec in COMMANDS[command].settings.specs().values():
        flag = "--" + spec.name.replace("_", "-")
        alone: dict[str, Any] = dict(nargs="?", const="true") if spec.kind is bool else {}
        # Brackets and blanks in the usage would break argparse's lines.
        shown = spec.symbol if spec.symbol.replace("_", "").isalnum() else "VALUE"
        parser.add_argument(flag, dest=spec.name, **alone, metavar=shown,
                            help=f"{spec.help} {spec.allowed}; default {spec.default}")  # fmt: skip
    parser.add_argument("--settings", metavar="FILE", help="a JSON object of settings; flags override it")
    parser.add_argument(
        "--workers", type=int, help="processes, 1 thread each (default: KD_WORKERS, else one a core)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _settings(technique: type[Settings], options: argparse.Namespace) -> Settings:
    values = {}
    if options.settings:
        try:
            text = Path(options.settings).read_bytes()
        except OSError as error:
            raise Problem(
                "The settings file {file} cannot be read ({why}).",
                file=options.settings,
                why=error.strerror or str(error),
            ) from None
        values = technique.parse_json(text, options.settings).model_dump(exclude_unset=True)
    given = {name: getattr(options, name) for name in technique.specs()}
    values |= {name: value for name, value in given.items() if value is not None}
    require_workers(options)
    return technique.parse(values, "command line")


def _plan(options: argparse.Namespace) -> Plan:
    technique = COMMANDS[options.technique].settings
    asked = _settings(technique, options)
    if options.trials < 0:
        raise Problem("command line: trials = {given} is not allowed; it must be 1 or more.", given=options.trials)
    given = asked.model_dump(exclude_unset=True)
    return Plan.read(technique.technique, options.axes, given, options.trials)


def say_anything() -> None:
    """A terminal that lacks a letter, as "α" in a help, gets a substitute for it instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
