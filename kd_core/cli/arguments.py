"""Checks of command-line arguments that several commands take."""

import argparse

from kd_core.messages import Problem


def require_workers(options: argparse.Namespace) -> None:
    """Raise Problem where --workers is below 1."""
    if options.workers is not None and options.workers < 1:
        raise Problem(
            "command line: workers = {given} is not allowed; it must be 1 or more.", given=options.workers
        )
