"""Run the command line: `python -m kd_core`."""

import sys

from kd_core.cli.main import main, say_anything

if __name__ == "__main__":
    say_anything()
    sys.exit(main())
