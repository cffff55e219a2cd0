"""The queue: takes Settings, returns a Handle at once, and has the work done by the workers' process.

    queue = Queue()
    handle = queue.submit(settings)
    handle.view()    # state, place, stages, curves so far
    handle.stop()

Imported by the web process: no torch here, and Dask is imported in the background, so that a page can
be shown meanwhile. One thread does everything that may take time, in order.
"""

import atexit
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

from kd_core.messages import N_, Message, Problem, message
from kd_core.runs.handle import Handle, View
from kd_core.runs.workers import CLOSE_SECONDS, Workers
from kd_core.settings import TECHNIQUES, Settings

__all__ = ["Data", "Handle", "Queue", "View"]

KEPT = 200  # handles that can still be found

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Data:
    """What the workers said of their data: its name, and what a person should know about it."""

    name: str
    notices: tuple[Message, ...]


class Queue:
    """Runs wait here for the workers; the first submitted goes first. Close it, or end the process.

    env: more environment variables for the workers; modules: the techniques that they make ready;
    rest: seconds before the workers start, unless a run is submitted earlier: a server's first page, which is
    drawn meanwhile, needs the same processor.
    """

    def __init__(
        self, env: Mapping[str, str] | None = None, modules: Sequence[str] | None = None, rest: float = 0.0
    ) -> None:
        self._env = dict(env or {})
        self._modules = modules or tuple(settings.module for settings in TECHNIQUES.values())
        self._changed = threading.Condition()  # the one lock, of the queue and its handles
        self._handles: OrderedDict[str, Handle] = OrderedDict()
        self._sent = 0
        self._workers: Workers | None = None
        self._data: Data | None = None
        self._warm = self._closed = False
        self._orders: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        later = threading.Timer(rest, self._orders.put, (self._ready,))
        later.daemon = True
        later.start()
        self._thread = threading.Thread(target=self._serve, name="queue", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def data(self) -> Data | None:
        """What is known about the data; None until a worker has loaded it."""
        return self._data

    @property
    def warm(self) -> bool:
        """Whether a worker is ready, so that a run starts at once."""
        return self._warm

    def submit(self, settings: Settings) -> Handle:
        """Put a run in the queue. Returns at once, also while the workers are still starting."""
        handle = Handle(settings, self._changed, self._ahead, self._free)
        with self._changed:
            self._handles[handle.id] = handle
            over = [key for key, kept in self._handles.items() if not kept.under_way]
            for key in over[: max(0, len(self._handles) - KEPT)]:
                del self._handles[key]
            if self._closed:
                handle.fail(message("The queue is closed; start the program again."))
        self._orders.put(partial(self._send, handle))
        return handle

    def find(self, run: str) -> Handle | None:
        """The run of this id, or None if it is not known (any more)."""
        with self._changed:
            return self._handles.get(run)

    def close(self) -> None:
        """Stop every run and end the workers. Safe to repeat."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            under_way = [handle for handle in self._handles.values() if handle.under_way]
            workers = self._workers
        atexit.unregister(self.close)
        for handle in under_way:
            handle.stop()
        self._orders.put(None)
        if workers is not None:
            workers.close()
        self._thread.join(CLOSE_SECONDS)

    def _ahead(self, handle: Handle) -> int:
        """How many runs were submitted before `handle` and are not over."""
        before = list(self._handles).index(handle.id)
        return sum(other.under_way for other in list(self._handles.values())[:before])

    # In the queue's own thread

    def _serve(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                order()
            except Exception as error:  # the thread must outlive any of them
                if not self._closed:
                    _log.error("%s: %s", type(error).__name__, error)

    def _ready(self) -> Workers:
        """The workers; started if there are none. Raises Problem if they can't be."""
        with self._changed:
            if self._closed:
                raise Problem(N_("The queue is closed; start the program again."))
            workers = self._workers
            if workers is not None:
                return workers
            workers = self._workers = Workers(self._env)
        try:
            workers.connect(self._modules, self._hear, lambda: self._lost(workers))
        except Exception as error:
            with self._changed:
                self._workers = None
            workers.close()
            raise Problem(
                N_("The workers' process could not be started ({why}); the server's log may say more."),
                why=str(error),
            ) from error
        return workers

    def _send(self, handle: Handle) -> None:
        try:
            workers = self._ready()
            if handle.under_way:
                self._sent += 1
                workers.send(handle, priority=-self._sent, done=partial(self._done, handle))
        except Problem as problem:
            handle.fail(problem.message)
        except Exception as error:  # Dask's, when the workers end at this very moment
            _log.error("%s: %s", type(error).__name__, error)
            handle.fail(_lost())

    def _free(self, handle: Handle) -> None:
        """Free the workers from a run that nobody waits for."""
        workers = self._workers
        if workers is not None and not self._closed:
            self._orders.put(partial(workers.drop, handle))

    # In threads of Dask's client

    def _hear(self, told: tuple[float, Mapping[str, Any]]) -> None:
        _, news = told
        if news["kind"] == "warm":
            if news["data"] is not None:
                notices = tuple(Message.model_validate(notice) for notice in news["data"]["notices"])
                self._data = Data(news["data"]["name"], notices)
            self._warm = True
        elif handle := self.find(news["run"]):
            handle.take(news)

    def _done(self, handle: Handle, future: Any) -> None:
        """The join of a run is over, one way or another."""
        if future.status == "finished":
            handle.finish(future.result())
        elif future.status == "error":
            handle.fail(_problem(future.exception()))
        else:
            handle.fail(_lost())
        self._free(handle)

    def _lost(self, workers: Workers) -> None:
        """The workers' process has ended by itself. The next run starts another."""
        with self._changed:
            if self._workers is workers:
                self._workers, self._warm = None, False
        for run in workers.runs():
            run.fail(_lost())


def _lost() -> Message:
    return message("The workers' process ended unexpectedly, and this run with it. Start it again.")


def _problem(error: BaseException) -> Message:
    """What a person is told of an exception that ended a run."""
    if isinstance(error, Problem):
        return error.message
    if type(error).__name__ == "KilledWorker":  # Dask's, named so as not to import it here
        return message(
            "Worker processes died again and again in this run; the machine may be short of memory. "
            "Choose a smaller run."
        )
    return message("The run broke off with {kind}: {what}", kind=type(error).__name__, what=str(error)[:200])
