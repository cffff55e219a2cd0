"""How soon does a page stand, beside the least that Streamlit takes, and how soon does it answer a hand?

    python benchmarks/app.py [--write]

Start: a new server process and a browser that has never been there, for each page and each repetition; the rivals
take turns. The clock starts with the process; the server is asked every 10 ms, then the browser goes to the page. A
page is whole: on `/distillation` the live picture's bars, the verdict, the table of arms and both charts of the
result, which answer the pointer; on `/` all pictures and its last line. The rivals are scripts of their own, served
with the lab's configuration: a heading and a Plotly chart of two points, a heading alone.

Answers, all timed in the browser by its own events and frames: dragging the temperature -> bars, the result's
caption, the measured errors and the lengths of the gradient; choosing another digit -> its chart; moving the
teacher weight by one key -> the loss in the live part and the result's caption. These are drawn in the browser.
Beside them, without target: releasing the temperature -> the address, which Python writes.

Nothing else should be running.
"""

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from playwright.sync_api import Browser, BrowserContext, Page

from benchmarks.browser import launched
from benchmarks.report import Claim, claims_table, publish, warn_if_busy, where
from tests.browser.conftest import Server, free_port, until_served

LAB = "streamlit_app.py"
ANSWER_SECONDS, MEASURED_SECONDS = 0.1, 0.05  # targets
MEASURED = "temperature dragged: measured errors"
SERVED = "temperature released: its value in the address, by Python"
PAUSE_MS = 1_500  # between two answers, so that the page is at rest
TOOLS = (Path(__file__).parent / "app.js").read_text(encoding="utf-8")
HEADING = 'import streamlit as st\nst.title("A heading")\n'
CHART = HEADING + "import plotly.graph_objects as go\nst.plotly_chart(go.Figure(go.Scatter(x=[1, 2], y=[1, 2])))\n"
PAGES = {  # address -> when the page is whole; its rival, when that is whole; the ratio to reach
    "/distillation": ("() => bench.distillationIsWhole()", "a Plotly chart", 1.5),
    "/": ("() => bench.overviewIsWhole()", "a heading", 1.2),
}
RIVALS = {
    "a Plotly chart": (CHART, "() => bench.isSeen('.scatterlayer .point')"),
    "a heading": (HEADING, "() => bench.isSeen('h1')"),
}


@contextmanager
def server(port: int, script: str = LAB) -> Iterator[tuple[Server, float]]:
    """A new server and when its process was started; afterwards nothing of it is left."""
    started = time.perf_counter()
    running = Server(port, script)
    try:
        yield running, started
    finally:
        family = psutil.Process(running.process.pid).children(recursive=True)
        running.stop()
        psutil.wait_procs(family, timeout=20)


def new_context(browser: Browser) -> BrowserContext:
    """A browser that has never been anywhere, with the tools of app.js in every page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.add_init_script(TOOLS)
    return context


def until_whole(browser: Browser, path: str, whole: str, script: str = LAB) -> tuple[float, float]:
    """Seconds from the start of a new server until it listens, and until `whole` is true of a page of it."""
    context, port = new_context(browser), free_port()
    with server(port, script) as (running, started):
        until_served(running.address, every=0.01)
        up = time.perf_counter() - started
        page = context.new_page()
        page.goto(running.address + path, wait_until="commit")
        page.wait_for_function(whole, polling="raf", timeout=60_000)
        standing = time.perf_counter() - started
        context.close()
    return up, standing


def rival_until_whole(browser: Browser, rival: str) -> float:
    """The same of a script of a few lines."""
    script, whole = RIVALS[rival]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(script)
        file.flush()
        return until_whole(browser, "/", whole, file.name)[1]


def start_claims(browser: Browser, n: int) -> list[Claim]:
    """Each page and its rival, n times in turns; a first time does not count."""
    up: list[float] = []
    ours: dict[str, list[float]] = {path: [] for path in PAGES}
    theirs: dict[str, list[float]] = {path: [] for path in PAGES}
    for repetition in range(n + 1):
        for path, (whole, rival, _) in PAGES.items():
            listening, standing = until_whole(browser, path, whole)
            least = rival_until_whole(browser, rival)
            said = f"{repetition} of {n} {path}: {standing:.2f} s, a page of {rival}: {least:.2f} s"
            print(said, file=sys.stderr, flush=True)
            if repetition:
                up.append(listening)
                ours[path].append(standing)
                theirs[path].append(least)
    ratios = [
        Claim(f"`{path}` whole / a page of Streamlit with {rival}",
              [a / b for a, b in zip(ours[path], theirs[path], strict=True)], target, at_least=False)
        for path, (_, rival, target) in PAGES.items()
    ]  # fmt: skip
    seconds = [
        Claim(f"start to `{path}`, whole", taken, None, at_least=False, unit="s") for path, taken in ours.items()
    ]
    seconds += [
        Claim(f"start to a page of Streamlit with {rival}", theirs[path], None, at_least=False, unit="s")
        for path, (_, rival, _) in PAGES.items()
    ]
    return [*ratios, *seconds, Claim("of which: start until the lab answers", up, None, at_least=False, unit="s")]


def timed(page: Page, what: str, act: Callable[[], object]) -> dict[str, float]:
    """Milliseconds that app.js measures as `what` while `act` is done."""
    page.evaluate(f"() => {{ bench.answer = bench.{what}(); }}")
    act()
    taken: dict[str, float] = page.evaluate("() => bench.answer")
    return taken


def drag(page: Page, to: float) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Drag the temperature's handle: milliseconds of each move until its answers are there, and of the release."""
    slider = page.locator(".st-key-soft_targets").get_by_role("slider", name="Temperature T", exact=True)
    slider.evaluate("slider => slider.scrollIntoView({block: 'center'})")  # the page stands at the last control
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2

    def at(temperature: float) -> float:
        share = math.log(temperature / 0.5) / math.log(50 / 0.5)
        return box["x"] + box["height"] / 2 + (box["width"] - box["height"]) * share  # half a handle at each end

    start, end = at(float(slider.input_value())), at(to)
    page.mouse.move(start, middle)
    page.mouse.down()
    moves = []
    for step in range(1, 6):
        x = start + (end - start) * step / 5
        moves.append(timed(page, "dragged", partial(page.mouse.move, x, middle)))
    return moves, timed(page, "released", page.mouse.up)


def answer_claims(browser: Browser, n: int) -> list[Claim]:
    """Answers on the distillation page of a server whose workers are warm."""
    times: dict[str, list[float]] = {}

    def add(name: str, *milliseconds: float) -> None:
        times.setdefault(name, []).extend(value / 1000 for value in milliseconds)

    port = free_port()
    with server(port) as (running, _):
        until_served(running.address, every=0.01)
        page = new_context(browser).new_page()
        page.goto(running.address + "/distillation")
        page.wait_for_function(PAGES["/distillation"][0], polling="raf")
        page.wait_for_timeout(10_000)  # the workers import torch, and what was drawn settles
        digits, alpha = page.locator(".answers .thumb"), page.locator(".st-key-alpha input")
        for repetition in range(n):
            back = repetition % 2  # to and fro, so that no control comes to its end
            moves, released = drag(page, (8, 12)[back])
            add("temperature dragged: bars", *(move["bars"] for move in moves))
            add("temperature dragged: caption of the result", *(move["caption"] for move in moves))
            add(MEASURED, *(move["measured"] for move in moves))
            add("temperature dragged: lengths of the gradient", *(move["chart"] for move in moves))
            add(SERVED, released["address"])
            page.wait_for_timeout(PAUSE_MS)
            taken = timed(page, "chosen", digits.nth((3, 7)[back]).click)
            add("digit chosen: chart of the answers", taken["chart"])
            page.wait_for_timeout(PAUSE_MS)
            alpha.focus()
            taken = timed(page, "weighed", partial(alpha.press, ("ArrowLeft", "ArrowRight")[back]))
            add("teacher weight moved: loss in the live part", taken["loss"])
            add("teacher weight moved: caption of the result", taken["caption"])
            page.wait_for_timeout(PAUSE_MS)
    targets = {SERVED: None, MEASURED: MEASURED_SECONDS}
    return [
        Claim(name, values, targets.get(name, ANSWER_SECONDS), at_least=False, unit="s")
        for name, values in times.items()
    ]


def app_section(browser: Browser, starts: int, answers: int) -> str:
    """Both tables, with what was measured and on what."""
    tables = [claims_table(start_claims(browser, starts))] if starts else []
    tables += [claims_table(answer_claims(browser, answers))] if answers else []
    return "\n\n".join(
        [
            """## The app in a browser

From the start of the server's process, in a Chromium that already runs and has not been there before; no training,
no download. A page is whole with its verdict, its table and both charts, which answer the pointer. Beside it the
least that Streamlit takes, measured in turns. Then, on a page with a recorded result, from the event of the hand to
the end of the first frame that shows the answer.""",
            *tables,
            where(["streamlit", "plotly", "playwright"], Chromium=browser.version),
        ]
    )


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "-n", type=int, default=5, help="starts of each page and rival that count; 0 for none (default 5)"
    )
    parser.add_argument(
        "--answers", type=int, default=20, help="repetitions of each control; 0 for none (default 20)"
    )
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    arguments = parser.parse_args()
    warn_if_busy()
    with launched() as browser:
        section = app_section(browser, arguments.n, arguments.answers)
    publish({"app": section}, arguments.write)


if __name__ == "__main__":
    main()
