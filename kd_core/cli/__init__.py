"""The command line: `python -m kd_core`."""
