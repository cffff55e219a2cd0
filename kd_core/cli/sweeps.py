"""A map from the command line."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from kd_core.cli.progress import bar, show
from kd_core.runs.queue import Limits, Queue
from kd_core.sweeps.plan import Plan

if TYPE_CHECKING:
    from kd_core.sweeps.study import MapView


def sweep(plan: Plan, options: argparse.Namespace) -> int:
    """Carry a map out, with what the store knows of it, and print it."""
    from kd_core.sweeps import table as map_table

    view = mapped(plan, options)
    print(json.dumps(map_table.as_json(view)) if options.json else map_table.table(view))
    return 0 if view.state == "finished" and not view.problem else 1


def mapped(plan: Plan, options: argparse.Namespace) -> "MapView":
    """The map, carried out."""
    from kd_core.runs.store import Store
    from kd_core.sweeps.sweep import Sweeps

    store = Store()
    env = {"KD_WORKERS": str(options.workers)} if options.workers else {}
    queue = Queue(env, store=store, limits=Limits(images=None))
    sweeps = Sweeps(queue)
    try:
        under_way = sweeps.start(plan)
        with bar() as shown:
            while (view := under_way.wait(0.3)).state == "running":
                all_cells = plan.trials or len(view.cells)
                show(shown, f"{view.done} of {all_cells} cells", view.done / all_cells)
        for said in filter(None, (sweeps.problem, store.problem)):
            print(said, file=sys.stderr)
        return view
    finally:
        sweeps.close()
        queue.close()
        store.close()
