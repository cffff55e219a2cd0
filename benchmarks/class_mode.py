"""A class of a hundred phones and a projector at one small server: how soon is a guess counted on the screen?

    python benchmarks/class_mode.py [--phones N]

One server, four browser windows (the projector, and three phones), and N more phones over HTTP that load their
page, poll and guess as the page's script does. Each guesses once, at a moment of its own within twenty seconds.
What is timed is from sending a guess to the projector's count that includes it, and from pressing the key that
shows the answer to each phone's hearing of it. All of it shares the machine's cores, as no class would.

Nothing else should be running.
"""

import argparse
import http.client
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil

from app.rooms.phone import SECONDS
from benchmarks.report import Claim, claims_table, table, warn_if_busy, where
from tests.browser.conftest import PATIENCE, Server, sync_chromium, until

TARGET_SECONDS = 1.0  # from a guess to the tally
GUESSING_SECONDS = 20.0
BROWSERS = 3  # phones in a real browser
QUESTION = "distillation 1"
WATCHED = """(count) => {
    window.counted = [];
    const look = () => {
        const n = parseInt(count.textContent) || 0;
        if (n > (window.counted.at(-1)?.[0] ?? 0)) window.counted.push([n, Date.now() / 1000]);
    };
    new MutationObserver(look).observe(count, { childList: true, characterData: true, subtree: true });
}"""


@dataclass
class Seen:
    """What was measured, in seconds. until_tally: of each guess; until_told: of each phone over HTTP."""

    guesses: int = 0
    until_tally: list[float] = field(default_factory=list)
    until_told: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    cores: float = 0.0  # that the web process kept busy while they guessed
    errors: list[str] = field(default_factory=list)


class Phone(threading.Thread):
    """A phone over HTTP: it loads the page, polls, guesses once, and goes on until it is told the answer."""

    def __init__(self, address: str, code: str, seen: Seen, guesses_at: float) -> None:
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        self.code, self.seen, self.guesses_at = code, seen, guesses_at
        self.cookie = self.tag = ""
        self.guessed = self.told = 0.0

    def run(self) -> None:
        try:
            self.attend()
        except Exception as error:
            self.seen.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self.connection.close()

    def attend(self) -> None:
        time.sleep(random.random())
        answer, took = self.ask("GET", f"/c/{self.code}", accept="text/html")
        self.seen.pages.append(took)
        self.cookie = (answer.headers["set-cookie"] or "").partition(";")[0]
        while not self.told:
            begun = time.time()
            self.poll()
            if not self.guessed and begun >= self.guesses_at:
                self.guessed = time.time()
                body = json.dumps({"question": QUESTION, "choice": random.choice(("same", "different"))})
                self.ask("POST", f"/c/{self.code}/guess", body, **{"content-type": "application/json"})
            pause = SECONDS * random.uniform(0.85, 1.15)
            if not self.guessed:  # a guess comes when it comes, not with a poll
                pause = min(pause, max(0.0, self.guesses_at - time.time()))
            time.sleep(pause)

    def poll(self) -> None:
        answer, took = self.ask("GET", f"/c/{self.code}/state", **{"if-none-match": self.tag})
        self.seen.polls.append(took)
        self.tag = answer.headers["etag"] or ""
        if self.state.get("truth"):
            self.told = time.time()

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, float]:
        begun = time.perf_counter()
        self.connection.request(method, path, body, headers | ({"cookie": self.cookie} if self.cookie else {}))
        answer = self.connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - begun
        if answer.status not in (200, 204, 304):
            self.seen.errors.append(f"{answer.status} {text.decode()[:80]}")
        self.state = json.loads(text) if answer.status == 200 and path.endswith("/state") else {}
        return answer, took


def attended(phones: int, browser: Any) -> Seen:
    """One question, from opening the room to the answer on every phone. browser: Playwright's Chromium."""
    seen = Seen()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(KD_DATABASE_URL=f"sqlite:///{Path(folder) / 'lab.db'}").wait()
        try:
            _lesson(server, browser, phones, seen)
        finally:
            server.stop()
    return seen


def _lesson(server: Server, browser: Any, phones: int, seen: Seen) -> None:
    def opened(path: str, width: int, height: int) -> Any:
        page = browser.new_context(viewport={"width": width, "height": height}, locale="en-US").new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(server.address + path)
        return page

    projector = opened("/distillation?present=1", 1920, 1080)
    projector.locator("[data-listens]").wait_for(state="attached")
    projector.get_by_role("button", name="Class", exact=True).click()
    address = projector.locator(".tally .address", has_text="/c/")
    code = address.inner_text()[-4:]
    counted = projector.locator(".tally .count")
    counted.wait_for()
    counted.evaluate(WATCHED)
    windows = [opened(f"/c/{code}", 390, 844) for _ in range(BROWSERS)]
    for window in windows:
        window.locator("button").first.wait_for()
    process = psutil.Process(server.process.pid)
    begins = time.time() + 3
    moments = [begins + random.random() * GUESSING_SECONDS for _ in range(phones)]
    class_ = [Phone(server.address, code, seen, moment) for moment in moments]
    busy, since = sum(process.cpu_times()[:2]), time.time()
    for phone in class_:
        phone.start()
    sent = []
    for window in windows:
        projector.wait_for_timeout(1000 * GUESSING_SECONDS / (BROWSERS + 1))
        sent.append(time.time())
        window.locator("button").last.click()
    everybody = phones + BROWSERS
    until(projector, lambda: counted.inner_text() == f"{everybody} guesses", "every guess")
    seen.cores = (sum(process.cpu_times()[:2]) - busy) / (time.time() - since)
    told = time.time()
    projector.keyboard.press("v")
    for window in windows:
        window.locator("button.right").wait_for()
    for phone in class_:
        phone.join(30)
    seen.guesses = everybody
    sent = sorted([*sent, *(phone.guessed for phone in class_)])
    shown = counted.evaluate("() => window.counted")
    for place, moment in enumerate(sent, start=1):
        seen.until_tally.append(next(at for n, at in shown if n >= place) - moment)
    seen.until_told = [phone.told - told for phone in class_]


def report(seen: Seen, phones: int) -> str:
    """What was measured, against what was wanted."""
    claims = [Claim("a guess is counted on the projector, the slowest", [max(seen.until_tally)], TARGET_SECONDS,
                    at_least=False, unit="s")]  # fmt: skip
    told, polls = seen.until_told, seen.polls
    rows = [
        ["guesses", f"{seen.guesses}"],
        ["a guess is counted, median", f"{median(seen.until_tally):.2f} s"],
        ["the answer on a phone, median and slowest", f"{median(told):.2f} and {max(told):.2f} s"],
        ["a phone's page, median and slowest", f"{median(seen.pages):.3f} and {max(seen.pages):.3f} s"],
        ["a poll, median and 99th percentile", f"{median(polls):.4f} and {quantiles(polls, n=100)[98]:.4f} s"],
        ["polls", f"{len(polls):,}"],
        ["cores that the web process kept busy while they guessed", f"{seen.cores:.2f}"],
        ["errors", "; ".join(sorted(set(seen.errors))) or "none"],
    ]  # fmt: skip
    return f"""## A class that guesses

{phones} phones over HTTP, {BROWSERS} in a browser and a projector, on the same machine.

{claims_table(claims)}

{table(["what", "measured"], rows)}

{where(["streamlit", "starlette", "uvicorn"])}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=100)
    arguments = parser.parse_args()
    warn_if_busy()
    with sync_chromium() as browser:
        print(report(attended(arguments.phones, browser), arguments.phones))


if __name__ == "__main__":
    main()
