"""How soon does the app answer? From the server's start to the full first paint, and from a hand to a new picture.

    python benchmarks/app.py [--write]

Start: a new server process for each repetition, a Chromium that already runs. The clock starts with the process;
the port is asked every 10 ms, then the browser goes to the page. Three moments: the window is full, by what is sent
ahead (the pages in the sidebar, the title and, on `/distillation`, the live part with its twenty bars, on `/` all
pictures), in the page's font, at the end of that frame; Streamlit's page stands whole (on `/distillation` also the
verdict, the table of arms and the first chart; on `/` its last line); its figures answer the pointer, which are
still pictures at first. Once for a browser that has never been there, once for one that has. Beside them the least
that Streamlit takes: a script of one heading, and one of a heading and a Plotly chart of two points. In starts of
their own, how soon what is sent ahead answers a drag while Streamlit's scripts are loaded.

Answers, all timed in the browser by its own events and frames: dragging the temperature -> bars, the result's
caption and the lengths of the gradient; choosing another digit -> its chart; moving the teacher weight by one key
-> the loss in the live part and the result's caption. These are drawn in the browser. Beside them, without target:
releasing the temperature -> the address, which Python writes.

Nothing else should be running.
"""

import argparse
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.report import Claim, claims_table, publish, warn_if_busy, where
from tests.browser.conftest import ARGUMENTS, Server, free_port

LAB = "streamlit_app.py"
PAINT_SECONDS, ANSWER_SECONDS = 2.5, 0.2  # targets
SERVED = "temperature released: its value in the address, by Python"
WINDOW = "() => bench.windowIsFull()"
PAUSE_MS = 1_500  # between two answers, so that the page is at rest
TOOLS = (Path(__file__).parent / "app.js").read_text(encoding="utf-8")
PAGES = {"/distillation": "() => bench.distillationIsFull()", "/": "() => bench.overviewIsFull()"}
ANSWERING = {"/distillation": "() => bench.figuresAnswer()"}
HEADING = 'import streamlit as st\nst.title("A heading")\n'
CHART = HEADING + "import plotly.graph_objects as go\nst.plotly_chart(go.Figure(go.Scatter(x=[1, 2], y=[1, 2])))\n"
LEAST = {  # what it is -> the script, and when its page is full
    "a page of Streamlit with a heading": (HEADING, "() => bench.isSeen('h1')"),
    "the same with a Plotly chart": (CHART, "() => bench.isSeen('.scatterlayer .point')"),
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


def wait_for_port(port: int, seconds: float = 60) -> None:
    """Return once something listens on the port, asking every 10 ms."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise SystemExit("The server did not start within a minute.")


def new_context(browser: Browser) -> BrowserContext:
    """A browser that has never been anywhere, with the tools of app.js in every page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.add_init_script(TOOLS)
    return context


def first_paint(
    context: BrowserContext, port: int, path: str, full: str, script: str = LAB
) -> tuple[float, float, float, float]:
    """Seconds from the server's start until it listens, until the window is full, until `full` is true of the page,
    and until its figures answer. Of another script than the lab's nothing is sent ahead.
    """
    with server(port, script) as (running, started):
        wait_for_port(port)
        up = time.perf_counter() - started
        page = context.new_page()
        page.goto(running.address + path, wait_until="commit")
        page.wait_for_function(full, polling="raf", timeout=60_000)
        painted = time.perf_counter() - started
        clock = time.time() - time.perf_counter()
        window = page.evaluate("bench.windowFull") - clock - started if script == LAB else painted
        page.wait_for_function(ANSWERING.get(path, full), timeout=60_000)
        answering = time.perf_counter() - started
        page.close()
    return up, window, painted, answering


def drag_ahead(context: BrowserContext, port: int) -> list[float]:
    """Seconds until the bars of what is sent ahead have followed each move of a drag that begins at once."""
    with server(port) as (running, _):
        wait_for_port(port)
        page = context.new_page()
        page.goto(running.address + "/distillation", wait_until="commit")
        page.wait_for_function(WINDOW, polling="raf", timeout=60_000)
        box = page.evaluate("bench.sliderAhead().getBoundingClientRect().toJSON()")
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + 0.1 * box["width"], middle)
        page.mouse.down()
        moves = [
            timed(page, "draggedAhead", partial(page.mouse.move, box["x"] + step / 20 * box["width"], middle))
            for step in range(3, 13)
        ]
        page.mouse.up()
        page.wait_for_function(PAGES["/distillation"], timeout=60_000)  # a server that still starts is slow to end
        page.close()
    return [move["bars"] / 1000 for move in moves]


def start_claims(browser: Browser, n: int) -> list[Claim]:
    """First paints of both pages, a new browser and a returning one taking turns; the first do not count.

    Then, of new browsers, the least that Streamlit takes.
    """
    port = free_port()  # a browser's cache belongs to an address, so the returning one needs the same again
    returning = new_context(browser)
    times: dict[tuple[str, str], list[tuple[float, float, float, float]]] = {}
    ahead: list[float] = []
    least: dict[str, list[float]] = {}
    for repetition in range(n + 1):
        for path in PAGES:
            fresh = new_context(browser)
            for kind, context in (("new", fresh), ("returning", returning)):
                taken = first_paint(context, port, path, PAGES[path])
                if repetition:
                    times.setdefault((path, kind), []).append(taken)
                print(
                    f"{repetition} of {n} {path} {kind}: {taken[0]:.2f} {taken[1]:.2f} {taken[2]:.2f} s",
                    file=sys.stderr,
                    flush=True,
                )
            fresh.close()
        fresh = new_context(browser)
        taken_ahead = drag_ahead(fresh, port)
        fresh.close()
        ahead += taken_ahead if repetition else []
        for what, (script, full) in LEAST.items():
            with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
                file.write(script)
                file.flush()
                fresh = new_context(browser)
                taken = first_paint(fresh, port, "/", full, file.name)
                fresh.close()
            if repetition:
                least.setdefault(what, []).append(taken[2])
            print(f"{repetition} of {n} {what}: {taken[2]:.2f} s", file=sys.stderr, flush=True)
    moments = (
        ("start to first paint of the full window", 1, PAINT_SECONDS),
        ("start to Streamlit's page, whole", 2, PAINT_SECONDS),
        ("start to its figures' answer", 3, None),
    )
    claims = [
        Claim(f"{what}, `{path}`, {kind} browser", [each[at] for each in taken], target, at_least=False, unit="s")
        for what, at, target in moments
        for (path, kind), taken in times.items()
        if at < 3 or path in ANSWERING
    ]
    claims += [
        Claim("T dragged while Streamlit's scripts load: bars", ahead, ANSWER_SECONDS, at_least=False, unit="s")
    ]
    up = [up for taken in times.values() for up, *_ in taken]
    claims += [
        Claim(f"{what}, new browser", taken, None, at_least=False, unit="s") for what, taken in least.items()
    ]
    return [*claims, Claim("of which: start until the server listens", up, None, at_least=False, unit="s")]


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
        return box["x"] + 8 + (box["width"] - 16) * (temperature - 0.5) / 49.5  # half a handle at each end

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
        wait_for_port(port)
        page = new_context(browser).new_page()
        page.goto(running.address + "/distillation")
        page.wait_for_function(PAGES["/distillation"], polling="raf")
        page.wait_for_timeout(10_000)  # the workers import torch, and what was drawn settles
        digits, alpha = page.locator(".answers .thumb"), page.locator(".st-key-alpha input")
        for repetition in range(n):
            back = repetition % 2  # to and fro, so that no control comes to its end
            moves, released = drag(page, (8, 12)[back])
            add("temperature dragged: bars", *(move["bars"] for move in moves))
            add("temperature dragged: caption of the result", *(move["caption"] for move in moves))
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
    return [
        Claim(name, values, None if name == SERVED else ANSWER_SECONDS, at_least=False, unit="s")
        for name, values in times.items()
    ]


def app_section(browser: Browser, starts: int, answers: int) -> str:
    """Both tables, with what was measured and on what."""
    tables = [claims_table(start_claims(browser, starts))] if starts else []
    tables += [claims_table(answer_claims(browser, answers))] if answers else []
    return "\n\n".join(
        [
            """## The app in a browser

From the start of the server's process, in a Chromium that already runs and has or has not been there before; no
training, no download. A page's beginning is sent ahead with its HTML and answers the hand: all that a window of
1440 x 900 shows. Streamlit's own page takes its place when its scripts have been loaded; it is whole with what lies
further down, the verdict, the table and the first chart. Then, on a page with a recorded result, from the event of
the hand to the end of the first frame that shows the answer.""",
            *tables,
            where(["streamlit", "plotly", "playwright"], Chromium=browser.version),
        ]
    )


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "-n", type=int, default=5, help="server starts that count, of each kind; 0 for none (default 5)"
    )
    parser.add_argument(
        "--answers", type=int, default=20, help="repetitions of each control; 0 for none (default 20)"
    )
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    arguments = parser.parse_args()
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        raise SystemExit("No Chromium was found; install it to measure the app.")
    warn_if_busy()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        section = app_section(browser, arguments.n, arguments.answers)
        browser.close()
    publish({"app": section}, arguments.write)


if __name__ == "__main__":
    main()
