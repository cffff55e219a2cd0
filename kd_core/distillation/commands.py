"""`python -m kd_core hinton`: section 3 of Hinton, Vinyals, Dean 2015, the paper's figures beside ours."""

import argparse
import json
import os
import sys
import time
from typing import Any

from kd_core.cli.arguments import require_workers
from kd_core.cli.progress import bar, show
from kd_core.cli.runs import in_process
from kd_core.cli.sweeps import mapped
from kd_core.distillation import hinton
from kd_core.messages import Problem


def offer(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("parts", nargs="*", metavar="PART",
                         help=f"{', '.join(hinton.PARTS)} (default: all, in this order)")  # fmt: skip
    parser.add_argument("--quick", action="store_true",
                        help="the table with one teacher of fewer epochs: 15 minutes on two cores")  # fmt: skip
    parser.add_argument("--workers", type=int, help="processes of the map (default: KD_WORKERS, else one a core)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def carry_out(options: argparse.Namespace) -> int:
    """The parts of the paper's section that are asked for, each with its figures and the time that it took."""
    from kd_core.sweeps import table as map_table

    found: dict[str, Any] = {}
    for part in options.parts or hinton.PARTS:
        started = time.perf_counter()
        if part == hinton.WIDTHS:
            with bar() as shown:  # before its cells, which all wait for it
                for event in hinton.teacher():
                    show(shown, event.stage, event.progress)
            view = mapped(hinton.PLAN, options)
            best = hinton.best_temperatures(view)
            lines = [f"{student}: fewest validation errors at T = {least}; may be the best: {alike}"
                     for student, (least, alike) in best.items()]  # fmt: skip
            told, data = [map_table.table(view), "", *lines], {**map_table.as_json(view), "best": best}
        else:
            runs = hinton.settings_of(part, options.quick)
            rows = hinton.lines_of(part, [in_process(one, os.cpu_count() or 1) for one in runs])
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


def check(options: argparse.Namespace) -> None:
    """Raise Problem for what was asked wrongly."""
    require_workers(options)
    for part in options.parts:
        if part not in hinton.PARTS:
            raise Problem("There is no part {given}; there are {known}.", given=part[:60],
                          known=", ".join(hinton.PARTS))  # fmt: skip
