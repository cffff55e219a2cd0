"""Hinton, Vinyals, Dean 2015, section 3: the paper's figures and ours, and how long ours took.

    python benchmarks/hinton.py [PART ...] [--write] [--figures FILE]

What `python -m kd_core hinton` carries out, in a new database. Teachers are trained anew where a part first needs
them and kept for the others, as for a person who asks for all.

Nothing else should be running. --figures takes what `python -m kd_core hinton --json` has printed, which spares an
hour; as something else may have run beside it, its time is left out.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import Claim, claims_table, publish, table, warn_if_busy, where
from kd_core.distillation import hinton
from kd_core.paths import mnist_folder

ROOT = Path(__file__).parent.parent
MINUTES = {hinton.TABLE: 60, hinton.WIDTHS: 10, hinton.NO_THREE: 10, hinton.ONLY_7_8: 10}


def carried_out(parts: list[str]) -> dict[str, Any]:
    """What the command prints for `parts`: figures and seconds of each; only MNIST is there before."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        here = mnist_folder(data)
        here.parent.mkdir(parents=True)
        here.symlink_to(mnist_folder())
        env = {**os.environ, "KD_DATABASE_URL": f"sqlite:///{Path(folder) / 'lab.db'}", "KD_DATA_DIR": str(data)}
        done = subprocess.run(
            [sys.executable, "-m", "kd_core", "hinton", *parts, "--json"], cwd=ROOT, env=env,
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def section(part: str, found: dict[str, Any], timed: bool) -> str:
    """A part's figures as Markdown: the paper's beside ours, and how long they took if they were timed."""
    if part == hinton.WIDTHS:
        body = widths(found["figures"])
    else:
        lines = [hinton.Line(what, one["published"], tuple(one["ours"]), one["unit"])
                 for what, one in found["figures"].items()]  # fmt: skip
        body = table(["what", "paper", "here: mean ± standard deviation (each seed)"],
                     [[line.what, line.published, line.told] for line in lines])  # fmt: skip
    taken = Claim("all of it", [found["seconds"] / 60], MINUTES[part], at_least=False, unit="min")
    time = claims_table([taken]) if timed else "Its time was not measured: other work ran beside it."
    return f"""### {hinton.PARTS[part]}

{body}

{time}"""


def widths(figures: dict[str, Any]) -> str:
    """The map as a table: validation errors per 10,000 by width and temperature."""
    of = {(cell["at"]["student"], cell["at"]["temperature"]): cell for cell in figures["cells"]}
    students, temperatures = (list(dict.fromkeys(at)) for at in zip(*of, strict=True))
    rows = [
        [name, *(f"{of[name, t]['mean']:.0f}" for t in temperatures), *figures["best"][name]] for name in students
    ]
    head = ["student \\ T", *(f"{t:g}" for t in temperatures), "least at T", "may be the best (95 %)"]
    return f"""Validation errors per 10,000, mean of three seeds. The paper: with 300 units or more, all T
above 8 gave fairly similar results; with 30 units, 2.5 to 4 worked significantly better than higher or lower ones.

{table(head, rows)}"""


def main() -> None:
    """Carry out, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(hinton.PARTS)} (default: all)")
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    parser.add_argument("--figures", type=Path, help="what `python -m kd_core hinton --json` has printed")
    arguments = parser.parse_args()
    if arguments.figures:
        found = json.loads(arguments.figures.read_text(encoding="utf-8"))
    else:
        warn_if_busy()
        found = carried_out(arguments.parts)
    table_run = hinton.settings_of(hinton.TABLE)[0]
    side = 2 * table_run.test_time_augmentation + 1
    about = f"""## Hinton 2015, section 3

MNIST, 55,000 training images; T = 20 but in the map. Biases are matched to class priors on validation images
without their labels, or tuned on the test set where a line says so. The paper gives neither batch size nor epochs;
ours are those of the presets, but in the table: there each trial has a teacher of its own, of
{table_run.teacher_epochs} epochs, and the student learns the mean of its logits over {side**2} copies of an image,
moved by up to {table_run.test_time_augmentation} pixel along each axis (it sees the image as it is). What else was
tried: [hinton.md](hinton.md)."""
    sections = {f"hinton_{part}": section(part, one, not arguments.figures) for part, one in found.items()}
    sections = {"hinton": about, **sections}
    last = list(sections)[-1]
    sections[last] += "\n\n" + where(["torch", "distributed", "optuna"])
    publish(sections, arguments.write)


if __name__ == "__main__":
    main()
