"""Thirty people at one small server, each with a run of their own: does every page still answer, and for how long?

    python benchmarks/classroom.py [--minutes M] [--people N] [--write]

One server with two workers. Each person is a real websocket session that speaks Streamlit's protocol as the browser
does: it opens /distillation, presses Run with settings of its own, polls as often as the page asks for, and presses
Run with other seeds as soon as the run is over. What is timed is from sending a poll to the message that its script
has finished. Streamlit has no public client: its protocol is read from its own modules, which only this script
needs. The sessions' own process shares the two cores, as no browser would.

Nothing else should be running.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from benchmarks.report import Claim, claims_table, publish, table, warn_if_busy, where
from tests.browser.conftest import Server

ANSWER_SECONDS = 0.25  # target of a poll at the 95th percentile
GROWTH = 1.1  # target of the memory at the end over that after a third of the time
SETTINGS = dict(student="mlp30", train_size=200, epochs=10, seeds=2)
SAMPLE_SECONDS = 5.0
WORKERS = 2


@dataclass
class Person:
    """One session: what it asks, and what it is answered."""

    number: int
    polls: list[float] = field(default_factory=list)  # seconds from asking to the script's end
    pages: list[float] = field(default_factory=list)  # the same of whole pages
    runs: int = 0  # that were finished
    longest_wait: float = 0.0  # for a run of its own, from pressing Run to its end
    errors: list[str] = field(default_factory=list)
    _asked: float = 0.0
    _button: str = ""
    _enabled: bool = False
    _started: float = 0.0
    _interval: float = 0.0
    _fragment: str = ""
    _at: float = 0.0  # when to ask next

    async def attend(self, address: str, until: float) -> None:
        """Take part until that moment."""
        await asyncio.sleep(self.number * 0.3)  # people do not sit down all at once
        async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
            await self._ask(socket)
            while (left := until - time.monotonic()) > 0:
                with suppress(TimeoutError):
                    message = await asyncio.wait_for(socket.recv(), min(left, self._rest()))
                    assert isinstance(message, bytes)
                    self._take(ForwardMsg.FromString(message))
                if self._asked == 0 and time.monotonic() >= self._at:
                    await self._next(socket)

    def _rest(self) -> float:
        return max(0.01, self._at - time.monotonic()) if self._asked == 0 else 5.0

    async def _next(self, socket: object) -> None:
        """Poll while a run is under way; press Run when none is."""
        if self._fragment:
            await self._ask(socket, fragment=self._fragment)
        elif self._button and self._enabled:
            if self._started:
                self.runs += 1
                self.longest_wait = max(self.longest_wait, time.monotonic() - self._started)
            self._started = time.monotonic()
            await self._ask(socket, press=self._button)
        else:
            await self._ask(socket)

    async def _ask(self, socket: object, fragment: str = "", press: str = "") -> None:
        asked = BackMsg()
        state = asked.rerun_script
        state.query_string = urlencode({**SETTINGS, "seed": self.number * 10_000 + self.runs * 10})
        state.page_name = "distillation"
        if fragment:
            state.fragment_id, state.is_auto_rerun = fragment, True
        if press:
            widget = state.widget_states.widgets.add()
            widget.id, widget.trigger_value = press, True
        self._asked = time.monotonic()
        await socket.send(asked.SerializeToString())  # type: ignore[attr-defined]

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta":
            element = message.delta.new_element
            if element.WhichOneof("type") == "button" and element.button.id.endswith("-run"):
                self._button, self._enabled = element.button.id, not element.button.disabled
            elif element.WhichOneof("type") == "exception":
                self.errors.append(element.exception.message[:200])
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self._fragment, self._enabled = "", False  # the whole page is drawn anew
        elif kind == "auto_rerun":
            self._interval, self._fragment = message.auto_rerun.interval, message.auto_rerun.fragment_id
        elif kind == "script_finished" and self._asked:
            if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return  # another run of the script follows at once
            whole = not message.metadata.run.fragment_ids
            spent = time.monotonic() - self._asked
            (self.pages if whole else self.polls).append(spent)
            self._at = self._asked + max(spent, self._interval if self._fragment else 1.0) + random.random() * 0.02
            self._asked = 0.0


async def watch_memory(server: psutil.Process, until: float) -> list[float]:
    """The web process's resident MB, every few seconds."""
    taken = []
    while time.monotonic() < until:
        taken.append(server.memory_info().rss / 1e6)
        await asyncio.sleep(SAMPLE_SECONDS)
    return taken


async def lesson(
    port: int, server: psutil.Process, people: int, minutes: float
) -> tuple[list[Person], list[float]]:
    """Everybody at once, and the memory meanwhile."""
    until = time.monotonic() + 60 * minutes
    class_ = [Person(number) for number in range(people)]
    memory = asyncio.create_task(watch_memory(server, until))
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    await asyncio.gather(*(person.attend(address, until) for person in class_))
    return class_, await memory


def section(class_: list[Person], memory: list[float], minutes: float) -> str:
    """What happened, against what was wanted."""
    polls = [spent for person in class_ for spent in person.polls]
    cuts = quantiles(polls, n=100)
    third = max(1, len(memory) // 3)
    early, late = median(memory[third : third + max(2, third // 2)]), median(memory[-max(2, third // 2) :])
    runs = [person.runs for person in class_]
    slowest = max(quantiles(person.polls, n=20)[-1] for person in class_ if len(person.polls) > 1)
    claims = [
        Claim("a poll is answered, 95th percentile", [cuts[94]], ANSWER_SECONDS, at_least=False, unit="s"),
        Claim("the same, of the person who waits longest", [slowest], None, at_least=False, unit="s"),
        Claim("memory of the web process: last minutes / after a third of the time", [late / early], GROWTH,
              at_least=False),
    ]  # fmt: skip
    chosen = ", ".join(f"{name} {value}" for name, value in SETTINGS.items())
    errors = sorted({error for person in class_ for error in person.errors})
    rows = [
        ["polls answered", f"{len(polls):,}"],
        ["a poll, median and 99th percentile", f"{cuts[49]:.3f} s and {cuts[98]:.3f} s"],
        ["a whole page, median", f"{median(spent for p in class_ for spent in p.pages):.2f} s"],
        ["runs finished, fewest and most of a person", f"{min(runs)} and {max(runs)} (of {sum(runs)} in all)"],
        ["longest wait for a run of one's own", f"{max(person.longest_wait for person in class_):.0f} s"],
        ["memory of the web process, start, after a third, end", f"{memory[0]:.0f}, {early:.0f}, {late:.0f} MB"],
        ["errors shown", "; ".join(errors) or "none"],
    ]
    return f"""## A classroom

{len(class_)} sessions at one server with {WORKERS} workers for {minutes:g} minutes, each always with a run of its
own under way or waiting ({chosen}). The sessions themselves share the cores.

{claims_table(claims)}

{table(["what", "measured"], rows)}

{where(["streamlit", "distributed", "websockets"])}"""


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="write into docs/results.md what is printed")
    arguments = parser.parse_args()
    warn_if_busy()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'lab.db'}"
        server = Server(KD_DATABASE_URL=url, KD_WORKERS=str(WORKERS)).wait()
        try:
            process = psutil.Process(server.process.pid)
            measured = asyncio.run(lesson(server.port, process, arguments.people, arguments.minutes))
        finally:
            server.stop()
    publish({"classroom": section(*measured, arguments.minutes)}, arguments.write)


if __name__ == "__main__":
    main()
