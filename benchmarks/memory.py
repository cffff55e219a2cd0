"""How much memory does the lab take while its default runs train, and do they end where there is 1 GB?

    python benchmarks/memory.py [--limit BYTES] [--techniques NAME …] [--write]

A server with a fresh database is started, a browser opens the page of each technique in turn and presses Run. Until
the verdict stands, the proportional set size (PSS) of the web process, of the process that hosts the cluster and of
each worker is read four times a second: memory that several share counts a part for each of them. "All images" is
distillation with 55,000 labelled images, of five epochs.

With --limit the server lives in a memory cgroup of so many bytes, with as many workers as it starts by itself.
Kills are those that the kernel counts. That needs root, a machine without swap, and a cgroup file system that can
be written.

Nothing else should be running.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from playwright.sync_api import Browser

from benchmarks.browser import launched
from benchmarks.report import Claim, claims_table, publish, table, warn_if_busy, where
from kd_core.techniques import NAMES
from tests.browser.conftest import Server

EVERY = 0.25  # seconds between two looks
ALL_IMAGES = "all images"
ADDRESSES = {name: f"/{name}" for name in NAMES} | {
    ALL_IMAGES: "/distillation?train_size=55000&epochs=5&seeds=2&batch_size=128"
}
MB = 1e6
WORKER_MB, REST_MB, MORE = 350.0, 400.0, 1.1  # to reach: a worker; web and cluster together; with all images
RUN_SECONDS = 1200
WARM_MS = 30_000  # the workers start 8 s after the first visit


class Watched(threading.Thread):
    """Looks at a server's processes until it is closed; the largest PSS of each part, in MB."""

    def __init__(self, server: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._server, self._done = server, threading.Event()
        self.peaks: dict[str, float] = defaultdict(float)
        self.workers = 0

    def look(self) -> None:
        """Take the parts' sizes once."""
        sizes: dict[str, list[float]] = defaultdict(list)
        for process in [self._server, *self._server.children(recursive=True)]:
            with suppress(psutil.Error):
                sizes[part_of(process, self._server)].append(process.memory_full_info().pss / MB)
        self.workers = max(self.workers, len(sizes["worker"]))
        for part, found in sizes.items():
            self.peaks[part] = max(self.peaks[part], max(found) if part == "worker" else sum(found))
        self.peaks["all"] = max(self.peaks["all"], sum(map(sum, sizes.values())))
        self.peaks["web and cluster"] = max(
            self.peaks["web and cluster"], sum(sizes["web"]) + sum(sizes["cluster"])
        )

    def run(self) -> None:
        """Look again and again."""
        while not self._done.wait(EVERY):
            self.look()

    def close(self) -> None:
        """Look no more."""
        self._done.set()
        self.join()


def part_of(process: psutil.Process, server: psutil.Process) -> str:
    """What a process of the lab is: "web", "cluster" (with what Dask starts to start workers), or "worker"."""
    command = " ".join(process.cmdline())
    if process.pid == server.pid:
        return "web"
    return "worker" if "spawn_main" in command else "cluster"


@contextmanager
def cgroup(limit: int) -> Iterator[Path]:
    """A new memory cgroup beside ours, of the first or the second kind."""
    lines = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    first = "memory" in lines
    parent = Path("/sys/fs/cgroup", "memory" if first else "", lines["memory" if first else ""].lstrip("/"))
    group = parent.parent / f"distillation-lab-{os.getpid()}"
    group.mkdir()
    (group / ("memory.limit_in_bytes" if first else "memory.max")).write_text(str(limit))
    try:
        yield group
    finally:
        for _ in range(100):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def kills(group: Path) -> int:
    """How many processes of the cgroup the kernel has killed for their memory."""
    counts = next(file for file in (group / "memory.oom_control", group / "memory.events") if file.exists())
    return next(int(line.split()[1]) for line in counts.read_text().splitlines() if line.startswith("oom_kill "))


def measured(browser: Browser, name: str, group: Path | None) -> tuple[Watched, float, str]:
    """One run by its page, on a server of its own: what it took, its seconds, and what the page said at the end."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(KD_DATABASE_URL=f"sqlite:///{folder}/lab.db", KD_WORKERS=os.environ.get("KD_WORKERS", ""))
        if group is not None:  # it has hardly begun; what it starts is born there
            (group / "cgroup.procs").write_text(str(server.process.pid))
        watched = Watched(psutil.Process(server.process.pid))
        try:
            server.wait()
            page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
            page.goto(server.address + ADDRESSES[name])
            button = page.locator(".st-key-run button:visible")
            button.wait_for(timeout=60_000)
            page.wait_for_timeout(WARM_MS)
            watched.look()
            watched.peaks["warm worker"] = watched.peaks["worker"]
            watched.start()
            begun = time.perf_counter()
            button.click()
            stop = page.locator(".st-key-stop button:visible")
            stop.wait_for(timeout=60_000)
            stop.wait_for(state="hidden", timeout=1000 * RUN_SECONDS)
            seconds = time.perf_counter() - begun
            watched.close()
            page.wait_for_timeout(2_000)
            said = page.locator(".st-key-question").inner_text()
            page.close()
        finally:
            server.stop()
    return watched, seconds, said


def section(browser: Browser, names: list[str], limit: int | None) -> str:
    """Peaks of each run, and the claims of them."""
    rows, largest = [], {}
    for name in names:
        with cgroup(limit) if limit else nullcontext() as group:
            watched, seconds, said = measured(browser, name, group)
            killed = kills(group) if group else 0
        ended = "recorded on" not in said
        largest[name] = watched.peaks
        rows.append([
            name, *(f"{watched.peaks[part]:.0f}" for part in ("warm worker", "worker", "web", "cluster", "all")),
            str(watched.workers), f"{seconds:.0f}", *([str(killed)] if limit else []),
            "yes" if ended else "**no**",
        ])  # fmt: skip
        print(rows[-1], file=sys.stderr, flush=True)
    head = ["run", "warm worker", "worker", "web", "cluster", "all together", "workers", "seconds",
            *(["kills"] if limit else []), "ended"]  # fmt: skip
    parts = [table(head, rows)]
    if not limit:
        defaults = [peaks for name, peaks in largest.items() if name != ALL_IMAGES]
        claims = [
            Claim("warm worker", [p["warm worker"] for p in defaults], WORKER_MB, at_least=False, unit="MB"),
            Claim("web and cluster", [p["web and cluster"] for p in defaults], REST_MB, at_least=False, unit="MB"),
        ]
        if {ALL_IMAGES, "distillation"} <= largest.keys():
            ratio = largest[ALL_IMAGES]["worker"] / largest["distillation"]["worker"]
            claims.append(Claim("a worker, all 55,000 images / default", [ratio], MORE, at_least=False))
        parts.insert(0, claims_table(claims))
    return "\n\n".join(parts)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, help="bytes of the cgroup that the server lives in; default: none")
    parser.add_argument("--techniques", nargs="+", choices=list(ADDRESSES), default=list(ADDRESSES))
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    arguments = parser.parse_args()
    warn_if_busy()
    with launched() as browser:
        found, version = section(browser, arguments.techniques, arguments.limit), browser.version
    limited = f" in a cgroup of {arguments.limit / MB:,.0f} MB" if arguments.limit else ""
    about = f"""## Memory of the default runs{limited}

Largest proportional set size in MB while a run goes on, by its page, on a server of its own; "warm worker": before
Run. A worker's is the largest of all workers'."""
    name = "memory in a cgroup" if arguments.limit else "memory"
    packages = ["streamlit", "torch", "distributed"]
    publish({name: "\n\n".join([about, found, where(packages, Chromium=version)])}, arguments.write)


if __name__ == "__main__":
    main()
