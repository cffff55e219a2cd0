"""What the benchmarks say and where: ratios against their targets, the machine, the sections of docs/results.md.

Each script owns its sections, between `<!-- name:begin -->` and `<!-- name:end -->`, so that one can be run again
without the others. A section carries its own date, machine and versions.
"""

import argparse
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

BUSY = 0.5  # load average of the last minute above which a machine is not quiet
RESULTS = Path(__file__).parent.parent / "docs" / "results.md"
HEADER = """# Measured figures

Written by the scripts in `benchmarks/`; edit those, not this page. `make bench` measures all of it again, and
`make bench KERAS=PYTHON` the Keras rival too, where PYTHON is an interpreter that has `requirements-keras.txt`.
Each script also runs alone (`python benchmarks/distillation.py --help`); it prints, and writes here only with
`--write`.

Ratios travel from machine to machine, seconds do not: so what is compared was measured in one run, the rivals
taking turns. A ratio is the median over the repetitions, in each of which it was taken anew; lowest and highest
stand beside it. Whether a target was reached is computed from the median, and what was not is shown like the rest.
"""


@dataclass(frozen=True)
class Claim:
    """One figure, a value for each repetition, and the target that its median should reach.

    at_least: whether more is better. unit: "x" for a ratio, "s" for seconds.
    """

    what: str
    values: Sequence[float]
    target: float | None
    at_least: bool = True
    unit: str = "x"

    @property
    def reached(self) -> bool | None:
        """Whether the median is as good as the target; None if there is none."""
        if self.target is None:
            return None
        middle = median(self.values)
        return middle >= self.target if self.at_least else middle <= self.target

    @property
    def verdict(self) -> str:
        """In words: "reached", "not reached", or "" where there is no target."""
        return {True: "reached", False: "**not reached**", None: ""}[self.reached]

    @property
    def row(self) -> list[str]:
        """The cells of its row in `table_of`."""
        wish = "" if self.target is None else f"{'≥' if self.at_least else '≤'} {self.target:g} {self.unit}"
        low, high = (_number(value) for value in (min(self.values), max(self.values)))
        middle = f"{_number(median(self.values))} {self.unit}"
        return [self.what, middle, f"{low} to {high}", str(len(self.values)), wish, self.verdict]


def _number(value: float) -> str:
    """Two decimals, and more where a value is small: 5.38, 0.041, 0.0032."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def claims_table(claims: Sequence[Claim]) -> str:
    """The claims as a Markdown table, median beside lowest and highest."""
    return table(["what", "median", "lowest to highest", "n", "target", ""], [claim.row for claim in claims])


def where(packages: Sequence[str], **more: object) -> str:
    """When, on what and with what a section was measured; `more` is added to it as "name value"."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    versions += [f"{name} {value}" for name, value in more.items()]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{now}. {_processor()}, {cores()} cores, {_memory()}; {_system()}; {', '.join(versions)}."


def warn_if_busy() -> None:
    """Say so where something else is running: then the figures are not worth keeping."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY:
        print(
            f"The load is {load:.1f} already: something else is running, and the figures suffer.", file=sys.stderr
        )


def asked(about: str, n: int) -> argparse.Namespace:
    """What a script was asked for: `n` repetitions, by default so many, and whether to `write`.

    about: the script's docstring. Says so where the machine is busy.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("-n", type=int, default=n, help=f"repetitions (default {n})")
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    options = parser.parse_args()
    warn_if_busy()
    return options


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    model = facts.get("model name", platform.machine())
    if "cpu family" not in facts:
        return model
    native = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in facts["flags"].split()]
    return f"{model} (family {facts['cpu family']}, model {facts['model']}; {', '.join(native)})"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory"
    except (AttributeError, ValueError, OSError):
        return "memory unknown"


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        name = platform.platform(terse=True)
    return f"{name}, {platform.system()} {platform.release().split('-')[0]}"


def replace_section(page: str, name: str, body: str) -> str:
    """`page` with what stands between the markers of `name` replaced by `body`; a new section goes to the end.

    Raises ValueError where one marker is there without the other, or not once.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    counts = page.count(begin), page.count(end)
    if counts == (0, 0):
        return f"{page.rstrip()}\n\n{section}\n"
    if counts != (1, 1) or page.index(begin) > page.index(end):
        raise ValueError(f"the markers of {name!r} must stand once each, in order; found {counts}")
    before, rest = page.split(begin)
    return before + section + rest.split(end)[1]


def publish(sections: Mapping[str, str], write: bool) -> None:
    """Print the sections; with `write`, put them into docs/results.md, its words at the top renewed too."""
    print("\n\n".join(sections.values()))
    if not write:
        return
    old = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    page = HEADER + ("\n" + old[old.index("<!--") :] if "<!--" in old else "")
    for name, body in sections.items():
        page = replace_section(page, name, body)
    RESULTS.write_text(page, encoding="utf-8")
    print(f"\nWritten to {RESULTS.relative_to(RESULTS.parents[1])}: {', '.join(sections)}.")
