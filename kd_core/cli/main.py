"""The command line: `python -m kd_core distill --temperature 4 …`, `python -m kd_core data`, and `… export FILE`.

`hinton` carries out section 3 of Hinton, Vinyals, Dean 2015, and shows the paper's figures beside ours.
`sweep` makes a map instead: one or two settings varied over a grid, or more of them searched, as
`python -m kd_core sweep distill temperature=1,2,4,8 alpha=0:1:5 --student mlp30`.

The same Settings, events and Result as the app; English. The table or, with --json, one JSON object and
nothing else goes to standard output; progress and notices go to standard error.
"""

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from kd_core.distillation import hinton
from kd_core.messages import Problem
from kd_core.paths import write_whole
from kd_core.results.events import Step
from kd_core.results.schema import NOTHING, Result
from kd_core.runs.assemble import run, trainer_of
from kd_core.runs.queue import Queue
from kd_core.settings.base import Settings
from kd_core.sweeps.plan import Plan
from kd_core.techniques import TECHNIQUES
from kd_core.transfer.settings import BACKBONES

if TYPE_CHECKING:
    from kd_core.sweeps.sweep import MapView

COMMANDS = {one.command: one for one in TECHNIQUES.values()}
MANY_ARMS = 6


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for a run that failed, 2 for what was asked wrongly."""
    options = _parser().parse_args(arguments)
    try:
        settings, plan = None, None
        if options.command == "sweep":
            plan = _plan(options)
        elif options.command == "hinton":
            _workers(options)
            _known_parts(options.parts)
        elif options.command in COMMANDS:
            settings = _settings(COMMANDS[options.command].settings, options)
        elif options.command == "backbone":
            _known_backbone(options.name)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    try:
        if options.command == "backbone":
            return _backbone(options.name, options.weights)
        if options.command == "export":
            return _export(options.network, options.int8)
        if options.command == "hinton":
            return _hinton(options)
        if plan is not None:
            return _sweep(plan, options)
        if settings is None:
            return _data(options.root)
        alone = options.workers == 1 or settings.model_dump()["seeds"] == 1
        result = _in_process(settings) if alone else _in_queue(settings, options.workers)
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


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m kd_core", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser("data", help="fetch MNIST and verify it")
    fetch.add_argument("--root", help="the data folder (default: KD_DATA_DIR, else the user's cache)")
    backbone = commands.add_parser("backbone", help="fetch or hand over the weights of a network of ImageNet")
    backbone.add_argument("name", help=", ".join(BACKBONES))
    backbone.add_argument("--weights", metavar="FILE", type=Path,
                          help="a state dict on this computer, torch's (only tensors are read) or safetensors; "
                               "default: where torchvision has it, or the installed package")  # fmt: skip
    export = commands.add_parser("export", help="write a saved network as ONNX, checked against torch")
    export.add_argument("network", metavar="FILE", type=Path, help="a network that the lab saved as safetensors")
    export.add_argument("--int8", action="store_true",
                        help="also in int8, and measure both on MNIST's test images")  # fmt: skip
    section = commands.add_parser("hinton", help="Hinton 2015, section 3: the paper's figures and ours")
    section.add_argument("parts", nargs="*", metavar="PART",
                         help=f"{', '.join(hinton.PARTS)} (default: all, in this order)")  # fmt: skip
    section.add_argument("--workers", type=int, help="processes of the map (default: KD_WORKERS, else one a core)")
    section.add_argument("--json", action="store_true", help="print one JSON object")
    sweep = commands.add_parser("sweep", help="make a map: settings varied over a grid, or searched")
    maps = sweep.add_subparsers(dest="technique", required=True)
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
    _workers(options)
    return technique.parse(values, "command line")


def _workers(options: argparse.Namespace) -> None:
    if options.workers is not None and options.workers < 1:
        raise Problem(
            "command line: workers = {given} is not allowed; it must be 1 or more.", given=options.workers
        )


def _plan(options: argparse.Namespace) -> Plan:
    technique = COMMANDS[options.technique].settings
    asked = _settings(technique, options)
    if options.trials < 0:
        raise Problem("command line: trials = {given} is not allowed; it must be 1 or more.", given=options.trials)
    given = asked.model_dump(exclude_unset=True)
    return Plan.read(technique.technique, options.axes, given, options.trials)


def _hinton(options: argparse.Namespace) -> int:
    """The parts of the paper's section that are asked for, each with its figures and the time that it took."""
    from kd_core.sweeps import table as map_table

    found: dict[str, Any] = {}
    for part in options.parts or hinton.PARTS:
        started = time.perf_counter()
        if part == hinton.WIDTHS:
            with _bar() as bar:  # before its cells, which all wait for it
                for event in hinton.teacher():
                    _show(bar, event.stage, event.progress)
            view = _mapped(hinton.PLAN, options)
            best = hinton.best_temperatures(view)
            lines = [f"{student}: fewest validation errors at T = {least}; may be the best: {alike}"
                     for student, (least, alike) in best.items()]  # fmt: skip
            told, data = [map_table.table(view), "", *lines], {**map_table.as_json(view), "best": best}
        else:
            rows = hinton.lines_of(part, _in_process(hinton.settings_of(part), os.cpu_count() or 1))
            wide = max(len(row.what) for row in rows)
            told = [f"{row.what.ljust(wide)}  {row.published.rjust(7)}  {row.told}" for row in rows]
            data = {row.what: {"published": row.published, "ours": row.ours, "unit": row.unit} for row in rows}
        seconds = time.perf_counter() - started
        found[part] = {"seconds": round(seconds, 1), "figures": data}
        where = sys.stderr if options.json else sys.stdout  # it takes long: each part is shown once it is there
        print("\n".join([hinton.PARTS[part], *told, f"({seconds / 60:.1f} minutes)", ""]), file=where, flush=True)
    if options.json:
        print(json.dumps(found))
    return 0


def _sweep(plan: Plan, options: argparse.Namespace) -> int:
    """Carry a map out, with what the store knows of it, and print it."""
    from kd_core.sweeps import table as map_table

    view = _mapped(plan, options)
    print(json.dumps(map_table.as_json(view)) if options.json else map_table.table(view))
    return 0 if view.state == "finished" and not view.problem else 1


def _mapped(plan: Plan, options: argparse.Namespace) -> "MapView":
    """The map, carried out."""
    from kd_core.runs.store import Store
    from kd_core.sweeps.sweep import Sweeps

    store = Store()
    queue = Queue({"KD_WORKERS": str(options.workers)} if options.workers else {}, store=store)
    sweeps = Sweeps(queue)
    try:
        sweep = sweeps.start(plan)
        with _bar() as bar:
            while (view := sweep.wait(0.3)).state == "running":
                all_cells = plan.trials or len(view.cells)
                _show(bar, f"{view.done} of {all_cells} cells", view.done / all_cells)
        for said in filter(None, (sweeps.problem, store.problem)):
            print(said, file=sys.stderr)
        return view
    finally:
        sweeps.close()
        queue.close()
        store.close()


def _data(root: str | None) -> int:
    from kd_core.data.digits import fetch

    fetch(root)
    return 0


def _known_parts(parts: Sequence[str]) -> None:
    for part in parts:
        if part not in hinton.PARTS:
            raise Problem("There is no part {given}; there are {known}.", given=part[:60],
                          known=", ".join(hinton.PARTS))  # fmt: skip


def _known_backbone(name: str) -> None:
    from kd_core.transfer import backbones

    backbones.known(name)


def _backbone(name: str, file: Path | None) -> int:
    from kd_core.transfer import backbones

    if file is not None:
        kept = backbones.keep(name, file)
    else:
        with _bar() as bar:
            weights = backbones.obtain(name, stage="weights", arm=name, seed=0)
            while True:
                try:
                    _show(bar, "weights", next(weights).progress)
                except StopIteration:
                    break
        kept = backbones.kept_path(name)
    doubt = backbones.doubt(name)
    if doubt:
        print(doubt, file=sys.stderr)
    said = f"Kept as {backbones.UNKNOWN[name]}" if doubt else f"{BACKBONES[name]} is ready"
    print(said + (f": {kept}" if kept.is_file() else "."))
    return 0


def _export(file: Path, int8: bool) -> int:
    """Write FILE.onnx beside a network, and FILE-int8.onnx with what both are worth."""
    from kd_core.data import pixels
    from kd_core.export import onnx as export

    try:
        weights = file.read_bytes()
    except OSError as error:
        raise Problem("The file {file} cannot be read ({why}).", file=str(file),
                      why=error.strerror or str(error)) from None  # fmt: skip
    model = export.onnx_of(weights)
    apart = _apart_from_torch(weights, model)
    written = {file.with_suffix(".onnx"): model}
    if int8:
        small = export.int8_of(model, pixels.training_pixels(pixels.MNIST, 500))
        written[file.with_name(f"{file.stem}-int8.onnx")] = small
    for path, content in written.items():
        try:
            write_whole(path, content)
        except OSError as error:
            raise Problem(
                "The file {file} cannot be written ({why}); make its folder writable and leave no folder of that "
                "name in it, or copy the network to another folder and export it there.",
                file=str(path), why=error.strerror or str(error),
            ) from None  # fmt: skip
        print(f"{path}: {len(content):,} bytes")
    print(f"On 100 inputs its logits differ from torch's by {apart:.1e} at most.")
    if int8:
        images = pixels.test_pixels(pixels.MNIST, range(10_000))
        every = export.compare(list(written.values()), images, pixels.test_labels(pixels.MNIST))
        for name, of in zip(("float32", "int8"), every, strict=True):
            print(f"{name}: {of.errors:,} errors on {of.images:,} test images, {of.latency_ms:.3f} ms an image "
                  f"(one thread, median of {of.passes})")  # fmt: skip
    return 0


def _apart_from_torch(weights: bytes, model: bytes) -> float:
    """The largest distance between the logits of torch and of an ONNX model, over 100 random inputs.

    Raises Problem where it is too large.
    """
    import torch
    from torch.nn import functional

    from kd_core.data import pixels
    from kd_core.export import onnx as export
    from kd_core.export.layers import layers

    found = layers(weights)
    name, shape = export.input_of(found[0])
    inputs = torch.rand(100, *shape, generator=torch.Generator().manual_seed(0))
    values = (inputs - pixels.MEAN) / pixels.STD if name == export.PIXELS else inputs
    for number, layer in enumerate(found):
        weight, bias = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
        if layer.convolves:
            values = functional.max_pool2d(functional.conv2d(values, weight, bias), 2).relu()
        else:
            values = functional.linear(values.flatten(1), weight, bias)
            values = values if number + 1 == len(found) else values.relu()
    return export.apart(export.answers(model, inputs.numpy()), values.numpy())


def _in_process(settings: Settings, threads: int = 1) -> Result:
    """The run, here. threads: 1, as a worker's, gives the same numbers to the last bit; more are sooner."""
    import torch

    from kd_core.data.digits import load
    from kd_core.nn.hardware import keep_memory

    torch.set_num_threads(threads)
    keep_memory()
    trainer, data = trainer_of(settings.module), load(say=lambda said: print(said, file=sys.stderr))
    trials = settings.model_dump()["seeds"]
    first = settings.model_dump()["seed"]
    with _bar() as bar:
        for event in run(trainer, settings, data):
            if isinstance(event, Result):
                return event
            if isinstance(event, Step):
                done = event.seed - first + event.progress if event.stage == list(settings.stages)[-1] else 0.0
                _show(bar, event.stage, done / trials)
    raise AssertionError("the run ended without a Result")


def _in_queue(settings: Settings, workers: int | None) -> Result:
    queue = Queue({"KD_WORKERS": str(workers)} if workers else {})
    try:
        handle = queue.submit(settings)
        with _bar() as bar:
            while not (view := handle.wait(0.3)).over:
                stages = [name for name, stage in view.stages.items() if stage.state == "running"]
                _show(bar, stages[-1] if stages else view.state, view.progress)
        for notice in view.notices:
            print(notice, file=sys.stderr)
        if view.result is None:
            raise Problem("{why}", why=view.problem or view.state)
        return view.result
    finally:
        queue.close()


def _bar() -> tqdm:
    shape = "{desc} {percentage:3.0f} % |{bar}| {elapsed} + {remaining}"
    return tqdm(total=1.0, bar_format=shape, disable=not sys.stderr.isatty(), leave=False)


def _show(bar: tqdm, stage: str, share: float) -> None:
    bar.set_description_str(stage.replace("_", " "), refresh=False)
    bar.update(max(0.0, share - bar.n))


def _compared_by(result: Result) -> tuple[str, ...]:
    """The row of what the arms are compared by: errors, or another measure's means."""
    if result.measure == "errors":
        return "errors per 10,000", *(str(arm.errors_per_10000) for arm in result.arms)
    scores = [arm.score or NOTHING for arm in result.arms]
    halves = ["" if score.half_width is None else f" ± {score.half_width:.3f}" for score in scores]
    return result.measure, *(f"{score.mean:.3f}{half}" for score, half in zip(scores, halves, strict=True))


def table(result: Result) -> str:
    """The arms side by side and the verdict, as text."""
    rows: list[tuple[str, ...]] = [
        ("", *(arm.name for arm in result.arms)),
        _compared_by(result),
        ("labels it saw", *(f"{arm.labels:,}" for arm in result.arms)),
        ("parameters", *(f"{arm.cost.parameters:,}" for arm in result.arms)),
        ("multiply-adds", *(f"{arm.cost.multiply_adds:,}" for arm in result.arms)),
        ("bytes", *(f"{arm.cost.bytes:,}" for arm in result.arms)),
        ("latency, ms", *(f"{arm.cost.latency_ms:.2f}" for arm in result.arms)),
    ]
    if len(result.arms) > MANY_ARMS:  # a line each, or the lines would be longer than any screen
        rows = list(zip(*rows, strict=True))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if not i else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]  # fmt: skip
    tested = "Test images" if result.measure == "errors" else "Test tasks"
    spread = f"{tested}: {result.data.test:,} of {result.data.name}."
    if any((arm.score or arm.errors_per_10000).n > 1 for arm in result.arms):
        spread += " ± is a 95 % interval over the trials."
    return "\n".join([*lines, spread, "", str(result.verdict.text), *map(str, result.verdict.scope),
                      *(str(further.text) for further in result.comparisons)])  # fmt: skip


def say_anything() -> None:
    """A terminal that lacks a letter, as "α" in a help, gets a substitute for it instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
