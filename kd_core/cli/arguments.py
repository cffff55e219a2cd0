"""What several commands require of their arguments."""

import argparse

from kd_core.messages import Problem


def require_workers(options: argparse.Namespace) -> None:
    if options.workers is not None and options.workers < 1:
        raise Problem(
            "command line: workers = {given} is not allowed; it must be 1 or more.", given=options.workers
        )
